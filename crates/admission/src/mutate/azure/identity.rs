//! Which identity a pod speaks for.

use super::Chosen;
use crate::{
    Key, Pod, ServiceAccount, Settings,
    mutate::{Draft, Warning},
};

const CLIENT_ID: &str = "azure.workload.identity/client-id";
const TENANT_ID: &str = "azure.workload.identity/tenant-id";

/// The identity's client id and tenant, and who named them.
///
/// A pod may name another identity than its account does. That opens nothing: whoever writes the
/// pod can set `AZURE_CLIENT_ID` in it anyway, and the token that is exchanged still names the pod's
/// own service account, which the identity's federated credential has to name too.
#[derive(Debug)]
pub(super) struct Identity<'s> {
    client: Option<Named<'s>>,
    tenant: Named<'s>,
}

#[derive(Debug)]
struct Named<'s> {
    value: &'s str,
    by: &'static str,
}

impl<'s> Identity<'s> {
    pub(super) fn of(pod: &'s Pod<'_>, account: &'s ServiceAccount, settings: &'s Settings) -> Self {
        let on_pod = |key| pod.annotation(key).filter(|value| !value.is_empty());
        let on_pod = |key| on_pod(key).map(|value| Named { value, by: "pod" });
        let on_account = |key| account.get(key).map(|value| Named { value, by: "service account" });
        Self {
            client: on_pod(CLIENT_ID).or_else(|| on_account(Key::ClientId).filter(|client| !client.value.is_empty())),
            // Upstream takes an empty annotation of the account for what it says: no tenant.
            tenant: on_pod(TENANT_ID)
                .or_else(|| on_account(Key::TenantId))
                .unwrap_or(Named { value: &settings.tenant_id, by: "webhook" }),
        }
    }

    pub(super) fn client_id(&self) -> &'s str {
        self.client.as_ref().map_or("", |client| client.value)
    }

    pub(super) fn tenant_id(&self) -> &'s str {
        self.tenant.value
    }

    pub(super) fn warn(&self, draft: &mut Draft<'_>, chosen: &Chosen<'_>) {
        let pod = draft.pod;
        match &self.client {
            // Code may well name its identities itself; then the variable is set, or nobody misses it.
            None => {
                let mut containers = pod.containers().filter(|container| chosen.takes(&container.name));
                if containers.any(|container| container.variable("AZURE_CLIENT_ID").is_none()) {
                    draft.warn(Warning::no_client_id(pod.service_account_name()));
                }
            }
            Some(Named { value, by }) if !is_guid(value) => draft.warn(Warning::malformed_client_id(value, by)),
            Some(_) => {}
        }
        let Named { value, by } = self.tenant;
        if !(value.is_empty() || is_guid(value) || is_domain(value)) {
            draft.warn(Warning::malformed_tenant_id(value, by));
        }
    }
}

/// In the one spelling that Entra prints: with hyphens, without braces.
pub(super) fn is_guid(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::try_parse(text).is_ok()
}

/// A tenant's verified domain, which Entra takes in place of its id.
pub(super) fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.contains('.') && text.len() <= 253 && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::{is_domain, is_guid};

    #[test]
    fn a_guid_has_one_spelling() {
        assert!(is_guid("72f988bf-86f1-41af-91ab-2d7cd011db47"));
        assert!(is_guid("72F988BF-86F1-41AF-91AB-2D7CD011DB47"));
        for text in [
            "",
            "72f988bf86f141af91ab2d7cd011db47",
            "{72f988bf-86f1-41af-91ab-2d7cd011db47}",
            "72f988bf-86f1-41af-91ab-2d7cd011db47 ",
            "72f988bf-86f1-41af-91ab-2d7cd011db4g",
            "72f988bf886f1-41af-91ab-2d7cd011db47",
        ] {
            assert!(!is_guid(text), "{text}");
        }
    }

    #[test]
    fn a_domain_has_a_dot_and_no_odd_characters() {
        assert!(is_domain("contoso.onmicrosoft.com"));
        for text in ["common", "contoso..com", ".com", "contoso.com.", "-a.com", "a b.com", "a/b.com", "ä.com"] {
            assert!(!is_domain(text), "{text}");
        }
    }
}
