//! The chart and the program fit: the program takes the arguments that the chart gives it, and gets
//! along with the rights that the chart gives it, on a real API server.
//!
//! The golden renders of `tests/deploy` stand for the chart, so no Helm is needed here.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test")]

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::Value;
use symbolon_test_cluster::TestCluster;

const PROGRAM: &str = env!("CARGO_BIN_EXE_symbolon");
const NAMESPACE: &str = "symbolon-system";
const CLIENT_ID: &str = "22222222-2222-2222-2222-222222222222";

/// How one container of the chart is started.
struct Container {
    name: String,
    account: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Container {
    fn read(deployment: &Value) -> Self {
        let pod = &deployment["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let environment = container["env"].as_array().unwrap();
        Self {
            name: text(&container["name"]),
            account: text(&pod["serviceAccountName"]),
            arguments: container["args"].as_array().unwrap().iter().map(text).collect(),
            environment: environment.iter().map(|one| (text(&one["name"]), text(&one["value"]))).collect(),
        }
    }

    /// The program as the container starts it, but outside the cluster and at addresses that are free here.
    fn command(&self, kubeconfig: &Path, health: u16) -> Command {
        let mut command = Command::new(PROGRAM);
        for argument in &self.arguments {
            command.arg(match argument.split_once('=') {
                Some(("--listen", _)) => "--listen=127.0.0.1:0".to_owned(),
                Some(("--metrics-addr", _)) => "--metrics-addr=0".to_owned(),
                Some(("--health-addr", _)) => format!("--health-addr=127.0.0.1:{health}"),
                _ => argument.clone(),
            });
        }
        command.arg("--kubeconfig").arg(kubeconfig).env_clear().envs(self.environment.iter().cloned());
        command.env("POD_NAMESPACE", NAMESPACE).env("POD_NAME", &self.name).stdin(Stdio::null());
        command
    }
}

/// A running container's process; it ends with this.
struct Running {
    child: Child,
    log: PathBuf,
    health: u16,
}

impl Running {
    fn start(cluster: &TestCluster, container: &Container, directory: &Path, more: &[&str]) -> Self {
        let kubeconfig = directory.join(format!("{}.kubeconfig", container.name));
        let token = cluster.token(NAMESPACE, &container.account, "https://kubernetes.default.svc").unwrap();
        fs::write(&kubeconfig, kubeconfig_of(cluster, &token)).unwrap();
        let (log, health) = (directory.join(format!("{}.log", container.name)), free_port());
        let mut command = container.command(&kubeconfig, health);
        command.args(more).stdout(Stdio::null()).stderr(fs::File::create(&log).unwrap());
        let child = command.spawn().unwrap();
        Self { child, log, health }
    }

    fn is_ready(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.health)) else { return false };
        let _ = stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1 200")
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn goldens() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/deploy/golden");
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn containers(golden: &str) -> Vec<Container> {
    let objects: Vec<Value> = serde_saphyr::from_multiple(golden).unwrap();
    objects.iter().filter(|object| object["kind"] == "Deployment").map(Container::read).collect()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn kubeconfig_of(cluster: &TestCluster, token: &str) -> String {
    let server = cluster.server();
    let ca = BASE64_STANDARD.encode(cluster.ca_pem());
    format!(
        "{{apiVersion: v1, kind: Config, current-context: test,
           clusters: [{{name: test, cluster: {{server: '{server}', certificate-authority-data: {ca}}}}}],
           users: [{{name: test, user: {{token: {token}}}}}],
           contexts: [{{name: test, context: {{cluster: test, user: test}}}}]}}"
    )
}

/// Waits until something is there, and says what if it never is.
#[track_caller]
fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "after a minute still not: {what}");
        sleep(Duration::from_millis(200));
    }
}

#[test]
fn the_program_takes_the_arguments_of_every_golden_file() {
    let nowhere = Path::new("/nonexistent/kubeconfig");
    let mut found = 0;
    for path in goldens() {
        for container in containers(&fs::read_to_string(&path).unwrap()) {
            let output = container.command(nowhere, 0).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            // It came as far as looking for its cluster.
            assert!(said.contains("/nonexistent/kubeconfig"), "{}: {}: {said}", path.display(), container.name);
            found += 1;
        }
    }
    assert!(found > 20, "only {found} containers were found");
}

