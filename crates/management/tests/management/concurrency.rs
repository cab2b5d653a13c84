//! A thousand writers at once: whatever is answered is true afterwards.

use std::{collections::BTreeMap, sync::Arc};

use http::HeaderValue;
use serde_json::{Value, json};
use symbolon_core::tenant::{SimulatedTrouble, TenantSettings};
use tokio::task::JoinSet;

use crate::world::{Answer, IDENTITIES, MANAGEMENT, VERSION, Who, World, request, token};

const WRITERS: usize = 1000;

fn credential(identity: &str, name: &str) -> String {
    format!("{IDENTITIES}/{identity}/federatedIdentityCredentials/{name}?{VERSION}")
}

fn body(subject: &str) -> Value {
    json!({ "properties": { "issuer": "https://i.example", "subject": subject, "audiences": ["a"] } })
}

async fn world(simulate: SimulatedTrouble, identities: usize) -> Arc<World> {
    let world = World::new().await;
    world.settings(TenantSettings { max_federated_credentials: None, simulate }).await;
    for number in 0..identities {
        world.create_identity(&format!("id-{number}")).await;
    }
    Arc::new(world)
}

/// Sends all PUTs at once; `if_match` is the condition of each.
async fn put_all(world: &Arc<World>, writes: Vec<(String, Value)>, if_match: Option<&str>) -> Vec<Answer> {
    let token = token(Who::Owner, MANAGEMENT);
    let mut tasks = JoinSet::new();
    for (path, body) in writes {
        let mut request = request("PUT", &path, Some(&token), Some(&body));
        if let Some(tag) = if_match {
            request.headers_mut().insert("if-match", HeaderValue::from_str(tag).unwrap());
        }
        let world = Arc::clone(world);
        tasks.spawn(async move { world.send(request).await });
    }
    tasks.join_all().await
}

fn statuses(answers: &[Answer]) -> BTreeMap<u16, usize> {
    let mut counts = BTreeMap::new();
    for answer in answers {
        *counts.entry(answer.status.as_u16()).or_insert(0) += 1;
    }
    counts
}

/// Name and subject of all credentials of an identity.
async fn stored(world: &World, identity: &str) -> BTreeMap<String, String> {
    let path = format!("{IDENTITIES}/{identity}/federatedIdentityCredentials?{VERSION}&$top=1000");
    let list = world.arm("GET", &path, None).await;
    assert_eq!(list.body["nextLink"], Value::Null);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = list.body["value"].as_array().unwrap().iter();
    all.map(|found| (text(&found["name"]), text(&found["properties"]["subject"]))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_writers_of_different_credentials_of_one_identity_all_succeed() {
    let world = world(SimulatedTrouble::default(), 1).await;
    let writes = (0..WRITERS).map(|n| (credential("id-0", &format!("fic-{n}")), body(&format!("s-{n}")))).collect();
    assert_eq!(statuses(&put_all(&world, writes, None).await), BTreeMap::from([(201, WRITERS)]));
    let expected = (0..WRITERS).map(|n| (format!("fic-{n}"), format!("s-{n}"))).collect();
    assert_eq!(stored(&world, "id-0").await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_thousand_writers_of_one_credential_exactly_one_creates_it() {
    let world = world(SimulatedTrouble::default(), 1).await;
    let writes = (0..WRITERS).map(|n| (credential("id-0", "fic"), body(&format!("s-{n}")))).collect();
    let answers = put_all(&world, writes, None).await;
    assert_eq!(statuses(&answers), BTreeMap::from([(200, WRITERS - 1), (201, 1)]));
    // The version that is highest is the one that stands.
    let version = |answer: &Answer| answer.header("etag").trim_matches('"').parse::<i64>().unwrap();
    let last = answers.iter().max_by_key(|answer| version(answer)).unwrap();
    assert_eq!(world.arm("GET", &credential("id-0", "fic"), None).await.body, last.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_writers_on_many_identities_lose_nothing() {
    let world = world(SimulatedTrouble::default(), 50).await;
    let place = |n: usize| (format!("id-{}", n % 50), format!("fic-{}", n / 50));
    let writes = (0..WRITERS).map(|n| {
        let (identity, name) = place(n);
        (credential(&identity, &name), body(&format!("s-{n}")))
    });
    assert_eq!(statuses(&put_all(&world, writes.collect(), None).await), BTreeMap::from([(201, WRITERS)]));
    for number in 0..50 {
        let identity = format!("id-{number}");
        let expected = (0..WRITERS).filter(|n| place(*n).0 == identity).map(|n| (place(n).1, format!("s-{n}")));
        assert_eq!(stored(&world, &identity).await, expected.collect());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_writers_at_one_version_exactly_one_wins() {
    let world = world(SimulatedTrouble::default(), 1).await;
    let mut tag = {
        let created = world.arm("PUT", &credential("id-0", "fic"), Some(body("first"))).await;
        created.header("etag").to_owned()
    };
    for round in 0..5 {
        let writes = (0..100).map(|n| (credential("id-0", "fic"), body(&format!("s-{round}-{n}")))).collect();
        let answers = put_all(&world, writes, Some(&tag)).await;
        assert_eq!(statuses(&answers), BTreeMap::from([(200, 1), (412, 99)]), "round {round}");
        let winner = answers.iter().find(|answer| answer.status == 200).unwrap();
        assert_eq!(world.arm("GET", &credential("id-0", "fic"), None).await.body, winner.body);
        winner.header("etag").clone_into(&mut tag);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn with_simulated_conflicts_a_write_succeeds_or_conflicts_and_the_answer_is_true() {
    let simulate = SimulatedTrouble { credential_write_conflicts: true, ..SimulatedTrouble::default() };
    let world = world(simulate, 1).await;
    let name = |n: usize| format!("fic-{n}");
    let writes = (0..WRITERS).map(|n| (credential("id-0", &name(n)), body(&format!("s-{n}")))).collect();
    let answers = put_all(&world, writes, None).await;
    let counts = statuses(&answers);
    assert!(counts.keys().all(|status| matches!(status, 201 | 409)), "{counts:?}");
    let (made, refused) = (counts[&201], counts.get(&409).copied().unwrap_or_default());
    assert!(made > 0 && refused > 0, "{counts:?}");
    assert_eq!(stored(&world, "id-0").await.len(), made);
    let conflict = answers.iter().find(|answer| answer.status == 409).unwrap();
    assert_eq!(conflict.code(), "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity");
    let key = format!("{IDENTITIES}/id-0").to_ascii_lowercase();
    assert_eq!(
        conflict.message(),
        format!(
            "Too many Federated Identity Credentials are written concurrently for the managed identity '{key}'. Concurrent Federated Identity Credentials writes under the same managed identity are not supported."
        )
    );
    // Whoever comes alone succeeds.
    assert_eq!(world.arm("PUT", &credential("id-0", "alone"), Some(body("alone"))).await.status, 201);
}
