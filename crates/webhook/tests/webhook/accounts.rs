//! Service accounts that come late, change late, or cannot be asked for.

use std::time::Duration;

use serde_json::Value;
use tokio::time::sleep;

use crate::fake::{Fake, account, account_path};
use crate::world::{
    CONFIGURATION_PATH, Replica, caller, client_id, configuration, one_replica, options, published, review, send, until,
};

const FIRST: &str = "11111111-1111-1111-1111-111111111111";
const SECOND: &str = "22222222-2222-2222-2222-222222222222";

async fn ask(fake: &Fake, replica: &Replica, name: &str) -> Value {
    let client = caller(published(fake), replica.address, false);
    send(&client, replica.address, &review(name)).await.unwrap()
}

/// Waits until the account comes from the watch.
async fn watched(fake: &Fake, replica: &Replica, name: &str, id: &str) {
    let source = r#"symbolon_webhook_service_account_lookups_total{source="watch"}"#;
    until(async || {
        let before = replica.metric(source).await;
        let found = client_id(&ask(fake, replica, name).await);
        found.as_deref() == Some(id) && replica.metric(source).await > before
    })
    .await;
}

#[tokio::test]
async fn an_account_that_is_created_within_the_wait_is_found() {
    let (fake, replica) = one_replica().await;
    for (number, delay) in [0, 50, 150, 300, 500].into_iter().enumerate() {
        for watched in [true, false] {
            fake.switch(|switches| switches.hold_watches = !watched);
            let name = format!("late-{number}-{watched}");
            let create = async {
                sleep(Duration::from_millis(delay)).await;
                fake.put(&account_path("default", &name), account(Some(FIRST)));
            };
            let (response, ()) = tokio::join!(ask(&fake, &replica, &name), create);
            assert_eq!(client_id(&response).as_deref(), Some(FIRST), "after {delay} ms, watched: {watched}");
        }
    }
}

