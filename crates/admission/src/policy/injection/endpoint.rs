//! Custom token endpoints.

use serde_json::Value;

use super::{annotation, cel};
use crate::{
    Settings,
    settings::{CustomTokenEndpoint, CustomTokenEndpointCa, Layout},
};

/// Whether the pod asks for the endpoint, and whom its token is for.
pub(super) fn variables(settings: &Settings) -> Vec<(&'static str, String)> {
    let audience = cel::text(&settings.audience);
    let Some(endpoint) = &settings.custom_token_endpoint else { return vec![("audience", audience)] };
    let asked = annotation(&format!("use-{}", endpoint.annotation_suffix), "''");
    vec![
        ("isBound", format!("{asked}.lowerAscii() == 'true'")),
        ("audience", format!("variables.isBound ? {} : {audience}", cel::text(&endpoint.audience))),
    ]
}

/// The variables of pods that ask for it.
pub(super) fn env(settings: &Settings) -> String {
    let Some(endpoint) = &settings.custom_token_endpoint else { return String::new() };
    let data = match &endpoint.ca {
        CustomTokenEndpointCa::Data(data) => data.as_str(),
        _ => "",
    };
    cel::fill(
        " + (!variables.isBound ? [] : [
  {'name': 'AZURE_KUBERNETES_TOKEN_PROXY', 'value': <proxy>},
  {'name': 'AZURE_KUBERNETES_SNI_NAME', 'value': <sni>},
  {'name': 'AZURE_KUBERNETES_CA_FILE', 'value': variables.isV15 ? <v15> : <v16>},
  {'name': 'AZURE_KUBERNETES_CA_DATA', 'value': <data>}
])",
        &[
            ("proxy", &cel::text(&endpoint.token_proxy)),
            ("sni", &cel::text(&endpoint.sni_name)),
            ("v15", &cel::text(Layout::V15.ca_file())),
            ("v16", &cel::text(Layout::V16.ca_file())),
            ("data", &cel::text(data)),
        ],
    )
}

/// The sources beside the token.
pub(super) fn sources(settings: &Settings) -> String {
    let source = settings.custom_token_endpoint.as_ref().and_then(source);
    source.map_or_else(String::new, |source| format!(" + (variables.isBound ? [{source}] : [])"))
}

fn source(endpoint: &CustomTokenEndpoint) -> Option<String> {
    let path = cel::text(Layout::CA_PATH);
    match &endpoint.ca {
        CustomTokenEndpointCa::ConfigMap(name) => Some(format!(
            "Object.spec.volumes.projected.sources{{configMap: Object.spec.volumes.projected.sources.configMap{{\
             name: {}, optional: false, items: [Object.spec.volumes.projected.sources.configMap.items{{key: 'ca.crt', path: {path}}}]}}}}",
            cel::text(name),
        )),
        CustomTokenEndpointCa::ClusterTrustBundle { signer_name, label_selector } => {
            let selector = label_selector.as_ref().map(selector).unwrap_or_default();
            Some(format!(
                "Object.spec.volumes.projected.sources{{clusterTrustBundle: Object.spec.volumes.projected.sources.clusterTrustBundle{{\
                 signerName: {}, path: {path}, optional: false{selector}}}}}",
                cel::text(signer_name),
            ))
        }
        CustomTokenEndpointCa::None | CustomTokenEndpointCa::Data(_) => None,
    }
}

/// A label selector. A map of mixed values has no JSON form in CEL, an object of a type has.
fn selector(selector: &Value) -> String {
    let text = |value: &Value| cel::text(value.as_str().unwrap_or_default());
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let labels = selector["matchLabels"].as_object().into_iter().flatten();
    let labels: Vec<_> = labels.map(|(name, value)| format!("{}: {}", cel::text(name), text(value))).collect();
    let expressions: Vec<_> = list(&selector["matchExpressions"])
        .iter()
        .map(|expression| {
            let values: Vec<_> = list(&expression["values"]).iter().map(text).collect();
            let values = if values.is_empty() { String::new() } else { format!(", values: [{}]", values.join(", ")) };
            let (key, operator) = (text(&expression["key"]), text(&expression["operator"]));
            format!("{TRUST_BUNDLE}.labelSelector.matchExpressions{{key: {key}, operator: {operator}{values}}}")
        })
        .collect();
    let mut members = Vec::new();
    if !labels.is_empty() {
        members.push(format!("matchLabels: {{{}}}", labels.join(", ")));
    }
    if !expressions.is_empty() {
        members.push(format!("matchExpressions: [{}]", expressions.join(", ")));
    }
    format!(", labelSelector: {TRUST_BUNDLE}.labelSelector{{{}}}", members.join(", "))
}

const TRUST_BUNDLE: &str = "Object.spec.volumes.projected.sources.clusterTrustBundle";
