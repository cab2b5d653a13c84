//! Helm, as far as it is used here.

use std::{
    ffi::OsStr,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use anyhow::{Context as _, Result, bail};

use crate::workspace;

const VARIABLE: &str = "SYMBOLON_TEST_HELM";
/// The version of Kubernetes that is rendered for, whatever Helm was built with.
const KUBERNETES: &str = "1.36.0";

/// The program.
#[derive(Clone, Debug)]
pub struct Helm {
    program: PathBuf,
}

impl Helm {
    /// The program at this path.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into() }
    }

    /// The one that tests were given. None where there is none; then a line says so.
    ///
    /// # Panics
    /// In CI, when it could have been built.
    #[must_use]
    pub fn find() -> Option<Self> {
        if let Some(program) = std::env::var_os(VARIABLE).filter(|program| !program.is_empty()) {
            return Some(Self::new(program));
        }
        let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
        assert!(!(in_ci && on_path("go")), "`{VARIABLE}` is not set, though Go is installed: run `cargo xtask test`");
        // Past the test harness, which keeps what a test prints that passes.
        let _ = writeln!(std::io::stderr(), "skipped: Helm is not built: `cargo xtask test` does that, and needs Go");
        None
    }

    /// Renders the chart as the release `symbolon` in the namespace `symbolon-system`.
    ///
    /// # Errors
    /// With what Helm says.
    pub fn template<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Result<String> {
        let mut command = Command::new(&self.program);
        command.args(["template", "symbolon"]).arg(chart());
        command.args(["--namespace", "symbolon-system", "--kube-version", KUBERNETES]).args(arguments);
        text(&run(&mut command)?)
    }

    /// Runs a command of Helm on a cluster.
    ///
    /// # Errors
    /// With what Helm says.
    pub fn run<A: AsRef<OsStr>>(&self, kubeconfig: &Path, arguments: &[A]) -> Result<String> {
        text(&run(Command::new(&self.program).args(arguments).env("KUBECONFIG", kubeconfig))?)
    }

    /// Looks for what is wrong with the chart.
    ///
    /// # Errors
    /// With what Helm finds.
    pub fn lint<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Result<String> {
        text(&run(Command::new(&self.program).args(["lint", "--strict"]).arg(chart()).args(arguments))?)
    }
}

/// Where the chart lies.
#[must_use]
pub fn chart() -> PathBuf {
    workspace().join("deploy/charts/symbolon-webhook")
}

fn run(command: &mut Command) -> Result<Output> {
    command.stdin(Stdio::null()).output().context("Helm cannot be started")
}

fn text(output: &Output) -> Result<String> {
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout.clone())?)
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory: PathBuf| Path::new(&directory).join(program).is_file())
}
