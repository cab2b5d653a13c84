use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Sleep, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tower::Service as _;
use tracing::debug;

use crate::activity::{Activity, Expiry, Noted};
use crate::metrics::HandshakeFailure;
use crate::{Limits, Metrics};

/// The first byte of every TLS handshake record (RFC 8446, section 5.1).
const TLS_HANDSHAKE: u8 = 0x16;
const PLAIN_HTTP_ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\
    content-type: text/plain; charset=utf-8\r\nconnection: close\r\ncontent-length: 74\r\n\r\n\
    this port speaks https, the request came as http: use an https:// address\n";
/// A flood of opened and reset streams is answered with GOAWAY after this many (CVE-2023-44487).
const MAX_PENDING_RESETS: usize = 20;
const MAX_LOCAL_RESETS: usize = 64;
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;
const SEND_BUFFER: usize = 64 * 1024;
/// Room for bodies to be read in large pieces; headers have a limit of their own.
const READ_BUFFER: usize = 64 * 1024;

/// What all connections of one server share.
pub(crate) struct Shared {
    pub(crate) name: &'static str,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) router: Router,
    pub(crate) limits: Limits,
    pub(crate) metrics: Arc<Metrics>,
    /// Told when there is no room for another connection.
    pub(crate) crowded: Notify,
    /// Cancelled when the server begins to stop.
    pub(crate) stop: CancellationToken,
}

/// Serves one connection until it ends.
///
/// The three things that a connection can become are boxed: a task is as large as the largest of
/// its futures, and would stay so while the connection is idle.
pub(crate) async fn serve(shared: Arc<Shared>, stream: TcpStream, peer: SocketAddr) {
    let _open = shared.metrics.connection(shared.name);
    if let Err(error) = stream.set_nodelay(true) {
        debug!(server = shared.name, %peer, %error, "TCP_NODELAY cannot be set");
    }
    let Some(acceptor) = &shared.tls else {
        return Box::pin(serve_http1(&shared, stream, peer)).await;
    };
    let handshake = Box::pin(handshake(acceptor, stream));
    let outcome = tokio::select! {
        outcome = timeout(shared.limits.tls_handshake_timeout, handshake) => {
            outcome.unwrap_or(Err((HandshakeFailure::Timeout, None)))
        }
        () = shared.stop.cancelled() => return,
    };
    match outcome {
        Ok(stream) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => {
            Box::pin(serve_http2(&shared, stream, peer)).await;
        }
        Ok(stream) => Box::pin(serve_http1(&shared, stream, peer)).await,
        Err((reason, error)) => {
            shared.metrics.handshake_failure(shared.name, reason);
            log_failure(shared.name, peer, reason, error.as_ref());
        }
    }
}

type Handshake = Result<TlsStream<TcpStream>, (HandshakeFailure, Option<io::Error>)>;

async fn handshake(acceptor: &TlsAcceptor, mut stream: TcpStream) -> Handshake {
    let mut first = [0; 1];
    match stream.peek(&mut first).await {
        Ok(0) => return Err((HandshakeFailure::Disconnected, None)),
        Err(error) => return Err((HandshakeFailure::Disconnected, Some(error))),
        Ok(_) if first[0] != TLS_HANDSHAKE && first[0].is_ascii_alphabetic() => {
            let answered = refuse_plain_http(&mut stream).await;
            return Err((HandshakeFailure::PlainHttp, answered.err()));
        }
        Ok(_) => {}
    }
    acceptor.accept(stream).await.map_err(|error| {
        let reason = match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::Other => HandshakeFailure::Protocol,
            _ => HandshakeFailure::Disconnected,
        };
        (reason, Some(error))
    })
}

async fn refuse_plain_http(stream: &mut TcpStream) -> io::Result<()> {
    // Closing with bytes unread would reset the connection, and the client would not see the answer.
    let mut unread = vec![0; 8192];
    let _ = stream.try_read(&mut unread)?;
    stream.write_all(PLAIN_HTTP_ANSWER).await?;
    stream.shutdown().await
}

