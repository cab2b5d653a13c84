//! A pod that asked for an identity has one, or is refused with a reason.

use serde_json::{Value, json};

use super::{PolicySettings, cel, injection::REFUSAL, object};
use crate::{Settings, settings::Selector};

/// Whether a pod has the token, by what it is and not by a volume's name.
const INJECTED: &str =
    "object.spec.?volumes.orValue([]).exists(volume, volume.?projected.?sources.orValue(null) != null
  && volume.projected.sources.exists(source,
    source.?serviceAccountToken.path.orValue('') in ['token/azure-identity-token', 'azure-identity-token']))";

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
    let is_refused = format!("{} in object.metadata.?annotations.orValue({{}})", cel::text(REFUSAL));
    let condition = match settings.selector {
        Selector::PodLabel => {
            constraints["objectSelector"] = json!({"matchLabels": {"azure.workload.identity/use": "true"}});
            format!("{is_refused} || !{INJECTED}")
        }
        // Whether a pod is to be injected stands in its account's entry, so only the injection knows.
        Selector::ServiceAccountLabel => is_refused,
    };
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
        "matchConditions": [{"name": "is-to-be-refused", "expression": condition}],
        "validations": [{"expression": "false", "messageExpression": message, "message": unknown, "reason": "Forbidden"}],
    })
}
