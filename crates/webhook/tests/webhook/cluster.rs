//! The same with a real API server, which calls the webhook for the pods that are created.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Namespace, Pod, Secret, ServiceAccount};
use kube::api::{DeleteParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use symbolon_test_cluster::TestCluster;
use symbolon_webhook::certificates::Lifetimes;
use symbolon_webhook::server::{Certificates, Options};
use tokio::net::{TcpListener, TcpStream};

use crate::world::{Replica, caller_for, client_id, options, review, roots, until, with_times};

const ID: &str = "11111111-1111-1111-1111-111111111111";

/// A namespace with an account, a webhook configuration for it alone, and a balancer in front of
/// its replicas, as a Service is.
struct Site {
    client: Client,
    namespace: String,
    backends: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Site {
    async fn new(cluster: &TestCluster, namespace: &str) -> Self {
        let client = symbolon_webhook::cluster::connect(Some(cluster.kubeconfig())).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let backends = Arc::default();
        tokio::spawn(balance(listener, Arc::clone(&backends)));
        let site = Self { client, namespace: namespace.to_owned(), backends };
        let create = PostParams::default();
        let object: Namespace = read(json!({ "metadata": { "name": namespace } }));
        Api::all(site.client.clone()).create(&create, &object).await.unwrap();
        let configuration: MutatingWebhookConfiguration = read(json!({
            "metadata": { "name": namespace },
            "webhooks": [{
                "name": "mutation.azure-workload-identity.io", "admissionReviewVersions": ["v1"],
                "clientConfig": { "url": format!("https://127.0.0.1:{port}/mutate-v1-pod") },
                "sideEffects": "None", "reinvocationPolicy": "IfNeeded", "failurePolicy": "Fail",
                "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": namespace } },
                "objectSelector": { "matchLabels": { "azure.workload.identity/use": "true" } },
                "rules": [{ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"] }],
            }],
        }));
        Api::all(site.client.clone()).create(&create, &configuration).await.unwrap();
        site.create_account("sademo").await;
        site
    }

    async fn create_account(&self, name: &str) {
        let account: ServiceAccount = read(json!({
            "metadata": { "name": name, "annotations": { "azure.workload.identity/client-id": ID } },
        }));
        self.api::<ServiceAccount>().create(&PostParams::default(), &account).await.unwrap();
    }

    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    fn options(&self, identity: &str) -> Options {
        let mut options = options(identity);
        if let Certificates::Managed { objects, lease, .. } = &mut options.certificates {
            objects.namespace.clone_from(&self.namespace);
            objects.webhook_configuration.clone_from(&self.namespace);
            objects.names = vec![format!("webhook.{}.svc", self.namespace), "127.0.0.1".into()];
            lease.namespace.clone_from(&self.namespace);
        }
        options
    }

    /// A ready replica behind the balancer.
    async fn replica(&self, options: Options) -> Replica {
        let replica = Replica::start(self.client.clone(), options);
        replica.ready().await;
        self.backends.lock().unwrap().push(replica.address);
        replica
    }

    /// What a Service does once a replica is not ready any more: no new connections.
    fn take_out(&self, replica: &Replica) {
        self.backends.lock().unwrap().retain(|backend| *backend != replica.address);
    }

    /// Creates a pod, which has to be admitted and injected.
    async fn create_pod(&self, name: &str) -> kube::Result<()> {
        let pod: Pod = read(json!({
            "metadata": { "name": name, "labels": { "azure.workload.identity/use": "true" } },
            "spec": { "serviceAccountName": "sademo", "containers": [{ "name": "app", "image": "app" }] },
        }));
        let created = self.api::<Pod>().create(&PostParams::default(), &pod).await?;
        let env = created.spec.unwrap().containers[0].env.clone().unwrap_or_default();
        let found = env.iter().find(|variable| variable.name == "AZURE_CLIENT_ID");
        assert_eq!(found.and_then(|variable| variable.value.as_deref()), Some(ID), "{name} was not injected");
        self.api::<Pod>().delete(name, &DeleteParams::default().grace_period(0)).await?;
        Ok(())
    }

    async fn ca(&self) -> Vec<u8> {
        let secret = self.api::<Secret>().get("azure-wi-webhook-server-cert").await.unwrap();
        secret.data.unwrap()["ca.crt"].0.clone()
    }

    async fn holder(&self) -> String {
        let lease = self.api::<Lease>().get("azure-wi-webhook-leader").await.unwrap();
        lease.spec.unwrap().holder_identity.unwrap_or_default()
    }
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// Gives each connection to one of the backends.
async fn balance(listener: TcpListener, backends: Arc<Mutex<Vec<SocketAddr>>>) {
    for turn in 0_usize.. {
        let (mut stream, _) = listener.accept().await.unwrap();
        let backend = {
            let backends = backends.lock().unwrap();
            backends.get(turn % backends.len().max(1)).copied()
        };
        tokio::spawn(async move {
            let Some(backend) = backend else { return };
            let Ok(mut other) = TcpStream::connect(backend).await else { return };
            let _ = tokio::io::copy_bidirectional(&mut stream, &mut other).await;
        });
    }
}

/// Creates pods without a pause.
struct Stream {
    stop: Arc<AtomicBool>,
    created: Arc<AtomicUsize>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Stream {
    fn start(site: &Arc<Site>) -> Self {
        let (stop, created) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let tasks = (0..4).map(|creator| {
            let (site, stop, created) = (Arc::clone(site), Arc::clone(&stop), Arc::clone(&created));
            tokio::spawn(async move {
                for number in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let outcome = site.create_pod(&format!("pod-{creator}-{number}")).await;
                    outcome.unwrap_or_else(|error| panic!("a pod was refused: {error}"));
                    created.fetch_add(1, Ordering::Relaxed);
                }
            })
        });
        Self { tasks: tasks.collect(), stop, created }
    }

    /// Waits until so many more pods were created, or one was refused.
    async fn goes_on(&self, count: usize) {
        let goal = self.created.load(Ordering::Relaxed) + count;
        until(async || {
            self.created.load(Ordering::Relaxed) >= goal || self.tasks.iter().any(tokio::task::JoinHandle::is_finished)
        })
        .await;
    }

    async fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
    }
}

fn short() -> Lifetimes {
    let seconds = Duration::from_secs;
    Lifetimes { ca: seconds(16), leaf: seconds(6), overlap: seconds(2), check: seconds(1) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotations_of_ca_and_leaf_under_a_stream_of_pods_refuse_none() {
    let Some(cluster) = TestCluster::control_plane() else { return };
    let site = Arc::new(Site::new(&cluster, "rotation").await);
    let options = |identity| with_times(site.options(identity), short(), Duration::from_secs(5));
    let _first = site.replica(options("first")).await;
    let _second = site.replica(options("second")).await;
    let stream = Stream::start(&site);
    let mut seen = site.ca().await;
    for _ in 0..2 {
        until(async || site.ca().await != seen).await;
        seen = site.ca().await;
        stream.goes_on(50).await;
    }
    stream.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_update_under_a_stream_of_pods_refuses_none() {
    let Some(cluster) = TestCluster::control_plane() else { return };
    let site = Arc::new(Site::new(&cluster, "rolling").await);
    let mut old = site.replica(site.options("old")).await;
    let stream = Stream::start(&site);
    for round in 0..3 {
        stream.goes_on(30).await;
        let new = site.replica(site.options(&format!("new-{round}"))).await;
        old.terminate();
        until(async || old.health("/readyz").await.0 == 503).await;
        // The news takes a while: meanwhile the old replica still gets new connections.
        stream.goes_on(30).await;
        site.take_out(&old);
        stream.goes_on(30).await;
        old.ended().await;
        old = new;
    }
    stream.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_one_of_two_replicas_is_killed_the_other_serves_and_writes() {
    let Some(cluster) = TestCluster::control_plane() else { return };
    let site = Site::new(&cluster, "killed").await;
    let options = |identity| with_times(site.options(identity), Lifetimes::default(), Duration::from_secs(3));
    let first = site.replica(options("first")).await;
    let second = site.replica(options("second")).await;
    assert_eq!(site.holder().await, "first");
    for number in 0..20 {
        site.create_pod(&format!("before-{number}")).await.unwrap();
    }
    // Between two calls: one that is in its hands goes down with a process that is killed.
    site.take_out(&first);
    first.kill().await;
    for number in 0..20 {
        site.create_pod(&format!("after-{number}")).await.unwrap();
    }
    until(async || site.holder().await == "second").await;
    until(async || second.metric("symbolon_webhook_leader").await > 0.5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_the_api_server_changes_nothing() {
    let Some(cluster) = TestCluster::options().start() else { return };
    let site = Site::new(&cluster, "restart").await;
    let replica = site.replica(site.options("first")).await;
    site.create_pod("before").await.unwrap();
    let ca = site.ca().await;
    let name = format!("webhook.{}.svc", site.namespace);
    let client = caller_for(&name, roots(&ca), replica.address, false);
    let mut wanted = review("sademo");
    wanted["request"]["namespace"] = site.namespace.clone().into();
    let url = format!("https://{name}:{}/mutate-v1-pod", replica.address.port());
    let ask = async || {
        let answer: Value = client.post(&url).json(&wanted).send().await.unwrap().json().await.unwrap();
        answer["response"].clone()
    };
    cluster.stop_api_server().unwrap();
    assert_eq!(client_id(&ask().await).as_deref(), Some(ID), "known accounts are served without an API server");
    assert_eq!(replica.health("/healthz").await.0, 200);
    cluster.start_api_server().unwrap();
    for number in 0..10 {
        site.create_pod(&format!("after-{number}")).await.unwrap();
    }
    // The watch came back: accounts made since are known.
    site.create_account("since").await;
    let watched = "symbolon_webhook_service_accounts";
    let before = replica.metric(watched).await;
    site.create_account("later").await;
    until(async || replica.metric(watched).await > before).await;
    assert_eq!(site.ca().await, ca);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_that_come_late_are_waited_for() {
    let Some(cluster) = TestCluster::control_plane() else { return };
    let site = Site::new(&cluster, "late").await;
    let replica = site.replica(site.options("first")).await;
    let name = format!("webhook.{}.svc", site.namespace);
    let client = caller_for(&name, roots(&site.ca().await), replica.address, false);
    let url = format!("https://{name}:{}/mutate-v1-pod", replica.address.port());
    for delay in [0, 100, 250, 500] {
        let account = format!("late-{delay}");
        let mut wanted = review(&account);
        wanted["request"]["namespace"] = site.namespace.clone().into();
        let ask = async {
            let answer: Value = client.post(&url).json(&wanted).send().await.unwrap().json().await.unwrap();
            client_id(&answer["response"])
        };
        let create = async {
            tokio::time::sleep(Duration::from_millis(delay)).await;
            site.create_account(&account).await;
        };
        let (found, ()) = tokio::join!(ask, create);
        assert_eq!(found.as_deref(), Some(ID), "after {delay} ms");
    }
}
