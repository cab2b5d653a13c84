//! Issuers that do as they are told, and everything else that a federation needs.

use std::collections::HashMap;
use std::future::pending;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer as CaIssuer, KeyPair};
use rustls_pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use symbolon_core::TenantId;
use symbolon_core::issuer::{IssuerKeySource, TrustedIssuer};
use symbolon_core::ports::{Clock, IssuerKeys as _, IssuerKeysError, PortError, Random};
use symbolon_federation::{Federation, Resolver, Settings, TrustedIssuers};
use symbolon_jose::{Jwk, KeyKind, SigningKey, VerifyingKey};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use uuid::Uuid;

pub(crate) const DISCOVERY: &str = "/.well-known/openid-configuration";
pub(crate) const JWKS: &str = "/jwks";

pub(crate) fn tenant(n: u128) -> TenantId {
    TenantId::new(Uuid::from_u128(n))
}

/// What an issuer sends for a path.
#[derive(Clone)]
pub(crate) enum Reply {
    /// These bytes; then the connection is closed.
    Bytes(String),
    /// These bytes, then this for ever.
    Endless(String, String),
    /// These bytes, then nothing for ever.
    Stall(String),
}

pub(crate) fn ok(body: &impl ToString) -> Reply {
    let body = body.to_string();
    Reply::Bytes(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len()))
}

pub(crate) fn status(line: &str) -> Reply {
    Reply::Bytes(format!("HTTP/1.1 {line}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"))
}

/// An issuer on this machine.
pub(crate) struct Issuer {
    pub(crate) address: SocketAddr,
    pub(crate) url: String,
    pub(crate) ca_pem: String,
    shared: Arc<Shared>,
}

struct Shared {
    replies: Mutex<HashMap<String, Reply>>,
    requests: Mutex<Vec<String>>,
    connections: AtomicUsize,
    /// Each answer takes a permit and gives it back.
    gate: Semaphore,
}

pub(crate) enum Scheme {
    Http,
    /// The names in the certificate, and whether it is still valid.
    Https(Vec<String>, bool),
}

impl Issuer {
    /// An https issuer that publishes `keys`, at a URL with its address.
    pub(crate) async fn start(keys: &Value) -> Self {
        Self::with(Scheme::Https(vec!["127.0.0.1".into()], true), "127.0.0.1", keys).await
    }

    pub(crate) async fn with(scheme: Scheme, host: &str, keys: &Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (tls, ca_pem, name) = match scheme {
            Scheme::Http => (None, String::new(), "http"),
            Scheme::Https(names, valid) => {
                let (tls, ca_pem) = tls(names, valid);
                (Some(tls), ca_pem, "https")
            }
        };
        let url = format!("{name}://{host}:{}", address.port());
        let shared = Arc::new(Shared {
            replies: Mutex::default(),
            requests: Mutex::default(),
            connections: AtomicUsize::new(0),
            gate: Semaphore::new(1000),
        });
        let issuer = Self { address, url, ca_pem, shared: Arc::clone(&shared) };
        issuer.publish(keys);
        tokio::spawn(serve(listener, tls, shared));
        issuer
    }

    /// Serves a good discovery document and these keys.
    pub(crate) fn publish(&self, keys: &Value) {
        self.reply(DISCOVERY, ok(&json!({"issuer": self.url, "jwks_uri": format!("{}{JWKS}", self.url)})));
        self.reply(JWKS, ok(&json!({ "keys": keys })));
    }

    pub(crate) fn reply(&self, path: &str, reply: Reply) {
        self.shared.replies.lock().unwrap().insert(path.to_owned(), reply);
    }

    /// Serves nothing but errors.
    pub(crate) fn fail(&self) {
        self.reply(DISCOVERY, status("503 Service Unavailable"));
    }

    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// How often a path was asked for.
    pub(crate) fn asked(&self, path: &str) -> usize {
        self.requests().iter().filter(|head| head.starts_with(&format!("GET {path} "))).count()
    }

