//! An ordinary program in a pod, which knows nothing of Symbolon.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use symbolon_test_cluster::TestCluster;

use crate::stage::SCOPE;

const PATIENCE: Duration = Duration::from_mins(3);

/// What became of a pod.
pub(crate) struct Workload {
    /// As the API server stored it.
    pub(crate) pod: Value,
    /// What the program printed.
    pub(crate) printed: Value,
}

impl Workload {
    /// Creates the pod, waits for its end and reads what it printed.
    pub(crate) fn run(cluster: &TestCluster, namespace: &str, name: &str) -> Self {
        let manifest = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": name, "namespace": namespace, "labels": { "azure.workload.identity/use": "true" } },
            "spec": {
                "serviceAccountName": "sademo",
                "restartPolicy": "Never",
                "terminationGracePeriodSeconds": 1,
                "containers": [{
                    "name": "app", "image": "localhost/client:1", "imagePullPolicy": "Never",
                    "args": [SCOPE, "workload"],
                }],
            },
        });
        cluster.apply(&manifest.to_string()).unwrap_or_else(|error| panic!("the pod is refused: {error:#}"));
        let get = || cluster.get_json(&["pod", name, "--namespace", namespace]).unwrap();
        let started = Instant::now();
        while !matches!(get()["status"]["phase"].as_str(), Some("Succeeded" | "Failed")) {
            assert!(started.elapsed() < PATIENCE, "the pod does not end: {}", get()["status"]);
            thread::sleep(Duration::from_millis(300));
        }
        let logs = cluster.kubectl(&["logs", "--namespace", namespace, name]);
        let logs = String::from_utf8_lossy(&logs.stdout).into_owned();
        let printed = logs.lines().find_map(|line| serde_json::from_str(line).ok());
        Self { pod: get(), printed: printed.unwrap_or_else(|| panic!("the program printed no JSON: {logs}")) }
    }

    /// What the stored pod has beside what its author wrote and what Kubernetes gives every pod.
    pub(crate) fn injected(&self) -> Value {
        let spec = &self.pod["spec"];
        let container = &spec["containers"][0];
        let others = |list: &Value| -> Vec<Value> {
            let list = list.as_array().into_iter().flatten();
            list.filter(|item| !item["name"].as_str().unwrap().starts_with("kube-api-access-")).cloned().collect()
        };
        let mut injected = json!({
            "env": container["env"],
            "volumeMounts": others(&container["volumeMounts"]),
            "volumes": others(&spec["volumes"]),
        });
        for list in ["volumeMounts", "volumes"] {
            for item in injected[list].as_array_mut().unwrap() {
                // What follows the prefix is a hash of the pod's name, and fixed in a policy.
                if item["name"].as_str().unwrap().starts_with("azure-workload-identity-reserved-") {
                    item["name"] = "TOKEN".into();
                }
            }
        }
        injected
    }
}
