//! Starting, stopping, being killed, starting again: what a person does with one installation.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test")]

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_symbolon");

/// A data directory in which `up` is started and stopped as the test wants.
struct Directory {
    temporary: tempfile::TempDir,
    port_base: u16,
}

struct Up(Child);

impl Directory {
    fn new() -> Self {
        Self { temporary: tempfile::tempdir().unwrap(), port_base: free_base() }
    }

    fn data(&self) -> PathBuf {
        self.temporary.path().join("data")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.arg("--data-dir").arg(self.data()).args(arguments).stdin(Stdio::null());
        command
    }

    fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn text(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", errors(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<_> = arguments.iter().copied().chain(["--output", "json"]).collect();
        serde_json::from_str(&self.text(&arguments)).unwrap()
    }

    fn up(&self) -> Up {
        let mut command = self.command(&["up", "--log", "warn", "--port-base", &self.port_base.to_string()]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let ready = BufReader::new(child.stdout.take().unwrap()).lines().any(|line| line.unwrap() == "ready");
        assert!(ready, "`symbolon up` ended before it was ready");
        Up(child)
    }

    /// An identity with a service account and a credential that accepts its tokens.
    fn prepare(&self) -> String {
        let identity = self.json(&["identity", "create", "sademo"]);
        let client_id = identity["clientId"].as_str().unwrap().to_owned();
        self.text(&["service-account", "create", "default/sademo", "--client-id", &client_id]);
        self.text(&[
            "federated-credential",
            "create",
            "--identity",
            "sademo",
            "--name",
            "local",
            "--service-account",
            "default/sademo",
        ]);
        client_id
    }

    fn access_token(&self, client_id: &str) -> String {
        let assertion = self.temporary.path().join("assertion");
        std::fs::write(&assertion, self.text(&["token", "create", "--service-account", "default/sademo"])).unwrap();
        let assertion = assertion.to_str().unwrap();
        let scope = "https://vault.azure.net/.default";
        self.text(&["token", "exchange", "--client-id", client_id, "--assertion-file", assertion, "--scope", scope])
    }
}

impl Up {
    fn stop(mut self, signal: &str) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        let status = self.0.wait().unwrap();
        assert!(signal == "-KILL" || status.success(), "`symbolon up` ended with {status}");
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // It may have been stopped already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A base of its own for this test, with nine free ports.
fn free_base() -> u16 {
    use std::{
        net::TcpListener,
        sync::atomic::{AtomicU16, Ordering},
    };
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let offset = u16::try_from(std::process::id() % 400).unwrap() * 10;
    loop {
        let base = 5_000 + (offset + NEXT.fetch_add(10, Ordering::Relaxed)) % 4_000;
        if (base..base + 9).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            return base;
        }
    }
}

fn leftovers(base: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(base).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("symbolon-run-")).collect()
}

#[test]
fn a_second_up_on_the_same_directory_is_refused_and_says_why() {
    let directory = Directory::new();
    let first = directory.up();
    let second = directory.output(&["up", "--port-base", "20000"]);
    assert!(!second.status.success());
    let message = errors(&second);
    assert!(message.contains("is in use by another `symbolon up`"), "{message}");
    assert!(message.contains(&format!("process {}", first.0.id())), "{message}");
}

#[test]
fn a_taken_port_is_refused_and_changes_nothing() {
    let directory = Directory::new();
    let _taken = std::net::TcpListener::bind(("127.0.0.1", directory.port_base + 1)).unwrap();
    let output = directory.output(&["up", "--port-base", &directory.port_base.to_string()]);
    let message = errors(&output);
    assert!(message.contains(&format!("cannot listen on 127.0.0.1:{}", directory.port_base + 1)), "{message}");
    assert!(!directory.data().join("symbolon.db").exists());
}