fn log_failure(server: &'static str, peer: SocketAddr, reason: HandshakeFailure, error: Option<&io::Error>) {
    let error = error.map(tracing::field::display);
    match reason {
        // Port scanners and TCP probes end here: not worth a line by default.
        HandshakeFailure::Disconnected => debug!(server, %peer, error, "client left during the TLS handshake"),
        HandshakeFailure::Timeout => debug!(server, %peer, "TLS handshake took too long"),
        HandshakeFailure::PlainHttp => tracing::info!(server, %peer, "client spoke plain http to an https port"),
        HandshakeFailure::Protocol => tracing::info!(server, %peer, error, "TLS handshake failed"),
    }
}

async fn serve_http1<S>(shared: &Arc<Shared>, stream: S, peer: SocketAddr)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let activity = Activity::new();
    let io = TokioIo::new(Noted::new(stream, Arc::clone(&activity), true));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_header_size(shared.limits.header_bytes)
        .max_buf_size(shared.limits.header_bytes.max(READ_BUFFER))
        .serve_connection(io, service(shared, &activity, peer));
    drive(connection, &activity, shared, peer).await;
}

async fn serve_http2<S>(shared: &Arc<Shared>, stream: S, peer: SocketAddr)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let activity = Activity::new();
    let io = TokioIo::new(Noted::new(stream, Arc::clone(&activity), false));
    let header_bytes = u32::try_from(shared.limits.header_bytes).unwrap_or(u32::MAX);
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(shared.limits.max_concurrent_streams)
        .max_header_list_size(header_bytes)
        .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
        .max_local_error_reset_streams(MAX_LOCAL_RESETS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .serve_connection(io, service(shared, &activity, peer));
    drive(connection, &activity, shared, peer).await;
}

fn service(
    shared: &Arc<Shared>,
    activity: &Arc<Activity>,
    peer: SocketAddr,
) -> impl Service<
    Request<Incoming>,
    Response = axum::response::Response,
    Error = std::convert::Infallible,
    Future: Send + 'static,
> + use<> {
    let (router, activity) = (shared.router.clone(), Arc::clone(activity));
    service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(Arc::new(activity.request()));
        router.clone().call(request)
    })
}

/// Runs a connection to its end, and ends it when a deadline, the server or a crowd says so.
async fn drive<C>(connection: C, activity: &Activity, shared: &Shared, peer: SocketAddr)
where
    C: GracefulConnection<Error = hyper::Error>,
{
    let mut connection = pin!(connection);
    let mut timer = pin!(sleep_until(activity.deadline(&shared.limits).0));
    loop {
        let leaving = activity.is_leaving();
        let leave = tokio::select! {
            event = step(connection.as_mut(), timer.as_mut(), activity, &shared.limits) => match event {
                Event::Ended(result) => {
                    if let Err(error) = result {
                        debug!(server = shared.name, %peer, error = &error as &dyn std::error::Error, "connection ended early");
                    }
                    return;
                }
                Event::Expired(Expiry::Cut(reason)) => {
                    debug!(server = shared.name, %peer, reason, "connection cut");
                    return;
                }
                Event::Expired(Expiry::Idle) => true,
            },
            () = shared.stop.cancelled(), if !leaving => true,
            () = shared.crowded.notified(), if !leaving => activity.is_settled_and_idle(),
        };
        if leave && !leaving {
            activity.leave();
            connection.as_mut().graceful_shutdown();
        }
    }
}

enum Event {
    Ended(Result<(), hyper::Error>),
    Expired(Expiry),
}

/// Polls the connection first, because that is what moves its deadline.
async fn step<C>(mut connection: Pin<&mut C>, mut timer: Pin<&mut Sleep>, activity: &Activity, limits: &Limits) -> Event
where
    C: GracefulConnection<Error = hyper::Error>,
{
    poll_fn(|cx| {
        if let Poll::Ready(result) = connection.as_mut().poll(cx) {
            return Poll::Ready(Event::Ended(result));
        }
        loop {
            let (deadline, expiry) = activity.deadline(limits);
            if deadline <= tokio::time::Instant::now() {
                return Poll::Ready(Event::Expired(expiry));
            }
            if timer.deadline() != deadline {
                timer.as_mut().reset(deadline);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    })
    .await
}
