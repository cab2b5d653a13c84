//! What the controller keeps.

use std::{collections::BTreeMap, time::Duration};

use futures_util::{StreamExt as _, stream};
use k8s_openapi::api::{
    batch::v1::CronJob,
    core::v1::{ConfigMap, Namespace},
    events::v1::Event,
};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use serde_json::json;
use symbolon_webhook::controller::ControllerSettings;

use crate::support::{
    LIVE, NAMESPACE, Running, account, account_client, apply, client_id, data, delete_account, dry_run, eventually,
    live, namespace_with, pod,
};

/// A client id about which there is nothing to say.
pub(crate) const ID: &str = "11111111-2222-3333-4444-555555555555";

pub(crate) fn settings(identity: &str) -> ControllerSettings {
    ControllerSettings {
        config_map: LIVE.to_owned(),
        advice_interval: Some(Duration::from_secs(1)),
        ..ControllerSettings::new(identity)
    }
}

fn entries(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, entry)| ((*name).to_owned(), (*entry).to_owned())).collect()
}

async fn holds(client: &Client, space: &str, pairs: &[(&str, &str)]) -> Duration {
    let expected = Some(entries(pairs));
    eventually(&format!("{space} holds {pairs:?}"), || async { data(client, space, LIVE).await == expected }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_written_down_as_they_come_change_and_go() {
    let Some((cluster, client, _one)) = live().await else { return };
    let running = Running::start(&cluster, settings("a")).await;
    let space = namespace_with(&client, "controller", Some(LIVE)).await;
    holds(&client, &space, &[("default", "")]).await;
    account(&client, &space, "sademo", &[]).await;
    holds(&client, &space, &[("default", ""), ("sademo", "")]).await;
    account(
        &client,
        &space,
        "sademo",
        &[("client-id", "1"), ("tenant-id", "t"), ("service-account-token-expiration", "7200")],
    )
    .await;
    holds(&client, &space, &[("default", ""), ("sademo", "1;tenant=t;expiration=7200")]).await;
    // What one cannot pass on is left out, and its author is told.
    account(&client, &space, "odd", &[("client-id", "1;tenant=2")]).await;
    told(&client, &space, "odd", "NoEntry").await;
    delete_account(&client, &space, "sademo").await;
    holds(&client, &space, &[("default", "")]).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_account_is_known_to_the_policy_within_moments() {
    let Some((cluster, client, _one)) = live().await else { return };
    let running = Running::start(&cluster, settings("a")).await;
    let space = namespace_with(&client, "controller", Some(LIVE)).await;
    holds(&client, &space, &[("default", "")]).await;
    let (mut written, mut seen) = (Vec::new(), Vec::new());
    for index in 0..30 {
        let (name, id) = (format!("sa-{index}"), format!("00000000-0000-0000-0000-{index:012}"));
        account(&client, &space, &name, &[("client-id", &id)]).await;
        let begun = tokio::time::Instant::now();
        eventually("written", || async {
            data(&client, &space, LIVE).await.is_some_and(|data| data.contains_key(&name))
        })
        .await;
        written.push(begun.elapsed());
        let request = pod(&name);
        eventually("seen by the policy", || async {
            dry_run(&client, &space, &request).await.is_ok_and(|pod| client_id(&pod) == Some(&id))
        })
        .await;
        seen.push(begun.elapsed());
    }
    for (what, times) in [("written", &mut written), ("seen by the policy", &mut seen)] {
        times.sort();
        println!("a new account is {what} after {:?} (median), {:?} (longest of 30)", times[15], times[29]);
        assert!(times[15] < Duration::from_millis(500), "{times:?}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_change_is_repaired() {
    let Some((cluster, client, _one)) = live().await else { return };
    let running = Running::start(&cluster, settings("a")).await;
    let space = namespace_with(&client, "controller", Some(LIVE)).await;
    holds(&client, &space, &[("default", "")]).await;
    // Only its own account can write, so this is it, as if a bug or a stolen token had written.
    let own = account_client(&cluster, NAMESPACE, LIVE).await;
    let config_maps = Api::<ConfigMap>::namespaced(own, &space);
    for patch in [
        json!({"data": {"default": "changed"}}),
        json!({"data": {"extra": "1", "default": null}}),
        json!({"metadata": {"labels": null}, "data": {"default": "1"}}),
    ] {
        config_maps.patch(LIVE, &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
        holds(&client, &space, &[("default", "")]).await;
    }
    config_maps.delete(LIVE, &DeleteParams::default()).await.unwrap();
    holds(&client, &space, &[("default", "")]).await;
    // One that cannot be changed is made anew.
    config_maps.patch(LIVE, &PatchParams::default(), &Patch::Merge(&json!({"immutable": true}))).await.unwrap();
    account(&client, &space, "sademo", &[]).await;
    holds(&client, &space, &[("default", ""), ("sademo", "")]).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_while_it_was_away_is_caught_up() {
    let Some((cluster, client, _one)) = live().await else { return };
    let running = Running::start(&cluster, settings("a")).await;
    let space = namespace_with(&client, "controller", Some(LIVE)).await;
    account(&client, &space, "goes", &[]).await;
    holds(&client, &space, &[("default", ""), ("goes", "")]).await;
    running.stop().await;
    delete_account(&client, &space, "goes").await;
    account(&client, &space, "comes", &[("client-id", "1")]).await;
    let running = Running::start(&cluster, settings("b")).await;
    holds(&client, &space, &[("comes", "1"), ("default", "")]).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_replica_takes_over_when_the_first_dies() {
    let Some((cluster, client, _one)) = live().await else { return };
    let first = Running::start(&cluster, settings("a")).await;
    let space = namespace_with(&client, "controller", Some(LIVE)).await;
    holds(&client, &space, &[("default", "")]).await;
    let second = Running::start(&cluster, settings("b")).await;
    first.kill();
    account(&client, &space, "sademo", &[("client-id", "1")]).await;
    let took = holds(&client, &space, &[("default", ""), ("sademo", "1")]).await;
    println!("taken over after {took:?}, with a lease of 3 s");
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_accounts_is_written_in_few_steps() {
    let Some((cluster, client, _one)) = live().await else { return };
    let running = Running::start(&cluster, settings("a")).await;
    let space = namespace_with(&client, "controller", Some(LIVE)).await;
    holds(&client, &space, &[("default", "")]).await;
    let names: Vec<_> = (0..500).map(|index| format!("sa-{index:03}")).collect();
    stream::iter(&names)
        .map(|name| account(&client, &space, name, &[("client-id", ID)]))
        .buffer_unordered(32)
        .collect::<Vec<()>>()
        .await;
    eventually("all are written", || async { data(&client, &space, LIVE).await.is_some_and(|data| data.len() == 501) })
        .await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_is_deleted_is_left_alone() {
    let Some((cluster, client, _one)) = live().await else { return };
    let running = Running::start(&cluster, settings("a")).await;
    let space = namespace_with(&client, "controller", Some(LIVE)).await;
    holds(&client, &space, &[("default", "")]).await;
    let namespaces = Api::<Namespace>::all(client.clone());
    namespaces.delete(&space, &DeleteParams::default()).await.unwrap();
    eventually("it is gone", || async { namespaces.get_opt(&space).await.unwrap().is_none() }).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn authors_are_told_of_their_mistakes() {
    let Some((cluster, client, _one)) = live().await else { return };
    let running = Running::start(&cluster, settings("a")).await;
    let space = namespace_with(&client, "controller", Some(LIVE)).await;
    account(&client, &space, "odd", &[("client-id", "sademo"), ("service-account-token-expiration", "60")]).await;
    told(&client, &space, "odd", "MalformedClientId").await;
    told(&client, &space, "odd", "MalformedTokenExpiration").await;

    let labels = json!({"azure.workload.identity/use": "true"});
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "misplaced", "namespace": space, "labels": labels},
        "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "a"}}, "template": {
            "metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "app", "image": "app"}]},
        }},
    });
    apply(&client, &deployment).await;
    told(&client, &space, "misplaced", "LabelMisplaced").await;

    let labelled = json!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": "labelled", "namespace": space, "labels": labels, "annotations": {"azure.workload.identity/client-id": "1"}},
    });
    apply(&client, &labelled).await;
    let plain = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "plain", "namespace": space},
        "spec": {"serviceAccountName": "labelled", "containers": [{"name": "app", "image": "app"}]},
    });
    apply(&client, &plain).await;
    told(&client, &space, "plain", "LabelMisplaced").await;

    let mut without = pod("default");
    without["metadata"]["name"] = "without".into();
    crate::support::create(&client, &space, &without, false).await.unwrap();
    told(&client, &space, "without", "NoClientId").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_are_looked_at_on_all_pages_of_a_list() {
    let Some((cluster, client, _one)) = live().await else { return };
    let space = namespace_with(&client, "controller", Some(LIVE)).await;
    // A page has 500.
    let names: Vec<_> = (0..501).map(|index| format!("right-{index:03}")).collect();
    stream::iter(&names)
        .map(|name| cron_job(&client, &space, name, true))
        .buffer_unordered(32)
        .collect::<Vec<()>>()
        .await;
    cron_job(&client, &space, "wrong", false).await;
    let running = Running::start(&cluster, settings("a")).await;
    told(&client, &space, "wrong", "LabelMisplaced").await;
    running.stop().await;
    let all = (DeleteParams::background(), ListParams::default());
    Api::<CronJob>::namespaced(client, &space).delete_collection(&all.0, &all.1).await.unwrap();
}

/// One that never runs and has the label, where it counts too if its pods have it.
async fn cron_job(client: &Client, space: &str, name: &str, is_right: bool) {
    let labels = json!({"azure.workload.identity/use": "true"});
    let pod_labels = if is_right { labels.clone() } else { json!({}) };
    let pod = json!({
        "metadata": {"labels": pod_labels},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "app", "image": "app"}]},
    });
    let cron_job = json!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": name, "namespace": space, "labels": labels},
        "spec": {"schedule": "0 0 1 1 *", "suspend": true, "jobTemplate": {"spec": {"template": pod}}},
    });
    apply(client, &cron_job).await;
}

/// Waits for an Event about an object.
pub(crate) async fn told(client: &Client, space: &str, name: &str, reason: &str) {
    let events = Api::<Event>::namespaced(client.clone(), space);
    eventually(&format!("{name} is told of {reason}"), || async {
        let list = events.list(&ListParams::default()).await.unwrap();
        list.items.iter().any(|event| {
            event.reason.as_deref() == Some(reason)
                && event.regarding.as_ref().and_then(|object| object.name.as_deref()) == Some(name)
        })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_there_before_is_taken_over() {
    let Some((cluster, client, _one)) = live().await else { return };
    let space = namespace_with(&client, "controller", Some(LIVE)).await;
    let own = Api::<ConfigMap>::namespaced(account_client(&cluster, NAMESPACE, LIVE).await, &space);
    let foreign = serde_json::from_value(json!({"metadata": {"name": LIVE}, "data": {"default": "forged"}})).unwrap();
    own.create(&PostParams::default(), &foreign).await.unwrap();
    let running = Running::start(&cluster, settings("a")).await;
    holds(&client, &space, &[("default", "")]).await;
    running.stop().await;
}
