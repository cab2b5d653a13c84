use base64::{Engine, engine::general_purpose::STANDARD};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, SignatureAlgorithm};
use serde_json::{Value, json};
use symbolon_core::ports::Directory;
use symbolon_jose::digest;

use crate::world::{GRAPH, NOW, TENANT, Who, World};

async fn create(world: &World, name: &str) -> Value {
    let answer = world.graph("POST", "/applications", Some(json!({ "displayName": name }))).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body
}

fn id(application: &Value) -> &str {
    application["id"].as_str().unwrap()
}

fn certificate(algorithm: &'static SignatureAlgorithm, until: i32) -> Vec<u8> {
    let key = KeyPair::generate_for(algorithm).unwrap();
    let mut params = CertificateParams::new(vec!["client.example".into()]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, "billing");
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(until, 1, 1);
    params.self_signed(&key).unwrap().der().to_vec()
}

fn key_credential(der: &[u8]) -> Value {
    json!({ "type": "AsymmetricX509Cert", "usage": "Verify", "key": STANDARD.encode(der) })
}

async fn patch(world: &World, application: &Value, credentials: Value) -> crate::world::Answer {
    let body = json!({ "keyCredentials": credentials });
    world.graph("PATCH", &format!("/applications/{}", id(application)), Some(body)).await
}

#[tokio::test]
async fn an_application_lives_from_post_to_delete() {
    let world = World::new().await;
    let body = json!({
        "displayName": "orders", "identifierUris": ["api://orders"], "api": { "requestedAccessTokenVersion": 2 },
    });
    let made = world.graph("POST", "/applications", Some(body)).await;
    assert_eq!(made.status, 201);
    assert_eq!(made.body["@odata.context"], "https://localhost:8444/v1.0/$metadata#applications/$entity");
    assert_eq!(made.body["createdDateTime"], "2026-06-01T12:00:00Z");
    assert_eq!(made.body["api"]["requestedAccessTokenVersion"], 2);
    assert_eq!(made.body["signInAudience"], "AzureADMyOrg");
    assert_eq!(made.body["publisherDomain"], "contoso.example");
    assert_eq!(made.body["web"]["redirectUris"], json!([]));
    create(&world, "billing").await;
    let app_id = made.body["appId"].as_str().unwrap();
    for path in [
        format!("/applications/{}", id(&made.body)),
        format!("/applications(appId='{app_id}')"),
        format!("/applications(appId=%27{app_id}%27)"),
    ] {
        assert_eq!(world.graph("GET", &path, None).await.body, made.body, "{path}");
    }
    for filter in [format!("appId%20eq%20%27{app_id}%27"), "displayName+eq+'orders'".into()] {
        let found = world.graph("GET", &format!("/applications?$filter={filter}"), None).await;
        assert_eq!(found.body["value"].as_array().unwrap().len(), 1, "{filter}");
        assert_eq!(found.body["value"][0]["id"], made.body["id"]);
    }
    assert_eq!(world.graph("GET", "/applications", None).await.body["value"].as_array().unwrap().len(), 2);
    assert_eq!(world.graph("DELETE", &format!("/applications/{}", id(&made.body)), None).await.status, 204);
    let gone = world.graph("DELETE", &format!("/applications/{}", id(&made.body)), None).await;
    assert_eq!(gone.refusal(), (404, "Request_ResourceNotFound"));
    assert_eq!(world.trail().await.len(), 3);
}

