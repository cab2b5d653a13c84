//! Tenants and subscriptions, as clients read them.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::json;
use symbolon_core::{SubscriptionId, TenantId, ports::management::Subscription};

use super::{page::PageRequest, subscription};
use crate::{
    Shared,
    action::ManagementAction,
    caller::{Caller, ResourceManager},
    error::Refusal,
    request::{ApiVersion, Query, Segments},
};

/// A subscription as ARM prints it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Printed {
    id: String,
    subscription_id: SubscriptionId,
    tenant_id: TenantId,
    display_name: String,
    state: &'static str,
    managed_by_tenants: [(); 0],
    authorization_source: &'static str,
}

impl From<Subscription> for Printed {
    fn from(subscription: Subscription) -> Self {
        Self {
            id: scope(subscription.id),
            subscription_id: subscription.id,
            tenant_id: subscription.tenant,
            display_name: subscription.display_name,
            state: "Enabled",
            managed_by_tenants: [],
            authorization_source: "RoleBased",
        }
    }
}

fn scope(id: SubscriptionId) -> String {
    format!("/subscriptions/{id}")
}

/// Only those where the caller has a role, as ARM does: `az login` shows what comes back here.
pub(super) async fn list(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    version: ApiVersion,
    query: Query,
) -> Result<Response, Refusal> {
    let request = PageRequest::new(&query, version)?;
    let mut all = management.store.subscriptions(caller.tenant()).await?;
    all.retain(|found| {
        let scope = scope(found.id);
        // A role on something in it shows the subscription, or nobody could work with what it is for.
        caller.may(&management, ManagementAction::SubscriptionRead, &scope)
            || caller.has_role_below(&management, &scope)
    });
    all.sort_by_key(|found| found.id.to_string());
    let key = |found: &Subscription| found.id.to_string();
    let page = request.of_all(all, key, Printed::from, (&management.urls, "/subscriptions"));
    Ok(Json(page).into_response())
}

pub(super) async fn get(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    _: ApiVersion,
    Segments(id): Segments<String>,
) -> Result<Response, Refusal> {
    let found = subscription(&management, &caller, &id).await?;
    caller.authorize(&management, ManagementAction::SubscriptionRead, &scope(found.id)).await?;
    Ok(Json(Printed::from(found)).into_response())
}

/// The one region that there is. Resources may name any other: Azure's names work unchanged.
pub(super) async fn locations(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    _: ApiVersion,
    Segments(id): Segments<String>,
) -> Result<Response, Refusal> {
    let found = scope(subscription(&management, &caller, &id).await?.id);
    caller.authorize(&management, ManagementAction::LocationRead, &found).await?;
    let body = json!({
        "value": [{
            "id": format!("{found}/locations/local"),
            "name": "local",
            "type": "Region",
            "displayName": "Local",
            "regionalDisplayName": "Local",
            "metadata": { "regionType": "Physical", "regionCategory": "Recommended" },
        }],
    });
    Ok(Json(body).into_response())
}

/// The caller's own tenant, for which it needs no role: it stands in its token.
pub(super) async fn tenants(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    _: ApiVersion,
) -> Response {
    let found = management.access.directory.tenant(caller.tenant());
    let printed = found.map(|tenant| {
        json!({
            "id": format!("/tenants/{}", tenant.id),
            "tenantId": tenant.id,
            "displayName": tenant.display_name,
            "domains": tenant.domains,
            "defaultDomain": tenant.domains.first(),
            "tenantCategory": "Home",
            "tenantType": "AAD",
        })
    });
    Json(json!({ "value": Vec::from_iter(printed) })).into_response()
}
