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

use super::{
    enter,
    page::PageRequest,
    require_group, subscription,
    tags::{location, same_location, tags},
};
use crate::{
    Management, Shared,
    action::ManagementAction,
    caller::{Caller, ResourceManager},
    condition::{Conditional, etag},
    error::{Refusal, sentence},
    request::{ApiVersion, Fields, JsonBody, Query, Segments},
};

pub(super) const TYPE: &str = "Microsoft.ManagedIdentity/userAssignedIdentities";

/// Subscription, resource group and name.
type Segmented = (String, String, String);

/// Where identities are listed: a subscription, or one resource group of it.
pub(super) struct Place {
    pub(super) subscription: SubscriptionId,
    pub(super) group: Option<String>,
}

impl Place {
    pub(super) fn scope(&self) -> String {
        match &self.group {
            Some(group) => format!("/subscriptions/{}/resourceGroups/{group}", self.subscription),
            None => format!("/subscriptions/{}", self.subscription),
        }
    }
}

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
            // Azure writes `resourcegroups` in lower case here, and tools compare the text.
            id: identity.path.mirid(),
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
    Segments((subscription, group, name)): Segments<Segmented>,
) -> Result<Response, Refusal> {
    let place = (subscription.as_str(), group.as_str(), name.as_str());
    let (authorized, path) = enter(&management, &caller, place, ManagementAction::IdentityRead, "").await?;
    let found = one(&management, authorized.tenant(), &path).await?;
    Ok((etag(found.version), Json(Printed::from(found))).into_response())
}

pub(super) async fn put(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    _: ApiVersion,
    (Conditional(condition), Segments((subscription, group, name))): (Conditional, Segments<Segmented>),
    body: JsonBody,
) -> Result<Response, Refusal> {
    let place = (subscription.as_str(), group.as_str(), name.as_str());
    let (authorized, path) = enter(&management, &caller, place, ManagementAction::IdentityWrite, "").await?;
    managed_identity::check_name(&name).map_err(|error| Refusal::invalid("InvalidResourceName", sentence(&error)))?;
    require_group(&management, path.subscription, &path.resource_group).await?;
    let wanted = wanted(&management, authorized.tenant(), path, &body.fields())?;
    require_same_location(&management, &wanted).await?;
    let written = management.store.put_identity(&wanted, condition).await?;
    let status = status(&written);
    let identity = written.into_inner();
    caller.done(&management, authorized.action(), &identity.path.to_string()).await?;
    Ok((status, etag(identity.version), Json(Printed::from(identity))).into_response())
}

/// What a PUT asks for; ids are made anew and count only where the identity is new.
fn wanted(
    management: &Management,
    tenant: TenantId,
    path: IdentityPath,
    fields: &Fields<'_>,
) -> Result<ManagedIdentity, Refusal> {
    Ok(ManagedIdentity {
        tenant,
        path,
        client_id: ClientId::new(management.random.guid()),
        principal_id: ObjectId::new(management.random.guid()),
        location: location(fields)?,
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
    if same_location(&found.location, &wanted.location) {
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
    (Conditional(condition), Segments((subscription, group, name))): (Conditional, Segments<Segmented>),
    body: JsonBody,
) -> Result<Response, Refusal> {
    let place = (subscription.as_str(), group.as_str(), name.as_str());
    let (authorized, path) = enter(&management, &caller, place, ManagementAction::IdentityWrite, "").await?;
    let found = one(&management, authorized.tenant(), &path).await?;
    let Some(tags) = tags(&body.fields())? else {
        condition.check("identity", Some(found.version))?;
        return Ok((etag(found.version), Json(Printed::from(found))).into_response());
    };
    let changed = management.store.set_identity_tags(authorized.tenant(), &path, &tags, condition).await?;
    caller.done(&management, authorized.action(), &changed.path.to_string()).await?;
    Ok((etag(changed.version), Json(Printed::from(changed))).into_response())
}

pub(super) async fn delete(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    _: ApiVersion,
    Conditional(condition): Conditional,
    Segments((subscription, group, name)): Segments<Segmented>,
) -> Result<Response, Refusal> {
    let place = (subscription.as_str(), group.as_str(), name.as_str());
    let (authorized, path) = enter(&management, &caller, place, ManagementAction::IdentityDelete, "").await?;
    require_group(&management, path.subscription, &path.resource_group).await?;
    if !management.store.delete_identity(authorized.tenant(), &path, condition).await? {
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
    let request = PageRequest::new(&query, version)?;
    let place = Place { subscription, group: Some(group) };
    list(&management, &caller, &place, &request).await
}

pub(super) async fn list_in_subscription(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    version: ApiVersion,
    query: Query,
    Segments(id): Segments<String>,
) -> Result<Response, Refusal> {
    let subscription = subscription(&management, &caller, &id).await?.id;
    let request = PageRequest::new(&query, version)?;
    let place = Place { subscription, group: None };
    list(&management, &caller, &place, &request).await
}

async fn list(
    management: &Management,
    caller: &Caller<ResourceManager>,
    place: &Place,
    request: &PageRequest,
) -> Result<Response, Refusal> {
    let found = found_in(management, caller, place, (ManagementAction::IdentityRead, request)).await?;
    if let Some(group) = &place.group {
        require_group(management, place.subscription, group).await?;
    }
    let path = format!("{}/providers/{TYPE}", encoded(&place.scope()));
    let page = request.of(found, |identity| identity.path.key(), Printed::from, (&management.urls, &path));
    Ok(Json(page).into_response())
}

/// As many identities as a page takes of those that the caller may read: all of a place where it
/// may take `action`, and otherwise those that a role lower down opens, one by one. It is refused
/// only where there is none at all.
pub(super) async fn found_in(
    management: &Management,
    caller: &Caller<ResourceManager>,
    place: &Place,
    (action, request): (ManagementAction, &PageRequest),
) -> Result<Vec<ManagedIdentity>, Refusal> {
    let scope = place.scope();
    let (id, group) = (place.subscription, place.group.as_deref());
    if caller.may(management, action, &scope) {
        let after = request.after.as_deref();
        return Ok(management.store.identities(caller.tenant(), id, group, after, request.limit()).await?);
    }
    // Whoever has no role in the place is refused before anything is read for it.
    if !caller.has_role_below(management, &scope) {
        caller.authorize(management, action, &scope).await?;
    }
    let mut readable = all(management, caller.tenant(), place).await?;
    readable.retain(|found| caller.may(management, ManagementAction::IdentityRead, &found.path.to_string()));
    if readable.is_empty() {
        caller.authorize(management, action, &scope).await?;
    }
    readable.retain(|found| request.after.as_ref().is_none_or(|after| found.path.key() > *after));
    readable.truncate(request.limit() as usize);
    Ok(readable)
}

async fn all(management: &Management, tenant: TenantId, place: &Place) -> Result<Vec<ManagedIdentity>, Refusal> {
    const STEP: u32 = 1000;
    let mut all: Vec<ManagedIdentity> = Vec::new();
    loop {
        let after = all.last().map(|last| last.path.key());
        let (id, group) = (place.subscription, place.group.as_deref());
        let found = management.store.identities(tenant, id, group, after.as_deref(), STEP).await?;
        let is_last = found.len() < STEP as usize;
        all.extend(found);
        if is_last {
            return Ok(all);
        }
    }
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

/// 201 for something new, 200 otherwise.
pub(super) const fn status<T>(written: &Written<T>) -> StatusCode {
    match written {
        Written::Created(_) => StatusCode::CREATED,
        Written::Updated(_) => StatusCode::OK,
    }
}
