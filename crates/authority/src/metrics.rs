//! Counters of the token endpoints.

use std::{sync::Arc, time::Duration};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

/// Counts token requests by AADSTS code and measures how long they took.
#[derive(Clone)]
pub struct TokenMetrics {
    requests: Family<CodeLabel, Counter>,
    seconds: Arc<Histogram>,
}

/// The AADSTS code, 0 for a token that was issued; a closed set.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabel {
    code: u32,
}

impl TokenMetrics {
    /// Registers the counters.
    #[must_use]
    pub fn new(registry: &mut Registry) -> Self {
        let requests = Family::default();
        let buckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];
        let seconds = Histogram::new(buckets);
        registry.register(
            "symbolon_token_requests",
            "Requests at the token endpoints by AADSTS code, 0 for a token that was issued",
            requests.clone(),
        );
        registry.register(
            "symbolon_token_request_duration_seconds",
            "Time from the whole request to the answer of the token endpoints",
            seconds.clone(),
        );
        Self { requests, seconds: Arc::new(seconds) }
    }

    pub(crate) fn observe(&self, code: u32, elapsed: Duration) {
        self.requests.get_or_create(&CodeLabel { code }).inc();
        self.seconds.observe(elapsed.as_secs_f64());
    }
}
