//! A webhook in this process, in front of an API server, and callers that trust what the API
//! server would.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use prometheus_client::registry::Registry;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use symbolon_serve::{Metrics, TlsSettings};
use symbolon_webhook::accounts::Timing;
use symbolon_webhook::admission::Settings;
use symbolon_webhook::certificates::{Lifetimes, Objects};
use symbolon_webhook::clock::Clock;
use symbolon_webhook::lease::LeaseSettings;
use symbolon_webhook::server::{self, Certificates, Listeners, Options, Outside, WebhookError};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::fake::Fake;

pub(crate) const NAMESPACE: &str = "azure-workload-identity-system";
pub(crate) const SERVICE: &str = "azure-wi-webhook-webhook-service.azure-workload-identity-system.svc";
pub(crate) const CONFIGURATION: &str = "azure-wi-webhook-mutating-webhook-configuration";
pub(crate) const CONFIGURATION_PATH: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/azure-wi-webhook-mutating-webhook-configuration";
pub(crate) const SECRET_PATH: &str =
    "/api/v1/namespaces/azure-workload-identity-system/secrets/azure-wi-webhook-server-cert";
pub(crate) const LEASE_PATH: &str =
    "/apis/coordination.k8s.io/v1/namespaces/azure-workload-identity-system/leases/azure-wi-webhook-leader";

/// The system's clock.
#[expect(clippy::disallowed_methods, reason = "the one clock of these tests")]
pub(crate) fn clock() -> Clock {
    Arc::new(Timestamp::now)
}

/// One replica.
pub(crate) struct Replica {
    pub(crate) address: SocketAddr,
    pub(crate) health: SocketAddr,
    pub(crate) metrics: SocketAddr,
    leave: Option<oneshot::Sender<()>>,
    end: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), WebhookError>>,
}

pub(crate) fn options(identity: &str) -> Options {
    Options {
        settings: Settings::new("00000000-0000-0000-0000-000000000001", "https://login.microsoftonline.com/"),
        account_wait: Duration::from_secs(1),
        timing: Timing {
            settle: Duration::from_millis(100),
            first_pause: Duration::from_millis(10),
            longest_pause: Duration::from_millis(100),
            ..Timing::default()
        },
        certificates: Certificates::Managed {
            objects: Objects {
                namespace: NAMESPACE.into(),
                secret: "azure-wi-webhook-server-cert".into(),
                webhook_configuration: CONFIGURATION.into(),
                names: vec![SERVICE.into(), "127.0.0.1".into()],
            },
            lifetimes: Lifetimes::default(),
            lease: LeaseSettings {
                namespace: NAMESPACE.into(),
                name: "azure-wi-webhook-leader".into(),
                identity: identity.into(),
                duration: Duration::from_secs(15),
            },
        },
        tls: TlsSettings::default(),
        shutdown_delay: Duration::ZERO,
    }
}

/// With these lifetimes and this duration of the lease.
pub(crate) fn with_times(mut options: Options, times: Lifetimes, duration: Duration) -> Options {
    if let Certificates::Managed { lifetimes, lease, .. } = &mut options.certificates {
        *lifetimes = times;
        lease.duration = duration;
    }
    options
}

impl Replica {
    pub(crate) fn start(client: kube::Client, options: Options) -> Self {
        let listen = || TcpListener::bind("127.0.0.1:0").unwrap();
        let listeners = Listeners { webhook: listen(), health: Some(listen()), metrics: Some(listen()) };
        let address = |listener: &TcpListener| listener.local_addr().unwrap();
        let (webhook, health, metrics) = (
            address(&listeners.webhook),
            address(listeners.health.as_ref().unwrap()),
            address(listeners.metrics.as_ref().unwrap()),
        );
        let (leave, left) = oneshot::channel::<()>();
        let (end, ended) = oneshot::channel::<()>();
        let outside = Outside { client, metrics: Arc::new(Metrics::new(Registry::default(), 0)), clock: clock() };
        let (leaving, ending) = (async { drop(left.await) }, async { drop(ended.await) });
        let run = server::run_until(options, listeners, outside, leaving, ending);
        Self { address: webhook, health, metrics, leave: Some(leave), end: Some(end), task: tokio::spawn(run) }
    }

    /// Tells it to leave, as SIGTERM does. It answers on until [`Self::ended`].
    pub(crate) fn terminate(&mut self) {
        self.leave.take().unwrap().send(()).unwrap();
    }

    /// Lets it end, and waits until it has in order.
    pub(crate) async fn ended(mut self) {
        self.end.take().unwrap().send(()).unwrap();
        self.task.await.unwrap().unwrap();
    }

    /// Ends it without a word, as SIGKILL does.
    pub(crate) async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    pub(crate) async fn health(&self, path: &str) -> (u16, String) {
        plain(&format!("http://{}{path}", self.health)).await.unwrap()
    }