#[tokio::test]
async fn an_account_that_never_comes_is_refused_in_upstream_s_words() {
    let (fake, replica) = one_replica().await;
    let response = ask(&fake, &replica, "nobody").await;
    assert_eq!(response["allowed"], false);
    assert_eq!(response["status"]["message"], r#"serviceaccounts "nobody" not found"#);
    assert_eq!(response["status"]["code"], 400);
}

#[tokio::test]
async fn a_name_that_could_leave_its_place_in_a_path_is_asked_of_nobody() {
    let (fake, replica) = one_replica().await;
    let response = ask(&fake, &replica, "../secrets/azure-wi-webhook-server-cert").await;
    assert_eq!(response["allowed"], false);
    assert!(!fake.requests().iter().any(|line| line.contains("..")), "{:?}", fake.requests());
}

#[tokio::test]
async fn an_account_that_the_watch_has_not_brought_is_read() {
    let (fake, replica) = one_replica().await;
    fake.switch(|switches| switches.hold_watches = true);
    fake.put(&account_path("default", "new"), account(Some(FIRST)));
    assert_eq!(client_id(&ask(&fake, &replica, "new").await).as_deref(), Some(FIRST));
}

#[tokio::test]
async fn an_annotation_that_was_added_just_before_the_pod_counts() {
    let (fake, replica) = one_replica().await;
    fake.put(&account_path("default", "sademo"), account(None));
    until(async || replica.metric("symbolon_webhook_service_accounts").await >= 1.0).await;
    fake.switch(|switches| switches.hold_watches = true);
    fake.put(&account_path("default", "sademo"), account(Some(FIRST)));
    assert_eq!(client_id(&ask(&fake, &replica, "sademo").await).as_deref(), Some(FIRST));
}

#[tokio::test]
async fn an_account_that_was_made_anew_is_not_mixed_up_with_the_old_one() {
    let (fake, replica) = one_replica().await;
    let path = account_path("default", "sademo");
    fake.put(&path, account(Some(FIRST)));
    watched(&fake, &replica, "sademo", FIRST).await;
    fake.delete(&path);
    until(async || replica.metric("symbolon_webhook_service_accounts").await < 1.0).await;
    let create = async {
        sleep(Duration::from_millis(200)).await;
        fake.put(&path, account(Some(SECOND)));
    };
    let (response, ()) = tokio::join!(ask(&fake, &replica, "sademo"), create);
    assert_eq!(client_id(&response).as_deref(), Some(SECOND));
}

#[tokio::test]
async fn a_watch_that_is_lost_misses_nothing() {
    let (fake, replica) = one_replica().await;
    let path = account_path("default", "sademo");
    fake.put(&path, account(Some(FIRST)));
    watched(&fake, &replica, "sademo", FIRST).await;
    fake.switch(|switches| switches.cut += 1);
    until(async || replica.metric("symbolon_webhook_service_account_watch_failures_total").await >= 1.0).await;
    fake.put(&path, account(Some(SECOND)));
    watched(&fake, &replica, "sademo", SECOND).await;
}

#[tokio::test]
async fn a_watch_that_fell_behind_is_listed_anew_and_forgets_what_is_gone() {
    for no_streamed_lists in [false, true] {
        let fake = Fake::start().await;
        fake.switch(|switches| switches.no_streamed_lists = no_streamed_lists);
        fake.put(CONFIGURATION_PATH, configuration());
        for number in 0..1200 {
            fake.put(&account_path("many", &format!("account-{number}")), account(Some(FIRST)));
        }
        let replica = Replica::start(fake.client(), options("first"));
        until(async || replica.metric("symbolon_webhook_service_accounts").await >= 1200.0).await;
        fake.put(&account_path("default", "stays"), account(Some(FIRST)));
        until(async || replica.metric("symbolon_webhook_service_accounts").await >= 1201.0).await;
        fake.switch(|switches| (switches.gone, switches.hold_watches) = (true, true));
        for number in 0..1200 {
            fake.delete(&account_path("many", &format!("account-{number}")));
        }
        fake.switch(|switches| (switches.cut, switches.hold_watches) = (switches.cut + 1, false));
        until(async || (replica.metric("symbolon_webhook_service_accounts").await - 1.0).abs() < 0.5).await;
        replica.ready().await;
        watched(&fake, &replica, "stays", FIRST).await;
    }
}

#[tokio::test]
async fn while_the_api_server_is_away_what_is_known_is_served_and_the_rest_refused() {
    let (fake, replica) = one_replica().await;
    fake.put(&account_path("default", "sademo"), account(Some(FIRST)));
    watched(&fake, &replica, "sademo", FIRST).await;
    let roots = published(&fake);
    fake.stop();
    until(async || replica.metric("symbolon_webhook_service_account_watch_failures_total").await >= 1.0).await;
    let client = caller(roots, replica.address, false);
    let known = send(&client, replica.address, &review("sademo")).await.unwrap();
    assert_eq!(client_id(&known).as_deref(), Some(FIRST));
    let unknown = send(&client, replica.address, &review("stranger")).await.unwrap();
    assert_eq!((&unknown["allowed"], &unknown["status"]["code"]), (&false.into(), &503.into()));
    assert!(unknown["status"]["message"].as_str().unwrap().contains("the API server does not answer"), "{unknown}");
    // Not the webhook's fault: it must not be killed for it, and still serves what it knows.
    assert_eq!(replica.health("/healthz").await.0, 200);
    assert_eq!(replica.health("/readyz").await.0, 200);
    fake.start_again().await;
    fake.put(&account_path("default", "stranger"), account(Some(SECOND)));
    watched(&fake, &replica, "stranger", SECOND).await;
}

#[tokio::test]
async fn reads_of_the_same_account_are_shared_but_never_older_than_the_request() {
    let (fake, replica) = one_replica().await;
    fake.put(&account_path("default", "sademo"), account(None));
    until(async || replica.metric("symbolon_webhook_service_accounts").await >= 1.0).await;
    fake.switch(|switches| switches.delay = Duration::from_millis(100));
    let before = fake.requests().len();
    let clients: Vec<_> = (0..20).map(|_| ask(&fake, &replica, "sademo")).collect();
    let responses = futures_util::future::join_all(clients).await;
    assert!(responses.iter().all(|response| response["allowed"] == true));
    let reads = fake.requests()[before..].iter().filter(|line| line.ends_with("/serviceaccounts/sademo")).count();
    assert!((1..=4).contains(&reads), "{reads} reads for 20 requests");
}
