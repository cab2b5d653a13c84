use symbolon_core::{
    TenantId,
    audit::{AuditQuery, AuditRecord, Facts, Operation, Outcome},
    difference::{Difference, Field, Nearest},
};

use super::{Everything, a_record, guid};

async fn record_all(store: &dyn Everything, tenant: Option<TenantId>, names: &[&str]) {
    for name in names {
        store.record(a_record(tenant, name)).await.unwrap();
    }
}

async fn names(store: &dyn Everything, tenant: TenantId, query: AuditQuery) -> Vec<String> {
    store.audit(tenant, &query).await.unwrap().into_iter().map(|entry| entry.record.trace_id).collect()
}

pub(crate) async fn the_newest_entries_come_oldest_first(store: &dyn Everything) {
    let tenant = TenantId::new(guid());
    record_all(store, Some(tenant), &["one", "two", "three"]).await;
    assert_eq!(names(store, tenant, AuditQuery::default()).await, ["one", "two", "three"]);
    let query = AuditQuery { limit: Some(2), ..AuditQuery::default() };
    assert_eq!(names(store, tenant, query).await, ["two", "three"]);
    let query = AuditQuery { limit: Some(0), ..AuditQuery::default() };
    assert_eq!(names(store, tenant, query).await, [""; 0]);
    let entries = store.audit(tenant, &AuditQuery::default()).await.unwrap();
    let first = entries[0].sequence;
    assert_eq!(entries.iter().map(|entry| entry.sequence - first).collect::<Vec<_>>(), [0, 1, 2]);
}

pub(crate) async fn entries_after_a_number_come_from_there_on(store: &dyn Everything) {
    let tenant = TenantId::new(guid());
    record_all(store, Some(tenant), &["one", "two", "three", "four"]).await;
    let first = store.audit(tenant, &AuditQuery::default()).await.unwrap()[0].sequence;
    let after = |after, limit| AuditQuery { after: Some(after), limit, ..AuditQuery::default() };
    assert_eq!(names(store, tenant, after(first, None)).await, ["two", "three", "four"]);
    assert_eq!(names(store, tenant, after(first, Some(2))).await, ["two", "three"]);
    assert_eq!(names(store, tenant, after(first + 3, None)).await, [""; 0]);
    assert_eq!(names(store, tenant, after(-1, Some(1))).await, ["one"]);
}

pub(crate) async fn a_tenant_sees_its_own_entries_only(store: &dyn Everything) {
    let (one, two) = (TenantId::new(guid()), TenantId::new(guid()));
    record_all(store, Some(one), &["one"]).await;
    record_all(store, Some(two), &["two"]).await;
    record_all(store, None, &["nobody"]).await;
    assert_eq!(names(store, one, AuditQuery::default()).await, ["one"]);
    assert_eq!(names(store, two, AuditQuery { after: Some(0), ..AuditQuery::default() }).await, ["two"]);
}

pub(crate) async fn entries_of_no_tenant_come_when_they_are_asked_for(store: &dyn Everything) {
    let (tenant, other) = (TenantId::new(guid()), TenantId::new(guid()));
    record_all(store, Some(tenant), &["one"]).await;
    record_all(store, None, &["unknown-1"]).await;
    record_all(store, Some(other), &["other"]).await;
    record_all(store, Some(tenant), &["two"]).await;
    record_all(store, None, &["unknown-2"]).await;
    let query = AuditQuery { include_unknown_tenants: true, ..AuditQuery::default() };
    assert_eq!(names(store, tenant, query.clone()).await, ["one", "unknown-1", "two", "unknown-2"]);
    assert_eq!(names(store, tenant, AuditQuery { limit: Some(2), ..query.clone() }).await, ["two", "unknown-2"]);
    let first = store.audit(tenant, &query).await.unwrap()[0].sequence;
    let query = AuditQuery { after: Some(first), limit: Some(2), ..query };
    assert_eq!(names(store, tenant, query).await, ["unknown-1", "two"]);
}

pub(crate) async fn a_record_comes_back_as_it_was_written(store: &dyn Everything) {
    let tenant = TenantId::new(guid());
    let full = AuditRecord {
        operation: Operation::ServiceAccountToken,
        outcome: Outcome::Granted,
        reason: Some("reason with `quotes`, \"quotes\" and \u{1f511}".into()),
        nearest: Some(Nearest {
            credential: "fic".into(),
            counts_from: None,
            differences: vec![Difference {
                field: Field::Subject,
                expected: "a".into(),
                presented: "b".into(),
                how: "differs".into(),
            }],
        }),
        facts: Facts { subject: Some("subject".into()), token_id: Some("uti".into()), ..Facts::default() },
        ..a_record(Some(tenant), "full")
    };
    store.record(full.clone()).await.unwrap();
    for operation in [Operation::TokenExchange, Operation::Write, Operation::Delete] {
        store.record(AuditRecord { operation, ..full.clone() }).await.unwrap();
    }
    let entries = store.audit(tenant, &AuditQuery::default()).await.unwrap();
    assert_eq!(entries.len(), 4);
    assert_eq!(entries[0].record, full);
    assert_eq!(entries[3].record.operation, Operation::Delete);
}

pub(crate) async fn at_most_a_thousand_entries_come_at_once(store: &dyn Everything) {
    let tenant = TenantId::new(guid());
    let records = (0..1010).map(|n| store.record(a_record(Some(tenant), &n.to_string())));
    futures_util::future::try_join_all(records).await.unwrap();
    let count = async |limit| store.audit(tenant, &AuditQuery { limit, ..AuditQuery::default() }).await.unwrap().len();
    assert_eq!(count(None).await, 100);
    assert_eq!(count(Some(1005)).await, 1000);
    assert_eq!(count(Some(u32::MAX)).await, 1000);
}
