//! `/applications/{id}/federatedIdentityCredentials`

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use symbolon_core::{
    application::Application,
    claims_matching::LANGUAGE_VERSION,
    federated_credential::{FederatedCredential, InvalidCredential, Matching},
    ports::management::{Condition, CredentialTerms, Holder, StoreError, StoredCredential},
};
use uuid::Uuid;

use super::{
    SCOPE, application, bad_request, body,
    collection::{FEDERATED_CREDENTIAL, Options, Place},
    not_found,
    printed::with_context,
    resource,
};
use crate::{
    Management, Shared,
    action::ManagementAction,
    caller::{Caller, Graph},
    credential_body,
    error::{Refusal, sentence},
    path::BY_NAME,
    request::{Fields, JsonBody, Query, Segments},
    simulated_trouble::{delayed, settings},
};

/// Graph's code for whatever is wrong with the members of a credential.
const INVALID_VALUE: &str = "InvalidFederatedIdentityCredentialValue";
const KEPT: [&str; 6] = ["name", "issuer", "subject", "claimsMatchingExpression", "audiences", "description"];

pub(super) async fn list(
    State(management): State<Shared>,
    caller: Caller<Graph>,
    Segments(id): Segments<String>,
    query: Query,
) -> Result<Json<Value>, Refusal> {
    let authorized = caller.authorize(&management, ManagementAction::ApplicationRead, SCOPE).await?;
    let options = Options::of(&query, &FEDERATED_CREDENTIAL)?;
    let parent = application(&management, authorized.tenant(), &id).await?;
    let found = management.store.federated_credentials(holder(&parent), None, u32::MAX).await?;
    let place = Place {
        path: format!("applications/{}/federatedIdentityCredentials", parent.object_id),
        context: format!("applications('{}')/federatedIdentityCredentials", parent.object_id),
    };
    let printed = found.iter().map(print).collect();
    Ok(Json(options.page(&management.urls, &FEDERATED_CREDENTIAL, &place, printed)))
}

pub(super) async fn create(
    State(management): State<Shared>,
    caller: Caller<Graph>,
    Segments(id): Segments<String>,
    body: JsonBody,
) -> Result<Response, Refusal> {
    let authorized = caller.authorize(&management, ManagementAction::ApplicationCredentialWrite, SCOPE).await?;
    let parent = application(&management, authorized.tenant(), &id).await?;
    let fields = body.fields();
    let wanted = wanted(fields.required_string("name")?, &fields, None)?;
    add(&management, &caller, &parent, wanted).await
}

async fn add(
    management: &Management,
    caller: &Caller<Graph>,
    parent: &Application,
    wanted: FederatedCredential,
) -> Result<Response, Refusal> {
    let wanted = delayed(management, parent.tenant, wanted);
    let stored = write(management, caller, parent, (&wanted, Condition::Missing)).await?;
    let what = format!("applications('{}')/federatedIdentityCredentials/$entity", parent.object_id);
    Ok((StatusCode::CREATED, Json(with_context(&management.urls, &what, print(&stored)))).into_response())
}

pub(super) async fn get(
    State(management): State<Shared>,
    caller: Caller<Graph>,
    Segments((id, credential)): Segments<(String, String)>,
    query: Query,
) -> Result<Json<Value>, Refusal> {
    let authorized = caller.authorize(&management, ManagementAction::ApplicationRead, SCOPE).await?;
    let options = Options::of(&query, &FEDERATED_CREDENTIAL)?;
    let parent = application(&management, authorized.tenant(), &id).await?;
    let found = find(&management, &parent, &credential).await?.ok_or_else(|| not_found(named(&credential)))?;
    let what = format!("applications('{}')/federatedIdentityCredentials/$entity", parent.object_id);
    Ok(Json(with_context(&management.urls, &what, options.selected(print(&found)))))
}

