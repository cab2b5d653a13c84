//! Subscriptions and resource groups, as far as clients read them.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::json;
use symbolon_core::{
    SubscriptionId, TenantId,
    ports::management::{StoreError, Subscription},
};

use super::{group_not_found, subscription};
use crate::{
    Shared,
    action::ManagementAction,
    caller::{Caller, ResourceManager},
    error::Refusal,
    request::{ApiVersion, Segments},
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
    _: ApiVersion,
) -> Result<Response, Refusal> {
    let all = management.store.subscriptions(caller.tenant()).await?;
    let visible: Vec<Printed> = all
        .into_iter()
        .filter(|found| caller.may(&management, ManagementAction::SubscriptionRead, &scope(found.id)))
        .map(Printed::from)
        .collect();
    Ok(Json(json!({ "value": visible })).into_response())
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

pub(super) async fn resource_group(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    _: ApiVersion,
    Segments((id, name)): Segments<(String, String)>,
) -> Result<Response, Refusal> {
    let found = subscription(&management, &caller, &id).await?;
    let path = format!("{}/resourceGroups/{name}", scope(found.id));
    caller.authorize(&management, ManagementAction::ResourceGroupRead, &path).await?;
    let group = match management.store.resource_group(found.id, &name).await {
        Ok(group) => group,
        Err(StoreError::NotFound { .. }) => return Err(group_not_found(&name)),
        Err(error) => return Err(error.into()),
    };
    let body = json!({
        "id": format!("{}/resourceGroups/{}", scope(found.id), group.name),
        "name": group.name,
        "type": "Microsoft.Resources/resourceGroups",
        "location": group.location,
        "properties": { "provisioningState": "Succeeded" },
    });
    Ok(Json(body).into_response())
}
