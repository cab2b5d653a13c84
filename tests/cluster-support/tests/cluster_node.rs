//! A test cluster with a node, as tests of other crates use it.

#![expect(clippy::unwrap_used, reason = "a failed helper is a failed test")]

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use symbolon_test_cluster::TestCluster;

/// The image that is in every cluster of ours: a program that serves a text, gets a URL or prints a
/// file.
const IMAGE: &str = "localhost/inpod:1";

#[test]
fn a_pod_runs_and_its_log_can_be_read() {
    let Some(cluster) = cluster() else { return };
    run(&cluster, "speaks", "serve :8080 hello", "");
    assert!(until(|| said(&cluster, &["logs", "speaks"])).contains("serving at :8080"));
}

#[test]
fn a_service_is_reached_from_this_machine_and_from_pods() {
    let Some(cluster) = cluster() else { return };
    run(&cluster, "server", "serve :8080 served", "");
    run(&cluster, "asker", "", "");
    let service = "
        {apiVersion: v1, kind: Service, metadata: {name: server},
         spec: {selector: {app: server}, ports: [{port: 80, targetPort: 8080}]}}";
    cluster.apply(service).unwrap();
    let service = cluster.get_json(&["service", "server"]).unwrap();
    let address = service["spec"]["clusterIP"].as_str().unwrap();

    // As the API server calls webhooks.
    assert!(until(|| get(&format!("{address}:80"))).ends_with("served\n"));
    let url = format!("http://{address}/");
    assert_eq!(until(|| said(&cluster, &["exec", "asker", "--", "/inpod", "get", &url])), "served\n");
    let through = "/api/v1/namespaces/default/services/server:80/proxy/";
    assert_eq!(until(|| cluster.get_raw(through).ok()), "served\n");
}

#[test]
fn the_api_server_calls_a_webhook_in_a_pod_by_its_service() {
    let Some(cluster) = cluster() else { return };
    let made = rcgen::generate_simple_self_signed(vec!["refuser.default.svc".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "refuser"},
        "stringData": {"tls.crt": certificate, "tls.key": key}});
    cluster.apply(&secret.to_string()).unwrap();
    let volume = "volumes: [{name: token, secret: {secretName: refuser}}],";
    run(&cluster, "refuser", "refuse :8443 /token/tls.crt /token/tls.key", volume);
    let service = "
        {apiVersion: v1, kind: Service, metadata: {name: refuser},
         spec: {selector: {app: refuser}, ports: [{port: 443, targetPort: 8443}]}}";
    cluster.apply(service).unwrap();
    let service = json!({"name": "refuser", "namespace": "default"});
    let webhook = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "refuser"},
        "webhooks": [{
            "name": "refuser.example.com",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "objectSelector": {"matchLabels": {"refuse": "yes"}},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}],
            "clientConfig": {"service": service, "caBundle": STANDARD.encode(certificate)},
        }],
    });
    cluster.apply(&webhook.to_string()).unwrap();
    // A webhook is called a moment after it is made known; until then nothing is refused.
    let refusal = until(|| {
        let map = "{apiVersion: v1, kind: ConfigMap, metadata: {generateName: map-, labels: {refuse: 'yes'}}}";
        let text = cluster.create(map).err()?.to_string();
        text.contains("refused by the pod").then_some(text)
    });
    assert!(refusal.contains("refuser.example.com"), "{refusal}");
}

#[test]
fn a_pod_reaches_itself_by_its_service() {
    let Some(cluster) = cluster() else { return };
    run(&cluster, "mirror", "serve :8080 myself", "");
    let service = "
        {apiVersion: v1, kind: Service, metadata: {name: mirror},
         spec: {selector: {app: mirror}, ports: [{port: 80, targetPort: 8080}]}}";
    cluster.apply(service).unwrap();
    let service = cluster.get_json(&["service", "mirror"]).unwrap();
    let url = format!("http://{}/", service["spec"]["clusterIP"].as_str().unwrap());
    assert_eq!(until(|| said(&cluster, &["exec", "mirror", "--", "/inpod", "get", &url])), "myself\n");
}

#[test]
fn a_projected_token_is_in_the_pod_and_on_the_node() {
    let Some(cluster) = cluster() else { return };
    let volume = "
        volumes: [{name: token, projected: {sources: [
          {serviceAccountToken: {path: token, audience: somebody, expirationSeconds: 3600}}]}}],";
    run(&cluster, "holder", "", volume);
    let inside = until(|| said(&cluster, &["exec", "holder", "--", "/inpod", "cat", "/token/token"]));
    assert_eq!(inside.split('.').count(), 3, "{inside}");

    let pod = cluster.get_json(&["pod", "holder"]).unwrap();
    let volumes = cluster.kubeconfig().parent().unwrap().join("node/kubelet/pods");
    let file = volumes.join(pod["metadata"]["uid"].as_str().unwrap());
    let file = file.join("volumes/kubernetes.io~projected/token/token");
    let root = cluster.description()["nodeRoot"].as_str().unwrap();
    let seen = Path::new(root).join(file.strip_prefix("/").unwrap());
    assert_eq!(std::fs::read_to_string(seen).unwrap(), inside);
}

