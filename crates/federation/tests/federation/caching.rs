//! What is kept, for how long, and how often an issuer is asked.

use std::time::Duration;

use serde_json::json;
use symbolon_core::ports::IssuerKeysError;

use crate::support::{DISCOVERY, Issuer, JWKS, Trouble, World, key, status};

#[tokio::test]
async fn keys_are_fetched_once_and_then_answered_from_memory() {
    let issuer = Issuer::start(&json!([key("one").jwk, key("two").jwk])).await;
    let world = World::new();
    world.trust(&issuer);
    for _ in 0..10 {
        world.key(&issuer.url, "one").await.unwrap();
        world.key(&issuer.url, "two").await.unwrap();
    }
    assert_eq!(issuer.connections(), 2);
}

#[tokio::test]
async fn a_key_of_a_rotation_is_found_at_its_first_use() {
    let (one, two) = (key("one"), key("two"));
    let issuer = Issuer::start(&json!([one.jwk])).await;
    let world = World::new();
    world.trust(&issuer);
    world.key(&issuer.url, "one").await.unwrap();
    issuer.publish(&json!([one.jwk, two.jwk]));
    assert_eq!(world.key(&issuer.url, "two").await, Ok(two.verifying));
}

#[tokio::test]
async fn unknown_keys_cause_one_refresh_in_an_interval() {
    let issuer = Issuer::start(&json!([key("one").jwk])).await;
    let world = World::new();
    world.trust(&issuer);
    world.key(&issuer.url, "one").await.unwrap();
    for n in 0..50 {
        world.key(&issuer.url, &format!("invented-{n}")).await.unwrap_err();
    }
    assert_eq!(issuer.asked(JWKS), 2);
    world.clock.forward(Duration::from_secs(31));
    for n in 0..50 {
        world.key(&issuer.url, &format!("invented-{n}")).await.unwrap_err();
    }
    assert_eq!(issuer.asked(JWKS), 3);
}

#[tokio::test]
async fn a_withdrawn_key_is_gone_with_the_next_refresh() {
    let (one, two) = (key("one"), key("two"));
    let issuer = Issuer::start(&json!([one.jwk])).await;
    let world = World::new();
    world.trust(&issuer);
    world.key(&issuer.url, "one").await.unwrap();
    issuer.publish(&json!([two.jwk]));
    world.key(&issuer.url, "two").await.unwrap();
    let refused = world.key(&issuer.url, "one").await.unwrap_err();
    assert!(matches!(refused, IssuerKeysError::UnknownKey { .. }), "{refused}");
}

#[tokio::test]
async fn an_empty_key_set_withdraws_all_keys() {
    let issuer = Issuer::start(&json!([key("one").jwk])).await;
    let world = World::new();
    world.trust(&issuer);
    world.key(&issuer.url, "one").await.unwrap();
    issuer.publish(&json!([]));
    insta::assert_snapshot!(world.refusal(&issuer, "two").await, @"the issuer publishes no key `two`, only an empty key set");
    assert!(world.key(&issuer.url, "one").await.is_err());
}

#[tokio::test]
async fn keys_that_are_no_longer_fresh_are_used_while_they_are_fetched_again() {
    let issuer = Issuer::start(&json!([key("one").jwk])).await;
    let world = World::new();
    world.trust(&issuer);
    world.key(&issuer.url, "one").await.unwrap();
    world.clock.forward(Duration::from_mins(61));
    issuer.close().await;
    for _ in 0..10 {
        world.key(&issuer.url, "one").await.unwrap();
    }
    issuer.wait_for(DISCOVERY, 2).await;
    assert_eq!(issuer.asked(DISCOVERY), 2);
    issuer.open();
    issuer.wait_for(JWKS, 2).await;
}

