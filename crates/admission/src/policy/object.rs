//! What the objects have in common.

use serde_json::{Value, json};

use super::PolicySettings;

const API_VERSION: &str = "admissionregistration.k8s.io/v1";
const PART_OF: &str = "symbolon";

/// A policy or a binding.
pub(super) fn object(kind: &str, name: &str, spec: Value) -> Value {
    let mut object = json!({
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {"name": name, "labels": {"app.kubernetes.io/part-of": PART_OF}},
    });
    object["spec"] = spec;
    object
}

/// Which requests a policy looks at.
pub(super) fn rules(resource: &str, operations: &[&str]) -> Value {
    json!([{"apiGroups": [""], "apiVersions": ["v1"], "resources": [resource], "operations": operations, "scope": "Namespaced"}])
}

/// Every namespace but those that are excluded.
///
/// By a label that the API server itself keeps equal to the namespace's name; no user can change it.
pub(super) fn namespaces(policy: &PolicySettings) -> Value {
    if policy.excluded_namespaces.is_empty() {
        return json!({});
    }
    json!({"matchExpressions": [
        {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": policy.excluded_namespaces},
    ]})
}

/// Named expressions; each may use those before it.
pub(super) fn variables(expressions: impl IntoIterator<Item = (&'static str, String)>) -> Value {
    expressions.into_iter().map(|(name, expression)| json!({"name": name, "expression": expression})).collect()
}
