//! The injection as objects that the API server evaluates itself (Kubernetes 1.36 and later).
//!
//! [`render`] gives policies, each with its binding; first the *anchors*, which match nothing and keep
//! the API server's view of ConfigMaps alive, then:
//!
//! 1. The *injection*, a `MutatingAdmissionPolicy`. Tenant, authority host and audience stand in
//!    it; of a ConfigMap in the pod's own namespace it reads what [`entry`] writes for the pod's
//!    service account, and nothing else.
//! 2. The *outcome*, a `ValidatingAdmissionPolicy` that refuses a pod which asked for an identity
//!    and did not get one, and says what to do. Only with [`Missing::Deny`].
//! 3. The *guard*, a `ValidatingAdmissionPolicy`: nobody but the controller writes those
//!    ConfigMaps, and the controller writes nothing else. Without it, whoever may edit a namespace
//!    could give its pods another client id.

mod anchor;
mod cel;
pub mod entry;
mod guard;
mod injection;
mod object;
mod outcome;

use serde_json::Value;

use crate::{Settings, settings::Selector};

/// How pods get their identity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// By the policy alone.
    Policy,
    /// By the policy; the webhook stands behind it for what the policy cannot do.
    #[default]
    Both,
}

/// What happens to a pod whose service account has no entry yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// It is refused, unless the webhook injects it.
    Deny,
    /// It is left as it is, for the webhook.
    #[default]
    Webhook,
}

/// What an operator decides about the policy, besides the injection itself.
#[derive(Clone, Debug)]
pub struct PolicySettings {
    /// How pods get their identity.
    pub mode: Mode,
    /// What happens to a pod whose service account has no entry yet.
    pub missing: Missing,
    /// The name of the objects, with a suffix each but for the first.
    pub name: String,
    /// The name of the ConfigMap that is looked up in a pod's own namespace.
    pub config_map: String,
    /// Namespaces whose pods are left alone.
    pub excluded_namespaces: Vec<String>,
    /// The controller's own namespace.
    pub controller_namespace: String,
    /// The controller's service account.
    pub controller_account: String,
}

impl Default for PolicySettings {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            missing: Missing::default(),
            name: "symbolon-workload-identity".to_owned(),
            config_map: "symbolon-workload-identity".to_owned(),
            excluded_namespaces: vec!["kube-system".to_owned()],
            controller_namespace: "symbolon-system".to_owned(),
            controller_account: "symbolon-controller".to_owned(),
        }
    }
}

/// Why the objects cannot be rendered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// In this mode there is no webhook that a pod could be left to.
    #[error("in mode `policy` there is no webhook: a pod without an entry can only be refused (`--missing deny`)")]
    NoWebhook,
    /// Where the account decides, a pod without an entry is left to the webhook, and nothing marks it.
    #[error(
        "in mode `both` with the selector `service-account-label` nothing can tell which pods to refuse: use \
         `--missing webhook`, or mode `policy`"
    )]
    Unmarked,
    /// The injection is Azure's.
    #[error("the policy injects for Azure, which is switched off")]
    NoAzure,
    /// A cloud whose accounts the policy does not read.
    #[error("{0} needs the webhook: use mode `both`")]
    Cloud(&'static str),
    /// A name that Kubernetes does not take.
    #[error("`{0}` is no name for an object")]
    Name(String),
}

/// The objects, in the order in which they are to be applied: the guard before what it guards.
///
/// # Errors
///
/// [`PolicyError`] if the settings contradict each other.
pub fn render(settings: &Settings, policy: &PolicySettings) -> Result<Vec<Value>, PolicyError> {
    policy.check(settings)?;
    let mut objects = anchor::render(policy);
    objects.extend(guard::render(policy));
    objects.extend(injection::render(settings, policy));
    if policy.missing == Missing::Deny {
        objects.extend(outcome::render(settings, policy));
    }
    Ok(objects)
}

impl PolicySettings {
    fn check(&self, settings: &Settings) -> Result<(), PolicyError> {
        for name in [&self.name, &self.config_map, &self.controller_namespace, &self.controller_account]
            .into_iter()
            .chain(&self.excluded_namespaces)
        {
            if !is_object_name(name) {
                return Err(PolicyError::Name(name.clone()));
            }
        }
        if !settings.azure {
            return Err(PolicyError::NoAzure);
        }
        if self.mode == Mode::Both {
            let is_unmarked = self.missing == Missing::Deny && settings.selector == Selector::ServiceAccountLabel;
            return if is_unmarked { Err(PolicyError::Unmarked) } else { Ok(()) };
        }
        match (self.missing, &settings.aws, &settings.gcp) {
            (Missing::Webhook, _, _) => Err(PolicyError::NoWebhook),
            (_, Some(_), _) => Err(PolicyError::Cloud("AWS")),
            (_, _, Some(_)) => Err(PolicyError::Cloud("Google Cloud")),
            _ => Ok(()),
        }
    }

    /// The user name of the controller, as the API server sees it.
    fn controller(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.controller_namespace, self.controller_account)
    }
}

/// A DNS subdomain, with room for the suffixes of the objects' names.
fn is_object_name(name: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 200 && name.split('.').all(label)
}
