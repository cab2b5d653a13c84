//! Labels and annotations where nobody reads them.

use super::{LAYOUT, USE};
use crate::{
    Key, ServiceAccount, Settings,
    mutate::{Draft, Warning},
    settings::Selector,
};

const PREFIX: &str = "azure.workload.identity/";

/// What is read of a pod's annotations, besides custom token endpoints.
const ANNOTATIONS: [&str; 8] = [
    "azure.workload.identity/client-id",
    "azure.workload.identity/tenant-id",
    "azure.workload.identity/service-account-token-expiration",
    "azure.workload.identity/skip-containers",
    "azure.workload.identity/include-containers",
    "azure.workload.identity/inject-proxy-sidecar",
    "azure.workload.identity/proxy-sidecar-port",
    LAYOUT,
];

pub(super) fn warn(draft: &mut Draft<'_>, account: &ServiceAccount, settings: &Settings) {
    let pod = draft.pod;
    for (key, value) in pod.labels() {
        if key == USE && value != "true" && settings.selector == Selector::PodLabel {
            draft.warn(Warning::label_not_true(value));
        } else if ANNOTATIONS.contains(&key) {
            draft.warn(Warning::misplaced(key, "a label", "an annotation"));
        }
    }
    for (key, _) in pod.annotations() {
        let Some(name) = key.strip_prefix(PREFIX) else { continue };
        if key == USE {
            if settings.selector == Selector::PodLabel {
                draft.warn(Warning::misplaced(key, "an annotation of the pod", "its label"));
            }
        } else if let Some(suffix) = name.strip_prefix("use-") {
            let endpoint = settings.custom_token_endpoint.as_ref();
            if endpoint.is_none_or(|endpoint| endpoint.annotation_suffix != suffix) {
                draft.warn(Warning::custom_token_endpoint_off(key));
            }
        } else if !ANNOTATIONS.contains(&key) {
            draft.warn(Warning::unknown_annotation(key));
        }
    }
    for (key, name, place, belongs) in [
        (Key::ClientIdLabel, "azure.workload.identity/client-id", "a label", "an annotation of the service account"),
        (Key::TenantIdLabel, "azure.workload.identity/tenant-id", "a label", "an annotation of the service account"),
        (
            Key::SkipContainers,
            "azure.workload.identity/skip-containers",
            "an annotation of the service account",
            "one of the pod",
        ),
        (
            Key::InjectProxySidecar,
            "azure.workload.identity/inject-proxy-sidecar",
            "an annotation of the service account",
            "one of the pod",
        ),
    ] {
        if account.get(key).is_some() {
            draft.warn(Warning::misplaced(name, place, belongs));
        }
    }
}
