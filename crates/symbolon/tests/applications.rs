//! Applications through the public interface: made on the command line, used at the token endpoint
//! with a secret and with a certificate.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test")]

#[expect(dead_code, reason = "other tests use more of it")]
#[path = "support/installation.rs"]
mod installation;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use installation::Installation;
use jiff::Timestamp;
use serde_json::{Value, json};
use symbolon_core::ports::Random;
use symbolon_jose::{KeyKind, SigningHeader, SigningKey, Unverified, digest};

const SCOPE: &str = "https://vault.azure.net/.default";
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

struct Entropy;

impl Random for Entropy {
    fn fill(&self, bytes: &mut [u8]) {
        aws_lc_rs::rand::fill(bytes).unwrap();
    }
}

#[expect(clippy::disallowed_methods, reason = "the server under test has the real clock too")]
fn now() -> Timestamp {
    Timestamp::now()
}

/// Posts a form to an endpoint of the authority and returns status and body.
async fn post(up: &Installation, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
    let ca = std::fs::read(up.variable("SYMBOLON_CA_FILE")).unwrap();
    let client = reqwest::Client::builder()
        .tls_certs_only(reqwest::Certificate::from_pem_bundle(&ca).unwrap())
        .no_proxy()
        .build()
        .unwrap();
    let url = format!("{}{}{path}", up.variable("AZURE_AUTHORITY_HOST"), up.variable("AZURE_TENANT_ID"));
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    body.extend_pairs(form);
    let request = client.post(url).header("content-type", "application/x-www-form-urlencoded").body(body.finish());
    let response = request.send().await.unwrap();
    (response.status().as_u16(), serde_json::from_slice(&response.bytes().await.unwrap()).unwrap())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no string"))
}

fn claims(token: &Value) -> Value {
    Unverified::parse(text(token)).unwrap().claims().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_secret_gets_a_token_and_is_nowhere_in_clear() {
    let up = Installation::start();
    let application = up.json(["ad", "app", "create", "--display-name", "billing", "--output", "json"]);
    let app_id = text(&application["appId"]);
    let made = up.json(["ad", "app", "credential", "add", "--id", app_id, "--output", "json"]);
    let secret = text(&made["password"]);
    let form =
        [("grant_type", "client_credentials"), ("client_id", app_id), ("client_secret", secret), ("scope", SCOPE)];

    let (status, answer) = post(&up, "/oauth2/v2.0/token", &form).await;
    assert_eq!((status, &answer["expires_in"]), (200, &json!(3599)), "{answer}");
    assert_eq!(claims(&answer["access_token"])["appidacr"], "1");

    let v1 = [form[0], form[1], form[2], ("resource", "https://vault.azure.net")];
    let (status, answer) = post(&up, "/oauth2/token", &v1).await;
    assert_eq!((status, &answer["expires_in"]), (200, &json!("3599")), "{answer}");

    let wrong = [form[0], form[1], ("client_secret", "not-the-secret"), form[3]];
    let (status, answer) = post(&up, "/oauth2/v2.0/token", &wrong).await;
    assert_eq!((status, &answer["error_codes"]), (401, &json!([7_000_215])), "{answer}");

    let listed = up.symbolon(["ad", "app", "credential", "list", "--id", app_id, "--output", "json"]);
    let trail = up.symbolon(["audit", "list", "--output", "json"]);
    for (place, seen) in [("the list", listed), ("the audit trail", trail), ("the log", up.log())] {
        assert!(!seen.contains(secret) && !seen.contains("not-the-secret"), "{place} shows a secret");
    }
    let removed = ["ad", "app", "credential", "remove", "--id", app_id, "--key-id", text(&made["keyId"])];
    up.symbolon(removed);
    assert_eq!(post(&up, "/oauth2/v2.0/token", &form).await.0, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assertion_signed_by_a_registered_certificate_gets_a_token() {
    let up = Installation::start();
    let application = up.json(["ad", "app", "create", "--display-name", "billing", "--output", "json"]);
    let app_id = text(&application["appId"]);
    let key = SigningKey::generate(KeyKind::Rsa2048).unwrap();
    let der = symbolon_authority::signing_keys::self_signed("billing", &key.to_pkcs8_der(), now(), &Entropy).unwrap();
    let file = up.path("cert.pem");
    std::fs::write(
        &file,
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(&der)),
    )
    .unwrap();
    let file = file.to_str().unwrap();
    up.symbolon(["ad", "app", "credential", "add", "--id", app_id, "--certificate-file", file]);

    let endpoint =
        format!("{}{}/oauth2/v2.0/token", up.variable("AZURE_AUTHORITY_HOST"), up.variable("AZURE_TENANT_ID"));
    let header = SigningHeader { x5t_s256: Some(digest::sha256_base64url(&der)), ..SigningHeader::default() };
    let second = now().as_second();
    let payload = json!({
        "iss": app_id, "sub": app_id, "aud": endpoint, "jti": "one", "nbf": second, "exp": second + 300,
    });
    let form = |assertion: String| {
        [
            ("grant_type", "client_credentials".to_owned()),
            ("client_id", app_id.to_owned()),
            ("client_assertion_type", JWT_BEARER.to_owned()),
            ("client_assertion", assertion),
            ("scope", SCOPE.to_owned()),
        ]
    };
    let good = form(key.sign(&header, &payload).unwrap());
    let (status, answer) = post(&up, "/oauth2/v2.0/token", &good.each_ref().map(|(n, v)| (*n, v.as_str()))).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(claims(&answer["access_token"])["appidacr"], "2");

    let stranger = SigningKey::generate(KeyKind::Rsa2048).unwrap();
    let forged = form(stranger.sign(&header, &payload).unwrap());
    let (status, answer) = post(&up, "/oauth2/v2.0/token", &forged.each_ref().map(|(n, v)| (*n, v.as_str()))).await;
    assert_eq!((status, &answer["error_codes"]), (401, &json!([700_027])), "{answer}");
}

/// The real clock, put forward by some seconds.
struct Forward(std::sync::atomic::AtomicI64);

impl symbolon_core::ports::Clock for Forward {
    fn now(&self) -> Timestamp {
        let ahead = self.0.load(std::sync::atomic::Ordering::Relaxed);
        Timestamp::from_second(now().as_second() + ahead).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_administrator_s_token_is_asked_for_again_before_it_expires() {
    let up = Installation::start();
    let clock = std::sync::Arc::new(Forward(0.into()));
    let client = symbolon_client::ManagementClient::open(&up.path("data"), clock.clone()).unwrap();
    client.identities().await.unwrap();
    // Within its life the first token serves on: an assertion of this clock would be refused.
    clock.0.store(50 * 60, std::sync::atomic::Ordering::Relaxed);
    client.identities().await.unwrap();
    // Near its end the client asks anew, which the server, whose clock is behind, refuses.
    clock.0.store(56 * 60, std::sync::atomic::Ordering::Relaxed);
    let error = client.identities().await.unwrap_err().to_string();
    assert!(error.contains("AADSTS700024"), "{error}");
}
