//! The chart's template of the admission policy, made from the renderer that `symbolon webhook policy`
//! uses: there is one source of what the API server evaluates.
//!
//! What is a text in the objects is rendered as a placeholder, for which the template has the chart's
//! value. What changes their form is rendered in every combination; what differs becomes a condition.

mod choice;
mod template;

use anyhow::Result;
use serde_json::{Value, json};
use symbolon_admission::{
    Settings,
    policy::{Missing, Mode, PolicySettings, render},
    settings::{CustomTokenEndpoint, CustomTokenEndpointCa, Layout, Selector, TrustConfigMap},
};

use crate::{Generated, workspace};
use choice::Choices;

/// What changes the form of the objects; the template has a variable of each name.
const DIMENSIONS: [&str; 5] = ["mode", "selector", "layout", "trust", "endpoint"];
const MODES: [(&str, Mode, Missing); 2] =
    [("policy", Mode::Policy, Missing::Deny), ("both", Mode::Both, Missing::Webhook)];
const SELECTORS: [(&str, Selector); 2] =
    [("pod-label", Selector::PodLabel), ("service-account-label", Selector::ServiceAccountLabel)];
const LAYOUTS: [(&str, Layout); 2] = [("v1.6", Layout::V16), ("v1.5", Layout::V15)];
const TRUST: [&str; 2] = ["off", "on"];
const ENDPOINTS: [&str; 5] = ["off", "ca-data", "ca-config-map", "ca-bundle", "ca-bundle-selector"];

/// The namespaces that are left alone, as the renderer gives them and as they are replaced.
const EXCLUDED: &str = "placeholder-excluded";

/// The template.
///
/// # Errors
/// When the objects cannot be rendered.
pub fn policy_template() -> Result<Generated> {
    let mut values = Vec::new();
    for (mode_name, mode, missing) in MODES {
        for (selector_name, selector) in SELECTORS {
            for (layout_name, layout) in LAYOUTS {
                for trust in TRUST {
                    for endpoint in ENDPOINTS {
                        let settings = Settings {
                            audience: "placeholder-audience".to_owned(),
                            selector,
                            layout,
                            trust: trust_of(trust),
                            custom_token_endpoint: endpoint_of(endpoint),
                            ..Settings::new("placeholder-tenant-id", "placeholder-authority-host")
                        };
                        let objects = render(&settings, &PolicySettings { mode, missing, ..names() })?;
                        let objects = objects.into_iter().map(prepare).collect();
                        values.push((vec![mode_name, selector_name, layout_name, trust, endpoint], objects));
                    }
                }
            }
        }
    }
    let objects = Choices::new(&DIMENSIONS, values).merge();
    let path = workspace().join("deploy/charts/symbolon-webhook/templates/policy.yaml");
    Ok(Generated { path, content: template::template(&objects) })
}

fn names() -> PolicySettings {
    PolicySettings {
        name: "placeholder-name".to_owned(),
        config_map: "placeholder-config-map".to_owned(),
        excluded_namespaces: vec![EXCLUDED.to_owned()],
        controller_namespace: "placeholder-namespace".to_owned(),
        controller_account: "placeholder-account".to_owned(),
        ..PolicySettings::default()
    }
}

fn trust_of(name: &str) -> Option<TrustConfigMap> {
    let config_map =
        TrustConfigMap { name: "placeholder-trust-name".to_owned(), key: "placeholder-trust-key".to_owned() };
    (name == "on").then_some(config_map)
}

fn endpoint_of(name: &str) -> Option<CustomTokenEndpoint> {
    let bundle = |label_selector| CustomTokenEndpointCa::ClusterTrustBundle {
        signer_name: "placeholder-ca-signer".to_owned(),
        label_selector,
    };
    let ca = match name {
        "off" => return None,
        "ca-data" => CustomTokenEndpointCa::Data("placeholder-ca-data".to_owned()),
        "ca-config-map" => CustomTokenEndpointCa::ConfigMap("placeholder-ca-config-map".to_owned()),
        "ca-bundle" => bundle(None),
        _ => bundle(Some(json!({"matchLabels": {"placeholder-label": "placeholder-value"}}))),
    };
    Some(CustomTokenEndpoint {
        annotation_suffix: "placeholder-suffix".to_owned(),
        audience: "placeholder-endpoint-audience".to_owned(),
        token_proxy: "placeholder-token-proxy".to_owned(),
        sni_name: "placeholder-sni-name".to_owned(),
        ca,
    })
}

/// Leaves to the chart what it says itself: its labels, and which namespaces are left alone.
fn prepare(mut object: Value) -> Value {
    object["metadata"]["labels"] = json!("placeholder-labels");
    let constraints = &mut object["spec"]["matchConstraints"];
    if constraints["namespaceSelector"].to_string().contains(EXCLUDED) {
        constraints["namespaceSelector"] = json!("placeholder-namespace-selector");
    } else if constraints.is_null() {
        // Reading it has made it.
        if let Some(spec) = object["spec"].as_object_mut() {
            spec.remove("matchConstraints");
        }
    }
    object
}
