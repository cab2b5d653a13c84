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

/// What is found on service accounts and not read there: key, what it is, its name, what it should be.
const ON_ACCOUNT: [(Key, &str, &str, &str); 4] = [
    (Key::ClientIdLabel, ACCOUNT_LABEL, "azure.workload.identity/client-id", ACCOUNT_ANNOTATION),
    (Key::TenantIdLabel, ACCOUNT_LABEL, "azure.workload.identity/tenant-id", ACCOUNT_ANNOTATION),
    (Key::SkipContainers, ACCOUNT_ANNOTATION, "azure.workload.identity/skip-containers", POD_ANNOTATION),
    (Key::InjectProxySidecar, ACCOUNT_ANNOTATION, "azure.workload.identity/inject-proxy-sidecar", POD_ANNOTATION),
];

const ACCOUNT_LABEL: &str = "service account label";
const ACCOUNT_ANNOTATION: &str = "service account annotation";
const POD_LABEL: &str = "pod label";
const POD_ANNOTATION: &str = "pod annotation";

pub(super) fn warn(draft: &mut Draft<'_>, account: &ServiceAccount, settings: &Settings) {
    let pod = draft.pod;
    for (key, value) in pod.labels() {
        if key == USE && value != "true" && settings.selector == Selector::PodLabel {
            draft.warn(Warning::label_not_true(value));
        } else if ANNOTATIONS.contains(&key) {
            draft.warn(Warning::misplaced(POD_LABEL, key, POD_ANNOTATION));
        }
    }
    for (key, _) in pod.annotations() {
        let Some(name) = key.strip_prefix(PREFIX) else { continue };
        if key == USE {
            if settings.selector == Selector::PodLabel {
                draft.warn(Warning::misplaced(POD_ANNOTATION, key, POD_LABEL));
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
    for (key, kind, name, other) in ON_ACCOUNT {
        if account.get(key).is_some() {
            draft.warn(Warning::misplaced(kind, name, other));
        }
    }
}
