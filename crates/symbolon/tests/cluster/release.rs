//! The chart, installed.

use serde_json::Value;
use symbolon_test_cluster::TestCluster;
use symbolon_test_deploy::Helm;

use crate::installation::Installation;

pub(crate) const NAMESPACE: &str = "symbolon-system";
/// The ConfigMap that holds the authority's CA, in the namespaces of pods.
pub(crate) const TRUST: &str = "symbolon-trust";
/// In the annotations of objects that Helm leaves behind.
const KEPT: &str = "helm.sh/resource-policy";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Who injects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Webhook,
    Policy,
    Both,
}

impl Mode {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Policy => "policy",
            Self::Both => "both",
        }
    }

    /// Whether the controller's ConfigMaps are read.
    pub(crate) fn has_policy(self) -> bool {
        self != Self::Webhook
    }
}

/// What was installed.
pub(crate) struct Release<'a> {
    cluster: &'a TestCluster,
    manifest: String,
}

impl<'a> Release<'a> {
    /// Installs the chart as its users do, and waits until everything is ready.
    pub(crate) fn install(cluster: &'a TestCluster, helm: &Helm, installation: &Installation, mode: Mode) -> Self {
        let set = [
            format!("mode={}", mode.name()),
            format!("azureTenantID={}", installation.variable("AZURE_TENANT_ID")),
            format!("authorityHost={}", installation.variable("AZURE_AUTHORITY_HOST")),
            format!("trustConfigMap.name={TRUST}"),
            format!("image.release={VERSION}"),
            "image.pullPolicy=Never".to_owned(),
            "createNamespace=true".to_owned(),
        ];
        let manifest = helm.template(&["--set", &set.join(",")]).unwrap();
        cluster.apply(&manifest).unwrap_or_else(|error| panic!("the chart cannot be installed: {error:#}"));
        let release = Self { cluster, manifest };
        for deployment in release.deployments() {
            release.wait_for(&deployment);
        }
        release
    }

    pub(crate) fn deployments(&self) -> Vec<String> {
        let list = self.cluster.get_json(&["deployments", "--namespace", NAMESPACE]).unwrap();
        let name = |item: &Value| item["metadata"]["name"].as_str().unwrap().to_owned();
        list["items"].as_array().unwrap().iter().map(name).collect()
    }

    fn wait_for(&self, deployment: &str) {
        let status =
            ["rollout", "status", "--namespace", NAMESPACE, &format!("deployment/{deployment}"), "--timeout=180s"];
        let output = self.cluster.kubectl(&status);
        if !output.status.success() {
            let all = ["--namespace", NAMESPACE];
            let pods = self.cluster.kubectl(&[&["describe", "pods"][..], &all].concat());
            let logs =
                self.cluster.kubectl(&[&["logs", &format!("deployment/{deployment}"), "--tail=40"][..], &all].concat());
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            panic!(
                "`{deployment}` is not ready: {}\n{}\n{}",
                text(&output.stderr),
                text(&pods.stdout),
                text(&logs.stdout)
            );
        }
    }

    /// Every replica of the webhook goes away, its configuration stays.
    pub(crate) fn stop_the_webhook(&self) {
        for deployment in self.deployments().iter().filter(|name| !name.ends_with("-controller")) {
            let name = format!("deployment/{deployment}");
            let output = self.cluster.kubectl(&["scale", "--namespace", NAMESPACE, &name, "--replicas=0"]);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let gone = ["wait", "--namespace", NAMESPACE, "pods", "--selector", "app.kubernetes.io/component=webhook"];
            let output = self.cluster.kubectl(&[&gone[..], &["--for=delete", "--timeout=120s"]].concat());
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }

    /// Takes away what `helm uninstall` does: what is to be kept stays.
    pub(crate) fn uninstall(self) {
        let mut command =
            self.cluster.kubectl_command(&["delete", "--filename", "-", "--ignore-not-found", "--timeout=180s"]);
        let mut child =
            command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::null()).spawn().unwrap();
        let objects: Vec<_> = self.manifest.split("\n---\n").filter(|object| !object.contains(KEPT)).collect();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), objects.join("\n---\n").as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "the release cannot be uninstalled");
    }
}
