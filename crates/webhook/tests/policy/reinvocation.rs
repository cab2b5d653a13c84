//! Pods that the policy meets a second time.

use kube::{Client, api::PostParams};
use serde_json::{Value, json};
use symbolon_test_cluster::TestCluster;

use crate::support::{
    CONFIG_MAP, CONTROLLER, NAMESPACE, account, account_client, apply, config_map, config_maps, dry_run, eventually,
    installed, namespace, pod,
};

/// A namespace whose account `sademo` has an entry that the API server knows.
async fn space(cluster: &TestCluster, administrator: &Client) -> String {
    let space = namespace(administrator, "reinvocation").await;
    account(administrator, &space, "sademo", &[]).await;
    let controller = config_maps(&account_client(cluster, NAMESPACE, CONTROLLER).await, &space);
    controller.create(&PostParams::default(), &config_map(CONFIG_MAP, &[("sademo", "1")])).await.unwrap();
    eventually("the entry is seen", || async { dry_run(administrator, &space, &pod("sademo")).await.is_ok() }).await;
    space
}

/// Adds a container to whatever is created in a namespace, after the injection: its name comes later.
async fn sidecar_injector(client: &Client, space: &str) {
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": format!("zz-{space}")},
        "spec": {
            "failurePolicy": "Fail", "reinvocationPolicy": "Never",
            "matchConstraints": {"resourceRules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]},
            ]},
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression":
                "[JSONPatch{op: 'add', path: '/spec/containers/-', value: Object.spec.containers{name: 'late', image: 'late'}}]",
            }}],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicyBinding",
        "metadata": {"name": format!("zz-{space}")},
        "spec": {
            "policyName": format!("zz-{space}"),
            "matchResources": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": space}}},
        },
    });
    apply(client, &policy).await;
    apply(client, &binding).await;
}

fn variables(container: &Value) -> Vec<&str> {
    container["env"].as_array().unwrap().iter().map(|variable| variable["name"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_comes_after_the_injection_gets_the_same() {
    let Some((cluster, administrator)) = installed().await else { return };
    let space = space(&cluster, &administrator).await;
    sidecar_injector(&administrator, &space).await;
    eventually("the container is added", || async {
        let stored = dry_run(&administrator, &space, &pod("sademo")).await.unwrap();
        stored["spec"]["containers"].as_array().unwrap().len() == 2
    })
    .await;
    let stored = dry_run(&administrator, &space, &pod("sademo")).await.unwrap();
    let [first, late] = stored["spec"]["containers"].as_array().unwrap().as_slice() else {
        panic!("two containers: {stored}")
    };
    assert_eq!(late["name"], "late");
    assert_eq!(variables(late), variables(first));
    assert_eq!(mounts(late), mounts(first));
}

/// By their paths: whether the API server's own mount comes before ours depends on which of its
/// plugins saw the container first.
fn mounts(container: &Value) -> Vec<Value> {
    let mut mounts = container["volumeMounts"].as_array().unwrap().clone();
    mounts.sort_by_key(|mount| mount["mountPath"].as_str().unwrap().to_owned());
    mounts
}

type Change = fn(&mut Value);

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_made_of_one_that_was_injected_is_the_same_unless_something_is_missing_in_it() {
    let Some((cluster, administrator)) = installed().await else { return };
    let space = space(&cluster, &administrator).await;
    let stored = dry_run(&administrator, &space, &pod("sademo")).await.unwrap();
    let again = |change: &dyn Fn(&mut Value)| {
        let mut copy = pod("sademo");
        copy["spec"] = stored["spec"].clone();
        change(&mut copy["spec"]);
        copy
    };
    let changes: [(&str, Change); 5] = [
        ("nothing", |_| ()),
        ("a variable", |spec| drop(spec["containers"][0]["env"].as_array_mut().unwrap().remove(0))),
        ("the token's variable", |spec| drop(spec["containers"][0]["env"].as_array_mut().unwrap().remove(2))),
        ("the mounts", |spec| drop(spec["containers"][0].as_object_mut().unwrap().remove("volumeMounts"))),
        ("the audience", |spec| {
            let volume = spec["volumes"]
                .as_array_mut()
                .unwrap()
                .iter_mut()
                .find(|volume| volume["name"].as_str().unwrap().starts_with("azure-workload-identity-reserved-"));
            volume.unwrap()["projected"]["sources"][0]["serviceAccountToken"]["audience"] = "other".into();
        }),
    ];
    for (missing, change) in changes {
        let made = dry_run(&administrator, &space, &again(&change)).await.unwrap();
        let sorted = |pod: &Value| {
            let mut names: Vec<_> = variables(&pod["spec"]["containers"][0]).into_iter().map(str::to_owned).collect();
            names.sort();
            names
        };
        assert_eq!(sorted(&made), sorted(&stored), "{missing}");
        let mounts = |pod: &Value| pod["spec"]["containers"][0]["volumeMounts"].as_array().unwrap().len();
        assert_eq!(mounts(&made), mounts(&stored), "{missing}");
        assert_eq!(made["spec"]["volumes"], stored["spec"]["volumes"], "{missing}");
    }
}
