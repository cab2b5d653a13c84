//! A cluster, an authority that trusts its API server as an issuer, and the story.

use std::{
    io::Write as _,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use symbolon_test_cluster::TestCluster;
use symbolon_test_deploy::Helm;

use crate::{
    access_token,
    identity::{Identity, create_credential, create_identity},
    installation::Installation,
    release::{Mode, Release, TRUST},
    workload::Workload,
};

/// Tells where the images are.
const IMAGES: &str = "SYMBOLON_TEST_IMAGES";
/// What the workload asks for, and the `aud` of what it gets.
pub(crate) const SCOPE: &str = "https://vault.azure.net/.default";
const RESOURCE: &str = "https://vault.azure.net";
/// Long enough for a machine that does ten other things.
const PATIENCE: Duration = Duration::from_mins(3);

/// Everything that the story takes place on.
pub(crate) struct Stage {
    pub(crate) cluster: TestCluster,
    installation: Installation,
    helm: Helm,
}

impl Stage {
    /// Sets the stage, or says why there can be none.
    pub(crate) fn start() -> Option<Self> {
        let helm = Helm::find()?;
        let cluster = TestCluster::with_node()?;
        let Some(images) = std::env::var_os(IMAGES).map(PathBuf::from) else {
            let _ = writeln!(std::io::stderr(), "skipped: the images are not built: `cargo xtask test` does that");
            return None;
        };
        for image in ["symbolon.tar", "client.tar"] {
            if !cluster.load_image(&images.join(image)).unwrap() {
                return None;
            }
        }
        let installation = Installation::start_at(cluster.host_address());
        let ca = installation.path("cluster-ca.pem");
        std::fs::write(&ca, cluster.ca_pem()).unwrap();
        let ca = ca.to_str().unwrap();
        installation.symbolon(["trusted-issuer", "register", cluster.issuer(), "--ca-file", ca, "--allow-private"]);
        Some(Self { cluster, installation, helm })
    }

    pub(crate) fn install(&self, mode: Mode) -> Release<'_> {
        Release::install(&self.cluster, &self.helm, &self.installation, mode)
    }

    /// Service account and pod, refused before the federated credential exists, accepted after.
    pub(crate) fn tell_the_story(&self, mode: Mode) {
        let namespace = format!("story-{}", mode.name());
        let identity = create_identity(&self.installation, &namespace);
        self.prepare_namespace(&namespace, &identity, mode);

        let before = Workload::run(&self.cluster, &namespace, "before");
        assert_eq!(before.injected(), self.expected(&identity), "{mode:?}");
        let error = before.printed["error"].as_str().unwrap_or_else(|| panic!("{}", before.printed));
        assert!(error.contains("AADSTS70025"), "{mode:?}: {error}");

        let subject = format!("system:serviceaccount:{namespace}:sademo");
        create_credential(&self.installation, &namespace, "other", self.cluster.issuer(), &format!("{subject}-x"));
        let other = Workload::run(&self.cluster, &namespace, "other");
        let error = other.printed["error"].as_str().unwrap_or_else(|| panic!("{}", other.printed));
        assert!(error.contains("AADSTS700213"), "{mode:?}: {error}");

        create_credential(&self.installation, &namespace, "cluster", self.cluster.issuer(), &subject);
        let after = Workload::run(&self.cluster, &namespace, "after");
        let token = after.printed["token"].as_str().unwrap_or_else(|| panic!("{mode:?}: {}", after.printed));
        access_token::verify(&self.installation, token, &identity, RESOURCE);
    }

    /// With the webhook down, a pod that the policy covers is created and gets its token.
    pub(crate) fn an_ordinary_pod_is_still_injected(&self) {
        let pod = Workload::run(&self.cluster, "story-both", "webhook-down");
        assert!(pod.printed["token"].is_string(), "{}", pod.printed);
    }

    fn prepare_namespace(&self, namespace: &str, identity: &Identity, mode: Mode) {
        let trust = std::fs::read_to_string(self.installation.variable("SYMBOLON_CA_FILE")).unwrap();
        let objects = [
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } }),
            json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": { "name": TRUST, "namespace": namespace },
                "data": { "ca.crt": trust },
            }),
            json!({
                "apiVersion": "v1", "kind": "ServiceAccount",
                "metadata": {
                    "name": "sademo", "namespace": namespace,
                    "annotations": { "azure.workload.identity/client-id": identity.client_id },
                },
            }),
        ];
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects });
        self.cluster.apply(&list.to_string()).unwrap();
        if mode.has_policy() {
            self.wait_for_entry(namespace, &identity.client_id);
        }
    }

    /// Until the controller has seen the account, a pod of it is refused.
    fn wait_for_entry(&self, namespace: &str, client_id: &str) {
        let started = Instant::now();
        loop {
            let maps = self.cluster.get_json(&["configmaps", "--namespace", namespace]).unwrap();
            let holds = |map: &Value| map["data"]["sademo"] == client_id;
            if maps["items"].as_array().unwrap().iter().any(holds) {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "the controller wrote no entry in {namespace}: {maps}");
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// All that may be in the stored pod beside what its author and Kubernetes put there.
    fn expected(&self, identity: &Identity) -> Value {
        let bundle = "/var/run/secrets/symbolon/trust/ca.crt";
        json!({
            "env": [
                { "name": "AZURE_CLIENT_ID", "value": identity.client_id },
                { "name": "AZURE_TENANT_ID", "value": self.installation.variable("AZURE_TENANT_ID") },
                {
                    "name": "AZURE_FEDERATED_TOKEN_FILE",
                    "value": "/var/run/secrets/azure/wi/token/azure-identity-token",
                },
                { "name": "AZURE_AUTHORITY_HOST", "value": self.installation.variable("AZURE_AUTHORITY_HOST") },
                { "name": "SSL_CERT_FILE", "value": bundle },
                { "name": "REQUESTS_CA_BUNDLE", "value": bundle },
                { "name": "CURL_CA_BUNDLE", "value": bundle },
                { "name": "NODE_EXTRA_CA_CERTS", "value": bundle },
            ],
            "volumeMounts": [
                { "name": "TOKEN", "mountPath": "/var/run/secrets/azure/wi", "readOnly": true },
                { "name": "symbolon-trust", "mountPath": "/var/run/secrets/symbolon/trust", "readOnly": true },
            ],
            "volumes": [
                {
                    "name": "TOKEN",
                    "projected": {
                        "defaultMode": 0o644,
                        "sources": [{
                            "serviceAccountToken": {
                                "path": "token/azure-identity-token",
                                "expirationSeconds": 3600,
                                "audience": "api://AzureADTokenExchange",
                            },
                        }],
                    },
                },
                {
                    "name": "symbolon-trust",
                    "configMap": {
                        "name": TRUST,
                        "defaultMode": 0o644,
                        "items": [{ "key": "ca.crt", "path": "ca.crt" }],
                    },
                },
            ],
        })
    }
}
