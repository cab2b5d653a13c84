//! The server that is measured, in a process and a directory of its own.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use symbolon_client::{ManagementClient, TokenRequest};
use symbolon_core::{federated_credential::DEFAULT_AUDIENCE, ports::Clock};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::{load::Target, proc};

/// A running `symbolon up`.
pub(crate) struct Server {
    directory: tempfile::TempDir,
    child: Child,
    pub(crate) started_in: Duration,
}

struct Now;

impl Clock for Now {
    #[expect(clippy::disallowed_methods, reason = "the one clock of this program")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

impl Server {
    pub(crate) async fn start(program: &Path) -> Result<Self> {
        Self::start_in(program, tempfile::tempdir()?, free_port_base()?).await
    }

    /// Starts it in a directory and waits for its line `ready`.
    pub(crate) async fn start_in(program: &Path, directory: tempfile::TempDir, port_base: u16) -> Result<Self> {
        let started = Instant::now();
        let mut child = Command::new(program)
            .args(["up", "--log", "warn", "--port-base", &port_base.to_string(), "--data-dir"])
            .arg(directory.path().join("data"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("`{}` cannot be started", program.display()))?;
        let stdout = child.stdout.take().context("no standard output")?;
        let mut lines = BufReader::new(stdout).lines();
        while let Some(line) = lines.next_line().await? {
            if line == "ready" {
                return Ok(Self { directory, child, started_in: started.elapsed() });
            }
        }
        bail!("`symbolon up` ended before it was ready")
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// A client of it, as the administrator.
    pub(crate) fn client(&self) -> Result<ManagementClient> {
        Ok(ManagementClient::open(&self.data(), Arc::new(Now))?)
    }

    /// Makes an identity with a federated credential and a service-account token that matches it.
    pub(crate) async fn prepare(&self) -> Result<Target> {
        let client = self.client()?;
        let endpoints: serde_json::Value = serde_json::from_slice(&std::fs::read(self.data().join("endpoints.json"))?)?;
        let text = |name: &str| endpoints[name].as_str().unwrap_or_default().to_owned();
        let identity = client.create_identity("bench", None).await?;
        client.create_service_account("default", "bench", Some(&identity.client_id), None).await?;
        let subject = "system:serviceaccount:default:bench";
        client.put_federated_credential("bench", "bench", &text("issuer"), subject, DEFAULT_AUDIENCE).await?;
        let request = TokenRequest {
            audiences: vec![DEFAULT_AUDIENCE.into()],
            expiration_seconds: 24 * 3600,
            pod: Some("bench-0".into()),
            node: None,
        };
        let assertion = client.create_service_account_token("default", "bench", &request).await?.token;
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs([
            ("grant_type", "client_credentials"),
            ("client_id", &identity.client_id),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &assertion),
            ("scope", "https://vault.azure.net/.default"),
        ]);
        Ok(Target {
            token_endpoint: format!("{}/{}/oauth2/v2.0/token", text("authority"), text("tenantId")),
            body: body.finish(),
            assertion,
            ca_pem: std::fs::read(text("caFile"))?,
        })
    }

    /// CPU seconds, user and system, of the whole process so far.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        proc::cpu_seconds(self.child.id().context("the server has ended")?)
    }

    /// Resident memory.
    pub(crate) fn resident_megabytes(&self) -> Result<f64> {
        proc::resident_megabytes(self.child.id().context("the server has ended")?)
    }

    /// Stops it and gives its directory back.
    pub(crate) async fn stop_and_keep(mut self) -> Result<tempfile::TempDir> {
        let pid = self.child.id().context("the server has ended")?;
        Command::new("kill").arg(pid.to_string()).status().await?;
        self.child.wait().await?;
        Ok(self.directory)
    }

    pub(crate) async fn stop(self) -> Result<()> {
        self.stop_and_keep().await.map(drop)
    }
}

/// A base from which nine ports are free at this moment.
pub(crate) fn free_port_base() -> Result<u16> {
    for _ in 0..50 {
        let base = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let Some(end) = base.checked_add(9) else { continue };
        let held: Result<Vec<_>, _> = (base..end).map(|port| TcpListener::bind(("127.0.0.1", port))).collect();
        if held.is_ok() {
            return Ok(base);
        }
    }
    bail!("no nine free ports in a row were found on 127.0.0.1")
}
