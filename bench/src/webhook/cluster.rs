//! A control plane, and the objects in it.

use std::{path::Path, process::Stdio};

use anyhow::{Context as _, Result, bail};
use k8s_openapi::api::{
    admissionregistration::v1::MutatingWebhookConfiguration,
    core::v1::{Namespace, ServiceAccount},
};
use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    task::JoinSet,
};

pub(super) const NAMESPACE: &str = "azure-workload-identity-system";
const CONFIGURATION: &str = "azure-wi-webhook-mutating-webhook-configuration";
/// Accounts of one namespace.
const PER_NAMESPACE: usize = 1000;
const CREATORS: usize = 32;

/// A running control plane.
pub(super) struct Cluster {
    client: Client,
    pub(super) kubeconfig: String,
    child: Child,
    _directory: tempfile::TempDir,
}

/// Where an account lies.
pub(super) fn account(number: usize) -> (String, String) {
    (format!("bench-{}", number / PER_NAMESPACE), format!("service-account-{number}"))
}

impl Cluster {
    pub(super) async fn start(program: &Path) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let mut child = Command::new(program)
            .args(["up", "--until-stdin-ends", "--dir"])
            .arg(directory.path().join("cluster"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .with_context(|| format!("`{}` cannot be started", program.display()))?;
        let mut lines = BufReader::new(child.stdout.take().context("no standard output")?).lines();
        let mut kubeconfig = None;
        while let Some(line) = lines.next_line().await? {
            if line == "ready" {
                let kubeconfig: String = kubeconfig.context("no kubeconfig was printed")?;
                let client = symbolon_webhook::cluster::connect(Some(Path::new(&kubeconfig))).await?;
                let cluster = Self { client, kubeconfig, child, _directory: directory };
                cluster.prepare().await?;
                return Ok(cluster);
            }
            kubeconfig = Some(line);
        }
        bail!("the control plane ended before it was ready")
    }

    async fn prepare(&self) -> Result<()> {
        self.create_namespace(NAMESPACE).await?;
        let configuration: MutatingWebhookConfiguration = serde_json::from_value(json!({
            "metadata": { "name": CONFIGURATION },
            "webhooks": [{
                "name": "mutation.azure-workload-identity.io", "admissionReviewVersions": ["v1"],
                "clientConfig": { "url": "https://127.0.0.1:9443/mutate-v1-pod" }, "sideEffects": "None",
            }],
        }))?;
        Api::all(self.client.clone()).create(&PostParams::default(), &configuration).await?;
        Ok(())
    }

    async fn create_namespace(&self, name: &str) -> Result<()> {
        let namespace: Namespace = serde_json::from_value(json!({ "metadata": { "name": name } }))?;
        let namespaces = Api::<Namespace>::all(self.client.clone());
        let parameters = PatchParams::apply("symbolon-bench");
        namespaces.patch(name, &parameters, &Patch::Apply(&namespace)).await?;
        Ok(())
    }

    /// Creates the accounts from number `from` up to `to`, each with a client id.
    pub(super) async fn create_accounts(&self, from: usize, to: usize) -> Result<()> {
        let mut creators = JoinSet::new();
        for first in (from / PER_NAMESPACE)..to.div_ceil(PER_NAMESPACE) {
            self.create_namespace(&account(first * PER_NAMESPACE).0).await?;
        }
        for creator in 0..CREATORS {
            let client = self.client.clone();
            creators.spawn(async move {
                for number in (from..to).skip(creator).step_by(CREATORS) {
                    create(&client, number).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(done) = creators.join_next().await {
            done??;
        }
        Ok(())
    }

    /// Ends it, and waits until it has removed its files.
    pub(super) async fn stop(mut self) -> Result<()> {
        drop(self.child.stdin.take());
        self.child.wait().await?;
        Ok(())
    }

    /// What API servers trust for the webhook.
    pub(super) async fn published_ca(&self) -> Result<Vec<u8>> {
        let configuration: MutatingWebhookConfiguration = Api::all(self.client.clone()).get(CONFIGURATION).await?;
        let webhook = configuration.webhooks.unwrap_or_default().into_iter().next().context("no webhook")?;
        Ok(webhook.client_config.ca_bundle.context("no caBundle")?.0)
    }
}

async fn create(client: &Client, number: usize) -> Result<()> {
    let (namespace, name) = account(number);
    let value: Value = json!({ "metadata": { "name": name, "annotations": {
        "azure.workload.identity/client-id": format!("{number:08x}-1111-2222-3333-444444444444"),
    } } });
    let account: ServiceAccount = serde_json::from_value(value)?;
    Api::namespaced(client.clone(), &namespace).create(&PostParams::default(), &account).await?;
    Ok(())
}
