use symbolon_core::{
    audit::AuditQuery,
    federated_credential::FederatedCredential,
    ports::{
        AuditLog, Directory,
        management::{Holder, ManagementStore, StoreError},
    },
};

use super::support::Place;
use crate::{
    OpenError, Store,
    conformance::{a_credential, a_record, new_holder, unlimited},
    store::Internals,
};

/// Enough for the schema and a little more.
const PAGES: u32 = 120;

fn limited(pages: u32) -> Internals {
    Internals { max_pages: Some(pages), ..Internals::default() }
}

/// One that needs much room.
fn large(name: &str) -> FederatedCredential {
    a_credential(name, &format!("{name}{}", "s".repeat(550)))
}

/// Adds credentials until there is no more room; the names that were acknowledged.
async fn fill(store: &Store, holder: Holder) -> Vec<String> {
    let mut acknowledged = Vec::new();
    loop {
        let name = format!("fic-{:05}", acknowledged.len());
        match store.put_federated_credential(holder, &large(&name), unlimited()).await {
            Ok(_) => acknowledged.push(name),
            Err(StoreError::Full) => return acknowledged,
            Err(other) => panic!("{other}"),
        }
    }
}

async fn names(store: &Store, holder: Holder) -> Vec<String> {
    let found = store.federated_credentials(holder, None, 100_000).await.unwrap();
    found.iter().map(|found| found.credential.name().to_owned()).collect()
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_loses_none_that_was_acknowledged() {
    let place = Place::new();
    let store = place.open_with(limited(PAGES)).await.unwrap();
    let holder = new_holder(&store).await;
    let acknowledged = fill(&store, holder).await;
    assert!(!acknowledged.is_empty());
    for _ in 0..3 {
        let refused = store.put_federated_credential(holder, &large("one-more"), unlimited()).await;
        assert!(matches!(refused, Err(StoreError::Full)), "{refused:?}");
    }
    let in_memory = |store: &Store| {
        let client = store.client(holder.tenant, holder.client_id).unwrap();
        client.federated_credentials.as_slice().iter().map(|c| c.name().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(in_memory(&store), acknowledged);
    assert_eq!(names(&store, holder).await, acknowledged);
    drop(store);

    let store = place.open_with(limited(PAGES * 2)).await.unwrap();
    assert_eq!(in_memory(&store), acknowledged);
    assert_eq!(names(&store, holder).await, acknowledged);
    store.put_federated_credential(holder, &large("one-more"), unlimited()).await.unwrap();
    assert_eq!(names(&store, holder).await.len(), acknowledged.len() + 1);
}

#[tokio::test]
async fn a_store_whose_disk_was_full_works_again_once_something_was_deleted() {
    let place = Place::new();
    let store = place.open_with(limited(PAGES)).await.unwrap();
    let holder = new_holder(&store).await;
    let acknowledged = fill(&store, holder).await;
    for name in &acknowledged[..acknowledged.len() / 2] {
        assert!(
            store
                .delete_federated_credential(holder, name, symbolon_core::ports::management::Condition::Always)
                .await
                .unwrap()
        );
    }
    store.put_federated_credential(holder, &a_credential("again", "again"), unlimited()).await.unwrap();
}

#[tokio::test]
async fn audit_records_that_find_the_disk_full_fail_and_the_others_are_all_there() {
    let place = Place::new();
    let store = place.open_with(limited(PAGES)).await.unwrap();
    let holder = new_holder(&store).await;
    let tenant = Some(holder.tenant);
    let mut written = Vec::new();
    let mut refused = Vec::new();
    for round in 0..40 {
        let batch: Vec<String> = (0..20).map(|n| format!("{round}-{n}")).collect();
        let records = batch.iter().map(|name| store.record(a_record(tenant, name)));
        for (name, result) in batch.iter().zip(futures_util::future::join_all(records).await) {
            match result {
                Ok(()) => written.push(name.clone()),
                Err(error) => {
                    let source = std::error::Error::source(&error).unwrap().to_string();
                    assert_eq!(source, "the disk that holds the data directory is full");
                    refused.push(name.clone());
                }
            }
        }
    }
    assert!(!written.is_empty() && !refused.is_empty());
    let query = AuditQuery { limit: Some(1000), ..AuditQuery::default() };
    let check = async |store: &Store| {
        let entries = store.audit(holder.tenant, &query).await.unwrap();
        let sequences: Vec<_> = entries.iter().map(|entry| entry.sequence).collect();
        assert_eq!(sequences, (1..=i64::try_from(written.len()).unwrap()).collect::<Vec<_>>());
        let mut found: Vec<_> = entries.into_iter().map(|entry| entry.record.trace_id).collect();
        let mut expected = written.clone();
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
    };
    check(&store).await;
    drop(store);

    let store = place.open_with(Internals::default()).await.unwrap();
    check(&store).await;
    store.record(a_record(tenant, "later")).await.unwrap();
    let newest = store.audit(holder.tenant, &AuditQuery { limit: Some(1), ..AuditQuery::default() }).await.unwrap();
    assert_eq!(newest[0].sequence, i64::try_from(written.len()).unwrap() + 1);
}

#[tokio::test]
async fn a_new_database_that_finds_no_room_says_so_and_can_be_made_later() {
    let place = Place::new();
    let refused = place.open_with(limited(10)).await.err().unwrap();
    assert!(matches!(refused, OpenError::Full), "{refused:?}");
    new_holder(&place.open().await).await;
}
