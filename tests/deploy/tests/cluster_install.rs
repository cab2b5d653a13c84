//! Installing, upgrading and uninstalling on a real API server.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test")]

use symbolon_test_cluster::TestCluster;
use symbolon_test_deploy::{Helm, chart};

const NAMESPACE: &str = "symbolon-system";
const SECRET: [&str; 4] = ["secret", "symbolon-webhook-certificate", "--namespace", NAMESPACE];
const CONFIGURATION: [&str; 2] = ["mutatingwebhookconfiguration", "symbolon-webhook"];
/// What stays when an installation with the policy is gone, as its annotation says, and why.
const KEPT: &str = "symbolon-configmap-parameters";

fn helm(cluster: &TestCluster, helm: &Helm, verb: &str, more: &[&str]) -> String {
    let chart = chart();
    let mut arguments = vec![verb, "symbolon-webhook", "--namespace", NAMESPACE];
    if verb != "uninstall" {
        arguments.push(chart.to_str().unwrap());
    }
    arguments.extend(more);
    helm.run(cluster.kubeconfig(), &arguments).unwrap()
}

fn kubectl(cluster: &TestCluster, arguments: &[&str]) -> String {
    let output = cluster.kubectl(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Writes what the webhook writes: its certificates, and its CA into its configuration.
fn as_the_webhook_does(cluster: &TestCluster) {
    let patch = r#"--patch={"data":{"tls.crt":"eA=="}}"#;
    kubectl(cluster, &[&["patch"], &SECRET[..], &["--type=merge", patch]].concat());
    let view =
        ["config", "view", "--raw", "--flatten", "--output=jsonpath={.clusters[0].cluster.certificate-authority-data}"];
    let ca = kubectl(cluster, &view);
    let patch = format!(r#"--patch=[{{"op":"add","path":"/webhooks/0/clientConfig/caBundle","value":"{ca}"}}]"#);
    kubectl(cluster, &[&["patch"], &CONFIGURATION[..], &["--type=json", &patch]].concat());
}

fn assert_that_it_is_still_there(cluster: &TestCluster) {
    assert_eq!(cluster.get_json(&SECRET).unwrap()["data"]["tls.crt"], "eA==");
    let configuration = cluster.get_json(&CONFIGURATION).unwrap();
    assert!(configuration["webhooks"][0]["clientConfig"]["caBundle"].is_string());
    assert_eq!(configuration["webhooks"][0]["failurePolicy"], "Ignore");
}

/// Names of ours that are left in the cluster and in the namespace.
fn left(cluster: &TestCluster) -> Vec<String> {
    let of_the_cluster = "mutatingwebhookconfigurations,mutatingadmissionpolicies,mutatingadmissionpolicybindings,\
        validatingadmissionpolicies,validatingadmissionpolicybindings,clusterroles,clusterrolebindings";
    let of_the_namespace = "deployments,services,secrets,serviceaccounts,roles,rolebindings,poddisruptionbudgets";
    let names = kubectl(cluster, &["get", of_the_cluster, "--output=name"])
        + &kubectl(cluster, &["get", of_the_namespace, "--namespace", NAMESPACE, "--output=name"]);
    names.lines().filter(|name| name.contains("symbolon")).map(str::to_owned).collect()
}

#[test]
fn an_upgrade_keeps_the_certificates_and_uninstalling_leaves_what_is_said() {
    let (Some(program), Some(cluster)) = (Helm::find(), TestCluster::control_plane()) else { return };
    for apply in ["--server-side=true", "--server-side=false"] {
        helm(&cluster, &program, "install", &["--create-namespace", "--set=azureTenantID=tenant,mode=both", apply]);
        as_the_webhook_does(&cluster);
        helm(&cluster, &program, "upgrade", &["--reuse-values", "--set=failurePolicy=Ignore", apply]);
        assert_that_it_is_still_there(&cluster);

        helm(&cluster, &program, "uninstall", &["--wait"]);
        let left = left(&cluster);
        assert!(left.iter().all(|name| name.ends_with(KEPT)) && left.len() == 4, "{left:?}");
    }
}

#[test]
fn applying_a_plain_manifest_again_keeps_the_certificates() {
    let Some(cluster) = TestCluster::options().start() else { return };
    let manifest = std::fs::read_to_string(chart().join("../../manifests/webhook.yaml")).unwrap();
    let manifest = manifest.replace("${AZURE_TENANT_ID}", "tenant").replace("${SYMBOLON_REGISTRY}", "localhost");
    cluster.apply(&manifest).unwrap();
    as_the_webhook_does(&cluster);
    cluster.apply(&manifest.replace("failurePolicy: Fail", "failurePolicy: Ignore")).unwrap();
    assert_that_it_is_still_there(&cluster);
}
