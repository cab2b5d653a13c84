//! A cluster and what tests do with it.

use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, ServiceAccount};
use kube::{
    Api, Client, Config,
    api::{DynamicObject, Patch, PatchParams, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
    core::{ApiResource, GroupVersionKind},
};
use serde_json::{Value, json};
use symbolon_test_cluster::TestCluster;
use symbolon_webhook::{
    admission::{
        Settings,
        policy::{Missing, Mode, PolicySettings, render},
    },
    clock::Clock,
    controller::{Controller, ControllerSettings, Metrics},
    lease::{Candidate, LeaseSettings},
};
use tokio::{
    sync::{Mutex, MutexGuard},
    task::JoinHandle,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// Where the controller under test lives.
pub(crate) const NAMESPACE: &str = "symbolon-system";
/// Its account where the tests themselves write what it would write.
pub(crate) const CONTROLLER: &str = "symbolon-controller";
/// The ConfigMap that those policies read.
pub(crate) const CONFIG_MAP: &str = "symbolon-workload-identity";
/// Its account, its policies and its ConfigMap where a controller runs.
pub(crate) const LIVE: &str = "live";

/// The cluster that all tests of this program share, and a client of its administrator.
pub(crate) async fn cluster() -> Option<(TestCluster, Client)> {
    if let Ok(filter) = std::env::var("SYMBOLON_LOG") {
        // Only the first test sets it up.
        let _ = symbolon_serve::log::init(symbolon_serve::log::Format::Pretty, &filter);
    }
    let cluster = tokio::task::spawn_blocking(TestCluster::control_plane).await.unwrap()?;
    let client = client(&cluster, |_| {}).await;
    apply_namespace(&client, NAMESPACE).await;
    Some((cluster, client))
}

/// The policies as an operator installs them, bound to the namespaces of [`namespace`], and the
/// controller's account with its rights.
pub(crate) async fn installed() -> Option<(TestCluster, Client)> {
    static INSTALLED: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
    let (cluster, client) = cluster().await?;
    INSTALLED.get_or_init(|| install(&client, CONTROLLER, CONFIG_MAP)).await;
    Some((cluster, client))
}

/// The same a second time, for a controller that runs. Only one at a time does.
pub(crate) async fn live() -> Option<(TestCluster, Client, MutexGuard<'static, ()>)> {
    static INSTALLED: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
    static ONE: Mutex<()> = Mutex::const_new(());
    let (cluster, client) = cluster().await?;
    INSTALLED.get_or_init(|| install(&client, LIVE, LIVE)).await;
    Some((cluster, client, ONE.lock().await))
}

async fn install(client: &Client, account: &str, config_map: &str) {
    apply(
        client,
        &json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account, "namespace": NAMESPACE}}),
    )
    .await;
    for object in rights(account, config_map) {
        apply(client, &object).await;
    }
    let settings = Settings::new("72f988bf-86f1-41af-91ab-2d7cd011db47", "https://login.microsoftonline.com/");
    let policy = PolicySettings {
        mode: Mode::Policy,
        missing: Missing::Deny,
        controller_namespace: NAMESPACE.to_owned(),
        controller_account: account.to_owned(),
        name: config_map.to_owned(),
        config_map: config_map.to_owned(),
        ..PolicySettings::default()
    };
    for mut object in render(&settings, &policy).unwrap() {
        let name = object["metadata"]["name"].as_str().unwrap();
        let is_injection = name == policy.name || name.ends_with("-outcome");
        if is_injection && object["kind"].as_str().unwrap().ends_with("Binding") {
            object["spec"]["matchResources"] = json!({"namespaceSelector": {"matchLabels": {"policies": config_map}}});
        }
        apply(client, &object).await;
    }
    // Until the API server has taken notice of the last of them.
    let probe = namespace_with(client, "probe", Some(config_map)).await;
    eventually("the policies work", || async {
        dry_run(client, &probe, &pod("default")).await.is_err_and(|message| message.contains("no ConfigMap"))
    })
    .await;
}

