//! Azure Resource Manager.

mod federated_credentials;
mod filter;
mod identities;
mod page;
mod permissions;
mod role_assignments;
mod role_definitions;
mod scope;
mod subscriptions;

use axum::{Router, routing::get};
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
        .route("/subscriptions", get(subscriptions::list))
        .route("/subscriptions/{subscription}", get(subscriptions::get))
        .route("/subscriptions/{subscription}/resourceGroups/{group}", get(subscriptions::resource_group))
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
