//! Pods that were not injected.

use std::{collections::BTreeSet, time::Duration};

use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::{
    Api, Client,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};
use symbolon_webhook::controller::{ControllerSettings, HealMode};

use crate::{
    controller::{ID, settings, told},
    support::{LIVE, Running, account, apply, data, eventually, live, namespace_with},
};

fn evicting() -> ControllerSettings {
    ControllerSettings {
        heal: HealMode::Evict,
        heal_after: Duration::ZERO,
        owner_pause: Duration::from_secs(1),
        evictions_per_minute: 1000,
        ..settings("a")
    }
}

/// Pods that no policy sees when they are made.
async fn deployment(client: &Client, space: &str, replicas: u32) {
    account(client, space, "sademo", &[("client-id", ID)]).await;
    let labels = json!({"app": "a", "azure.workload.identity/use": "true"});
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "app", "namespace": space},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "a"}}, "template": {
            "metadata": {"labels": labels},
            "spec": {"serviceAccountName": "sademo", "containers": [{"name": "app", "image": "app"}]},
        }},
    });
    apply(client, &deployment).await;
    eventually("the pods are there", || async { pods(client, space).await.len() == replicas as usize }).await;
}

async fn pods(client: &Client, space: &str) -> Vec<Pod> {
    Api::<Pod>::namespaced(client.clone(), space).list(&ListParams::default()).await.unwrap().items
}

/// As if a kubelet ran it.
async fn make_ready(client: &Client, space: &str, pod: &Pod) {
    let status = json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}});
    let api = Api::<Pod>::namespaced(client.clone(), space);
    let name = pod.metadata.name.as_deref().unwrap();
    api.patch_status(name, &PatchParams::default(), &Patch::Merge(&status)).await.unwrap();
}

fn is_injected(pod: &Pod) -> bool {
    serde_json::to_string(pod).unwrap().contains("token/azure-identity-token")
}

fn uid(pod: &Pod) -> String {
    pod.metadata.uid.clone().unwrap()
}

/// From now on the policies apply.
async fn bind(client: &Client, space: &str, policies: &str) {
    let patch = json!({"metadata": {"labels": {"policies": policies}}});
    Api::<Namespace>::all(client.clone()).patch(space, &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_are_evicted_when_their_like_would_be_injected() {
    let Some((cluster, client, _one)) = live().await else { return };
    let space = namespace_with(&client, "healer", None).await;
    let running = Running::start(&cluster, evicting()).await;
    deployment(&client, &space, 3).await;
    for pod in pods(&client, &space).await {
        make_ready(&client, &space, &pod).await;
    }
    eventually("the account is known", || async {
        data(&client, &space, LIVE).await.is_some_and(|data| data.contains_key("sademo"))
    })
    .await;
    let before: BTreeSet<_> = pods(&client, &space).await.iter().map(uid).collect();
    for pod in pods(&client, &space).await {
        told(&client, &space, pod.metadata.name.as_deref().unwrap(), "NotInjected").await;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let after: BTreeSet<_> = pods(&client, &space).await.iter().map(uid).collect();
    assert_eq!(before, after, "nothing is evicted while injection does not work");

    bind(&client, &space, LIVE).await;
    let new = |pods: Vec<Pod>| pods.into_iter().filter(is_injected).collect::<Vec<_>>();
    for index in 1..=3 {
        eventually("one more is injected", || async { new(pods(&client, &space).await).len() == index }).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        let new = new(pods(&client, &space).await);
        assert_eq!(new.len(), index, "the others stay as long as it is not Ready");
        for pod in &new {
            make_ready(&client, &space, pod).await;
        }
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn disruption_budgets_hold() {
    let Some((cluster, client, _one)) = live().await else { return };
    let space = namespace_with(&client, "healer", None).await;
    let budget = json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "app", "namespace": space},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "a"}}},
    });
    apply(&client, &budget).await;
    deployment(&client, &space, 1).await;
    let pod = pods(&client, &space).await.remove(0);
    make_ready(&client, &space, &pod).await;
    bind(&client, &space, LIVE).await;
    let running = Running::start(&cluster, evicting()).await;
    told(&client, &space, pod.metadata.name.as_deref().unwrap(), "NotInjected").await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(uid(&pods(&client, &space).await[0]), uid(&pod), "the budget allows no eviction");

    let allow = json!({"spec": {"minAvailable": 0}});
    let budgets = Api::<k8s_openapi::api::policy::v1::PodDisruptionBudget>::namespaced(client.clone(), &space);
    budgets.patch("app", &PatchParams::default(), &Patch::Merge(&allow)).await.unwrap();
    eventually("it is injected", || async {
        let pods = pods(&client, &space).await;
        pods.len() == 1 && pods.iter().all(is_injected)
    })
    .await;
    running.stop().await;
}

/// The worst that can happen: every dry run is injected, and no real pod is.
async fn liar(client: &Client) {
    let name = "liar";
    let mutation: Value = json!({"patchType": "JSONPatch", "jsonPatch": {"expression": "[JSONPatch{op: 'add', path: '/spec/volumes/-', value: \
        Object.spec.volumes{name: 'token', projected: Object.spec.volumes.projected{sources: [Object.spec.volumes.projected.sources{serviceAccountToken: \
        Object.spec.volumes.projected.sources.serviceAccountToken{path: 'token/azure-identity-token', expirationSeconds: 3600, audience: 'a'}}]}}}]"}});
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicy", "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail", "reinvocationPolicy": "Never",
            "matchConstraints": {"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]}]},
            "matchConditions": [{"name": "is-a-dry-run", "expression": "request.dryRun"}],
            "mutations": [mutation],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicyBinding", "metadata": {"name": name},
        "spec": {"policyName": name, "matchResources": {"namespaceSelector": {"matchLabels": {"policies": name}}}},
    });
    apply(client, &policy).await;
    apply(client, &binding).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn evictions_of_which_nothing_comes_grow_rare() {
    let Some((cluster, client, _one)) = live().await else { return };
    liar(&client).await;
    let space = namespace_with(&client, "healer", Some("liar")).await;
    let running = Running::start(&cluster, evicting()).await;
    deployment(&client, &space, 1).await;
    let mut seen = BTreeSet::new();
    let begun = tokio::time::Instant::now();
    while begun.elapsed() < Duration::from_secs(16) {
        seen.extend(pods(&client, &space).await.iter().map(uid));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // The second comes after no second, the third after ten at the earliest, then after thirty.
    assert!((2..=3).contains(&seen.len()), "{} pods in 16 s", seen.len());
    running.stop().await;
}
