//! How often pods are evicted.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::Instant;

const MINUTE: Duration = Duration::from_mins(1);
const LONGEST_PAUSE: Duration = Duration::from_hours(24);
/// Owners that are remembered. More than that are only possible over days, and those that were
/// not evicted for longest have had their pause.
const OWNERS: usize = 10_000;

/// Who was evicted, and when whose pods may be again.
#[derive(Debug, Default)]
pub(super) struct Pace {
    owners: HashMap<String, Record>,
    recent: VecDeque<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    not_before: Instant,
    /// Evictions in a row of which no injected pod came.
    failures: u32,
    /// When a pod was evicted last.
    last: Option<Evicted>,
}

#[derive(Clone, Copy, Debug)]
struct Evicted {
    at: Instant,
    time: Timestamp,
    pause: Duration,
}

impl Pace {
    /// Whether a pod of this owner may be evicted now.
    pub(super) fn allows(&mut self, owner: &str, per_minute: u32, now: Instant) -> bool {
        while self.recent.front().is_some_and(|at| now.duration_since(*at) >= MINUTE) {
            self.recent.pop_front();
        }
        let is_due = self.owners.get(owner).is_none_or(|record| now >= record.not_before);
        is_due && self.recent.len() < usize::try_from(per_minute).unwrap_or(usize::MAX)
    }

    /// Notes an eviction. The next one of the same owner waits, and twice as long each time.
    pub(super) fn evicted(&mut self, owner: &str, pause: Duration, now: Instant, time: Timestamp) {
        self.recent.push_back(now);
        let failures = self.owners.get(owner).map_or(0, |record| record.failures);
        let wait = pause.saturating_mul(2_u32.saturating_pow(failures.min(20))).min(LONGEST_PAUSE);
        let last = Some(Evicted { at: now, time, pause });
        self.remember(owner, Record { not_before: now + wait, failures: failures + 1, last });
    }

    /// Notes an attempt that evicted nobody: a disruption budget, or no proof.
    pub(super) fn put_off(&mut self, owner: &str, pause: Duration, now: Instant) {
        let before = self.owners.get(owner).copied();
        let record = before.unwrap_or(Record { not_before: now, failures: 0, last: None });
        self.remember(owner, Record { not_before: now + pause / 2, ..record });
    }

    /// Notes an injected pod of an owner. One that was made after the last eviction shows that
    /// evicting helps.
    pub(super) fn succeeded(&mut self, owner: &str, created: Timestamp) {
        let Some(record) = self.owners.get_mut(owner) else { return };
        let Some(last) = record.last else { return };
        // Creation times are whole seconds.
        if record.failures > 0 && created.as_second() >= last.time.as_second() {
            record.failures = 0;
            record.not_before = last.at + last.pause;
        }
    }

    fn remember(&mut self, owner: &str, record: Record) {
        if self.owners.len() >= OWNERS && !self.owners.contains_key(owner) {
            let oldest = self.owners.iter().min_by_key(|(_, record)| record.not_before);
            if let Some(oldest) = oldest.map(|(owner, _)| owner.clone()) {
                self.owners.remove(&oldest);
            }
        }
        self.owners.insert(owner.to_owned(), record);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_mins(1);

    #[test]
    fn pauses_double_as_long_as_nothing_comes_of_it() {
        let (mut pace, mut now) = (Pace::default(), Instant::now());
        for pause in [1, 2, 4, 8] {
            assert!(pace.allows("a", 10, now));
            pace.evicted("a", PAUSE, now, Timestamp::UNIX_EPOCH);
            assert!(!pace.allows("a", 10, now + PAUSE * pause - Duration::from_secs(1)));
            now += PAUSE * pause;
        }
        for _ in 0..40 {
            pace.evicted("a", PAUSE, now, Timestamp::UNIX_EPOCH);
        }
        assert!(pace.allows("a", 100, now + LONGEST_PAUSE), "a day at most");
    }

    #[test]
    fn an_injected_pod_ends_the_doubling() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        let time = Timestamp::from_second(100).unwrap();
        pace.evicted("a", PAUSE, now, time);
        pace.evicted("a", PAUSE, now, time);
        pace.succeeded("a", Timestamp::from_second(99).unwrap());
        assert!(!pace.allows("a", 10, now + PAUSE), "an older pod says nothing");
        pace.succeeded("a", Timestamp::from_second(100).unwrap());
        assert!(pace.allows("a", 10, now + PAUSE));
    }

    #[test]
    fn the_cluster_has_a_limit_of_its_own() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        for owner in ["a", "b", "c"] {
            assert!(pace.allows(owner, 3, now));
            pace.evicted(owner, PAUSE, now, Timestamp::UNIX_EPOCH);
        }
        assert!(!pace.allows("d", 3, now));
        assert!(pace.allows("d", 3, now + MINUTE));
    }
}
