//! HTTP, with trust for the local CA alone.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use reqwest::{Certificate, Method, StatusCode, redirect};
use serde_json::Value;

use crate::ClientError;

/// How long a call may take; the audit trail holds a request open for up to 20 s.
const TIMEOUT: Duration = Duration::from_secs(40);

/// One call and its answer, for people who want to see what goes over the wire.
#[derive(Clone, Debug)]
pub struct WireRecord {
    /// The method.
    pub method: String,
    /// The URL.
    pub url: String,
    /// The body that was sent.
    pub request: Option<Value>,
    /// The status of the answer.
    pub status: u16,
    /// The body of the answer.
    pub response: Option<Value>,
}

/// An answer of the management plane that is not an error.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Option<Value>,
    url: String,
}

impl Answer {
    /// The body as `T`.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(self) -> Result<T, ClientError> {
        let unexpected =
            |reason: String| ClientError::Unexpected { url: self.url.clone(), status: self.status.as_u16(), reason };
        let body = self.body.clone().ok_or_else(|| unexpected("an empty body".into()))?;
        serde_json::from_value(body).map_err(|error| unexpected(error.to_string()))
    }
}

pub(crate) struct Transport {
    client: reqwest::Client,
    data_dir: PathBuf,
    pub(crate) observer: Option<Arc<dyn Fn(WireRecord) + Send + Sync>>,
}

impl Transport {
    pub(crate) fn new(ca_file: &Path, data_dir: &Path) -> Result<Self, ClientError> {
        let pem = std::fs::read(ca_file).map_err(|source| ClientError::Read { path: ca_file.to_owned(), source })?;
        let damaged =
            |error: reqwest::Error| ClientError::Damaged { path: ca_file.to_owned(), reason: error.to_string() };
        let roots = Certificate::from_pem_bundle(&pem).map_err(damaged)?;
        let client = reqwest::Client::builder()
            .tls_certs_only(roots)
            // The environment's proxy has no business between this program and its own server.
            .no_proxy()
            .redirect(redirect::Policy::none())
            .https_only(true)
            .timeout(TIMEOUT)
            .build()
            .map_err(damaged)?;
        Ok(Self { client, data_dir: data_dir.to_owned(), observer: None })
    }

    fn unreachable(&self, url: &str, source: reqwest::Error) -> ClientError {
        ClientError::Unreachable { url: url.to_owned(), data_dir: self.data_dir.clone(), source }
    }

    pub(crate) async fn get_public(&self, url: &str) -> Result<Vec<u8>, ClientError> {
        let response = self.client.get(url).send().await.map_err(|error| self.unreachable(url, error))?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(|error| self.unreachable(url, error))?;
        if status.is_success() {
            return Ok(bytes.to_vec());
        }
        Err(ClientError::Unexpected { url: url.to_owned(), status: status.as_u16(), reason: "an error".into() })
    }

    /// Posts JSON to a place that asks for no token, and returns the JSON of the answer.
    pub(crate) async fn post_public(&self, url: &str, body: &Value) -> Result<Value, ClientError> {
        let request = self.client.post(url).json(body);
        let response = request.send().await.map_err(|error| self.unreachable(url, error))?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(|error| self.unreachable(url, error))?;
        let unexpected =
            |reason: String| ClientError::Unexpected { url: url.to_owned(), status: status.as_u16(), reason };
        if !status.is_success() {
            return Err(unexpected("an error".into()));
        }
        serde_json::from_slice(&bytes).map_err(|error| unexpected(error.to_string()))
    }

    /// Posts a form and returns status and JSON, whatever the status.
    pub(crate) async fn post_form(&self, url: &str, form: &[(&str, &str)]) -> Result<(StatusCode, Value), ClientError> {
        // Not kept: a serializer may not be held across an await of a task that moves between threads.
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.client.post(url).header("content-type", "application/x-www-form-urlencoded").body(body);
        let response = request.send().await.map_err(|error| self.unreachable(url, error))?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(|error| self.unreachable(url, error))?;
        let value = serde_json::from_slice(&bytes).map_err(|error| ClientError::Unexpected {
            url: url.to_owned(),
            status: status.as_u16(),
            reason: error.to_string(),
        })?;
        Ok((status, value))
    }

