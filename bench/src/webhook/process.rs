//! The webhook that is measured, in a process of its own.

use std::{
    net::SocketAddr,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use tokio::{
    process::{Child, Command},
    time::sleep,
};

use super::{cluster::Cluster, load::Target};
use crate::proc;

/// A running `symbolon webhook`.
pub(super) struct Webhook {
    child: Child,
    started: Instant,
    pub(super) address: SocketAddr,
    health: SocketAddr,
    metrics: SocketAddr,
}

impl Webhook {
    pub(super) fn start(program: &Path, cluster: &Cluster) -> Result<Self> {
        let (address, health, metrics) = (free()?, free()?, free()?);
        let started = Instant::now();
        let child = Command::new(program)
            .args(["webhook", "--tenant-id", "00000000-0000-0000-0000-000000000001", "--san", "127.0.0.1"])
            .args(["--kubeconfig", &cluster.kubeconfig, "--shutdown-delay", "0", "--log-level", "warn"])
            .args(["--listen", &address.to_string(), "--health-addr", &health.to_string()])
            .args(["--metrics-addr", &metrics.to_string()])
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("`{}` cannot be started", program.display()))?;
        Ok(Self { child, started, address, health, metrics })
    }

    pub(super) fn since_start(&self) -> Duration {
        self.started.elapsed()
    }

    /// Waits until `/readyz` is 200.
    pub(super) async fn until_ready(&self) -> Result<()> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let url = format!("http://{}/readyz", self.health);
        for _ in 0..6000 {
            if client.get(&url).send().await.is_ok_and(|response| response.status() == 200) {
                return Ok(());
            }
            sleep(Duration::from_millis(10)).await;
        }
        bail!("the webhook did not become ready")
    }

    /// Waits until that many accounts are known.
    pub(super) async fn until_accounts(&self, accounts: usize) -> Result<()> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let url = format!("http://{}/metrics", self.metrics);
        for _ in 0..6000 {
            let text = match client.get(&url).send().await {
                Ok(response) => response.text().await?,
                Err(_) => String::new(),
            };
            let known = text.lines().find_map(|line| line.strip_prefix("symbolon_webhook_service_accounts "));
            if known.and_then(|known| known.parse::<usize>().ok()).is_some_and(|known| known >= accounts) {
                return Ok(());
            }
            sleep(Duration::from_millis(20)).await;
        }
        bail!("the webhook does not know all service accounts")
    }

    /// From exec to the first answer of a review, over a new connection.
    pub(super) async fn first_answer(&self, trust: &[u8]) -> Result<Duration> {
        let target = Target::new(self.address, trust, 1)?;
        for _ in 0..6000 {
            if target.once().await.is_ok() {
                return Ok(self.started.elapsed());
            }
            sleep(Duration::from_millis(1)).await;
        }
        bail!("the webhook did not answer")
    }

    pub(super) fn cpu_seconds(&self) -> Result<f64> {
        proc::cpu_seconds(self.child.id().context("the webhook has ended")?)
    }

    pub(super) fn resident_megabytes(&self) -> Result<f64> {
        proc::resident_megabytes(self.child.id().context("the webhook has ended")?)
    }

    pub(super) fn anonymous_megabytes(&self) -> Result<f64> {
        proc::anonymous_megabytes(self.child.id().context("the webhook has ended")?)
    }

    pub(super) async fn stop(mut self) -> Result<()> {
        let pid = self.child.id().context("the webhook has ended")?;
        Command::new("kill").arg(pid.to_string()).status().await?;
        self.child.wait().await?;
        Ok(())
    }
}

fn free() -> Result<SocketAddr> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