/// What the module documentation of the controller lists, for healing by eviction.
fn rights(account: &str, config_map: &str) -> Vec<Value> {
    let api = "rbac.authorization.k8s.io";
    let binding = |kind: &str, role: &str, namespace: Value| {
        json!({
            "apiVersion": format!("{api}/v1"), "kind": kind, "metadata": {"name": account, "namespace": namespace},
            "roleRef": {"apiGroup": api, "kind": role, "name": account},
            "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": NAMESPACE}],
        })
    };
    let rules = json!([
        {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["list", "watch"]},
        {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [config_map],
         "verbs": ["get", "list", "watch", "patch", "delete"]},
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"]},
        {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch", "create"]},
        {"apiGroups": [""], "resources": ["pods/eviction"], "verbs": ["create"]},
        {"apiGroups": ["apps"], "resources": ["deployments", "statefulsets", "daemonsets"], "verbs": ["list"]},
        {"apiGroups": ["batch"], "resources": ["jobs", "cronjobs"], "verbs": ["list"]},
    ]);
    let lease =
        json!([{"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create", "get", "update"]}]);
    vec![
        json!({"apiVersion": format!("{api}/v1"), "kind": "ClusterRole", "metadata": {"name": account}, "rules": rules}),
        binding("ClusterRoleBinding", "ClusterRole", Value::Null),
        json!({"apiVersion": format!("{api}/v1"), "kind": "Role", "metadata": {"name": account, "namespace": NAMESPACE}, "rules": lease}),
        binding("RoleBinding", "Role", NAMESPACE.into()),
    ]
}

/// A client of the cluster, as whoever `who` makes of the administrator's configuration.
pub(crate) async fn client(cluster: &TestCluster, who: impl FnOnce(&mut Config)) -> Client {
    let kubeconfig = Kubeconfig::read_from(cluster.kubeconfig()).unwrap();
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    config.default_retry = false;
    who(&mut config);
    Client::try_from(config).unwrap()
}

/// A client with the token of a service account.
pub(crate) async fn account_client(cluster: &TestCluster, namespace: &str, name: &str) -> Client {
    let token = cluster.token(namespace, name, "https://kubernetes.default.svc");
    let token = match token {
        Ok(token) => token,
        // The API server's own audience is its issuer where nothing else is set.
        Err(_) => cluster.token(namespace, name, cluster.issuer()).unwrap(),
    };
    client(cluster, |config| {
        config.auth_info = kube::config::AuthInfo { token: Some(token.into()), ..kube::config::AuthInfo::default() };
    })
    .await
}

pub(crate) async fn apply_namespace(client: &Client, name: &str) {
    apply(client, &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})).await;
}

/// A namespace of this test's own, to which the installed policies apply.
pub(crate) async fn namespace(client: &Client, name: &str) -> String {
    namespace_with(client, name, Some(CONFIG_MAP)).await
}

/// A namespace to which these policies apply.
pub(crate) async fn namespace_with(client: &Client, name: &str, policies: Option<&str>) -> String {
    let labels: BTreeMap<_, _> = policies.map(|policies| ("policies", policies)).into_iter().collect();
    let metadata = json!({"generateName": format!("{name}-"), "labels": labels});
    let object: Namespace = serde_json::from_value(json!({"metadata": metadata})).unwrap();
    let made = Api::<Namespace>::all(client.clone()).create(&PostParams::default(), &object).await.unwrap();
    made.metadata.name.unwrap()
}

/// Applies an object as `kubectl apply --server-side` does.
pub(crate) async fn apply(client: &Client, object: &Value) {
    let (api_version, kind) = (object["apiVersion"].as_str().unwrap(), object["kind"].as_str().unwrap());
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let mut resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    if kind.ends_with("Policy") {
        resource.plural = format!("{}ies", kind.to_lowercase().trim_end_matches('y'));
    }
    let api: Api<DynamicObject> = match object["metadata"]["namespace"].as_str() {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    let name = object["metadata"]["name"].as_str().unwrap();
    let parameters = PatchParams::apply("test").force();
    let outcome = api.patch(name, &parameters, &Patch::Apply(object)).await;
    outcome.unwrap_or_else(|error| panic!("{kind} {name}: {error}"));
}

pub(crate) async fn account(client: &Client, namespace: &str, name: &str, annotations: &[(&str, &str)]) {
    let annotations: BTreeMap<_, _> =
        annotations.iter().map(|(key, value)| (format!("azure.workload.identity/{key}"), *value)).collect();
    let object = json!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": name, "namespace": namespace, "annotations": annotations},
    });
    apply(client, &object).await;
}

