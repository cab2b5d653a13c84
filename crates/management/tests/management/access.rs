use serde_json::json;
use symbolon_core::audit::{Operation, Outcome};
use symbolon_jose::{KeyKind, SigningKey};

use crate::world::{GRAPH, GROUP, IDENTITIES, KEY, MANAGEMENT, NOW, VERSION, Who, World, claims, request, sign, token};

/// One path of each API, with the audience of its tokens.
fn paths() -> [(String, &'static str); 3] {
    [
        (format!("{IDENTITIES}?{VERSION}"), MANAGEMENT),
        ("/v1.0/applications".into(), GRAPH),
        ("/symbolon/v1/serviceaccounts".into(), MANAGEMENT),
    ]
}

#[tokio::test]
async fn without_a_token_every_api_answers_401_and_says_where_to_get_one() {
    let world = World::new().await;
    for (path, _) in paths() {
        let answer = world.send(request("GET", &path, None, None)).await;
        assert_eq!(answer.status, 401, "{path}");
        let challenge = answer.header("www-authenticate");
        assert!(
            challenge.starts_with(r#"Bearer authorization_uri="https://localhost:8443/common", error="invalid_token""#),
            "{challenge}"
        );
    }
}

#[tokio::test]
async fn a_token_of_another_kind_is_401_in_every_api() {
    let world = World::new().await;
    let stranger = SigningKey::generate(KeyKind::P256).unwrap();
    for (path, audience) in paths() {
        let good = claims(Who::Owner, audience);
        let changed = |name: &str, value: serde_json::Value| {
            let mut claims = good.clone();
            claims[name] = value;
            sign(&KEY, &claims)
        };
        let wrong_audience = if audience == GRAPH { MANAGEMENT } else { GRAPH };
        let cases = [
            ("InvalidAuthenticationToken", token(Who::Owner, wrong_audience)),
            ("InvalidAuthenticationToken", token(Who::Owner, "https://vault.azure.net")),
            ("InvalidAuthenticationToken", sign(&stranger, &good)),
            ("InvalidAuthenticationToken", "not.a.token".into()),
            ("ExpiredAuthenticationToken", changed("exp", json!(NOW - 3600))),
            ("ExpiredAuthenticationToken", changed("nbf", json!(NOW + 3600))),
            ("InvalidAuthenticationTokenTenant", changed("iss", json!("https://localhost:8443/x/"))),
        ];
        for (code, token) in cases {
            let answer = world.send(request("GET", &path, Some(&token), None)).await;
            assert_eq!(answer.status, 401, "{path} {code}");
            if audience == MANAGEMENT {
                assert_eq!(answer.code(), code, "{path}");
            } else {
                assert_eq!(answer.code(), "InvalidAuthenticationToken");
            }
        }
        let answer = world.call(Who::Owner, audience, "GET", &path, None).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    }
}

#[tokio::test]
async fn another_scheme_than_bearer_is_401() {
    let world = World::new().await;
    for value in ["Basic eDp5", "Bearer", "Bearer ", "token"] {
        let mut request = request("GET", "/symbolon/v1/keys", None, None);
        request.headers_mut().insert("authorization", value.parse().unwrap());
        assert_eq!(world.send(request).await.refusal(), (401, "AuthenticationFailedInvalidHeader"), "{value}");
    }
}

#[tokio::test]
async fn a_reader_reads_and_its_writes_are_403_with_action_and_scope() {
    let world = World::new().await;
    world.create_identity("one").await;
    let one = format!("{IDENTITIES}/one?{VERSION}");
    assert_eq!(world.call(Who::Reader, MANAGEMENT, "GET", &one, None).await.status, 200);
    for (method, verb) in [("PUT", "write"), ("PATCH", "write"), ("DELETE", "delete")] {
        let body = json!({ "location": "local" });
        let answer = world.call(Who::Reader, MANAGEMENT, method, &one, Some(&body)).await;
        assert_eq!(answer.refusal(), (403, "AuthorizationFailed"), "{method}");
        let action = format!("'Microsoft.ManagedIdentity/userAssignedIdentities/{verb}'");
        assert!(answer.message().contains(&action), "{}", answer.message());
        assert!(answer.message().contains(&format!("'{IDENTITIES}/one'")), "{}", answer.message());
    }
    assert_eq!(world.arm("GET", &one, None).await.status, 200);
}

#[tokio::test]
async fn a_refused_write_stands_in_the_audit_trail_and_a_refused_read_does_not() {
    let world = World::new().await;
    let one = format!("{IDENTITIES}/one?{VERSION}");
    world.call(Who::Nobody, MANAGEMENT, "GET", &one, None).await;
    world.call(Who::Nobody, MANAGEMENT, "DELETE", &one, None).await;
    let trail = world.trail().await;
    assert_eq!(trail.len(), 1);
    assert_eq!((trail[0].operation, trail[0].outcome), (Operation::Delete, Outcome::Refused));
    assert_eq!(trail[0].facts.client_id, Some(Who::Nobody.object().to_string()));
    assert!(trail[0].reason.as_ref().unwrap().contains("does not have authorization"));
}

#[tokio::test]
async fn without_a_role_nothing_can_be_read() {
    let world = World::new().await;
    for (path, audience) in paths() {
        let answer = world.call(Who::Nobody, audience, "GET", &path, None).await;
        assert_eq!(answer.status, 403, "{path}");
    }
    let listed = world.call(Who::Nobody, MANAGEMENT, "GET", &format!("/subscriptions?{VERSION}"), None).await;
    assert_eq!(listed.body, json!({ "value": [] }));
}

#[tokio::test]
async fn a_reader_of_resources_sees_neither_directory_nor_symbolon_s_own_api() {
    let world = World::new().await;
    for path in [
        "/symbolon/v1/installation",
        "/symbolon/v1/keys",
        "/symbolon/v1/audit",
        "/symbolon/v1/serviceaccounts",
        "/symbolon/v1/namespaces/default/serviceaccounts/x",
        "/symbolon/v1/trusted-issuers",
        "/symbolon/v1/trusted-issuers/x",
    ] {
        let answer = world.call(Who::Reader, MANAGEMENT, "GET", path, None).await;
        assert_eq!(answer.refusal(), (403, "AuthorizationFailed"), "{path}");
    }
    for path in ["/v1.0/applications", "/v1.0/applications/x", "/v1.0/servicePrincipals"] {
        let answer = world.call(Who::Reader, GRAPH, "GET", path, None).await;
        assert_eq!(answer.refusal(), (403, "Authorization_RequestDenied"), "{path}");
    }
}

#[tokio::test]
async fn a_subscription_of_another_tenant_is_not_there() {
    let world = World::new().await;
    world.create_identity("one").await;
    for path in [format!("{IDENTITIES}/one"), IDENTITIES.into(), GROUP.into()] {
        let answer = world.call(Who::Foreigner, MANAGEMENT, "GET", &format!("{path}?{VERSION}"), None).await;
        assert_eq!(answer.refusal(), (404, "SubscriptionNotFound"), "{path}");
    }
    let body = json!({ "location": "local" });
    let answer =
        world.call(Who::Foreigner, MANAGEMENT, "PUT", &format!("{IDENTITIES}/one?{VERSION}"), Some(&body)).await;
    assert_eq!(answer.refusal(), (404, "SubscriptionNotFound"));
}

#[tokio::test]
async fn the_owner_of_another_tenant_gets_no_service_account_token() {
    let world = World::new().await;
    let account = json!({ "namespace": "default", "name": "sademo" });
    assert_eq!(world.arm("POST", "/symbolon/v1/serviceaccounts", Some(account)).await.status, 201);
    let path = "/symbolon/v1/namespaces/default/serviceaccounts/sademo";
    for (method, path) in [("POST", format!("{path}/token")), ("GET", path.into()), ("DELETE", path.into())] {
        let answer = world.call(Who::Foreigner, MANAGEMENT, method, &path, Some(&json!({}))).await;
        assert_eq!(answer.refusal(), (403, "AuthorizationFailed"), "{method} {path}");
    }
    assert_eq!(world.arm("GET", path, None).await.status, 200);
}

#[tokio::test]
async fn a_stranger_learns_nothing_from_how_a_body_fails() {
    let world = World::new().await;
    let answer = world.send(request("PUT", &format!("{IDENTITIES}/one"), None, Some(&json!("x")))).await;
    assert_eq!(answer.status, 401);
    let answer = world.call(Who::Nobody, GRAPH, "POST", "/v1.0/applications", Some(&json!({}))).await;
    assert_eq!(answer.status, 403);
}
