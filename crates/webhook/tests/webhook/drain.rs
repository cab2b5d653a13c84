//! The end of a replica: no call is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::fake::{Fake, account, account_path};
use crate::world::{
    CONFIGURATION_PATH, Replica, caller, client_id, configuration, one_replica, options, published, review, send, url,
};

const ID: &str = "11111111-1111-1111-1111-111111111111";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_update_loses_no_call() {
    for http2 in [false, true] {
        let fake = Fake::start().await;
        fake.put(CONFIGURATION_PATH, configuration());
        fake.put(&account_path("default", "sademo"), account(Some(ID)));
        let mut old = Replica::start(fake.client(), options("old"));
        let new = Replica::start(fake.client(), options("new"));
        old.ready().await;
        new.ready().await;
        let answered = Arc::new(AtomicUsize::new(0));
        // Callers keep their connections and learn of the new address only when the old replica
        // says that it is not ready, as they would through a Service.
        let (switch, switched) = tokio::sync::watch::channel(old.address);
        let callers: Vec<_> = (0..8)
            .map(|_| {
                let (roots, mut switched) = (published(&fake), switched.clone());
                let (answered, first) = (Arc::clone(&answered), old.address);
                tokio::spawn(async move {
                    let client = caller(roots.clone(), first, http2);
                    while *switched.borrow_and_update() == first {
                        let response = send(&client, first, &review("sademo")).await;
                        let response = response.unwrap_or_else(|error| panic!("a call was lost: {error:?}"));
                        assert_eq!(client_id(&response).as_deref(), Some(ID));
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                    let second = *switched.borrow();
                    let client = caller(roots, second, http2);
                    send(&client, second, &review("sademo")).await.unwrap();
                })
            })
            .collect();
        crate::world::until(async || answered.load(Ordering::Relaxed) > 200).await;
        old.terminate();
        crate::world::until(async || old.health("/readyz").await.0 == 503).await;
        let seen = answered.load(Ordering::Relaxed);
        crate::world::until(async || answered.load(Ordering::Relaxed) > seen + 50).await;
        switch.send_replace(new.address);
        for caller in callers {
            caller.await.unwrap();
        }
        old.ended().await;
    }
}

#[tokio::test]
async fn callers_are_asked_to_leave_while_it_still_answers() {
    let fake = Fake::start().await;
    fake.put(CONFIGURATION_PATH, configuration());
    let mut replica = Replica::start(fake.client(), options("first"));
    replica.ready().await;
    let client = caller(published(&fake), replica.address, false);
    let kept = client.post(url(replica.address)).json(&review("x")).send().await.unwrap();
    assert!(!kept.headers().contains_key("connection"));
    replica.terminate();
    crate::world::until(async || replica.health("/readyz").await.0 == 503).await;
    let last = client.post(url(replica.address)).json(&review("x")).send().await.unwrap();
    assert_eq!(last.headers()["connection"], "close");
    assert_eq!(replica.health("/healthz").await.0, 200);
}

#[tokio::test]
async fn a_request_that_waits_for_its_account_is_answered_before_the_end() {
    let (fake, mut replica) = one_replica().await;
    let client = caller(published(&fake), replica.address, false);
    let address = replica.address;
    let waiting = tokio::spawn(async move { send(&client, address, &review("late")).await.unwrap() });
    crate::world::until(async || fake.requests().iter().any(|line| line.ends_with("/late"))).await;
    replica.terminate();
    crate::world::until(async || replica.health("/readyz").await.0 == 503).await;
    fake.put(&account_path("default", "late"), account(Some(ID)));
    assert_eq!(client_id(&waiting.await.unwrap()).as_deref(), Some(ID));
    replica.ended().await;
}
