use futures_util::future::join_all;
use symbolon_core::{
    TenantId,
    audit::AuditQuery,
    ports::{AuditLog, management::ManagementStore},
};

use super::support::{Opened, Place, open};
use crate::{
    Store,
    conformance::{a_record, guid, new_tenant},
};

/// All entries of a tenant, page by page.
async fn everything(store: &Store, tenant: TenantId) -> Vec<(i64, String)> {
    let mut found = Vec::new();
    let mut after = 0;
    loop {
        let query = AuditQuery { after: Some(after), limit: Some(300), ..AuditQuery::default() };
        let page = store.audit(tenant, &query).await.unwrap();
        let Some(last) = page.last() else { return found };
        after = last.sequence;
        found.extend(page.into_iter().map(|entry| (entry.sequence, entry.record.trace_id)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_concurrent_records_are_all_there_without_a_gap() {
    let Opened { store, place } = open().await;
    let tenant = TenantId::new(guid());
    let writers = (0..1000).map(|n| {
        let store = store.clone();
        tokio::spawn(async move { store.record(a_record(Some(tenant), &n.to_string())).await.unwrap() })
    });
    for result in join_all(writers).await {
        result.unwrap();
    }
    let check = async |store: &Store| {
        let found = everything(store, tenant).await;
        let sequences: Vec<_> = found.iter().map(|(sequence, _)| *sequence).collect();
        assert_eq!(sequences, (1..=1000).collect::<Vec<_>>());
        let mut names: Vec<usize> = found.iter().map(|(_, name)| name.parse().unwrap()).collect();
        names.sort_unstable();
        assert_eq!(names, (0..1000).collect::<Vec<_>>());
    };
    check(&store).await;
    drop(store);
    check(&place.open().await).await;
}

#[tokio::test]
async fn records_that_wait_when_the_store_is_closed_are_written() {
    let Opened { store, place } = open().await;
    let tenant = TenantId::new(guid());
    let writers: Vec<_> = (0..300)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.record(a_record(Some(tenant), &n.to_string())).await })
        })
        .collect();
    // One turn for each of them, to get into the queue.
    tokio::task::yield_now().await;
    store.close().await;
    let acknowledged = join_all(writers).await.into_iter().filter(|result| result.as_ref().unwrap().is_ok()).count();
    assert!(acknowledged > 0);
    assert_eq!(everything(&place.open().await, tenant).await.len(), acknowledged);
}

#[tokio::test]
async fn a_record_whose_caller_went_away_is_written_all_the_same() {
    let Opened { store, place: _place } = open().await;
    let tenant = TenantId::new(guid());
    let mut record = store.record(a_record(Some(tenant), "abandoned"));
    assert!(futures_util::poll!(record.as_mut()).is_pending());
    drop(record);
    store.record(a_record(Some(tenant), "next")).await.unwrap();
    let names: Vec<_> = everything(&store, tenant).await.into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["abandoned", "next"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_that_record_at_the_same_time_leave_no_gap() {
    let place = Place::new();
    let (one, two) = (place.open().await, place.open().await);
    let tenant = TenantId::new(guid());
    let writers = (0..100).zip([&one, &two].into_iter().cycle()).map(|(n, store)| {
        let store = store.clone();
        tokio::spawn(async move { store.record(a_record(Some(tenant), &n.to_string())).await.unwrap() })
    });
    for result in join_all(writers).await {
        result.unwrap();
    }
    let sequences: Vec<_> = everything(&one, tenant).await.into_iter().map(|(sequence, _)| sequence).collect();
    assert_eq!(sequences, (1..=100).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn records_and_writes_to_the_directory_do_not_stop_one_another() {
    let Opened { store, place: _place } = open().await;
    let tenant = TenantId::new(guid());
    let recording = {
        let store = store.clone();
        tokio::spawn(async move {
            for n in 0..50 {
                store.record(a_record(Some(tenant), &n.to_string())).await.unwrap();
            }
        })
    };
    for _ in 0..50 {
        new_tenant(&store).await;
    }
    recording.await.unwrap();
    assert_eq!(everything(&store, tenant).await.len(), 50);
}
