//! Callers that send reviews as fast as they are answered.
//!
//! They share the machine with what they measure, so they do as little as can be: requests are
//! made before the clock starts, answers are only looked at for their length and outcome.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{cluster::account, review};

/// Different reviews of one caller.
const REVIEWS: usize = 64;

/// Whom to call, and with what.
pub(super) struct Target {
    address: SocketAddr,
    connector: TlsConnector,
    requests: Arc<[Vec<u8>]>,
}

/// What came of it.
pub(super) struct Outcome {
    /// Seconds of each review, sorted.
    latencies: Vec<f64>,
    elapsed: f64,
}

impl Outcome {
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    pub(super) fn count(&self) -> f64 {
        self.latencies.len() as f64
    }

    pub(super) fn rate(&self) -> f64 {
        self.count() / self.elapsed
    }

    /// Milliseconds.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index between 0 and the number of samples"
    )]
    pub(super) fn percentile(&self, share: f64) -> f64 {
        let index = ((self.count() - 1.0) * share).round().max(0.0) as usize;
        self.latencies.get(index).copied().unwrap_or_default() * 1e3
    }
}

impl Target {
    /// Reviews of pods whose accounts are spread over the first `accounts`.
    pub(super) fn new(address: SocketAddr, trust: &[u8], accounts: usize) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(trust) {
            roots.add(certificate.context("the CA's certificate cannot be read")?)?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let requests = (0..REVIEWS).map(|number| request(number * accounts / REVIEWS)).collect();
        Ok(Self { address, connector: TlsConnector::from(Arc::new(config)), requests })
    }

    async fn connect(&self) -> Result<Connection> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::IpAddress(self.address.ip().into());
        Ok(Connection { stream: self.connector.connect(name, stream).await?, buffer: Vec::new() })
    }

    /// One review on a new connection.
    pub(super) async fn once(&self) -> Result<()> {
        let first = self.requests.first().context("no request")?;
        self.connect().await?.review(first).await
    }

    /// Reviews on `connections` connections for `duration`.
    pub(super) async fn run(&self, connections: usize, duration: Duration) -> Result<Outcome> {
        let mut callers = tokio::task::JoinSet::new();
        let mut open = Vec::new();
        for _ in 0..connections {
            open.push(self.connect().await?);
        }
        let started = Instant::now();
        for (number, mut connection) in open.into_iter().enumerate() {
            let requests = Arc::clone(&self.requests);
            callers.spawn(async move {
                let mut latencies = Vec::new();
                for request in requests.iter().cycle().skip(number) {
                    let begun = Instant::now();
                    connection.review(request).await?;
                    latencies.push(begun.elapsed().as_secs_f64());
                    if started.elapsed() >= duration {
                        break;
                    }
                }
                anyhow::Ok(latencies)
            });
        }
        let mut latencies = Vec::new();
        while let Some(done) = callers.join_next().await {
            latencies.extend(done??);
        }
        let elapsed = started.elapsed().as_secs_f64();
        latencies.sort_by(f64::total_cmp);
        Ok(Outcome { latencies, elapsed })
    }
}

fn request(number: usize) -> Vec<u8> {
    let (namespace, name) = account(number);
    let body = review::body(&namespace, &name);
    let head = format!(
        "POST /mutate-v1-pod?timeout=10s HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: kube-apiserver-admission\r\n\
         Content-Length: {}\r\nAccept: application/json, */*\r\nContent-Type: application/json\r\n\
         Accept-Encoding: gzip\r\n\r\n",
        body.len()
    );
    (head + &body).into_bytes()
}

struct Connection {
    stream: TlsStream<TcpStream>,
    buffer: Vec<u8>,
}

impl Connection {
    async fn review(&mut self, request: &[u8]) -> Result<()> {
        self.stream.write_all(request).await?;
        self.stream.flush().await?;
        self.buffer.clear();
        loop {
            ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the connection ended");
            let Some(head) = find(&self.buffer, b"\r\n\r\n") else { continue };
            let length = content_length(&self.buffer[..head])?;
            if self.buffer.len() >= head + 4 + length {
                break;
            }
        }
        if find(&self.buffer, br#""patchType":"JSONPatch""#).is_none() {
            bail!("no patch: {}", String::from_utf8_lossy(&self.buffer));
        }
        Ok(())
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

fn content_length(head: &[u8]) -> Result<usize> {
    let head = std::str::from_utf8(head)?;
    let line = head.lines().find_map(|line| line.strip_prefix("content-length: ")).context("no length")?;
    Ok(line.parse()?)
}