    /// The heads of all requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// Answers nothing until [`Self::open`].
    pub(crate) async fn close(&self) {
        self.shared.gate.acquire_many(1000).await.unwrap().forget();
    }

    pub(crate) fn open(&self) {
        self.shared.gate.add_permits(1000);
    }

    /// Waits until the issuer was asked for `path` this often.
    pub(crate) async fn wait_for(&self, path: &str, times: usize) {
        while self.asked(path) < times {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

fn tls(names: Vec<String>, valid: bool) -> (TlsAcceptor, String) {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(vec![]).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let mut leaf = CertificateParams::new(names).unwrap();
    if !valid {
        leaf.not_after = rcgen::date_time_ymd(2001, 1, 1);
    }
    let chain = vec![leaf.signed_by(&key, &CaIssuer::new(ca, ca_key)).unwrap().der().clone()];
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    (TlsAcceptor::from(Arc::new(config)), ca_pem)
}

async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    loop {
        let (tcp, _) = listener.accept().await.unwrap();
        shared.connections.fetch_add(1, Ordering::SeqCst);
        let (tls, shared) = (tls.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            match tls {
                None => answer(tcp, &shared).await,
                Some(tls) => answer(tls.accept(tcp).await?, &shared).await,
            }
        });
    }
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, shared: &Shared) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
        if head[0] != b'G' {
            return stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1).unwrap().to_owned();
    shared.requests.lock().unwrap().push(head);
    let _permit = shared.gate.acquire().await.unwrap();
    let reply = shared.replies.lock().unwrap().get(&path).cloned().unwrap_or_else(|| status("404 Not Found"));
    match reply {
        Reply::Bytes(bytes) => stream.write_all(bytes.as_bytes()).await?,
        Reply::Endless(head, more) => {
            stream.write_all(head.as_bytes()).await?;
            loop {
                stream.write_all(more.as_bytes()).await?;
            }
        }
        Reply::Stall(head) => {
            stream.write_all(head.as_bytes()).await?;
            stream.flush().await?;
            pending::<()>().await;
        }
    }
    stream.shutdown().await
}

/// A key with its public half as it is published.
pub(crate) struct Key {
    pub(crate) verifying: VerifyingKey,
    pub(crate) jwk: Value,
}

pub(crate) fn key(kid: &str) -> Key {
    let verifying = SigningKey::generate(KeyKind::P256).unwrap().verifying_key().clone();
    let jwk = Jwk { kid: Some(kid.to_owned()), ..verifying.to_jwk() };
    Key { jwk: serde_json::to_value(jwk).unwrap(), verifying }
}

/// A clock that stands still until it is told otherwise.
pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub(crate) fn forward(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    pub(crate) fn back(&self, by: Duration) {
        self.0.fetch_sub(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// The longest pauses that chance can bring.
struct Longest;

impl Random for Longest {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0xff);
    }
}

/// Registrations in memory.
#[derive(Default)]
pub(crate) struct Registrations {
    rows: Mutex<HashMap<(TenantId, String), TrustedIssuer>>,
    pub(crate) trouble: Mutex<Option<Trouble>>,
}

#[derive(Clone, Copy)]
pub(crate) enum Trouble {
    Fails,
    Panics,
    /// Finds some row, whatever was asked for.
    Confuses,
}

#[async_trait]
impl TrustedIssuers for Registrations {
    async fn find(&self, tenant: TenantId, issuer: &str) -> Result<Option<TrustedIssuer>, PortError> {
        let trouble = *self.trouble.lock().unwrap();
        match trouble {
            Some(Trouble::Fails) => Err(PortError { what: "reading", source: "disk is gone".into() }),
            Some(Trouble::Panics) => panic!("this panic is part of the test"),
            Some(Trouble::Confuses) => Ok(self.rows.lock().unwrap().values().next().cloned()),
            None => Ok(self.rows.lock().unwrap().get(&(tenant, issuer.to_owned())).cloned()),
        }
    }
}

/// Names with fixed addresses; asked again, a name has the next ones of its list.
#[derive(Default)]
pub(crate) struct Names {
    addresses: Mutex<HashMap<String, Vec<IpAddr>>>,
    pub(crate) asked: AtomicUsize,
}

#[async_trait]
impl Resolver for Names {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut addresses = self.addresses.lock().unwrap();
        let Some(list) = addresses.get_mut(host) else {
            return Err(io::Error::new(io::ErrorKind::NotFound, "no such name"));
        };
        let next = if list.len() > 1 { list.remove(0) } else { list[0] };
        Ok(vec![next])
    }
}

