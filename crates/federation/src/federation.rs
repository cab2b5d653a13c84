use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use symbolon_core::TenantId;
use symbolon_core::difference::printable;
use symbolon_core::issuer::{IssuerKeySource, TrustedIssuer};
use symbolon_core::ports::{Clock, IssuerKeys, IssuerKeysError, PortError, Random};
use symbolon_jose::{JwkSet, VerifyingKey};
use tokio::time::Instant;
use tracing::{debug, error, info, warn};

use crate::cache::Cache;
use crate::entry::{Flight, Landed, Missed, Plan};
use crate::fetch::{Fetcher, Target};
use crate::key_set::KeySet;
use crate::slots::Slots;
use crate::{Resolver, Settings, SystemResolver};

/// Where the registrations of issuers come from.
#[async_trait]
pub trait TrustedIssuers: Send + Sync {
    /// The registration of `issuer` in `tenant`, if there is one.
    ///
    /// # Errors
    /// [`PortError`] when it cannot be read. Nothing is fetched then: a registration may forbid it.
    async fn find(&self, tenant: TenantId, issuer: &str) -> Result<Option<TrustedIssuer>, PortError>;
}

/// The keys of foreign issuers, by tenant and issuer; cheap to clone.
///
/// Must be used within a tokio runtime: fetches run in tasks of their own, so that a caller that
/// goes away takes nothing from the others that wait.
#[derive(Clone)]
pub struct Federation(Arc<Inner>);

struct Inner {
    settings: Settings,
    registrations: Arc<dyn TrustedIssuers>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    fetcher: Fetcher,
    cache: Cache,
    slots: Slots,
    local: RwLock<HashMap<TenantId, HashMap<String, KeySet>>>,
}

impl Federation {
    /// Asks names of the operating system. Reads nothing and connects to nothing yet.
    #[must_use]
    pub fn new(
        settings: Settings,
        registrations: Arc<dyn TrustedIssuers>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        Self::with_resolver(settings, registrations, clock, random, Arc::new(SystemResolver::default()))
    }

    /// As [`Self::new`], with a resolver of one's own. What it finds is held to the same policy.
    #[must_use]
    pub fn with_resolver(
        settings: Settings,
        registrations: Arc<dyn TrustedIssuers>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        resolver: Arc<dyn Resolver>,
    ) -> Self {
        Self(Arc::new(Inner {
            fetcher: Fetcher::new(settings.clone(), resolver),
            cache: Cache::new(settings.max_cached_issuers, settings.max_cached_keys),
            slots: Slots::new(settings.max_concurrent_fetches, settings.max_concurrent_fetches_per_tenant),
            local: RwLock::default(),
            settings,
            registrations,
            clock,
            random,
        }))
    }

    /// Sets the keys of an issuer that is part of this process, or replaces them.
    ///
    /// They hold in `tenant` only, need no registration, and come before any: nothing is ever
    /// fetched for this issuer there.
    #[expect(clippy::needless_pass_by_value, reason = "the set becomes the federation's")]
    pub fn set_local_issuer(&self, tenant: TenantId, issuer: String, keys: JwkSet) {
        let mut local = self.0.local.write().unwrap_or_else(PoisonError::into_inner);
        local.entry(tenant).or_default().insert(issuer, KeySet::from(&keys));
    }

    /// Forgets what is cached for an issuer in a tenant, also its failures.
    ///
    /// To be called after a registration was written or deleted and before that is acknowledged:
    /// otherwise keys of a withdrawn registration would go on serving.
    pub fn invalidate(&self, tenant: TenantId, issuer: &str) {
        self.0.cache.forget(tenant, issuer);
    }
}

#[async_trait]
impl IssuerKeys for Federation {
    async fn key(&self, tenant: TenantId, issuer: &str, key_id: &str) -> Result<VerifyingKey, IssuerKeysError> {
        let inner = &self.0;
        if let Some(answer) = inner.local_key(tenant, issuer, key_id) {
            return answer;
        }
        let entry = inner.cache.entry(tenant, issuer, inner.now());
        let landing = match entry.plan(key_id, inner.now(), &inner.settings) {
            Plan::Answer(answer) => return answer,
            Plan::AnswerAndStart(key, flight) => {
                inner.start(flight, tenant, issuer);
                return Ok(key);
            }
            Plan::Start(flight, landing) => {
                inner.start(flight, tenant, issuer);
                landing
            }
            Plan::Wait(landing) => landing,
        };
        landing.wait().await;
        entry.settle(key_id, inner.now(), &inner.settings)
    }
}