#[test]
fn a_restart_keeps_everything_also_after_a_kill() {
    let directory = Directory::new();
    let up = directory.up();
    let client_id = directory.prepare();
    let before = directory.access_token(&client_id);
    let entries = directory.json(&["audit", "list"]).as_array().unwrap().len();
    up.stop("-KILL");
    directory.up().stop("-TERM");
    let _up = directory.up();
    assert_eq!(directory.json(&["identity", "show", "sademo"])["clientId"], client_id.as_str());
    assert_eq!(directory.json(&["federated-credential", "list", "--identity", "sademo"]).as_array().unwrap().len(), 1);
    assert!(directory.json(&["audit", "list"]).as_array().unwrap().len() > entries);
    let old = directory.json(&["token", "inspect", before.trim()]);
    assert_eq!(old["signature"]["state"], "valid");
    let new = directory.access_token(&client_id);
    assert_eq!(directory.json(&["token", "inspect", new.trim()])["claims"]["appid"], client_id.as_str());
}

#[test]
fn roles_are_given_listed_and_taken_away() {
    let directory = Directory::new();
    let _up = directory.up();
    let identity = directory.json(&["identity", "create", "sademo"]);
    let (client, object) = (identity["clientId"].as_str().unwrap(), identity["principalId"].as_str().unwrap());
    let id = identity["id"].as_str().unwrap();
    let group = id.split('/').nth(4).unwrap();
    let place = ["--role", "Key Vault Secrets User", "--resource-group", group];
    let made = directory.json(&[&["role", "assignment", "create", "--assignee", client], &place[..]].concat());
    assert_eq!(made["principalId"], object);
    assert_eq!(made["roleDefinitionName"], "Key Vault Secrets User");
    let listed = directory.json(&["role", "assignment", "list", "--assignee", object, "--all"]);
    assert_eq!(listed, serde_json::json!([made]));
    assert_eq!(directory.json(&["role", "assignment", "list", "--assignee", client]), serde_json::json!([]));
    let again =
        directory.output(&[&["role", "assignment", "create", "--assignee-object-id", object], &place[..]].concat());
    assert!(errors(&again).contains("RoleAssignmentExists"), "{}", errors(&again));
    directory.text(&[&["role", "assignment", "delete", "--assignee", client], &place[..]].concat());
    assert_eq!(directory.json(&["role", "assignment", "list", "--assignee", client, "--all"]), serde_json::json!([]));
    let unknown =
        directory.output(&["role", "assignment", "create", "--assignee", client, "--role", "Boss", "--scope", "/"]);
    assert!(errors(&unknown).contains("role `Boss` was not found"), "{}", errors(&unknown));
}

#[test]
fn a_role_is_made_from_the_json_that_az_takes() {
    let directory = Directory::new();
    let _up = directory.up();
    let file = directory.temporary.path().join("role.json");
    let json = r#"{"Name":"Token Maker","IsCustom":true,"Actions":["Symbolon/serviceAccounts/token/action"],"AssignableScopes":["/"]}"#;
    std::fs::write(&file, json).unwrap();
    let file = format!("@{}", file.display());
    let made = directory.json(&["role", "definition", "create", "--role-definition", &file]);
    assert_eq!(made["roleType"], "CustomRole");
    assert_eq!(directory.json(&["role", "definition", "list", "--custom-role-only"]), serde_json::json!([made]));
    assert_eq!(directory.json(&["role", "definition", "show", "--name", "token maker"]), made);
    assert_eq!(directory.json(&["role", "definition", "list", "--name", "Reader"])[0]["roleType"], "BuiltInRole");
    let id = made["id"].as_str().unwrap().to_owned();
    directory.text(&["role", "definition", "delete", "--name", &id]);
    assert_eq!(directory.json(&["role", "definition", "list", "--custom-role-only"]), serde_json::json!([]));
}

