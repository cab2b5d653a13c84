//! What keeps the API server's own watch of parameters alive.
//!
//! The API server (seen in 1.36.3) reads parameters of kind ConfigMap from one shared informer. It
//! belongs to the plugin, mutating or validating, that needed it first, ends when the last policy
//! of *that* plugin with such parameters is deleted, and never starts again: until the API server
//! restarts, every policy in the cluster sees ConfigMaps as they were. So reinstalling this, or
//! removing somebody else's policy, would freeze client ids. A policy and a binding of each
//! plugin that match nothing, and that stay when the rest is uninstalled, rule that out.

use serde_json::{Value, json};

use super::{PolicySettings, object};

const NAME: &str = "symbolon-configmap-parameters";

pub(super) fn render(policy: &PolicySettings) -> Vec<Value> {
    let param_kind = json!({"apiVersion": "v1", "kind": "ConfigMap"});
    let nothing = json!({
        "matchPolicy": "Exact",
        "resourceRules": [{
            "apiGroups": ["symbolon.invalid"], "apiVersions": ["v1"], "resources": ["nothing"], "operations": ["CREATE"],
        }],
    });
    let param_ref = json!({"name": policy.config_map, "parameterNotFoundAction": "Allow"});
    let mutating = json!({
        "failurePolicy": "Ignore",
        "reinvocationPolicy": "Never",
        "paramKind": param_kind,
        "matchConstraints": nothing,
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {
            "expression": "[JSONPatch{op: 'test', path: '/kind', value: ''}].filter(patch, false)",
        }}],
    });
    let validating = json!({
        "failurePolicy": "Ignore",
        "paramKind": param_kind,
        "matchConstraints": nothing,
        "validations": [{"expression": "true"}],
    });
    let mut objects = vec![
        object::object("MutatingAdmissionPolicy", NAME, mutating),
        object::object("MutatingAdmissionPolicyBinding", NAME, json!({"policyName": NAME, "paramRef": param_ref})),
        object::object("ValidatingAdmissionPolicy", NAME, validating),
        object::object(
            "ValidatingAdmissionPolicyBinding",
            NAME,
            json!({"policyName": NAME, "paramRef": param_ref, "validationActions": ["Deny"]}),
        ),
    ];
    for object in &mut objects {
        object["metadata"]["annotations"] = json!({
            "helm.sh/resource-policy": "keep",
            "symbolon.dev/why": "Keep this when you uninstall: without it the API server stops watching ConfigMaps that policies read.",
        });
    }
    objects
}
