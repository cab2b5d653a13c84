//! Discovery documents and published keys.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{Method, Request};
use serde_json::Value;
use symbolon_authority::{
    SigningKeys,
    signing_keys::{SigningKeysError, generate},
};
use symbolon_core::ports::keys::SigningKeyState;
use symbolon_jose::{VerifyingKey, digest};

use crate::support::{App, Reply, active_key_id, with_method};
use crate::world::{AUTHORITY, TENANT, World};

fn pretty(reply: &Reply) -> String {
    serde_json::to_string_pretty(&reply.json()).unwrap()
}

#[tokio::test]
async fn the_discovery_document_of_version_2() {
    let reply = App::new().get(&format!("/{TENANT}/v2.0/.well-known/openid-configuration")).await;
    assert_eq!(reply.status, 200);
    insta::assert_snapshot!(pretty(&reply), @r#"
    {
      "authorization_endpoint": "https://localhost:8443/11111111-1111-4111-8111-111111111111/oauth2/v2.0/authorize",
      "claims_supported": [
        "sub",
        "iss",
        "aud",
        "exp",
        "iat",
        "nbf",
        "tid",
        "ver",
        "oid",
        "azp",
        "azpacr",
        "uti"
      ],
      "cloud_instance_name": "localhost:8443",
      "id_token_signing_alg_values_supported": [
        "RS256"
      ],
      "issuer": "https://localhost:8443/11111111-1111-4111-8111-111111111111/v2.0",
      "jwks_uri": "https://localhost:8443/11111111-1111-4111-8111-111111111111/discovery/v2.0/keys",
      "request_uri_parameter_supported": false,
      "response_modes_supported": [
        "query",
        "fragment",
        "form_post"
      ],
      "response_types_supported": [
        "code",
        "id_token",
        "code id_token",
        "id_token token"
      ],
      "scopes_supported": [
        "openid",
        "profile",
        "email",
        "offline_access"
      ],
      "subject_types_supported": [
        "pairwise"
      ],
      "tenant_region_scope": "WW",
      "token_endpoint": "https://localhost:8443/11111111-1111-4111-8111-111111111111/oauth2/v2.0/token",
      "token_endpoint_auth_methods_supported": [
        "client_secret_post",
        "private_key_jwt",
        "client_secret_basic"
      ]
    }
    "#);
    insta::assert_snapshot!(reply.header_lines(), @r#"
    access-control-allow-origin: *
    cache-control: max-age=86400, private
    client-request-id: 00000000-0000-4000-8000-000000000001
    content-type: application/json; charset=utf-8
    x-content-type-options: nosniff
    x-ms-ests-server: symbolon 0.1.0
    x-ms-request-id: 00000000-0000-4000-8000-000000000002
    "#);
}

#[tokio::test]
async fn the_discovery_document_of_version_1() {
    let reply = App::new().get(&format!("/{TENANT}/.well-known/openid-configuration")).await;
    assert_eq!(reply.status, 200);
    insta::assert_snapshot!(pretty(&reply), @r#"
    {
      "authorization_endpoint": "https://localhost:8443/11111111-1111-4111-8111-111111111111/oauth2/authorize",
      "claims_supported": [
        "sub",
        "iss",
        "aud",
        "exp",
        "iat",
        "nbf",
        "tid",
        "ver",
        "oid",
        "appid",
        "appidacr",
        "idp",
        "uti"
      ],
      "cloud_instance_name": "localhost:8443",
      "id_token_signing_alg_values_supported": [
        "RS256"
      ],
      "issuer": "https://localhost:8443/11111111-1111-4111-8111-111111111111/",
      "jwks_uri": "https://localhost:8443/11111111-1111-4111-8111-111111111111/discovery/keys",
      "microsoft_multi_refresh_token": true,
      "response_modes_supported": [
        "query",
        "fragment",
        "form_post"
      ],
      "response_types_supported": [
        "code",
        "id_token",
        "code id_token",
        "token id_token",
        "token"
      ],
      "scopes_supported": [
        "openid"
      ],
      "subject_types_supported": [
        "pairwise"
      ],
      "tenant_region_scope": "WW",
      "token_endpoint": "https://localhost:8443/11111111-1111-4111-8111-111111111111/oauth2/token",
      "token_endpoint_auth_methods_supported": [
        "client_secret_post",
        "private_key_jwt",
        "client_secret_basic"
      ]
    }
    "#);
}

#[tokio::test]
async fn common_and_organizations_have_a_placeholder_for_an_issuer_and_endpoints_of_their_own() {
    let app = App::new();
    for name in ["common", "organizations"] {
        let document = app.get(&format!("/{name}/v2.0/.well-known/openid-configuration")).await.json();
        assert_eq!(document["issuer"], format!("{AUTHORITY}/{{tenantid}}/v2.0"));
        assert_eq!(document["token_endpoint"], format!("{AUTHORITY}/{name}/oauth2/v2.0/token"));
        assert_eq!(document["jwks_uri"], format!("{AUTHORITY}/{name}/discovery/v2.0/keys"));
        let document = app.get(&format!("/{name}/.well-known/openid-configuration")).await.json();
        assert_eq!(document["issuer"], format!("{AUTHORITY}/{{tenantid}}/"));
        assert_eq!(document["token_endpoint"], format!("{AUTHORITY}/{name}/oauth2/token"));
        assert_eq!(document["jwks_uri"], format!("{AUTHORITY}/{name}/discovery/keys"));
    }
}

#[tokio::test]
async fn a_domain_names_the_same_document_as_the_id() {
    let app = App::new();
    for path in ["v2.0/.well-known/openid-configuration", ".well-known/openid-configuration"] {
        let by_id = app.get(&format!("/{TENANT}/{path}")).await;
        let by_domain = app.get(&format!("/Contoso.example/{path}")).await;
        assert_eq!(by_domain.json(), by_id.json());
    }
}

#[tokio::test]
async fn every_url_of_a_document_leads_to_this_authority() {
    let app = App::new();
    for path in ["v2.0/.well-known/openid-configuration", ".well-known/openid-configuration"] {
        let mut request = Request::get(format!("/{TENANT}/{path}")).body(axum::body::Body::empty()).unwrap();
        request.headers_mut().insert("host", "attacker.example".parse().unwrap());
        let document = app.send(request).await.json();
        let members = document.as_object().unwrap();
        let urls: Vec<_> = members.values().filter_map(Value::as_str).filter(|text| text.contains("://")).collect();
        assert_eq!(urls.len(), 4);
        assert!(urls.iter().all(|url| url.starts_with(&format!("{AUTHORITY}/"))), "{urls:?}");
        for served in ["jwks_uri"] {
            let path = document[served].as_str().unwrap().strip_prefix(AUTHORITY).unwrap();
            assert_eq!(app.get(path).await.status, 200, "{path}");
        }
        let token = document["token_endpoint"].as_str().unwrap().strip_prefix(AUTHORITY).unwrap();
        assert_eq!(app.get(token).await.outcome(), (400, 900_561), "the token endpoint is there");
    }
}

#[tokio::test]
async fn an_unknown_tenant_is_an_invalid_tenant_and_not_to_be_remembered() {
    let app = App::new();
    for (tenant, code) in [
        ("99999999-9999-4999-8999-999999999999", 90_002),
        ("unknown.example", 90_002),
        ("contoso", 900_023),
        ("%FF", 900_023),
        ("00000000-0000-0000-0000-000000000000", 900_021),
    ] {
        for path in [
            "v2.0/.well-known/openid-configuration",
            ".well-known/openid-configuration",
            "discovery/v2.0/keys",
            "discovery/keys",
        ] {
            let reply = app.get(&format!("/{tenant}/{path}")).await;
            assert_eq!(reply.outcome(), (400, code), "{tenant} {path}");
            assert_eq!(reply.json()["error"], "invalid_tenant");
            assert_eq!(reply.header("cache-control"), None);
        }
    }
}

#[tokio::test]
async fn an_unknown_tenant_has_entra_s_body() {
    let reply = App::new().get("/unknown.example/v2.0/.well-known/openid-configuration").await;
    insta::assert_snapshot!(reply.text, @r#"{"error":"invalid_tenant","error_description":"AADSTS90002: Tenant 'unknown.example' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant. Trace ID: 00000000-0000-4000-8000-000000000002 Correlation ID: 00000000-0000-4000-8000-000000000001 Timestamp: 2026-06-01 12:00:00Z","error_codes":[90002],"timestamp":"2026-06-01 12:00:00Z","trace_id":"00000000-0000-4000-8000-000000000002","correlation_id":"00000000-0000-4000-8000-000000000001","error_uri":"https://login.microsoftonline.com/error?code=90002"}"#);
}

#[tokio::test]
async fn documents_echo_the_correlation_id_and_are_only_read() {
    let app = App::new();
    let path = format!("/{TENANT}/discovery/v2.0/keys");
    let mut request = Request::get(&path).body(axum::body::Body::empty()).unwrap();
    let id = "5d2d9e3b-94b9-4f0f-8f0c-5a5e1f0f8a11";
    request.headers_mut().insert("client-request-id", id.parse().unwrap());
    assert_eq!(app.send(request).await.header("client-request-id"), Some(id));
    assert_eq!(app.send(with_method(Method::POST, &path)).await.status, 405);
}

#[tokio::test]
async fn all_keys_are_published_and_the_next_one_before_it_signs() {
    let app = App::new();
    let keys = app.get(&format!("/{TENANT}/discovery/v2.0/keys")).await.json()["keys"].as_array().unwrap().clone();
    assert_eq!(keys.len(), 3);
    assert_eq!(keys[1]["kid"], active_key_id());
    for path in [format!("/{TENANT}/discovery/keys"), "/common/discovery/v2.0/keys".into()] {
        let same = app.get(&path).await.json();
        let ids = |keys: &[Value]| keys.iter().map(|key| key["kid"].clone()).collect::<Vec<_>>();
        assert_eq!(ids(same["keys"].as_array().unwrap()), ids(&keys));
    }
}

#[tokio::test]
async fn a_published_key_has_entra_s_members_and_nothing_private() {
    let app = App::new();
    for (path, issuer) in [
        (format!("/{TENANT}/discovery/v2.0/keys"), Some(format!("{AUTHORITY}/{TENANT}/v2.0"))),
        ("/common/discovery/v2.0/keys".to_owned(), Some(format!("{AUTHORITY}/{{tenantid}}/v2.0"))),
        (format!("/{TENANT}/discovery/keys"), None),
    ] {
        for key in app.get(&path).await.json()["keys"].as_array().unwrap() {
            let mut names: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
            names.sort_unstable();
            let mut expected = vec!["e", "kid", "kty", "n", "use", "x5c", "x5t"];
            expected.extend(issuer.as_ref().map(|_| "issuer"));
            expected.sort_unstable();
            assert_eq!(names, expected);
            assert_eq!(key["issuer"].as_str(), issuer.as_deref());
            assert_eq!((&key["kty"], &key["use"], &key["e"]), (&"RSA".into(), &"sig".into(), &"AQAB".into()));
        }
    }
}

#[tokio::test]
async fn the_certificate_of_a_key_holds_that_key_and_its_thumbprint_is_the_key_s_id() {
    let reply = App::new().get(&format!("/{TENANT}/discovery/keys")).await.json();
    for key in reply["keys"].as_array().unwrap() {
        let chain = key["x5c"].as_array().unwrap();
        assert_eq!(chain.len(), 1);
        let certificate = STANDARD.decode(chain[0].as_str().unwrap()).unwrap();
        assert_eq!(key["x5t"], digest::sha1_base64url(&certificate));
        assert_eq!(key["kid"], key["x5t"]);
        let held = VerifyingKey::from_certificate_der(&certificate).unwrap().to_jwk();
        assert_eq!(key["n"].as_str(), held.n.as_deref());
        assert_eq!(key["e"].as_str(), held.e.as_deref());
    }
}

#[tokio::test]
async fn without_an_active_key_nothing_can_be_signed() {
    let world = World::new();
    let next = generate(SigningKeyState::Next, world.now, &world).unwrap();
    assert!(matches!(SigningKeys::new(&[next]), Err(SigningKeysError::NoActiveKey)));
    assert!(matches!(SigningKeys::new(&[]), Err(SigningKeysError::NoActiveKey)));
}

#[tokio::test]
async fn a_stored_key_that_cannot_be_read_is_named() {
    let world = World::new();
    let mut key = generate(SigningKeyState::Active, world.now, &world).unwrap();
    key.pkcs8 = vec![0x30, 0x00].into();
    let id = key.key_id.clone();
    let refused = SigningKeys::new(&[key]).err().unwrap();
    assert_eq!(refused.to_string(), format!("signing key `{id}` cannot be used"));
}
