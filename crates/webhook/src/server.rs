//! The server: every part, wired, from the first connection to the end of the drain.

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use k8s_openapi::apimachinery::pkg::version::Info;
use kube::Client;
use symbolon_admission::Settings;
use symbolon_serve::{
    Limits, Readiness, ReadyHandle, ServeError, Server, Servers, Tls, TlsError, TlsSettings, metrics_router,
    system_signals,
};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use crate::accounts::{ClusterAccounts, Timing};
use crate::backoff::Backoff;
use crate::certificates::{Lifetimes, Objects, Reader, SelfCheck, Writer};
use crate::clock::Clock;
use crate::handler::{self, Webhook};
use crate::lease::{Candidate, LeaseSettings};
use crate::metrics::Metrics;
use crate::{api, certificates};

/// Connections at the same time: those of a few API servers, each of which keeps some. What a
/// connection may cost times this has to fit into the chart's limit of memory.
const MOST_CONNECTIONS: usize = 512;
/// How often certificate files are read again, as upstream.
const FILES_INTERVAL: Duration = Duration::from_secs(10);
/// How long giving the lease back may take.
const GIVE_BACK: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The sockets.
#[derive(Debug)]
pub struct Listeners {
    /// For admission reviews, over TLS.
    pub webhook: TcpListener,
    /// For `/healthz` and `/readyz`.
    pub health: Option<TcpListener>,
    /// For `/metrics`.
    pub metrics: Option<TcpListener>,
}

/// Where the served certificate comes from.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one in a process")]
pub enum Certificates {
    /// From `tls.crt` and `tls.key` in a directory that somebody else keeps in order.
    Files(PathBuf),
    /// Made here and kept in a Secret.
    Managed {
        /// Where, and for which names.
        objects: Objects,
        /// How long they live.
        lifetimes: Lifetimes,
        /// Which replica writes.
        lease: LeaseSettings,
    },
}

/// Everything that an operator decides about the server.
#[derive(Clone, Debug)]
pub struct Options {
    /// What is injected.
    pub settings: Settings,
    /// How long a service account that is not there is waited for.
    pub account_wait: Duration,
    /// The watch of service accounts.
    pub timing: Timing,
    /// The certificate.
    pub certificates: Certificates,
    /// What TLS agrees to.
    pub tls: TlsSettings,
    /// How long this replica goes on answering after it said that it is not ready any more: until
    /// nobody sends it anything.
    pub shutdown_delay: Duration,
}

/// Why the server could not run, or ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[from] TlsError),
    /// A socket cannot be used, or a server ended.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// A socket cannot be used.
    #[error("the socket of the webhook cannot be used")]
    Socket(#[from] std::io::Error),
}

/// What comes from outside.
pub struct Outside {
    /// The way to the API server.
    pub client: Client,
    /// The metrics of all servers in the process.
    pub metrics: Arc<symbolon_serve::Metrics>,
    /// The time.
    pub clock: Clock,
}

impl std::fmt::Debug for Outside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outside").field("metrics", &self.metrics).finish_non_exhaustive()
    }
}

/// Runs the webhook until a signal comes and all requests have been answered.
///
/// # Errors
///
/// A [`WebhookError`].
pub async fn run(options: Options, listeners: Listeners, outside: Outside) -> Result<(), WebhookError> {
    let (leave, delay) = (system_signals(), options.shutdown_delay);
    run_until(options, listeners, outside, leave, linger(delay)).await
}

/// As [`run`], with the two steps of its end given from outside: once `leave` completes it is not
/// ready any more and asks callers to leave, and once `end` completes as well it takes no more
/// connections and ends with the last request.
///
/// # Errors
///
/// A [`WebhookError`].
pub async fn run_until(
    options: Options,
    listeners: Listeners,
    outside: Outside,
    leave: impl Future<Output = ()>,
    end: impl Future<Output = ()>,
) -> Result<(), WebhookError> {
    let Outside { client, metrics, clock } = outside;
    let counted = metrics.registry_mut(Metrics::new);
    let readiness = Readiness::new();
    let leaving = Arc::new(AtomicBool::new(false));
    let settings = Arc::new(ArcSwap::from_pointee(options.settings));
    let mut tasks = JoinSet::new();

    let (accounts, watch) = ClusterAccounts::new(client.clone(), options.timing, Arc::clone(&counted));
    tasks.spawn(watch);
    let reached = readiness.register("the API server");
    tasks.spawn(greet(client.clone(), Arc::clone(&settings), reached));

    let parts = Parts { client, readiness: readiness.clone(), metrics: Arc::clone(&counted), clock };
    let (tls, competition) = parts.certificates(options.certificates, &options.tls, &listeners.webhook, &mut tasks)?;
    let webhook = Webhook {
        accounts,
        settings,
        account_wait: options.account_wait,
        metrics: counted,
        leaving: Arc::clone(&leaving),
    };
    let mut servers = Servers::new(Arc::clone(&metrics));
    // The handler bounds bodies itself, in upstream's words.
    let limits = Limits { body_bytes: usize::MAX, max_connections: MOST_CONNECTIONS, ..Limits::default() };
    let router = handler::router(webhook);
    servers.add(Server { name: "webhook", listener: listeners.webhook, tls: Some(tls), router, limits });
    if let Some(listener) = listeners.metrics {
        let (router, limits) = (metrics_router(metrics), Limits { body_bytes: 0, ..Limits::default() });
        servers.add(Server { name: "metrics", listener, tls: None, router, limits });
    }
    if let Some(listener) = listeners.health {
        servers.add_health(listener, readiness.clone());
    }
    let shutdown = async move {
        leave.await;
        readiness.drain();
        leaving.store(true, Ordering::Relaxed);
        // At once, so that another replica writes while this one still answers.
        tokio::join!(end, give_back(competition));
    };
    let outcome = servers.run(shutdown).await;
    tasks.shutdown().await;
    Ok(outcome?)
}

