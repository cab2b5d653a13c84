//! What is counted: under upstream's names, so that dashboards stay, and under ours.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::handler::PATH;

/// Namespaces that get a histogram of their own. Only a caller with the webhook's address can
/// name one, but a histogram costs a kilobyte and a scrape line per bucket.
const MOST_NAMESPACES: usize = 500;
/// The longest name of a namespace, a DNS label.
const MOST_NAMESPACE_BYTES: usize = 63;
/// Where all further namespaces are counted.
const FURTHER_NAMESPACES: &str = "_other";

/// Upstream's buckets.
fn mutation_buckets() -> impl Iterator<Item = f64> {
    let steps = |range: std::ops::RangeInclusive<u32>, unit: f64| range.map(move |step| f64::from(step) * unit);
    steps(1..=10, 0.001).chain(steps(2..=10, 0.01)).chain(steps(2..=10, 0.1)).chain([1.5, 2.0, 2.5, 3.0])
}

/// The default ones of Prometheus' Go client, which controller-runtime uses.
const LATENCY_BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The webhook's metrics.
#[derive(Debug)]
pub struct Metrics {
    /// What most requests touch is held here, so that no request looks it up among the families.
    mutations: RwLock<HashMap<Box<str>, Histogram>>,
    mutation_family: Family<NamespaceLabels, Histogram, fn() -> Histogram>,
    requests: Counter,
    latency: Histogram,
    in_flight: Gauge,
    panics: Counter,
    outcomes: [Counter; 3],
    warnings: Family<WarningLabels, Counter>,
    accounts: Gauge,
    account_sources: [Counter; 3],
    direct_reads: [Counter; 3],
    waits: Counter,
    watch_failures: Counter,
    certificate_expiry: Gauge<i64, AtomicI64>,
    leader: Gauge,
    certificate_writes: Family<WriteLabels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NamespaceLabels {
    namespace: Box<str>,
    service_name: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WebhookLabels {
    webhook: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabels {
    webhook: &'static str,
    code: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WarningLabels {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WriteLabels {
    object: &'static str,
    outcome: &'static str,
}

macro_rules! label {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum $name { $($(#[$variant_doc])* $variant,)* }

        impl EncodeLabelValue for $name {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
                match self { $(Self::$variant => $text,)* }.encode(encoder)
            }
        }
    };
}

label! {
    /// What became of a pod.
    Outcome {
        /// Admitted with a patch.
        Mutated = "mutated",
        /// Admitted as it is.
        Unchanged = "unchanged",
        /// Not admitted, or a request that is none.
        Refused = "refused",
    }
}

label! {
    /// Where an account came from.
    Source {
        /// The watch, which was in step.
        Watch = "watch",
        /// A direct read.
        Read = "read",
        /// What was known last, since the API server did not answer.
        Memory = "memory",
    }
}

label! {
    /// What came of a direct read.
    DirectRead {
        Found = "found",
        NotFound = "not_found",
        Failed = "failed",
    }
}

fn counters<T>(registry: &mut Registry, name: &str, help: &str, label: &'static str, all: [T; 3]) -> [Counter; 3]
where
    T: EncodeLabelValue + Copy + fmt::Debug + Eq + std::hash::Hash + Send + Sync + 'static,
{
    let family = Family::<[(&'static str, T); 1], Counter>::default();
    registry.register(name, help, family.clone());
    all.map(|value| family.get_or_create(&[(label, value)]).clone())
}

impl Metrics {
    /// Registers all metrics.
    #[must_use]
    pub fn new(registry: &mut Registry) -> Arc<Self> {
        let mutation_family: Family<NamespaceLabels, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(mutation_buckets()));
        registry.register("azwi_mutation_request", "Seconds that a mutation took", mutation_family.clone());
        let (requests, latency, in_flight, panics) = Self::controller_runtime(registry);
        let registry = registry.sub_registry_with_prefix("symbolon_webhook");
        let metrics = Self {
            mutations: RwLock::default(),
            mutation_family,
            requests,
            latency,
            in_flight,
            panics,
            outcomes: counters(
                registry,
                "reviews",
                "Admission reviews by what became of the pod",
                "outcome",
                [Outcome::Mutated, Outcome::Unchanged, Outcome::Refused],
            ),
            warnings: Family::default(),
            accounts: Gauge::default(),
            account_sources: counters(
                registry,
                "service_account_lookups",
                "Service accounts by where they came from",
                "source",
                [Source::Watch, Source::Read, Source::Memory],
            ),
            direct_reads: counters(
                registry,
                "service_account_reads",
                "Service accounts that were read at the API server",
                "outcome",
                [DirectRead::Found, DirectRead::NotFound, DirectRead::Failed],
            ),
            waits: Counter::default(),
            watch_failures: Counter::default(),
            certificate_expiry: Gauge::default(),
            leader: Gauge::default(),
            certificate_writes: Family::default(),
        };
        metrics.register(registry);
        Arc::new(metrics)
    }

    fn controller_runtime(registry: &mut Registry) -> (Counter, Histogram, Gauge, Counter) {
        let registry = registry.sub_registry_with_prefix("controller_runtime_webhook");
        let labels = WebhookLabels { webhook: PATH };
        let requests = Family::<CodeLabels, Counter>::default();
        registry.register("requests", "Total number of admission requests by HTTP status code", requests.clone());
        let latency = Family::<WebhookLabels, Histogram, _>::new_with_constructor(|| Histogram::new(LATENCY_BUCKETS));
        registry.register("latency_seconds", "Latency of processing admission requests", latency.clone());
        let in_flight = Family::<WebhookLabels, Gauge>::default();
        registry.register("requests_in_flight", "Admission requests that are being served", in_flight.clone());
        let panics = Family::<WebhookLabels, Counter>::default();
        registry.register("panics", "Panics while serving admission requests", panics.clone());
        (
            requests.get_or_create(&CodeLabels { webhook: PATH, code: 200 }).clone(),
            latency.get_or_create(&labels).clone(),
            in_flight.get_or_create(&labels).clone(),
            panics.get_or_create(&labels).clone(),
        )
    }

    fn register(&self, registry: &mut Registry) {
        registry.register("warnings", "Warnings to authors of pods", self.warnings.clone());
        registry.register("service_accounts", "Service accounts that are known", self.accounts.clone());
        registry.register(
            "service_account_waits",
            "Pauses in which a service account was waited for that was not there yet",
            self.waits.clone(),
        );
        registry.register(
            "service_account_watch_failures",
            "How often the watch of service accounts broke off",
            self.watch_failures.clone(),
        );
        registry.register(
            "certificate_expiry_timestamp_seconds",
            "End of the served certificate in unix seconds, 0 before there is one",
            self.certificate_expiry.clone(),
        );
        registry.register("leader", "1 while this replica holds the lease", self.leader.clone());
        registry.register(
            "certificate_writes",
            "Writes of certificates and of the CA bundle",
            self.certificate_writes.clone(),
        );
    }

    pub(crate) fn mutation(&self, namespace: &str, duration: Duration) {
        let seconds = duration.as_secs_f64();
        self.latency.observe(seconds);
        self.requests.inc();
        if let Some(histogram) = self.mutations.read().unwrap_or_else(PoisonError::into_inner).get(namespace) {
            histogram.observe(seconds);
            return;
        }
        self.namespace(namespace).observe(seconds);
    }

    fn namespace(&self, namespace: &str) -> Histogram {
        let mut known = self.mutations.write().unwrap_or_else(PoisonError::into_inner);
        // A label stands in every line of its histogram, so its length counts too.
        let is_name = (1..=MOST_NAMESPACE_BYTES).contains(&namespace.len());
        let namespace = if is_name && known.len() < MOST_NAMESPACES { namespace } else { FURTHER_NAMESPACES };
        if let Some(histogram) = known.get(namespace) {
            return histogram.clone();
        }
        let labels = NamespaceLabels { namespace: namespace.into(), service_name: "webhook" };
        let histogram = self.mutation_family.get_or_create(&labels).clone();
        known.insert(namespace.into(), histogram.clone());
        histogram
    }

    pub(crate) fn outcome(&self, outcome: Outcome) {
        self.outcomes[outcome as usize].inc();
    }

    /// A request that named no pod.
    pub(crate) fn refused_request(&self) {
        self.requests.inc();
        self.outcome(Outcome::Refused);
    }

    pub(crate) fn panic(&self) {
        self.panics.inc();
    }

    pub(crate) fn warning(&self, reason: &'static str) {
        self.warnings.get_or_create(&WarningLabels { reason }).inc();
    }

    pub(crate) fn accounts(&self, known: usize) {
        self.accounts.set(i64::try_from(known).unwrap_or(i64::MAX));
    }

    pub(crate) fn account_from(&self, source: Source) {
        self.account_sources[source as usize].inc();
    }

    pub(crate) fn direct_read(&self, outcome: DirectRead) {
        self.direct_reads[outcome as usize].inc();
    }

    pub(crate) fn wait(&self) {
        self.waits.inc();
    }

    pub(crate) fn watch_failure(&self) {
        self.watch_failures.inc();
    }

    pub(crate) fn certificate_expires(&self, at: i64) {
        self.certificate_expiry.set(at);
    }

    /// The end of the served certificate, 0 before there is one.
    pub(crate) fn expiry(&self) -> i64 {
        self.certificate_expiry.get()
    }

    pub(crate) fn leader(&self, leader: bool) {
        self.leader.set(i64::from(leader));
    }

    pub(crate) fn certificate_write(&self, object: &'static str, succeeded: bool) {
        let outcome = if succeeded { "succeeded" } else { "failed" };
        self.certificate_writes.get_or_create(&WriteLabels { object, outcome }).inc();
    }
}

/// Counts a request as being served until it is dropped.
#[derive(Debug)]
pub(crate) struct InFlight(Gauge);

impl InFlight {
    pub(crate) fn of(metrics: &Metrics) -> Self {
        metrics.in_flight.inc();
        Self(metrics.in_flight.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text;

    use super::*;

    #[test]
    fn upstream_s_names_are_kept() {
        let mut registry = Registry::default();
        let metrics = Metrics::new(&mut registry);
        metrics.mutation("default", Duration::from_micros(300));
        let mut out = String::new();
        text::encode(&mut out, &registry).unwrap();
        for line in [
            r#"azwi_mutation_request_bucket{le="0.001",namespace="default",service_name="webhook"} 1"#,
            r#"controller_runtime_webhook_requests_total{webhook="/mutate-v1-pod",code="200"} 1"#,
            r#"controller_runtime_webhook_latency_seconds_bucket{le="0.005",webhook="/mutate-v1-pod"} 1"#,
            r#"controller_runtime_webhook_requests_in_flight{webhook="/mutate-v1-pod"} 0"#,
            r#"symbolon_webhook_reviews_total{outcome="mutated"} 0"#,
        ] {
            assert!(out.lines().any(|candidate| candidate == line), "{line} is missing in\n{out}");
        }
    }

    #[test]
    fn strangers_cannot_add_namespaces_without_end() {
        let mut registry = Registry::default();
        let metrics = Metrics::new(&mut registry);
        for number in 0..2 * MOST_NAMESPACES {
            metrics.mutation(&format!("namespace-{number}"), Duration::ZERO);
        }
        let mut out = String::new();
        text::encode(&mut out, &registry).unwrap();
        assert_eq!(out.matches("azwi_mutation_request_count").count(), MOST_NAMESPACES + 1);
    }

    #[test]
    fn strangers_cannot_add_a_namespace_without_end() {
        let mut registry = Registry::default();
        let metrics = Metrics::new(&mut registry);
        metrics.mutation(&"n".repeat(64), Duration::ZERO);
        metrics.mutation("", Duration::ZERO);
        let mut out = String::new();
        text::encode(&mut out, &registry).unwrap();
        assert!(out.contains(r#"azwi_mutation_request_count{namespace="_other",service_name="webhook"} 2"#), "{out}");
    }
}
