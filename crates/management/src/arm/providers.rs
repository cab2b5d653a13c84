//! The resource providers of a subscription. All are there from the start; nothing is to be registered.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use symbolon_core::SubscriptionId;

use super::{page::PageRequest, subscription};
use crate::{
    Shared,
    action::ManagementAction,
    caller::{Caller, ResourceManager},
    error::Refusal,
    request::{ApiVersion, Query, Segments},
};

struct Provider {
    namespace: &'static str,
    types: &'static [ResourceType],
}

/// A type's name and the versions that Azure knows; any other is accepted as well.
struct ResourceType(&'static str, &'static [&'static str]);

const IDENTITY_VERSIONS: &[&str] =
    &["2025-05-31-preview", "2025-01-31-preview", "2024-11-30", "2023-01-31", "2022-01-31-preview"];

const PROVIDERS: [Provider; 5] = [
    Provider {
        namespace: "Microsoft.AppConfiguration",
        types: &[ResourceType("configurationStores", &["2024-05-01", "2023-03-01"])],
    },
    Provider {
        namespace: "Microsoft.Authorization",
        types: &[
            ResourceType("roleAssignments", &["2022-04-01"]),
            ResourceType("roleDefinitions", &["2022-05-01-preview", "2022-04-01"]),
            ResourceType("permissions", &["2022-04-01"]),
        ],
    },
    Provider { namespace: "Microsoft.KeyVault", types: &[ResourceType("vaults", &["2024-11-01", "2023-07-01"])] },
    Provider {
        namespace: "Microsoft.ManagedIdentity",
        types: &[
            ResourceType("userAssignedIdentities", IDENTITY_VERSIONS),
            ResourceType("userAssignedIdentities/federatedIdentityCredentials", IDENTITY_VERSIONS),
        ],
    },
    Provider {
        namespace: "Microsoft.Resources",
        types: &[
            ResourceType("tenants", &["2022-12-01", "2020-01-01"]),
            ResourceType("subscriptions", &["2022-12-01", "2020-01-01"]),
            ResourceType("subscriptions/resourceGroups", &["2024-11-01", "2021-04-01"]),
            ResourceType("resources", &["2024-11-01", "2021-04-01"]),
        ],
    },
];

impl Provider {
    fn printed(&self, subscription: SubscriptionId) -> Value {
        let types: Vec<Value> = self
            .types
            .iter()
            .map(|ResourceType(name, versions)| {
                json!({ "resourceType": name, "locations": [], "apiVersions": versions, "capabilities": "None" })
            })
            .collect();
        json!({
            "id": format!("/subscriptions/{subscription}/providers/{}", self.namespace),
            "namespace": self.namespace,
            "registrationState": "Registered",
            "registrationPolicy": "RegistrationRequired",
            "resourceTypes": types,
        })
    }
}

fn find(namespace: &str) -> Result<&'static Provider, Refusal> {
    PROVIDERS.iter().find(|provider| provider.namespace.eq_ignore_ascii_case(namespace)).ok_or_else(|| {
        Refusal::not_found(
            "InvalidResourceNamespace",
            format!("The resource namespace '{}' is invalid.", crate::shorten(namespace)),
        )
    })
}

pub(super) async fn list(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    version: ApiVersion,
    query: Query,
    Segments(id): Segments<String>,
) -> Result<Response, Refusal> {
    let found = subscription(&management, &caller, &id).await?.id;
    caller.authorize(&management, ManagementAction::ProviderRead, &format!("/subscriptions/{found}")).await?;
    let request = PageRequest::new(&query, version)?;
    let page = request.of_all(
        PROVIDERS.iter().collect(),
        |provider| provider.namespace.to_ascii_lowercase(),
        |provider| provider.printed(found),
        (&management.urls, &format!("/subscriptions/{found}/providers")),
    );
    Ok(Json(page).into_response())
}

pub(super) async fn get(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    _: ApiVersion,
    Segments((id, namespace)): Segments<(String, String)>,
) -> Result<Response, Refusal> {
    let found = subscription(&management, &caller, &id).await?.id;
    caller.authorize(&management, ManagementAction::ProviderRead, &format!("/subscriptions/{found}")).await?;
    Ok(Json(find(&namespace)?.printed(found)).into_response())
}

/// Changes nothing, and so stands in no audit trail.
pub(super) async fn register(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    _: ApiVersion,
    Segments((id, namespace)): Segments<(String, String)>,
) -> Result<Response, Refusal> {
    let found = subscription(&management, &caller, &id).await?.id;
    caller.authorize(&management, ManagementAction::ProviderRegister, &format!("/subscriptions/{found}")).await?;
    Ok(Json(find(&namespace)?.printed(found)).into_response())
}