pub(crate) async fn delete_account(client: &Client, namespace: &str, name: &str) {
    let api = Api::<ServiceAccount>::namespaced(client.clone(), namespace);
    api.delete(name, &kube::api::DeleteParams::default()).await.unwrap();
}

/// A pod of one container that asks for an identity.
pub(crate) fn pod(account: &str) -> Value {
    json!({
        "metadata": {"generateName": "pod-", "labels": {"azure.workload.identity/use": "true"}},
        "spec": {"serviceAccountName": account, "containers": [{"name": "app", "image": "app"}]},
    })
}

/// What would be stored of a pod.
pub(crate) async fn dry_run(client: &Client, namespace: &str, pod: &Value) -> Result<Value, String> {
    create(client, namespace, pod, true).await
}

pub(crate) async fn create(client: &Client, namespace: &str, pod: &Value, dry_run: bool) -> Result<Value, String> {
    let mut pod = pod.clone();
    pod["apiVersion"] = "v1".into();
    pod["kind"] = "Pod".into();
    let resource = ApiResource::erase::<Pod>(&());
    let api = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &resource);
    let object: DynamicObject = serde_json::from_value(pod).map_err(|error| error.to_string())?;
    match api.create(&PostParams { dry_run, ..PostParams::default() }, &object).await {
        Ok(made) => Ok(serde_json::to_value(made).unwrap()),
        Err(kube::Error::Api(status)) => Err(status.message.clone()),
        Err(error) => Err(error.to_string()),
    }
}

pub(crate) fn client_id(pod: &Value) -> Option<&str> {
    let env = pod["spec"]["containers"][0]["env"].as_array()?;
    env.iter().find(|variable| variable["name"] == "AZURE_CLIENT_ID")?["value"].as_str()
}

/// A ConfigMap as the controller writes it.
pub(crate) fn config_map(name: &str, data: &[(&str, &str)]) -> ConfigMap {
    let data: BTreeMap<_, _> = data.iter().map(|(name, entry)| ((*name).to_owned(), (*entry).to_owned())).collect();
    serde_json::from_value(json!({"metadata": {"name": name}, "data": data})).unwrap()
}

pub(crate) fn config_maps(client: &Client, namespace: &str) -> Api<ConfigMap> {
    Api::namespaced(client.clone(), namespace)
}

/// The data of a ConfigMap, if it is there.
pub(crate) async fn data(client: &Client, namespace: &str, name: &str) -> Option<BTreeMap<String, String>> {
    let found = Api::<ConfigMap>::namespaced(client.clone(), namespace).get_opt(name).await.unwrap();
    found.map(|found| found.data.unwrap_or_default())
}

/// Waits until something holds; says what was waited for if it never does.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) -> Duration {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < Duration::from_secs(30), "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    begun.elapsed()
}

/// A controller that runs, with the rights and the name of its own account.
pub(crate) struct Running {
    stop: CancellationToken,
    work: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn start(cluster: &TestCluster, settings: ControllerSettings) -> Self {
        let client = account_client(cluster, NAMESPACE, LIVE).await;
        let clock: Clock = Arc::new(now);
        let lease = LeaseSettings {
            namespace: NAMESPACE.to_owned(),
            name: LIVE.to_owned(),
            identity: settings.identity.clone(),
            duration: Duration::from_secs(3),
        };
        let (candidate, leadership) = Candidate::new(client.clone(), lease, Arc::clone(&clock));
        let metrics = Metrics::new(&mut prometheus_client::registry::Registry::default());
        let ready = symbolon_serve::Readiness::new().register("accounts");
        let stop = CancellationToken::new();
        let controller = Controller { settings, client, leadership, clock, metrics };
        let work = tokio::spawn(controller.run(ready, stop.clone()));
        let work = tokio::spawn(candidate.run(async { drop(work.await) }));
        Self { stop, work }
    }

    /// Ends it in order: the lease is given back.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.work.await.unwrap();
    }

    /// Ends it as a kill does.
    pub(crate) fn kill(self) {
        self.work.abort();
        self.stop.cancel();
    }
}

#[expect(clippy::disallowed_methods, reason = "the API server compares with its own clock")]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
