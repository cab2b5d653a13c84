//! The wiring: which part is given which port of the others.

mod webhook;

use std::sync::Arc;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use axum::Router;
use symbolon_authority::{Authority, SigningKeys, TokenMetrics};
use symbolon_core::{
    TenantId,
    access::Access,
    exchange::Exchange,
    issuer::TrustedIssuer,
    ports::{
        AuthorityKeys, Clock, Directory, PortError, Random,
        management::{ManagementStore, StoreError},
    },
    urls::Urls,
};
use symbolon_federation::{Federation, Settings, TrustedIssuers};
use symbolon_issuer::Issuer;
use symbolon_management::{
    Defaults, IssuerRegistrations, KeyListing, Management, PublishedKey, SimulatedTrouble, Turns,
};
use symbolon_serve::Metrics;
use symbolon_store::Store;

use crate::{
    administrator::Administrators,
    bootstrap::Installation,
    endpoints::{Layout, Part},
    system::{SystemClock, SystemEntropy},
};

/// The routes of each part.
pub(crate) struct Parts {
    pub(crate) authority: Router,
    pub(crate) management: Router,
    pub(crate) issuer: Router,
    pub(crate) webhook: Router,
}

pub(crate) use webhook::REVIEW_BYTES;

/// Everything that several parts share.
struct Shared {
    store: Store,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    urls: Urls,
    signing_keys: Arc<SigningKeys>,
}

/// Builds all parts.
pub(crate) fn build(store: &Store, installation: Installation, layout: &Layout, metrics: &Metrics) -> Result<Parts> {
    let shared = Shared {
        store: store.clone(),
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemEntropy::new()),
        urls: layout.urls(),
        signing_keys: Arc::new(installation.signing_keys),
    };
    let issuer = Arc::new(
        Issuer::new(layout.url(Part::Issuer), vec![installation.issuer_key])
            .context("the cluster issuer cannot be made")?,
    );
    let federation = federation(&shared, installation.tenant.id, &issuer);
    let webhook = webhook::router(store, installation.tenant.id, layout, metrics);
    let defaults = Defaults {
        tenant: installation.tenant.id,
        subscription: installation.subscription,
        resource_group: installation.resource_group,
    };
    Ok(Parts {
        authority: authority(&shared, Arc::clone(&federation), metrics),
        management: management(&shared, federation, Arc::clone(&issuer), defaults),
        issuer: symbolon_issuer::router(issuer),
        webhook,
    })
}

/// The embedded issuer is trusted in the first tenant only: its service accounts belong to the
/// administrator of that tenant, and another tenant's could otherwise speak for this one's pods.
fn federation(shared: &Shared, tenant: TenantId, issuer: &Issuer) -> Arc<Federation> {
    let registrations = Arc::new(Registrations(shared.store.clone()));
    let federation =
        Federation::new(Settings::default(), registrations, Arc::clone(&shared.clock), Arc::clone(&shared.random));
    federation.set_local_issuer(tenant, issuer.url().to_owned(), issuer.key_set());
    Arc::new(federation)
}

fn authority(shared: &Shared, federation: Arc<Federation>, metrics: &Metrics) -> Router {
    let exchange = Exchange {
        directory: Arc::new(shared.store.clone()),
        issuer_keys: federation,
        signer: Arc::clone(&shared.signing_keys) as _,
        audit: Arc::new(shared.store.clone()),
        clock: Arc::clone(&shared.clock),
        random: Arc::clone(&shared.random),
        urls: shared.urls.clone(),
    };
    symbolon_authority::router(Authority {
        exchange: Arc::new(exchange),
        signing_keys: Arc::clone(&shared.signing_keys),
        metrics: metrics.registry_mut(TokenMetrics::new),
    })
}

fn management(shared: &Shared, federation: Arc<Federation>, issuer: Arc<Issuer>, defaults: Defaults) -> Router {
    let access = Access {
        directory: Arc::new(shared.store.clone()) as Arc<dyn Directory>,
        keys: Arc::clone(&shared.signing_keys) as Arc<dyn AuthorityKeys>,
        clock: Arc::clone(&shared.clock),
        urls: shared.urls.clone(),
    };
    symbolon_management::router(Management {
        store: Arc::new(shared.store.clone()),
        accounts: Arc::new(shared.store.clone()),
        issuer,
        access,
        audit: Arc::new(shared.store.clone()),
        clock: Arc::clone(&shared.clock),
        random: Arc::clone(&shared.random),
        urls: shared.urls.clone(),
        defaults,
        keys: Arc::new(Keys(Arc::clone(&shared.signing_keys))),
        registrations: Arc::new(FederationHook(federation)),
        trouble: SimulatedTrouble::default(),
        administrators: Arc::new(Administrators),
        turns: Turns::default(),
    })
}

/// The store's registrations as the federation reads them.
struct Registrations(Store);

#[async_trait]
impl TrustedIssuers for Registrations {
    async fn find(&self, tenant: TenantId, issuer: &str) -> Result<Option<TrustedIssuer>, PortError> {
        match self.0.trusted_issuer(tenant, issuer).await {
            Ok(found) => Ok(Some(found)),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(PortError { what: "reading the trusted issuers", source: Box::new(error) }),
        }
    }
}

/// The federation as the management plane tells it of registrations.
struct FederationHook(Arc<Federation>);

impl IssuerRegistrations for FederationHook {
    fn validate(&self, issuer: &TrustedIssuer) -> Result<(), String> {
        symbolon_federation::validate(issuer).map_err(|error| error.to_string())
    }

    fn changed(&self, tenant: TenantId, issuer: &str) {
        self.0.invalidate(tenant, issuer);
    }
}

/// The authority's keys as the management plane lists them.
struct Keys(Arc<SigningKeys>);

impl KeyListing for Keys {
    fn published(&self) -> Vec<PublishedKey> {
        let key = |key: &symbolon_authority::signing_keys::Published| PublishedKey {
            key_id: key.key_id.clone(),
            state: key.state.as_str().to_owned(),
            created: key.created,
        };
        self.0.published().iter().map(key).collect()
    }
}