#[test]
fn another_tenant_than_the_directory_s_is_refused() {
    let directory = Directory::new();
    directory.up().stop("-TERM");
    let output = directory.output(&["up", "--tenant", "6731de76-14a6-49ae-97bc-6eba6914391e"]);
    assert!(errors(&output).contains("the data directory belongs to tenant"), "{}", errors(&output));
}

#[test]
fn a_later_tenant_never_becomes_the_one_that_owns_the_embedded_issuer() {
    let directory = Directory::new();
    let up = directory.up();
    let file = directory.data().join("fabrikam.json");
    let made = directory.json(&["tenant", "create", "Fabrikam", "--credential-file", file.to_str().unwrap()]);
    let administrator = std::fs::read(directory.data().join("administrator.json")).unwrap();
    up.stop("-TERM");
    let id = made["tenantId"].as_str().unwrap_or_else(|| panic!("{made}"));
    let output = directory.output(&["up", "--tenant", id]);
    assert!(errors(&output).contains("the data directory belongs to tenant"), "{}", errors(&output));
    assert_eq!(std::fs::read(directory.data().join("administrator.json")).unwrap(), administrator);
}

#[test]
fn commands_say_what_to_do_when_nothing_runs() {
    let directory = Directory::new();
    let output = directory.output(&["identity", "list"]);
    assert!(errors(&output).contains("holds no installation: start one with `symbolon up`"), "{}", errors(&output));
    directory.up().stop("-TERM");
    let output = directory.output(&["identity", "list"]);
    assert!(errors(&output).contains("is `symbolon up` running with the data directory"), "{}", errors(&output));
}

#[test]
fn secrets_of_the_installation_are_for_their_owner_only_and_not_in_the_environment() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = Directory::new();
    let _up = directory.up();
    directory.prepare();
    for file in ["administrator.json", "wrapping.key", "symbolon.db"] {
        let mode = std::fs::metadata(directory.data().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let printed = directory.text(&["env", "--format", "json"]);
    let child = directory
        .command(&["run", "--service-account", "default/sademo", "--", "env"])
        .env("AZURE_CLIENT_SECRET", "of-the-shell")
        .env("SYMBOLON_DATA_DIR", directory.data())
        .output()
        .unwrap();
    let environment = String::from_utf8(child.stdout).unwrap();
    assert!(environment.contains("AZURE_FEDERATED_TOKEN_FILE="), "{environment}");
    for secret in ["PRIVATE KEY", "administrator.json", "of-the-shell", "SYMBOLON_DATA_DIR"] {
        assert!(!printed.contains(secret), "`symbolon env` shows {secret}");
        assert!(!environment.contains(secret), "the child of `symbolon run` sees {secret}");
    }
}

#[test]
fn run_passes_exit_code_and_signals_through_and_leaves_nothing_behind() {
    let directory = Directory::new();
    let _up = directory.up();
    directory.prepare();
    let runtime = tempfile::tempdir().unwrap();
    let run = |script: &str| {
        let mut command = directory.command(&["run", "--service-account", "default/sademo", "--", "sh", "-c", script]);
        command.env("XDG_RUNTIME_DIR", runtime.path()).stdout(Stdio::piped());
        command
    };
    assert_eq!(run("exit 7").status().unwrap().code(), Some(7));
    assert_eq!(run("kill -KILL $$").status().unwrap().code(), Some(137));
    assert_eq!(leftovers(runtime.path()), Vec::<PathBuf>::new());

    let mut running =
        run("trap 'echo stopped; exit 3' TERM; echo started; while :; do sleep 0.05; done").spawn().unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "started");
    assert!(Command::new("kill").args(["-TERM", &running.id().to_string()]).status().unwrap().success());
    assert_eq!(lines.next().unwrap().unwrap(), "stopped");
    assert_eq!(running.wait().unwrap().code(), Some(3));
    assert_eq!(leftovers(runtime.path()), Vec::<PathBuf>::new());

    let mut killed = run("echo $$; exec sleep 600").spawn().unwrap();
    let mut lines = BufReader::new(killed.stdout.take().unwrap()).lines();
    let orphan = lines.next().unwrap().unwrap();
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(Command::new("kill").args(["-KILL", &orphan]).status().unwrap().success());
    assert_eq!(leftovers(runtime.path()).len(), 1);
    assert!(run("true").status().unwrap().success());
    assert_eq!(leftovers(runtime.path()), Vec::<PathBuf>::new());
}

