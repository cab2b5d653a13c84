//! A real API server takes everything that is rendered.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test")]

use std::{fs, process::Stdio};

use symbolon_test_cluster::TestCluster;
use symbolon_test_deploy::{goldens, workspace};

const NAMESPACE: &str = "{apiVersion: v1, kind: Namespace, metadata: {name: symbolon-system, labels: {
    pod-security.kubernetes.io/enforce: restricted, pod-security.kubernetes.io/warn: restricted}}}";
/// Kinds of other projects; of these only the names are known.
const FOREIGN: [(&str, &str, &str); 3] = [
    ("monitoring.coreos.com", "ServiceMonitor", "servicemonitors"),
    ("cert-manager.io", "Certificate", "certificates"),
    ("cert-manager.io", "Issuer", "issuers"),
];

#[test]
fn the_api_server_takes_every_golden_file_and_manifest() {
    let Some(cluster) = TestCluster::control_plane() else { return };
    cluster.apply(NAMESPACE).unwrap();
    for (group, kind, plural) in FOREIGN {
        cluster.apply(&definition(group, kind, plural)).unwrap();
        let name = format!("crd/{plural}.{group}");
        let output = cluster.kubectl(&["wait", "--for=condition=Established", "--timeout=30s", &name]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    for golden in goldens().unwrap() {
        let warns = golden.name() == "host-network";
        dry_run(&cluster, golden.name(), &golden.content, warns);
    }
    for name in ["webhook", "policy", "both"] {
        let path = workspace().join(format!("deploy/manifests/{name}.yaml"));
        let manifest = fs::read_to_string(path).unwrap();
        let manifest = manifest.replace("${AZURE_TENANT_ID}", "tenant").replace("${SYMBOLON_REGISTRY}", "localhost");
        assert!(!manifest.contains("${"), "the manifest of mode {name} has more placeholders than are documented");
        dry_run(&cluster, name, &manifest, false);
    }
}

/// Applies without storing, and expects no word of warning: of the pod security profile, of
/// deprecated fields, of names that stand twice.
fn dry_run(cluster: &TestCluster, name: &str, manifest: &str, warns: bool) {
    let mut command = cluster.kubectl_command(&["apply", "--dry-run=server", "--filename", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), manifest.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {said}");
    assert_eq!(said.contains("Warning:"), warns, "{name}: {said}");
}

fn definition(group: &str, kind: &str, plural: &str) -> String {
    format!(
        "{{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {{name: {plural}.{group}}},
          spec: {{group: {group}, scope: Namespaced, names: {{kind: {kind}, plural: {plural}}}, versions: [{{
            name: v1, served: true, storage: true,
            schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}}}]}}}}"
    )
}
