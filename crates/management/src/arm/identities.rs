//! `Microsoft.ManagedIdentity/userAssignedIdentities`

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde::Serialize;
use symbolon_core::{
    ClientId, ObjectId, SubscriptionId, TenantId,
    arm_id::IdentityPath,
    managed_identity::{self, ManagedIdentity},
    ports::management::{StoreError, Written},
};

use super::{enter, page::PageRequest, require_group, subscription};
use crate::{
    Management, Shared,
    action::ManagementAction,
    caller::{Caller, ResourceManager},
    error::{Refusal, sentence},
    request::{ApiVersion, Fields, JsonBody, Query, Segments},
};

const TYPE: &str = "Microsoft.ManagedIdentity/userAssignedIdentities";
const MAX_TAGS: usize = 50;
const MAX_TAG_NAME: usize = 512;
const MAX_TAG_VALUE: usize = 256;
const MAX_LOCATION: usize = 90;

/// Subscription, resource group and name.
type Place = (String, String, String);

/// An identity as ARM prints it.
#[derive(Serialize)]
struct Printed {
    id: String,
    name: String,
    r#type: &'static str,
    location: String,
    tags: BTreeMap<String, String>,
    properties: Properties,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "these are ARM's names")]
struct Properties {
    tenant_id: TenantId,
    principal_id: ObjectId,
    client_id: ClientId,
}

impl From<ManagedIdentity> for Printed {
    fn from(identity: ManagedIdentity) -> Self {
        Self {
            id: identity.path.to_string(),
            name: identity.path.name,
            r#type: TYPE,
            location: identity.location,
            tags: identity.tags,
            properties: Properties {
                tenant_id: identity.tenant,
                principal_id: identity.principal_id,
                client_id: identity.client_id,
            },
        }
    }
}

pub(super) async fn get(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    _: ApiVersion,
    Segments((subscription, group, name)): Segments<Place>,
) -> Result<Response, Refusal> {
    let place = (subscription.as_str(), group.as_str(), name.as_str());
    let (authorized, path) = enter(&management, &caller, place, ManagementAction::IdentityRead, "").await?;
    let found = one(&management, authorized.tenant(), &path).await?;
    Ok(Json(Printed::from(found)).into_response())
}

pub(super) async fn put(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    _: ApiVersion,
    Segments((subscription, group, name)): Segments<Place>,
    body: JsonBody,
) -> Result<Response, Refusal> {
    let place = (subscription.as_str(), group.as_str(), name.as_str());
    let (authorized, path) = enter(&management, &caller, place, ManagementAction::IdentityWrite, "").await?;
    managed_identity::check_name(&name).map_err(|error| Refusal::invalid("InvalidResourceName", sentence(&error)))?;
    require_group(&management, path.subscription, &path.resource_group).await?;
    let wanted = wanted(&management, authorized.tenant(), path, &body.fields())?;
    require_same_location(&management, &wanted).await?;
    let written = management.store.put_identity(&wanted).await?;
    let status = status(&written);
    let identity = written.into_inner();
    caller.done(&management, authorized.action(), &identity.path.to_string()).await?;
    Ok((status, Json(Printed::from(identity))).into_response())
}

/// What a PUT asks for; ids are made anew and count only where the identity is new.
fn wanted(
    management: &Management,
    tenant: TenantId,
    path: IdentityPath,
    fields: &Fields<'_>,
) -> Result<ManagedIdentity, Refusal> {
    let location = fields.string("location")?.filter(|location| !location.trim().is_empty()).ok_or_else(|| {
        Refusal::invalid("LocationRequired", "The location property is required for this definition.")
    })?;
    if location.chars().count() > MAX_LOCATION || location.chars().any(char::is_control) {
        let message = "The location is longer than 90 characters or holds a control character.";
        return Err(Refusal::invalid("InvalidRequestContent", message));
    }
    Ok(ManagedIdentity {
        tenant,
        path,
        client_id: ClientId::new(management.random.guid()),
        principal_id: ObjectId::new(management.random.guid()),
        location: location.to_owned(),
        tags: tags(fields)?.unwrap_or_default(),
        version: 0,
    })
}

