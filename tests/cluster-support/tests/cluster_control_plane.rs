//! The control plane of a test cluster, as tests of other crates use it.

#![expect(clippy::unwrap_used, reason = "a failed helper is a failed test")]

use std::{fs, path::Path};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rcgen::PublicKeyData as _;
use serde_json::Value;
use symbolon_jose::{JwkSet, Unverified, VerificationKeys};
use symbolon_test_cluster::TestCluster;

const AUDIENCE: &str = "api://AzureADTokenExchange";

#[test]
fn the_control_plane_comes_up_and_takes_objects() {
    let Some(cluster) = TestCluster::control_plane() else { return };
    cluster.apply("{apiVersion: v1, kind: Namespace, metadata: {name: shop}}").unwrap();
    let namespace = cluster.get_json(&["namespace", "shop"]).unwrap();
    assert_eq!(namespace["status"]["phase"], "Active");
}

#[test]
fn pods_can_be_made_at_once() {
    let Some(cluster) = TestCluster::control_plane() else { return };
    let pod = "{apiVersion: v1, kind: Pod, metadata: {name: early}, spec: {containers: [{name: a, image: a}]}}";
    cluster.apply(pod).unwrap();
    let pod = cluster.get_json(&["pod", "early"]).unwrap();
    assert_eq!(pod["spec"]["serviceAccountName"], "default");
}

#[test]
fn the_controllers_work() {
    let Some(cluster) = TestCluster::control_plane() else { return };
    let deployment = "
        {apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {
          selector: {matchLabels: {app: web}},
          template: {metadata: {labels: {app: web}}, spec: {containers: [{name: a, image: a}]}}}}";
    cluster.apply(deployment).unwrap();
    let made = ["wait", "--for=create", "pod", "--selector", "app=web", "--timeout=300s"];
    succeeds(&cluster, &made);
}

#[test]
fn everyone_may_read_the_discovery_document() {
    let Some(cluster) = TestCluster::control_plane() else { return };
    let document: Value = serde_json::from_str(&anonymously(&cluster, "/.well-known/openid-configuration")).unwrap();
    assert_eq!(document["issuer"], cluster.issuer());
    assert_eq!(document["jwks_uri"], format!("{}/openid/v1/jwks", cluster.server()));
}

#[test]
fn a_token_verifies_against_the_published_keys() {
    let Some(cluster) = TestCluster::control_plane() else { return };
    let token = cluster.token("default", "default", AUDIENCE).unwrap();
    let (_, claims) = verified(&cluster, &token);
    assert_eq!(claims["iss"], cluster.issuer());
    assert_eq!(claims["sub"], "system:serviceaccount:default:default");
    assert_eq!(claims["aud"][0], AUDIENCE);
}

#[test]
fn issuer_and_signing_key_can_be_chosen() {
    let directory = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let file = directory.path().join("key.pem");
    fs::write(&file, key.serialize_pem()).unwrap();
    let options = TestCluster::options().issuer("https://issuer.example/one").signing_key(&file);
    let Some(cluster) = options.start() else { return };

    assert_eq!(cluster.issuer(), "https://issuer.example/one");
    let token = cluster.token("default", "default", AUDIENCE).unwrap();
    let (published, claims) = verified(&cluster, &token);
    assert_eq!(claims["iss"], "https://issuer.example/one");
    // The point of an uncompressed key is a 4 and the two coordinates.
    let (x, y) = key.der_bytes()[1..].split_at(32);
    assert_eq!(published["keys"][0]["x"], URL_SAFE_NO_PAD.encode(x));
    assert_eq!(published["keys"][0]["y"], URL_SAFE_NO_PAD.encode(y));
}

#[test]
fn mutating_admission_policies_are_served() {
    let Some(cluster) = TestCluster::control_plane() else { return };
    let resources = cluster.get_raw("/apis/admissionregistration.k8s.io/v1").unwrap();
    assert!(resources.contains("\"mutatingadmissionpolicies\""), "{resources}");
}

