//! Growing pauses between attempts.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// Pauses that double up to a limit, each shortened by up to a half at random, so that replicas
/// which lost the same server do not come back in step.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    pause: Duration,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, pause: first }
    }

    pub(crate) fn reset(&mut self) {
        self.pause = self.first;
    }

    pub(crate) fn next(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = (pause * 2).min(self.longest);
        jitter(pause)
    }
}

/// Between a half and the whole of `duration`.
pub(crate) fn jitter(duration: Duration) -> Duration {
    // A new state is keyed at random: all the randomness that a pause needs.
    let share = RandomState::new().hash_one(0) % 1000;
    let half = duration / 2;
    half + half.mul_f64(f64::from(u32::try_from(share).unwrap_or_default()) / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_limit_and_start_again_after_a_reset() {
        let (first, longest) = (Duration::from_millis(100), Duration::from_secs(1));
        let mut backoff = Backoff::new(first, longest);
        let within = |pause: Duration, whole: Duration| pause >= whole / 2 && pause <= whole;
        for factor in [1, 2, 4, 8, 10, 10] {
            let pause = backoff.next();
            assert!(within(pause, first * factor), "{pause:?}");
        }
        backoff.reset();
        assert!(within(backoff.next(), first));
    }
}