#[test]
fn pods_reach_servers_of_this_machine() {
    let Some(cluster) = cluster() else { return };
    let listener = TcpListener::bind((cluster.host_address(), 0)).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhost\n");
        }
    });
    run(&cluster, "guest", "", "");
    assert_eq!(until(|| said(&cluster, &["exec", "guest", "--", "/inpod", "get", &url])), "host\n");
}

#[test]
fn pods_reach_the_api_server_and_nothing_outside() {
    let Some(cluster) = cluster() else { return };
    run(&cluster, "inmate", "", "");
    let service = cluster.get_json(&["service", "kubernetes"]).unwrap();
    let url = format!("https://{}/", service["spec"]["clusterIP"].as_str().unwrap());
    // It answers: the program does not know its CA.
    let output = cluster.kubectl(&["exec", "inmate", "--", "/inpod", "get", &url]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("unknown authority"), "{text}");
    let output = cluster.kubectl(&["exec", "inmate", "--", "/inpod", "get", "http://192.0.2.99/"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("unreachable"), "{text}");
}

#[test]
fn a_program_of_ours_runs_in_a_pod() {
    let Some(cluster) = cluster() else { return };
    let kubectl = cluster.description()["kubectl"][0].as_str().unwrap();
    let program = Path::new(kubectl).with_file_name("inpod");
    assert!(cluster.load_program("localhost/mine:1", &program).unwrap());
    let pod = pod("mine", "serve :8080 mine", "").replace(IMAGE, "localhost/mine:1");
    cluster.apply(&pod).unwrap();
    ready(&cluster, "mine");
}

#[test]
fn two_clusters_with_a_node_do_not_meet() {
    let (Some(one), Some(other)) = (cluster(), TestCluster::options().node().start()) else { return };
    assert_ne!(one.host_address(), other.host_address());
    run(&one, "same", "serve :8080 one", "");
    run(&other, "same", "serve :8080 other", "");
    for (cluster, text) in [(&one, "one\n"), (&other, "other\n")] {
        let pod = cluster.get_json(&["pod", "same"]).unwrap();
        let address = format!("{}:8080", pod["status"]["podIP"].as_str().unwrap());
        assert!(until(|| get(&address)).ends_with(text));
    }
}

/// The shared cluster. An external one has no image of ours.
fn cluster() -> Option<TestCluster> {
    let cluster = TestCluster::with_node()?;
    if cluster.is_external() {
        let _ = std::io::stderr().write_all(b"skipped: the test cluster, an external one has no image of ours\n");
        return None;
    }
    Some(cluster)
}

/// A pod of the image, with its name as a label.
fn pod(name: &str, arguments: &str, volumes: &str) -> String {
    let arguments = arguments.split(' ').filter(|word| !word.is_empty()).map(|word| format!("'{word}'"));
    let arguments = arguments.collect::<Vec<_>>().join(", ");
    let mounts = if volumes.is_empty() { "" } else { "volumeMounts: [{name: token, mountPath: /token}]," };
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, labels: {{app: {name}}}}}, spec: {{{volumes}
           containers: [{{name: main, image: '{IMAGE}', imagePullPolicy: Never, {mounts} args: [{arguments}]}}]}}}}"
    )
}

/// Starts a pod and waits until it runs.
fn run(cluster: &TestCluster, name: &str, arguments: &str, volumes: &str) {
    cluster.apply(&pod(name, arguments, volumes)).unwrap();
    ready(cluster, name);
}

fn ready(cluster: &TestCluster, name: &str) {
    let output = cluster.kubectl(&["wait", "--for=condition=Ready", "pod", name, "--timeout=300s"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What kubectl prints, once it succeeds and prints something.
fn said(cluster: &TestCluster, arguments: &[&str]) -> Option<String> {
    let output = cluster.kubectl(arguments);
    let text = String::from_utf8(output.stdout).unwrap();
    (output.status.success() && !text.is_empty()).then_some(text)
}

/// What a server of this network answers, if it does.
fn get(address: &str) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&address.parse().unwrap(), Duration::from_secs(10)).ok()?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    (!answer.is_empty()).then_some(answer)
}

/// Asks until there is an answer. How long that takes is nobody's concern; that it comes is.
fn until<T>(ask: impl Fn() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(started.elapsed() < Duration::from_mins(5), "waited in vain");
        thread::sleep(Duration::from_millis(100));
    }
}
