//! What the controller counts.

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// The metrics of the controller and of the healer.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub(super) accounts: Gauge,
    pub(super) dropped: Gauge,
    pub(super) failing: Gauge,
    pub(super) leader: Gauge,
    writes: Family<WriteLabels, Counter>,
    pub(super) write_seconds: Histogram,
    watch_failures: Family<WatchLabels, Counter>,
    pub(crate) uninjected: Gauge,
    heals: Family<HealLabels, Counter>,
    events: Family<EventLabels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WriteLabels {
    outcome: WriteOutcome,
}

/// How a write of a ConfigMap ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(super) enum WriteOutcome {
    Written,
    Conflict,
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WatchLabels {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HealLabels {
    outcome: Heal,
}

/// What became of an attempt to have a pod made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum Heal {
    Evicted,
    /// A disruption budget does not allow it now.
    Budget,
    /// Injection was not proved to work.
    Unproved,
    Failed,
    /// The API server was asked to evict it and did not answer: it may have done it.
    Unanswered,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EventLabels {
    reason: &'static str,
}

impl Metrics {
    /// Registers the metrics.
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            accounts: Gauge::default(),
            dropped: Gauge::default(),
            failing: Gauge::default(),
            leader: Gauge::default(),
            writes: Family::default(),
            write_seconds: Histogram::new([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0]),
            watch_failures: Family::default(),
            uninjected: Gauge::default(),
            heals: Family::default(),
            events: Family::default(),
        };
        let registry = registry.sub_registry_with_prefix("symbolon_controller");
        registry.register("service_accounts", "Service accounts that are known", metrics.accounts.clone());
        registry.register(
            "service_accounts_without_room",
            "Service accounts that have no room in the ConfigMap of their namespace",
            metrics.dropped.clone(),
        );
        registry.register(
            "namespaces_failing",
            "Namespaces whose ConfigMap cannot be written",
            metrics.failing.clone(),
        );
        registry.register("leader", "Whether this replica is the one that writes", metrics.leader.clone());
        registry.register("config_map_writes", "Attempts to write a ConfigMap", metrics.writes.clone());
        registry.register(
            "config_map_write_duration_seconds",
            "Time from reading a ConfigMap to having written it",
            metrics.write_seconds.clone(),
        );
        registry.register("watch_failures", "Watches that broke off", metrics.watch_failures.clone());
        registry.register(
            "uninjected_pods",
            "Pods that asked for an identity, run, and have none",
            metrics.uninjected.clone(),
        );
        registry.register("heals", "Attempts to have an uninjected pod made again", metrics.heals.clone());
        registry.register("events", "Events that were written", metrics.events.clone());
        metrics
    }

    pub(super) fn write(&self, outcome: WriteOutcome) {
        self.writes.get_or_create(&WriteLabels { outcome }).inc();
    }

    pub(crate) fn watch_failure(&self, kind: &'static str) {
        self.watch_failures.get_or_create(&WatchLabels { kind }).inc();
    }

    pub(crate) fn heal(&self, outcome: Heal) {
        self.heals.get_or_create(&HealLabels { outcome }).inc();
    }

    pub(crate) fn event(&self, reason: &'static str) {
        self.events.get_or_create(&EventLabels { reason }).inc();
    }
}
