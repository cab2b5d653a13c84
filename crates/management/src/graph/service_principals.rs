//! `/servicePrincipals`, of applications and of managed identities.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde_json::{Value, json};
use symbolon_core::{
    ClientId, ObjectId, TenantId,
    application::{Application, ServicePrincipal},
    client::ClientKind,
    ports::management::ApplicationChanges,
};

use super::{
    SCOPE, bad_request, body, certificates,
    collection::{Options, Place, SERVICE_PRINCIPAL},
    not_found,
    printed::{of_application, of_identity, with_context},
};
use crate::{
    Management, Shared,
    action::ManagementAction,
    caller::{Caller, Graph},
    error::Refusal,
    path::BY_APP_ID,
    request::{JsonBody, Query, Segments},
};

const ENTITY: &str = "servicePrincipals/$entity";
/// Why Graph changes nothing of an identity: it stands in Azure Resource Manager.
const OF_IDENTITY: &str =
    "The service principal of a managed identity cannot be changed or deleted here; change or delete the identity.";

/// A service principal that was found.
pub(super) struct Found {
    pub(super) id: ObjectId,
    pub(super) printed: Value,
    /// None for one of a managed identity.
    pub(super) application: Option<(Arc<Application>, ServicePrincipal)>,
}

pub(super) async fn create(
    State(management): State<Shared>,
    caller: Caller<Graph>,
    body: JsonBody,
) -> Result<Response, Refusal> {
    let action = ManagementAction::ServicePrincipalWrite;
    let authorized = caller.authorize(&management, action, SCOPE).await?;
    let tenant = authorized.tenant();
    let fields = body.fields();
    let app_id = fields.required_string("appId")?;
    let application = app_id.parse().ok().and_then(|app_id| registered(&management, tenant, app_id));
    let application = application.ok_or_else(|| {
        let app_id = crate::shorten(app_id);
        bad_request(format!(
            "The appId '{app_id}' of the service principal does not reference a valid application object."
        ))
    })?;
    if application.service_principal.is_some() {
        return Err(Refusal::conflict(
            "Conflict",
            format!(
                "The service principal cannot be created, updated, or restored because the service principal name {} is already in use.",
                application.app_id
            ),
        ));
    }
    let enabled = fields.boolean("accountEnabled")?.unwrap_or(true);
    let principal = ServicePrincipal { object_id: ObjectId::new(management.random.guid()), enabled };
    let printed = of_application(&application, &principal);
    body::check(&fields, &["appId", "accountEnabled"], &printed)?;
    management.store.put_service_principal(tenant, application.object_id, &principal).await?;
    caller.done(&management, action, &resource(principal.object_id)).await?;
    Ok((StatusCode::CREATED, Json(with_context(&management.urls, ENTITY, printed))).into_response())
}

pub(super) async fn list(
    State(management): State<Shared>,
    caller: Caller<Graph>,
    query: Query,
) -> Result<Json<Value>, Refusal> {
    let authorized = caller.authorize(&management, ManagementAction::ServicePrincipalRead, SCOPE).await?;
    let options = Options::of(&query, &SERVICE_PRINCIPAL)?;
    let only = options.filter.as_ref().and_then(|filter| filter.only(&["appId", "servicePrincipalNames"]));
    let found = match only {
        Some(name) => named(&management, authorized.tenant(), name).into_iter().map(|found| found.printed).collect(),
        None => all(&management, authorized.tenant()).await?,
    };
    Ok(Json(options.page(&management.urls, &SERVICE_PRINCIPAL, &Place::new("servicePrincipals"), found)))
}

pub(super) async fn get(
    State(management): State<Shared>,
    caller: Caller<Graph>,
    Segments(id): Segments<String>,
    query: Query,
) -> Result<Json<Value>, Refusal> {
    let authorized = caller.authorize(&management, ManagementAction::ServicePrincipalRead, SCOPE).await?;
    let options = Options::of(&query, &SERVICE_PRINCIPAL)?;
    let found = find(&management, authorized.tenant(), &id).await?;
    Ok(Json(with_context(&management.urls, ENTITY, options.selected(found.printed))))
}

