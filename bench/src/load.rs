//! Clients that ask for tokens as fast as they are answered.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use reqwest::Client;
use rustls::{ClientConfig, RootCertStore, client::Resumption};
use rustls_pki_types::{CertificateDer, pem::PemObject};

/// What is asked, and of whom.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) token_endpoint: String,
    pub(crate) body: String,
    pub(crate) assertion: String,
    pub(crate) ca_pem: Vec<u8>,
}

/// How connections are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Each client keeps its connection.
    KeptAlive,
    /// Each request is made on a new TLS connection, without resumption.
    NewConnection,
}

impl Mode {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::KeptAlive => "kept-alive",
            Self::NewConnection => "new TLS connection",
        }
    }
}

/// What came of it.
pub(crate) struct Outcome {
    /// Seconds of each exchange, sorted.
    latencies: Vec<f64>,
    elapsed: f64,
}

impl Outcome {
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    pub(crate) fn count(&self) -> f64 {
        self.latencies.len() as f64
    }

    pub(crate) fn rate(&self) -> f64 {
        self.count() / self.elapsed
    }

    /// Milliseconds.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index between 0 and the number of samples"
    )]
    pub(crate) fn percentile(&self, share: f64) -> f64 {
        let index = ((self.count() - 1.0) * share).round().max(0.0) as usize;
        self.latencies.get(index).copied().unwrap_or_default() * 1e3
    }
}

/// Runs `connections` clients for `duration`.
pub(crate) async fn run(target: &Target, mode: Mode, connections: usize, duration: Duration) -> Result<Outcome> {
    let started = Instant::now();
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..connections {
        let client = client(target, mode)?;
        let target = target.clone();
        clients.spawn(async move { ask(&client, &target, started, duration).await });
    }
    let mut latencies = Vec::new();
    while let Some(done) = clients.join_next().await {
        latencies.extend(done??);
    }
    let elapsed = started.elapsed().as_secs_f64();
    latencies.sort_by(f64::total_cmp);
    ensure!(!latencies.is_empty(), "no exchange was made");
    Ok(Outcome { latencies, elapsed })
}

async fn ask(client: &Client, target: &Target, started: Instant, duration: Duration) -> Result<Vec<f64>> {
    let mut latencies = Vec::new();
    while started.elapsed() < duration {
        let begin = Instant::now();
        let request = client
            .post(&target.token_endpoint)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(target.body.clone());
        let response = request.send().await?;
        let status = response.status();
        let body = response.bytes().await?;
        ensure!(status.is_success(), "the exchange was refused: {}", String::from_utf8_lossy(&body));
        latencies.push(begin.elapsed().as_secs_f64());
    }
    Ok(latencies)
}

fn client(target: &Target, mode: Mode) -> Result<Client> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&target.ca_pem) {
        roots.add(certificate.context("the CA's certificate cannot be read")?)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut builder = Client::builder().no_proxy().http1_only();
    if mode == Mode::NewConnection {
        tls.resumption = Resumption::disabled();
        builder = builder.pool_max_idle_per_host(0);
    }
    Ok(builder.tls_backend_preconfigured(tls).build()?)
}
