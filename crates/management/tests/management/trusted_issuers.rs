use serde_json::json;

use crate::world::{ISSUER, MANAGEMENT, OTHER_TENANT, TENANT, Who, World};

const ALL: &str = "/symbolon/v1/trusted-issuers";
const ONE: &str = "/symbolon/v1/trusted-issuers/https%3A%2F%2Fi.example%2Fpath";
const URL: &str = "https://i.example/path";

#[tokio::test]
async fn a_registration_lives_from_put_to_delete_and_each_change_is_told() {
    let world = World::new().await;
    let made = world.arm("PUT", ALL, Some(json!({ "issuer": URL, "caPem": "PEM", "allowPrivate": true }))).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(made.body, json!({ "issuer": URL, "caPem": "PEM", "allowPrivate": true }));
    assert_eq!(world.arm("GET", ONE, None).await.body, made.body);
    let replaced = world.arm("PUT", ALL, Some(json!({ "issuer": URL, "jwks": "{\"keys\":[]}" }))).await;
    assert_eq!(replaced.status, 200);
    assert_eq!(replaced.body, json!({ "issuer": URL, "jwks": "{\"keys\":[]}", "allowPrivate": false }));
    assert_eq!(world.arm("GET", ALL, None).await.body, json!({ "value": [replaced.body] }));
    assert_eq!(world.arm("DELETE", ONE, None).await.status, 200);
    assert_eq!(world.arm("DELETE", ONE, None).await.status, 204);
    assert_eq!(world.arm("GET", ONE, None).await.refusal(), (404, "ResourceNotFound"));
    let told = world.registrations.0.lock().unwrap().clone();
    assert_eq!(told, vec![(TENANT, URL.to_owned()); 3]);
    assert_eq!(world.trail().await.len(), 3);
}

#[tokio::test]
async fn a_registration_that_could_not_be_used_is_refused_and_not_stored() {
    let world = World::new().await;
    for (body, text) in [
        (json!({ "issuer": "i.example" }), "not a URL"),
        (json!({ "issuer": "https://i.example?x" }), "query"),
        (json!({ "issuer": URL, "jwks": "bad" }), "the key set holds no key"),
        (json!({ "issuer": URL, "jwks": "{}", "allowPrivate": true }), "nothing is fetched"),
        (json!({ "issuer": URL, "jwks": "{}", "caPem": "PEM" }), "nothing is fetched"),
        (json!({ "issuer": ISSUER, "allowPrivate": true }), "embedded issuer"),
    ] {
        let answer = world.arm("PUT", ALL, Some(body)).await;
        assert_eq!(answer.refusal(), (400, "InvalidTrustedIssuer"), "{text}");
        assert!(answer.message().contains(text), "{}", answer.message());
    }
    let answer = world.arm("PUT", ALL, Some(json!({ "issuer": URL, "allowPrivate": "yes" }))).await;
    assert_eq!(answer.refusal(), (400, "InvalidRequestContent"));
    assert_eq!(world.arm("GET", ALL, None).await.body, json!({ "value": [] }));
    assert!(world.registrations.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_one_tenant_says_of_an_issuer_is_unknown_in_another() {
    let world = World::new().await;
    let body = json!({ "issuer": URL, "allowPrivate": true });
    assert_eq!(world.call(Who::Foreigner, MANAGEMENT, "PUT", ALL, Some(&body)).await.status, 201);
    assert_eq!(world.arm("GET", ONE, None).await.status, 404);
    assert_eq!(world.arm("DELETE", ONE, None).await.status, 204);
    assert_eq!(world.call(Who::Foreigner, MANAGEMENT, "GET", ONE, None).await.status, 200);
    let told = world.registrations.0.lock().unwrap().clone();
    assert_eq!(told, [(OTHER_TENANT, URL.to_owned())]);
}
