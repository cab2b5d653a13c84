//! The injection.
//!
//! The same rules as in [`crate::mutate`], in CEL: what differs is the volume's name (CEL has no
//! hash), and what needs the webhook. The whole is one JSON patch, evaluated once for a pod: every
//! further expression of a policy would turn the pod and the ConfigMap into CEL's form again.

mod endpoint;
mod expressions;
mod trust;

use serde_json::{Value, json};

use super::{Missing, Mode, PolicySettings, cel, object};
use crate::{
    Settings,
    settings::{Layout, Selector},
};

/// The volume. Upstream puts a hash of the pod's name after its prefix.
pub(super) const VOLUME: &str = "azure-workload-identity-reserved-by-policy";

/// The volume of the older layout, as upstream calls it.
const V15_VOLUME: &str = "azure-identity-token";

/// Where the injection says why it left a pod as it is, for the outcome's policy to refuse it.
pub(super) const REFUSAL: &str = "azure.workload.identity/refusal";

const PREFIX: &str = "azure.workload.identity/";

pub(super) fn render(settings: &Settings, policy: &PolicySettings) -> Vec<Value> {
    let name = policy.name.as_str();
    vec![
        object::object("MutatingAdmissionPolicy", name, spec(settings, policy)),
        object::object("MutatingAdmissionPolicyBinding", name, binding(settings, policy)),
    ]
}

/// The ConfigMap is looked up in the pod's own namespace, since no other is named.
fn binding(settings: &Settings, policy: &PolicySettings) -> Value {
    let not_found = match (settings.selector, policy.mode, policy.missing) {
        // Nobody else could tell whether such a pod was to be injected.
        (Selector::ServiceAccountLabel, Mode::Policy, Missing::Deny) => "Deny",
        _ => "Allow",
    };
    json!({
        "policyName": policy.name,
        "paramRef": {"name": policy.config_map, "parameterNotFoundAction": not_found},
    })
}

fn spec(settings: &Settings, policy: &PolicySettings) -> Value {
    let mut resources = json!({
        "resourceRules": object::rules("pods", &["CREATE"]),
        "namespaceSelector": object::namespaces(policy),
    });
    if settings.selector == Selector::PodLabel {
        resources["objectSelector"] = json!({"matchLabels": {format!("{PREFIX}use"): "true"}});
    }
    json!({
        "failurePolicy": "Fail",
        "reinvocationPolicy": "IfNeeded",
        "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "matchConstraints": resources,
        "matchConditions": [{"name": "is-not-injected-yet", "expression": is_open(settings)}],
        "variables": variables(settings, policy),
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": patch(settings, policy)}}],
    })
}

fn is_open(settings: &Settings) -> String {
    let volume = if settings.layout == Layout::V15 { V15_VOLUME } else { VOLUME };
    cel::fill(
        expressions::IS_OPEN,
        &[
            ("volume", &cel::text(volume)),
            ("token", &cel::text(settings.layout.token_path())),
            ("audience", &cel::text(&settings.audience)),
            ("mount", &cel::text(settings.layout.mount_path())),
        ],
    )
}

fn annotation(name: &str, default: &str) -> String {
    format!("variables.annotations[?{}].orValue({default})", cel::text(&format!("{PREFIX}{name}")))
}

/// Names between semicolons, without blanks.
fn names(annotation_name: &str) -> String {
    let list = annotation(annotation_name, "''");
    format!("{list}.split(';').map(name, name.trim()).filter(name, name != '')")
}

/// What the pod, its account's entry and the settings say, each under a name. Those that nobody
/// asks for are not evaluated.
fn variables(settings: &Settings, policy: &PolicySettings) -> Value {
    let text = cel::text;
    let (v15, v16) = (Layout::V15, Layout::V16);
    let paths = [
        ("v15-token", text(v15.token_path())),
        ("v16-token", text(v16.token_path())),
        ("v15-mount", text(v15.mount_path())),
        ("v16-mount", text(v16.mount_path())),
        ("volume", text(VOLUME)),
        ("v15-volume", text(V15_VOLUME)),
    ];
    let paths: Vec<_> = paths.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let fill = |template| cel::fill(template, &paths);
    let default_layout = if settings.layout == v15 { "true" } else { "false" };
    let mut variables = vec![
        ("annotations", "object.metadata.?annotations.orValue({})".to_owned()),
        ("account", "object.spec.?serviceAccountName.orValue('default')".to_owned()),
        ("entry", expressions::ENTRY.to_owned()),
        ("isLeftAlone", left_alone(settings)),
        ("containers", cel::fill(expressions::CONTAINERS_OF, &[("list", "containers")])),
        ("initContainers", cel::fill(expressions::CONTAINERS_OF, &[("list", "initContainers")])),
        ("mounting", "variables.containers + variables.initContainers".to_owned()),
        ("hasProxy", has_proxy()),
        ("expiration", expiration()),
        ("clientId", format!("([{}].filter(id, id != '') + [variables.entry[0]])[0]", annotation("client-id", "''"))),
        ("tenantId", tenant_id(settings)),
        ("skipped", names("skip-containers")),
        ("included", names("include-containers")),
        ("layout", annotation("layout", "''")),
        ("isV15Wanted", format!("variables.layout == 'v1.5' || (variables.layout != 'v1.6' && {default_layout})")),
        ("isLayoutFixed", "variables.layout in ['v1.5', 'v1.6']".to_owned()),
    ];
    variables.extend(endpoint::variables(settings));
    variables.extend(expressions::FOUND_VOLUME.map(|(name, template)| (name, fill(template))));
    variables.extend(trust::variables(settings));
    variables.push(("env", env(settings)));
    variables.push(("refusal", refusal(policy)));
    object::variables(variables)
}

