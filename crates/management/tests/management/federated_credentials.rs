use serde_json::{Value, json};
use symbolon_core::ports::Directory;

use crate::world::{IDENTITIES, MANAGEMENT, TENANT, VERSION, World};

fn path(name: &str) -> String {
    format!("{IDENTITIES}/one/federatedIdentityCredentials/{name}?{VERSION}")
}

fn body(issuer: &str, subject: &str) -> Value {
    json!({ "properties": { "issuer": issuer, "subject": subject, "audiences": ["api://AzureADTokenExchange"] } })
}

async fn world() -> World {
    let world = World::new().await;
    world.create_identity("one").await;
    world
}

#[tokio::test]
async fn a_credential_is_created_and_then_replaced() {
    let world = world().await;
    let created = world.arm("PUT", &path("fic1"), Some(body("https://i.example/", "s1"))).await;
    assert_eq!(created.status, 201);
    insta::assert_snapshot!(created.body, @r#"{"id":"/subscriptions/33333333-3333-4333-8333-333333333333/resourcegroups/rg1/providers/Microsoft.ManagedIdentity/userAssignedIdentities/one/federatedIdentityCredentials/fic1","name":"fic1","properties":{"audiences":["api://AzureADTokenExchange"],"issuer":"https://i.example/","subject":"s1"},"type":"Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials"}"#);
    let replaced = world.arm("PUT", &path("fic1"), Some(body("https://i.example/", "s2"))).await;
    assert_eq!(replaced.status, 200);
    assert_eq!(replaced.body["properties"]["subject"], "s2");
    assert_eq!(world.arm("GET", &path("FIC1"), None).await.body, replaced.body);
}

#[tokio::test]
async fn the_token_endpoint_knows_a_credential_as_soon_as_it_is_answered() {
    let world = World::new().await;
    let identity = world.create_identity("one").await;
    let client = identity["properties"]["clientId"].as_str().unwrap().parse().unwrap();
    assert!(world.store.client(TENANT, client).unwrap().federated_credentials.is_empty());
    world.arm("PUT", &path("fic1"), Some(body("https://i.example", "s"))).await;
    assert_eq!(world.store.client(TENANT, client).unwrap().federated_credentials.as_slice()[0].subject(), Some("s"));
    world.arm("DELETE", &path("fic1"), None).await;
    assert!(world.store.client(TENANT, client).unwrap().federated_credentials.is_empty());
}

#[tokio::test]
async fn refusals_have_azure_s_texts() {
    let world = world().await;
    let properties = |properties: Value| json!({ "properties": properties });
    let exactly_one = "Federated identity credentials must have exactly one audience.";
    let empty = "Federated Identity Credential from HTTP body has empty properties";
    for (name, body, text) in [
        ("fic1", json!({}), empty),
        ("fic1", properties(json!({})), empty),
        ("fic1", properties(json!({ "issuer": "https://i.example", "audiences": ["a"] })), empty),
        ("fic1", properties(json!({ "issuer": "https://i.example", "subject": "s" })), exactly_one),
        ("fic1", properties(json!({ "issuer": "https://i.example", "subject": "s", "audiences": [] })), exactly_one),
        (
            "fic1",
            properties(json!({ "issuer": "https://i.example", "subject": "s", "audiences": ["a", "b"] })),
            exactly_one,
        ),
        ("f1", body("https://i.example", "s"), "Federated Identity Credential name 'f1' is invalid."),
        ("fic1", body("i.example", "s"), "Issuer `i.example` is not a URL"),
        ("fic1", body("https://i.example", &"s".repeat(601)), "Subject has 601 characters"),
        (
            "fic1",
            properties(json!({
                "issuer": "https://i.example", "subject": "s", "audiences": ["a"],
                "claimsMatchingExpression": { "languageVersion": 1, "value": "claims['sub'] eq 's'" },
            })),
            "'subject' and 'claimsMatchingExpression' exclude each other",
        ),
    ] {
        let answer = world.arm("PUT", &path(name), Some(body)).await;
        assert_eq!(answer.refusal(), (400, "BadRequest"), "{text}");
        assert!(answer.message().contains(text), "{} / {text}", answer.message());
    }
    let wrong_type = properties(json!({ "issuer": 1, "subject": "s", "audiences": ["a"] }));
    let answer = world.arm("PUT", &path("fic1"), Some(wrong_type)).await;
    assert_eq!(answer.refusal(), (400, "InvalidRequestContent"));
    assert!(answer.message().contains("`properties.issuer` is not a string"), "{}", answer.message());
    assert_eq!(world.arm("GET", &path("fic1"), None).await.status, 404);
}

#[tokio::test]
async fn issuer_and_subject_are_unique_in_an_identity() {
    let world = world().await;
    world.arm("PUT", &path("fic1"), Some(body("https://i.example", "s"))).await;
    let answer = world.arm("PUT", &path("fic2"), Some(body("https://i.example", "s"))).await;
    assert_eq!(answer.refusal(), (400, "BadRequest"));
    assert_eq!(answer.message(), "Issuer and subject combination already exists for this Managed Identity.");
    // Only letter case differs, and matching is exact.
    assert_eq!(world.arm("PUT", &path("fic2"), Some(body("https://i.example", "S"))).await.status, 201);
}

#[tokio::test]
async fn the_tenant_s_limit_is_kept() {
    let world = world().await;
    for name in ["fic1", "fic2"] {
        assert_eq!(world.arm("PUT", &path(name), Some(body("https://i.example", name))).await.status, 201);
    }
    let answer = world.arm("PUT", &path("fic3"), Some(body("https://i.example", "s3"))).await;
    assert_eq!(answer.refusal(), (400, "BadRequest"));
    assert!(answer.message().contains("this tenant allows 2"), "{}", answer.message());
    assert_eq!(world.arm("PUT", &path("fic2"), Some(body("https://i.example", "other"))).await.status, 200);
}

#[tokio::test]
async fn a_missing_parent_is_named_as_such() {
    let world = World::new().await;
    for (method, body) in [("GET", None), ("PUT", Some(body("https://i.example", "s"))), ("DELETE", None)] {
        let answer = world.arm(method, &path("fic1"), body).await;
        assert_eq!(answer.refusal(), (404, "ParentResourceNotFound"), "{method}");
        assert_eq!(answer.message(), "The parent user-assigned identity doesn't exist.");
    }
    let list = format!("{IDENTITIES}/one/federatedIdentityCredentials?{VERSION}");
    assert_eq!(world.arm("GET", &list, None).await.refusal(), (404, "ParentResourceNotFound"));
    let elsewhere = path("fic1").replace("rg1", "rg2");
    assert_eq!(world.arm("GET", &elsewhere, None).await.refusal(), (404, "ResourceGroupNotFound"));
}

#[tokio::test]
async fn deleting_is_200_and_then_204() {
    let world = world().await;
    world.arm("PUT", &path("fic1"), Some(body("https://i.example", "s"))).await;
    assert_eq!(world.arm("DELETE", &path("Fic1"), None).await.status, 200);
    assert_eq!(world.arm("DELETE", &path("fic1"), None).await.status, 204);
    assert_eq!(world.arm("GET", &path("fic1"), None).await.refusal(), (404, "ResourceNotFound"));
}

#[tokio::test]
async fn credentials_are_listed_in_pages() {
    let world = world().await;
    for name in ["fic1", "fic2"] {
        world.arm("PUT", &path(name), Some(body("https://i.example", name))).await;
    }
    let list = format!("{IDENTITIES}/one/federatedIdentityCredentials");
    let first = world.arm("GET", &format!("{list}?{VERSION}&$top=1"), None).await;
    assert_eq!(first.body["value"].as_array().unwrap().len(), 1);
    let link = first.body["nextLink"].as_str().unwrap();
    let second = world.arm("GET", link.strip_prefix(MANAGEMENT).unwrap(), None).await;
    assert_eq!(second.body["value"][0]["name"], "fic2");
    assert!(second.body.get("nextLink").is_none());
}

#[tokio::test]
async fn the_audit_trail_names_credential_and_subject() {
    let world = world().await;
    world.arm("PUT", &path("fic1"), Some(body("https://i.example", "system:serviceaccount:default:sademo"))).await;
    let facts = world.trail().await.pop().unwrap().facts;
    assert_eq!(facts.resource, Some(format!("{IDENTITIES}/one/federatedIdentityCredentials/fic1")));
    assert_eq!(facts.subject.as_deref(), Some("system:serviceaccount:default:sademo"));
}

fn flexible(version: &Value, value: &str) -> Value {
    json!({ "properties": {
        "issuer": "https://i.example", "audiences": ["a"],
        "claimsMatchingExpression": { "languageVersion": version, "value": value },
    } })
}

#[tokio::test]
async fn a_credential_may_have_an_expression_instead_of_a_subject() {
    let world = world().await;
    let text = "claims['sub'] matches system:serviceaccount:ns:*";
    let created = world.arm("PUT", &path("fic1"), Some(flexible(&json!(1), text))).await;
    assert_eq!(created.status, 201);
    insta::assert_snapshot!(created.body["properties"], @r#"{"audiences":["a"],"claimsMatchingExpression":{"languageVersion":1,"value":"claims['sub'] matches system:serviceaccount:ns:*"},"issuer":"https://i.example"}"#);
    assert_eq!(world.arm("GET", &path("fic1"), None).await.body, created.body);
    assert_eq!(world.trail().await.pop().unwrap().facts.subject.as_deref(), Some(text));
    let again = world.arm("PUT", &path("fic2"), Some(flexible(&json!(1), text))).await;
    assert_eq!(again.message(), "Issuer and subject combination already exists for this Managed Identity.");

    let replaced = world.arm("PUT", &path("fic1"), Some(body("https://i.example", "s"))).await;
    assert_eq!(replaced.body["properties"]["subject"], "s");
    assert!(replaced.body["properties"].get("claimsMatchingExpression").is_none());
}

#[tokio::test]
async fn an_expression_that_is_none_is_refused_with_the_place() {
    let world = world().await;
    for (version, value, text) in [
        (json!(2), "claims['sub'] eq 'x'", "'claimsMatchingExpression.languageVersion' is 2, expected 1."),
        (Value::Null, "claims['sub'] eq 'x'", "'claimsMatchingExpression.languageVersion' is missing, expected 1."),
        (
            json!(1),
            "claims['sub'] like 'x'",
            "Claims matching expression is wrong at character 15: expected `eq` or `matches`",
        ),
        (json!(1), &format!("claims['sub'] eq '{}'", "x".repeat(600)), "has 619 characters, expected 1 to 600."),
    ] {
        let answer = world.arm("PUT", &path("fic1"), Some(flexible(&version, value))).await;
        assert_eq!(answer.refusal(), (400, "BadRequest"), "{text}");
        assert!(answer.message().contains(text), "{} / {text}", answer.message());
    }
    assert_eq!(world.arm("GET", &path("fic1"), None).await.status, 404);
}
