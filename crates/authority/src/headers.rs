//! The headers that Entra sends with its answers, and the ids that it takes from requests.

use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use symbolon_core::{ports::Random, urls::Urls};
use uuid::Uuid;

const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");
const SERVER: HeaderName = HeaderName::from_static("x-ms-ests-server");
const P3P: HeaderName = HeaderName::from_static("p3p");

/// The two ids of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ids {
    /// Ours: `trace_id` and `x-ms-request-id`.
    pub trace: Uuid,
    /// The client's, echoed: `correlation_id` and `client-request-id`.
    pub correlation: Uuid,
}

impl Ids {
    /// The client's id from the header, the query or the form, in this order (SDKs use all three);
    /// a new one where it gives none, or one that is not a GUID.
    #[must_use]
    pub fn of(headers: &HeaderMap, query: &[(String, String)], form: &[(String, String)], random: &dyn Random) -> Self {
        let named = |fields: &[(String, String)]| {
            fields
                .iter()
                .find(|(name, _)| name == CLIENT_REQUEST_ID.as_str())
                .and_then(|(_, value)| Uuid::try_parse(value).ok())
        };
        let header = headers
            .get(CLIENT_REQUEST_ID)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| Uuid::try_parse(text).ok());
        let correlation = header.or_else(|| named(query)).or_else(|| named(form)).unwrap_or_else(|| random.guid());
        Self { trace: random.guid(), correlation }
    }
}

/// Puts Entra's headers on an answer of the token endpoint, which must never be cached.
pub fn token_answer(response: &mut Response, ids: Ids, urls: &Urls) {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-cache"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert(header::EXPIRES, HeaderValue::from_static("-1"));
    headers.insert(P3P, HeaderValue::from_static("CP=\"DSP CUR OTPi IND OTRi ONL FIN\""));
    common(headers, ids, urls);
}

/// Puts Entra's headers on a public document.
pub fn public_document(response: &mut Response, ids: Ids, urls: &Urls) {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=86400, private"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    common(headers, ids, urls);
}

fn common(headers: &mut HeaderMap, ids: Ids, urls: &Urls) {
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(SERVER, HeaderValue::from_static(concat!("symbolon ", env!("CARGO_PKG_VERSION"))));
    for (name, id) in [(CLIENT_REQUEST_ID, ids.correlation), (REQUEST_ID, ids.trace)] {
        if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
            headers.insert(name, value);
        }
    }
    // On localhost the promise would reach every other program on that name.
    if !urls.authority.starts_with("https://localhost") && !urls.authority.starts_with("https://127.") {
        let value = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, value);
    }
}
