//! `/applications`

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use symbolon_core::{
    ClientId, ObjectId,
    application::{Application, TokenVersion},
    resource::WellKnown,
};

use super::{
    SCOPE, application, bad_request,
    filter::Filter,
    printed::{List, PrintedApplication, WithContext},
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

pub(super) async fn create(
    State(management): State<Shared>,
    caller: Caller<Graph>,
    body: JsonBody,
) -> Result<Response, Refusal> {
    let action = ManagementAction::ApplicationWrite;
    let authorized = caller.authorize(&management, action, SCOPE).await?;
    let fields = body.fields();
    let made = Application {
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
    management.store.create_application(&made).await?;
    caller.done(&management, action, &resource(made.object_id)).await?;
    let printed = WithContext::new(&management.urls, "applications/$entity", PrintedApplication::from(made));
    Ok((StatusCode::CREATED, Json(printed)).into_response())
}

pub(super) async fn list(
    State(management): State<Shared>,
    caller: Caller<Graph>,
    query: Query,
) -> Result<Response, Refusal> {
    let authorized = caller.authorize(&management, ManagementAction::ApplicationRead, SCOPE).await?;
    let filter = Filter::of(&query)?;
    let all = management.store.applications(authorized.tenant()).await?;
    let wanted = |application: &Application| match &filter {
        Filter::None => true,
        Filter::AppId(id) => application.app_id.to_string().eq_ignore_ascii_case(id),
        Filter::DisplayName(name) => application.display_name.to_lowercase() == name.to_lowercase(),
    };
    let value = all.into_iter().filter(wanted).map(PrintedApplication::from).collect();
    Ok(Json(WithContext::new(&management.urls, "applications", List { value })).into_response())
}

pub(super) async fn get(
    State(management): State<Shared>,
    caller: Caller<Graph>,
    Segments(id): Segments<String>,
) -> Result<Response, Refusal> {
    let authorized = caller.authorize(&management, ManagementAction::ApplicationRead, SCOPE).await?;
    let found = application(&management, authorized.tenant(), &id).await?;
    let printed = WithContext::new(&management.urls, "applications/$entity", PrintedApplication::from(found));
    Ok(Json(printed).into_response())
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
