//! What the admission policy adds to the creation of a pod.
//!
//! Pairs of requests over one connection: the same pod in a namespace to which the policy is bound
//! and in one to which it is not, in random order, so that whatever else the machine does meets
//! both alike. Each is a dry run: everything but the write to etcd, which would be the same.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use http::Request;
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::{Value, json};
use symbolon_webhook::admission::{
    Settings,
    policy::{Missing, Mode, PolicySettings, render},
};
use tokio::time::{Instant, sleep};

const NAME: &str = "symbolon-bench";
/// What keeps the API server's view of ConfigMaps alive.
const ANCHOR: &str = "symbolon-configmap-parameters";
const INJECTED: &str = "symbolon-bench-injected";
const PLAIN: &str = "symbolon-bench-plain";
const CLIENT_ID: &str = "11111111-2222-3333-4444-555555555555";

/// Arguments of `symbolon-bench policy`.
#[derive(Args)]
pub(crate) struct PolicyArgs {
    /// The cluster, as somebody who may do everything
    #[arg(long, env = "KUBECONFIG")]
    kubeconfig: PathBuf,
    /// Pairs of requests
    #[arg(long, default_value_t = 5000)]
    pairs: usize,
    /// Service accounts in the ConfigMap; may be repeated
    #[arg(long, default_values_t = [10, 1000, 10_000])]
    accounts: Vec<usize>,
    /// Also refuse pods that come out without an identity, as mode `policy` does
    #[arg(long)]
    deny: bool,
}

pub(crate) async fn measure(args: &PolicyArgs) -> Result<()> {
    let kubeconfig = Kubeconfig::read_from(&args.kubeconfig)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    let cluster = Cluster(Client::try_from(config)?);
    println!(
        "creation of a pod of two containers and one init container, as a dry run, {} pairs over one connection; milliseconds",
        args.pairs
    );
    println!(
        "{:<26}{:>12}{:>14}{:>10}{:>22}{:>12}{:>12}",
        "", "p50 without", "p50 injected", "median", "95 % interval", "p99 without", "p99 inj."
    );
    for accounts in &args.accounts {
        cluster.set_up(*accounts, args.deny).await?;
        let pairs = cluster.pairs(args.pairs).await?;
        print(&format!("{accounts} service accounts"), &pairs);
    }
    cluster.take_down().await
}

/// Seconds without and with the policy.
type Pair = (f64, f64);

struct Cluster(Client);

impl Cluster {
    async fn send(&self, method: http::Method, path: &str, body: &Value) -> Result<Value> {
        let kind = if method == http::Method::PATCH { "application/apply-patch+yaml" } else { "application/json" };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", kind)
            .body(body.to_string().into_bytes())?;
        self.0.request(request).await.with_context(|| path.to_owned())
    }

    async fn apply(&self, object: &Value) -> Result<()> {
        let path = format!("{}?fieldManager=symbolon-bench&force=true", path(object)?);
        self.send(http::Method::PATCH, &path, object).await.map(drop)
    }

    async fn set_up(&self, accounts: usize, deny: bool) -> Result<()> {
        for namespace in [INJECTED, PLAIN] {
            self.apply(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})).await?;
            let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "sademo", "namespace": namespace}});
            self.apply(&account).await?;
        }
        let mut data: BTreeMap<_, _> = (1..accounts).map(|index| (format!("account-{index:06}"), CLIENT_ID)).collect();
        data.insert("sademo".to_owned(), CLIENT_ID);
        self.apply(&json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME, "namespace": INJECTED}, "data": data,
        }))
        .await?;
        for object in objects(deny)? {
            self.apply(&object).await?;
        }
        let begun = Instant::now();
        while !self.create(INJECTED).await.is_ok_and(|pod| is_injected(&pod)) {
            ensure!(begun.elapsed() < Duration::from_secs(30), "the policy is not evaluated");
            sleep(Duration::from_millis(100)).await;
        }
        sleep(Duration::from_secs(1)).await;
        Ok(())
    }

    async fn take_down(&self) -> Result<()> {
        // Only what was set up is there. The anchors stay: without them the API server would not see
        // the ConfigMaps of a later run.
        for object in objects(true)?.iter().filter(|object| object["metadata"]["name"] != ANCHOR) {
            let _ = self.send(http::Method::DELETE, &path(object)?, &json!({})).await;
        }
        for namespace in [INJECTED, PLAIN] {
            let path = format!("/api/v1/namespaces/{namespace}");
            self.send(http::Method::DELETE, &path, &json!({})).await?;
            // A later run could not use one that is still going.
            while self.send(http::Method::GET, &path, &json!({})).await.is_ok() {
                sleep(Duration::from_millis(200)).await;
            }
        }
        Ok(())
    }

    async fn create(&self, namespace: &str) -> Result<Value> {
        self.send(http::Method::POST, &format!("/api/v1/namespaces/{namespace}/pods?dryRun=All"), &pod()).await
    }

    async fn timed(&self, namespace: &str) -> Result<f64> {
        let begun = Instant::now();
        let made = self.create(namespace).await?;
        let seconds = begun.elapsed().as_secs_f64();
        ensure!(is_injected(&made) == (namespace == INJECTED), "a pod of {namespace} came out otherwise than expected");
        Ok(seconds)
    }

    async fn pairs(&self, count: usize) -> Result<Vec<Pair>> {
        for _ in 0..200 {
            self.timed(PLAIN).await?;
            self.timed(INJECTED).await?;
        }
        let mut order = Order(0x9e37_79b9_7f4a_7c15);
        let mut pairs = Vec::with_capacity(count);
        for _ in 0..count {
            if order.next() {
                let plain = self.timed(PLAIN).await?;
                pairs.push((plain, self.timed(INJECTED).await?));
            } else {
                let injected = self.timed(INJECTED).await?;
                pairs.push((self.timed(PLAIN).await?, injected));
            }
        }
        Ok(pairs)
    }
}