/// Changes the members that are given. With `Prefer: create-if-missing` a credential that is not
/// there is created instead.
pub(super) async fn patch(
    State(management): State<Shared>,
    caller: Caller<Graph>,
    Segments((id, credential)): Segments<(String, String)>,
    headers: HeaderMap,
    body: JsonBody,
) -> Result<Response, Refusal> {
    let authorized = caller.authorize(&management, ManagementAction::ApplicationCredentialWrite, SCOPE).await?;
    let parent = application(&management, authorized.tenant(), &id).await?;
    let fields = body.fields();
    let Some(found) = find(&management, &parent, &credential).await? else {
        if !creates_if_missing(&headers) {
            return Err(not_found(named(&credential)));
        }
        return add(&management, &caller, &parent, wanted(named(&credential), &fields, None)?).await;
    };
    let old = &found.credential;
    let changed = delayed(&management, parent.tenant, wanted(old.name(), &fields, Some(old))?);
    write(&management, &caller, &parent, (&changed, Condition::Version(found.version))).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn delete(
    State(management): State<Shared>,
    caller: Caller<Graph>,
    Segments((id, credential)): Segments<(String, String)>,
) -> Result<Response, Refusal> {
    let action = ManagementAction::ApplicationCredentialDelete;
    let authorized = caller.authorize(&management, action, SCOPE).await?;
    let parent = application(&management, authorized.tenant(), &id).await?;
    let found = find(&management, &parent, &credential).await?.ok_or_else(|| not_found(named(&credential)))?;
    let name = found.credential.name();
    management.store.delete_federated_credential(holder(&parent), name, Condition::Always).await?;
    caller.done(&management, action, &path(&parent, name)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn write(
    management: &Management,
    caller: &Caller<Graph>,
    parent: &Application,
    (wanted, condition): (&FederatedCredential, Condition),
) -> Result<StoredCredential, Refusal> {
    let terms = CredentialTerms { limit: settings(management, parent.tenant).max_federated_credentials, condition };
    let written = management.store.put_federated_credential(holder(parent), wanted, terms).await;
    let stored = written.map_err(|error| refused(error, wanted, condition))?.into_inner();
    let resource = path(parent, stored.credential.name());
    caller
        .done_for(management, ManagementAction::ApplicationCredentialWrite, &resource, wanted.matching().as_str())
        .await?;
    Ok(stored)
}

/// The store's refusals in Graph's words.
fn refused(error: StoreError, wanted: &FederatedCredential, condition: Condition) -> Refusal {
    match error {
        StoreError::IssuerAndSubjectExist { issuer, subject, .. } => Refusal::invalid(
            "BadRequest",
            format!(
                "The combination of issuer and subject must be unique for the application. Issuer {issuer} and Subject: {subject} already exist. paramName: FederatedIdentityCredential.Subject, paramValue: {subject}, objectType: Microsoft.Online.DirectoryServices.Application"
            ),
        )
        .with_graph_code(INVALID_VALUE),
        StoreError::ConditionFailed { .. } if condition == Condition::Missing => Refusal::conflict(
            "Conflict",
            format!("FederatedIdentityCredential with name {} already exists.", wanted.name()),
        ),
        StoreError::ConditionFailed { .. } => {
            Refusal::conflict("ConcurrentUpdate", "The federated identity credential was changed in between.")
                .with_graph_code("Directory_ConcurrencyViolation")
        }
        StoreError::NotFound { .. } => not_found(wanted.name()),
        other => other.into(),
    }
}

/// By its id, or by its name in either form.
async fn find(
    management: &Management,
    parent: &Application,
    segment: &str,
) -> Result<Option<StoredCredential>, Refusal> {
    if let Ok(id) = Uuid::try_parse(segment) {
        let all = management.store.federated_credentials(holder(parent), None, u32::MAX).await?;
        if let Some(found) = all.into_iter().find(|found| found.id == id) {
            return Ok(Some(found));
        }
    }
    match management.store.federated_credential(holder(parent), named(segment)).await {
        Ok(found) => Ok(Some(found)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The credential that a body asks for; what it leaves out is as in `old`.
fn wanted(name: &str, fields: &Fields<'_>, old: Option<&FederatedCredential>) -> Result<FederatedCredential, Refusal> {
    body::check(fields, &KEPT, &json!({ "id": null }))?;
    if fields.string("name")?.is_some_and(|given| !given.eq_ignore_ascii_case(name)) {
        return Err(bad_request("The property 'name' of a federated identity credential cannot be changed."));
    }
    let issuer = fields.string("issuer")?.or(old.map(FederatedCredential::issuer)).unwrap_or_default();
    let matching = credential_body::matching(fields)?.or_else(|| old.map(|old| old.matching().clone()));
    let matching = matching.unwrap_or_else(|| Matching::Subject(String::new()));
    let audiences = fields.strings("audiences")?.or_else(|| old.map(|old| vec![old.audience().to_owned()]));
    let description = if fields.mentions("description") {
        fields.string("description")?
    } else {
        old.and_then(FederatedCredential::description)
    };
    let made = FederatedCredential::with_matching(name, issuer, matching, &audiences.unwrap_or_default(), description);
    made.map_err(|error| invalid(&error))
}

fn invalid(error: &InvalidCredential) -> Refusal {
    Refusal::invalid("BadRequest", sentence(error)).with_graph_code(INVALID_VALUE)
}

/// RFC 7240: preferences are separated by commas, names compared without regard to letter case.
fn creates_if_missing(headers: &HeaderMap) -> bool {
    let values = headers.get_all("prefer").into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|one| one.trim().eq_ignore_ascii_case("create-if-missing"))
}

fn named(segment: &str) -> &str {
    segment.strip_prefix(BY_NAME).unwrap_or(segment)
}

const fn holder(application: &Application) -> Holder {
    Holder { tenant: application.tenant, client_id: application.app_id }
}

/// The path of a credential, in the audit trail.
fn path(parent: &Application, name: &str) -> String {
    format!("{}/federatedIdentityCredentials/{name}", resource(parent.object_id))
}

fn print(stored: &StoredCredential) -> Value {
    let credential = &stored.credential;
    let mut printed = json!({
        "id": stored.id,
        "name": credential.name(),
        "issuer": credential.issuer(),
        "subject": credential.subject(),
        "description": credential.description(),
        "audiences": [credential.audience()],
    });
    if let Some(expression) = credential.expression() {
        printed["claimsMatchingExpression"] =
            json!({ "languageVersion": LANGUAGE_VERSION, "value": expression.as_str() });
    }
    printed
}
