//! The body of a request, read within bounds and in upstream's words.

use std::{sync::LazyLock, time::Duration};

use axum::body::{Body, Bytes};
use axum::extract::Request;
use bytes::BytesMut;
use http::{HeaderMap, header};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use symbolon_admission::Refusal;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

/// Bodies of this size and more are refused.
pub const LIMIT: usize = 7 * 1024 * 1024;
/// From this size on a body counts as large. Pods are smaller.
const LARGE: usize = 128 * 1024;
/// What all bodies that are being read may take together, in KiB: the small ones, of which many
/// come at the same time, and the large ones, which must not keep the small ones waiting.
///
/// Bounds the memory that callers can take: each may send 7 MiB, and there may be hundreds.
const SMALL_BODIES: usize = 12 * 1024;
const LARGE_BODIES: usize = 24 * 1024;
/// An API server sends a small body at once. Who does not gives its place back.
const SMALL_TIMEOUT: Duration = Duration::from_secs(3);

static SMALL_ROOM: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(SMALL_BODIES));
static LARGE_ROOM: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(LARGE_BODIES));

/// A body, and its place.
pub(super) struct Held {
    pub(super) body: Bytes,
    _room: Option<SemaphorePermit<'static>>,
}

/// Reads the body of a review.
///
/// # Errors
///
/// A [`Refusal`] with the code and the text of upstream.
pub(super) async fn read(request: Request) -> Result<Held, Refusal> {
    let (parts, body) = request.into_parts();
    if body.is_end_stream() {
        return Err(bad_request("request body is empty"));
    }
    let declared = body.size_hint().upper().and_then(|size| usize::try_from(size).ok());
    if declared.is_some_and(|size| size >= LIMIT) {
        return Err(too_large());
    }
    let size = declared.unwrap_or(LIMIT);
    let kilobytes = u32::try_from(size.div_ceil(1024)).unwrap_or(u32::MAX);
    let (room, body) = if size < LARGE {
        let room = SMALL_ROOM.acquire_many(kilobytes).await.ok();
        let body = timeout(SMALL_TIMEOUT, collect(body, declared)).await;
        (room, body.unwrap_or_else(|_| Err(too_slow()))?)
    } else {
        (LARGE_ROOM.acquire_many(kilobytes).await.ok(), collect(body, declared).await?)
    };
    check_content_type(&parts.headers)?;
    Ok(Held { body, _room: room })
}

async fn collect(mut body: Body, declared: Option<usize>) -> Result<Bytes, Refusal> {
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| bad_request(&error.to_string()))?;
        let Ok(data) = frame.into_data() else { continue };
        if first.len() + whole.len() + data.len() >= LIMIT {
            return Err(too_large());
        }
        if first.is_empty() && whole.is_empty() {
            first = data;
            continue;
        }
        if whole.is_empty() {
            whole.reserve(declared.unwrap_or_default().max(first.len() + data.len()));
            whole.extend_from_slice(&first);
            first = Bytes::new();
        }
        whole.extend_from_slice(&data);
    }
    // Most reviews come in one piece, which is not copied.
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let found = headers.get(header::CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    if found == b"application/json" {
        return Ok(());
    }
    let found = String::from_utf8_lossy(found);
    Err(bad_request(&format!("contentType={found}, expected application/json")))
}

fn bad_request(message: &str) -> Refusal {
    Refusal { code: 400, message: message.to_owned() }
}

fn too_slow() -> Refusal {
    Refusal { code: 408, message: format!("the request's body did not come within {} s", SMALL_TIMEOUT.as_secs()) }
}

fn too_large() -> Refusal {
    Refusal { code: 413, message: format!("request entity is too large; limit is {LIMIT} bytes") }
}