/// Answers on while the news that this replica is leaving spreads; a second signal cuts it short.
async fn linger(delay: Duration) {
    info!(seconds = delay.as_secs_f64(), "not ready any more: answering on until nobody asks");
    let again = system_signals();
    tokio::select! {
        () = sleep(delay) => {}
        () = again => {}
    }
}

/// What several parts need.
struct Parts {
    client: Client,
    readiness: Readiness,
    metrics: Arc<Metrics>,
    clock: Clock,
}

impl Parts {
    /// TLS, and the lease that this replica competes for.
    fn certificates(
        &self,
        source: Certificates,
        settings: &TlsSettings,
        listener: &TcpListener,
        tasks: &mut JoinSet<()>,
    ) -> Result<(Tls, Option<Competition>), WebhookError> {
        let tls = Tls::without_certificate(settings)?;
        match source {
            Certificates::Files(directory) => {
                let (chain, key) = (directory.join("tls.crt"), directory.join("tls.key"));
                let tls = tls.with_files(&chain, &key).reload_every(FILES_INTERVAL);
                let ready = self.readiness.register("the certificate files");
                tasks.spawn(certificates::watch_files(tls.clone(), Arc::clone(&self.metrics), ready));
                Ok((tls, None))
            }
            Certificates::Managed { objects, lifetimes, lease } => {
                let competition = self.managed(objects, lifetimes, lease, &tls, listener, tasks)?;
                Ok((tls, Some(competition)))
            }
        }
    }

    fn managed(
        &self,
        objects: Objects,
        lifetimes: Lifetimes,
        lease: LeaseSettings,
        tls: &Tls,
        listener: &TcpListener,
        tasks: &mut JoinSet<()>,
    ) -> Result<Competition, WebhookError> {
        let (client, clock, metrics) = (self.client.clone(), Arc::clone(&self.clock), Arc::clone(&self.metrics));
        let (reader, published) = Reader::new(client, objects.clone(), tls.clone(), clock, metrics);
        tasks.spawn(reader.run());
        let (candidate, leadership) = Candidate::new(self.client.clone(), lease, Arc::clone(&self.clock));
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(candidate.run(async { drop(stopped.await) }));
        let competition = Competition { stop: Some(stop), task };
        let names = objects.names.clone();
        let writer = Writer {
            client: self.client.clone(),
            objects,
            lifetimes,
            leadership,
            published: published.clone(),
            clock: Arc::clone(&self.clock),
            metrics: Arc::clone(&self.metrics),
        };
        tasks.spawn(writer.run());
        let ready = self.readiness.register("a certificate that the API server accepts");
        let tls = tls.clone();
        tasks.spawn(SelfCheck { address: listener.local_addr()?, names, tls, published, ready }.run());
        Ok(competition)
    }
}

/// The competition for the lease, and the word that ends it.
struct Competition {
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Drop for Competition {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn give_back(competition: Option<Competition>) {
    let Some(mut competition) = competition else { return };
    drop(competition.stop.take());
    if timeout(GIVE_BACK, &mut competition.task).await.is_err() {
        warn!("the lease was not given back in time: it expires by itself");
    }
}

/// Waits until the API server answers, and learns from its version what it can do.
async fn greet(client: Client, settings: Arc<ArcSwap<Settings>>, ready: ReadyHandle) {
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    let version = loop {
        match api::find::<Info>(&client, "/version").await {
            Ok(Some(version)) => break version,
            Ok(None) => warn!("the API server does not tell its version"),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                warn!(error, "the API server does not answer yet");
            }
        }
        sleep(backoff.next()).await;
    };
    let native = has_native_sidecars(&version);
    info!(version = version.git_version, native_sidecars = native, "the API server answers");
    if settings.load().proxy.native_sidecar != native {
        let mut changed = Settings::clone(&settings.load());
        changed.proxy.native_sidecar = native;
        settings.store(Arc::new(changed));
    }
    ready.set(true);
}

/// As upstream: from 1.32 on. Minor versions of some providers end with a plus.
fn has_native_sidecars(version: &Info) -> bool {
    let number = |text: &str| text.trim_end_matches(|c: char| !c.is_ascii_digit()).parse::<u32>().ok();
    match (number(&version.major), number(&version.minor)) {
        (Some(1), Some(minor)) => minor >= 32,
        (Some(major), _) => major > 1,
        // Every supported release has them.
        (None, _) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn native_sidecars_are_used_from_1_32_on() {
        let version = |major: &str, minor: &str| Info { major: major.into(), minor: minor.into(), ..Info::default() };
        assert!(!has_native_sidecars(&version("1", "31")));
        assert!(!has_native_sidecars(&version("1", "29+")));
        assert!(has_native_sidecars(&version("1", "32")));
        assert!(has_native_sidecars(&version("1", "33+")));
        assert!(has_native_sidecars(&version("", "")));
    }
}
