//! Where no connection may go. A refusal alone would prove little: each test also looks whether
//! the server was connected to.

use serde_json::json;
use symbolon_core::issuer::IssuerKeySource;
use symbolon_core::ports::{IssuerKeys as _, IssuerKeysError};

use crate::support::{DISCOVERY, Issuer, JWKS, Scheme, World, key, ok, private, tenant};

#[tokio::test]
async fn a_loopback_issuer_without_registration_is_never_connected_to() {
    let issuer = Issuer::start(&json!([key("one").jwk])).await;
    let world = World::new();
    insta::assert_snapshot!(world.refusal(&issuer, "one").await, @"127.0.0.1 is a loopback address; if this is meant, register the issuer with `symbolon trusted-issuer register https://127.0.0.1:PORT --allow-private`");
    assert_eq!(issuer.connections(), 0);
}

#[tokio::test]
async fn a_ca_alone_does_not_allow_a_private_address() {
    let issuer = Issuer::start(&json!([key("one").jwk])).await;
    let world = World::new();
    let keys = IssuerKeySource::Discovery { ca_pem: Some(issuer.ca_pem.clone()), allow_private: false };
    world.register(tenant(1), &issuer.url, keys);
    insta::assert_snapshot!(world.refusal(&issuer, "one").await, @"127.0.0.1 is a loopback address; if this is meant, register the issuer with `symbolon trusted-issuer register https://127.0.0.1:PORT --ca-file FILE --allow-private`");
    assert_eq!(issuer.connections(), 0);
}

#[tokio::test]
async fn other_spellings_of_a_loopback_address_are_seen_through() {
    let issuer = Issuer::start(&json!([key("one").jwk])).await;
    let world = World::new();
    for host in [
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "127.1",
        "0177.0.0.1",
        "127.0.0.1.",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[::1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "0.0.0.0",
        "[::]",
        "１２７.0.0.1",
    ] {
        let url = format!("https://{host}:{}", issuer.address.port());
        let refused = world.key(&url, "one").await.unwrap_err();
        assert!(matches!(refused, IssuerKeysError::Refused { .. }), "{host}: {refused}");
    }
    assert_eq!(issuer.connections(), 0);
}

#[tokio::test]
async fn a_public_name_with_a_private_address_is_never_connected_to() {
    let issuer = named("issuer.example").await;
    let world = World::new();
    world.name("issuer.example", &["127.0.0.1"]);
    insta::assert_snapshot!(world.refusal(&issuer, "one").await, @"`issuer.example` resolves to 127.0.0.1, a loopback address; if this is meant, register the issuer with `symbolon trusted-issuer register https://issuer.example:PORT --allow-private`");
    assert_eq!(issuer.connections(), 0);
}

#[tokio::test]
async fn a_name_is_resolved_once_for_each_connection() {
    let issuer = named("issuer.example").await;
    let world = World::new();
    world.name("issuer.example", &["127.0.0.1"]);
    world.trust(&issuer);
    assert!(world.key(&issuer.url, "one").await.is_ok());
    let asked = world.names.asked.load(std::sync::atomic::Ordering::SeqCst);
    assert_eq!(asked, issuer.connections());
}

#[tokio::test]
async fn a_name_that_moves_between_the_documents_is_checked_again() {
    let issuer = named("issuer.example").await;
    let world = World::new();
    world.name("issuer.example", &["127.0.0.1", "169.254.169.254"]);
    world.trust(&issuer);
    insta::assert_snapshot!(world.refusal(&issuer, "one").await, @"`issuer.example` resolves to 169.254.169.254, the address of a cloud's metadata service, where no issuer is ever asked for its keys");
    assert_eq!((issuer.asked(DISCOVERY), issuer.asked(JWKS)), (1, 0));
}

#[tokio::test]
async fn keys_at_a_forbidden_address_are_not_fetched() {
    let issuer = Issuer::start(&json!([])).await;
    let world = World::new();
    world.trust(&issuer);
    issuer.reply(DISCOVERY, ok(&json!({"issuer": issuer.url, "jwks_uri": "http://169.254.169.254/latest/"})));
    insta::assert_snapshot!(world.refusal(&issuer, "one").await, @"169.254.169.254 is the address of a cloud's metadata service, where no issuer is ever asked for its keys");
}

#[tokio::test]
async fn keys_may_lie_on_another_host() {
    let one = key("one");
    let issuer = Issuer::start(&json!([])).await;
    let elsewhere = Issuer::with(Scheme::Http, "127.0.0.1", &json!([one.jwk])).await;
    let world = World::new();
    world.trust(&issuer);
    let jwks_uri = format!("{}{JWKS}", elsewhere.url);
    issuer.reply(DISCOVERY, ok(&json!({"issuer": issuer.url, "jwks_uri": jwks_uri})));
    assert_eq!(world.key(&issuer.url, "one").await, Ok(one.verifying));
}

#[tokio::test]
async fn plain_http_needs_a_registration_that_allows_it() {
    let one = key("one");
    let issuer = Issuer::with(Scheme::Http, "127.0.0.1", &json!([one.jwk])).await;
    let world = World::new();
    insta::assert_snapshot!(world.refusal(&issuer, "one").await, @"`http://127.0.0.1:PORT/.well-known/openid-configuration` is not https; if this is meant, register the issuer with `symbolon trusted-issuer register http://127.0.0.1:PORT --allow-private`");
    assert_eq!(issuer.connections(), 0);
    world.register(tenant(1), &issuer.url, private(&issuer));
    assert_eq!(world.key(&issuer.url, "one").await, Ok(one.verifying));
}

#[tokio::test]
async fn an_issuer_that_is_no_url_is_refused() {
    let world = World::new();
    for issuer in ["", "kubernetes/serviceaccount", "file:///etc/passwd", "https://user@issuer.example"] {
        let refused = world.key(issuer, "one").await.unwrap_err();
        assert!(matches!(refused, IssuerKeysError::Refused { .. }), "{issuer}: {refused}");
    }
}

#[tokio::test]
async fn the_resolver_of_the_system_is_held_to_the_policy_too() {
    let one = key("one");
    let issuer = Issuer::with(Scheme::Http, "localhost", &json!([one.jwk])).await;
    let world = World::new();
    let federation = world.with_system_resolver();
    let https = issuer.url.replace("http://", "https://");
    let refused = federation.key(tenant(1), &https, "one").await.unwrap_err();
    assert!(matches!(refused, IssuerKeysError::Refused { .. }), "{refused}");
    assert_eq!(issuer.connections(), 0);
    world.register(tenant(1), &issuer.url, private(&issuer));
    assert_eq!(federation.key(tenant(1), &issuer.url, "one").await, Ok(one.verifying));
}

async fn named(host: &str) -> Issuer {
    Issuer::with(Scheme::Https(vec![host.to_owned()], true), host, &json!([key("one").jwk])).await
}
