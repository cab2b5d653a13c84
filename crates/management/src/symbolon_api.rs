//! Symbolon's own API, for the administrator alone.

mod audit;
mod service_accounts;
mod tenants;
mod token_requests;
mod trusted_issuers;

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::json;
use symbolon_core::access::Authorized;

use crate::{
    Management, Shared,
    action::ManagementAction,
    caller::{Caller, ResourceManager},
    error::Refusal,
};

/// Where all of it needs its role: the whole tenant.
const SCOPE: &str = "/";

pub(crate) fn routes() -> Router<Shared> {
    const ACCOUNT: &str = "/symbolon/v1/namespaces/{namespace}/serviceaccounts/{name}";
    Router::new()
        .route("/symbolon/v1/installation", get(installation))
        .route("/symbolon/v1/keys", get(keys))
        .route("/symbolon/v1/audit", get(audit::list))
        .route("/symbolon/v1/serviceaccounts", get(service_accounts::list).post(service_accounts::create))
        .route(ACCOUNT, get(service_accounts::get).patch(service_accounts::patch).delete(service_accounts::delete))
        .route(&format!("{ACCOUNT}/token"), post(token_requests::create))
        .route("/symbolon/v1/tenants", get(tenants::list).post(tenants::create))
        .route("/symbolon/v1/tenant", get(tenants::get).patch(tenants::patch))
        .route("/symbolon/v1/subscriptions", get(tenants::subscriptions).post(tenants::create_subscription))
        .route("/symbolon/v1/trusted-issuers", get(trusted_issuers::list).put(trusted_issuers::put))
        .route("/symbolon/v1/trusted-issuers/{issuer}", get(trusted_issuers::get).delete(trusted_issuers::delete))
}

async fn installation(State(management): State<Shared>, caller: Caller<ResourceManager>) -> Result<Response, Refusal> {
    let authorized = caller.authorize(&management, ManagementAction::InstallationShow, SCOPE).await?;
    let body = json!({
        "tenantId": authorized.tenant(),
        "subscriptionId": management.defaults.subscription,
        "resourceGroup": management.defaults.resource_group,
        "authority": management.urls.authority,
        "management": management.urls.management,
        "vault": management.urls.vault,
        "appConfiguration": management.urls.app_configuration,
        "issuer": management.issuer.url(),
    });
    Ok(Json(body).into_response())
}

async fn keys(State(management): State<Shared>, caller: Caller<ResourceManager>) -> Result<Response, Refusal> {
    caller.authorize(&management, ManagementAction::KeyShow, SCOPE).await?;
    Ok(Json(json!({ "value": management.keys.published() })).into_response())
}

/// Whether the caller's tenant is the one that owns the embedded issuer.
fn is_home(management: &Management, caller: &Caller<ResourceManager>) -> bool {
    caller.tenant() == management.defaults.tenant
}

/// Authorises something at the embedded issuer. Service accounts belong to no tenant, and one
/// tenant trusts their tokens: the administrator of another could otherwise speak for its pods.
async fn at_issuer(
    management: &Management,
    caller: &Caller<ResourceManager>,
    action: ManagementAction,
) -> Result<Authorized<ManagementAction>, Refusal> {
    at_home(management, caller, action, "The embedded issuer and its service accounts belong to another tenant.").await
}

/// Authorises what is for administrators of the installation's first tenant alone: every tenant's
/// owner is one at `/`, so a role alone would not do.
async fn at_home(
    management: &Management,
    caller: &Caller<ResourceManager>,
    action: ManagementAction,
    refusal: &str,
) -> Result<Authorized<ManagementAction>, Refusal> {
    let authorized = caller.authorize(management, action, SCOPE).await?;
    if is_home(management, caller) {
        return Ok(authorized);
    }
    Err(caller.forbid(management, action, SCOPE, refusal).await)
}
