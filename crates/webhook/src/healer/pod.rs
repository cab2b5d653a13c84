//! What the healer looks at in a pod.

use std::borrow::Cow;

use jiff::Timestamp;
use k8s_openapi::{
    NamespaceResourceScope,
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference},
};
use kube::{Resource, api::Evict};
use serde::Deserialize;

use crate::controller::events::About;

/// Owners that make a pod again, as it was meant.
const HEALING: [&str; 4] = ["ReplicaSet", "StatefulSet", "DaemonSet", "ReplicationController"];

/// Where the token lies in its volume, in either layout.
const TOKEN_PATHS: [&str; 2] = ["token/azure-identity-token", "azure-identity-token"];

/// A pod, as far as it is read here.
///
/// The type library's pod is a thousand fields, whose reading would be a tenth of the whole program.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Pod {
    pub(super) metadata: ObjectMeta,
    spec: Option<PodSpec>,
    status: Option<PodStatus>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PodSpec {
    service_account_name: Option<String>,
    containers: Option<Vec<Container>>,
    volumes: Option<Vec<Volume>>,
}

#[derive(Clone, Debug, Deserialize)]
struct PodStatus {
    phase: Option<String>,
    conditions: Option<Vec<Condition>>,
}

#[derive(Clone, Debug, Deserialize)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Container {
    env: Option<Vec<Variable>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Variable {
    name: String,
    value: Option<String>,
    value_from: Option<serde::de::IgnoredAny>,
}

#[derive(Clone, Debug, Deserialize)]
struct Volume {
    projected: Option<Projected>,
}

#[derive(Clone, Debug, Deserialize)]
struct Projected {
    sources: Option<Vec<Source>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Source {
    service_account_token: Option<TokenSource>,
}

#[derive(Clone, Debug, Deserialize)]
struct TokenSource {
    path: String,
}

impl Evict for Pod {}

impl Resource for Pod {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        "Pod".into()
    }

    fn group((): &()) -> Cow<'_, str> {
        "".into()
    }

    fn version((): &()) -> Cow<'_, str> {
        "v1".into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        "pods".into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// A pod that may need something.
#[derive(Clone, Debug)]
pub(super) struct Tracked {
    pub(super) about: About,
    pub(super) owner: Option<About>,
    pub(super) account: String,
    pub(super) created: Timestamp,
    pub(super) is_injected: bool,
    /// Whether it does its work, as far as its probes tell.
    pub(super) is_ready: bool,
    /// Whether it takes its client id from its account, if that has one.
    pub(super) lacks_client_id: bool,
}

/// What a pod is to the healer.
pub(super) enum Seen {
    /// It has ended, is being deleted, is a node's own, or was opted out by its author.
    Over,
    /// It runs or will.
    Running(Box<Tracked>),
}

impl Tracked {
    /// The owner's uid, if it makes the pod again.
    pub(super) fn healing_owner(&self) -> Option<&str> {
        let owner = self.owner.as_ref()?;
        HEALING.contains(&owner.kind.as_str()).then_some(owner.uid.as_str())
    }
}

pub(super) fn look_at(pod: &Pod) -> Seen {
    let metadata = &pod.metadata;
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default();
    let annotations = metadata.annotations.as_ref();
    let is_mirror = annotations.is_some_and(|annotations| annotations.contains_key("kubernetes.io/config.mirror"));
    let Some(spec) = &pod.spec else { return Seen::Over };
    if metadata.deletion_timestamp.is_some() || matches!(phase, "Succeeded" | "Failed") || is_mirror || opts_out(pod) {
        return Seen::Over;
    }
    let names_client = annotations
        .and_then(|annotations| annotations.get("azure.workload.identity/client-id"))
        .is_some_and(|value| !value.is_empty());
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    let owners = metadata.owner_references.iter().flatten();
    let owner = owners.filter(|owner| owner.controller == Some(true)).map(|owner| about(owner, namespace)).next();
    Seen::Running(Box::new(Tracked {
        about: About::new("v1", "Pod", metadata),
        owner,
        account: spec
            .service_account_name
            .clone()
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| "default".to_owned()),
        created: metadata.creation_timestamp.as_ref().map_or(Timestamp::UNIX_EPOCH, |time| time.0),
        is_injected: is_injected(spec),
        is_ready: is_ready(pod),
        lacks_client_id: !names_client && !spec.containers.iter().flatten().all(sets_client_id),
    }))
}

/// Whether its author wants no identity for it, where the account's label decides.
///
/// Where the pod's own label decides, it has to be `true` anyway.
fn opts_out(pod: &Pod) -> bool {
    let label = pod.metadata.labels.as_ref().and_then(|labels| labels.get("azure.workload.identity/use"));
    label.is_some_and(|value| value.eq_ignore_ascii_case("false"))
}

