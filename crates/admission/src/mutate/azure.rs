//! Azure's labels and annotations.

mod advice;
mod containers;
mod expiration;
mod identity;
mod misplaced;
mod proxy;
mod token;
mod trust;

use super::{Draft, Refusal, Warning, variables::Variables};
use crate::{
    Key, Pod, ServiceAccount, Settings,
    settings::{CustomTokenEndpoint, CustomTokenEndpointCa, Layout, Selector},
};
pub use advice::advise;

use containers::Chosen;
use identity::Identity;
use token::TokenVolume;
use trust::Trust;

const USE: &str = "azure.workload.identity/use";
const LAYOUT: &str = "azure.workload.identity/layout";

/// Credentials that Azure's SDKs try before a federated token.
const PREFERRED: [&str; 2] = ["AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH"];

pub(super) fn inject<'p>(
    draft: &mut Draft<'p>,
    account: &'p ServiceAccount,
    settings: &'p Settings,
) -> Result<(), Refusal> {
    let pod = draft.pod;
    if !is_selected(draft, account, settings) {
        return Ok(());
    }
    // The order of these decides which refusal an author sees first.
    if let Some(port) = proxy::wanted(draft)? {
        proxy::inject(draft, &settings.proxy, port)?;
    }
    let expiration = expiration::of(pod, account)?;
    let endpoint = settings.custom_token_endpoint.as_ref().filter(|endpoint| asks_for(pod, endpoint));
    let audience = endpoint.map_or(&settings.audience, |endpoint| &endpoint.audience);
    let wanted = layout(draft, settings);
    let token = TokenVolume::find(draft, wanted, audience)?;
    let identity = Identity::of(pod, account, settings);
    let chosen = Chosen::of(pod);
    // First, since an answer does not carry every warning.
    identity.warn(draft, &chosen);
    Chosen::warn(draft);

    let variables = azure_variables(&identity, token.layout(), settings, endpoint);
    let trust = settings.trust.as_ref().and_then(|config_map| Trust::new(draft, config_map));
    let equipment = Equipment { variables, token, trust };
    equipment.give(draft, &chosen);
    equipment.token.finish(draft, expiration, audience, endpoint);
    if let Some(trust) = equipment.trust {
        trust.finish(draft);
    }
    if pod.selects_windows() && !pod.says_windows() {
        draft.warn(Warning::windows_not_declared());
    }
    misplaced::warn(draft, account, settings);
    Ok(())
}

/// What each container gets.
#[derive(Debug)]
struct Equipment<'p> {
    variables: Variables<'p>,
    token: TokenVolume<'p>,
    trust: Option<Trust<'p>>,
}

impl<'p> Equipment<'p> {
    fn give(&self, draft: &mut Draft<'p>, chosen: &Chosen<'_>) {
        for slot in 0..draft.slots.len() {
            if chosen.takes(&draft.slots[slot].container.name) {
                self.give_slot(draft, slot);
            }
        }
        for injected in draft.injected.iter_mut().filter(|injected| !chosen.skips(injected.name)) {
            let additions = &mut injected.additions;
            self.variables.give_all(additions);
            additions.mounts.push(self.token.new_mount());
            if let Some(trust) = &self.trust {
                trust.give_all(additions);
            }
        }
    }

    fn give_slot(&self, draft: &mut Draft<'p>, slot: usize) {
        let container = draft.slots[slot].container;
        self.variables.give(draft, slot);
        self.token.mount(draft, slot);
        if let Some(trust) = &self.trust {
            trust.give(draft, slot);
        }
        for name in PREFERRED.into_iter().filter(|name| container.variable(name).is_some()) {
            draft.warn(Warning::secret_preferred(&container.name, name));
        }
    }
}

/// Whether the pod is one to inject; if it looks like one and is not, its author is told.
fn is_selected(draft: &mut Draft<'_>, account: &ServiceAccount, settings: &Settings) -> bool {
    let pod = draft.pod;
    let label = pod.label(USE);
    match settings.selector {
        // As upstream: the API server has looked at the label before it called. With other clouds it
        // has not, since their pods have none.
        Selector::PodLabel => (settings.aws.is_none() && settings.gcp.is_none()) || label == Some("true"),
        Selector::ServiceAccountLabel => {
            let labelled = account.get(Key::UseLabel).or(account.get(Key::UseAnnotation)).is_some();
            if !labelled && label == Some("true") {
                draft.warn(Warning::account_not_labelled(pod.service_account_name()));
            }
            labelled && !label.is_some_and(|value| value.eq_ignore_ascii_case("false"))
        }
    }
}

fn asks_for(pod: &Pod<'_>, endpoint: &CustomTokenEndpoint) -> bool {
    pod.annotations().any(|(key, value)| {
        key.strip_prefix("azure.workload.identity/use-") == Some(&endpoint.annotation_suffix)
            && value.eq_ignore_ascii_case("true")
    })
}

/// The layout that is wanted, and whether the pod itself wants it.
fn layout(draft: &mut Draft<'_>, settings: &Settings) -> (Layout, bool) {
    match draft.pod.annotation(LAYOUT) {
        None => (settings.layout, false),
        Some("v1.6") => (Layout::V16, true),
        Some("v1.5") => (Layout::V15, true),
        Some(other) => {
            draft.warn(Warning::unknown_layout(other));
            (settings.layout, false)
        }
    }
}

fn azure_variables<'s>(
    identity: &Identity<'s>,
    layout: Layout,
    settings: &'s Settings,
    endpoint: Option<&'s CustomTokenEndpoint>,
) -> Variables<'s> {
    let mut variables = Variables::default();
    variables.push("AZURE_CLIENT_ID", identity.client_id());
    variables.push("AZURE_TENANT_ID", identity.tenant_id());
    variables.push("AZURE_FEDERATED_TOKEN_FILE", layout.token_file());
    variables.push("AZURE_AUTHORITY_HOST", &settings.authority_host);
    if let Some(endpoint) = endpoint {
        variables.push("AZURE_KUBERNETES_TOKEN_PROXY", &endpoint.token_proxy);
        variables.push("AZURE_KUBERNETES_SNI_NAME", &endpoint.sni_name);
        variables.push("AZURE_KUBERNETES_CA_FILE", layout.ca_file());
        if let CustomTokenEndpointCa::Data(data) = &endpoint.ca {
            variables.push("AZURE_KUBERNETES_CA_DATA", data);
        }
    }
    variables
}
