//! Who may write the ConfigMaps that the injection reads.

use serde_json::{Value, json};

use super::{PolicySettings, cel, object};

/// The user names under which Kubernetes itself empties a namespace that is being deleted.
const NAMESPACE_CONTROLLERS: [&str; 2] =
    ["system:serviceaccount:kube-system:namespace-controller", "system:kube-controller-manager"];

/// The characters of an entry as [`super::entry::entry`] writes it.
///
/// Checked here although only the controller writes, and short because the cost of an expression
/// over a whole ConfigMap is limited.
const ENTRY: &str = "^[ -~]*$";

pub(super) fn render(policy: &PolicySettings) -> Vec<Value> {
    let accounts = format!("{}-accounts", policy.name);
    let controller = format!("{}-controller", policy.name);
    vec![
        object::object("ValidatingAdmissionPolicy", &accounts, accounts_policy(policy)),
        binding(&accounts),
        object::object("ValidatingAdmissionPolicy", &controller, controller_policy(policy)),
        binding(&controller),
    ]
}

fn binding(policy: &str) -> Value {
    let spec = json!({"policyName": policy, "validationActions": ["Deny"]});
    object::object("ValidatingAdmissionPolicyBinding", policy, spec)
}

/// Everybody's writes of those ConfigMaps, in every namespace, also in those that are excluded.
///
/// The name is read from the object, not from the request: a request that creates a generated name
/// or deletes a collection has none.
fn accounts_policy(policy: &PolicySettings) -> Value {
    let controllers = cel::texts(NAMESPACE_CONTROLLERS);
    let by_namespace = cel::fill(
        "request.operation == 'DELETE' && (request.userInfo.username in <controllers>
  || (namespaceObject != null && has(namespaceObject.metadata.deletionTimestamp)))",
        &[("controllers", &controllers)],
    );
    let entries = cel::fill(
        "request.operation == 'DELETE' || (!has(object.binaryData)
  && object.?data.orValue({}).all(name, object.data[name].matches(<entry>)))",
        &[("entry", &cel::text(ENTRY))],
    );
    let refused = format!(
        "ConfigMap {} is written by {} alone: it says which identity a service account has. \
         To change that, annotate the service account",
        policy.config_map,
        policy.controller(),
    );
    json!({
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": object::rules("configmaps", &["CREATE", "UPDATE", "DELETE"])},
        "matchConditions": [{
            "name": "is-read-by-the-injection",
            "expression": format!(
                "(object == null ? oldObject : object).metadata.name == {}", cel::text(&policy.config_map)),
        }],
        "variables": object::variables([
            ("isController", format!("request.userInfo.username == {}", cel::text(&policy.controller()))),
            ("isNamespaceDeletion", by_namespace),
        ]),
        "validations": [
            {"expression": "variables.isController || variables.isNamespaceDeletion", "message": refused, "reason": "Forbidden"},
            {"expression": entries, "message": "an entry is `client-id[;tenant=id][;expiration=seconds]`, or `-`", "reason": "Invalid"},
        ],
    })
}

/// The controller's own writes: of ConfigMaps only those, of pods only dry runs.
///
/// Roles cannot say either: a name does not restrict a create, and a dry run needs the same verb.
fn controller_policy(policy: &PolicySettings) -> Value {
    let configmaps = object::rules("configmaps", &["CREATE", "UPDATE", "DELETE"]);
    let pods = object::rules("pods", &["CREATE"]);
    let mut rules = Vec::new();
    for list in [configmaps, pods] {
        rules.extend(list.as_array().cloned().unwrap_or_default());
    }
    let only_these = format!(
        "request.resource.resource != 'configmaps' || (object == null ? oldObject : object).metadata.name == {}",
        cel::text(&policy.config_map),
    );
    json!({
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": rules},
        "matchConditions": [{
            "name": "is-the-controller",
            "expression": format!("request.userInfo.username == {}", cel::text(&policy.controller())),
        }],
        "validations": [
            {"expression": only_these, "message": format!("the controller writes no ConfigMap but {}", policy.config_map), "reason": "Forbidden"},
            {"expression": "request.resource.resource != 'pods' || request.dryRun",
             "message": "the controller creates pods only as a dry run, to prove that injection works", "reason": "Forbidden"},
        ],
    })
}
