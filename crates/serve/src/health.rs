use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderValue, StatusCode, header};

use crate::Metrics;
use crate::observe::Quiet;

/// What must be in order before this process wants requests, as named checks.
///
/// Clones share the same checks. A check starts as not ready. Once the servers begin to stop,
/// nothing is ready any more.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    checks: Mutex<Vec<Check>>,
    draining: AtomicBool,
}

#[derive(Debug)]
struct Check {
    name: &'static str,
    ready: Arc<AtomicBool>,
}

/// Sets one named check of a [`Readiness`].
#[derive(Clone, Debug)]
pub struct ReadyHandle {
    ready: Arc<AtomicBool>,
}

impl ReadyHandle {
    /// Says whether the part behind this check is ready.
    pub fn set(&self, ready: bool) {
        self.ready.store(ready, Ordering::Relaxed);
    }
}

impl Readiness {
    /// Makes a readiness without checks, which is ready.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a check, which is not ready until its handle says so.
    ///
    /// `/readyz` prints the name while the check fails, so it should say what is waited for.
    #[must_use]
    pub fn register(&self, name: &'static str) -> ReadyHandle {
        let ready = Arc::new(AtomicBool::new(false));
        let check = Check { name, ready: Arc::clone(&ready) };
        self.shared.checks.lock().unwrap_or_else(PoisonError::into_inner).push(check);
        ReadyHandle { ready }
    }

    /// The names of the checks that fail, in the order of their registration.
    #[must_use]
    pub fn waiting_for(&self) -> Vec<&'static str> {
        let checks = self.shared.checks.lock().unwrap_or_else(PoisonError::into_inner);
        let failing = checks.iter().filter(|check| !check.ready.load(Ordering::Relaxed));
        let draining = self.shared.draining.load(Ordering::Relaxed).then_some("shutdown");
        draining.into_iter().chain(failing.map(|check| check.name)).collect()
    }

    /// Makes `/readyz` fail for good, so that nobody routes new requests to a process that stops.
    ///
    /// [`crate::Servers::run`] does this when it begins to stop; a server that shall go on for a
    /// while after it is no longer ready does it earlier.
    pub fn drain(&self) {
        self.shared.draining.store(true, Ordering::Relaxed);
    }
}

#[derive(Clone)]
struct Health {
    readiness: Readiness,
    metrics: Arc<Metrics>,
}

/// The routes `/healthz` (the process answers), `/readyz` and `/metrics`.
///
/// Usually reached through [`crate::Servers::add_health`]. It reveals routes and counts, so it
/// belongs on a port that only the machine or the cluster reaches. Its requests are logged at
/// debug level, because probes come every few seconds.
pub fn health_router(readiness: Readiness, metrics: Arc<Metrics>) -> Router {
    Router::new()
        .route("/healthz", get(async || plain(StatusCode::OK, "ok\n".to_owned())))
        .route("/readyz", get(readyz))
        .route("/metrics", get(encode))
        .with_state(Health { readiness, metrics })
}

/// The route `/metrics` alone, for a port of its own.
pub fn metrics_router(metrics: Arc<Metrics>) -> Router {
    Router::new().route("/metrics", get(encode)).with_state(Health { readiness: Readiness::new(), metrics })
}

async fn readyz(State(health): State<Health>) -> Response {
    let waiting = health.readiness.waiting_for();
    if waiting.is_empty() {
        return plain(StatusCode::OK, "ready\n".to_owned());
    }
    plain(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", waiting.join(", ")))
}

async fn encode(State(health): State<Health>) -> Response {
    const OPEN_METRICS: HeaderValue =
        HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    match health.metrics.encode() {
        Ok(text) => {
            let mut response = plain(StatusCode::OK, text);
            response.headers_mut().insert(header::CONTENT_TYPE, OPEN_METRICS);
            response
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "metrics cannot be printed");
            plain(StatusCode::INTERNAL_SERVER_ERROR, String::new())
        }
    }
}

fn plain(status: StatusCode, body: String) -> Response {
    let mut response = (status, [(header::CACHE_CONTROL, "no-store")], body).into_response();
    response.extensions_mut().insert(Quiet);
    response
}
