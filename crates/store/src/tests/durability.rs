use symbolon_core::{
    audit::AuditQuery,
    ports::{
        AuditLog, Directory,
        management::{Condition, Holder, ManagementStore},
    },
};

use super::support::{Opened, Place, open};
use crate::{
    Store,
    conformance::{
        a_certificate, a_credential, a_principal, a_record, a_role, an_application, an_identity, new_group, unlimited,
    },
};

/// Writes something of everything that memory holds; a text that shows all of it.
async fn fill(store: &Store) -> (Holder, String) {
    let (tenant, subscription) = new_group(store).await;
    let identity = store
        .put_identity(&an_identity(tenant, subscription, "identity"), Condition::Always)
        .await
        .unwrap()
        .into_inner();
    let holder = Holder { tenant, client_id: identity.client_id };
    store.put_federated_credential(holder, &a_credential("fic", "subject"), unlimited()).await.unwrap();
    let mut application = an_application(tenant, "application");
    application.identifier_uris = vec!["api://resource".into()];
    application.service_principal = Some(a_principal());
    application.certificates = vec![a_certificate()];
    store.create_application(&application).await.unwrap();
    store.add_role_assignment(&a_role(tenant, identity.principal_id, "/")).await.unwrap();
    store.record(a_record(Some(tenant), "record")).await.unwrap();
    (holder, show(store, holder).await)
}

async fn show(store: &Store, holder: Holder) -> String {
    let tenant = holder.tenant;
    let client = store.client(tenant, holder.client_id).unwrap();
    let application = store.resource_application(tenant, "api://resource").unwrap();
    let registered = store.client(tenant, application.app_id).unwrap();
    let credentials = client.federated_credentials.as_slice();
    let kind = &client.kind;
    let symbolon_core::client::ClientKind::ManagedIdentity { principal_id, .. } = kind else { panic!("{kind:?}") };
    let roles = store.role_assignments(tenant, *principal_id);
    let audit = store.audit(tenant, &AuditQuery::default()).await.unwrap();
    let tenants = store.tenants().await.unwrap();
    format!("{tenants:?} {kind:?} {credentials:?} {application:?} {:?} {roles:?} {audit:?}", registered.kind)
}

#[tokio::test]
async fn a_store_that_is_closed_and_opened_again_has_kept_everything() {
    let Opened { store, place } = open().await;
    let (holder, before) = fill(&store).await;
    store.put_sealed("name", b"secret").await.unwrap();
    store.close().await;
    let wal = std::fs::metadata(place.path("symbolon.db-wal")).map_or(0, |metadata| metadata.len());
    assert_eq!(wal, 0);

    let store = place.open().await;
    assert_eq!(show(&store, holder).await, before);
    assert_eq!(store.sealed("name").await.unwrap().unwrap().as_slice(), b"secret");
}

#[tokio::test]
async fn a_copy_of_the_files_of_a_running_store_has_everything_that_was_acknowledged() {
    let Opened { store, place } = open().await;
    let (holder, before) = fill(&store).await;
    // What is in the files at this moment is what a process that was killed leaves behind.
    let copy = Place::new();
    for name in ["symbolon.db", "symbolon.db-wal", "wrapping.key"] {
        std::fs::copy(place.path(name), copy.path(name)).unwrap();
    }
    let reopened = copy.open().await;
    assert_eq!(show(&reopened, holder).await, before);
}

#[tokio::test]
async fn a_store_that_is_dropped_without_close_loses_nothing() {
    let Opened { store, place } = open().await;
    let (holder, before) = fill(&store).await;
    drop(store);
    assert_eq!(show(&place.open().await, holder).await, before);
}

#[tokio::test]
async fn a_closed_store_refuses_to_work_and_does_not_hang() {
    let Opened { store, place: _place } = open().await;
    let (holder, _) = fill(&store).await;
    store.close().await;
    store.close().await;
    assert!(store.tenants().await.is_err());
    assert!(
        store
            .delete_federated_credential(holder, "fic", symbolon_core::ports::management::Condition::Always)
            .await
            .is_err()
    );
    assert!(store.record(a_record(None, "late")).await.is_err());
    assert!(store.refresh().await.is_err());
    // The exchange reads memory, and requests that are being drained still need it.
    assert!(store.client(holder.tenant, holder.client_id).is_some());
}

#[tokio::test]
async fn the_journal_is_a_write_ahead_log_that_is_synced_at_every_commit() {
    let Opened { store, place: _place } = open().await;
    let mut change = store.change().await.unwrap();
    let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(change.connection()).await.unwrap();
    let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(change.connection()).await.unwrap();
    let foreign_keys: i64 = sqlx::query_scalar("PRAGMA foreign_keys").fetch_one(change.connection()).await.unwrap();
    // 2 is FULL.
    assert_eq!((journal.as_str(), synchronous, foreign_keys), ("wal", 2, 1));
}
