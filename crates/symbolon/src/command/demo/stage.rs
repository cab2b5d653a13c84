//! The stage of the demo: a `symbolon up` of its own, in a directory that goes with it.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context as _, Result, bail, ensure};
use symbolon_client::{ManagementClient, WireRecord};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::{
    command::demo_client::Report, context::Context, data_dir::DataDir, endpoints::Endpoints, output::OutputFormat,
};

/// How many ports in a row the parts need.
const PORTS: u16 = 9;

/// The parts in a process of their own.
pub(super) struct Stage {
    directory: tempfile::TempDir,
    child: Child,
    wire: Arc<Mutex<Vec<WireRecord>>>,
}

impl Stage {
    /// Starts `symbolon up` on free ports and waits for its line `ready`.
    ///
    /// # Errors
    /// When it does not start; what it logged is then in the message.
    pub(super) async fn start() -> Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("symbolon-demo-")
            .tempdir()
            .context("no temporary directory can be made")?;
        let log = directory.path().join("up.log");
        let mut child = Command::new(this_program()?)
            .args(["up", "--log-format", "pretty", "--port-base", &free_port_base()?.to_string(), "--data-dir"])
            .arg(directory.path().join("data"))
            .env_remove("SYMBOLON_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&log)?)
            // Ctrl-C reaches the whole foreground group; the demo stops its parts itself.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .context("`symbolon up` cannot be started")?;
        let stdout = child.stdout.take().context("`symbolon up` has no standard output")?;
        let mut lines = BufReader::new(stdout).lines();
        while let Some(line) = lines.next_line().await? {
            if line == "ready" {
                return Ok(Self { directory, child, wire: Arc::default() });
            }
        }
        bail!("`symbolon up` ended before it was ready:\n{}", std::fs::read_to_string(&log).unwrap_or_default())
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn context(&self) -> Context {
        Context { data_dir: self.data(), administrator: None, output: OutputFormat::Table }
    }

    pub(super) fn endpoints(&self) -> Result<Endpoints> {
        Endpoints::require(&DataDir::new(self.data()))
    }

    /// A client of the management plane whose requests and answers are noted.
    pub(super) fn client(&self) -> Result<ManagementClient> {
        let wire = Arc::clone(&self.wire);
        let note = move |record: WireRecord| wire.lock().unwrap_or_else(PoisonError::into_inner).push(record);
        Ok(self.context().client()?.observed(Arc::new(note)))
    }

    /// What was noted since the last time.
    pub(super) fn take_wire(&self) -> Vec<WireRecord> {
        std::mem::take(&mut self.wire.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs the workload as `service_account` through `symbolon run`.
    pub(super) async fn workload(&self, service_account: &str, scope: &str) -> Result<Report> {
        let report = self.directory.path().join("report.json");
        let program = this_program()?;
        let output = Command::new(&program)
            .args(["run", "--service-account", service_account, "--pod", "sademo-0", "--data-dir"])
            .arg(self.data())
            .arg("--")
            .arg(&program)
            .args(["demo-client", "--scope", scope, "--report"])
            .arg(&report)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .context("`symbolon run` cannot be started")?;
        ensure!(output.status.success(), "`symbolon run` failed: {}", String::from_utf8_lossy(&output.stderr));
        let text = std::fs::read(&report).context("the workload wrote no report")?;
        serde_json::from_slice(&text).context("the workload's report is damaged")
    }

    /// The hint of the newest refusal in the audit trail.
    pub(super) async fn last_hint(&self) -> Result<Option<String>> {
        let entries = self.context().client()?.audit(None, Some(20), None).await?;
        Ok(entries.into_iter().rev().find_map(|entry| entry.record.hint))
    }

    /// Stops the parts as an operator would, and waits for them.
    pub(super) async fn stop(&mut self) {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            // It may have ended by itself; then there is nothing to stop.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let _ = self.child.wait().await;
    }
}

fn this_program() -> Result<PathBuf> {
    std::env::current_exe().context("this program does not know where it lies")
}

/// A base from which all ports are free at this moment.
fn free_port_base() -> Result<u16> {
    for _ in 0..50 {
        let probe = TcpListener::bind(("127.0.0.1", 0))?;
        let base = probe.local_addr()?.port();
        drop(probe);
        let Some(end) = base.checked_add(PORTS) else { continue };
        let held: Result<Vec<_>, _> = (base..end).map(|port| TcpListener::bind(("127.0.0.1", port))).collect();
        if held.is_ok() {
            return Ok(base);
        }
    }
    bail!("no {PORTS} free ports in a row were found on 127.0.0.1")
}