#[tokio::test]
async fn bad_applications_are_refused_with_the_reason() {
    let world = World::new().await;
    for (body, text) in [
        (json!({}), "`displayName` is missing"),
        (json!({ "displayName": "" }), "displayName"),
        (json!({ "displayName": "x".repeat(257) }), "displayName"),
        (json!({ "displayName": "x", "identifierUris": ["orders"] }), "expected a URI"),
        (json!({ "displayName": "x", "identifierUris": ["api://a b"] }), "expected a URI"),
        (json!({ "displayName": "x", "identifierUris": ["https://vault.azure.net"] }), "Microsoft's own"),
        (json!({ "displayName": "x", "identifierUris": ["https://localhost:8444/"] }), "Microsoft's own"),
        (json!({ "displayName": "x", "api": { "requestedAccessTokenVersion": 3 } }), "expected 1 or 2"),
        (json!({ "displayName": "x", "api": { "requestedAccessTokenVersion": "2" } }), "not a whole number"),
        (json!({ "displayName": "x", "api": { "acceptMappedClaims": true } }), "'acceptMappedClaims' cannot be set"),
        (json!({ "displayName": "x", "signInAudience": "AzureADMultipleOrgs" }), "its value is \"AzureADMyOrg\""),
        (json!({ "displayName": "x", "web": { "redirectUris": ["https://x"] } }), "'web' cannot be set"),
        (json!({ "displayName": "x", "appRoles": [{}] }), "'appRoles' cannot be set"),
        (json!({ "displayName": "x", "owners@odata.bind": [] }), "'owners@odata.bind' cannot be set"),
    ] {
        let answer = world.graph("POST", "/applications", Some(body)).await;
        assert_eq!(answer.refusal(), (400, "Request_BadRequest"), "{text}");
        assert!(answer.message().contains(text), "{}", answer.message());
    }
    let body = json!({ "displayName": "x", "identifierUris": ["api://orders"] });
    world.graph("POST", "/applications", Some(body.clone())).await;
    let twice = world.graph("POST", "/applications", Some(body)).await;
    assert_eq!(twice.refusal(), (409, "Request_MultipleObjectsWithSameKeyValue"));
    for query in [
        "$filter=secret%20eq%20'x'",
        "$filter=displayName%20ne%20'x'",
        "$top=0",
        "$top=1000",
        "$orderby=appId",
        "$skiptoken=%25",
        "$expand=owners",
        "$search=x",
    ] {
        let answer = world.graph("GET", &format!("/applications?{query}"), None).await;
        assert_eq!(answer.refusal(), (400, "Request_BadRequest"), "{query}");
    }
}

#[tokio::test]
async fn a_secret_is_shown_once_and_kept_as_a_hash() {
    let world = World::new().await;
    let application = create(&world, "billing").await;
    let path = format!("/applications/{}", id(&application));
    let body = json!({ "passwordCredential": { "displayName": "ci" } });
    let made = world.graph("POST", &format!("{path}/addPassword"), Some(body)).await;
    assert_eq!(made.status, 200, "{}", made.body);
    let secret = made.body["secretText"].as_str().unwrap();
    assert_eq!((secret.len(), &secret[3..6]), (43, "8Q~"));
    assert_eq!(made.body["hint"], secret[..3]);
    assert_eq!(made.body["displayName"], "ci");
    assert_eq!(made.body["startDateTime"], "2026-06-01T12:00:00Z");
    assert_eq!(made.body["endDateTime"], "2028-05-31T12:00:00Z");
    let shown = world.graph("GET", &path, None).await.body;
    assert_eq!(shown["passwordCredentials"][0]["secretText"], Value::Null);
    assert!(!shown.to_string().contains(secret));
    let client = world.store.client(TENANT, application["appId"].as_str().unwrap().parse().unwrap()).unwrap();
    assert!(client.secrets()[0].hash.matches(secret));
    let trail = serde_json::to_string(&world.trail().await).unwrap();
    assert!(!trail.contains(secret));
}

#[tokio::test]
async fn two_secrets_differ_and_each_is_removed_by_its_key_id() {
    let world = World::new().await;
    let application = create(&world, "billing").await;
    let path = format!("/applications/{}", id(&application));
    let first = world.graph("POST", &format!("{path}/addPassword"), Some(json!({}))).await.body;
    let second = world.graph("POST", &format!("{path}/addPassword"), Some(json!({}))).await.body;
    assert_ne!(first["secretText"], second["secretText"]);
    let remove = json!({ "keyId": first["keyId"] });
    assert_eq!(world.graph("POST", &format!("{path}/removePassword"), Some(remove.clone())).await.status, 204);
    let again = world.graph("POST", &format!("{path}/removePassword"), Some(remove)).await;
    assert_eq!(again.refusal(), (400, "Request_BadRequest"));
    let shown = world.graph("GET", &path, None).await.body;
    assert_eq!(shown["passwordCredentials"].as_array().unwrap().len(), 1);
    assert_eq!(shown["passwordCredentials"][0]["keyId"], second["keyId"]);
}

#[tokio::test]
async fn a_secret_that_would_never_be_valid_is_refused() {
    let world = World::new().await;
    let application = create(&world, "billing").await;
    for credential in [
        json!({ "endDateTime": "2026-06-01T12:00:00Z" }),
        json!({ "endDateTime": "2026-07-01T00:00:00Z", "startDateTime": "2026-08-01T00:00:00Z" }),
        json!({ "endDateTime": "tomorrow" }),
        json!({ "displayName": "x".repeat(121) }),
    ] {
        let path = format!("/applications/{}/addPassword", id(&application));
        let answer = world.graph("POST", &path, Some(json!({ "passwordCredential": credential }))).await;
        assert_eq!(answer.refusal(), (400, "Request_BadRequest"), "{credential}");
    }
}

