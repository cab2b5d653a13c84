//! kubectl, by which tests talk to a cluster.

use std::{
    ffi::{OsStr, OsString},
    io::Write as _,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// kubectl, as the administrator of one cluster.
#[derive(Debug)]
pub(crate) struct Kubectl {
    command: Vec<OsString>,
    pub(crate) kubeconfig: PathBuf,
}

impl Kubectl {
    pub(crate) fn new(command: Vec<OsString>, kubeconfig: PathBuf) -> Self {
        Self { command, kubeconfig }
    }

    /// A command that talks to this cluster whatever the environment says.
    pub(crate) fn command<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Command {
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).arg("--kubeconfig").arg(&self.kubeconfig).args(arguments);
        // Nobody's own settings of kubectl.
        command.env("KUBERC", "off").stdin(Stdio::null());
        command
    }

    pub(crate) fn run<A: AsRef<OsStr>>(&self, arguments: &[A], input: Option<&str>) -> Result<Output> {
        let mut command = self.command(arguments);
        if input.is_some() {
            command.stdin(Stdio::piped());
        }
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("`{}` cannot be started", self.command[0].display()))?;
        if let (Some(text), Some(mut pipe)) = (input, child.stdin.take()) {
            // kubectl reads everything before it says anything, or ends and says why.
            let _ = pipe.write_all(text.as_bytes());
        }
        Ok(child.wait_with_output()?)
    }

    /// Runs a command that has to succeed, and returns what it printed on standard output.
    pub(crate) fn succeed<A: AsRef<OsStr>>(&self, arguments: &[A], input: Option<&str>) -> Result<String> {
        let output = self.run(arguments, input)?;
        if !output.status.success() {
            let shown: Vec<_> = arguments.iter().map(|argument| argument.as_ref().to_string_lossy()).collect();
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("`kubectl {}` failed with {}: {}", shown.join(" "), output.status, said.trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    pub(crate) fn json<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Result<Value> {
        Ok(serde_json::from_str(&self.succeed(arguments, None)?)?)
    }
}