#[test]
fn a_service_account_that_names_no_identity_cannot_be_run_as() {
    let directory = Directory::new();
    let _up = directory.up();
    directory.text(&["service-account", "create", "default/plain"]);
    let output = directory.output(&["run", "--service-account", "default/plain", "--", "true"]);
    assert!(errors(&output).contains("names no identity: set its annotation azure.workload.identity/client-id"));
    let output = directory.output(&["run", "--service-account", "default/nobody", "--", "true"]);
    assert!(errors(&output).contains("Service account `default/nobody` was not found"), "{}", errors(&output));
}

#[test]
fn a_refusal_is_found_in_the_audit_trail_to_the_character() {
    let directory = Directory::new();
    let _up = directory.up();
    let client_id = directory.prepare();
    directory.text(&[
        "federated-credential",
        "update",
        "--identity",
        "sademo",
        "--name",
        "local",
        "--subject",
        "system:serviceaccount:default:sadem0",
    ]);
    let assertion = directory.temporary.path().join("assertion");
    std::fs::write(&assertion, directory.text(&["token", "create", "--service-account", "default/sademo"])).unwrap();
    let scope = "https://vault.azure.net/.default";
    let arguments = [
        "token",
        "exchange",
        "--client-id",
        &client_id,
        "--assertion-file",
        assertion.to_str().unwrap(),
        "--scope",
        scope,
    ];
    let output = directory.output(&arguments);
    assert!(errors(&output).contains("AADSTS700213"), "{}", errors(&output));
    let entries = directory.json(&["audit", "list"]);
    let refused = entries.as_array().unwrap().iter().rev().find(|entry| entry["outcome"] == "refused").unwrap();
    assert_eq!(refused["nearest"]["credential"], "local");
    assert_eq!(refused["nearest"]["differences"][0]["field"], "subject");
    let how = refused["nearest"]["differences"][0]["how"].as_str().unwrap();
    assert_eq!(how, "differs from character 36 on: the token has `o`, the credential `0`");
    assert!(directory.text(&["audit", "list"]).contains(how));
}

#[test]
fn an_expression_is_stored_judged_and_tried_on_a_token() {
    let directory = Directory::new();
    let _up = directory.up();
    let client_id = directory.prepare();
    let on_local = ["--identity", "sademo", "--name", "local"];
    let update = |more: &[&str]| directory.json(&[&["federated-credential", "update"], &on_local[..], more].concat());
    let text = "claims['sub'] matches 'system:serviceaccount:default:*'";
    let updated = update(&["--cme-value", text]);
    assert_eq!((updated["claimsMatchingExpression"].as_str(), updated.get("subject")), (Some(text), None));
    directory.access_token(&client_id);

    let assertion = directory.temporary.path().join("assertion");
    let try_it = ["federated-credential", "test", "--token", assertion.to_str().unwrap()];
    assert_eq!(directory.json(&try_it)["credentials"][0]["accepts"], true);
    let reports = directory.json(&["federated-credential", "lint", "--identity", "sademo"]);
    assert_eq!(reports[0]["findings"][0]["rule"], "any-service-account");

    update(&["--claims-matching-expression", "claims['sub'] matches 'system:serviceaccount:prod:*'"]);
    let report = directory.json(&try_it);
    assert_eq!((&report["credentials"][0]["accepts"], &report["signatureChecked"]), (&false.into(), &false.into()));
    let told = directory.text(&try_it);
    assert!(told.contains("the claim leaves the pattern at character 23"), "{told}");
    let token = std::fs::read_to_string(&assertion).unwrap();
    assert!(token.split('.').all(|part| !told.contains(part.trim())), "the token must not be printed");

    let lint = |more: &[&str]| {
        directory.output(&[&["federated-credential", "lint", "claims['sub'] matches '*'"], more].concat())
    };
    assert!(lint(&[]).status.success());
    assert!(errors(&lint(&["--strict"])).contains("--strict was given, and there is something to warn of"));
}