#[tokio::test]
async fn certificates_are_a_list_that_patch_replaces() {
    let world = World::new().await;
    let application = create(&world, "billing").await;
    let path = format!("/applications/{}", id(&application));
    let (first, second) = (certificate(&PKCS_ECDSA_P256_SHA256, 2030), certificate(&PKCS_ECDSA_P256_SHA256, 2031));
    let answer = patch(&world, &application, json!([key_credential(&first)])).await;
    assert_eq!(answer.status, 204, "{}", answer.body);
    let shown = world.graph("GET", &path, None).await.body;
    let credential = shown["keyCredentials"][0].clone();
    assert_eq!(credential["customKeyIdentifier"], digest::sha1_base64url(&first));
    assert_eq!(credential["startDateTime"], "2026-01-01T00:00:00Z");
    assert_eq!(credential["endDateTime"], "2030-01-01T00:00:00Z");
    assert!(credential["displayName"].as_str().unwrap().contains("billing"));
    let both = json!([{ "keyId": credential["keyId"] }, key_credential(&second)]);
    assert_eq!(patch(&world, &application, both).await.status, 204);
    let app_id = application["appId"].as_str().unwrap().parse().unwrap();
    assert_eq!(world.store.client(TENANT, app_id).unwrap().certificates().len(), 2);
    assert_eq!(patch(&world, &application, json!([{ "keyId": credential["keyId"] }])).await.status, 204);
    let client = world.store.client(TENANT, app_id).unwrap();
    assert_eq!(client.certificates().len(), 1);
    assert_eq!(client.certificates()[0].certificate.x5t_s256, digest::sha256_base64url(&first));
    assert_eq!(patch(&world, &application, json!([])).await.status, 204);
    assert!(world.store.client(TENANT, app_id).unwrap().certificates().is_empty());
}

#[tokio::test]
async fn a_bad_certificate_is_refused_and_the_list_stays_as_it_was() {
    let world = World::new().await;
    let application = create(&world, "billing").await;
    let good = certificate(&PKCS_ECDSA_P256_SHA256, 2030);
    patch(&world, &application, json!([key_credential(&good)])).await;
    let longer = [good.clone(), vec![0]].concat();
    for (credential, text) in [
        (json!({ "key": "%%%" }), "not base64"),
        (json!({ "key": "AAAA" }), "not a certificate"),
        (key_credential(&longer), "behind the certificate"),
        (key_credential(&certificate(&PKCS_ECDSA_P384_SHA384, 2030)), "neither RSA nor P-256"),
        (key_credential(&certificate(&PKCS_ECDSA_P256_SHA256, 2026)), "expired"),
        (json!({ "keyId": "0d4691ed-659b-4935-a832-355f77ee47cc" }), "neither a 'key' nor a known 'keyId'"),
    ] {
        let answer = patch(&world, &application, json!([credential])).await;
        assert_eq!(answer.refusal(), (400, "Request_BadRequest"), "{text}");
        assert!(answer.message().contains(text), "{}", answer.message());
    }
    let path = format!("/applications/{}", id(&application));
    let body = json!({ "displayName": "other", "keyCredentials": [{ "key": "AAAA" }] });
    assert_eq!(world.graph("PATCH", &path, Some(body)).await.status, 400);
    let shown = world.graph("GET", &path, None).await.body;
    assert_eq!(shown["keyCredentials"].as_array().unwrap().len(), 1);
    assert_eq!(shown["displayName"], "billing");
}

#[tokio::test]
async fn a_certificate_is_not_removed_as_a_password() {
    let world = World::new().await;
    let application = create(&world, "billing").await;
    patch(&world, &application, json!([key_credential(&certificate(&PKCS_ECDSA_P256_SHA256, 2030))])).await;
    let path = format!("/applications/{}", id(&application));
    let key = world.graph("GET", &path, None).await.body["keyCredentials"][0]["keyId"].clone();
    let answer = world.graph("POST", &format!("{path}/removePassword"), Some(json!({ "keyId": key }))).await;
    assert_eq!(answer.refusal(), (400, "Request_BadRequest"));
}

