//! Which namespaces are to be looked at, and when.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::Duration,
};

use tokio::time::Instant;

/// Changes that come together are written together.
const GATHER: Duration = Duration::from_millis(5);
/// After a failure.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// Between two writes of a ConfigMap, for each KiB that it has: etcd takes 4 MiB a second of one.
const PACE_PER_KIB: Duration = Duration::from_micros(250);

/// Namespaces with something to do. Each is worked on by one at a time; what changes meanwhile
/// waits, so that a burst of accounts in a namespace is written in few steps.
#[derive(Debug, Default)]
pub(super) struct Queue {
    due: HashMap<Box<str>, Instant>,
    order: BTreeSet<(Instant, Box<str>)>,
    at_work: HashMap<Box<str>, bool>,
    /// No write before, and how often it failed.
    history: HashMap<Box<str>, History>,
    failing: HashSet<Box<str>>,
}

#[derive(Clone, Copy, Debug)]
struct History {
    not_before: Instant,
    failures: u32,
}

impl Queue {
    /// Asks for a namespace to be looked at soon.
    pub(super) fn add(&mut self, namespace: &str, now: Instant) {
        if let Some(again) = self.at_work.get_mut(namespace) {
            *again = true;
            return;
        }
        if self.due.contains_key(namespace) {
            return;
        }
        let not_before = self.history.get(namespace).map(|history| history.not_before);
        let at = not_before.unwrap_or(now).max(now + GATHER);
        self.due.insert(namespace.into(), at);
        self.order.insert((at, namespace.into()));
    }

    /// When the next namespace is due.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.order.first().map(|(at, _)| *at)
    }

    /// Takes a namespace that is due.
    pub(super) fn take(&mut self, now: Instant) -> Option<Box<str>> {
        if self.next_at()? > now {
            return None;
        }
        let (_, namespace) = self.order.pop_first()?;
        self.due.remove(&namespace);
        self.at_work.insert(namespace.clone(), false);
        Some(namespace)
    }

    /// Puts a namespace back whose work has ended well, after writing so many bytes.
    pub(super) fn done(&mut self, namespace: &str, written: usize, now: Instant) {
        self.failing.remove(namespace);
        let pace = PACE_PER_KIB * u32::try_from(written / 1024).unwrap_or(u32::MAX);
        if pace.is_zero() {
            self.history.remove(namespace);
        } else {
            self.history.insert(namespace.into(), History { not_before: now + pace, failures: 0 });
        }
        self.leave(namespace, now, false);
    }

    /// Puts a namespace back whose work has failed; it is tried again after a growing pause.
    pub(super) fn failed(&mut self, namespace: &str, now: Instant) {
        self.failing.insert(namespace.into());
        let failures = self.history.get(namespace).map_or(0, |history| history.failures);
        let pause = (FIRST_PAUSE * 2_u32.saturating_pow(failures.min(16))).min(LONGEST_PAUSE);
        self.history.insert(namespace.into(), History { not_before: now + pause, failures: failures + 1 });
        self.leave(namespace, now, true);
    }

    /// How many namespaces cannot be written.
    pub(super) fn failing(&self) -> usize {
        self.failing.len()
    }

    fn leave(&mut self, namespace: &str, now: Instant, again: bool) {
        if self.at_work.remove(namespace).unwrap_or_default() || again {
            self.add(namespace, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_during_the_work_are_looked_at_after_it() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        queue.add("a", now);
        queue.add("a", now);
        assert_eq!(queue.take(now), None, "more may come");
        let later = now + GATHER;
        assert_eq!(queue.take(later).as_deref(), Some("a"));
        queue.add("a", later);
        assert_eq!(queue.take(later + GATHER), None, "it is being worked on");
        queue.done("a", 0, later);
        assert_eq!(queue.take(later + GATHER).as_deref(), Some("a"));
        queue.done("a", 0, later);
        assert_eq!(queue.next_at(), None);
    }

    #[test]
    fn a_large_config_map_is_not_written_all_the_time() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        queue.add("a", now);
        queue.take(now + GATHER);
        queue.done("a", 1024 * 1024, now);
        queue.add("a", now);
        assert_eq!(queue.next_at(), Some(now + Duration::from_millis(256)));
    }

    #[test]
    fn failures_are_tried_again_after_growing_pauses() {
        let (mut queue, mut now) = (Queue::default(), Instant::now());
        queue.add("a", now);
        for pause in [100, 200, 400] {
            now = queue.next_at().unwrap();
            queue.take(now);
            queue.failed("a", now);
            assert_eq!(queue.next_at(), Some(now + Duration::from_millis(pause)));
        }
        assert_eq!(queue.failing(), 1);
        now = queue.next_at().unwrap();
        queue.take(now);
        queue.done("a", 0, now);
        assert_eq!(queue.failing(), 0);
    }
}
