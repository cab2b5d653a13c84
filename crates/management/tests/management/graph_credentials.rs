use http::Request;
use serde_json::{Value, json};
use symbolon_core::{
    Tenant,
    ports::{Directory, management::ManagementStore},
    tenant::{SimulatedTrouble, TenantSettings},
};

use crate::world::{Answer, GRAPH, NOW, TENANT, Who, World, token};

const ISSUER: &str = "https://issuer.example/";
const UNKNOWN: &str = "0d4691ed-659b-4935-a832-355f77ee47cc";

/// A world with an application, and the path of its credentials.
async fn with_application() -> (World, String, Value) {
    let world = World::new().await;
    let application = world.graph("POST", "/applications", Some(json!({ "displayName": "billing" }))).await.body;
    let path = format!("/applications/{}/federatedIdentityCredentials", application["id"].as_str().unwrap());
    (world, path, application)
}

fn credential(name: &str, subject: &str) -> Value {
    json!({ "name": name, "issuer": ISSUER, "subject": subject, "audiences": ["api://AzureADTokenExchange"] })
}

async fn upsert(world: &World, path: &str, name: &str, body: &Value) -> Answer {
    let request = Request::patch(format!("/v1.0{path}(name='{name}')"))
        .header("authorization", format!("Bearer {}", token(Who::Owner, GRAPH)))
        .header("content-type", "application/json")
        .header("prefer", "respond-async, Create-If-Missing")
        .body(body.to_string().into());
    world.send(request.unwrap()).await
}

#[tokio::test]
async fn a_credential_lives_from_post_to_delete() {
    let (world, path, application) = with_application().await;
    let made = world.graph("POST", &path, Some(credential("Kubernetes", "system:serviceaccount:a:b"))).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(made.body["description"], Value::Null);
    let id = made.body["id"].as_str().unwrap();
    let key = format!("/applications(appId='{}')", application["appId"].as_str().unwrap());
    for one in [format!("{path}/{id}"), format!("{path}/kubernetes"), format!("{path}(name='Kubernetes')")] {
        assert_eq!(world.graph("GET", &one, None).await.body, made.body, "{one}");
    }
    let list = world.graph("GET", &format!("{key}/federatedIdentityCredentials"), None).await.body;
    assert_eq!(list["value"][0]["id"], id);
    assert!(list["@odata.context"].as_str().unwrap().ends_with("')/federatedIdentityCredentials"), "{list}");

    let body = json!({ "subject": "other", "description": "for CI" });
    assert_eq!(world.graph("PATCH", &format!("{path}/{id}"), Some(body)).await.status, 204);
    let changed = world.graph("GET", &format!("{path}/{id}"), None).await.body;
    assert_eq!((&changed["subject"], &changed["issuer"]), (&json!("other"), &json!(ISSUER)));
    assert_eq!(changed["description"], "for CI");
    let body = json!({ "description": null });
    assert_eq!(world.graph("PATCH", &format!("{path}/Kubernetes"), Some(body)).await.status, 204);
    assert_eq!(world.graph("GET", &format!("{path}/{id}"), None).await.body["description"], Value::Null);

    assert_eq!(world.graph("DELETE", &format!("{path}/{id}"), None).await.status, 204);
    assert_eq!(world.graph("GET", &path, None).await.body["value"], json!([]));
    let gone = world.graph("DELETE", &format!("{path}/{id}"), None).await;
    assert_eq!(gone.refusal(), (404, "Request_ResourceNotFound"));
    assert_eq!(world.trail().await.len(), 5);
}

#[tokio::test]
async fn a_credential_is_created_if_missing_and_updated_if_not() {
    let (world, path, _) = with_application().await;
    let made = upsert(&world, &path, "kubernetes", &credential("kubernetes", "one")).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(upsert(&world, &path, "kubernetes", &credential("kubernetes", "two")).await.status, 204);
    let shown = world.graph("GET", &format!("{path}/kubernetes"), None).await.body;
    assert_eq!((&shown["subject"], &shown["id"]), (&json!("two"), &made.body["id"]));
    let without = world.graph("PATCH", &format!("{path}(name='other')"), Some(credential("other", "x"))).await;
    assert_eq!(without.refusal(), (404, "Request_ResourceNotFound"));
}

#[tokio::test]
async fn the_same_issuer_and_subject_twice_are_refused_in_the_words_of_graph() {
    let (world, path, _) = with_application().await;
    world.graph("POST", &path, Some(credential("one", "same"))).await;
    let answer = world.graph("POST", &path, Some(credential("two", "same"))).await;
    assert_eq!(answer.refusal(), (400, "InvalidFederatedIdentityCredentialValue"));
    assert_eq!(
        answer.message(),
        "The combination of issuer and subject must be unique for the application. Issuer https://issuer.example/ and Subject: same already exist. paramName: FederatedIdentityCredential.Subject, paramValue: same, objectType: Microsoft.Online.DirectoryServices.Application"
    );
    assert!(answer.body["error"]["innerError"]["request-id"].is_string());
}