#[tokio::test]
async fn a_clock_that_was_set_back_does_not_keep_keys_fresh() {
    let issuer = Issuer::start(&json!([key("one").jwk])).await;
    let world = World::new();
    world.trust(&issuer);
    world.key(&issuer.url, "one").await.unwrap();
    world.clock.back(Duration::from_hours(2));
    world.key(&issuer.url, "one").await.unwrap();
    issuer.wait_for(JWKS, 2).await;
}

#[tokio::test]
async fn the_last_good_keys_of_a_failing_issuer_serve_for_a_day() {
    let one = key("one");
    let issuer = Issuer::start(&json!([one.jwk])).await;
    let world = World::new();
    world.trust(&issuer);
    world.key(&issuer.url, "one").await.unwrap();
    issuer.fail();
    for _ in 0..23 {
        world.clock.forward(Duration::from_hours(1));
        assert_eq!(world.key(&issuer.url, "one").await, Ok(one.verifying.clone()));
    }
    world.clock.forward(Duration::from_hours(2));
    let refused = world.key(&issuer.url, "one").await.unwrap_err();
    assert!(matches!(refused, IssuerKeysError::DiscoveryUnreachable { .. }), "{refused}");
    issuer.publish(&json!([one.jwk]));
    world.clock.forward(Duration::from_mins(6));
    assert_eq!(world.key(&issuer.url, "one").await, Ok(one.verifying));
}

#[tokio::test]
async fn a_failing_issuer_is_asked_at_growing_distances() {
    let issuer = Issuer::start(&json!([])).await;
    let world = World::new();
    world.trust(&issuer);
    issuer.fail();
    let mut asked = vec![];
    for second in 0..700 {
        world.key(&issuer.url, "one").await.unwrap_err();
        if issuer.asked(DISCOVERY) > asked.len() {
            asked.push(second);
        }
        world.clock.forward(Duration::from_secs(1));
    }
    // Pauses of 5, 10, 20, 40, 80, 160 and then 300 seconds, each over when a second more has passed.
    assert_eq!(asked, [0, 6, 17, 38, 79, 160, 321, 622]);
}

#[tokio::test]
async fn an_issuer_that_recovers_is_asked_as_if_nothing_had_been() {
    let one = key("one");
    let issuer = Issuer::start(&json!([one.jwk])).await;
    let world = World::new();
    world.trust(&issuer);
    issuer.reply(JWKS, status("500 Internal Server Error"));
    world.key(&issuer.url, "one").await.unwrap_err();
    issuer.publish(&json!([one.jwk]));
    world.clock.forward(Duration::from_secs(6));
    assert_eq!(world.key(&issuer.url, "one").await, Ok(one.verifying));
}

#[tokio::test]
async fn a_store_that_fails_is_no_reason_to_leave_the_issuer_alone() {
    let one = key("one");
    let issuer = Issuer::start(&json!([one.jwk])).await;
    let world = World::new();
    world.trust(&issuer);
    *world.registrations.trouble.lock().unwrap() = Some(Trouble::Fails);
    insta::assert_snapshot!(world.refusal(&issuer, "one").await, @"discovery document cannot be fetched: the registrations of issuers cannot be read");
    assert_eq!(issuer.connections(), 0);
    *world.registrations.trouble.lock().unwrap() = None;
    world.clock.forward(Duration::from_millis(1));
    assert_eq!(world.key(&issuer.url, "one").await, Ok(one.verifying));
}

#[tokio::test]
async fn a_panic_in_a_fetch_reaches_its_waiters_as_an_error_and_nobody_later() {
    let one = key("one");
    let issuer = Issuer::start(&json!([one.jwk])).await;
    let world = World::new();
    world.trust(&issuer);
    *world.registrations.trouble.lock().unwrap() = Some(Trouble::Panics);
    insta::assert_snapshot!(world.refusal(&issuer, "one").await, @"discovery document cannot be fetched: the fetch was interrupted; try again");
    *world.registrations.trouble.lock().unwrap() = None;
    assert_eq!(world.key(&issuer.url, "one").await, Ok(one.verifying));
}
