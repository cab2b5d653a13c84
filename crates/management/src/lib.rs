#![doc = include_str!("../README.md")]

mod action;
mod arm;
mod caller;
mod condition;
mod credential_body;
mod envelope;
mod error;
mod graph;
mod odata;
mod path;
mod request;
mod simulated_trouble;
mod symbolon_api;

use std::{error::Error, sync::Arc};

use axum::{Router, middleware::from_fn_with_state};
use http::Method;
use symbolon_core::{
    SubscriptionId, TenantId,
    access::Access,
    application::Application,
    issuer::TrustedIssuer,
    ports::{AuditLog, Clock, Random, management::ManagementStore},
    urls::Urls,
};
use symbolon_issuer::{Issuer, port::ServiceAccountStore};
use tower::{ServiceBuilder, util::MapRequestLayer};

use crate::error::Refusal;
pub use crate::simulated_trouble::SimulatedTrouble;

/// What the management plane works with.
pub struct Management {
    /// The directory on disk.
    pub store: Arc<dyn ManagementStore>,
    /// The service accounts of the embedded issuer.
    pub accounts: Arc<dyn ServiceAccountStore>,
    /// The embedded issuer.
    pub issuer: Arc<Issuer>,
    /// Who may do what.
    pub access: Access,
    /// The audit trail.
    pub audit: Arc<dyn AuditLog>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for ids and secrets.
    pub random: Arc<dyn Random>,
    /// The URLs of this installation.
    pub urls: Urls,
    /// What the first start made.
    pub defaults: Defaults,
    /// The authority's keys, to be listed.
    pub keys: Arc<dyn KeyListing>,
    /// Who must know of registrations of issuers.
    pub registrations: Arc<dyn IssuerRegistrations>,
    /// Trouble that is made on purpose, where a tenant asks for it.
    pub trouble: SimulatedTrouble,
    /// Makes the administrators of new tenants.
    pub administrators: Arc<dyn AdministratorMaker>,
    /// What happens one after the other.
    pub turns: Turns,
}

/// Where commands work that name no other place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// The tenant that owns the embedded issuer and its service accounts.
    pub tenant: TenantId,
    /// The subscription.
    pub subscription: SubscriptionId,
    /// The resource group.
    pub resource_group: String,
}

/// A key of the authority as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PublishedKey {
    /// Its `kid`.
    pub key_id: String,
    /// `next`, `active` or `retiring`.
    pub state: String,
    /// Unix seconds.
    pub created: i64,
}

/// An administrator of a tenant to be.
#[derive(Clone)]
pub struct NewAdministrator {
    /// The application, with its certificate and service principal.
    pub application: Application,
    /// What `administrator.json` says: the certificate and its private key.
    pub file: serde_json::Value,
}

/// Without the file, which holds the key.
impl std::fmt::Debug for NewAdministrator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewAdministrator").field("app_id", &self.application.app_id).finish_non_exhaustive()
    }
}

/// Makes administrators: applications with keys of their own.
pub trait AdministratorMaker: Send + Sync {
    /// One for `tenant`. It takes a while.
    ///
    /// # Errors
    /// When no key can be made.
    fn make(&self, tenant: TenantId) -> Result<NewAdministrator, Box<dyn Error + Send + Sync>>;
}

/// Changes that read before they write, and so wait for each other.
#[derive(Debug, Default)]
pub struct Turns {
    settings: tokio::sync::Mutex<()>,
}

/// Lists the authority's keys.
pub trait KeyListing: Send + Sync {
    /// All published keys, the signing one among them.
    fn published(&self) -> Vec<PublishedKey>;
}

/// Whoever fetches and caches issuers' keys.
pub trait IssuerRegistrations: Send + Sync {
    /// Whether a registration could be used: its key set holds keys, its CA is one.
    ///
    /// # Errors
    /// What is wrong, for the person who registers.
    fn validate(&self, issuer: &TrustedIssuer) -> Result<(), String>;

    /// A registration was written or deleted: whatever was cached of it no longer counts.
    fn changed(&self, tenant: TenantId, issuer: &str);
}

/// What handlers share.
type Shared = Arc<Management>;

/// The routes of the management plane.
pub fn router(management: Management) -> Router {
    let shared: Shared = Arc::new(management);
    let routes = Router::new()
        .merge(arm::routes())
        .merge(graph::routes())
        .merge(symbolon_api::routes())
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(Arc::clone(&shared), envelope::answer))
        .with_state(shared);
    // Spellings are settled before routing, since axum compares paths exactly and ARM does not.
    Router::new().fallback_service(ServiceBuilder::new().layer(MapRequestLayer::new(path::settle)).service(routes))
}

async fn nothing_here(request: axum::extract::Request) -> Refusal {
    Refusal::not_found("NotFound", format!("There is nothing at the path '{}'.", shorten(request.uri().path())))
}

async fn wrong_method(method: Method) -> Refusal {
    Refusal::method_not_allowed(format!("The HTTP method '{method}' is not supported here."))
}

/// Text of a client for a message, cut to a readable length.
fn shorten(text: &str) -> String {
    text.chars().take(300).collect()
}