/// Changes `accountEnabled`, and the certificates, which are the application's.
pub(super) async fn patch(
    State(management): State<Shared>,
    caller: Caller<Graph>,
    Segments(id): Segments<String>,
    body: JsonBody,
) -> Result<Response, Refusal> {
    let action = ManagementAction::ServicePrincipalWrite;
    let tenant = caller.authorize(&management, action, SCOPE).await?.tenant();
    let found = find(&management, tenant, &id).await?;
    let Some((application, principal)) = found.application else {
        return Err(caller.forbid(&management, action, &resource(found.id), OF_IDENTITY).await);
    };
    let fields = body.fields();
    body::check(&fields, &["accountEnabled", "keyCredentials"], &found.printed)?;
    let enabled = fields.boolean("accountEnabled")?;
    let certificates = certificates::wanted(&management, &application.certificates, &fields)?;
    if certificates.is_some() {
        let allowed = ManagementAction::ApplicationWrite;
        caller.authorize(&management, allowed, SCOPE).await?;
        let changes = ApplicationChanges { certificates, ..ApplicationChanges::default() };
        management.store.update_application(tenant, application.object_id, &changes).await?;
        caller.done(&management, allowed, &super::resource(application.object_id)).await?;
    }
    if let Some(enabled) = enabled {
        let changed = ServicePrincipal { enabled, ..principal };
        management.store.put_service_principal(tenant, application.object_id, &changed).await?;
        caller.done(&management, action, &resource(found.id)).await?;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn delete(
    State(management): State<Shared>,
    caller: Caller<Graph>,
    Segments(id): Segments<String>,
) -> Result<Response, Refusal> {
    let action = ManagementAction::ServicePrincipalDelete;
    let tenant = caller.authorize(&management, action, SCOPE).await?.tenant();
    let found = find(&management, tenant, &id).await?;
    let Some((application, _)) = found.application else {
        return Err(caller.forbid(&management, action, &resource(found.id), OF_IDENTITY).await);
    };
    management.store.delete_service_principal(tenant, application.object_id).await?;
    caller.done(&management, action, &resource(found.id)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Nobody owns a service principal here: what may be done to one is a matter of roles.
pub(super) async fn owners(
    State(management): State<Shared>,
    caller: Caller<Graph>,
    Segments(id): Segments<String>,
) -> Result<Json<Value>, Refusal> {
    let authorized = caller.authorize(&management, ManagementAction::ServicePrincipalRead, SCOPE).await?;
    find(&management, authorized.tenant(), &id).await?;
    Ok(Json(with_context(&management.urls, "directoryObjects", json!({ "value": [] }))))
}

/// The service principal that a path names: by object id, or by app id in the key form.
async fn find(management: &Management, tenant: TenantId, segment: &str) -> Result<Found, Refusal> {
    let found = match segment.strip_prefix(BY_APP_ID) {
        Some(app_id) => app_id.parse().ok().and_then(|app_id| by_app_id(management, tenant, app_id)),
        None => match segment.parse() {
            Ok(id) => by_object_id(management, tenant, id).await?,
            Err(_) => None,
        },
    };
    found.ok_or_else(|| not_found(segment))
}

/// The application of the service principal that a path names.
pub(super) async fn application_of(
    management: &Management,
    tenant: TenantId,
    segment: &str,
) -> Result<Arc<Application>, Refusal> {
    let found = find(management, tenant, segment).await?;
    let (application, _) = found.application.ok_or_else(|| Refusal::forbidden(OF_IDENTITY))?;
    Ok(application)
}

/// The service principal with this object id.
pub(super) async fn by_object_id(
    management: &Management,
    tenant: TenantId,
    id: ObjectId,
) -> Result<Option<Found>, Refusal> {
    let client = management.store.client_of_principal(tenant, id).await?;
    Ok(client.and_then(|client| by_app_id(management, tenant, client)))
}

fn by_app_id(management: &Management, tenant: TenantId, id: ClientId) -> Option<Found> {
    let client = management.access.directory.client(tenant, id)?;
    match &client.kind {
        ClientKind::ManagedIdentity { principal_id, mirid } => Some(Found {
            id: *principal_id,
            printed: of_identity(*principal_id, id, &client.name, mirid),
            application: None,
        }),
        ClientKind::Application { .. } => of_registered(registered(management, tenant, id)?),
    }
}

/// By one of its names: app id or identifier URI.
fn named(management: &Management, tenant: TenantId, name: &str) -> Option<Found> {
    match name.parse() {
        Ok(id) => by_app_id(management, tenant, id),
        Err(_) => of_registered(management.access.directory.resource_application(tenant, name)?),
    }
}

fn registered(management: &Management, tenant: TenantId, id: ClientId) -> Option<Arc<Application>> {
    let found = management.access.directory.resource_application(tenant, &id.to_string());
    found.filter(|found| found.app_id == id)
}

fn of_registered(application: Arc<Application>) -> Option<Found> {
    let principal = application.service_principal.clone()?;
    let printed = of_application(&application, &principal);
    Some(Found { id: principal.object_id, printed, application: Some((application, principal)) })
}

async fn all(management: &Management, tenant: TenantId) -> Result<Vec<Value>, Refusal> {
    let applications = management.store.applications(tenant).await?;
    let printed = |found: &Application| found.service_principal.as_ref().map(|own| of_application(found, own));
    let mut all: Vec<Value> = applications.iter().filter_map(printed).collect();
    for subscription in management.store.subscriptions(tenant).await? {
        let found = management.store.identities(tenant, subscription.id, None, None, u32::MAX).await?;
        all.extend(found.iter().map(|identity| {
            of_identity(identity.principal_id, identity.client_id, &identity.path.name, &identity.path.mirid())
        }));
    }
    Ok(all)
}

/// The path of a service principal, in the audit trail.
fn resource(id: ObjectId) -> String {
    format!("/v1.0/servicePrincipals/{id}")
}
