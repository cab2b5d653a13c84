//! What somebody who may edit a namespace, and the controller itself, cannot do.

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use serde_json::json;
use symbolon_test_cluster::TestCluster;

use crate::support::{
    CONFIG_MAP, CONTROLLER, NAMESPACE, account, account_client, apply, client_id, config_map, config_maps, create,
    dry_run, eventually, installed, namespace, pod,
};

const REFUSED: &str = "is written by system:serviceaccount:symbolon-system:symbolon-controller alone";

/// Somebody who may do everything inside a namespace.
async fn editor(cluster: &TestCluster, administrator: &Client, namespace: &str) -> Client {
    account(administrator, namespace, "editor", &[]).await;
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "editor", "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "editor", "namespace": namespace}],
    });
    apply(administrator, &binding).await;
    account_client(cluster, namespace, "editor").await
}

fn message(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_editor_of_a_namespace_cannot_say_who_its_accounts_are() {
    let Some((cluster, administrator)) = installed().await else { return };
    let space = namespace(&administrator, "attack").await;
    account(&administrator, &space, "sademo", &[]).await;
    let editor = config_maps(&editor(&cluster, &administrator, &space).await, &space);
    eventually("the editor has its rights", || async {
        editor.create(&PostParams::default(), &config_map("other", &[("a", "b")])).await.is_ok()
    })
    .await;

    let forged = config_map(CONFIG_MAP, &[("sademo", "stolen")]);
    let refused = editor.create(&PostParams::default(), &forged).await.unwrap_err();
    assert!(message(&refused).contains(REFUSED), "{refused}");

    let controller = config_maps(&account_client(&cluster, NAMESPACE, CONTROLLER).await, &space);
    controller.create(&PostParams::default(), &config_map(CONFIG_MAP, &[("sademo", "1")])).await.unwrap();
    let own = PatchParams::default();
    for patch in [
        json!({"data": {"sademo": "stolen"}}),
        json!({"metadata": {"labels": {"a": "b"}}}),
        json!({"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "a", "uid": "1"}]}}),
        json!({"metadata": {"finalizers": ["example.com/never"]}}),
        json!({"immutable": true}),
    ] {
        let refused = editor.patch(CONFIG_MAP, &own, &Patch::Merge(&patch)).await.unwrap_err();
        assert!(message(&refused).contains(REFUSED), "{patch}: {refused}");
    }
    let applied = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": CONFIG_MAP}, "data": {"sademo": "stolen"}});
    let refused =
        editor.patch(CONFIG_MAP, &PatchParams::apply("me").force(), &Patch::Apply(&applied)).await.unwrap_err();
    assert!(message(&refused).contains(REFUSED), "{refused}");
    let refused = editor.delete(CONFIG_MAP, &DeleteParams::default()).await.unwrap_err();
    assert!(message(&refused).contains(REFUSED), "{refused}");
    let refused = editor.delete_collection(&DeleteParams::default(), &ListParams::default()).await;
    assert!(refused.is_err_and(|error| message(&error).contains(REFUSED)), "a collection has no name");
    // A generated name ends in characters of which none makes the word complete, but the guard
    // does not rely on that: it reads the name that was made.
    let generated = json!({"metadata": {"generateName": "symbolon-workload-iden"}});
    let generated: ConfigMap = serde_json::from_value(generated).unwrap();
    editor.create(&PostParams::default(), &generated).await.unwrap();
    let kept = config_maps(&administrator, &space).get(CONFIG_MAP).await.unwrap();
    assert_eq!(kept.data.unwrap()["sademo"], "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn not_even_the_administrator_writes_them_by_mistake() {
    let Some((_cluster, administrator)) = installed().await else { return };
    let space = namespace(&administrator, "attack").await;
    let refused = config_maps(&administrator, &space)
        .create(&PostParams::default(), &config_map(CONFIG_MAP, &[("default", "1")]))
        .await
        .unwrap_err();
    assert!(message(&refused).contains(REFUSED), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_one_namespace_says_nothing_in_another() {
    let Some((cluster, administrator)) = installed().await else { return };
    let (mine, theirs) = (namespace(&administrator, "attack").await, namespace(&administrator, "attack").await);
    for space in [&mine, &theirs] {
        account(&administrator, space, "sademo", &[]).await;
    }
    let controller = account_client(&cluster, NAMESPACE, CONTROLLER).await;
    let written = config_map(CONFIG_MAP, &[("sademo", "theirs")]);
    config_maps(&controller, &theirs).create(&PostParams::default(), &written).await.unwrap();
    eventually("the entry is seen", || async {
        dry_run(&administrator, &theirs, &pod("sademo")).await.is_ok_and(|pod| client_id(&pod) == Some("theirs"))
    })
    .await;
    let mut request = pod("sademo");
    request["metadata"]["annotations"] = json!({"azure.workload.identity/namespace": theirs});
    let refused = dry_run(&administrator, &mine, &request).await.unwrap_err();
    assert!(refused.contains("service accounts of this namespace are not known yet"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_cannot_say_more_than_a_client_id_a_tenant_and_an_expiration() {
    let Some((cluster, administrator)) = installed().await else { return };
    let space = namespace(&administrator, "attack").await;
    account(&administrator, &space, "sademo", &[]).await;
    let controller = config_maps(&account_client(&cluster, NAMESPACE, CONTROLLER).await, &space);
    // Even if the controller were not what it should be.
    let evil = "1;authority=https://evil.example/;audience=evil;expiration=7200";
    controller.create(&PostParams::default(), &config_map(CONFIG_MAP, &[("sademo", evil)])).await.unwrap();
    let mut stored = None;
    eventually("the entry is seen", || async {
        dry_run(&administrator, &space, &pod("sademo")).await.is_ok_and(|pod| client_id(&pod) == Some("1"))
    })
    .await;
    stored.replace(dry_run(&administrator, &space, &pod("sademo")).await.unwrap());
    let text = stored.unwrap()["spec"].to_string();
    assert!(!text.contains("evil"), "{text}");
    let bad = json!({"data": {"sademo": "a\nb"}});
    let refused = controller.patch(CONFIG_MAP, &PatchParams::default(), &Patch::Merge(&bad)).await.unwrap_err();
    assert!(message(&refused).contains("an entry is"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_controller_writes_no_other_config_map_and_no_real_pod() {
    let Some((cluster, administrator)) = installed().await else { return };
    let space = namespace(&administrator, "attack").await;
    account(&administrator, &space, "sademo", &[]).await;
    let client = account_client(&cluster, NAMESPACE, CONTROLLER).await;
    let controller = config_maps(&client, &space);
    let refused = controller.create(&PostParams::default(), &config_map("other", &[])).await.unwrap_err();
    assert!(message(&refused).contains("the controller writes no ConfigMap but"), "{refused}");
    let refused = controller.get("kube-root-ca.crt").await.unwrap_err();
    assert!(message(&refused).contains("cannot get resource"), "{refused}");
    let refused = controller.list(&ListParams::default()).await.unwrap_err();
    assert!(message(&refused).contains("cannot list resource"), "{refused}");

    let mut plain = pod("sademo");
    plain["metadata"]["labels"] = json!({});
    let refused = create(&client, &space, &plain, false).await.unwrap_err();
    assert!(refused.contains("creates pods only as a dry run"), "{refused}");
    create(&client, &space, &plain, true).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_can_still_be_deleted() {
    let Some((cluster, administrator)) = installed().await else { return };
    let space = namespace(&administrator, "attack").await;
    let controller = config_maps(&account_client(&cluster, NAMESPACE, CONTROLLER).await, &space);
    controller.create(&PostParams::default(), &config_map(CONFIG_MAP, &[("default", "")])).await.unwrap();
    let namespaces = Api::<Namespace>::all(administrator.clone());
    namespaces.delete(&space, &DeleteParams::default()).await.unwrap();
    eventually("it is gone", || async { namespaces.get_opt(&space).await.unwrap().is_none() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_without_the_label_gets_nothing_and_a_refusal_cannot_be_brought_along() {
    let Some((cluster, administrator)) = installed().await else { return };
    let space = namespace(&administrator, "attack").await;
    account(&administrator, &space, "sademo", &[]).await;
    let controller = config_maps(&account_client(&cluster, NAMESPACE, CONTROLLER).await, &space);
    controller.create(&PostParams::default(), &config_map(CONFIG_MAP, &[("sademo", "1")])).await.unwrap();
    let mut plain = pod("sademo");
    plain["metadata"]["labels"] = json!({"azure.workload.identity/use": "false"});
    let stored = dry_run(&administrator, &space, &plain).await.unwrap();
    assert_eq!(client_id(&stored), None);
    // Whoever writes the annotation himself is refused with his own words, and nobody else.
    let mut marked = pod("sademo");
    marked["metadata"]["annotations"] = json!({"azure.workload.identity/refusal": "mine"});
    let refused = dry_run(&administrator, &space, &marked).await.unwrap_err();
    assert!(refused.contains("denied request: mine"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_of_many_containers_and_variables_are_within_the_limits_of_cel() {
    let Some((cluster, administrator)) = installed().await else { return };
    let space = namespace(&administrator, "attack").await;
    account(&administrator, &space, "sademo", &[]).await;
    let controller = config_maps(&account_client(&cluster, NAMESPACE, CONTROLLER).await, &space);
    let many: Vec<_> = (0..20_000).map(|index| (format!("account-{index:05}"), "1".repeat(36))).collect();
    let mut entries: Vec<_> = many.iter().map(|(name, entry)| (name.as_str(), entry.as_str())).collect();
    entries.push(("sademo", "1"));
    controller.create(&PostParams::default(), &config_map(CONFIG_MAP, &entries)).await.unwrap();
    eventually("the entry is seen", || async { dry_run(&administrator, &space, &pod("sademo")).await.is_ok() }).await;
    for (containers, variables, mounts) in [(200, 5, 5), (1, 10_000, 3), (20, 500, 50)] {
        let mut large = pod("sademo");
        let container = |index: usize| {
            let env: Vec<_> = (0..variables).map(|index| json!({"name": format!("V{index}"), "value": "1"})).collect();
            let mounts: Vec<_> =
                (0..mounts).map(|index| json!({"name": "data", "mountPath": format!("/data/azure/{index}")})).collect();
            json!({"name": format!("c{index}"), "image": "app", "env": env, "volumeMounts": mounts})
        };
        large["spec"]["containers"] = (0..containers).map(container).collect();
        large["spec"]["volumes"] = json!([{"name": "data", "emptyDir": {}}]);
        let stored = dry_run(&administrator, &space, &large)
            .await
            .unwrap_or_else(|error| panic!("{containers}: {}", &error[..error.len().min(300)]));
        let last = &stored["spec"]["containers"][containers - 1];
        assert_eq!(last["env"].as_array().unwrap().len(), variables + 4);
        assert_eq!(last["volumeMounts"].as_array().unwrap().len(), mounts + 2);
    }
}
