//! What an issuer may and may not answer.

use std::time::Duration;

use serde_json::json;
use symbolon_core::ports::IssuerKeysError;
use symbolon_federation::Settings;

use crate::support::{DISCOVERY, Issuer, JWKS, Reply, Scheme, World, key, ok, status};

#[tokio::test]
async fn a_key_of_an_issuer_with_its_own_ca_is_found() {
    let one = key("one");
    let issuer = Issuer::start(&json!([one.jwk, key("two").jwk])).await;
    let world = World::new();
    world.trust(&issuer);
    assert_eq!(world.key(&issuer.url, "one").await, Ok(one.verifying));
    assert_eq!((issuer.asked(DISCOVERY), issuer.asked(JWKS)), (1, 1));
}

#[tokio::test]
async fn a_request_asks_for_json_and_carries_nothing_of_ours() {
    let issuer = Issuer::start(&json!([key("one").jwk])).await;
    let world = World::new();
    world.trust(&issuer);
    world.key(&issuer.url, "one").await.unwrap();
    let head = issuer.requests()[0].replace(&issuer.address.port().to_string(), "PORT");
    let mut lines: Vec<&str> = head.lines().collect();
    lines.sort_unstable();
    insta::assert_snapshot!(lines.join("\n").trim(), @r"
        GET /.well-known/openid-configuration HTTP/1.1
        accept: application/json
        host: 127.0.0.1:PORT
        user-agent: symbolon/0.1.0
    ");
    // A Kubernetes API server answers 406 to whoever does not ask for a key set by its own type.
    let accept = issuer.requests()[1].lines().find(|line| line.starts_with("accept:")).map(str::to_owned);
    assert_eq!(accept.as_deref(), Some("accept: application/jwk-set+json, application/json"));
}

#[tokio::test]
async fn a_key_that_is_not_published_is_refused_with_those_that_are() {
    let issuer = Issuer::start(&json!([key("one").jwk, key("two").jwk])).await;
    let world = World::new();
    world.trust(&issuer);
    insta::assert_snapshot!(world.refusal(&issuer, "three").await, @"the issuer publishes no key `three`, only `one`, `two`");
}

#[tokio::test]
async fn a_document_that_names_another_issuer_is_refused() {
    let issuer = Issuer::start(&json!([key("one").jwk])).await;
    let world = World::new();
    world.trust(&issuer);
    let jwks_uri = format!("{}{JWKS}", issuer.url);
    issuer.reply(DISCOVERY, ok(&json!({"issuer": format!("{}/", issuer.url), "jwks_uri": jwks_uri})));
    insta::assert_snapshot!(world.refusal(&issuer, "one").await, @"discovery document names issuer `https://127.0.0.1:PORT/`, expected `https://127.0.0.1:PORT`");
    assert_eq!(issuer.asked(JWKS), 0);
}

#[tokio::test]
async fn an_issuer_with_a_trailing_slash_has_its_document_at_the_same_place() {
    let one = key("one");
    let issuer = Issuer::start(&json!([one.jwk])).await;
    let world = World::new();
    let slashed = format!("{}/", issuer.url);
    world.register(crate::support::tenant(1), &slashed, crate::support::private(&issuer));
    issuer.reply(DISCOVERY, ok(&json!({"issuer": slashed, "jwks_uri": format!("{}{JWKS}", issuer.url)})));
    assert_eq!(world.key(&slashed, "one").await, Ok(one.verifying));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Issuer::start(&json!([key("one").jwk])).await;
    let issuer = Issuer::start(&json!([])).await;
    let world = World::new();
    world.trust(&issuer);
    let location = format!("302 Found\r\nlocation: {}{DISCOVERY}", elsewhere.url);
    issuer.reply(DISCOVERY, status(&location));
    let refusal = world.refusal(&issuer, "one").await.replace(&elsewhere.address.port().to_string(), "OTHER");
    insta::assert_snapshot!(refusal, @"discovery document cannot be fetched: `https://127.0.0.1:PORT/.well-known/openid-configuration` answers 302 Found with a redirect to `https://127.0.0.1:OTHER/.well-known/openid-configuration`, which is not followed");
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn an_error_of_the_issuer_is_told_with_its_status() {
    let issuer = Issuer::start(&json!([])).await;
    let world = World::new();
    world.trust(&issuer);
    issuer.reply(JWKS, status("404 Not Found"));
    insta::assert_snapshot!(world.refusal(&issuer, "one").await, @"key set cannot be fetched: `https://127.0.0.1:PORT/jwks` answers 404 Not Found");
}

#[tokio::test]
async fn a_discovery_document_that_announces_too_much_is_not_read() {
    let issuer = Issuer::start(&json!([])).await;
    let world = World::with(Settings { max_document_bytes: 1000, ..World::settings() });
    world.trust(&issuer);
    issuer.reply(DISCOVERY, Reply::Stall("HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n{".into()));
    insta::assert_snapshot!(world.refusal(&issuer, "one").await, @"discovery document has more than 1000 bytes");
}

#[tokio::test]
async fn a_key_set_without_end_is_cut_at_the_limit() {
    let issuer = Issuer::start(&json!([])).await;
    let world = World::new();
    world.trust(&issuer);
    let chunk = format!("400\r\n{}\r\n", " ".repeat(0x400));
    issuer.reply(JWKS, Reply::Endless("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".into(), chunk));
    insta::assert_snapshot!(world.refusal(&issuer, "one").await, @"key set has more than 1048576 bytes");
}

#[tokio::test]
async fn a_discovery_document_without_end_and_without_length_is_cut_at_the_limit() {
    let issuer = Issuer::start(&json!([])).await;
    let world = World::new();
    world.trust(&issuer);
    issuer.reply(DISCOVERY, Reply::Endless("HTTP/1.1 200 OK\r\n\r\n".into(), "[".repeat(1000)));
    let refused = world.key(&issuer.url, "one").await.unwrap_err();
    assert_eq!(refused, IssuerKeysError::TooLarge { document: "discovery document", limit: 64 * 1024 });
}

#[tokio::test]
async fn headers_without_end_are_refused() {
    let issuer = Issuer::start(&json!([])).await;
    let world = World::new();
    world.trust(&issuer);
    issuer.reply(DISCOVERY, Reply::Endless("HTTP/1.1 200 OK\r\n".into(), format!("x: {}\r\n", "y".repeat(1000))));
    let refused = world.key(&issuer.url, "one").await.unwrap_err();
    assert!(matches!(refused, IssuerKeysError::DiscoveryUnreachable { .. }), "{refused}");
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_in_time_is_given_up() {
    let head = "HTTP/1.1 200 OK\r\n";
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{";
    for begun in ["", head, half] {
        let issuer = Issuer::start(&json!([])).await;
        let hurried = Duration::from_millis(300);
        let world = World::with(Settings { total_timeout: hurried, ..World::settings() });
        world.trust(&issuer);
        issuer.reply(DISCOVERY, Reply::Stall(begun.into()));
        let refusal = world.refusal(&issuer, "one").await;
        assert_eq!(
            refusal,
            "discovery document cannot be fetched: `127.0.0.1:PORT` did not answer completely within 300ms"
        );
    }
}

#[tokio::test]
async fn both_documents_share_one_time_limit() {
    let issuer = Issuer::start(&json!([])).await;
    let world = World::with(Settings { total_timeout: Duration::from_millis(500), ..World::settings() });
    world.trust(&issuer);
    issuer.reply(JWKS, Reply::Stall(String::new()));
    let refused = world.key(&issuer.url, "one").await.unwrap_err();
    assert!(matches!(refused, IssuerKeysError::KeysUnreachable { .. }), "{refused}");
}

#[tokio::test]
async fn what_is_not_a_strict_json_object_is_malformed() {
    let issuer = Issuer::start(&json!([])).await;
    for body in ["<html></html>", "[]", "", r#"{"keys":[],"keys":[]}"#, "{\"keys\":[]}x", "\u{feff}{\"keys\":[]}"] {
        let world = World::new();
        world.trust(&issuer);
        issuer.reply(JWKS, ok(&body));
        let refused = world.key(&issuer.url, "one").await.unwrap_err();
        assert!(matches!(refused, IssuerKeysError::Malformed { document: "key set", .. }), "{body}: {refused}");
    }
}

#[tokio::test]
async fn a_missing_jwks_uri_is_named() {
    let issuer = Issuer::start(&json!([])).await;
    let world = World::new();
    world.trust(&issuer);
    issuer.reply(DISCOVERY, ok(&json!({"issuer": issuer.url})));
    assert_eq!(world.key(&issuer.url, "one").await, Err(IssuerKeysError::MissingField { field: "jwks_uri" }));
}

#[tokio::test]
async fn a_compressed_answer_is_refused() {
    let issuer = Issuer::start(&json!([])).await;
    let world = World::new();
    world.trust(&issuer);
    issuer.reply(DISCOVERY, status("200 OK\r\ncontent-encoding: gzip"));
    insta::assert_snapshot!(world.refusal(&issuer, "one").await, @"discovery document is malformed: `https://127.0.0.1:PORT/.well-known/openid-configuration` sends it compressed, which was not asked for");
}

#[tokio::test]
async fn of_many_keys_the_first_hundred_are_used() {
    let jwk = key("").jwk;
    let keys: Vec<_> = (0..150)
        .map(|n| {
            let mut jwk = jwk.clone();
            jwk["kid"] = json!(format!("key-{n}"));
            jwk
        })
        .collect();
    let issuer = Issuer::start(&json!(keys)).await;
    let world = World::new();
    world.trust(&issuer);
    assert!(world.key(&issuer.url, "key-99").await.is_ok());
    let refusal = world.refusal(&issuer, "key-100").await;
    assert!(refusal.ends_with(" and 90 more (left out: 50 beyond the first 100)"), "{refusal}");
}

#[tokio::test]
async fn a_certificate_of_an_unknown_ca_is_refused_with_the_mend() {
    let issuer = Issuer::start(&json!([])).await;
    let world = World::new();
    let other = Issuer::start(&json!([])).await;
    world.register(
        crate::support::tenant(1),
        &issuer.url,
        symbolon_core::issuer::IssuerKeySource::Discovery { ca_pem: Some(other.ca_pem.clone()), allow_private: true },
    );
    insta::assert_snapshot!(world.refusal(&issuer, "one").await, @"discovery document cannot be fetched: the certificate of `127.0.0.1:PORT` is not signed by the CA that is registered for this issuer");
    world.register(
        crate::support::tenant(1),
        &issuer.url,
        symbolon_core::issuer::IssuerKeySource::Discovery { ca_pem: None, allow_private: true },
    );
    insta::assert_snapshot!(world.refusal(&issuer, "one").await, @"discovery document cannot be fetched: the certificate of `127.0.0.1:PORT` is signed by a CA that is not trusted here; register the issuer with its CA: `symbolon trusted-issuer register https://127.0.0.1:PORT --allow-private --ca-file FILE`");
    assert!(issuer.requests().is_empty());
}

#[tokio::test]
async fn a_certificate_for_another_name_or_of_another_time_is_refused() {
    let name = || vec!["issuer.example".to_owned()];
    let wrong = Issuer::with(Scheme::Https(name(), true), "127.0.0.1", &json!([])).await;
    let old = Issuer::with(Scheme::Https(vec!["127.0.0.1".into()], false), "127.0.0.1", &json!([])).await;
    let world = World::new();
    world.trust(&wrong);
    world.trust(&old);
    insta::assert_snapshot!(world.refusal(&wrong, "one").await, @"discovery document cannot be fetched: the certificate of `127.0.0.1:PORT` is not valid for this name");
    insta::assert_snapshot!(world.refusal(&old, "one").await, @"discovery document cannot be fetched: the certificate of `127.0.0.1:PORT` has expired");
}

#[tokio::test]
async fn an_issuer_that_is_not_there_is_told_apart() {
    let world = World::new();
    let issuer = Issuer::start(&json!([])).await;
    let nobody = "https://127.0.0.1:1";
    world.register(crate::support::tenant(1), nobody, crate::support::private(&issuer));
    let refused = world.key(nobody, "one").await.unwrap_err();
    insta::assert_snapshot!(refused, @"discovery document cannot be fetched: no connection to `127.0.0.1:1`: Connection refused (os error 111)");
    let nameless = "https://nowhere.example";
    insta::assert_snapshot!(world.key(nameless, "one").await.unwrap_err(), @"discovery document cannot be fetched: name `nowhere.example` cannot be resolved: no such name");
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_told_apart() {
    let plain = Issuer::with(Scheme::Http, "127.0.0.1", &json!([])).await;
    let world = World::new();
    let url = plain.url.replace("http://", "https://");
    world.register(crate::support::tenant(1), &url, crate::support::private(&plain));
    let refused = world.key(&url, "one").await.unwrap_err();
    assert!(matches!(refused, IssuerKeysError::DiscoveryUnreachable { .. }), "{refused}");
}