#[test]
fn both_components_do_their_work_with_the_rights_of_the_chart() {
    let Some(cluster) = TestCluster::control_plane() else { return };
    let golden = goldens().into_iter().find(|path| path.ends_with("heal-evict.yaml")).unwrap();
    let golden = fs::read_to_string(golden).unwrap();
    let directory = tempfile::tempdir().unwrap();
    uninjected_pod(&cluster);

    cluster.apply(&format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {NAMESPACE}}}}}")).unwrap();
    cluster.apply(&golden).unwrap();
    let running: Vec<_> = containers(&golden)
        .iter()
        .map(|container| {
            let more: &[&str] = match container.name.as_str() {
                "controller" => &["--heal-after=1s", "--heal-owner-pause=1s", "--advice-interval=1s"],
                _ => &[],
            };
            Running::start(&cluster, container, directory.path(), more)
        })
        .collect();
    assert_eq!(running.len(), 2);
    for one in &running {
        wait("a component is ready", || one.is_ready().then_some(()));
    }

    the_webhook_published_its_certificate(&cluster);
    the_controller_keeps_its_config_map(&cluster);
    wait("the pod without an identity was evicted, and the next one has it", || injected_pod(&cluster));
    the_webhook_is_called_for_the_proxy_alone(&cluster);
    for one in &running {
        let log = one.log();
        assert!(!log.to_lowercase().contains("forbidden"), "{log}");
    }
}

/// A pod that was made before anything of ours was there.
fn uninjected_pod(cluster: &TestCluster) {
    let manifest = format!(
        "{{apiVersion: v1, kind: Namespace, metadata: {{name: shop}}}}
---
{{apiVersion: v1, kind: ServiceAccount, metadata: {{name: sademo, namespace: shop,
  annotations: {{azure.workload.identity/client-id: {CLIENT_ID}}}}}}}
---
{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: app, namespace: shop}}, spec: {{
  selector: {{matchLabels: {{app: app}}}},
  template: {{metadata: {{labels: {{app: app, azure.workload.identity/use: 'true'}}}},
             spec: {{serviceAccountName: sademo, containers: [{{name: app, image: none}}]}}}}}}}}"
    );
    cluster.apply(&manifest).unwrap();
    wait("the Deployment has its pod", || pods(cluster).first().cloned());
}

fn pods(cluster: &TestCluster) -> Vec<Value> {
    let list = cluster.get_json(&["pods", "--namespace", "shop"]).unwrap();
    list["items"].as_array().unwrap().clone()
}

fn injected_pod(cluster: &TestCluster) -> Option<()> {
    let is_injected = |pod: &Value| pod["spec"]["volumes"].to_string().contains("azure-workload-identity-reserved-");
    pods(cluster).iter().any(is_injected).then_some(())
}

/// Nothing is behind the webhook's Service, and its failure policy is `Fail`: whoever waits for it is refused.
fn the_webhook_is_called_for_the_proxy_alone(cluster: &TestCluster) {
    let run = |annotations: &str| {
        let overrides = format!("--overrides={{\"spec\":{{\"serviceAccountName\":\"sademo\"}}{annotations}}}");
        let labels = "--labels=azure.workload.identity/use=true";
        cluster.kubectl(&["run", "probe", "--namespace=shop", "--image=none", "--dry-run=server", labels, &overrides])
    };
    assert!(run("").status.success());
    let refused = run(r#","metadata":{"annotations":{"azure.workload.identity/inject-proxy-sidecar":"true"}}"#);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("failed calling webhook \"mutation.symbolon.internal\""), "{said}");
}

fn the_webhook_published_its_certificate(cluster: &TestCluster) {
    wait("caBundle is there", || {
        let configuration = cluster.get_json(&["mutatingwebhookconfiguration", "symbolon-webhook"]).unwrap();
        let webhooks = configuration["webhooks"].as_array().unwrap().clone();
        webhooks.iter().all(|webhook| webhook["clientConfig"]["caBundle"].is_string()).then_some(())
    });
    let secret = ["secret", "symbolon-webhook-certificate", "--namespace", NAMESPACE];
    let certificate = || Some(cluster.get_json(&secret).ok()?["data"]["tls.crt"].as_str()?.to_owned());
    let before = certificate().unwrap();
    assert!(cluster.kubectl(&["delete"].iter().chain(&secret).collect::<Vec<_>>()).status.success());
    assert_eq!(wait("the Secret that somebody deleted is back", certificate), before);
}

fn the_controller_keeps_its_config_map(cluster: &TestCluster) {
    let name = ["configmap", "symbolon-workload-identity", "--namespace", "shop"];
    wait("the account has its entry", || (cluster.get_json(&name).ok()?["data"]["sademo"] == CLIENT_ID).then_some(()));
    let patch = ["--type=merge", "--patch={\"data\":{\"sademo\":\"somebody-elses\"}}"];
    let refused = cluster.kubectl(&["patch"].iter().chain(&name).chain(&patch).collect::<Vec<_>>());
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("annotate the service account"), "an administrator could write the entry: {said}");
}
