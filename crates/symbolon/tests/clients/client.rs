//! The programs of `tests/clients` that are built on an SDK.

use std::{
    ffi::OsString,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{
    identity::Identity,
    installation::error_text,
    stage::{SCOPE, Stage, Told},
};

/// What a JVM's trust store is encrypted with; it holds nothing but a public certificate.
const TRUST_STORE_PASSWORD: &str = "changeit";

/// An official SDK.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sdk {
    Python,
    Node,
    Go,
    Java,
    Rust,
}

/// A credential type of the SDKs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Credential {
    Workload,
    Default,
    /// A client assertion that the program itself reads from the token file.
    Assertion,
}

/// A program on one of the SDKs, ready to run.
pub(crate) struct Client {
    sdk: Sdk,
    credential: Credential,
    command: Vec<OsString>,
}

/// The tools that a client is built and run with, and the file that is there once it is prepared.
pub(crate) struct Needs {
    pub(crate) name: &'static str,
    pub(crate) tools: &'static [&'static str],
    pub(crate) file: &'static str,
}

impl Sdk {
    pub(crate) const fn needs(self) -> Needs {
        match self {
            Self::Python => Needs { name: "python", tools: &["python3"], file: "python/venv/bin/python" },
            Self::Node => Needs { name: "node", tools: &["node", "npm"], file: "node/node_modules/@azure/identity" },
            Self::Go => Needs { name: "go", tools: &["go"], file: "go/client" },
            Self::Java => Needs { name: "java", tools: &["java", "keytool", "mvn"], file: "java/target/client.jar" },
            Self::Rust => Needs { name: "rust", tools: &["cargo"], file: "rust/client" },
        }
    }

    fn command(self, root: &Path) -> Vec<OsString> {
        let file = |name: &str| root.join(name).into_os_string();
        match self {
            Self::Python => vec![file("python/venv/bin/python"), file("python/client.py")],
            Self::Node => vec!["node".into(), file("node/client.js")],
            Self::Go => vec![file("go/client")],
            Self::Java => vec!["java".into()],
            Self::Rust => vec![file("rust/client")],
        }
    }
}

impl Client {
    /// The program, or none where it was not prepared; then a line says why.
    pub(crate) fn prepared(sdk: Sdk, credential: Credential) -> Option<Self> {
        prepared(&sdk.needs())?;
        Some(Self { sdk, credential, command: sdk.command(&root()) })
    }

    /// The program with trust for the installation's CA. Most SDKs take it from the environment; a
    /// JVM needs a trust store and is told of it on its command line.
    pub(crate) fn trusting(mut self, stage: &Stage) -> Self {
        if self.sdk == Sdk::Java {
            let store = stage.installation.path("trust.p12");
            make_trust_store(stage.installation.variable("SYMBOLON_CA_FILE"), &store);
            self.command.extend([
                // A program this short is not worth the optimising compiler.
                "-XX:TieredStopAtLevel=1".into(),
                property("javax.net.ssl.trustStore", &store.to_string_lossy()),
                property("javax.net.ssl.trustStoreType", "PKCS12"),
                property("javax.net.ssl.trustStorePassword", TRUST_STORE_PASSWORD),
                "-jar".into(),
                root().join("java/target/client.jar").into(),
            ]);
        }
        self
    }

    /// What a refusal tells the caller. Java's azure-identity 1.18.1 drops the body of an answer with
    /// status 401 wherever it exchanges a token file, so its callers cannot see any code, whoever
    /// the authority is; its client-assertion credential shows it.
    pub(crate) fn told(&self) -> Told {
        if self.sdk == Sdk::Java && self.credential != Credential::Assertion { Told::Refusal } else { Told::Code }
    }

    /// Asks for an access token as a pod of `identity` that has `assertion` in its token file.
    pub(crate) fn token(&self, stage: &Stage, identity: &Identity, assertion: &str) -> Result<String, String> {
        let home = tempfile::tempdir().unwrap();
        let token_file = home.path().join("token");
        std::fs::write(&token_file, assertion).unwrap();
        let (program, arguments) = self.command.split_first().unwrap();
        let mut command = Command::new(program);
        command.args(arguments);
        clean(&mut command, home.path());
        command.envs(stage.installation.environment().iter().filter(|(name, _)| !name.starts_with("SYMBOLON_")));
        command.env("AZURE_CLIENT_ID", &identity.client_id).env("AZURE_FEDERATED_TOKEN_FILE", &token_file);
        self.answer(command)
    }

    /// Asks for an access token in a child of `symbolon run`.
    pub(crate) fn token_through_run(&self, stage: &Stage, service_account: &str) -> Result<String, String> {
        let home = tempfile::tempdir().unwrap();
        let mut command = stage.installation.command(["run", "--service-account", service_account, "--"]);
        command.args(&self.command);
        clean(&mut command, home.path());
        self.answer(command)
    }

    fn answer(&self, mut command: Command) -> Result<String, String> {
        let credential = match self.credential {
            Credential::Workload => "workload",
            Credential::Default => "default",
            Credential::Assertion => "assertion",
        };
        let output = command.args([SCOPE, credential]).stdin(Stdio::null()).output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        let answer: Value = serde_json::from_str(&printed)
            .unwrap_or_else(|_| panic!("the client printed `{printed}` and {}", error_text(&output)));
        match (answer["token"].as_str(), answer["error"].as_str()) {
            (Some(token), None) if output.status.success() => Ok(token.to_owned()),
            (None, Some(error)) if !output.status.success() => Err(error.to_owned()),
            _ => panic!("the client ended with {} and `{printed}`", output.status),
        }
    }
}

/// Leaves a program nothing of the environment of the test but the search path.
pub(crate) fn clean(command: &mut Command, home: &Path) {
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", home);
}

/// Where `cargo xtask test` prepares the clients.
pub(crate) fn root() -> PathBuf {
    std::env::var_os("SYMBOLON_TEST_CLIENTS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/clients"), PathBuf::from)
}

/// The file that shows that a client is prepared, or none, with a line that says why.
///
/// Under `CI=true` a client that could have been prepared must be: a test that is skipped in
/// silence is one that nobody has.
#[expect(clippy::explicit_write, reason = "the test harness keeps what `eprintln!` prints in a test that passes")]
pub(crate) fn prepared(needs: &Needs) -> Option<PathBuf> {
    let file = root().join(needs.file);
    if file.exists() {
        return Some(file);
    }
    let missing: Vec<_> = needs.tools.iter().filter(|tool| !on_path(tool)).copied().collect();
    let name = needs.name;
    let why = if missing.is_empty() {
        let ci = std::env::var("CI").is_ok_and(|value| value == "true");
        assert!(!ci, "the {name} client is not prepared, though its toolchain is installed: run `cargo xtask test`");
        "it is not prepared: `cargo xtask test` does that, or says why it cannot".to_owned()
    } else {
        format!("missing here: {}", missing.join(", "))
    };
    writeln!(std::io::stderr(), "skipped: the {name} client, {why}").unwrap();
    None
}

fn on_path(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(tool).is_file())
}

fn property(name: &str, value: &str) -> OsString {
    format!("-D{name}={value}").into()
}

fn make_trust_store(ca_file: &str, store: &Path) {
    let output = Command::new("keytool")
        .args(["-importcert", "-noprompt", "-alias", "symbolon", "-storetype", "PKCS12"])
        .args(["-storepass", TRUST_STORE_PASSWORD, "-file", ca_file, "-keystore"])
        .arg(store)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "keytool failed: {}", error_text(&output));
}
