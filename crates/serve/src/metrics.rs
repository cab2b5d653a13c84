use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::{Method, StatusCode};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Upper bounds in seconds: an exchange takes about half a millisecond, a fetch of keys up to seconds.
const DURATION_BUCKETS: [f64; 12] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// The metrics of all servers in the process, and the registry that others add theirs to.
///
/// No label holds anything that a client chose: paths are route templates, everything else is a
/// closed list. Otherwise a stranger could grow the memory of this process and of whatever
/// collects from it.
pub struct Metrics {
    registry: Mutex<Registry>,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RequestLabels, Histogram>,
    handshake_failures: Family<HandshakeLabels, Counter>,
    open_connections: Family<ServerLabels, Gauge>,
    certificate_reloads: Family<ReloadLabels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ServerLabels {
    server: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    server: &'static str,
    method: MethodLabel,
    path: String,
    status: StatusClass,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HandshakeLabels {
    server: &'static str,
    reason: HandshakeFailure,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabels {
    server: &'static str,
    outcome: ReloadOutcome,
}

/// A method as it may stand in a label or a log line: one of a closed list, or `other`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct MethodLabel(pub(crate) &'static str);

/// The class of a response, or `aborted` if the client left before there was one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct StatusClass(Option<StatusCode>);

/// Why a connection did not get through the TLS handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum HandshakeFailure {
    /// It took longer than the limit.
    Timeout,
    /// The client spoke plain http.
    PlainHttp,
    /// The client left, or broke the connection.
    Disconnected,
    /// The handshake itself failed, for example for want of a common version or of trust.
    Protocol,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ReloadOutcome {
    Replaced,
    Failed,
}

impl Metrics {
    /// Registers the metrics of the servers.
    ///
    /// `started_at` is the start of the process in unix seconds.
    #[must_use]
    pub fn new(mut registry: Registry, started_at: i64) -> Self {
        let metrics = Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(DURATION_BUCKETS)),
            handshake_failures: Family::default(),
            open_connections: Family::default(),
            certificate_reloads: Family::default(),
            registry: Mutex::default(),
        };
        let start_time = Gauge::<i64>::default();
        start_time.set(started_at);
        registry.register("process_start_time_seconds", "Start of the process in unix seconds", start_time);
        metrics.register(registry.sub_registry_with_prefix("symbolon"));
        Self { registry: Mutex::new(registry), ..metrics }
    }

    fn register(&self, registry: &mut Registry) {
        registry.register("http_requests", "Requests that were answered or given up", self.requests.clone());
        registry.register(
            "http_request_duration_seconds",
            "Time from the headers of a request to the end of its response",
            self.durations.clone(),
        );
        registry.register(
            "tls_handshake_failures",
            "Connections that did not get through the TLS handshake",
            self.handshake_failures.clone(),
        );
        registry.register("open_connections", "Connections that are open now", self.open_connections.clone());
        registry.register(
            "tls_certificate_reloads",
            "Certificates that were replaced, and attempts that failed and kept the old one",
            self.certificate_reloads.clone(),
        );
    }

    /// Gives access to the registry, so that other parts can register their own metrics.
    pub fn registry_mut<T>(&self, register: impl FnOnce(&mut Registry) -> T) -> T {
        register(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// All metrics in the `OpenMetrics` 1.0 text format.
    ///
    /// # Errors
    ///
    /// Only if a registered metric fails to print itself.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut out = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        text::encode(&mut out, &registry)?;
        Ok(out)
    }

    pub(crate) fn request(
        &self,
        server: &'static str,
        method: MethodLabel,
        path: &str,
        status: Option<StatusCode>,
        duration: Duration,
    ) {
        let labels = RequestLabels { server, method, path: path.to_owned(), status: StatusClass(status) };
        self.requests.get_or_create(&labels).inc();
        self.durations.get_or_create(&labels).observe(duration.as_secs_f64());
    }

    pub(crate) fn handshake_failure(&self, server: &'static str, reason: HandshakeFailure) {
        self.handshake_failures.get_or_create(&HandshakeLabels { server, reason }).inc();
    }

    pub(crate) fn certificate_reload(&self, server: &'static str, outcome: ReloadOutcome) {
        self.certificate_reloads.get_or_create(&ReloadLabels { server, outcome }).inc();
    }

    /// Counts one connection as open until the returned value is dropped.
    pub(crate) fn connection(&self, server: &'static str) -> OpenConnection {
        let gauge = self.open_connections.get_or_create(&ServerLabels { server }).clone();
        gauge.inc();
        OpenConnection(gauge)
    }
}

pub(crate) struct OpenConnection(Gauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl MethodLabel {
    pub(crate) fn of(method: &Method) -> Self {
        Self(match *method {
            Method::GET => "GET",
            Method::POST => "POST",
            Method::PUT => "PUT",
            Method::PATCH => "PATCH",
            Method::DELETE => "DELETE",
            Method::HEAD => "HEAD",
            Method::OPTIONS => "OPTIONS",
            _ => "other",
        })
    }
}

impl EncodeLabelValue for MethodLabel {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        self.0.encode(encoder)
    }
}

impl EncodeLabelValue for StatusClass {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        let class = match self.0.map(|status| status.as_u16() / 100) {
            Some(1) => "1xx",
            Some(2) => "2xx",
            Some(3) => "3xx",
            Some(4) => "4xx",
            Some(_) => "5xx",
            None => "aborted",
        };
        class.encode(encoder)
    }
}

impl EncodeLabelValue for HandshakeFailure {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        let reason = match self {
            Self::Timeout => "timeout",
            Self::PlainHttp => "plain_http",
            Self::Disconnected => "disconnected",
            Self::Protocol => "protocol",
        };
        reason.encode(encoder)
    }
}

impl EncodeLabelValue for ReloadOutcome {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        let outcome = match self {
            Self::Replaced => "replaced",
            Self::Failed => "failed",
        };
        outcome.encode(encoder)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}