#[test]
fn the_demo_succeeds_and_fails_when_its_credential_is_altered() {
    let directory = Directory::new();
    let good = directory.output(&["demo"]);
    assert!(good.status.success(), "{}", errors(&good));
    let told = String::from_utf8(good.stdout).unwrap();
    assert!(told.contains("AADSTS70025") && told.contains("All 7 steps did what they say"), "{told}");
    assert!(!directory.data().exists(), "the demo must not touch the data directory");
    let altered = directory.output(&["demo", "--alter-subject"]);
    assert!(!altered.status.success());
    assert!(errors(&altered).contains("step 7 did not do what it says"), "{}", errors(&altered));
    assert!(errors(&altered).contains("AADSTS700213"), "{}", errors(&altered));
}

#[test]
fn a_name_of_dots_reaches_no_other_resource() {
    let directory = Directory::new();
    let _up = directory.up();
    directory.prepare();
    for name in ["..", ".", "", "%2E%2E"] {
        let output = directory.output(&["federated-credential", "delete", "--identity", "sademo", "--name", name]);
        assert_eq!(output.status.success(), name == "%2E%2E", "`{name}`: {}", errors(&output));
    }
    assert_eq!(directory.json(&["identity", "list"]).as_array().unwrap().len(), 1);
    assert_eq!(directory.json(&["federated-credential", "list", "--identity", "sademo"]).as_array().unwrap().len(), 1);
}

#[test]
fn a_lost_database_is_refused_and_not_replaced() {
    let directory = Directory::new();
    directory.up().stop("-TERM");
    std::fs::remove_file(directory.data().join("symbolon.db")).unwrap();
    let _ = std::fs::remove_file(directory.data().join("symbolon.db-wal"));
    let output = directory.output(&["up", "--port-base", &directory.port_base.to_string()]);
    assert!(errors(&output).contains("is missing or empty, though this directory holds an installation"));
}

#[test]
fn a_deleted_administrator_does_not_come_back() {
    let directory = Directory::new();
    let up = directory.up();
    let read = || {
        let text = std::fs::read(directory.data().join("administrator.json")).unwrap();
        serde_json::from_slice::<Value>(&text).unwrap()["clientId"].as_str().unwrap().to_owned()
    };
    let old = read();
    directory.text(&["ad", "app", "delete", "--id", &old]);
    assert!(!directory.output(&["identity", "list"]).status.success());
    up.stop("-TERM");
    let _up = directory.up();
    assert_ne!(read(), old);
    let applications = directory.text(&["ad", "app", "list"]);
    assert!(!applications.contains(&old), "{applications}");
}

#[test]
fn a_reader_that_goes_away_ends_a_command_quietly() {
    let directory = Directory::new();
    let _up = directory.up();
    let mut child =
        directory.command(&["audit", "list"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(errors(&output), "");
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = directory.command(&["audit", "list"]).stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert!(errors(&output).contains("standard output cannot be written"), "{}", errors(&output));
}

#[test]
fn a_command_that_is_not_there_has_the_code_of_shells() {
    let directory = Directory::new();
    let _up = directory.up();
    directory.prepare();
    let output = directory.output(&["run", "--service-account", "default/sademo", "--", "no-such-command"]);
    assert_eq!(output.status.code(), Some(127));
    assert!(errors(&output).contains("`no-such-command` cannot be run"), "{}", errors(&output));
}
