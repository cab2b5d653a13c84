//! `/applications`

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde_json::{Value, json};
use symbolon_core::{
    ClientId, ObjectId, TenantId,
    application::{Application, TokenVersion},
    ports::management::ApplicationChanges,
    resource::WellKnown,
};

use super::{
    SCOPE, application, bad_request, body, certificates,
    collection::{APPLICATION, Options, Place},
    printed::{self, with_context},
    resource,
};
use crate::{
    Management, Shared,
    action::ManagementAction,
    caller::{Caller, Graph},
    error::Refusal,
    request::{Fields, JsonBody, Query, Segments},
};

const MAX_DISPLAY_NAME: usize = 256;
const MAX_URI: usize = 255;
const MAX_URIS: usize = 50;
/// What can be given and changed; `api` in one member only.
const KEPT: [&str; 4] = ["displayName", "identifierUris", "keyCredentials", "api"];

pub(super) async fn create(
    State(management): State<Shared>,
    caller: Caller<Graph>,
    body: JsonBody,
) -> Result<Response, Refusal> {
    let action = ManagementAction::ApplicationWrite;
    let authorized = caller.authorize(&management, action, SCOPE).await?;
    let fields = body.fields();
    let mut made = Application {
        tenant: authorized.tenant(),
        object_id: ObjectId::new(management.random.guid()),
        app_id: ClientId::new(management.random.guid()),
        display_name: display_name(&fields)?,
        identifier_uris: identifier_uris(&management, &fields)?,
        token_version: token_version(&fields)?,
        created: management.clock.now().as_second(),
        service_principal: None,
        secrets: Vec::new(),
        certificates: Vec::new(),
        version: 0,
    };
    check(&management, &fields, &made)?;
    made.certificates = certificates::wanted(&management, &[], &fields)?.unwrap_or_default();
    management.store.create_application(&made).await?;
    caller.done(&management, action, &resource(made.object_id)).await?;
    let printed = with_context(&management.urls, "applications/$entity", print(&management, &made));
    Ok((StatusCode::CREATED, Json(printed)).into_response())
}

pub(super) async fn list(
    State(management): State<Shared>,
    caller: Caller<Graph>,
    query: Query,
) -> Result<Json<Value>, Refusal> {
    let authorized = caller.authorize(&management, ManagementAction::ApplicationRead, SCOPE).await?;
    let options = Options::of(&query, &APPLICATION)?;
    let found = candidates(&management, authorized.tenant(), &options).await?;
    Ok(Json(options.page(&management.urls, &APPLICATION, &Place::new("applications"), found)))
}

/// All applications, or the one that the filter could accept.
async fn candidates(management: &Management, tenant: TenantId, options: &Options) -> Result<Vec<Value>, Refusal> {
    let only = options.filter.as_ref().and_then(|filter| filter.only(&["appId", "identifierUris"]));
    if let Some(name) = only {
        let found = management.access.directory.resource_application(tenant, name);
        return Ok(found.iter().map(|found| print(management, found)).collect());
    }
    let all = management.store.applications(tenant).await?;
    Ok(all.iter().map(|found| print(management, found)).collect())
}

pub(super) async fn get(
    State(management): State<Shared>,
    caller: Caller<Graph>,
    Segments(id): Segments<String>,
    query: Query,
) -> Result<Json<Value>, Refusal> {
    let authorized = caller.authorize(&management, ManagementAction::ApplicationRead, SCOPE).await?;
    let options = Options::of(&query, &APPLICATION)?;
    let found = application(&management, authorized.tenant(), &id).await?;
    let printed = options.selected(print(&management, &found));
    Ok(Json(with_context(&management.urls, "applications/$entity", printed)))
}