/// The injection alone, bound to one namespace.
fn objects(deny: bool) -> Result<Vec<Value>> {
    let settings = Settings::new("72f988bf-86f1-41af-91ab-2d7cd011db47", "https://login.microsoftonline.com/");
    let policy = PolicySettings {
        mode: if deny { Mode::Policy } else { Mode::Both },
        missing: if deny { Missing::Deny } else { Missing::Webhook },
        name: NAME.to_owned(),
        config_map: NAME.to_owned(),
        ..PolicySettings::default()
    };
    let mut objects = render(&settings, &policy)?;
    objects.retain(|object| {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        name == ANCHOR || name == NAME || name == format!("{NAME}-outcome")
    });
    for object in &mut objects {
        let is_binding = object["kind"].as_str().is_some_and(|kind| kind.ends_with("Binding"));
        if is_binding && object["metadata"]["name"] != ANCHOR {
            object["spec"]["matchResources"] =
                json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": INJECTED}}});
        }
    }
    Ok(objects)
}

fn path(object: &Value) -> Result<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = text(&object["metadata"]["name"]);
    let namespace = text(&object["metadata"]["namespace"]);
    let kind = text(&object["kind"]);
    Ok(match kind.as_str() {
        "Namespace" => format!("/api/v1/namespaces/{name}"),
        "ConfigMap" => format!("/api/v1/namespaces/{namespace}/configmaps/{name}"),
        "ServiceAccount" => format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}"),
        _ => {
            let kind = kind.to_lowercase();
            let plural = kind.strip_suffix('y').map_or_else(|| format!("{kind}s"), |stem| format!("{stem}ies"));
            format!("/apis/{}/{plural}/{name}", object["apiVersion"].as_str().context("an object without a version")?)
        }
    })
}

fn pod() -> Value {
    let container = |name: &str| {
        json!({
            "name": name, "image": "example.com/app:1", "ports": [{"containerPort": 8080}],
            "env": [{"name": "LOG_LEVEL", "value": "info"}, {"name": "REGION", "value": "west"}],
            "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
        })
    };
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"generateName": "app-5d8f7c9b4-", "labels": {"app": "app", "azure.workload.identity/use": "true"}},
        "spec": {
            "serviceAccountName": "sademo",
            "initContainers": [container("init")],
            "containers": [container("app"), container("side")],
        },
    })
}

fn is_injected(pod: &Value) -> bool {
    let env = pod["spec"]["containers"][1]["env"].as_array();
    env.is_some_and(|env| env.iter().any(|variable| variable["name"] == "AZURE_FEDERATED_TOKEN_FILE"))
}

/// Which of a pair comes first (xorshift).
struct Order(u64);

impl Order {
    fn next(&mut self) -> bool {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 & 1 == 0
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "ranks of a few thousand values"
)]
fn print(what: &str, pairs: &[Pair]) {
    let sorted = |of: fn(&Pair) -> f64| {
        let mut values: Vec<f64> = pairs.iter().map(|pair| of(pair) * 1000.0).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let at = |values: &[f64], share: f64| values[((values.len() - 1) as f64 * share).round() as usize];
    let (plain, injected, difference) = (sorted(|pair| pair.0), sorted(|pair| pair.1), sorted(|pair| pair.1 - pair.0));
    // The median lies between these ranks with 95 % probability, whatever the distribution.
    let count = pairs.len() as f64;
    let reach = 0.98 * count.sqrt() / count;
    let (low, high) = (at(&difference, (0.5 - reach).max(0.0)), at(&difference, (0.5 + reach).min(1.0)));
    println!(
        "{what:<26}{:>12.3}{:>14.3}{:>10.3}{:>22}{:>12.3}{:>12.3}",
        at(&plain, 0.5),
        at(&injected, 0.5),
        at(&difference, 0.5),
        format!("{low:.3} to {high:.3}"),
        at(&plain, 0.99),
        at(&injected, 0.99),
    );
}