fn left_alone(settings: &Settings) -> String {
    match settings.selector {
        Selector::PodLabel => "false".to_owned(),
        Selector::ServiceAccountLabel => "variables.entry == ['-'] || object.metadata.?labels.orValue({})\
            [?'azure.workload.identity/use'].orValue('').lowerAscii() == 'false'"
            .to_owned(),
    }
}

fn has_proxy() -> String {
    let port = cel::text(&format!("{PREFIX}proxy-sidecar-port"));
    let inject = annotation("inject-proxy-sidecar", "'false'");
    cel::fill(expressions::HAS_PROXY, &[("inject", &inject), ("port", &port)])
}

fn expiration() -> String {
    cel::fill(
        "([<annotation>] + variables.entry.filter(part, part.startsWith('expiration=')).map(part, part.substring(11))
  + ['3600']).filter(text, text != '')[0]",
        &[("annotation", &annotation("service-account-token-expiration", "''"))],
    )
}

fn tenant_id(settings: &Settings) -> String {
    cel::fill(
        "([<annotation>].filter(id, id != '')
  + variables.entry.filter(part, part.startsWith('tenant=')).map(part, part.substring(7)) + [<default>])[0]",
        &[("annotation", &annotation("tenant-id", "''")), ("default", &cel::text(&settings.tenant_id))],
    )
}

fn env(settings: &Settings) -> String {
    cel::fill(
        "([
  {'name': 'AZURE_CLIENT_ID', 'value': variables.clientId},
  {'name': 'AZURE_TENANT_ID', 'value': variables.tenantId},
  {'name': 'AZURE_FEDERATED_TOKEN_FILE', 'value': variables.isV15 ? <v15> : <v16>},
  {'name': 'AZURE_AUTHORITY_HOST', 'value': <authority-host>}
]<endpoint>).filter(variable, variable.value != '')",
        &[
            ("v15", &cel::text(Layout::V15.token_file())),
            ("v16", &cel::text(Layout::V16.token_file())),
            ("authority-host", &cel::text(&settings.authority_host)),
            ("endpoint", &endpoint::env(settings)),
        ],
    )
}

/// Why the pod is left as it is; empty if it is not. The texts are upstream's where it has some.
fn refusal(policy: &PolicySettings) -> String {
    let unknown = format!(
        " is not known yet: ConfigMap {} has no entry for it. The controller ({}/{}) writes it as soon as the account \
         exists and its client id and tenant id are well-formed: try again, or see the Events of the account",
        policy.config_map, policy.controller_namespace, policy.controller_account,
    );
    cel::fill(
        expressions::REFUSAL,
        &[("unknown", &cel::text(&unknown)), ("proxy", &cel::text(expressions::PROXY_REFUSAL))],
    )
}

fn patch(settings: &Settings, policy: &PolicySettings) -> String {
    let refused = match policy.mode {
        Mode::Policy => cel::fill(
            expressions::MARK,
            &[("path", &cel::text(&format!("/metadata/annotations/{}", REFUSAL.replace('/', "~1"))))],
        ),
        Mode::Both => "[]".to_owned(),
    };
    let sources = format!("[{}]{}", expressions::TOKEN_SOURCE.trim(), endpoint::sources(settings));
    let volume = cel::fill(expressions::VOLUME, &[("sources", &sources), ("trust", &trust::volume(settings))]);
    let containers = |list: &str| {
        let mount = cel::fill(
            expressions::MOUNT,
            &[("list", list), ("within", &within("mount", "variables.mountPath", "/azure"))],
        );
        let trust_env = trust::env(settings);
        cel::fill(
            expressions::CONTAINERS,
            &[
                ("list", list),
                ("mount", &mount),
                ("trust-env", &trust_env),
                ("trust-mount", &trust::mount(settings, list)),
            ],
        )
    };
    cel::fill(
        expressions::PATCH,
        &[
            ("refused", &refused),
            ("volume", &volume),
            ("init-containers", &containers("initContainers")),
            ("containers", &containers("containers")),
        ],
    )
}

/// Whether a mount lies at a path or below it, however many slashes it is written with. Most do
/// not even have its last segment, which is cheap to see.
fn within(mount: &str, path: &str, segment: &str) -> String {
    format!(
        "({mount}.mountPath.contains('{segment}') && \
         ('/' + {mount}.mountPath.split('/').filter(segment, segment != '').join('/') + '/').startsWith({path} + '/'))"
    )
}