/// An identity does not move, in Azure as here.
async fn require_same_location(management: &Management, wanted: &ManagedIdentity) -> Result<(), Refusal> {
    let found = match management.store.identity(wanted.tenant, &wanted.path).await {
        Ok(found) => found,
        Err(StoreError::NotFound { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    // "West Europe" and "westeurope" are one region.
    let plain = |location: &str| location.replace(' ', "").to_lowercase();
    if plain(&found.location) == plain(&wanted.location) {
        return Ok(());
    }
    Err(Refusal::conflict(
        "InvalidResourceLocation",
        format!(
            "The resource '{}' already exists in location '{}' in resource group '{}'. A resource with the same name cannot be created in location '{}'. Please select a new resource name.",
            found.path.name, found.location, found.path.resource_group, wanted.location
        ),
    ))
}

pub(super) async fn patch(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    _: ApiVersion,
    Segments((subscription, group, name)): Segments<Place>,
    body: JsonBody,
) -> Result<Response, Refusal> {
    let place = (subscription.as_str(), group.as_str(), name.as_str());
    let (authorized, path) = enter(&management, &caller, place, ManagementAction::IdentityWrite, "").await?;
    let found = one(&management, authorized.tenant(), &path).await?;
    let Some(tags) = tags(&body.fields())? else {
        return Ok(Json(Printed::from(found)).into_response());
    };
    let changed = management.store.set_identity_tags(authorized.tenant(), &path, &tags).await?;
    caller.done(&management, authorized.action(), &changed.path.to_string()).await?;
    Ok(Json(Printed::from(changed)).into_response())
}

pub(super) async fn delete(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    _: ApiVersion,
    Segments((subscription, group, name)): Segments<Place>,
) -> Result<Response, Refusal> {
    let place = (subscription.as_str(), group.as_str(), name.as_str());
    let (authorized, path) = enter(&management, &caller, place, ManagementAction::IdentityDelete, "").await?;
    require_group(&management, path.subscription, &path.resource_group).await?;
    if !management.store.delete_identity(authorized.tenant(), &path).await? {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    caller.done(&management, authorized.action(), &path.to_string()).await?;
    Ok(StatusCode::OK.into_response())
}

pub(super) async fn list_in_group(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    version: ApiVersion,
    query: Query,
    Segments((id, group)): Segments<(String, String)>,
) -> Result<Response, Refusal> {
    let subscription = subscription(&management, &caller, &id).await?.id;
    let scope = format!("/subscriptions/{subscription}/resourceGroups/{group}");
    let authorized = caller.authorize(&management, ManagementAction::IdentityRead, &scope).await?;
    require_group(&management, subscription, &group).await?;
    let request = PageRequest::new(&query, version)?;
    list(&management, authorized.tenant(), (subscription, Some(&group)), &request, &scope).await
}

pub(super) async fn list_in_subscription(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    version: ApiVersion,
    query: Query,
    Segments(id): Segments<String>,
) -> Result<Response, Refusal> {
    let subscription = subscription(&management, &caller, &id).await?.id;
    let scope = format!("/subscriptions/{subscription}");
    let authorized = caller.authorize(&management, ManagementAction::IdentityRead, &scope).await?;
    let request = PageRequest::new(&query, version)?;
    list(&management, authorized.tenant(), (subscription, None), &request, &scope).await
}

async fn list(
    management: &Management,
    tenant: TenantId,
    (subscription, group): (SubscriptionId, Option<&str>),
    request: &PageRequest,
    scope: &str,
) -> Result<Response, Refusal> {
    let after = request.after.as_deref();
    let found = management.store.identities(tenant, subscription, group, after, request.limit()).await?;
    let path = format!("{}/providers/{TYPE}", encoded(scope));
    let page = request.of(found, |identity| identity.path.key(), Printed::from, (&management.urls, &path));
    Ok(Json(page).into_response())
}

/// A scope as it stands in a URL; names may hold what a URL may not.
pub(super) fn encoded(scope: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const KEPT: AsciiSet = NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    utf8_percent_encode(scope, &KEPT).to_string()
}

async fn one(management: &Management, tenant: TenantId, path: &IdentityPath) -> Result<ManagedIdentity, Refusal> {
    match management.store.identity(tenant, path).await {
        Ok(found) => Ok(found),
        Err(StoreError::NotFound { .. }) => {
            require_group(management, path.subscription, &path.resource_group).await?;
            Err(Refusal::not_found(
                "ResourceNotFound",
                format!(
                    "The Resource '{TYPE}/{}' under resource group '{}' was not found.",
                    crate::shorten(&path.name),
                    crate::shorten(&path.resource_group)
                ),
            ))
        }
        Err(error) => Err(error.into()),
    }
}

fn tags(fields: &Fields<'_>) -> Result<Option<BTreeMap<String, String>>, Refusal> {
    let Some(tags) = fields.string_map("tags")? else { return Ok(None) };
    let fits = |(name, value): (&String, &String)| {
        (1..=MAX_TAG_NAME).contains(&name.chars().count()) && value.chars().count() <= MAX_TAG_VALUE
    };
    if tags.len() > MAX_TAGS || !tags.iter().all(fits) {
        return Err(Refusal::invalid(
            "InvalidTags",
            format!(
                "The tags are invalid, expected at most {MAX_TAGS}, with names of 1 to {MAX_TAG_NAME} and values of up to {MAX_TAG_VALUE} characters."
            ),
        ));
    }
    Ok(Some(tags))
}

/// 201 for something new, 200 otherwise.
pub(super) const fn status<T>(written: &Written<T>) -> StatusCode {
    match written {
        Written::Created(_) => StatusCode::CREATED,
        Written::Updated(_) => StatusCode::OK,
    }
}
