//! What one tenant says of an issuer, and what another does not notice of it.

use std::time::Duration;

use serde_json::json;
use symbolon_core::ports::{IssuerKeys as _, IssuerKeysError};
use symbolon_federation::Settings;
use symbolon_jose::JwkSet;

use crate::support::{DISCOVERY, Issuer, JWKS, Trouble, World, key, private, registered, tenant};

const ISSUER: &str = "https://issuer.example";

#[tokio::test]
async fn a_registered_key_set_answers_without_any_fetch() {
    let one = key("one");
    let issuer = Issuer::start(&json!([key("two").jwk])).await;
    let world = World::new();
    world.register(tenant(1), &issuer.url, registered(&json!([one.jwk])));
    assert_eq!(world.key(&issuer.url, "one").await, Ok(one.verifying));
    let refused = world.key(&issuer.url, "two").await.unwrap_err();
    assert!(matches!(refused, IssuerKeysError::UnknownKey { .. }), "{refused}");
    assert_eq!(issuer.connections(), 0);
}

#[tokio::test]
async fn two_tenants_with_different_keys_for_one_issuer_stay_apart() {
    let (ours, theirs) = (key("same"), key("same"));
    let world = World::new();
    world.register(tenant(1), ISSUER, registered(&json!([ours.jwk])));
    world.register(tenant(2), ISSUER, registered(&json!([theirs.jwk])));
    assert_eq!(world.federation.key(tenant(1), ISSUER, "same").await, Ok(ours.verifying));
    assert_eq!(world.federation.key(tenant(2), ISSUER, "same").await, Ok(theirs.verifying));
}

#[tokio::test]
async fn a_registration_of_one_tenant_allows_another_nothing() {
    let issuer = Issuer::start(&json!([key("one").jwk])).await;
    let world = World::new();
    world.register(tenant(1), &issuer.url, private(&issuer));
    assert!(world.federation.key(tenant(1), &issuer.url, "one").await.is_ok());
    let connections = issuer.connections();
    let refused = world.federation.key(tenant(2), &issuer.url, "one").await.unwrap_err();
    assert!(matches!(refused, IssuerKeysError::Refused { .. }), "{refused}");
    assert_eq!(issuer.connections(), connections);
}

#[tokio::test]
async fn a_store_that_finds_the_wrong_registration_opens_nothing() {
    let issuer = Issuer::start(&json!([key("one").jwk])).await;
    let world = World::new();
    *world.registrations.trouble.lock().unwrap() = Some(Trouble::Confuses);
    for (of, named) in [(tenant(2), issuer.url.as_str()), (tenant(1), ISSUER)] {
        world.register(of, named, private(&issuer));
        assert!(world.key(&issuer.url, "one").await.is_err());
        world.unregister(of, named);
        world.federation.invalidate(tenant(1), &issuer.url);
    }
    assert_eq!(issuer.connections(), 0);
}

#[tokio::test]
async fn keys_of_a_deleted_registration_are_gone_at_once() {
    let issuer = Issuer::start(&json!([key("one").jwk])).await;
    let world = World::new();
    world.trust(&issuer);
    assert!(world.key(&issuer.url, "one").await.is_ok());
    world.unregister(tenant(1), &issuer.url);
    let refused = world.key(&issuer.url, "one").await.unwrap_err();
    assert!(matches!(refused, IssuerKeysError::Refused { .. }), "{refused}");
}

#[tokio::test]
async fn a_refused_issuer_serves_as_soon_as_it_is_registered() {
    let issuer = Issuer::start(&json!([key("one").jwk])).await;
    let world = World::new();
    assert!(world.key(&issuer.url, "one").await.is_err());
    world.trust(&issuer);
    assert!(world.key(&issuer.url, "one").await.is_ok());
}

#[tokio::test]
async fn a_registration_that_changes_during_a_fetch_is_not_answered_from_it() {
    let (old, new) = (key("same"), key("same"));
    let issuer = Issuer::start(&json!([old.jwk])).await;
    let world = World::new();
    world.trust(&issuer);
    issuer.close().await;
    let (federation, url) = (world.federation.clone(), issuer.url.clone());
    let before = tokio::spawn(async move { federation.key(tenant(1), &url, "same").await });
    issuer.wait_for(DISCOVERY, 1).await;
    world.register(tenant(1), &issuer.url, registered(&json!([new.jwk])));
    issuer.open();
    before.await.unwrap().unwrap();
    assert_eq!(world.key(&issuer.url, "same").await, Ok(new.verifying));
}

#[tokio::test]
async fn the_issuer_of_this_process_needs_neither_registration_nor_network() {
    let one = key("one");
    let issuer = Issuer::start(&json!([])).await;
    let world = World::new();
    let set = JwkSet::parse(json!({"keys": [one.jwk]}).to_string().as_bytes(), 100).unwrap();
    world.federation.set_local_issuer(tenant(1), issuer.url.clone(), set);
    assert_eq!(world.key(&issuer.url, "one").await, Ok(one.verifying));
    assert!(matches!(world.key(&issuer.url, "two").await, Err(IssuerKeysError::UnknownKey { .. })));
    assert!(world.federation.key(tenant(2), &issuer.url, "one").await.is_err());
    assert_eq!(issuer.connections(), 0);
}

#[tokio::test]
async fn the_keys_of_the_issuer_of_this_process_can_be_replaced() {
    let (one, two) = (key("one"), key("two"));
    let world = World::new();
    for key in [&one, &two] {
        let set = JwkSet::parse(json!({"keys": [key.jwk]}).to_string().as_bytes(), 100).unwrap();
        world.federation.set_local_issuer(tenant(1), ISSUER.into(), set);
    }
    assert!(world.key(ISSUER, "one").await.is_err());
    assert_eq!(world.key(ISSUER, "two").await, Ok(two.verifying));
}

#[tokio::test]
async fn a_tenant_that_fills_the_cache_with_keys_pushes_out_its_own_only() {
    let issuer = Issuer::start(&json!([key("one").jwk])).await;
    let world = World::with(Settings { max_cached_keys: 5, ..World::settings() });
    world.trust(&issuer);
    world.key(&issuer.url, "one").await.unwrap();
    let two = key("two");
    let names: Vec<String> = (0..20).map(|n| format!("https://{n}.example")).collect();
    for name in &names {
        world.register(tenant(2), name, registered(&json!([two.jwk])));
        world.federation.key(tenant(2), name, "two").await.unwrap();
        world.clock.forward(Duration::from_millis(1));
    }
    world.key(&issuer.url, "one").await.unwrap();
    assert_eq!(issuer.asked(JWKS), 1, "the first tenant's keys are still there");

    *world.registrations.trouble.lock().unwrap() = Some(Trouble::Fails);
    assert!(world.federation.key(tenant(2), &names[19], "two").await.is_ok());
    assert!(world.federation.key(tenant(2), &names[0], "two").await.is_err(), "the oldest had to go");
}
