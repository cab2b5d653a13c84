use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::sync::Notify;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::connection::Shared;
use crate::metrics::ReloadOutcome;
use crate::{Limits, Metrics, Readiness, Tls, accept, health_router, observe, system_signals};

/// The health server is the last to go and has nothing worth waiting for.
const HEALTH_DRAIN: Duration = Duration::from_secs(1);

/// One listening server.
#[derive(Debug)]
pub struct Server {
    /// The name in log lines and metrics.
    pub name: &'static str,
    /// The bound socket; the kernel queues connections from here on, before the server runs.
    pub listener: TcpListener,
    /// TLS, or plain HTTP/1.1 without it.
    pub tls: Option<Tls>,
    /// What is served. Handlers find [`crate::RequestId`] and `ConnectInfo<SocketAddr>` in the
    /// extensions of a request.
    pub router: Router,
    /// What a client may take.
    pub limits: Limits,
}

/// A group of servers that start and stop together.
#[derive(Debug)]
pub struct Servers {
    metrics: Arc<Metrics>,
    group: Vec<Server>,
    health: Option<(Server, Readiness)>,
}

/// Why servers could not run, or ended before they should.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The socket cannot be used.
    #[error("the socket of server `{name}` cannot be used")]
    Listener {
        /// The server.
        name: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// A server ended by itself: a bug. The others were drained.
    #[error("server `{name}` ended unexpectedly")]
    Ended {
        /// The server.
        name: &'static str,
    },
}

impl Servers {
    /// Makes a group without servers that reports to these metrics.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics, group: Vec::new(), health: None }
    }

    /// Adds a server; it accepts connections once [`Self::run`] is polled.
    pub fn add(&mut self, server: Server) {
        self.group.push(server);
    }

    /// Adds the plain http server of [`health_router`], replacing an earlier one.
    ///
    /// It stops only after all others have drained, and from the moment of the shutdown its
    /// `/readyz` answers 503.
    pub fn add_health(&mut self, listener: TcpListener, readiness: Readiness) {
        let router = health_router(readiness.clone(), Arc::clone(&self.metrics));
        let limits = Limits { drain: HEALTH_DRAIN, body_bytes: 0, max_connections: 64, ..Limits::default() };
        self.health = Some((Server { name: "health", listener, tls: None, router, limits }, readiness));
    }

    /// Runs all servers until `shutdown` completes, then drains them.
    ///
    /// The drain: `/readyz` turns to 503, sockets close, connections that are idle end, and
    /// requests in flight have [`Limits::drain`] to finish before they are cut. SIGTERM or SIGINT
    /// during the drain cuts them at once, and this function still returns in order.
    ///
    /// # Errors
    ///
    /// [`ServeError`] if a socket cannot be used or a server ends by itself.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
        let mut running = Running::default();
        let mut health = Running::default();
        let mut readiness = None;
        for server in self.group {
            running.start(server, &self.metrics)?;
        }
        if let Some((server, checks)) = self.health {
            health.start(server, &self.metrics)?;
            readiness = Some(checks);
        }
        let ended = tokio::select! {
            () = shutdown => None,
            name = running.ended() => Some(name),
            name = health.ended() => Some(name),
        };
        if let Some(readiness) = readiness {
            readiness.drain();
        }
        info!("shutting down: no new connections, requests in flight may finish");
        running.stop().await;
        health.stop().await;
        ended.map_or(Ok(()), |name| Err(ServeError::Ended { name }))
    }
}

/// Servers that run, and the two words that end them.
#[derive(Default)]
struct Running {
    tasks: JoinSet<&'static str>,
    names: Vec<(tokio::task::Id, &'static str)>,
    stop: CancellationToken,
    abort: CancellationToken,
}

impl Running {
    fn start(&mut self, server: Server, metrics: &Arc<Metrics>) -> Result<(), ServeError> {
        let Server { name, listener, tls, router, limits } = server;
        let listener = listener
            .set_nonblocking(true)
            .and_then(|()| tokio::net::TcpListener::from_std(listener))
            .map_err(|source| ServeError::Listener { name, source })?;
        let shared = Arc::new(Shared {
            name,
            tls: tls.as_ref().map(Tls::acceptor),
            router: observe::around(router, name, &limits, Arc::clone(metrics)),
            limits,
            metrics: Arc::clone(metrics),
            crowded: Notify::new(),
            stop: self.stop.clone(),
        });
        if let Some(tls) = tls {
            let reload = reload(tls, name, Arc::clone(metrics));
            tokio::spawn(self.stop.clone().run_until_cancelled_owned(reload));
        }
        let task = self.tasks.spawn(serve(listener, shared, self.abort.child_token()));
        self.names.push((task.id(), name));
        Ok(())
    }

    /// Completes when a server ends that was not told to.
    async fn ended(&mut self) -> &'static str {
        match self.tasks.join_next().await {
            Some(Ok(name)) => name,
            Some(Err(error)) => {
                let found = self.names.iter().find(|(id, _)| *id == error.id());
                found.map_or("unknown", |(_, name)| *name)
            }
            None => std::future::pending().await,
        }
    }

    async fn stop(mut self) {
        let again = system_signals();
        self.stop.cancel();
        let drained = async { while self.tasks.join_next().await.is_some() {} };
        let abort = async {
            again.await;
            warn!("second signal: requests in flight are cut");
            self.abort.cancel();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = drained => {}
            () = abort => {}
        }
    }
}

impl Drop for Running {
    /// Whoever drops [`Servers::run`] half-way leaves no connection and no task behind.
    fn drop(&mut self) {
        self.stop.cancel();
        self.abort.cancel();
    }
}

/// One server from its first connection to the end of its drain.
async fn serve(listener: tokio::net::TcpListener, shared: Arc<Shared>, abort: CancellationToken) -> &'static str {
    let connections = TaskTracker::new();
    accept::accept(listener, &shared, &connections, &abort).await;
    connections.close();
    let drain = abort.run_until_cancelled(timeout(shared.limits.drain, connections.wait()));
    if !matches!(drain.await, Some(Ok(()))) {
        warn!(server = shared.name, connections = connections.len(), "drain ended with connections still open");
        abort.cancel();
        connections.wait().await;
    }
    shared.name
}

/// Reads certificate files again and again; whatever goes wrong, the old certificate stays.
async fn reload(tls: Tls, server: &'static str, metrics: Arc<Metrics>) {
    let Some(interval) = tls.reload_interval() else { return };
    loop {
        sleep(interval).await;
        let tls = tls.clone();
        let Ok(outcome) = spawn_blocking(move || tls.reload_files()).await else { continue };
        match outcome {
            Ok(false) => {}
            Ok(true) => {
                metrics.certificate_reload(server, ReloadOutcome::Replaced);
                info!(server, "certificate replaced");
            }
            Err(error) => {
                metrics.certificate_reload(server, ReloadOutcome::Failed);
                let error = &error as &dyn std::error::Error;
                warn!(server, error, "the new certificate cannot be used, the old one stays");
            }
        }
    }
}
