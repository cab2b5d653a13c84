use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{Extensions, StatusCode};
use http_body::{Frame, SizeHint};
use tokio::time::Instant;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tracing::{Instrument, debug, info, info_span};
use uuid::Uuid;

use crate::activity::InFlight;
use crate::deadline::limit_time;
use crate::metrics::MethodLabel;
use crate::{Limits, Metrics};

/// Identifies one request in the log; it stands in the extensions of every request.
///
/// It is always made here and never taken from the client, who could otherwise forge a
/// connection between log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(pub Uuid);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// In the extensions of a response: its log line is for the debug level.
///
/// For requests that are too many to be worth a line each, such as probes.
#[derive(Clone, Copy, Debug)]
pub struct Quiet;

#[derive(Clone)]
struct Observer {
    server: &'static str,
    metrics: Arc<Metrics>,
}

/// Puts around a router what every server has: request id, log line, metrics, panics caught, time
/// and size limits; in this order from the outside, so that whatever answers is seen by the log.
pub(crate) fn around(router: Router, server: &'static str, limits: &Limits, metrics: Arc<Metrics>) -> Router {
    router.layer(
        ServiceBuilder::new()
            .layer(from_fn_with_state(Observer { server, metrics }, observe))
            .layer(CatchPanicLayer::custom(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response()))
            .layer(from_fn_with_state(limits.request_timeout, limit_time))
            .layer(RequestBodyLimitLayer::new(limits.body_bytes))
            // Otherwise axum's own 2 MB would undercut a larger limit.
            .layer(DefaultBodyLimit::disable()),
    )
}

async fn observe(State(observer): State<Observer>, mut request: Request, next: Next) -> Response {
    let id = RequestId(Uuid::new_v4());
    request.extensions_mut().insert(id);
    let mut record = Record::new(observer, id, &mut request);
    let span = info_span!("request", id = %id);
    let response = next.run(request).instrument(span).await;
    record.respond(&response);
    response.map(|body| Body::new(Observed { body, record }))
}

/// Everything about a request that is logged, when it is dropped: at the end of the response, or
/// when the client leaves. Nothing that could hold a secret: no query, header or body.
struct Record {
    observer: Observer,
    id: RequestId,
    method: MethodLabel,
    path: Option<MatchedPath>,
    peer: Option<SocketAddr>,
    begin: Instant,
    status: Option<StatusCode>,
    bytes: u64,
    complete: bool,
    quiet: bool,
    _in_flight: Option<Arc<InFlight>>,
}

impl Record {
    fn new(observer: Observer, id: RequestId, request: &mut Request) -> Self {
        Self {
            observer,
            id,
            method: MethodLabel::of(request.method()),
            path: matched_path(request.extensions()),
            peer: request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0),
            begin: Instant::now(),
            status: None,
            bytes: 0,
            complete: false,
            quiet: false,
            _in_flight: request.extensions_mut().remove(),
        }
    }

    fn respond(&mut self, response: &Response) {
        self.status = Some(response.status());
        self.quiet = response.extensions().get::<Quiet>().is_some();
        self.complete = http_body::Body::is_end_stream(response.body());
        // A surface that rewrites paths in front of an inner router can say which route it took.
        self.path = matched_path(response.extensions()).or_else(|| self.path.take());
    }
}

fn matched_path(extensions: &Extensions) -> Option<MatchedPath> {
    extensions.get::<MatchedPath>().cloned()
}

impl Drop for Record {
    fn drop(&mut self) {
        let path = self.path.as_ref().map_or("-", MatchedPath::as_str);
        let duration = self.begin.elapsed();
        let server = self.observer.server;
        self.observer.metrics.request(server, self.method, path, self.status, duration);
        let (id, method, bytes) = (self.id, self.method.0, self.bytes);
        let duration_ms = (duration.as_secs_f64() * 1_000_000.0).round() / 1000.0;
        let peer = self.peer.map(tracing::field::display);
        match self.status.map(|status| status.as_u16()) {
            Some(status) if self.quiet => {
                debug!(server, method, path, status, duration_ms, bytes, %id, peer, "{method} {path} answered {status}");
            }
            Some(status) if self.complete => {
                info!(server, method, path, status, duration_ms, bytes, %id, peer, "{method} {path} answered {status}");
            }
            Some(status) => {
                info!(server, method, path, status, duration_ms, bytes, %id, peer, "{method} {path} answered {status}, response cut short");
            }
            None => {
                info!(server, method, path, duration_ms, bytes, %id, peer, "{method} {path} left by the client before a response");
            }
        }
    }
}

/// A response body that keeps the record of its request until it has been sent.
struct Observed {
    body: Body,
    record: Record,
}

impl http_body::Body for Observed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                self.record.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                self.record.complete = self.body.is_end_stream();
            }
            Some(Err(_)) => {}
            None => self.record.complete = true,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