    /// Calls the management plane; an error status becomes [`ClientError::Api`].
    pub(crate) async fn call(
        &self,
        method: Method,
        url: &str,
        token: &str,
        body: Option<&Value>,
    ) -> Result<Answer, ClientError> {
        check_path(url)?;
        let mut request = self.client.request(method.clone(), url).bearer_auth(token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| self.unreachable(url, error))?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(|error| self.unreachable(url, error))?;
        let value: Option<Value> = serde_json::from_slice(&bytes).ok();
        if let Some(observer) = &self.observer {
            observer(WireRecord {
                method: method.to_string(),
                url: url.to_owned(),
                request: body.cloned(),
                status: status.as_u16(),
                response: value.clone(),
            });
        }
        if status.is_success() {
            return Ok(Answer { status, body: value, url: url.to_owned() });
        }
        Err(api_error(url, status, value.as_ref()))
    }
}

/// A name that is empty, `.` or `..` would make the URL another one: deleting the credential `..`
/// would delete the identity that holds it. URL parsers take `%2E` for a dot too, so the only safe
/// answer is not to ask.
fn check_path(url: &str) -> Result<(), ClientError> {
    let written = url.split('?').next().unwrap_or_default();
    let path = written.splitn(4, '/').nth(3).unwrap_or_default();
    let is_name = |segment: &str| !segment.is_empty() && !matches!(segment.replace("%2E", ".").as_str(), "." | "..");
    let parsed = url::Url::parse(written).is_ok_and(|parsed| parsed.path().strip_prefix('/') == Some(path));
    if parsed && path.split('/').all(is_name) {
        return Ok(());
    }
    Err(ClientError::Name)
}

/// The error of an ARM or Graph envelope, `{"error":{"code","message"}}`.
fn api_error(url: &str, status: StatusCode, body: Option<&Value>) -> ClientError {
    let text = |name: &str| body?.get("error")?.get(name)?.as_str().map(str::to_owned);
    match (text("code"), text("message")) {
        (Some(code), Some(message)) => ClientError::Api { status: status.as_u16(), code, message },
        _ => ClientError::Unexpected {
            url: url.to_owned(),
            status: status.as_u16(),
            reason: "no error object in the body".into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_error_keeps_code_and_text_of_the_api() {
        let body = json!({ "error": { "code": "ResourceNotFound", "message": "It is not there." } });
        let error = api_error("https://localhost/x", StatusCode::NOT_FOUND, Some(&body));
        assert!(error.is_not_found());
        assert_eq!(error.to_string(), "It is not there. (ResourceNotFound)");
    }

    #[test]
    fn an_answer_that_is_no_error_object_is_said_to_be_unexpected() {
        for body in [None, Some(json!({})), Some(json!({ "error": "x" })), Some(json!("x"))] {
            let error = api_error("https://localhost/x", StatusCode::BAD_GATEWAY, body.as_ref());
            assert!(matches!(error, ClientError::Unexpected { status: 502, .. }), "{error}");
        }
    }

    #[test]
    fn a_name_cannot_lead_to_another_resource() {
        let base = "https://localhost:8444/subscriptions/s/federatedIdentityCredentials";
        assert!(check_path(&format!("{base}/one?api-version=1")).is_ok());
        assert!(check_path(&format!("{base}/a%2Fb%3Fc")).is_ok());
        for name in ["", ".", "..", "%2E", "%2E%2E", "%2e%2e", "x/", "a//b"] {
            assert!(check_path(&format!("{base}/{name}?api-version=1")).is_err(), "{name}");
        }
    }
}