fn is_ready(pod: &Pod) -> bool {
    let mut conditions = pod.status.iter().flat_map(|status| &status.conditions).flatten();
    conditions.any(|condition| condition.kind == "Ready" && condition.status == "True")
}

fn about(owner: &OwnerReference, namespace: &str) -> About {
    About {
        api_version: owner.api_version.clone(),
        kind: owner.kind.clone(),
        namespace: namespace.to_owned(),
        name: owner.name.clone(),
        uid: owner.uid.clone(),
    }
}

/// Whether a pod has the token, by what it is and not by a volume's name.
pub(super) fn is_injected(spec: &PodSpec) -> bool {
    let sources = spec.volumes.iter().flatten().filter_map(|volume| volume.projected.as_ref()?.sources.as_ref());
    let mut tokens = sources.flatten().filter_map(|source| source.service_account_token.as_ref());
    tokens.any(|token| TOKEN_PATHS.contains(&token.path.as_str()))
}

/// Whether a container's client id is its author's.
fn sets_client_id(container: &Container) -> bool {
    container.env.iter().flatten().any(|variable| variable.name == "AZURE_CLIENT_ID" && !is_empty(variable))
}

fn is_empty(variable: &Variable) -> bool {
    variable.value_from.is_none() && variable.value.as_deref().unwrap_or_default().is_empty()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(value: serde_json::Value) -> Pod {
        serde_json::from_value(value).unwrap()
    }

    fn tracked(value: serde_json::Value) -> Option<Tracked> {
        match look_at(&pod(value)) {
            Seen::Over => None,
            Seen::Running(tracked) => Some(*tracked),
        }
    }

    #[test]
    fn pods_that_ended_and_those_of_a_node_are_left_alone() {
        let spec = json!({"containers": [{"name": "a"}]});
        assert!(tracked(json!({"metadata": {}, "spec": spec, "status": {"phase": "Succeeded"}})).is_none());
        let mirror = json!({"annotations": {"kubernetes.io/config.mirror": "1"}});
        assert!(tracked(json!({"metadata": mirror, "spec": spec})).is_none());
        let gone = json!({"deletionTimestamp": "2026-01-01T00:00:00Z"});
        assert!(tracked(json!({"metadata": gone, "spec": spec})).is_none());
        assert!(tracked(json!({"metadata": {}, "spec": spec})).is_some());
    }

    #[test]
    fn pods_that_were_opted_out_are_left_alone() {
        for (value, is_tracked) in [("false", false), ("False", false), ("true", true), ("", true)] {
            let metadata = json!({"labels": {"azure.workload.identity/use": value}});
            let found = tracked(json!({"metadata": metadata, "spec": {"containers": []}}));
            assert_eq!(found.is_some(), is_tracked, "{value}");
        }
    }

    #[test]
    fn only_the_condition_makes_a_pod_ready() {
        let ready = |status: serde_json::Value| {
            tracked(json!({"metadata": {}, "spec": {"containers": []}, "status": status})).unwrap().is_ready
        };
        assert!(ready(
            json!({"conditions": [{"type": "Initialized", "status": "True"}, {"type": "Ready", "status": "True"}]})
        ));
        assert!(!ready(json!({"conditions": [{"type": "Ready", "status": "False"}]})));
        assert!(!ready(json!({"phase": "Running"})));
        assert!(!ready(json!({})));
    }

    #[test]
    fn only_owners_that_make_the_pod_again_count() {
        let owned = |kind: &str, controller: bool| {
            let owner = json!({"apiVersion": "v1", "kind": kind, "name": "a", "uid": "7", "controller": controller});
            tracked(json!({"metadata": {"ownerReferences": [owner]}, "spec": {"containers": []}})).unwrap()
        };
        assert_eq!(owned("ReplicaSet", true).healing_owner(), Some("7"));
        assert_eq!(owned("ReplicaSet", false).healing_owner(), None);
        assert_eq!(owned("Job", true).healing_owner(), None);
        assert_eq!(owned("Node", true).healing_owner(), None);
    }

    #[test]
    fn a_token_in_either_layout_is_an_injection() {
        for (path, expected) in [("token/azure-identity-token", true), ("azure-identity-token", true), ("token", false)]
        {
            let source = json!({"serviceAccountToken": {"path": path}});
            let volume = json!({"name": "v", "projected": {"sources": [source]}});
            let found = tracked(json!({"metadata": {}, "spec": {"containers": [], "volumes": [volume]}})).unwrap();
            assert_eq!(found.is_injected, expected, "{path}");
        }
    }
}
