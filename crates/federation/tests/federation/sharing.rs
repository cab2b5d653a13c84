//! Many callers, one fetch.

use std::sync::Arc;

use serde_json::json;
use symbolon_core::ports::IssuerKeys as _;
use symbolon_federation::Settings;

use crate::support::{DISCOVERY, Issuer, JWKS, World, key, private, tenant};

#[tokio::test]
async fn a_hundred_callers_share_the_first_fetch() {
    let issuer = Issuer::start(&json!([key("one").jwk])).await;
    let world = World::new();
    world.trust(&issuer);
    issuer.close().await;
    let callers = callers(&world, &issuer, "one");
    issuer.wait_for(DISCOVERY, 1).await;
    issuer.open();
    for caller in callers {
        assert!(caller.await.unwrap());
    }
    assert_eq!((issuer.asked(DISCOVERY), issuer.asked(JWKS)), (1, 1));
}

#[tokio::test]
async fn a_hundred_callers_with_an_unknown_key_share_one_refresh() {
    let (one, two) = (key("one"), key("two"));
    let issuer = Issuer::start(&json!([one.jwk])).await;
    let world = World::new();
    world.trust(&issuer);
    world.key(&issuer.url, "one").await.unwrap();
    issuer.publish(&json!([one.jwk, two.jwk]));
    issuer.close().await;
    let callers = callers(&world, &issuer, "two");
    issuer.wait_for(DISCOVERY, 2).await;
    issuer.open();
    for caller in callers {
        assert!(caller.await.unwrap());
    }
    assert_eq!((issuer.asked(DISCOVERY), issuer.asked(JWKS)), (2, 2));
}

#[tokio::test]
async fn a_caller_that_goes_away_takes_nothing_from_the_others() {
    let issuer = Issuer::start(&json!([key("one").jwk])).await;
    let world = World::new();
    world.trust(&issuer);
    issuer.close().await;
    let mut callers = callers(&world, &issuer, "one").into_iter();
    issuer.wait_for(DISCOVERY, 1).await;
    // The first one started the fetch.
    callers.next().unwrap().abort();
    issuer.open();
    for caller in callers {
        assert!(caller.await.unwrap());
    }
    assert_eq!(issuer.asked(DISCOVERY), 1);
}

#[tokio::test]
async fn a_tenant_with_slow_issuers_does_not_keep_another_from_its_own() {
    let world = Arc::new(World::with(Settings { max_concurrent_fetches_per_tenant: 2, ..World::settings() }));
    let mut slow = vec![];
    for _ in 0..3 {
        let issuer = Issuer::start(&json!([])).await;
        issuer.close().await;
        world.trust(&issuer);
        let (world, url) = (Arc::clone(&world), issuer.url.clone());
        tokio::spawn(async move { world.key(&url, "one").await });
        slow.push(issuer);
    }
    slow[0].wait_for(DISCOVERY, 1).await;
    slow[1].wait_for(DISCOVERY, 1).await;

    let good = Issuer::start(&json!([key("one").jwk])).await;
    world.register(tenant(2), &good.url, private(&good));
    assert!(world.federation.key(tenant(2), &good.url, "one").await.is_ok());
    assert_eq!(slow[2].connections(), 0);
    slow[0].open();
    slow[2].wait_for(DISCOVERY, 1).await;
}

fn callers(world: &World, issuer: &Issuer, kid: &'static str) -> Vec<tokio::task::JoinHandle<bool>> {
    let call = |_| {
        let (federation, url) = (world.federation.clone(), issuer.url.clone());
        tokio::spawn(async move { federation.key(tenant(1), &url, kid).await.is_ok() })
    };
    (0..100).map(call).collect()
}
