//! The webhook that `symbolon up` serves, without a Kubernetes API server.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test")]

#[path = "support/installation.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod installation;

use base64::Engine as _;
use installation::Installation;
use serde_json::{Value, json};

async fn review(installation: &Installation, account: &str) -> Value {
    let endpoints = std::fs::read(installation.path("data").join("endpoints.json")).unwrap();
    let endpoints: Value = serde_json::from_slice(&endpoints).unwrap();
    let ca = std::fs::read(installation.path("data").join("ca.pem")).unwrap();
    let ca = reqwest::Certificate::from_pem(&ca).unwrap();
    let client = reqwest::Client::builder().tls_certs_only([ca]).no_proxy().build().unwrap();
    let review = json!({
        "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
        "request": {
            "uid": "1", "operation": "CREATE", "namespace": "default",
            "kind": { "group": "", "version": "v1", "kind": "Pod" },
            "object": {
                "metadata": { "name": "pod", "labels": { "azure.workload.identity/use": "true" } },
                "spec": { "serviceAccountName": account, "containers": [{ "name": "app", "image": "app" }] },
            },
        },
    });
    let response = client
        .post(format!("{}/mutate-v1-pod", endpoints["webhook"].as_str().unwrap()))
        .json(&review)
        .send()
        .await
        .unwrap();
    response.json::<Value>().await.unwrap()["response"].clone()
}

#[tokio::test]
async fn up_answers_reviews_of_pods_that_use_its_service_accounts() {
    let installation = Installation::start();
    let created = installation.json([
        "service-account",
        "create",
        "default/sademo",
        "--client-id",
        "11111111-1111-1111-1111-111111111111",
        "--output",
        "json",
    ]);
    assert_eq!(created["name"], "sademo");
    let response = review(&installation, "sademo").await;
    assert_eq!(response["allowed"], true, "{response}");
    let patch = base64::engine::general_purpose::STANDARD.decode(response["patch"].as_str().unwrap()).unwrap();
    let patch = String::from_utf8(patch).unwrap();
    for value in [
        "11111111-1111-1111-1111-111111111111",
        installation.variable("AZURE_TENANT_ID"),
        installation.variable("AZURE_AUTHORITY_HOST"),
    ] {
        assert!(patch.contains(value), "{value} is missing in {patch}");
    }
    let refused = review(&installation, "nobody").await;
    assert_eq!(refused["status"]["message"], r#"serviceaccounts "nobody" not found"#);
}