#[test]
fn what_is_off_can_be_turned_on() {
    let options = TestCluster::options()
        .feature_gate("ClusterTrustBundle", true)
        .api_server_argument("--runtime-config=certificates.k8s.io/v1beta1=true");
    let Some(cluster) = options.start() else { return };
    let resources = cluster.get_raw("/apis/certificates.k8s.io/v1beta1").unwrap();
    assert!(resources.contains("\"clustertrustbundles\""), "{resources}");
}

#[test]
fn the_api_server_can_be_away_and_comes_back_with_everything() {
    let Some(cluster) = TestCluster::options().start() else { return };
    cluster.apply("{apiVersion: v1, kind: Namespace, metadata: {name: kept}}").unwrap();
    cluster.stop_api_server().unwrap();
    assert!(cluster.get_raw("/readyz").is_err());
    cluster.start_api_server().unwrap();
    assert_eq!(cluster.get_json(&["namespace", "kept"]).unwrap()["metadata"]["name"], "kept");
    cluster.restart_api_server().unwrap();
    assert_eq!(cluster.get_raw("/readyz").unwrap(), "ok");
}

#[test]
fn two_clusters_do_not_meet() {
    let (Some(one), Some(other)) = (TestCluster::options().start(), TestCluster::options().start()) else { return };
    assert_ne!(one.server(), other.server());
    one.apply("{apiVersion: v1, kind: Namespace, metadata: {name: here}}").unwrap();
    assert!(one.get_json(&["namespace", "here"]).is_ok());
    assert!(other.get_json(&["namespace", "here"]).is_err());
}

#[test]
fn what_keeps_a_part_from_starting_is_said() {
    let started = TestCluster::options().api_server_argument("--no-such-flag").try_start();
    let Some(error) = started.map(|cluster| assert!(cluster.is_none())).err() else { return };
    let text = error.to_string();
    assert!(text.contains("kube-apiserver ended"), "{text}");
    assert!(text.contains("unknown flag: --no-such-flag"), "{text}");
}

#[test]
fn the_kubeconfig_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(cluster) = TestCluster::control_plane() else { return };
    if !cluster.is_external() {
        let mode = fs::metadata(cluster.kubeconfig()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

/// What the server answers one who does not say who they are.
fn anonymously(cluster: &TestCluster, path: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let (ca, nobody) = (directory.path().join("ca.crt"), directory.path().join("kubeconfig"));
    fs::write(&ca, cluster.ca_pem()).unwrap();
    fs::write(&nobody, kubeconfig(cluster.server(), &ca)).unwrap();
    let mut command = cluster.kubectl_command::<&Path>(&[]);
    let output = command.arg("--kubeconfig").arg(nobody).args(["get", "--raw", path]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A kubeconfig of nobody. kubectl would ask for a user's name; Kubernetes does not look at one that
/// comes with a password, since it knows no passwords.
fn kubeconfig(server: &str, ca: &Path) -> String {
    format!(
        "{{apiVersion: v1, kind: Config, current-context: c,
          clusters: [{{name: c, cluster: {{server: '{server}', certificate-authority: '{}'}}}}],
          users: [{{name: c, user: {{username: nobody, password: nothing}}}}],
          contexts: [{{name: c, context: {{cluster: c, user: c}}}}]}}",
        ca.display()
    )
}

/// The published keys, and the claims of a token that one of them signed.
fn verified(cluster: &TestCluster, token: &str) -> (Value, Value) {
    let published = anonymously(cluster, "/openid/v1/jwks");
    let keys = VerificationKeys::new(&JwkSet::parse(published.as_bytes(), 100).unwrap());
    let unverified = Unverified::parse(token).unwrap();
    let kid = unverified.header().kid().unwrap().to_owned();
    let claims = unverified.verify(keys.get(&kid).unwrap()).unwrap().claims().unwrap();
    (serde_json::from_str(&published).unwrap(), claims)
}

fn succeeds(cluster: &TestCluster, arguments: &[&str]) {
    let output = cluster.kubectl(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
