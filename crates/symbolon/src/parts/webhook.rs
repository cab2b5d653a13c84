//! The admission webhook over the embedded issuer's service accounts.

use std::sync::{Arc, atomic::AtomicBool};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use axum::Router;
use symbolon_admission::{ServiceAccount, Settings};
use symbolon_core::TenantId;
use symbolon_issuer::port::{ServiceAccountError, ServiceAccountStore};
use symbolon_serve::Metrics;
use symbolon_store::Store;
use symbolon_webhook::{
    accounts::{AccountName, LookupError, ServiceAccounts},
    handler::{self, Webhook},
    metrics,
};
use tokio::time::{Duration, Instant};

use crate::endpoints::{Layout, Part};

/// The most bytes of a review that a connection carries; the handler's own limit lies below, and
/// its answer is the one that API servers understand.
pub(crate) const REVIEW_BYTES: usize = handler::BODY_LIMIT + 1024;

/// The webhook of `symbolon up`.
///
/// There is nobody to race with: an account that the store does not have is refused at once.
pub(super) fn router(store: &Store, tenant: TenantId, layout: &Layout, metrics: &Metrics) -> Router {
    let settings = Settings::new(tenant.to_string(), format!("{}/", layout.url(Part::Authority)));
    handler::router(Webhook {
        accounts: EmbeddedAccounts(store.clone()),
        settings: Arc::new(ArcSwap::from_pointee(settings)),
        account_wait: Duration::ZERO,
        metrics: metrics.registry_mut(metrics::Metrics::new),
        leaving: Arc::new(AtomicBool::new(false)),
    })
}

/// The service accounts of the embedded cluster issuer.
struct EmbeddedAccounts(Store);

#[async_trait]
impl ServiceAccounts for EmbeddedAccounts {
    async fn read(&self, account: AccountName<'_>, _deadline: Instant) -> Result<ServiceAccount, LookupError> {
        match ServiceAccountStore::get(&self.0, account.namespace, account.name).await {
            Ok(found) => {
                let annotations = found.annotations.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                Ok(ServiceAccount::new([], annotations))
            }
            Err(ServiceAccountError::NotFound { name, .. }) => Err(LookupError::NotFound { name }),
            Err(error) => Err(LookupError::Unavailable {
                namespace: account.namespace.to_owned(),
                name: account.name.to_owned(),
                reason: error.to_string(),
            }),
        }
    }
}
