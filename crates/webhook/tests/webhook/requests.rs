//! What is sent to the webhook, and what comes back.

use serde_json::{Value, json};

use crate::fake::{account, account_path};
use crate::world::{caller, client_id, one_replica, published, review, send, url};

#[tokio::test]
async fn a_pod_gets_its_account_s_client_id_over_both_versions_of_http() {
    let (fake, replica) = one_replica().await;
    fake.put(&account_path("default", "sademo"), account(Some("11111111-1111-1111-1111-111111111111")));
    for http2 in [false, true] {
        let client = caller(published(&fake), replica.address, http2);
        let response = send(&client, replica.address, &review("sademo")).await.unwrap();
        assert_eq!(client_id(&response).as_deref(), Some("11111111-1111-1111-1111-111111111111"));
    }
}

#[tokio::test]
async fn v1beta1_is_answered_in_kind() {
    let (fake, replica) = one_replica().await;
    fake.put(&account_path("default", "sademo"), account(Some("11111111-1111-1111-1111-111111111111")));
    let mut review = review("sademo");
    review["apiVersion"] = "admission.k8s.io/v1beta1".into();
    let client = caller(published(&fake), replica.address, false);
    let response = client.post(url(replica.address)).json(&review).send().await.unwrap();
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["apiVersion"], "admission.k8s.io/v1beta1");
    assert_eq!(answer["response"]["allowed"], true);
}

#[tokio::test]
async fn what_is_no_review_is_refused_in_upstream_s_words_with_status_200() {
    let (fake, replica) = one_replica().await;
    let client = caller(published(&fake), replica.address, false);
    let large = "x".repeat(7 * 1024 * 1024);
    for (content_type, body, code, message) in [
        ("application/json", "", 400, "request body is empty"),
        ("text/plain", "{}", 400, "contentType=text/plain, expected application/json"),
        ("application/json", large.as_str(), 413, "request entity is too large; limit is 7340032 bytes"),
    ] {
        let request = client.post(url(replica.address)).header("content-type", content_type).body(body.to_owned());
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/json");
        let answer: Value = response.json().await.unwrap();
        assert_eq!(answer["response"]["allowed"], false);
        assert_eq!(answer["response"]["status"], json!({ "code": code, "message": message }));
    }
}

#[tokio::test]
async fn malformed_bodies_are_refused_and_harm_nobody() {
    let (fake, replica) = one_replica().await;
    fake.put(&account_path("default", "sademo"), account(Some("11111111-1111-1111-1111-111111111111")));
    let client = caller(published(&fake), replica.address, false);
    let deep = "[".repeat(100_000);
    for body in ["{", "null", "[]", "{}", "\u{0}", r#"{"request":null}"#, r#"{"request":{"object":1}}"#, &deep] {
        let request = client.post(url(replica.address)).header("content-type", "application/json");
        let response = request.body(body.to_owned()).send().await.unwrap();
        assert_eq!(response.status(), 200, "{body:.40}");
        let answer: Value = response.json().await.unwrap();
        assert_eq!(answer["response"]["allowed"], false, "{body:.40}");
        assert_eq!(answer["response"]["status"]["code"], 400, "{body:.40}");
    }
    let response = send(&client, replica.address, &review("sademo")).await.unwrap();
    assert!(client_id(&response).is_some());
}

#[tokio::test]
async fn a_body_without_a_declared_length_is_bounded_too() {
    let (fake, replica) = one_replica().await;
    let client = caller(published(&fake), replica.address, true);
    let pieces = futures_util::stream::iter((0..8).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1024 * 1024])));
    let request = client.post(url(replica.address)).header("content-type", "application/json");
    let response = request.body(reqwest::Body::wrap_stream(pieces)).send().await.unwrap();
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["response"]["status"]["code"], 413);
}

#[tokio::test]
async fn requests_are_counted_under_upstream_s_names_and_ours() {
    let (fake, replica) = one_replica().await;
    fake.put(&account_path("default", "sademo"), account(Some("11111111-1111-1111-1111-111111111111")));
    let client = caller(published(&fake), replica.address, false);
    send(&client, replica.address, &review("sademo")).await.unwrap();
    for (line, value) in [
        (r#"controller_runtime_webhook_requests_total{webhook="/mutate-v1-pod",code="200"}"#, 1.0),
        (r#"azwi_mutation_request_count{namespace="default",service_name="webhook"}"#, 1.0),
        (r#"symbolon_webhook_reviews_total{outcome="mutated"}"#, 1.0),
        ("symbolon_webhook_leader", 1.0),
    ] {
        assert!((replica.metric(line).await - value).abs() < f64::EPSILON, "{line}");
    }
    assert!(replica.metric("symbolon_webhook_certificate_expiry_timestamp_seconds").await > 1.7e9);
}
