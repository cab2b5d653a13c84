//! The accounts of a cluster: a cache that a watch keeps, and direct reads beside it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use kube::Client;
use symbolon_admission::ServiceAccount;
use tokio::time::{Instant, sleep, timeout_at};

use super::cache::Cache;
use super::direct::Direct;
use super::watch::Watch;
use super::{AccountName, LookupError, ServiceAccounts};
use crate::backoff::jitter;
use crate::metrics::{Metrics, Source};

/// Between reads of an account that is not there yet, at first and at most.
const FIRST_RETRY: Duration = Duration::from_millis(20);
const LONGEST_RETRY: Duration = Duration::from_millis(200);
/// How long a read that has begun may take, beyond the wait for an account that is not there.
const PATIENCE: Duration = Duration::from_secs(1);
/// The same, where an older answer is at hand.
const SHORT_PATIENCE: Duration = Duration::from_millis(500);
/// How long a server that did not answer is not asked again, where an older answer is at hand.
const GRUDGE: Duration = Duration::from_secs(5);

/// The pauses and limits of the watch. [`Timing::default`] is what production uses.
#[derive(Clone, Debug)]
pub struct Timing {
    /// How long a watch runs before it is renewed; between this and its double.
    pub watch: Duration,
    /// A watch on which nothing came for so long is broken: servers send a bookmark every minute.
    pub silence: Duration,
    /// How long after a break the watch may still be catching up.
    pub settle: Duration,
    /// The pause after the first failure.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            watch: Duration::from_mins(5),
            silence: Duration::from_secs(100),
            settle: Duration::from_secs(1),
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(5),
        }
    }
}

impl Timing {
    pub(crate) fn watch_seconds(&self) -> u64 {
        jitter(self.watch * 2).as_secs().max(1)
    }
}

/// The service accounts of a cluster.
#[derive(Clone, Debug)]
pub struct ClusterAccounts {
    cache: Arc<Cache>,
    direct: Arc<Direct>,
    metrics: Arc<Metrics>,
    silent_until: Arc<Mutex<Option<Instant>>>,
}

impl ClusterAccounts {
    /// The accounts, and the work that keeps them in step, which has to be run.
    pub fn new(client: Client, timing: Timing, metrics: Arc<Metrics>) -> (Self, impl Future<Output = ()> + Send) {
        let cache = Arc::new(Cache::default());
        let accounts = Self {
            cache: Arc::clone(&cache),
            direct: Arc::new(Direct::new(client.clone(), Arc::clone(&metrics))),
            metrics: Arc::clone(&metrics),
            silent_until: Arc::default(),
        };
        let watch =
            Watch { client, cache, metrics, timing, version: String::new(), streams_lists: true, listing: false };
        (accounts, watch.run())
    }

    /// Whether all accounts are known and kept in step.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.cache.is_live()
    }

    async fn ask(&self, account: AccountName<'_>, deadline: Instant) -> Result<ServiceAccount, LookupError> {
        let patience = match self.cache.get(account) {
            Some(_) => Instant::now() + SHORT_PATIENCE,
            None => deadline + PATIENCE,
        };
        let outcome = timeout_at(patience, self.direct.read(account)).await;
        outcome.unwrap_or_else(|_| Err(account.unavailable("no answer in time")))
    }

    fn is_silent(&self) -> bool {
        let until = *self.silent_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    fn note(&self, silent: bool) {
        let until = silent.then(|| Instant::now() + GRUDGE);
        *self.silent_until.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }

    /// What was known last, for when nobody can be asked.
    fn remembered(&self, account: AccountName<'_>) -> Option<ServiceAccount> {
        let found = self.cache.get(account);
        if found.is_some() {
            self.metrics.account_from(Source::Memory);
        }
        found
    }
}

#[async_trait]
impl ServiceAccounts for ClusterAccounts {
    fn known(&self, account: AccountName<'_>) -> Option<ServiceAccount> {
        if !self.cache.is_live() {
            return None;
        }
        let found = self.cache.get(account)?;
        self.metrics.account_from(Source::Watch);
        Some(found)
    }

    async fn read(&self, account: AccountName<'_>, deadline: Instant) -> Result<ServiceAccount, LookupError> {
        if !account.is_valid() {
            return Err(account.not_found());
        }
        let mut pause = FIRST_RETRY;
        loop {
            if self.is_silent()
                && let Some(found) = self.remembered(account)
            {
                return Ok(found);
            }
            let outcome = self.ask(account, deadline).await;
            match outcome {
                Ok(found) => {
                    self.note(false);
                    self.metrics.account_from(Source::Read);
                    return Ok(found);
                }
                Err(LookupError::Unavailable { .. }) => {
                    self.note(true);
                    if let Some(found) = self.remembered(account) {
                        return Ok(found);
                    }
                }
                Err(LookupError::NotFound { .. }) => self.note(false),
            }
            if Instant::now() >= deadline {
                return outcome;
            }
            self.metrics.wait();
            sleep(pause.min(deadline.saturating_duration_since(Instant::now()))).await;
            pause = (pause * 2).min(LONGEST_RETRY);
        }
    }
}