/// A federation with everything around it.
pub(crate) struct World {
    pub(crate) federation: Federation,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) registrations: Arc<Registrations>,
    pub(crate) names: Arc<Names>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Self::settings())
    }

    /// The usual ones, but patient: a busy machine must fail no test that is not about time.
    pub(crate) fn settings() -> Settings {
        let patient = Duration::from_mins(1);
        Settings { connect_timeout: patient, total_timeout: patient, ..Settings::default() }
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let clock = Arc::new(TestClock(AtomicI64::new(1_795_500_000_000)));
        let (registrations, names) = (Arc::<Registrations>::default(), Arc::<Names>::default());
        let federation = Federation::with_resolver(
            settings,
            Arc::clone(&registrations) as _,
            Arc::clone(&clock) as _,
            Arc::new(Longest),
            Arc::clone(&names) as _,
        );
        Self { federation, clock, registrations, names }
    }

    /// Another federation over the same registrations, as the product makes it.
    pub(crate) fn with_system_resolver(&self) -> Federation {
        let (registrations, clock) = (Arc::clone(&self.registrations), Arc::clone(&self.clock));
        Federation::new(Self::settings(), registrations, clock, Arc::new(Longest))
    }

    pub(crate) fn name(&self, host: &str, addresses: &[&str]) {
        let addresses = addresses.iter().map(|ip| ip.parse().unwrap()).collect();
        self.names.addresses.lock().unwrap().insert(host.into(), addresses);
    }

    pub(crate) fn register(&self, tenant: TenantId, issuer: &str, keys: IssuerKeySource) {
        let row = TrustedIssuer { tenant, issuer: issuer.into(), keys, version: 1 };
        self.registrations.rows.lock().unwrap().insert((tenant, issuer.into()), row);
        self.federation.invalidate(tenant, issuer);
    }

    pub(crate) fn unregister(&self, tenant: TenantId, issuer: &str) {
        self.registrations.rows.lock().unwrap().remove(&(tenant, issuer.into()));
        self.federation.invalidate(tenant, issuer);
    }

    /// Registers an issuer of this machine in the first tenant, with its CA.
    pub(crate) fn trust(&self, issuer: &Issuer) {
        self.register(tenant(1), &issuer.url, private(issuer));
    }

    /// Asks in the first tenant.
    pub(crate) async fn key(&self, issuer: &str, kid: &str) -> Result<VerifyingKey, IssuerKeysError> {
        self.federation.key(tenant(1), issuer, kid).await
    }

    /// Asks in the first tenant, for the text of a refusal; ports differ from run to run.
    pub(crate) async fn refusal(&self, issuer: &Issuer, kid: &str) -> String {
        let text = self.key(&issuer.url, kid).await.unwrap_err().to_string();
        text.replace(&issuer.address.port().to_string(), "PORT")
    }
}

pub(crate) fn private(issuer: &Issuer) -> IssuerKeySource {
    let ca_pem = Some(issuer.ca_pem.clone()).filter(|pem| !pem.is_empty());
    IssuerKeySource::Discovery { ca_pem, allow_private: true }
}

pub(crate) fn registered(keys: &Value) -> IssuerKeySource {
    IssuerKeySource::Registered { jwks: json!({ "keys": keys }).to_string() }
}
