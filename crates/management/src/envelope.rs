//! How each API words its answers: error objects, ids, and the headers around them.

use axum::{
    Json,
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::Serialize;
use symbolon_core::ports::Random;
use symbolon_serve::RequestId;
use uuid::Uuid;

use crate::{
    Management, Shared,
    error::{Kind, Refusal},
};

const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");
const MS_CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-client-request-id");
const MS_CORRELATION_ID: HeaderName = HeaderName::from_static("x-ms-correlation-request-id");
const MS_REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// The two ids of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ids {
    /// Ours.
    pub(crate) trace: Uuid,
    /// The client's, or one of ours.
    pub(crate) correlation: Uuid,
}

impl Ids {
    pub(crate) fn random(random: &dyn Random) -> Self {
        Self { trace: random.guid(), correlation: random.guid() }
    }

    fn of(request: &Request, random: &dyn Random) -> Self {
        let trace = request.extensions().get::<RequestId>().map_or_else(|| random.guid(), |id| id.0);
        let named = |name: &HeaderName| Uuid::try_parse(request.headers().get(name)?.to_str().ok()?).ok();
        let correlation = [&MS_CORRELATION_ID, &MS_CLIENT_REQUEST_ID, &CLIENT_REQUEST_ID].into_iter().find_map(named);
        Self { trace, correlation: correlation.unwrap_or_else(|| random.guid()) }
    }
}

#[derive(Serialize)]
struct Body<'a> {
    error: ErrorObject<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorObject<'a> {
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    inner_error: Option<InnerError>,
}

/// What Graph adds for support.
#[derive(Serialize)]
struct InnerError {
    date: String,
    #[serde(rename = "request-id")]
    request_id: Uuid,
    #[serde(rename = "client-request-id")]
    client_request_id: Uuid,
}

/// Gives a request its ids and an answer its form.
pub(crate) async fn answer(State(management): State<Shared>, mut request: Request, next: Next) -> Response {
    let ids = Ids::of(&request, management.random.as_ref());
    let graph = request.uri().path().starts_with("/v1.0/");
    let matched = request.extensions().get::<MatchedPath>().cloned();
    request.extensions_mut().insert(ids);
    let mut response = run(request, next).await;
    if let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
        let rendered = render(&refusal, &management, ids, graph);
        // What routing said, `Allow` above all, stays true.
        let routing = std::mem::take(response.headers_mut());
        response = rendered;
        if let Some(allow) = routing.get(header::ALLOW) {
            response.headers_mut().insert(header::ALLOW, allow.clone());
        }
    }
    if let Some(matched) = matched {
        response.extensions_mut().insert(matched);
    }
    add_headers(response.headers_mut(), ids, graph);
    response
}

/// Runs a request; one that writes runs in a task of its own. A client that resets its stream, or a
/// time limit, drops this future: between a write and its audit record that would leave a change
/// that nobody recorded, and keys of a withdrawn issuer in use.
async fn run(request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    match tokio::spawn(next.run(request)).await {
        Ok(response) => response,
        // A panic goes on to where panics are answered; nothing else ends the task early.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

fn render(refusal: &Refusal, management: &Management, ids: Ids, graph: bool) -> Response {
    let inner_error = graph.then(|| InnerError {
        date: management.clock.now().strftime("%Y-%m-%dT%H:%M:%S").to_string(),
        request_id: ids.trace,
        client_request_id: ids.correlation,
    });
    let of_graph = refusal.graph_code.unwrap_or_else(|| graph_code(refusal.kind));
    let code = if graph { of_graph } else { refusal.code };
    let error = ErrorObject { code, message: &refusal.message, inner_error };
    let mut response = (refusal.kind.status(), Json(Body { error })).into_response();
    if let Some(seconds) = refusal.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if refusal.kind == Kind::Unauthenticated {
        let challenge = format!(
            "Bearer authorization_uri=\"{}/common\", error=\"invalid_token\", error_description=\"{}\"",
            management.urls.authority,
            quotable(&refusal.message)
        );
        if let Ok(value) = HeaderValue::from_str(&challenge) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
        }
    }
    response
}

/// A quoted string of RFC 9110 section 5.6.4 without its escapes; parts of a message are the
/// client's own text, which must not end the string or the header.
fn quotable(text: &str) -> String {
    text.chars().filter(|c| matches!(c, ' '..='~') && !matches!(c, '"' | '\\')).collect()
}

const fn graph_code(kind: Kind) -> &'static str {
    match kind {
        Kind::Invalid | Kind::MethodNotAllowed | Kind::UnsupportedMediaType | Kind::Unprocessable => {
            "Request_BadRequest"
        }
        Kind::Unauthenticated => "InvalidAuthenticationToken",
        Kind::Forbidden => "Authorization_RequestDenied",
        Kind::NotFound => "Request_ResourceNotFound",
        Kind::Conflict => "Request_MultipleObjectsWithSameKeyValue",
        Kind::ConditionFailed => "Request_PreconditionFailed",
        Kind::TooMany => "TooManyRequests",
        Kind::TooLarge => "Request_EntityTooLarge",
        Kind::Failed => "Service_InternalServerError",
        Kind::Full => "InsufficientStorage",
    }
}

fn add_headers(headers: &mut HeaderMap, ids: Ids, graph: bool) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if headers.get(header::CONTENT_TYPE).is_some_and(|value| value == "application/json") {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    }
    let names = if graph { [REQUEST_ID, CLIENT_REQUEST_ID] } else { [MS_REQUEST_ID, MS_CORRELATION_ID] };
    for (name, id) in names.into_iter().zip([ids.trace, ids.correlation]) {
        if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
            headers.insert(name, value);
        }
    }
}
