//! Identity bindings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::DEFAULT_AUDIENCE;
use crate::json::Object;

/// Identity bindings: another token endpoint for pods that ask for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomTokenEndpoint {
    /// The part after `azure.workload.identity/use-` in the pod's annotation.
    pub annotation_suffix: String,
    /// The audience of the tokens.
    pub audience: String,
    /// `AZURE_KUBERNETES_TOKEN_PROXY`.
    pub token_proxy: String,
    /// `AZURE_KUBERNETES_SNI_NAME`.
    pub sni_name: String,
    /// Where the endpoint's CA comes from.
    pub ca: CustomTokenEndpointCa,
}

/// Where the CA of a custom token endpoint comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CustomTokenEndpointCa {
    /// Nothing was given.
    #[default]
    None,
    /// The certificate itself, for `AZURE_KUBERNETES_CA_DATA`.
    Data(String),
    /// A ConfigMap with the key `ca.crt` in the pod's namespace.
    ConfigMap(String),
    /// A ClusterTrustBundle.
    ClusterTrustBundle {
        /// The signer.
        signer_name: String,
        /// A label selector as Kubernetes writes it.
        label_selector: Option<Value>,
    },
}

/// Why a custom token endpoint cannot be used. The words are upstream's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCustomTokenEndpoint {
    /// An audience without a suffix.
    #[error("custom token endpoint annotation suffix cannot be empty when audience is set")]
    NoAnnotationSuffix,
    /// A suffix without an audience.
    #[error("custom token endpoint audience cannot be empty when annotation suffix is set")]
    NoAudience,
    /// The audience of ordinary tokens.
    #[error("custom token endpoint audience cannot be equal to default audience \"{DEFAULT_AUDIENCE}\"")]
    DefaultAudience,
    /// The suffix does not make an annotation's name.
    #[error("custom token endpoint annotation key \"{key}\" is not valid: {problem}")]
    AnnotationKey {
        /// The whole key.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
    /// More than one CA.
    #[error(
        "only one of AZURE_KUBERNETES_CA_DATA, AZURE_KUBERNETES_CA_CONFIGMAP_NAME or \
         AZURE_KUBERNETES_CA_CTB_SIGNER_NAME can be set"
    )]
    SeveralCas,
    /// A selector without a signer.
    #[error("AZURE_KUBERNETES_CA_CTB_SIGNER_NAME needs to be set when AZURE_KUBERNETES_CA_CTB_LABEL_SELECTOR is set")]
    NoSigner,
    /// A selector that is none.
    #[error("failed to decode LabelSelector: {0}")]
    LabelSelector(String),
}

impl CustomTokenEndpoint {
    /// Takes upstream's two flags and four of its variables; `None` if both flags are empty.
    ///
    /// # Errors
    ///
    /// As upstream: one flag without the other, the default audience, or a suffix that makes no
    /// annotation's name.
    pub fn new(
        annotation_suffix: &str,
        audience: &str,
        token_proxy: &str,
        sni_name: &str,
        ca: CustomTokenEndpointCa,
    ) -> Result<Option<Self>, InvalidCustomTokenEndpoint> {
        match (annotation_suffix, audience) {
            ("", "") => return Ok(None),
            ("", _) => return Err(InvalidCustomTokenEndpoint::NoAnnotationSuffix),
            (_, "") => return Err(InvalidCustomTokenEndpoint::NoAudience),
            (_, audience) if audience.eq_ignore_ascii_case(DEFAULT_AUDIENCE) => {
                return Err(InvalidCustomTokenEndpoint::DefaultAudience);
            }
            (_, _) => {}
        }
        if let Err(problem) = check_suffix(annotation_suffix) {
            let key = format!("azure.workload.identity/use-{annotation_suffix}");
            return Err(InvalidCustomTokenEndpoint::AnnotationKey { key, problem });
        }
        Ok(Some(Self {
            annotation_suffix: annotation_suffix.to_owned(),
            audience: audience.to_owned(),
            token_proxy: token_proxy.to_owned(),
            sni_name: sni_name.to_owned(),
            ca,
        }))
    }
}

impl CustomTokenEndpointCa {
    /// Takes four of upstream's variables, each empty if it is not set. Upstream checks them even
    /// where no custom token endpoint is configured.
    ///
    /// # Errors
    ///
    /// More than one CA, a selector without a signer, or a selector that is no label selector.
    pub fn new(
        data: &str,
        config_map: &str,
        signer_name: &str,
        label_selector: &str,
    ) -> Result<Self, InvalidCustomTokenEndpoint> {
        let label_selector = parse_selector(label_selector)?;
        if [data, config_map, signer_name].iter().filter(|value| !value.is_empty()).count() > 1 {
            return Err(InvalidCustomTokenEndpoint::SeveralCas);
        }
        if label_selector.is_some() && signer_name.is_empty() {
            return Err(InvalidCustomTokenEndpoint::NoSigner);
        }
        Ok(match (data, config_map, signer_name) {
            ("", "", "") => Self::None,
            ("", "", signer) => Self::ClusterTrustBundle { signer_name: signer.to_owned(), label_selector },
            ("", name, _) => Self::ConfigMap(name.to_owned()),
            (data, _, _) => Self::Data(data.to_owned()),
        })
    }
}

/// A label selector's two members, and nothing else: a misspelt one would select other certificates.
fn parse_selector(text: &str) -> Result<Option<Value>, InvalidCustomTokenEndpoint> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let selector: Object<LabelSelector> =
        serde_json::from_str(text).map_err(|error| InvalidCustomTokenEndpoint::LabelSelector(error.to_string()))?;
    serde_json::to_value(selector.into_inner())
        .map(Some)
        .map_err(|error| InvalidCustomTokenEndpoint::LabelSelector(error.to_string()))
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LabelSelector {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    match_labels: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    match_expressions: Vec<Requirement>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Requirement {
    key: String,
    operator: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    values: Vec<String>,
}

/// Kubernetes' rule for the name part of a qualified name, which here begins with `use-`.
fn check_suffix(suffix: &str) -> Result<(), String> {
    if "use-".len() + suffix.len() > 63 {
        return Err("name part must be no more than 63 characters".to_owned());
    }
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if suffix.bytes().all(is_inner) && suffix.ends_with(|last: char| last.is_ascii_alphanumeric()) {
        return Ok(());
    }
    if suffix.contains('/') {
        return Err("a qualified name has at most one slash".to_owned());
    }
    Err("name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
         alphanumeric character"
        .to_owned())
}