    /// Waits until `/readyz` is 200.
    pub(crate) async fn ready(&self) {
        let url = format!("http://{}/readyz", self.health);
        until(async || plain(&url).await.is_some_and(|(status, _)| status == 200)).await;
    }

    /// The value of a metric.
    pub(crate) async fn metric(&self, line: &str) -> f64 {
        let (_, text) = plain(&format!("http://{}/metrics", self.metrics)).await.unwrap();
        let found = text.lines().find_map(|candidate| candidate.strip_prefix(line)?.strip_prefix(' '));
        found.unwrap_or_else(|| panic!("{line} is missing in\n{text}")).parse().unwrap()
    }
}

async fn plain(url: &str) -> Option<(u16, String)> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let response = client.get(url).send().await.ok()?;
    let status = response.status().as_u16();
    Some((status, response.text().await.ok()?))
}

/// Waits until something is so; a test that never sees it is ended by whoever runs the tests.
pub(crate) async fn until(mut condition: impl AsyncFnMut() -> bool) {
    while !condition().await {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The webhook configuration as the chart installs it, with a `caBundle` of nobody.
pub(crate) fn configuration() -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration", "metadata": {},
        "webhooks": [{
            "name": "mutation.azure-workload-identity.io", "admissionReviewVersions": ["v1", "v1beta1"],
            "clientConfig": { "service": { "name": "azure-wi-webhook-webhook-service", "namespace": NAMESPACE } },
            "sideEffects": "None",
        }],
    })
}

/// What the API server trusts now.
pub(crate) fn published(fake: &Fake) -> RootCertStore {
    let configuration: MutatingWebhookConfiguration =
        serde_json::from_value(fake.get(CONFIGURATION_PATH).unwrap()).unwrap();
    let bundle = configuration.webhooks.unwrap()[0].client_config.ca_bundle.clone().unwrap_or_default();
    roots(&bundle.0)
}

pub(crate) fn roots(pem: &[u8]) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate.unwrap()).unwrap();
    }
    roots
}

/// A caller that trusts these roots, on connections of its own.
pub(crate) fn caller(roots: RootCertStore, address: SocketAddr, http2: bool) -> reqwest::Client {
    caller_for(SERVICE, roots, address, http2)
}

/// As [`caller`], under another name than the usual one.
pub(crate) fn caller_for(name: &str, roots: RootCertStore, address: SocketAddr, http2: bool) -> reqwest::Client {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    config.alpn_protocols = vec![if http2 { b"h2".to_vec() } else { b"http/1.1".to_vec() }];
    let builder = reqwest::Client::builder().no_proxy().resolve(name, address);
    let builder = if http2 { builder.http2_prior_knowledge() } else { builder.http1_only() };
    builder.tls_backend_preconfigured(config).build().unwrap()
}

pub(crate) fn url(address: SocketAddr) -> String {
    format!("https://{SERVICE}:{}/mutate-v1-pod?timeout=10s", address.port())
}

/// A review of a labelled pod with this account.
pub(crate) fn review(account: &str) -> Value {
    json!({
        "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "operation": "CREATE", "namespace": "default",
            "kind": { "group": "", "version": "v1", "kind": "Pod" },
            "object": {
                "kind": "Pod", "apiVersion": "v1",
                "metadata": { "name": "pod", "labels": { "azure.workload.identity/use": "true" } },
                "spec": { "serviceAccountName": account, "containers": [{ "name": "app", "image": "app" }] },
            },
        },
    })
}

/// Sends a review and gives the `response` in the answer.
pub(crate) async fn send(client: &reqwest::Client, address: SocketAddr, review: &Value) -> reqwest::Result<Value> {
    let response = client.post(url(address)).json(review).send().await?.error_for_status()?;
    let answer: Value = response.json().await?;
    assert_eq!(answer["response"]["uid"], review["request"]["uid"]);
    Ok(answer["response"].clone())
}

/// The client id that the answer's patch sets.
pub(crate) fn client_id(response: &Value) -> Option<String> {
    use base64::Engine as _;
    assert_eq!(response["allowed"], true, "{response}");
    let patch = base64::engine::general_purpose::STANDARD.decode(response["patch"].as_str()?).unwrap();
    let patch: Value = serde_json::from_slice(&patch).unwrap();
    let text = patch.to_string();
    let rest = text.split(r#""name":"AZURE_CLIENT_ID","value":""#).nth(1)?;
    Some(rest.split('"').next().unwrap().to_owned())
}

/// A fake API server with the configuration, and one ready replica.
pub(crate) async fn one_replica() -> (Fake, Replica) {
    let fake = Fake::start().await;
    fake.put(CONFIGURATION_PATH, configuration());
    let replica = Replica::start(fake.client(), options("first"));
    replica.ready().await;
    (fake, replica)
}
