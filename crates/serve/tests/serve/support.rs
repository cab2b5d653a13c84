//! A server on a free port, and clients that show every byte.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::{get, post};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prometheus_client::registry::Registry;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use symbolon_serve::{Limits, Metrics, Readiness, ServeError, Server, Servers, Tls};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub(crate) const GET: &str = "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";

pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) health: SocketAddr,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) readiness: Readiness,
    /// A request to `/held` is answered once there is a permit.
    pub(crate) held: Arc<Semaphore>,
    entered: Arc<AtomicUsize>,
    shutdown: Option<oneshot::Sender<()>>,
    pub(crate) task: JoinHandle<Result<(), ServeError>>,
}

pub(crate) fn start(tls: Option<&Tls>, limits: Limits) -> Running {
    let listen = || std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (listener, health) = (listen(), listen());
    let addresses = (listener.local_addr().unwrap(), health.local_addr().unwrap());
    let metrics = Arc::new(Metrics::new(Registry::default(), 1_795_500_000));
    let (readiness, held) = (Readiness::new(), Arc::new(Semaphore::new(0)));
    let entered = Arc::new(AtomicUsize::new(0));
    let mut servers = Servers::new(Arc::clone(&metrics));
    let router = router(Arc::clone(&held), Arc::clone(&entered));
    servers.add(Server { name: "test", listener, tls: tls.cloned(), router, limits });
    servers.add_health(health, readiness.clone());
    let (shutdown, stopped) = oneshot::channel();
    let task = tokio::spawn(servers.run(async { drop(stopped.await) }));
    let (address, health) = addresses;
    Running { address, health, metrics, readiness, held, entered, shutdown: Some(shutdown), task }
}

pub(crate) fn start_plain(limits: Limits) -> Running {
    start(None, limits)
}

fn router(held: Arc<Semaphore>, entered: Arc<AtomicUsize>) -> Router {
    let held = move || async move {
        entered.fetch_add(1, Ordering::SeqCst);
        held.acquire().await.unwrap().forget();
        "held"
    };
    Router::new()
        .route("/", get(async || "hello"))
        .route("/items/{name}", get(async || "item"))
        .route("/echo", post(async |body: Bytes| body))
        .route("/held", get(held))
        .route("/large", get(async || Body::from(vec![b'x'; 64 << 20])))
        .route("/panic", get(panicking))
}

async fn panicking() {
    panic!("on purpose");
}

impl Running {
    pub(crate) fn begin_shutdown(&mut self) {
        self.shutdown.take().unwrap().send(()).unwrap();
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Asks for a path on a new plain connection, and gives the whole answer.
    pub(crate) async fn get(&self, path: &str) -> String {
        get_from(self.address, path).await
    }

    pub(crate) async fn get_health(&self, path: &str) -> String {
        get_from(self.health, path).await
    }

    /// Waits until a request to `/held` is in the handler.
    pub(crate) async fn held_request(&self) {
        until(async || self.entered.load(Ordering::SeqCst) > 0).await;
    }

    /// Waits until the metrics contain a line.
    pub(crate) async fn metric(&self, line: &str) {
        until(async || self.metrics.encode().unwrap().lines().any(|candidate| candidate == line)).await;
    }
}

async fn get_from(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    rest(&mut stream).await
}

/// Everything until the other side closes; a reset counts as closing.
pub(crate) async fn rest(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8(bytes).unwrap()
}

/// Sends a request on a connection that stays open, and gives the answer, which must be short.
pub(crate) async fn ask<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    answer(stream).await
}

/// One answer with a `content-length`, or what came before the connection closed.
pub(crate) async fn answer<S: AsyncRead + Unpin>(stream: &mut S) -> String {
    let mut text = String::new();
    while !is_whole(&text) {
        let mut bytes = [0; 1024];
        match stream.read(&mut bytes).await {
            Ok(0) | Err(_) => break,
            Ok(count) => text.push_str(std::str::from_utf8(&bytes[..count]).unwrap()),
        }
    }
    text
}

fn is_whole(answer: &str) -> bool {
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.is_some_and(|length| body.len() >= length.parse::<usize>().unwrap())
}

pub(crate) fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("no answer")
}

pub(crate) fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("no answer", |(_, body)| body)
}

pub(crate) async fn until(mut holds: impl AsyncFnMut() -> bool) {
    while !holds().await {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A self-signed certificate and its key.
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Pair {
    pub(crate) fn new() -> Self {
        let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        Self { certificate: pair.cert.pem(), key: pair.signing_key.serialize_pem() }
    }

    pub(crate) fn tls(&self) -> Tls {
        Tls::from_pem(&self.certificate, &self.key).unwrap()
    }

    pub(crate) fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap()
    }
}

pub(crate) const ANY_VERSION: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];

/// A client that trusts these certificates.
pub(crate) struct TlsClient {
    config: ClientConfig,
}

impl TlsClient {
    pub(crate) fn new(trusted: &[&Pair], versions: &[&'static SupportedProtocolVersion]) -> Self {
        let mut roots = RootCertStore::empty();
        for pair in trusted {
            roots.add(pair.der()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { config }
    }

    pub(crate) fn alpn(mut self, protocol: &str) -> Self {
        self.config.alpn_protocols = vec![protocol.into()];
        self
    }

    /// A new connection that resumes no earlier session.
    pub(crate) async fn connect(&self, server: &Running) -> TlsStream<TcpStream> {
        self.try_connect(server).await.unwrap()
    }

    pub(crate) async fn try_connect(&self, server: &Running) -> io::Result<TlsStream<TcpStream>> {
        let mut config = self.config.clone();
        config.resumption = rustls::client::Resumption::disabled();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, server.connect().await).await
    }
}

pub(crate) fn leaf_of(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0].clone()
}

pub(crate) type Http2 = hyper::client::conn::http2::SendRequest<Body>;

pub(crate) async fn http2(pair: &Pair, server: &Running) -> Http2 {
    let stream = TlsClient::new(&[pair], ANY_VERSION).alpn("h2").connect(server).await;
    let io = TokioIo::new(stream);
    let (sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    sender
}
