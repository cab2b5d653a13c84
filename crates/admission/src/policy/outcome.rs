//! A pod that asked for an identity has one, or is refused with a reason.

use serde_json::{Value, json};

use super::{PolicySettings, cel, object};
use crate::{Settings, settings::Selector};

pub(super) fn render(settings: &Settings, policy: &PolicySettings) -> Vec<Value> {
    let name = format!("{}-outcome", policy.name);
    let binding = json!({"policyName": name, "validationActions": ["Deny"]});
    vec![
        object::object("ValidatingAdmissionPolicy", &name, spec(settings, policy)),
        object::object("ValidatingAdmissionPolicyBinding", &name, binding),
    ]
}

fn spec(settings: &Settings, policy: &PolicySettings) -> Value {
    let mut constraints = json!({
        "resourceRules": object::rules("pods", &["CREATE"]),
        "namespaceSelector": object::namespaces(policy),
    });
    let mut conditions = vec![json!({
        "name": "is-not-injected",
        "expression": "!object.spec.?volumes.orValue([]).exists(volume, volume.?projected.?sources.orValue([]).exists(source, source.?serviceAccountToken.path.orValue('').endsWith('azure-identity-token')))",
    })];
    match settings.selector {
        Selector::PodLabel => {
            constraints["objectSelector"] = json!({"matchLabels": {"azure.workload.identity/use": "true"}});
        }
        Selector::ServiceAccountLabel => {
            conditions.push(json!({
                "name": "was-to-be-injected",
                "expression": "'azure.workload.identity/refusal' in object.metadata.?annotations.orValue({})",
            }));
        }
    }
    let unknown = format!(
        "service accounts of this namespace are not known yet: there is no ConfigMap {}. The controller ({}/{}) writes \
         it as soon as the namespace has an account: try again, or see whether it runs",
        policy.config_map, policy.controller_namespace, policy.controller_account,
    );
    let message =
        format!("object.metadata.?annotations[?'azure.workload.identity/refusal'].orValue({})", cel::text(&unknown));
    json!({
        "failurePolicy": "Fail",
        "matchConstraints": constraints,
        "matchConditions": conditions,
        "validations": [{"expression": "false", "messageExpression": message, "message": unknown, "reason": "Forbidden"}],
    })
}
