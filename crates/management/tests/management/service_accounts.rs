use serde_json::{Value, json};
use symbolon_core::audit::Operation;
use symbolon_jose::{Unverified, VerificationKeys};

use crate::world::{NOW, World};

const ALL: &str = "/symbolon/v1/serviceaccounts";
const SADEMO: &str = "/symbolon/v1/namespaces/default/serviceaccounts/sademo";

async fn world() -> World {
    let world = World::new().await;
    let body = json!({
        "namespace": "default", "name": "sademo", "annotations": { "azure.workload.identity/client-id": "c" },
    });
    let answer = world.arm("POST", ALL, Some(body)).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(answer.body["created"], NOW);
    world
}

#[tokio::test]
async fn a_service_account_lives_from_post_to_delete() {
    let world = world().await;
    let found = world.arm("GET", SADEMO, None).await;
    assert_eq!(found.status, 200);
    assert_eq!(found.body["annotations"], json!({ "azure.workload.identity/client-id": "c" }));
    let again = world.arm("POST", ALL, Some(json!({ "namespace": "default", "name": "sademo" }))).await;
    assert_eq!(again.refusal(), (409, "Conflict"));
    world.arm("POST", ALL, Some(json!({ "namespace": "prod", "name": "sademo" }))).await;
    let names = |answer: &Value| -> Vec<String> {
        answer["value"].as_array().unwrap().iter().map(|item| item["namespace"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&world.arm("GET", ALL, None).await.body), ["default", "prod"]);
    assert_eq!(names(&world.arm("GET", &format!("{ALL}?namespace=prod"), None).await.body), ["prod"]);
    assert_eq!(world.arm("DELETE", SADEMO, None).await.status, 200);
    assert_eq!(world.arm("DELETE", SADEMO, None).await.status, 204);
    assert_eq!(world.arm("GET", SADEMO, None).await.refusal(), (404, "ResourceNotFound"));
}

#[tokio::test]
async fn patch_merges_annotations_and_null_takes_one_away() {
    let world = world().await;
    let patched = world.arm("PATCH", SADEMO, Some(json!({ "annotations": { "a": "1" } }))).await;
    assert_eq!(patched.body["annotations"], json!({ "a": "1", "azure.workload.identity/client-id": "c" }));
    let patch = json!({ "annotations": { "azure.workload.identity/client-id": null } });
    assert_eq!(world.arm("PATCH", SADEMO, Some(patch)).await.body["annotations"], json!({ "a": "1" }));
    let wrong = world.arm("PATCH", SADEMO, Some(json!({ "annotations": { "a": 1 } }))).await;
    assert_eq!(wrong.refusal(), (400, "InvalidRequestContent"));
    let large = json!({ "annotations": { "a": "x".repeat(300 * 1024) } });
    assert_eq!(world.arm("PATCH", SADEMO, Some(large)).await.refusal(), (400, "InvalidAnnotations"));
    let missing = SADEMO.replace("sademo", "other");
    assert_eq!(world.arm("PATCH", &missing, Some(json!({}))).await.refusal(), (404, "ResourceNotFound"));
}

#[tokio::test]
async fn names_that_would_blur_the_subject_are_refused() {
    let world = World::new().await;
    for (namespace, name) in [("a:b", "c"), ("a", "b:c"), ("A", "b"), ("a", "b/c"), ("", "b"), ("a.b", "c"), ("a", "")]
    {
        let answer = world.arm("POST", ALL, Some(json!({ "namespace": namespace, "name": name }))).await;
        assert_eq!(answer.refusal(), (400, "InvalidResourceName"), "{namespace}/{name}");
    }
    let answer = world.arm("POST", ALL, Some(json!({ "name": "b" }))).await;
    assert_eq!(answer.refusal(), (400, "InvalidRequestContent"));
    assert!(answer.message().contains("`namespace` is missing"), "{}", answer.message());
}

#[tokio::test]
async fn a_token_is_asked_for_and_answered_as_in_kubernetes() {
    let world = world().await;
    let body = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
        "spec": {
            "audiences": ["api://AzureADTokenExchange"], "expirationSeconds": 600,
            "boundObjectRef": { "apiVersion": "v1", "kind": "Pod", "name": "web-0" }, "nodeName": "node-1",
        },
    });
    let answer = world.arm("POST", &format!("{SADEMO}/token"), Some(body.clone())).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(answer.body["kind"], "TokenRequest");
    assert_eq!(answer.body["status"]["expirationTimestamp"], "2026-06-01T12:10:00Z");
    let keys = VerificationKeys::new(&world.issuer.key_set());
    let claims = |answer: &Value| -> Value {
        let parsed = Unverified::parse(answer["status"]["token"].as_str().unwrap()).unwrap();
        let key = keys.get(parsed.header().kid().unwrap()).unwrap();
        parsed.verify(key).unwrap().claims().unwrap()
    };
    let first = claims(&answer.body);
    assert_eq!(first["sub"], "system:serviceaccount:default:sademo");
    assert_eq!(first["aud"], json!(["api://AzureADTokenExchange"]));
    assert_eq!(first["kubernetes.io"]["pod"]["name"], "web-0");
    assert_eq!(first["kubernetes.io"]["node"]["name"], "node-1");
    let again = claims(&world.arm("POST", &format!("{SADEMO}/token"), Some(body)).await.body);
    assert_eq!(again["kubernetes.io"]["pod"]["uid"], first["kubernetes.io"]["pod"]["uid"], "one pod keeps its uid");
    assert_ne!(again["jti"], first["jti"]);
}

#[tokio::test]
async fn a_bad_token_request_is_422() {
    let world = world().await;
    for (spec, text) in [
        (json!({ "expirationSeconds": 599 }), "may not specify a duration less than 10 minutes"),
        (json!({ "expirationSeconds": 86_401 }), "may not specify a duration longer than 24 hours"),
        (json!({ "audiences": [""] }), "spec.audiences"),
        (json!({ "boundObjectRef": { "kind": "Secret", "name": "x" } }), "supported values: Pod"),
        (json!({ "boundObjectRef": { "kind": "Pod", "name": "A B" } }), "pod `A B` is invalid"),
        (json!({ "boundObjectRef": { "kind": "Pod", "name": "a", "uid": "x" } }), "not a UUID"),
        (json!({ "nodeName": "n" }), "spec.nodeName"),
    ] {
        let answer = world.arm("POST", &format!("{SADEMO}/token"), Some(json!({ "spec": spec }))).await;
        assert_eq!(answer.refusal(), (422, "Invalid"), "{text}");
        assert!(answer.message().contains(text), "{}", answer.message());
    }
    let missing = world.arm("POST", &format!("{}/token", SADEMO.replace("sademo", "x")), Some(json!({}))).await;
    assert_eq!(missing.refusal(), (404, "ResourceNotFound"));
    assert!(world.trail().await.iter().all(|record| record.operation != Operation::ServiceAccountToken));
}

#[tokio::test]
async fn every_token_stands_in_the_audit_trail_and_none_in_clear() {
    let world = world().await;
    let answer = world.arm("POST", &format!("{SADEMO}/token"), Some(json!({}))).await;
    let token = answer.body["status"]["token"].as_str().unwrap();
    let record = world.trail().await.pop().unwrap();
    assert_eq!(record.operation, Operation::ServiceAccountToken);
    assert_eq!(record.facts.subject.as_deref(), Some("system:serviceaccount:default:sademo"));
    let text = serde_json::to_string(&record).unwrap();
    let signature = token.rsplit('.').next().unwrap();
    assert!(!text.contains(signature));
}
