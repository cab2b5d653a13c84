//! `symbolon apply` and `symbolon export` against a running installation.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test")]

#[expect(dead_code, reason = "other tests use more of it")]
#[path = "support/installation.rs"]
mod installation;

use std::process::Output;

use installation::{Installation, error_text};
use serde_json::Value;

const FILE: &str = "
trustedIssuers:
  - issuer: https://issuer.example/
    allowPrivate: true
roleDefinitions:
  - name: Lister of identities
    actions: ['Microsoft.ManagedIdentity/userAssignedIdentities/read']
identities:
  - name: sademo
    tags: { team: payments }
    federatedCredentials:
      - name: local
        serviceAccount: default/sademo
      - name: foreign
        issuer: https://issuer.example/
        subject: system:serviceaccount:default:sademo
    roles:
      - role: Reader
        scope: resourceGroups/symbolon
      - role: Lister of identities
        scope: subscription
serviceAccounts:
  - name: default/sademo
    identity: sademo
";

fn apply(up: &Installation, text: &str, arguments: &[&str]) -> Output {
    let file = up.path("symbolon.yaml");
    std::fs::write(&file, text).unwrap();
    up.command([&["apply", "-f", file.to_str().unwrap()], arguments].concat()).output().unwrap()
}

fn steps(up: &Installation, text: &str, arguments: &[&str]) -> Vec<String> {
    let output = apply(up, text, &[arguments, &["--output", "json"]].concat());
    assert!(output.status.success(), "{}", error_text(&output));
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let steps = printed["steps"].as_array().unwrap().iter();
    steps.map(|step| format!("{} {}", step["action"].as_str().unwrap(), step["name"].as_str().unwrap())).collect()
}

#[test]
fn a_file_is_applied_once_shown_before_and_pruned_on_request() {
    let up = Installation::start();
    let before = up.symbolon(["export"]);
    let shown = apply(&up, FILE, &["--dry-run"]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.ends_with("8 to create, 0 to change, 0 to delete; nothing was done\n"), "{shown}");
    assert_eq!(up.symbolon(["export"]), before);

    assert_eq!(steps(&up, FILE, &[]).len(), 8);
    assert_eq!(steps(&up, FILE, &[]), [""; 0]);
    let token = up.symbolon(["token", "create", "--service-account", "default/sademo"]);
    assert!(!token.is_empty());
    let identity = up.json(["identity", "show", "sademo", "--output", "json"]);
    let account = up.json(["service-account", "show", "default/sademo", "--output", "json"]);
    let annotation = &account["annotations"]["azure.workload.identity/client-id"];
    assert_eq!(annotation, &identity["clientId"]);

    let changed = FILE.replace("payments", "billing");
    assert_eq!(steps(&up, &changed, &["--dry-run"]), ["update symbolon/sademo"]);
    assert_eq!(steps(&up, &changed, &[]), ["update symbolon/sademo"]);

    up.symbolon(["identity", "create", "left-over"]);
    assert_eq!(steps(&up, &changed, &[]), [""; 0]);
    assert_eq!(steps(&up, &changed, &["--prune"]), ["delete symbolon/left-over"]);
}

#[test]
fn what_is_exported_makes_the_same_in_another_installation() {
    let (one, two) = (Installation::start(), Installation::start());
    assert_eq!(steps(&one, FILE, &[]).len(), 8);
    let exported = one.symbolon(["export"]);
    assert_eq!(steps(&one, &exported, &["--prune"]), [""; 0]);
    assert_eq!(steps(&two, &exported, &[]).len(), 8);
    assert_eq!(two.symbolon(["export"]), exported);
}

#[test]
fn a_file_that_is_wrong_is_refused_before_anything_is_done() {
    let up = Installation::start();
    for (text, why) in [
        ("identities:\n  - nam: x\n", "unknown field `nam`"),
        ("identities:\n  - name: one\n  - name: One\n", "identity `symbolon/One` is in the file twice"),
        ("[", "is not what `symbolon apply` reads"),
    ] {
        let refused = apply(&up, text, &[]);
        assert!(!refused.status.success(), "{text}");
        assert!(error_text(&refused).contains(why), "{}", error_text(&refused));
    }
    let missing = up.command(["apply", "-f", "/nowhere/file.yaml"]).output().unwrap();
    assert!(error_text(&missing).contains("`/nowhere/file.yaml` cannot be read"), "{}", error_text(&missing));
    assert!(up.json(["identity", "list", "--output", "json"]).as_array().unwrap().is_empty());
}
