use serde_json::Value;
use symbolon_core::{
    TenantId,
    audit::{AuditRecord, Facts, Operation, Outcome},
    ports::AuditLog,
};

use crate::world::{MANAGEMENT, NOW, OTHER_TENANT, TENANT, Who, World};

const AUDIT: &str = "/symbolon/v1/audit";

fn record(tenant: Option<TenantId>, client: &str) -> AuditRecord {
    AuditRecord {
        time: NOW * 1000,
        operation: Operation::TokenExchange,
        outcome: Outcome::Refused,
        tenant,
        trace_id: "t".into(),
        correlation_id: "c".into(),
        code: Some(70021),
        reason: None,
        nearest: None,
        hint: None,
        facts: Facts { client_id: Some(client.into()), ..Facts::default() },
    }
}

fn clients(body: &Value) -> Vec<&str> {
    body["value"].as_array().unwrap().iter().map(|entry| entry["clientId"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_newest_entries_come_oldest_first_and_those_after_one_can_be_asked() {
    let world = World::new().await;
    for client in ["a", "b", "c"] {
        world.store.record(record(Some(TENANT), client)).await.unwrap();
    }
    assert_eq!(clients(&world.arm("GET", AUDIT, None).await.body), ["a", "b", "c"]);
    let newest = world.arm("GET", &format!("{AUDIT}?limit=2"), None).await.body;
    assert_eq!(clients(&newest), ["b", "c"]);
    let after = newest["value"][0]["sequence"].as_i64().unwrap();
    assert_eq!(clients(&world.arm("GET", &format!("{AUDIT}?after={after}"), None).await.body), ["c"]);
    for query in ["limit=0", "limit=x", "limit=1001", "after=-1", "after=0&wait=21"] {
        let answer = world.arm("GET", &format!("{AUDIT}?{query}"), None).await;
        assert_eq!(answer.refusal(), (400, "InvalidQueryParameter"), "{query}");
    }
}

#[tokio::test]
async fn a_wait_ends_with_the_next_entry() {
    let world = World::new().await;
    let path = format!("{AUDIT}?after=0&wait=20");
    let late = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        world.store.record(record(Some(TENANT), "late")).await.unwrap();
    };
    let (answer, ()) = tokio::join!(world.arm("GET", &path, None), late);
    assert_eq!(clients(&answer.body), ["late"]);
}

#[tokio::test]
async fn a_wait_that_is_over_ends_empty() {
    let world = World::new().await;
    let answer = world.arm("GET", &format!("{AUDIT}?after=0&wait=1"), None).await;
    assert_eq!(answer.status, 200);
    assert!(clients(&answer.body).is_empty());
}

#[tokio::test]
async fn a_tenant_sees_its_own_entries_and_the_first_also_those_of_none() {
    let world = World::new().await;
    for (tenant, client) in [(Some(TENANT), "ours"), (Some(OTHER_TENANT), "theirs"), (None, "nobody's")] {
        world.store.record(record(tenant, client)).await.unwrap();
    }
    assert_eq!(clients(&world.arm("GET", AUDIT, None).await.body), ["ours", "nobody's"]);
    let theirs = world.call(Who::Foreigner, MANAGEMENT, "GET", AUDIT, None).await;
    assert_eq!(clients(&theirs.body), ["theirs"]);
}