pub(super) async fn patch(
    State(management): State<Shared>,
    caller: Caller<Graph>,
    Segments(id): Segments<String>,
    body: JsonBody,
) -> Result<Response, Refusal> {
    let action = ManagementAction::ApplicationWrite;
    let authorized = caller.authorize(&management, action, SCOPE).await?;
    let found = application(&management, authorized.tenant(), &id).await?;
    let fields = body.fields();
    check(&management, &fields, &found)?;
    let changes = changes(&management, &fields, &found)?;
    if changes != ApplicationChanges::default() {
        management.store.update_application(authorized.tenant(), found.object_id, &changes).await?;
        caller.done(&management, action, &resource(found.object_id)).await?;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn changes(management: &Management, fields: &Fields<'_>, found: &Application) -> Result<ApplicationChanges, Refusal> {
    let names_version = match fields.object("api")? {
        Some(api) => api.mentions("requestedAccessTokenVersion"),
        None => false,
    };
    Ok(ApplicationChanges {
        display_name: fields.mentions("displayName").then(|| display_name(fields)).transpose()?,
        identifier_uris: fields.has("identifierUris").then(|| identifier_uris(management, fields)).transpose()?,
        token_version: names_version.then(|| token_version(fields)).transpose()?,
        certificates: certificates::wanted(management, &found.certificates, fields)?,
    })
}

pub(super) async fn delete(
    State(management): State<Shared>,
    caller: Caller<Graph>,
    Segments(id): Segments<String>,
) -> Result<Response, Refusal> {
    let action = ManagementAction::ApplicationDelete;
    let authorized = caller.authorize(&management, action, SCOPE).await?;
    let found = application(&management, authorized.tenant(), &id).await?;
    management.store.delete_application(authorized.tenant(), found.object_id).await?;
    caller.done(&management, action, &resource(found.object_id)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Nobody owns an application here: what may be done to one is a matter of roles.
pub(super) async fn owners(
    State(management): State<Shared>,
    caller: Caller<Graph>,
    Segments(id): Segments<String>,
) -> Result<Json<Value>, Refusal> {
    let authorized = caller.authorize(&management, ManagementAction::ApplicationRead, SCOPE).await?;
    application(&management, authorized.tenant(), &id).await?;
    Ok(Json(with_context(&management.urls, "directoryObjects", json!({ "value": [] }))))
}

pub(super) fn print(management: &Management, application: &Application) -> Value {
    let tenant = management.access.directory.tenant(application.tenant);
    printed::application(application, tenant.as_deref())
}

fn check(management: &Management, fields: &Fields<'_>, application: &Application) -> Result<(), Refusal> {
    let printed = print(management, application);
    body::check(fields, &KEPT, &printed)?;
    match fields.object("api")? {
        Some(api) => body::check(&api, &["requestedAccessTokenVersion"], &printed["api"]),
        None => Ok(()),
    }
}

fn display_name(fields: &Fields<'_>) -> Result<String, Refusal> {
    let name = fields.required_string("displayName")?;
    let chars = name.chars().count();
    if name.trim().is_empty() || chars > MAX_DISPLAY_NAME {
        return Err(bad_request(format!(
            "Invalid value specified for property 'displayName', expected 1 to {MAX_DISPLAY_NAME} characters."
        )));
    }
    Ok(name.to_owned())
}

/// The names of a resource. Those of Microsoft's own resources stay theirs: an application that
/// took one would only seem to receive their tokens.
fn identifier_uris(management: &Management, fields: &Fields<'_>) -> Result<Vec<String>, Refusal> {
    let uris = fields.strings("identifierUris")?.unwrap_or_default();
    if uris.len() > MAX_URIS {
        return Err(bad_request(format!("The property 'identifierUris' has more than {MAX_URIS} values.")));
    }
    for uri in &uris {
        let scheme = uri.split_once(':').is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty());
        let plain = uri.chars().all(|c| !c.is_whitespace() && !c.is_control());
        if !scheme || !plain || uri.chars().count() > MAX_URI {
            return Err(bad_request(format!(
                "Invalid value '{}' specified for property 'identifierUris', expected a URI of at most {MAX_URI} characters, such as api://orders.",
                crate::shorten(uri)
            )));
        }
        if WellKnown::find(uri, &management.urls).is_some() {
            return Err(bad_request(format!("The identifier URI '{uri}' is that of a resource of Microsoft's own.")));
        }
    }
    Ok(uris)
}

fn token_version(fields: &Fields<'_>) -> Result<TokenVersion, Refusal> {
    let version = match fields.object("api")? {
        Some(api) => api.integer("requestedAccessTokenVersion")?,
        None => None,
    };
    match version {
        None | Some(1) => Ok(TokenVersion::V1),
        Some(2) => Ok(TokenVersion::V2),
        Some(other) => Err(bad_request(format!(
            "Invalid value '{other}' specified for property 'api.requestedAccessTokenVersion', expected 1 or 2."
        ))),
    }
}
