//! The Azure CLI, as its users log in with a federated token.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    client::{Needs, clean, prepared as prepared_client},
    identity::Identity,
    installation::error_text,
    stage::{SCOPE, Stage},
};

const NEEDS: Needs = Needs { name: "az", tools: &["python3"], file: "az/venv/bin/az" };
const CLOUD: &str = "Symbolon";

/// The program, or none where it was not prepared; then a line says why.
pub(crate) fn prepared() -> Option<PathBuf> {
    prepared_client(&NEEDS)
}

/// `az` with the installation registered as a cloud.
pub(crate) struct AzureCli {
    program: PathBuf,
    registered: TempDir,
    ca_bundle: String,
    tenant: String,
}

impl AzureCli {
    pub(crate) fn new(program: PathBuf, stage: &Stage) -> Self {
        let variable = |name: &str| stage.installation.variable(name).to_owned();
        let cli = Self {
            program,
            registered: tempfile::tempdir().unwrap(),
            ca_bundle: variable("REQUESTS_CA_BUNDLE"),
            tenant: variable("AZURE_TENANT_ID"),
        };
        let (authority, management) = (variable("SYMBOLON_AUTHORITY"), variable("SYMBOLON_MANAGEMENT"));
        let register = [
            ["cloud", "register"],
            ["--name", CLOUD],
            ["--skip-endpoint-discovery", "--only-show-errors"],
            ["--endpoint-active-directory", &authority],
            ["--endpoint-resource-manager", &management],
            ["--endpoint-active-directory-resource-id", "https://management.core.windows.net/"],
            ["--endpoint-microsoft-graph-resource-id", &management],
        ];
        for arguments in [register.concat(), vec!["cloud", "set", "--name", CLOUD]] {
            let output = cli.run(cli.registered.path(), &arguments);
            assert!(output.status.success(), "`az {}` failed: {}", arguments.join(" "), error_text(&output));
        }
        cli
    }

    /// Logs in with `assertion` and asks for an access token, in a session of its own: `az` would
    /// answer from its cache what an earlier login was given.
    pub(crate) fn token(&self, identity: &Identity, assertion: &str) -> Result<String, String> {
        let session = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(self.registered.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                fs::copy(&path, session.path().join(path.file_name().unwrap())).unwrap();
            }
        }
        let login = [
            ["login", "--service-principal"],
            ["--username", &identity.client_id],
            ["--tenant", &self.tenant],
            ["--federated-token", assertion],
            ["--allow-no-subscriptions", "--only-show-errors"],
        ];
        self.succeed(session.path(), &login.concat())?;
        let answer = self.succeed(session.path(), &["account", "get-access-token", "--scope", SCOPE])?;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        Ok(answer["accessToken"].as_str().unwrap().to_owned())
    }

    fn succeed(&self, session: &Path, arguments: &[&str]) -> Result<String, String> {
        let output = self.run(session, arguments);
        if output.status.success() { Ok(String::from_utf8(output.stdout).unwrap()) } else { Err(error_text(&output)) }
    }

    fn run(&self, session: &Path, arguments: &[&str]) -> Output {
        let mut command = Command::new(&self.program);
        clean(&mut command, session);
        command
            .args(arguments)
            .env("AZURE_CONFIG_DIR", session)
            .env("AZURE_CORE_INSTANCE_DISCOVERY", "false")
            .env("AZURE_CORE_COLLECT_TELEMETRY", "0")
            .env("REQUESTS_CA_BUNDLE", &self.ca_bundle)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }
}
