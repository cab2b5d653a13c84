//! How often pods are evicted.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::Instant;

const MINUTE: Duration = Duration::from_mins(1);
const LONGEST_PAUSE: Duration = Duration::from_hours(24);
/// Between two attempts that evict nobody: what stood in their way may have been put right.
const LONGEST_RETRY: Duration = Duration::from_mins(30);
/// Pauses that an eviction is given to show that it helped.
const PATIENCE: u32 = 10;
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
    /// Evictions in a row of which no injected pod came that is Ready.
    unanswered: u32,
    /// Attempts in a row that evicted nobody.
    refusals: u32,
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
    /// Whether it may be tried now to evict a pod of this owner.
    ///
    /// A Ready pod has to wait for the one that replaces its evicted sibling: whatever keeps that
    /// one away, nobody's work may end for it. One that is not Ready has less to lose.
    pub(super) fn allows(&mut self, owner: &str, is_ready: bool, per_minute: u32, now: Instant) -> bool {
        while self.recent.front().is_some_and(|at| now.duration_since(*at) >= MINUTE) {
            self.recent.pop_front();
        }
        let is_due = self.owners.get(owner).is_none_or(|record| {
            let unanswered = record.last.filter(|_| is_ready && record.unanswered > 0);
            now >= record.not_before && unanswered.is_none_or(|last| now >= last.at + LONGEST_PAUSE)
        });
        is_due && self.recent.len() < usize::try_from(per_minute).unwrap_or(usize::MAX)
    }

    /// How often in a row it was tried in vain to evict a pod of this owner.
    pub(super) fn refusals(&self, owner: &str) -> u32 {
        self.owners.get(owner).map_or(0, |record| record.refusals)
    }

    /// Notes an attempt, whatever becomes of it: the proof alone is work for everything that admits pods.
    pub(super) fn tried(&mut self, now: Instant) {
        self.recent.push_back(now);
    }

    /// Notes an eviction. The next one of the same owner waits until this one has helped, or for
    /// long, and twice as long each time.
    pub(super) fn evicted(&mut self, owner: &str, pause: Duration, now: Instant, time: Timestamp) {
        let unanswered = self.owners.get(owner).map_or(0, |record| record.unanswered);
        let wait = doubled(pause.saturating_mul(PATIENCE), unanswered, LONGEST_PAUSE);
        let last = Some(Evicted { at: now, time, pause });
        self.remember(owner, Record { not_before: now + wait, unanswered: unanswered + 1, refusals: 0, last });
    }

    /// Notes an attempt that evicted nobody: a disruption budget, or no proof. The next one waits
    /// twice as long each time.
    pub(super) fn refused(&mut self, owner: &str, pause: Duration, now: Instant) {
        let before = self.owners.get(owner).copied();
        let record = before.unwrap_or(Record { not_before: now, unanswered: 0, refusals: 0, last: None });
        let wait = doubled(pause / 2, record.refusals, LONGEST_RETRY);
        self.remember(owner, Record { not_before: now + wait, refusals: record.refusals + 1, ..record });
    }

    /// Notes an injected pod of an owner that is Ready. One that was made after the last eviction
    /// shows that evicting helps.
    pub(super) fn succeeded(&mut self, owner: &str, created: Timestamp) {
        let Some(record) = self.owners.get_mut(owner) else { return };
        let Some(last) = record.last else { return };
        // The API server's clock is another one. Creation times are whole seconds.
        let tolerance = i64::try_from(last.pause.as_secs() / 2).unwrap_or(i64::MAX);
        if record.unanswered > 0 && created.as_second() >= last.time.as_second().saturating_sub(tolerance) {
            *record = Record { not_before: last.at + last.pause, unanswered: 0, refusals: 0, last: Some(last) };
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

fn doubled(pause: Duration, times: u32, longest: Duration) -> Duration {
    pause.saturating_mul(2_u32.saturating_pow(times.min(20))).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_mins(1);
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn pauses_double_as_long_as_nothing_comes_of_it() {
        let (mut pace, mut now) = (Pace::default(), Instant::now());
        for pause in [10, 20, 40, 80] {
            assert!(pace.allows("a", false, 10, now));
            pace.evicted("a", PAUSE, now, Timestamp::UNIX_EPOCH);
            assert!(!pace.allows("a", false, 10, now + PAUSE * pause - SECOND));
            now += PAUSE * pause;
        }
        for _ in 0..40 {
            pace.evicted("a", PAUSE, now, Timestamp::UNIX_EPOCH);
        }
        assert!(pace.allows("a", false, 100, now + LONGEST_PAUSE), "a day at most");
    }

    #[test]
    fn a_ready_pod_waits_for_the_replacement_of_the_last_one() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        let time = Timestamp::from_second(1000).unwrap();
        pace.evicted("a", PAUSE, now, time);
        assert!(pace.allows("a", false, 10, now + PAUSE * 10));
        assert!(!pace.allows("a", true, 10, now + LONGEST_PAUSE - SECOND));
        pace.succeeded("a", time);
        assert!(!pace.allows("a", true, 10, now + PAUSE - SECOND));
        assert!(pace.allows("a", true, 10, now + PAUSE));
    }

    #[test]
    fn an_injected_pod_ends_the_doubling() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        let time = Timestamp::from_second(100).unwrap();
        pace.evicted("a", PAUSE, now, time);
        pace.evicted("a", PAUSE, now, time);
        pace.succeeded("a", Timestamp::from_second(69).unwrap());
        assert!(!pace.allows("a", false, 10, now + PAUSE), "an older pod says nothing");
        pace.succeeded("a", Timestamp::from_second(70).unwrap());
        assert!(pace.allows("a", false, 10, now + PAUSE), "clocks differ by some seconds");
    }

    #[test]
    fn attempts_in_vain_grow_rare() {
        let (mut pace, mut now) = (Pace::default(), Instant::now());
        for seconds in [30, 60, 120, 240, 480, 960, 1800, 1800] {
            assert!(pace.allows("a", true, 10, now));
            pace.refused("a", PAUSE, now);
            assert!(!pace.allows("a", true, 10, now + SECOND * (seconds - 1)));
            now += SECOND * seconds;
        }
        assert_eq!(pace.refusals("a"), 8);
        pace.evicted("a", PAUSE, now, Timestamp::UNIX_EPOCH);
        assert_eq!(pace.refusals("a"), 0);
    }

    #[test]
    fn the_cluster_has_a_limit_of_its_own() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        for owner in ["a", "b", "c"] {
            assert!(pace.allows(owner, true, 3, now));
            pace.tried(now);
            pace.refused(owner, PAUSE, now);
        }
        assert!(!pace.allows("d", true, 3, now));
        assert!(pace.allows("d", true, 3, now + MINUTE));
    }
}
