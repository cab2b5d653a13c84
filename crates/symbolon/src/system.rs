//! The ports that the operating system fills: the time and randomness.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use jiff::Timestamp;
use symbolon_core::ports::{Clock, Random};

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the Clock port's one real implementation")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// The operating system's randomness through the cryptographic library.
#[derive(Debug, Default)]
pub(crate) struct SystemEntropy(SystemRandom);

impl SystemEntropy {
    pub(crate) fn new() -> Self {
        Self(SystemRandom::new())
    }
}

impl Random for SystemEntropy {
    /// Stops the process where there is no randomness: with guessable keys and ids, every promise
    /// of this program would be void.
    fn fill(&self, bytes: &mut [u8]) {
        if self.0.fill(bytes).is_err() {
            tracing::error!("the operating system gives no randomness");
            std::process::abort();
        }
    }
}
