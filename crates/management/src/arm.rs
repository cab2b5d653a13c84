//! Azure Resource Manager.

mod federated_credentials;
mod filter;
mod identities;
mod metadata;
mod page;
mod permissions;
mod providers;
mod resource_groups;
mod resources;
mod role_assignments;
mod role_definitions;
mod role_filter;
mod scope;
mod subscriptions;
mod tags;

use axum::{
    Router,
    routing::{get, post},
};
use symbolon_core::{SubscriptionId, access::Authorized, arm_id::IdentityPath, ports::management::Subscription};

use crate::{
    Management, Shared,
    action::ManagementAction,
    caller::{Caller, ResourceManager},
    error::Refusal,
};

pub(crate) fn routes() -> Router<Shared> {
    const IDENTITIES: &str = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities";
    let identity = format!("{IDENTITIES}/{{identity}}");
    let credentials = format!("{identity}/federatedIdentityCredentials");
    Router::new()
        .route("/metadata/endpoints", get(metadata::endpoints))
        .route("/tenants", get(subscriptions::tenants))
        .merge(subscription_routes())
        .route(
            "/subscriptions/{subscription}/providers/Microsoft.ManagedIdentity/userAssignedIdentities",
            get(identities::list_in_subscription),
        )
        .route(IDENTITIES, get(identities::list_in_group))
        .route(&identity, get(identities::get).put(identities::put).patch(identities::patch).delete(identities::delete))
        .route(&credentials, get(federated_credentials::list))
        .route(
            &format!("{credentials}/{{credential}}"),
            get(federated_credentials::get).put(federated_credentials::put).delete(federated_credentials::delete),
        )
        .merge(permissions::routes())
        .merge(role_assignments::routes())
        .merge(role_definitions::routes())
}

fn subscription_routes() -> Router<Shared> {
    const SUBSCRIPTION: &str = "/subscriptions/{subscription}";
    let groups = format!("{SUBSCRIPTION}/resourceGroups");
    let group = format!("{groups}/{{group}}");
    Router::new()
        .route("/subscriptions", get(subscriptions::list))
        .route(SUBSCRIPTION, get(subscriptions::get))
        .route(&format!("{SUBSCRIPTION}/locations"), get(subscriptions::locations))
        .route(&format!("{SUBSCRIPTION}/providers"), get(providers::list))
        .route(&format!("{SUBSCRIPTION}/providers/{{namespace}}"), get(providers::get))
        .route(&format!("{SUBSCRIPTION}/providers/{{namespace}}/register"), post(providers::register))
        .route(&format!("{SUBSCRIPTION}/resources"), get(resources::list_in_subscription))
        .route(&groups, get(resource_groups::list))
        .route(
            &group,
            get(resource_groups::get)
                .head(resource_groups::head)
                .put(resource_groups::put)
                .patch(resource_groups::patch)
                .delete(resource_groups::delete),
        )
        .route(&format!("{group}/resources"), get(resources::list_in_group))
}

/// The subscription with this id, if it is one of the caller's tenant. Another tenant's is not
/// there at all, so that nobody learns which ids exist.
async fn subscription(
    management: &Management,
    caller: &Caller<ResourceManager>,
    text: &str,
) -> Result<Subscription, Refusal> {
    let id: SubscriptionId = text.parse().map_err(|_| {
        Refusal::invalid(
            "InvalidSubscriptionId",
            format!("The provided subscription identifier '{}' is malformed or invalid.", crate::shorten(text)),
        )
    })?;
    let all = management.store.subscriptions(caller.tenant()).await?;
    all.into_iter().find(|subscription| subscription.id == id).ok_or_else(|| {
        Refusal::not_found("SubscriptionNotFound", format!("The subscription '{id}' could not be found."))
    })
}

/// The path of an identity in a subscription of the caller's, and the right to `action` there.
async fn enter(
    management: &Management,
    caller: &Caller<ResourceManager>,
    (subscription_id, group, name): (&str, &str, &str),
    action: ManagementAction,
    below: &str,
) -> Result<(Authorized<ManagementAction>, IdentityPath), Refusal> {
    let subscription = subscription(management, caller, subscription_id).await?;
    let path = IdentityPath { subscription: subscription.id, resource_group: group.to_owned(), name: name.to_owned() };
    let authorized = caller.authorize(management, action, &format!("{path}{below}")).await?;
    Ok((authorized, path))
}

/// Refuses where the resource group is not there; ARM looks at it before the resource.
async fn require_group(management: &Management, subscription: SubscriptionId, group: &str) -> Result<(), Refusal> {
    use symbolon_core::ports::management::StoreError;
    match management.store.resource_group(subscription, group).await {
        Ok(_) => Ok(()),
        Err(StoreError::NotFound { .. }) => Err(group_not_found(group)),
        Err(error) => Err(error.into()),
    }
}

fn group_not_found(group: &str) -> Refusal {
    Refusal::not_found(
        "ResourceGroupNotFound",
        format!("Resource group '{}' could not be found.", crate::shorten(group)),
    )
}
