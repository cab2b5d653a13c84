//! Service accounts of the embedded issuer.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde_json::json;
use symbolon_issuer::{
    names::{check_name, check_namespace},
    port::ServiceAccount,
};

use super::at_issuer;
use crate::{
    Shared,
    action::ManagementAction,
    caller::{Caller, ResourceManager},
    error::{Refusal, sentence},
    request::{JsonBody, Query, Segments},
};

/// The most bytes of all annotations together, as in Kubernetes.
const MAX_ANNOTATION_BYTES: usize = 256 * 1024;

/// The path of a service account, in the audit trail.
pub(super) fn resource(namespace: &str, name: &str) -> String {
    format!("/symbolon/v1/namespaces/{namespace}/serviceaccounts/{name}")
}

pub(super) async fn list(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    query: Query,
) -> Result<Response, Refusal> {
    at_issuer(&management, &caller, ManagementAction::ServiceAccountShow).await?;
    let all = management.accounts.list(query.get("namespace")).await?;
    Ok(Json(json!({ "value": all })).into_response())
}

pub(super) async fn get(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    Segments((namespace, name)): Segments<(String, String)>,
) -> Result<Response, Refusal> {
    at_issuer(&management, &caller, ManagementAction::ServiceAccountShow).await?;
    Ok(Json(management.accounts.get(&namespace, &name).await?).into_response())
}

pub(super) async fn create(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    body: JsonBody,
) -> Result<Response, Refusal> {
    let action = ManagementAction::ServiceAccountWrite;
    at_issuer(&management, &caller, action).await?;
    let fields = body.fields();
    let (namespace, name) = (fields.required_string("namespace")?, fields.required_string("name")?);
    // A colon or a slash in a name would make one `sub` of two service accounts.
    check_namespace(namespace)
        .and_then(|()| check_name("service account", name))
        .map_err(|error| Refusal::invalid("InvalidResourceName", sentence(&error)))?;
    let account = ServiceAccount {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        uid: management.random.guid(),
        annotations: check_annotations(fields.string_map("annotations")?.unwrap_or_default())?,
        created: management.clock.now().as_second(),
        version: 0,
    };
    management.accounts.create(&account).await?;
    caller.done(&management, action, &resource(namespace, name)).await?;
    let made = management.accounts.get(namespace, name).await?;
    Ok((StatusCode::CREATED, Json(made)).into_response())
}

/// A merge of annotations (RFC 7396): `null` takes one away.
pub(super) async fn patch(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    Segments((namespace, name)): Segments<(String, String)>,
    body: JsonBody,
) -> Result<Response, Refusal> {
    let action = ManagementAction::ServiceAccountWrite;
    at_issuer(&management, &caller, action).await?;
    let mut annotations = management.accounts.get(&namespace, &name).await?.annotations;
    for (key, value) in body.fields().nullable_string_map("annotations")?.unwrap_or_default() {
        match value {
            Some(value) => annotations.insert(key, value),
            None => annotations.remove(&key),
        };
    }
    let annotations = check_annotations(annotations)?;
    let changed = management.accounts.set_annotations(&namespace, &name, &annotations).await?;
    caller.done(&management, action, &resource(&namespace, &name)).await?;
    Ok(Json(changed).into_response())
}

pub(super) async fn delete(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    Segments((namespace, name)): Segments<(String, String)>,
) -> Result<Response, Refusal> {
    let action = ManagementAction::ServiceAccountDelete;
    at_issuer(&management, &caller, action).await?;
    if !management.accounts.delete(&namespace, &name).await? {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    caller.done(&management, action, &resource(&namespace, &name)).await?;
    Ok(StatusCode::OK.into_response())
}

fn check_annotations(annotations: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Refusal> {
    let bytes: usize = annotations.iter().map(|(key, value)| key.len() + value.len()).sum();
    if bytes > MAX_ANNOTATION_BYTES || annotations.keys().any(String::is_empty) {
        return Err(Refusal::invalid(
            "InvalidAnnotations",
            format!(
                "The annotations are invalid, expected names that are not empty and at most {MAX_ANNOTATION_BYTES} bytes in all."
            ),
        ));
    }
    Ok(annotations)
}
