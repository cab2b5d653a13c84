//! The token endpoints.

use std::time::Instant;

use axum::{
    body::Bytes,
    extract::{RawQuery, State},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde::Serialize;
use symbolon_core::{
    AadError,
    exchange::{Call, Granted, request::Endpoint},
};
use tracing::info;

use crate::{
    Authority,
    error::{log_refusal, token_refusal},
    form,
    headers::{self, Ids},
    segment::Segment,
};

/// `POST /{tenant}/oauth2/v2.0/token`
pub async fn v2(
    State(authority): State<Authority>,
    method: Method,
    Segment(tenant): Segment,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = Request { endpoint: Endpoint::V2, method, tenant, query, headers, body };
    answer(&authority, request).await
}

/// `POST /{tenant}/oauth2/token`
pub async fn v1(
    State(authority): State<Authority>,
    method: Method,
    Segment(tenant): Segment,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = Request { endpoint: Endpoint::V1, method, tenant, query, headers, body };
    answer(&authority, request).await
}

struct Request {
    endpoint: Endpoint,
    method: Method,
    tenant: String,
    query: Option<String>,
    headers: HeaderMap,
    body: Bytes,
}

/// The answer of the version 2 endpoint: numbers are JSON integers, which the Rust SDK insists on.
#[derive(Serialize)]
struct AnswerV2<'a> {
    token_type: &'static str,
    expires_in: i64,
    ext_expires_in: i64,
    access_token: &'a str,
}

/// The answer of the version 1 endpoint: everything is a string.
#[derive(Serialize)]
struct AnswerV1<'a> {
    token_type: &'static str,
    expires_in: String,
    ext_expires_in: String,
    expires_on: String,
    not_before: String,
    resource: &'a str,
    access_token: &'a str,
}

async fn answer(authority: &Authority, request: Request) -> Response {
    if request.method == Method::OPTIONS {
        return options();
    }
    let started = Instant::now();
    let fields = fields(&request);
    let query = request.query.as_deref().and_then(|query| form::parse(query).ok()).unwrap_or_default();
    let ids = Ids::of(&request.headers, &query, fields.as_deref().unwrap_or_default(), authority.random());
    let outcome = match fields {
        Ok(fields) => exchange(authority, &request, &fields, ids).await,
        Err(error) => Err(error),
    };
    let (code, mut response) = match outcome {
        Ok(granted) => (0, success(request.endpoint, &granted)),
        Err(error) => (error.code(), token_refusal(&error, ids, authority.clock().now(), authority.urls())),
    };
    authority.metrics.observe(code, started.elapsed());
    headers::token_answer(&mut response, ids, authority.urls());
    response
}

/// AADSTS900561 says that OPTIONS is accepted, so it is.
fn options() -> Response {
    let allow = [(header::ALLOW, HeaderValue::from_static("POST, OPTIONS"))];
    (StatusCode::NO_CONTENT, allow).into_response()
}

async fn exchange(
    authority: &Authority,
    request: &Request,
    fields: &[(String, String)],
    ids: Ids,
) -> Result<Granted, AadError> {
    let basic = basic(&request.headers)?;
    let call = Call {
        endpoint: request.endpoint,
        tenant: &request.tenant,
        form: fields,
        basic: basic.as_ref().map(|(id, secret)| (id.as_str(), secret.as_str())),
        trace_id: ids.trace,
        correlation_id: ids.correlation,
    };
    match authority.exchange.token(call).await {
        Ok(granted) => {
            log_grant(&granted, ids);
            Ok(granted)
        }
        Err(refused) => {
            log_refusal(&refused, ids);
            Err(refused.error)
        }
    }
}

fn log_grant(granted: &Granted, ids: Ids) {
    let facts = &granted.facts;
    info!(
        trace_id = %ids.trace,
        correlation_id = %ids.correlation,
        client.id = facts.client_id.as_deref(),
        assertion.issuer = facts.issuer.as_deref(),
        assertion.subject = facts.subject.as_deref(),
        token.id = facts.token_id.as_deref(),
        "issued a token to `{}` for `{}`",
        facts.client_name.as_deref().unwrap_or_default(),
        symbolon_core::difference::printable(&granted.resource)
    );
}

/// The form's fields. A body of another content type counts as an empty form, as Entra treats it.
fn fields(request: &Request) -> Result<Vec<(String, String)>, AadError> {
    if request.method != Method::POST {
        return Err(AadError::Method { accepted: "POST, OPTIONS", received: request.method.to_string() });
    }
    let content_type =
        request.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(AadError::MissingParameter { name: "grant_type" });
    }
    let body = std::str::from_utf8(&request.body).map_err(|_| AadError::MalformedRequest)?;
    form::parse(body).map_err(|_| AadError::MalformedRequest)
}

/// Client id and secret of `Authorization: Basic`, each form-encoded first (RFC 6749, section 2.3.1).
fn basic(headers: &HeaderMap) -> Result<Option<(String, String)>, AadError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Ok(None);
    };
    let text = value.to_str().map_err(|_| AadError::MalformedRequest)?;
    let Some((scheme, encoded)) = text.split_once(' ') else {
        return Err(AadError::MalformedRequest);
    };
    if !scheme.eq_ignore_ascii_case("basic") {
        return Ok(None);
    }
    let decoded = STANDARD.decode(encoded.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let decoded = decoded.ok_or(AadError::MalformedRequest)?;
    let (id, secret) = decoded.split_once(':').ok_or(AadError::MalformedRequest)?;
    let plain = |text: &str| form::decode(text).map_err(|_| AadError::MalformedRequest);
    Ok(Some((plain(id)?, plain(secret)?)))
}

fn success(endpoint: Endpoint, granted: &Granted) -> Response {
    match endpoint {
        Endpoint::V2 => axum::Json(AnswerV2 {
            token_type: "Bearer",
            expires_in: granted.expires_in,
            ext_expires_in: granted.expires_in,
            access_token: &granted.access_token,
        })
        .into_response(),
        Endpoint::V1 => axum::Json(AnswerV1 {
            token_type: "Bearer",
            expires_in: granted.expires_in.to_string(),
            ext_expires_in: granted.expires_in.to_string(),
            expires_on: granted.expires_on.to_string(),
            not_before: granted.not_before.to_string(),
            resource: &granted.resource,
            access_token: &granted.access_token,
        })
        .into_response(),
    }
}
