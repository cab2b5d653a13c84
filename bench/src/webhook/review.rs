//! What an API server sends for a pod of a Deployment.

use serde_json::{Value, json};

fn container(name: &str) -> Value {
    json!({
        "name": name, "image": format!("registry.example/{name}:1.2.3"),
        "ports": [{ "containerPort": 8080, "protocol": "TCP" }],
        "env": [{ "name": "LOG_LEVEL", "value": "info" }, { "name": "POD_IP", "valueFrom": { "fieldRef": {
            "apiVersion": "v1", "fieldPath": "status.podIP" } } }],
        "resources": { "limits": { "cpu": "500m", "memory": "256Mi" }, "requests": { "cpu": "100m", "memory": "128Mi" } },
        "volumeMounts": [{ "name": "kube-api-access-x7k2p", "readOnly": true,
            "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount" }],
        "readinessProbe": { "httpGet": { "path": "/ready", "port": 8080, "scheme": "HTTP" }, "timeoutSeconds": 1,
            "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3 },
        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
        "securityContext": { "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } },
    })
}

/// The body of a review for a pod of that account.
pub(super) fn body(namespace: &str, account: &str) -> String {
    let pod = json!({
        "kind": "Pod", "apiVersion": "v1",
        "metadata": {
            "generateName": "web-5d8f7c9b4-", "creationTimestamp": null,
            "labels": { "app": "web", "pod-template-hash": "5d8f7c9b4", "azure.workload.identity/use": "true" },
            "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5d8f7c9b4",
                "uid": "5f2f6d3e-6393-11e8-b7cc-42010a800002", "controller": true, "blockOwnerDeletion": true }],
            "managedFields": [{ "manager": "kube-controller-manager", "operation": "Update", "apiVersion": "v1",
                "time": "2026-01-01T00:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": { "f:metadata": {
                "f:generateName": {}, "f:labels": { ".": {}, "f:app": {}, "f:pod-template-hash": {} },
                "f:ownerReferences": {} }, "f:spec": { "f:containers": {}, "f:restartPolicy": {} } } }],
        },
        "spec": {
            "volumes": [{ "name": "kube-api-access-x7k2p", "projected": { "defaultMode": 420, "sources": [
                { "serviceAccountToken": { "expirationSeconds": 3607, "path": "token" } },
                { "configMap": { "name": "kube-root-ca.crt", "items": [{ "key": "ca.crt", "path": "ca.crt" }] } },
                { "downwardAPI": { "items": [{ "path": "namespace", "fieldRef": { "apiVersion": "v1",
                    "fieldPath": "metadata.namespace" } }] } }] } }],
            "initContainers": [container("migrate")],
            "containers": [container("web"), container("metrics")],
            "restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst",
            "serviceAccountName": account, "serviceAccount": account,
            "securityContext": { "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } },
            "schedulerName": "default-scheduler", "priority": 0, "enableServiceLinks": true,
            "tolerations": [
                { "key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300 },
                { "key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300 },
            ],
            "preemptionPolicy": "PreemptLowerPriority",
        },
        "status": {},
    });
    let kind = json!({ "group": "", "version": "v1", "kind": "Pod" });
    let resource = json!({ "group": "", "version": "v1", "resource": "pods" });
    json!({
        "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "kind": kind, "resource": resource,
            "requestKind": kind, "requestResource": resource, "namespace": namespace, "operation": "CREATE",
            "userInfo": { "username": "system:serviceaccount:kube-system:replicaset-controller",
                "uid": "8f5f6d3e-6393-11e8-b7cc-42010a800002",
                "groups": ["system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"] },
            "object": pod, "oldObject": null, "dryRun": false,
            "options": { "kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1" },
        },
    })
    .to_string()
}