impl Inner {
    fn now(&self) -> i64 {
        self.clock.now().as_millisecond()
    }

    fn local_key(&self, tenant: TenantId, issuer: &str, key_id: &str) -> Option<Result<VerifyingKey, IssuerKeysError>> {
        let local = self.local.read().unwrap_or_else(PoisonError::into_inner);
        let keys = local.get(&tenant)?.get(issuer)?;
        Some(keys.find(key_id).cloned().ok_or_else(|| keys.unknown(key_id)))
    }

    fn start(self: &Arc<Self>, flight: Flight, tenant: TenantId, issuer: &str) {
        let (inner, issuer) = (Arc::clone(self), issuer.to_owned());
        tokio::spawn(async move {
            let started = Instant::now();
            let outcome = inner.load(tenant, &issuer, started).await;
            let landed = flight.land(outcome, inner.now(), &inner.settings, inner.random.as_ref());
            log(&landed, tenant, &issuer, started);
        });
    }

    async fn load(&self, tenant: TenantId, issuer: &str, started: Instant) -> Result<KeySet, Missed> {
        let registration = self.registrations.find(tenant, issuer).await.map_err(|error| {
            error!(%tenant, error = &error as &dyn std::error::Error, "registrations of issuers cannot be read");
            let reason = "the registrations of issuers cannot be read".to_owned();
            Missed { error: IssuerKeysError::DiscoveryUnreachable { reason }, pause: false }
        })?;
        // A store that compares in its own way must not make one issuer's registration another's.
        let registration = registration.filter(|found| found.tenant == tenant && found.issuer == issuer);
        let (ca_pem, allow_private) = match registration.map(|found| found.keys) {
            Some(IssuerKeySource::Registered { jwks }) => {
                return KeySet::parse(jwks.as_bytes(), self.settings.max_keys).map_err(Missed::by_issuer);
            }
            Some(IssuerKeySource::Discovery { ca_pem, allow_private }) => (ca_pem, allow_private),
            None => (None, false),
        };
        let target = Target { issuer, ca_pem: ca_pem.as_deref(), allow_private };
        self.fetch(tenant, &target, started + self.settings.total_timeout).await.map_err(Missed::by_issuer)
    }

    async fn fetch(&self, tenant: TenantId, target: &Target<'_>, deadline: Instant) -> Result<KeySet, IssuerKeysError> {
        let Ok(Some(_slot)) = tokio::time::timeout_at(deadline, self.slots.take(tenant)).await else {
            let reason = "too many issuers are being asked at the moment; try again".to_owned();
            return Err(IssuerKeysError::DiscoveryUnreachable { reason });
        };
        self.fetcher.key_set(target, deadline).await
    }
}

impl Missed {
    fn by_issuer(error: IssuerKeysError) -> Self {
        Self { error, pause: true }
    }
}

fn log(landed: &Landed, tenant: TenantId, issuer: &str, started: Instant) {
    let issuer = printable(issuer);
    let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    match landed {
        Landed::Keys { count: 0, left_out } => {
            warn!(%tenant, issuer, left_out, milliseconds, "issuer `{issuer}` publishes no usable key");
        }
        Landed::Keys { count, left_out } => {
            info!(%tenant, issuer, keys = count, left_out, milliseconds, "read {count} keys of issuer `{issuer}`");
        }
        Landed::Failed { error, news: true, pause } => {
            let pause = pause.as_secs();
            warn!(%tenant, issuer, milliseconds, pause_seconds = pause, "keys of issuer `{issuer}` cannot be had: {error}");
        }
        Landed::Failed { error, news: false, .. } => {
            debug!(%tenant, issuer, milliseconds, "keys of issuer `{issuer}` still cannot be had: {error}");
        }
    }
}
