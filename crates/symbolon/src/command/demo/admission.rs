//! The admission of the demo's pod, as an API server asks for it.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::wire;
use crate::output;

/// Variables that hold where a file lies: a pod's path is not that of a process on this machine.
const PATHS: &[&str] = &["AZURE_FEDERATED_TOKEN_FILE"];

/// What an API server posts when somebody creates a pod (`admission.k8s.io/v1`).
pub(super) fn review(namespace: &str, service_account: &str) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": { "group": "", "version": "v1", "kind": "Pod" },
            "resource": { "group": "", "version": "v1", "resource": "pods" },
            "namespace": namespace,
            "operation": "CREATE",
            "object": {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": { "name": "sademo-0", "labels": { "azure.workload.identity/use": "true" } },
                "spec": {
                    "serviceAccountName": service_account,
                    "containers": [{ "name": "app", "image": "localhost/sademo:1" }],
                },
            },
        },
    })
}

/// The operations that the webhook answers with.
///
/// # Errors
/// When the pod was refused, or the answer is not one of an admission webhook.
pub(super) fn patch(answer: &Value) -> Result<Value> {
    let response = &answer["response"];
    ensure!(response["allowed"] == true, "the webhook refused the pod: {}", response["status"]["message"]);
    let patch = response["patch"].as_str().context("the webhook's answer holds no patch")?;
    let patch = STANDARD.decode(patch).context("the webhook's patch is not base64")?;
    serde_json::from_slice(&patch).context("the webhook's patch is not JSON")
}

/// The request and the patch, for people.
pub(super) fn show(url: &str, review: &Value, patch: &Value) -> String {
    let mut lines = vec![wire::show("POST", url, Some(&review["request"]["object"]), 200, None)];
    for operation in patch.as_array().into_iter().flatten() {
        let verb = operation["op"].as_str().unwrap_or_default();
        let pointer = operation["path"].as_str().unwrap_or_default();
        lines.push(format!("     {verb} {}", output::good(pointer)));
        lines.extend(wire::json(&operation["value"], 7));
    }
    lines.join("\n")
}

/// The variables that a patch gives its pod.
pub(super) fn variables(patch: &Value) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    collect(patch, &mut found);
    found
}

fn collect(value: &Value, found: &mut BTreeMap<String, String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(members) => {
            if let (Some(Value::String(name)), Some(Value::String(value))) = (members.get("name"), members.get("value"))
            {
                found.insert(name.clone(), value.clone());
            }
            members.values().for_each(|member| collect(member, found));
        }
        _ => {}
    }
}

/// Checks that a program sees what the webhook would have given its pod.
///
/// # Errors
/// When a variable is another one.
pub(super) fn check(injected: &BTreeMap<String, String>, seen: &[(String, String)]) -> Result<()> {
    for (name, value) in injected.iter().filter(|(name, _)| !PATHS.contains(&name.as_str())) {
        let found = seen.iter().find(|(seen, _)| seen == name).map(|(_, value)| value.as_str());
        ensure!(
            found == Some(value.as_str()),
            "the webhook set {name} to `{value}`, the workload saw `{}`",
            found.unwrap_or("nothing")
        );
    }
    Ok(())
}