#[tokio::test]
async fn bad_credentials_are_refused_with_the_reason() {
    let (world, path, _) = with_application().await;
    world.graph("POST", &path, Some(credential("taken", "taken"))).await;
    let with = |name: &str, value: Value| {
        let mut body = credential("good", "good");
        body[name] = value;
        body
    };
    let (bad, invalid) = ("Request_BadRequest", "InvalidFederatedIdentityCredentialValue");
    for (body, status, code, text) in [
        (with("name", json!("x")), 400, invalid, "name `x` is invalid"),
        (with("name", json!(null)), 400, bad, "`name` is missing"),
        (with("issuer", json!("not a url")), 400, invalid, "is not a URL"),
        (with("subject", json!("")), 400, invalid, "0 characters"),
        (with("audiences", json!([])), 400, invalid, "exactly one"),
        (with("audiences", json!("x")), 400, bad, "not an array of strings"),
        (with("claimsMatchingExpression", json!({ "value": "x" })), 400, bad, "claimsMatchingExpression"),
        (with("surprise", json!(1)), 400, bad, "'surprise' cannot be set"),
        (with("name", json!("TAKEN")), 409, "Request_MultipleObjectsWithSameKeyValue", "already exists"),
    ] {
        let answer = world.graph("POST", &path, Some(body.clone())).await;
        assert_eq!(answer.refusal(), (status, code), "{body}: {}", answer.message());
        assert!(answer.message().contains(text), "{}", answer.message());
    }
    let renamed = world.graph("PATCH", &format!("{path}/taken"), Some(json!({ "name": "other" }))).await;
    assert_eq!(renamed.refusal(), (400, bad));
    let nowhere = format!("/applications/{UNKNOWN}/federatedIdentityCredentials");
    assert_eq!(world.graph("GET", &nowhere, None).await.refusal(), (404, "Request_ResourceNotFound"));
    assert_eq!(world.graph("GET", &format!("{path}/{UNKNOWN}"), None).await.status, 404);
}

#[tokio::test]
async fn the_limit_of_the_tenant_counts_for_applications_too() {
    let (world, path, _) = with_application().await;
    for name in ["one", "two"] {
        assert_eq!(world.graph("POST", &path, Some(credential(name, name))).await.status, 201);
    }
    let answer = world.graph("POST", &path, Some(credential("three", "three"))).await;
    assert_eq!(answer.status, 400);
    assert!(answer.message().contains("Too many"), "{}", answer.message());
}

#[tokio::test]
async fn a_tenant_that_simulates_delay_lets_what_is_accepted_wait() {
    let (world, path, application) = with_application().await;
    let simulate = SimulatedTrouble { propagation_delay_seconds: 60, ..SimulatedTrouble::default() };
    let tenant = world.store.tenant(TENANT).unwrap();
    let settings = TenantSettings { simulate, ..tenant.settings.clone() };
    world.store.put_tenant(&Tenant { settings, ..(*tenant).clone() }).await.unwrap();
    let effective = || {
        let client = world.store.client(TENANT, application["appId"].as_str().unwrap().parse().unwrap()).unwrap();
        client.federated_credentials.as_slice()[0].effective_at()
    };
    world.graph("POST", &path, Some(credential("one", "one"))).await;
    assert_eq!(effective(), NOW + 60);
    world.at(NOW + 100);
    world.graph("PATCH", &format!("{path}/one"), Some(json!({ "description": "x" }))).await;
    assert_eq!(effective(), NOW + 60);
    world.graph("PATCH", &format!("{path}/one"), Some(json!({ "subject": "two" }))).await;
    assert_eq!(effective(), NOW + 160);
}

#[tokio::test]
async fn a_reader_of_resources_cannot_touch_credentials_of_applications() {
    let (world, path, _) = with_application().await;
    world.graph("POST", &path, Some(credential("one", "one"))).await;
    let body = credential("two", "two");
    for (method, path, body) in [
        ("GET", path.clone(), None),
        ("POST", path.clone(), Some(&body)),
        ("GET", format!("{path}/one"), None),
        ("PATCH", format!("{path}/one"), Some(&body)),
        ("DELETE", format!("{path}/one"), None),
    ] {
        let answer = world.call(Who::Reader, GRAPH, method, &format!("/v1.0{path}"), body).await;
        assert_eq!(answer.refusal(), (403, "Authorization_RequestDenied"), "{method} {path}");
    }
}
