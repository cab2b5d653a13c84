//! Service-account tokens, asked for and answered in the shape of Kubernetes' `TokenRequest`.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use jiff::Timestamp;
use serde_json::json;
use symbolon_issuer::{BoundObject, ServiceAccountToken, TokenRequest, TokenRequestError};
use symbolon_jose::{base64url, digest};
use uuid::Uuid;

use super::{at_issuer, service_accounts::resource};
use crate::{
    Shared,
    action::ManagementAction,
    caller::{Caller, ResourceManager},
    error::Refusal,
    request::{Fields, JsonBody, Segments},
};

pub(super) async fn create(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    Segments((namespace, name)): Segments<(String, String)>,
    body: JsonBody,
) -> Result<Response, Refusal> {
    let action = ManagementAction::ServiceAccountToken;
    at_issuer(&management, &caller, action).await?;
    let account = management.accounts.get(&namespace, &name).await?;
    let request = request(&namespace, &body.fields())?;
    let (now, jti) = (management.clock.now().as_second(), management.random.guid());
    let made = management.issuer.sign_token(&account, &request, now, jti).map_err(|error| match &error {
        TokenRequestError::Sign(_) => Refusal::failed(&error),
        _ => Refusal::unprocessable(error.to_string()),
    })?;
    // The trail comes first: a token that nobody recorded must not leave.
    let subject = format!("system:serviceaccount:{namespace}:{name}");
    caller.done_for(&management, action, &resource(&namespace, &name), &subject).await?;
    Ok((StatusCode::CREATED, Json(answer(&namespace, &name, &request, &made))).into_response())
}

fn request(namespace: &str, fields: &Fields<'_>) -> Result<TokenRequest, Refusal> {
    let Some(spec) = fields.object("spec")? else { return Ok(TokenRequest::default()) };
    let pod = pod(namespace, &spec)?;
    let node = spec.string("nodeName")?;
    if node.is_some() && pod.is_none() {
        return Err(Refusal::unprocessable(
            "spec.nodeName: Forbidden: a token names a node only beside the pod that spec.boundObjectRef names",
        ));
    }
    Ok(TokenRequest {
        audiences: spec.strings("audiences")?.unwrap_or_default(),
        expiration_seconds: spec.integer("expirationSeconds")?,
        pod,
        // Kubernetes takes the node from the pod; here nobody runs pods, so it is said.
        node: node.map(|name| BoundObject { name: name.to_owned(), uid: uid("node", name) }),
    })
}

fn pod(namespace: &str, spec: &Fields<'_>) -> Result<Option<BoundObject>, Refusal> {
    let Some(bound) = spec.object("boundObjectRef")? else { return Ok(None) };
    let kind = bound.required_string("kind")?;
    if kind != "Pod" {
        return Err(Refusal::unprocessable(format!(
            "spec.boundObjectRef.kind: Unsupported value: {}: supported values: Pod",
            crate::shorten(kind)
        )));
    }
    let name = bound.required_string("name")?;
    let uid = match bound.string("uid")?.filter(|text| !text.is_empty()) {
        Some(text) => Uuid::try_parse(text).map_err(|_| {
            Refusal::unprocessable(format!(
                "spec.boundObjectRef.uid: Invalid value: {}: not a UUID",
                crate::shorten(text)
            ))
        })?,
        None => uid("pod", &format!("{namespace}/{name}")),
    };
    Ok(Some(BoundObject { name: name.to_owned(), uid }))
}

/// A uid for a pod or node that exists in name only; the same each time, as a real one's is for all
/// tokens of its life.
fn uid(kind: &str, name: &str) -> Uuid {
    let hash = base64url::decode(digest::sha256_base64url(format!("{kind}/{name}").as_bytes())).unwrap_or_default();
    let mut bytes = [0; 16];
    for (byte, from) in bytes.iter_mut().zip(hash) {
        *byte = from;
    }
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

fn answer(namespace: &str, name: &str, request: &TokenRequest, made: &ServiceAccountToken) -> serde_json::Value {
    let time = |second| Timestamp::from_second(second).unwrap_or_default().to_string();
    json!({
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": { "name": name, "namespace": namespace },
        "spec": {
            "audiences": request.audiences,
            "expirationSeconds": request.expiration_seconds.unwrap_or(symbolon_issuer::token::DEFAULT_SECONDS),
            "boundObjectRef": request.pod.as_ref().map(|pod| json!({
                "kind": "Pod", "apiVersion": "v1", "name": pod.name, "uid": pod.uid,
            })),
        },
        "status": { "token": made.token, "expirationTimestamp": time(made.expiration) },
    })
}
