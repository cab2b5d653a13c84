//! Requests to the API server whose answers are read piece by piece.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use jiff::Timestamp;
use kube::Client;
use kube::client::Body;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

/// A write that takes longer is given up; shorter than the slack of a lease, so that none is
/// under way when the lease has ended.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(4);

/// Content types of bodies.
pub(crate) const JSON: &str = "application/json";
pub(crate) const JSON_PATCH: &str = "application/json-patch+json";
pub(crate) const MERGE_PATCH: &str = "application/merge-patch+json";

/// More of an error's body than anybody reads.
const ERROR_BYTES: usize = 64 * 1024;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// The API server refused.
    #[error("{code}: {message}")]
    Status { code: u16, message: String },
    /// It was not reached, or broke off.
    #[error("no connection")]
    Connection(#[source] kube::Error),
    /// What it says is not understood.
    #[error("the answer is not understood")]
    Answer(#[from] serde_json::Error),
    /// It keeps silent.
    #[error("no answer in time")]
    Silent,
}

/// The body of a `Status`.
#[derive(Default, Deserialize)]
struct Status {
    #[serde(default)]
    message: String,
}

/// Asks for a path with its query, and gives the body of a successful answer as it comes.
pub(crate) async fn open(client: &Client, path: &str) -> Result<Body, ApiError> {
    let request = Request::get(path)
        .header(header::ACCEPT, "application/json")
        .body(Body::empty())
        .map_err(|error| ApiError::Connection(kube::Error::HttpError(error)))?;
    let response = client.send(request).await.map_err(ApiError::Connection)?;
    let status = response.status();
    if status.is_success() {
        return Ok(response.into_body());
    }
    Err(refusal(status, response.into_body()).await)
}

async fn refusal(status: StatusCode, body: Body) -> ApiError {
    let text = Limited::new(body, ERROR_BYTES).collect().await.map(http_body_util::Collected::to_bytes);
    let parsed: Status = text.ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
    let message = if parsed.message.is_empty() {
        status.canonical_reason().unwrap_or("refused").to_owned()
    } else {
        parsed.message
    };
    ApiError::Status { code: status.as_u16(), message }
}

/// The whole body of a successful answer.
pub(crate) async fn get(client: &Client, path: &str) -> Result<Bytes, ApiError> {
    let body = open(client, path).await?;
    Ok(body.collect().await.map_err(ApiError::Connection)?.to_bytes())
}

/// Sends a body and reads the object in the answer.
pub(crate) async fn send<T: DeserializeOwned>(
    client: &Client,
    method: Method,
    path: &str,
    content_type: &'static str,
    body: &impl Serialize,
) -> Result<T, ApiError> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::ACCEPT, "application/json")
        .header(header::CONTENT_TYPE, content_type)
        .body(Body::from(serde_json::to_vec(body)?))
        .map_err(|error| ApiError::Connection(kube::Error::HttpError(error)))?;
    let exchange = async {
        let response = client.send(request).await.map_err(ApiError::Connection)?;
        let status = response.status();
        if !status.is_success() {
            return Err(refusal(status, response.into_body()).await);
        }
        let body = response.into_body().collect().await.map_err(ApiError::Connection)?.to_bytes();
        Ok(serde_json::from_slice(&body)?)
    };
    timeout(TIMEOUT, exchange).await.unwrap_or(Err(ApiError::Silent))
}

/// Reads an object, if it is there.
pub(crate) async fn find<T: DeserializeOwned>(client: &Client, path: &str) -> Result<Option<T>, ApiError> {
    match timeout(TIMEOUT, get(client, path)).await.unwrap_or(Err(ApiError::Silent)) {
        Ok(body) => Ok(Some(serde_json::from_slice(&body)?)),
        Err(error) if error.code() == Some(404) => Ok(None),
        Err(error) => Err(error),
    }
}

/// How far the API server's clock is ahead of ours, in seconds.
pub(crate) async fn clock_difference(client: &Client, now: Timestamp) -> Result<i64, ApiError> {
    let request = Request::get("/version")
        .body(Body::empty())
        .map_err(|error| ApiError::Connection(kube::Error::HttpError(error)))?;
    let exchange = timeout(TIMEOUT, client.send(request)).await.map_err(|_| ApiError::Silent)?;
    let response = exchange.map_err(ApiError::Connection)?;
    let date = response.headers().get(header::DATE).and_then(|value| value.to_str().ok());
    let date = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
    Ok(date.map_or(0, |date| date.timestamp().as_second() - now.as_second()))
}

impl ApiError {
    /// Whether somebody else wrote first: read again, and decide again.
    pub(crate) fn is_conflict(&self) -> bool {
        self.code() == Some(409)
    }

    /// The status of a refusal.
    pub(crate) fn code(&self) -> Option<u16> {
        match self {
            Self::Status { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// One line with the causes.
    pub(crate) fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}
