//! Refusals as HTTP says them: the one place where Entra's errors meet status codes.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use symbolon_core::{AadError, aad_error::OAuthError, causes::with_causes, exchange::Refused, urls::Urls};
use tracing::{error, info};

use crate::headers::{self, Ids};

/// Entra's error body.
#[derive(Serialize)]
struct Body<'a> {
    error: &'a str,
    error_description: String,
    error_codes: [u32; 1],
    timestamp: String,
    trace_id: String,
    correlation_id: String,
    /// Microsoft's own page for the code, as in Entra; only people follow it.
    error_uri: String,
}

/// The status of an error: a client that failed to prove itself gets 401, since SDKs cache an exact
/// 400 and would replay it after the mend.
#[must_use]
pub const fn status(error: OAuthError) -> StatusCode {
    match error {
        OAuthError::InvalidClient => StatusCode::UNAUTHORIZED,
        OAuthError::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        OAuthError::InvalidRequest
        | OAuthError::UnauthorizedClient
        | OAuthError::UnsupportedGrantType
        | OAuthError::InvalidScope
        | OAuthError::InvalidResource
        | OAuthError::InvalidInstance => StatusCode::BAD_REQUEST,
    }
}

/// The answer to a refused request at the token endpoint.
#[must_use]
pub fn token_refusal(error: &AadError, ids: Ids, now: Timestamp, urls: &Urls) -> Response {
    let mut response = body(error, error.oauth_error().as_str(), ids, now);
    headers::token_answer(&mut response, ids, urls);
    response
}

/// The answer to a refused request for a public document; there an unknown tenant has a word of
/// its own.
#[must_use]
pub fn document_refusal(error: &AadError, ids: Ids, now: Timestamp, urls: &Urls) -> Response {
    let word = match error {
        AadError::TenantNotFound { .. } | AadError::InvalidTenant { .. } | AadError::EmptyTenant => "invalid_tenant",
        _ => error.oauth_error().as_str(),
    };
    let mut response = body(error, word, ids, now);
    headers::public_document(&mut response, ids, urls);
    // A mistyped tenant must not stay wrong for a day.
    response.headers_mut().remove(http::header::CACHE_CONTROL);
    response
}

fn body(error: &AadError, word: &str, ids: Ids, now: Timestamp) -> Response {
    let timestamp = now.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    let body = Body {
        error: word,
        // Single spaces and nothing that JSON escapes: the Rust SDK cannot read an escape here.
        error_description: format!(
            "{} Trace ID: {} Correlation ID: {} Timestamp: {timestamp}",
            error.description().replace('"', "'").replace('\\', "/"),
            ids.trace,
            ids.correlation
        ),
        error_codes: [error.code()],
        timestamp,
        trace_id: ids.trace.to_string(),
        correlation_id: ids.correlation.to_string(),
        error_uri: format!("https://login.microsoftonline.com/error?code={}", error.code()),
    };
    (status(error.oauth_error()), axum::Json(body)).into_response()
}

/// Writes a refusal to the log: what the client was told, and what only the operator is.
pub(crate) fn log_refusal(refused: &Refused, ids: Ids) {
    let facts = &refused.facts;
    if let Some(failure) = &refused.failure {
        let cause = failure as &dyn std::error::Error;
        error!(error = cause, trace_id = %ids.trace, "token request failed: {}", with_causes(cause));
        return;
    }
    let mut told = vec![refused.error.description()];
    told.extend([&refused.cause, &refused.hint].into_iter().flatten().cloned());
    info!(
        trace_id = %ids.trace,
        correlation_id = %ids.correlation,
        code = refused.error.code(),
        client.id = facts.client_id.as_deref(),
        client.name = facts.client_name.as_deref(),
        assertion.issuer = facts.issuer.as_deref(),
        assertion.subject = facts.subject.as_deref(),
        "refused a token: {}",
        told.join("; ")
    );
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn a_description_holds_nothing_that_json_escapes() {
        let urls = Urls {
            authority: "https://localhost".into(),
            management: String::new(),
            vault: String::new(),
            app_configuration: String::new(),
        };
        let ids = Ids { trace: Uuid::nil(), correlation: Uuid::nil() };
        let error = AadError::NoFederatedCredentials { client: r#"a "b" c\d"#.into() };
        let response = token_refusal(&error, ids, Timestamp::UNIX_EPOCH, &urls);
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(text.contains("The client 'a 'b' c/d' has no"), "{text}");
        assert!(!text.contains('\\'), "{text}");
    }
}