#[tokio::test]
async fn patch_changes_what_it_names_and_nothing_else() {
    let world = World::new().await;
    let application = create(&world, "billing").await;
    let path = format!("/applications/{}", id(&application));
    let uris = json!(["api://orders", "https://orders.example"]);
    for (body, member, expected) in [
        (json!({ "displayName": "orders" }), "displayName", json!("orders")),
        (
            json!({ "identifierUris": uris, "web": {}, "signInAudience": "AzureADMyOrg" }),
            "identifierUris",
            uris.clone(),
        ),
        (json!({ "identifierUris": [] }), "identifierUris", json!([])),
    ] {
        let before = world.graph("GET", &path, None).await.body;
        assert_eq!(world.graph("PATCH", &path, Some(body.clone())).await.status, 204, "{body}");
        let mut after = world.graph("GET", &path, None).await.body;
        assert_eq!(after[member], expected, "{body}");
        after[member] = before[member].clone();
        assert_eq!(after, before);
    }
    for (version, shown) in [(json!(2), json!(2)), (json!(null), json!(null)), (json!(1), json!(null))] {
        let body = json!({ "api": { "requestedAccessTokenVersion": version } });
        assert_eq!(world.graph("PATCH", &path, Some(body)).await.status, 204);
        assert_eq!(world.graph("GET", &path, None).await.body["api"]["requestedAccessTokenVersion"], shown);
    }
}

#[tokio::test]
async fn a_patch_that_is_refused_changes_nothing_and_an_empty_one_is_not_recorded() {
    let world = World::new().await;
    let application = create(&world, "billing").await;
    let other = json!({ "displayName": "other", "identifierUris": ["api://taken"] });
    world.graph("POST", "/applications", Some(other)).await;
    let path = format!("/applications/{}", id(&application));
    let before = world.graph("GET", &path, None).await.body;
    for (body, refusal) in [
        (json!({ "displayName": "" }), (400, "Request_BadRequest")),
        (json!({ "displayName": null }), (400, "Request_BadRequest")),
        (json!({ "displayName": "x", "appRoles": [{}] }), (400, "Request_BadRequest")),
        (json!({ "displayName": "x", "appId": "0d4691ed-659b-4935-a832-355f77ee47cc" }), (400, "Request_BadRequest")),
        (
            json!({ "displayName": "x", "identifierUris": ["api://TAKEN"] }),
            (409, "Request_MultipleObjectsWithSameKeyValue"),
        ),
    ] {
        assert_eq!(world.graph("PATCH", &path, Some(body.clone())).await.refusal(), refusal, "{body}");
    }
    assert_eq!(world.graph("GET", &path, None).await.body, before);
    let recorded = world.trail().await.len();
    assert_eq!(world.graph("PATCH", &path, Some(json!({}))).await.status, 204);
    assert_eq!(world.trail().await.len(), recorded);
}

#[tokio::test]
async fn an_application_may_be_made_with_certificates() {
    let world = World::new().await;
    let mut credential = key_credential(&certificate(&PKCS_ECDSA_P256_SHA256, 2030));
    // As az sends it: with a type, an id and line breaks.
    credential["@odata.type"] = json!("#microsoft.graph.keyCredential");
    credential["keyId"] = json!("0d4691ed-659b-4935-a832-355f77ee47cc");
    credential["key"] = json!(credential["key"].as_str().unwrap().replacen('A', "A\n", 1));
    let body = json!({ "displayName": "x", "keyCredentials": [credential] });
    let made = world.graph("POST", "/applications", Some(body)).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(made.body["keyCredentials"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn nobody_owns_an_application() {
    let world = World::new().await;
    let application = create(&world, "billing").await;
    let owners = world.graph("GET", &format!("/applications/{}/owners", id(&application)), None).await;
    assert_eq!((owners.status.as_u16(), &owners.body["value"]), (200, &json!([])));
    let unknown = world.graph("GET", "/applications/0d4691ed-659b-4935-a832-355f77ee47cc/owners", None).await;
    assert_eq!(unknown.refusal(), (404, "Request_ResourceNotFound"));
}

#[tokio::test]
async fn an_application_of_another_tenant_is_not_there() {
    let world = World::new().await;
    let application = create(&world, "billing").await;
    for path in [id(&application).to_owned(), format!("appId={}", application["appId"].as_str().unwrap())] {
        for method in ["GET", "DELETE"] {
            let answer = world.call(Who::Foreigner, GRAPH, method, &format!("/v1.0/applications/{path}"), None).await;
            assert_eq!(answer.refusal(), (404, "Request_ResourceNotFound"), "{method} {path}");
        }
    }
    let list = world.call(Who::Foreigner, GRAPH, "GET", "/v1.0/applications", None).await;
    assert_eq!(list.body["value"], json!([]));
}

#[tokio::test]
async fn a_token_that_expires_while_it_is_used_opens_nothing_any_more() {
    let world = World::new().await;
    assert_eq!(world.graph("GET", "/applications", None).await.status, 200);
    world.at(NOW + 7200);
    assert_eq!(world.graph("GET", "/applications", None).await.status, 401);
}
