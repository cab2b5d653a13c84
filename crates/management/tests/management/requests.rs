use axum::body::Body;
use http::{Request, header};
use serde_json::json;

use crate::world::{
    GRAPH, GROUP, IDENTITIES, IDENTITY_IDS, MANAGEMENT, SUBSCRIPTION, VERSION, Who, World, request, token,
};

async fn raw(world: &World, content_type: Option<&str>, body: &[u8]) -> crate::world::Answer {
    let mut request = Request::builder()
        .method("PUT")
        .uri(format!("{IDENTITIES}/one?{VERSION}"))
        .header(header::AUTHORIZATION, format!("Bearer {}", token(Who::Owner, MANAGEMENT)));
    if let Some(content_type) = content_type {
        request = request.header(header::CONTENT_TYPE, content_type);
    }
    world.send(request.body(Body::from(body.to_vec())).unwrap()).await
}

#[tokio::test]
async fn paths_that_lead_nowhere_are_404_in_the_api_s_own_form() {
    let world = World::new().await;
    for path in ["/", "/nothing", "/subscriptions/x/resourceGroups/y/providers/Other/things", "/symbolon/v2/keys"] {
        let answer = world.arm("GET", path, None).await;
        assert_eq!(answer.refusal(), (404, "NotFound"), "{path}");
    }
    let answer = world.call(Who::Owner, GRAPH, "GET", "/v1.0/users", None).await;
    assert_eq!(answer.refusal(), (404, "Request_ResourceNotFound"));
    assert_eq!(answer.body["error"]["innerError"]["request-id"], answer.header("request-id"));
}

#[tokio::test]
async fn a_wrong_method_is_405_and_the_right_ones_are_named() {
    let world = World::new().await;
    let answer = world.arm("POST", &format!("{IDENTITIES}/one?{VERSION}"), None).await;
    assert_eq!(answer.refusal(), (405, "MethodNotAllowed"));
    let allowed = answer.header("allow");
    for method in ["GET", "PUT", "PATCH", "DELETE"] {
        assert!(allowed.contains(method), "{allowed}");
    }
}

#[tokio::test]
async fn fixed_words_of_a_path_compare_without_regard_to_letter_case() {
    let world = World::new().await;
    world.create_identity("One").await;
    let path = format!("{IDENTITIES}/oNE?API-Version=x").to_lowercase();
    let answer = world.arm("GET", &path, None).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.body["name"], "One");
    assert_eq!(answer.body["id"], format!("{IDENTITY_IDS}/One"));
    assert_eq!(world.arm("GET", &format!("{IDENTITIES}/One/?{VERSION}").to_uppercase(), None).await.status, 200);
}

#[tokio::test]
async fn arm_wants_an_api_version() {
    let world = World::new().await;
    for path in [IDENTITIES, GROUP, "/subscriptions"] {
        for query in ["", "?api-version=", "?x=y"] {
            let answer = world.arm("GET", &format!("{path}{query}"), None).await;
            assert_eq!(answer.refusal(), (400, "MissingApiVersionParameter"), "{path}{query}");
        }
    }
}

#[tokio::test]
async fn a_malformed_subscription_id_is_400() {
    let world = World::new().await;
    let path = IDENTITIES.replace(SUBSCRIPTION, "main");
    assert_eq!(world.arm("GET", &format!("{path}?{VERSION}"), None).await.refusal(), (400, "InvalidSubscriptionId"));
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_400_and_says_why() {
    let world = World::new().await;
    let json = Some("application/json; charset=utf-8");
    for (body, why) in [
        (&b""[..], ""),
        (b"{", ""),
        (b"[]", "not a JSON object"),
        (b"{\"location\":\"a\",\"location\":\"b\"}", "location"),
        (b"{\"location\":1}", "member `location` is not a string"),
        (b"{\"location\":\"a\",\"tags\":{\"x\":1}}", "member `tags` is not an object of strings"),
        (b"{\"location\":\"\xff\"}", ""),
    ] {
        let answer = raw(&world, json, body).await;
        assert_eq!(answer.refusal(), (400, "InvalidRequestContent"), "{}", String::from_utf8_lossy(body));
        assert!(answer.message().contains(why), "{}", answer.message());
    }
    assert_eq!(raw(&world, json, b"{\"location\":\"a\",\"unknown\":[1,{}]}").await.status, 201);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_413() {
    let world = World::new().await;
    let body = json!({ "location": "a", "filler": "x".repeat(600 * 1024) }).to_string();
    assert_eq!(raw(&world, None, body.as_bytes()).await.refusal(), (413, "RequestContentTooLarge"));
}

#[tokio::test]
async fn another_content_type_than_json_is_415() {
    let world = World::new().await;
    let body = json!({ "location": "a" }).to_string();
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx"] {
        assert_eq!(raw(&world, Some(kind), body.as_bytes()).await.refusal(), (415, "UnsupportedMediaType"), "{kind}");
    }
    assert_eq!(raw(&world, None, body.as_bytes()).await.status, 201);
}

#[tokio::test]
async fn ids_of_requests_are_echoed_and_nothing_is_cached() {
    let world = World::new().await;
    let id = "0d4691ed-659b-4935-a832-355f77ee47cc";
    let mut sent = request("GET", "/symbolon/v1/keys", Some(&token(Who::Owner, MANAGEMENT)), None);
    sent.headers_mut().insert("x-ms-correlation-request-id", id.parse().unwrap());
    let answer = world.send(sent).await;
    assert_eq!(answer.header("x-ms-correlation-request-id"), id);
    assert_eq!(answer.header("x-ms-request-id").len(), 36);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
    assert_eq!(answer.body, json!({ "value": [{ "keyId": "k1", "state": "active", "created": 1_780_315_200 }] }));
}

#[tokio::test]
async fn a_full_disk_is_507_and_what_nobody_recorded_is_not_handed_out() {
    let world = World::with_full_audit().await;
    let account = json!({ "namespace": "default", "name": "sademo" });
    let answer = world.arm("POST", "/symbolon/v1/serviceaccounts", Some(account)).await;
    assert_eq!(answer.refusal(), (507, "InsufficientStorage"));
    let answer =
        world.arm("POST", "/symbolon/v1/namespaces/default/serviceaccounts/sademo/token", Some(json!({}))).await;
    assert_eq!(answer.refusal(), (507, "InsufficientStorage"));
    assert!(answer.body.get("status").is_none());
}

#[tokio::test]
async fn the_installation_names_its_places() {
    let world = World::new().await;
    let answer = world.arm("GET", "/symbolon/v1/installation", None).await;
    insta::assert_snapshot!(answer.body, @r#"{"appConfiguration":"https://localhost:8446","authority":"https://localhost:8443","issuer":"https://localhost:8447","management":"https://localhost:8444","resourceGroup":"rg1","subscriptionId":"33333333-3333-4333-8333-333333333333","tenantId":"11111111-1111-4111-8111-111111111111","vault":"https://localhost:8445"}"#);
}
