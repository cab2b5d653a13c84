//! `Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials`

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde::Serialize;
use symbolon_core::{
    TenantId,
    arm_id::IdentityPath,
    claims_matching::LANGUAGE_VERSION,
    federated_credential::{FederatedCredential, InvalidCredential},
    managed_identity::ManagedIdentity,
    ports::management::{CredentialTerms, Holder, StoreError},
};

use super::{
    enter,
    identities::{encoded, status},
    page::PageRequest,
    require_group,
};
use crate::{
    Management, Shared,
    action::ManagementAction,
    caller::{Caller, ResourceManager},
    condition::{Conditional, etag},
    credential_body,
    error::{Refusal, sentence},
    request::{ApiVersion, Fields, JsonBody, Query, Segments},
    simulated_trouble::{Request, Writing, delayed, settings},
};

const TYPE: &str = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials";

/// Subscription, resource group, identity and credential.
type Place = (String, String, String, String);

/// A credential as ARM prints it.
#[derive(Serialize)]
struct Printed {
    id: String,
    name: String,
    r#type: &'static str,
    properties: Properties,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    issuer: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    claims_matching_expression: Option<Expression>,
    audiences: [String; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Expression {
    language_version: i64,
    value: String,
}

impl Printed {
    fn new(path: &IdentityPath, credential: &FederatedCredential) -> Self {
        Self {
            id: format!("{}{}", path.mirid(), below(credential.name())),
            name: credential.name().to_owned(),
            r#type: TYPE,
            properties: Properties {
                issuer: credential.issuer().to_owned(),
                subject: credential.subject().map(str::to_owned),
                claims_matching_expression: credential
                    .expression()
                    .map(|expression| Expression { language_version: LANGUAGE_VERSION, value: expression.to_string() }),
                audiences: [credential.audience().to_owned()],
            },
        }
    }
}

/// What follows the identity's id in the id of a credential.
fn below(name: &str) -> String {
    format!("/federatedIdentityCredentials/{name}")
}

pub(super) async fn get(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    _: ApiVersion,
    Segments((subscription, group, identity, name)): Segments<Place>,
) -> Result<Response, Refusal> {
    let place = (subscription.as_str(), group.as_str(), identity.as_str());
    let action = ManagementAction::CredentialRead;
    let (authorized, path) = enter(&management, &caller, place, action, &below(&name)).await?;
    let parent = parent(&management, authorized.tenant(), &path).await?;
    throttle(&management, &parent, Request::Get)?;
    let found = match management.store.federated_credential(holder(&parent), &name).await {
        Ok(found) => found,
        Err(StoreError::NotFound { .. }) => {
            return Err(Refusal::not_found(
                "ResourceNotFound",
                format!(
                    "The Resource '{TYPE}/{}/{}' under resource group '{}' was not found.",
                    parent.path.name,
                    crate::shorten(&name),
                    parent.path.resource_group
                ),
            ));
        }
        Err(error) => return Err(error.into()),
    };
    Ok((etag(found.version), Json(Printed::new(&parent.path, &found.credential))).into_response())
}

pub(super) async fn put(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    _: ApiVersion,
    (Conditional(condition), Segments((subscription, group, identity, name))): (Conditional, Segments<Place>),
    body: JsonBody,
) -> Result<Response, Refusal> {
    let place = (subscription.as_str(), group.as_str(), identity.as_str());
    let action = ManagementAction::CredentialWrite;
    let (authorized, path) = enter(&management, &caller, place, action, &below(&name)).await?;
    let wanted = wanted(&name, &body.fields())?;
    let parent = parent(&management, authorized.tenant(), &path).await?;
    throttle(&management, &parent, Request::Put)?;
    let writing = begin_write(&management, &parent)?;
    let wanted = delayed(&management, parent.tenant, wanted);
    let terms = CredentialTerms { limit: settings(&management, parent.tenant).max_federated_credentials, condition };
    let written = management.store.put_federated_credential(holder(&parent), &wanted, terms).await;
    let written = written.map_err(|error| match error {
        // Deleted between the look and the write.
        StoreError::NotFound { .. } => parent_not_found(),
        other => other.into(),
    })?;
    drop(writing);
    let resource = format!("{}{}", parent.path, below(wanted.name()));
    caller.done_for(&management, action, &resource, wanted.matching().as_str()).await?;
    let (status, stored) = (status(&written), written.into_inner());
    Ok((status, etag(stored.version), Json(Printed::new(&parent.path, &stored.credential))).into_response())
}

pub(super) async fn delete(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    _: ApiVersion,
    Conditional(condition): Conditional,
    Segments((subscription, group, identity, name)): Segments<Place>,
) -> Result<Response, Refusal> {
    let place = (subscription.as_str(), group.as_str(), identity.as_str());
    let action = ManagementAction::CredentialDelete;
    let (authorized, path) = enter(&management, &caller, place, action, &below(&name)).await?;
    let parent = parent(&management, authorized.tenant(), &path).await?;
    throttle(&management, &parent, Request::Delete)?;
    let writing = begin_write(&management, &parent)?;
    let was_there = management.store.delete_federated_credential(holder(&parent), &name, condition).await?;
    drop(writing);
    if !was_there {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    caller.done(&management, action, &format!("{}{}", parent.path, below(&name))).await?;
    Ok(StatusCode::OK.into_response())
}

pub(super) async fn list(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    version: ApiVersion,
    query: Query,
    Segments((subscription, group, identity)): Segments<(String, String, String)>,
) -> Result<Response, Refusal> {
    let place = (subscription.as_str(), group.as_str(), identity.as_str());
    let (authorized, path) = enter(&management, &caller, place, ManagementAction::CredentialRead, "").await?;
    let parent = parent(&management, authorized.tenant(), &path).await?;
    let request = PageRequest::new(&query, version)?;
    throttle(&management, &parent, Request::List)?;
    let found =
        management.store.federated_credentials(holder(&parent), request.after.as_deref(), request.limit()).await?;
    let link = format!("{}/federatedIdentityCredentials", encoded(&parent.path.to_string()));
    let page = request.of(
        found,
        |found| found.credential.name().to_ascii_lowercase(),
        |found| Printed::new(&parent.path, &found.credential),
        (&management.urls, &link),
    );
    Ok(Json(page).into_response())
}

const fn holder(identity: &ManagedIdentity) -> Holder {
    Holder { tenant: identity.tenant, client_id: identity.client_id }
}

async fn parent(management: &Management, tenant: TenantId, path: &IdentityPath) -> Result<ManagedIdentity, Refusal> {
    match management.store.identity(tenant, path).await {
        Ok(found) => Ok(found),
        Err(StoreError::NotFound { .. }) => {
            require_group(management, path.subscription, &path.resource_group).await?;
            Err(parent_not_found())
        }
        Err(error) => Err(error.into()),
    }
}

fn parent_not_found() -> Refusal {
    Refusal::not_found("ParentResourceNotFound", "The parent user-assigned identity doesn't exist.")
}

/// Refuses above Entra's rates, where the tenant asks for that.
fn throttle(management: &Management, parent: &ManagedIdentity, request: Request) -> Result<(), Refusal> {
    if !settings(management, parent.tenant).simulate.throttling {
        return Ok(());
    }
    let now = management.clock.now().as_millisecond();
    management.trouble.count(request, parent.path.subscription, holder(parent), now).map_err(|seconds| {
        Refusal::too_many(
            format!("The request is being throttled as the limit has been reached for operation type - {request:?}. Try again after {seconds} seconds."),
            seconds,
        )
    })
}

/// Refuses while another credential of the identity is written, where the tenant asks for that.
fn begin_write(management: &Management, parent: &ManagedIdentity) -> Result<Option<Writing>, Refusal> {
    if !settings(management, parent.tenant).simulate.credential_write_conflicts {
        return Ok(None);
    }
    management.trouble.begin_write(holder(parent)).map(Some).ok_or_else(|| {
        Refusal::conflict(
            "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity",
            format!(
                "Too many Federated Identity Credentials are written concurrently for the managed identity '{}'. Concurrent Federated Identity Credentials writes under the same managed identity are not supported.",
                parent.path.key()
            ),
        )
    })
}

fn wanted(name: &str, fields: &Fields<'_>) -> Result<FederatedCredential, Refusal> {
    let empty = || Refusal::invalid("BadRequest", "Federated Identity Credential from HTTP body has empty properties");
    let properties = fields.object("properties")?.ok_or_else(empty)?;
    let issuer = properties.string("issuer")?;
    let matching = credential_body::matching(&properties)?;
    let audiences = properties.strings("audiences")?;
    let (Some(issuer), Some(matching)) = (issuer, matching) else {
        return Err(empty());
    };
    FederatedCredential::with_matching(name, issuer, matching, &audiences.unwrap_or_default(), None).map_err(|error| {
        let message = match &error {
            InvalidCredential::Name(_) => format!(
                "Federated Identity Credential name '{}' is invalid. Expected 3 to 120 letters, digits, hyphens or underscores, starting with a letter or digit.",
                crate::shorten(name)
            ),
            InvalidCredential::Audiences(_) => "Federated identity credentials must have exactly one audience.".into(),
            InvalidCredential::Issuer(_) | InvalidCredential::Length { .. } | InvalidCredential::Control(_) => {
                sentence(&error)
            }
        };
        Refusal::invalid("BadRequest", message)
    })
}
