//! Which of several replicas writes: a lease of `coordination.k8s.io`.
//!
//! The rules are those of client-go. A lease is free when nobody holds it, or when its record has
//! not changed for its own duration on *our* monotonic clock, so that clocks need not agree.
//! Whoever holds it and cannot renew it stops counting itself as the holder a third of the
//! duration before another may take it; every write is shorter than that third. And no write
//! depends on the lease alone: each also names the version of the object that it replaces.

use std::time::Duration;

use http::Method;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::Client;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tracing::{debug, info, warn};

use crate::api::{self, ApiError, JSON};
use crate::backoff::jitter;
use crate::clock::Clock;

/// What a replica competes for, and as whom.
#[derive(Clone, Debug)]
pub struct LeaseSettings {
    /// The lease's namespace.
    pub namespace: String,
    /// The lease's name.
    pub name: String,
    /// This replica, unlike any other.
    pub identity: String,
    /// How long the lease outlives a holder that has died.
    pub duration: Duration,
}

/// Whether this replica holds the lease. Clones look at the same lease.
#[derive(Clone, Debug)]
pub struct Leadership(watch::Receiver<Option<Instant>>);

impl Leadership {
    /// Whether it holds it at this moment; to be asked right before each write.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.0.borrow().is_some_and(|until| Instant::now() < until)
    }

    /// Waits until it is renewed, won or lost.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            // Nobody competes any more: nothing will change.
            std::future::pending::<()>().await;
        }
    }

    /// Waits until this replica holds it.
    pub async fn acquired(&mut self) {
        while !self.is_held() {
            self.changed().await;
        }
    }
}

/// Competes for a lease.
pub struct Candidate {
    client: Client,
    settings: LeaseSettings,
    clock: Clock,
    until: watch::Sender<Option<Instant>>,
    /// The version of the record last seen, and when it was first seen.
    seen: Option<(String, Instant)>,
}

impl std::fmt::Debug for Candidate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Candidate").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Candidate {
    /// A candidate, which competes while [`Self::run`] is polled, and the view on its success.
    #[must_use]
    pub fn new(client: Client, settings: LeaseSettings, clock: Clock) -> (Self, Leadership) {
        let (until, receiver) = watch::channel(None);
        (Self { client, settings, clock, until, seen: None }, Leadership(receiver))
    }

    /// Competes, and renews what was won, until `leave` completes; then it gives the lease back,
    /// so that another replica takes it at once.
    pub async fn run(mut self, leave: impl Future<Output = ()>) {
        let mut leave = std::pin::pin!(leave);
        loop {
            let pause = tokio::select! {
                pause = self.attempt() => pause,
                () = &mut leave => break,
            };
            tokio::select! {
                () = sleep(pause) => {}
                () = &mut leave => break,
            }
        }
        if self.is_held() {
            self.release().await;
        }
    }

    fn is_held(&self) -> bool {
        self.until.borrow().is_some_and(|until| Instant::now() < until)
    }

    /// One attempt to win or renew, and the pause after it.
    async fn attempt(&mut self) -> Duration {
        let begun = Instant::now();
        let held = self.is_held();
        match self.try_acquire().await {
            Ok(true) => {
                // From before the request: the server may have counted from then on.
                self.until.send_replace(Some(begun + self.settings.duration * 2 / 3));
                if !held {
                    info!(lease = self.settings.name, "this replica holds the lease");
                }
            }
            Ok(false) => self.lose(held),
            Err(error) if error.is_conflict() => {
                debug!(lease = self.settings.name, "another replica wrote the lease first");
                self.lose(held);
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                warn!(lease = self.settings.name, error, "the lease cannot be read or written");
                if !self.is_held() {
                    self.lose(held);
                }
            }
        }
        jitter(self.settings.duration / 5)
    }

    fn lose(&self, held: bool) {
        if held {
            warn!(lease = self.settings.name, "this replica lost the lease and writes no more");
        }
        self.until.send_if_modified(|until| until.take().is_some());
    }

    async fn try_acquire(&mut self) -> Result<bool, ApiError> {
        let Some(lease) = api::find::<Lease>(&self.client, &self.path()).await? else {
            let metadata = ObjectMeta { name: Some(self.settings.name.clone()), ..ObjectMeta::default() };
            let lease = Lease { metadata, spec: Some(self.record(None)) };
            return self.write(Method::POST, &self.collection(), &lease).await.map(|()| true);
        };
        let spec = lease.spec.as_ref();
        let holder = spec.and_then(|spec| spec.holder_identity.as_deref()).unwrap_or_default();
        if holder != self.settings.identity && !holder.is_empty() && !self.has_expired(&lease) {
            return Ok(false);
        }
        let record = self.record(spec);
        let lease = Lease { metadata: lease.metadata, spec: Some(record) };
        self.write(Method::PUT, &self.path(), &lease).await.map(|()| true)
    }

    /// Whether the record has stood unchanged for its duration since we first saw it.
    fn has_expired(&mut self, lease: &Lease) -> bool {
        let version = lease.metadata.resource_version.clone().unwrap_or_default();
        let seconds = lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds);
        let duration = seconds
            .map_or(self.settings.duration, |seconds| Duration::from_secs(u64::try_from(seconds).unwrap_or_default()));
        match &self.seen {
            Some((seen, since)) if *seen == version => since.elapsed() >= duration,
            _ => {
                self.seen = Some((version, Instant::now()));
                false
            }
        }
    }

    fn record(&self, before: Option<&LeaseSpec>) -> LeaseSpec {
        let now = MicroTime((self.clock)());
        let ours = before.is_some_and(|spec| spec.holder_identity.as_deref() == Some(&*self.settings.identity));
        let transitions = before.and_then(|spec| spec.lease_transitions).unwrap_or_default();
        LeaseSpec {
            holder_identity: Some(self.settings.identity.clone()),
            lease_duration_seconds: Some(i32::try_from(self.settings.duration.as_secs()).unwrap_or(i32::MAX).max(1)),
            acquire_time: before.filter(|_| ours).and_then(|spec| spec.acquire_time.clone()).or(Some(now.clone())),
            renew_time: Some(now),
            lease_transitions: Some(if ours || before.is_none() { transitions } else { transitions + 1 }),
            ..LeaseSpec::default()
        }
    }

    async fn release(&mut self) {
        self.until.send_replace(None);
        let outcome = async {
            let Some(mut lease) = api::find::<Lease>(&self.client, &self.path()).await? else { return Ok(()) };
            let Some(spec) = &mut lease.spec else { return Ok(()) };
            if spec.holder_identity.as_deref() != Some(&self.settings.identity) {
                return Ok(());
            }
            spec.holder_identity = None;
            self.write(Method::PUT, &self.path(), &lease).await
        };
        match outcome.await {
            Ok(()) => info!(lease = self.settings.name, "gave the lease back"),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                warn!(lease = self.settings.name, error, "the lease was not given back: it expires by itself");
            }
        }
    }

    async fn write(&self, method: Method, path: &str, lease: &Lease) -> Result<(), ApiError> {
        api::send::<Lease>(&self.client, method, path, JSON, lease).await.map(drop)
    }

    fn collection(&self) -> String {
        format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", self.settings.namespace)
    }

    fn path(&self) -> String {
        format!("{}/{}", self.collection(), self.settings.name)
    }
}
