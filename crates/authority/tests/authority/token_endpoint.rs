//! The answers of the token endpoints.

use axum::body::Body;
use http::Request;
use prometheus_client::encoding::text::encode;
use symbolon_core::ports::IssuerKeysError;
use symbolon_jose::{JwkSet, Unverified, VerificationKeys};

use crate::support::{App, Reply, active_key_id, form, post, v1_path, v2_path};
use crate::token::{header, payload};
use crate::world::{APP, SECRET, TENANT, World};

const CORRELATION: &str = "5d2d9e3b-94b9-4f0f-8f0c-5a5e1f0f8a11";

/// The body with the token left out, which differs in each run.
fn without_token(reply: &Reply) -> String {
    let token = reply.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(token.split('.').count(), 3);
    reply.text.replace(&token, "TOKEN")
}

fn v1_form() -> String {
    form(|_| ()).replace("scope=https%3A%2F%2Fvault.azure.net%2F.default", "resource=https%3A%2F%2Fvault.azure.net")
}

#[tokio::test]
async fn version_2_answers_with_integers() {
    let reply = App::new().exchange(|_| ()).await;
    assert_eq!(reply.status, 200);
    insta::assert_snapshot!(without_token(&reply), @r#"{"token_type":"Bearer","expires_in":86399,"ext_expires_in":86399,"access_token":"TOKEN"}"#);
}

#[tokio::test]
async fn version_1_answers_with_strings() {
    let reply = App::new().send(post(&v1_path(), &v1_form())).await;
    assert_eq!(reply.status, 200);
    insta::assert_snapshot!(without_token(&reply), @r#"{"token_type":"Bearer","expires_in":"86399","ext_expires_in":"86399","expires_on":"1780401600","not_before":"1780314900","resource":"https://vault.azure.net","access_token":"TOKEN"}"#);
}

#[tokio::test]
async fn a_grant_has_entra_s_headers() {
    insta::assert_snapshot!(App::new().exchange(|_| ()).await.header_lines(), @r#"
    cache-control: no-store, no-cache
    client-request-id: 00000000-0000-4000-8000-000000000001
    content-type: application/json; charset=utf-8
    expires: -1
    p3p: CP="DSP CUR OTPi IND OTRi ONL FIN"
    pragma: no-cache
    x-content-type-options: nosniff
    x-ms-ests-server: symbolon 0.1.0
    x-ms-request-id: 00000000-0000-4000-8000-000000000002
    "#);
}

#[tokio::test]
async fn a_refusal_has_the_same_headers() {
    let granted = App::new().exchange(|_| ()).await;
    let refused = App::new().exchange(|token| token.claim("sub", "other")).await;
    assert_eq!(refused.header_lines(), granted.header_lines());
}

#[tokio::test]
async fn a_refusal_has_entra_s_body() {
    let reply = App::new().exchange(|token| token.claim("sub", "system:serviceaccount:default:other")).await;
    assert_eq!(reply.status, 401);
    insta::assert_snapshot!(reply.text, @r#"{"error":"invalid_client","error_description":"AADSTS700213: No matching federated identity record found for presented assertion subject 'system:serviceaccount:default:other'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation Trace ID: 00000000-0000-4000-8000-000000000002 Correlation ID: 00000000-0000-4000-8000-000000000001 Timestamp: 2026-06-01 12:00:00Z","error_codes":[700213],"timestamp":"2026-06-01 12:00:00Z","trace_id":"00000000-0000-4000-8000-000000000002","correlation_id":"00000000-0000-4000-8000-000000000001","error_uri":"https://login.microsoftonline.com/error?code=700213"}"#);
}

#[tokio::test]
async fn the_description_has_single_spaces_and_nothing_that_json_must_escape() {
    let reply = App::new().exchange(|token| token.claim("iss", "https://a\r\n  \"b\"")).await;
    let description = reply.json()["error_description"].as_str().unwrap().to_owned();
    assert!(!description.contains(['\r', '\n', '\t']), "{description}");
    let reply = App::new().exchange(|token| token.claim("aud", "other")).await;
    assert!(!reply.text.contains('\\') && !reply.text.contains("  "), "{}", reply.text);
}

#[tokio::test]
async fn a_client_that_did_not_prove_itself_gets_401_and_a_wrong_request_400() {
    let app = App::new();
    for (change, expected) in [
        ("", (200, 0)),
        ("client_assertion=x", (400, 50_027)),
        ("client_id=aaaaaaaa-0000-4000-8000-000000000002", (401, 70_025)),
        ("client_id=x", (400, 700_016)),
        ("grant_type=password", (400, 70_003)),
        ("scope=x", (400, 1_002_012)),
        ("scope=https://unknown.example/.default", (400, 500_011)),
        ("client_assertion=", (401, 7_000_218)),
    ] {
        let reply = app.send(post(&v2_path(), &replaced(&form(|_| ()), change))).await;
        assert_eq!(reply.outcome(), expected, "{change}");
        assert_eq!(reply.header("retry-after"), None, "clients repeat any answer that has it");
    }
}

/// `form` with one field replaced.
fn replaced(form: &str, field: &str) -> String {
    let (name, _) = field.split_once('=').unwrap_or_default();
    let mut fields: Vec<_> = form.split('&').filter(|f| f.split_once('=').is_some_and(|(n, _)| n != name)).collect();
    fields.extend((!field.is_empty()).then_some(field));
    fields.join("&")
}

#[tokio::test]
async fn a_failure_of_ours_is_503_and_names_no_cause() {
    let mut world = World::new();
    world.audit_fails = true;
    let reply = App::over(world, None).exchange(|_| ()).await;
    assert_eq!(reply.outcome(), (503, 90_033));
    assert_eq!(reply.json()["error"], "temporarily_unavailable");
    assert!(!reply.text.contains("disk full") && !reply.text.contains("access_token"), "{}", reply.text);
}

#[tokio::test]
async fn what_only_the_operator_may_know_is_not_in_the_answer() {
    let reply = App::new().exchange(|token| token.claim("iss", "https://issuer.example/cluster/")).await;
    assert!(!reply.text.contains("fic-one") && !reply.text.contains("closest"), "{}", reply.text);

    let mut world = World::new();
    world.issuer_failure = Some(IssuerKeysError::Refused { reason: "10.0.0.7 is a private address".into() });
    let reply = App::over(world, None).exchange(|_| ()).await;
    assert_eq!(reply.outcome(), (400, 50_166));
    assert!(!reply.text.contains("10.0.0.7"), "{}", reply.text);
}

#[tokio::test]
async fn the_token_verifies_against_the_published_keys() {
    let app = App::new();
    for (form, path, keys) in [
        (form(|_| ()), v2_path(), format!("/{TENANT}/discovery/v2.0/keys")),
        (v1_form(), v1_path(), format!("/{TENANT}/discovery/keys")),
    ] {
        let reply = app.send(post(&path, &form)).await.json();
        let published = JwkSet::parse(app.get(&keys).await.text.as_bytes(), 100).unwrap();
        let keys = VerificationKeys::new(&published);
        let token = Unverified::parse(reply["access_token"].as_str().unwrap()).unwrap();
        let key = keys.get(token.header().kid().unwrap()).unwrap();
        assert!(token.verify(key).is_ok());
    }
}

#[tokio::test]
async fn of_several_keys_the_active_one_signs_and_the_header_is_entra_s() {
    let app = App::new();
    let id = active_key_id();
    let token = |reply: Reply| reply.json()["access_token"].as_str().unwrap().to_owned();
    let version_1 = token(app.exchange(|_| ()).await);
    assert_eq!(header(&version_1), format!(r#"{{"typ":"JWT","alg":"RS256","x5t":"{id}","kid":"{id}"}}"#));
    let version_2 = app.send(post(&v2_path(), &replaced(&form(|_| ()), "scope=api://two/.default"))).await;
    assert_eq!(header(&token(version_2)), format!(r#"{{"typ":"JWT","alg":"RS256","kid":"{id}"}}"#));
}

#[tokio::test]
async fn the_client_s_correlation_id_is_echoed_from_header_query_or_body_in_this_order() {
    let app = App::new();
    let id = |n: u8| format!("5d2d9e3b-94b9-4f0f-8f0c-5a5e1f0f8a1{n}");
    let (in_header, in_query, in_body) = (id(1), id(2), id(3));
    for (header, query, body, expected) in [
        (true, true, true, &in_header),
        (false, true, true, &in_query),
        (false, false, true, &in_body),
        (true, false, false, &in_header),
    ] {
        for sub in ["system:serviceaccount:default:sademo", "other"] {
            let mut form = form(|token| token.claim("sub", sub));
            let mut path = v2_path();
            if body {
                form = format!("{form}&client-request-id={in_body}");
            }
            if query {
                path = format!("{path}?client-request-id={in_query}");
            }
            let mut request = post(&path, &form);
            if header {
                request.headers_mut().insert("client-request-id", in_header.parse().unwrap());
            }
            let reply = app.send(request).await;
            assert_eq!(reply.header("client-request-id"), Some(expected.as_str()));
            if sub == "other" {
                assert_eq!(reply.json()["correlation_id"], expected.as_str());
                assert!(reply.text.contains(&format!("Correlation ID: {expected} Timestamp: 2026-06-01 12:00:00Z")));
            }
        }
    }
}

#[tokio::test]
async fn a_correlation_id_that_is_no_guid_is_replaced_and_never_echoed() {
    let app = App::new();
    for hostile in ["<script>", "5d2d9e3b", ""] {
        let mut request = post(&v2_path(), &form(|token| token.claim("sub", "x")));
        request.headers_mut().insert("client-request-id", hostile.parse().unwrap());
        let reply = app.send(request).await;
        let id = reply.json()["correlation_id"].as_str().unwrap().to_owned();
        assert_eq!(id.len(), 36);
        assert_ne!(Some(id.as_str()), reply.json()["trace_id"].as_str());
        assert_eq!(reply.header("client-request-id"), Some(id.as_str()));
        assert!(!reply.text.contains("<script>"));
    }
}

#[tokio::test]
async fn the_ids_of_the_answer_are_those_of_the_audit_record() {
    let app = App::new();
    let mut request = post(&v2_path(), &form(|token| token.claim("sub", "x")));
    request.headers_mut().insert("client-request-id", CORRELATION.parse().unwrap());
    let reply = app.send(request).await;
    let records = app.world.records.lock().unwrap();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].correlation_id, CORRELATION);
    assert_eq!(reply.json()["trace_id"], records[0].trace_id.as_str());
    assert_eq!(reply.header("x-ms-request-id"), Some(records[0].trace_id.as_str()));
}

#[tokio::test]
async fn issuers_come_from_the_configuration_whatever_host_the_request_names() {
    let app = App::over(World::new(), Some("https://login.contoso.example"));
    let mut request = post(&v2_path(), &form(|_| ()));
    for name in ["host", "x-forwarded-host", "forwarded"] {
        request.headers_mut().insert(name, "attacker.example".parse().unwrap());
    }
    let reply = app.send(request).await;
    let claims = payload(reply.json()["access_token"].as_str().unwrap());
    assert!(claims.contains(&format!(r#""iss":"https://login.contoso.example/{TENANT}/""#)), "{claims}");
}

#[tokio::test]
async fn browsers_are_told_to_stay_with_https_except_on_localhost() {
    let hsts = |reply: Reply| reply.header("strict-transport-security").map(str::to_owned);
    assert_eq!(hsts(App::new().exchange(|_| ()).await), None);
    let public = App::over(World::new(), Some("https://login.contoso.example"));
    assert_eq!(hsts(public.exchange(|_| ()).await).as_deref(), Some("max-age=31536000; includeSubDomains"));
}

#[tokio::test]
async fn each_request_is_counted_under_its_code() {
    let app = App::new();
    app.exchange(|_| ()).await;
    app.exchange(|token| token.claim("sub", "x")).await;
    app.exchange(|token| token.claim("sub", "y")).await;
    app.get(&v2_path()).await;
    let mut text = String::new();
    encode(&mut text, &app.registry).unwrap();
    for line in [
        "symbolon_token_requests_total{code=\"0\"} 1\n",
        "symbolon_token_requests_total{code=\"700213\"} 2\n",
        "symbolon_token_requests_total{code=\"900561\"} 1\n",
        "symbolon_token_request_duration_seconds_count 4\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
}

#[tokio::test]
async fn a_secret_is_accepted_by_form_and_by_basic_authentication() {
    use base64::{Engine, engine::general_purpose::STANDARD};

    let app = App::new();
    let common = "grant_type=client_credentials&scope=https://vault.azure.net/.default";
    let by_form = post(&v2_path(), &format!("{common}&client_id={APP}&client_secret={}", SECRET.replace('~', "%7E")));
    assert_eq!(app.send(by_form).await.outcome(), (200, 0));
    let basic = |scheme: &str, credentials: &[u8]| {
        Request::post(v2_path())
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", format!("{scheme} {}", STANDARD.encode(credentials)))
            .body(Body::from(common))
            .unwrap()
    };
    for (scheme, credentials, expected) in [
        ("Basic", format!("{APP}:{SECRET}"), (200, 0)),
        ("basic", format!("{APP}:{SECRET}"), (200, 0)),
        ("Basic", format!("{APP}:{}", SECRET.replace('~', "%7e")), (200, 0)),
        ("Basic", format!("{APP}:{SECRET}x"), (401, 7_000_215)),
        ("Basic", format!("{APP}:"), (401, 7_000_215)),
        ("Basic", APP.to_string(), (400, 9_002_313)),
        ("Basic", format!("{APP}:%FF"), (400, 9_002_313)),
        ("Bearer", format!("{APP}:{SECRET}"), (400, 900_144)),
    ] {
        let reply = app.send(basic(scheme, credentials.as_bytes())).await;
        assert_eq!(reply.outcome(), expected, "{scheme} {credentials}");
    }
    assert_eq!(app.send(basic("Basic", b"\xff:\xff")).await.outcome(), (400, 9_002_313));
    let mut garbage = basic("Basic", b"");
    garbage.headers_mut().insert("authorization", "Basic !!!".parse().unwrap());
    assert_eq!(app.send(garbage).await.outcome(), (400, 9_002_313));
}
