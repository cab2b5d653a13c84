use std::{future::Future, pin::pin, task::Poll, time::Duration};

use futures_util::future::join_all;
use symbolon_core::ports::{
    Directory,
    management::{Condition, Holder, ManagementStore, StoreError, Written},
};

use super::support::{Opened, Place, open, random};
use crate::{
    Store,
    conformance::{
        a_credential, a_role, a_tenant, an_identity, at_most, guid, new_group, new_holder, new_tenant, unlimited,
    },
};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_racing_writers_of_one_issuer_and_subject_exactly_one_wins() {
    let Opened { store, place: _place } = open().await;
    for round in 0..20 {
        let holder = new_holder(&store).await;
        let writers = (0..2).map(|n| {
            let store = store.clone();
            let credential = a_credential(&format!("writer-{n}"), "subject");
            tokio::spawn(async move { store.put_federated_credential(holder, &credential, unlimited()).await })
        });
        let results: Vec<_> = join_all(writers).await.into_iter().map(Result::unwrap).collect();
        let won = results.iter().filter(|result| result.is_ok()).count();
        assert_eq!(won, 1, "round {round}: {results:?}");
        let lost = results.iter().find_map(|result| result.as_ref().err()).unwrap();
        assert!(matches!(lost, StoreError::IssuerAndSubjectExist { .. }), "{lost:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_racing_writers_never_pass_the_limit() {
    let Opened { store, place: _place } = open().await;
    let holder = new_holder(&store).await;
    let writers = (0..50).map(|n| {
        let store = store.clone();
        let credential = a_credential(&format!("writer-{n}"), &format!("subject-{n}"));
        tokio::spawn(async move { store.put_federated_credential(holder, &credential, at_most(20)).await })
    });
    let results: Vec<_> = join_all(writers).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 20);
    let refused = results.into_iter().filter_map(Result::err);
    assert!(refused.into_iter().all(|error| matches!(error, StoreError::TooManyCredentials { limit: 20 })));
    assert_eq!(store.federated_credentials(holder, None, 100).await.unwrap().len(), 20);
    let client = store.client(holder.tenant, holder.client_id).unwrap();
    assert_eq!(client.federated_credentials.as_slice().len(), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn racing_creators_of_one_identity_agree_on_its_ids() {
    let Opened { store, place: _place } = open().await;
    let (tenant, subscription) = new_group(&store).await;
    let writers = (0..10).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            store.put_identity(&an_identity(tenant, subscription, "same"), Condition::Always).await.unwrap()
        })
    });
    let results: Vec<_> = join_all(writers).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(results.iter().filter(|written| matches!(written, Written::Created(_))).count(), 1);
    let first = results[0].clone().into_inner();
    for written in results {
        assert_eq!(written.into_inner().client_id, first.client_id);
    }
}

fn in_memory(store: &Store, holder: Holder) -> usize {
    store.client(holder.tenant, holder.client_id).unwrap().federated_credentials.as_slice().len()
}

/// A caller may go away at any await, as one does whose connection is cut.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_whose_caller_goes_away_is_there_on_disk_and_in_memory_or_in_neither() {
    let Opened { store, place: _place } = open().await;
    let holder = new_holder(&store).await;
    let needed = put_with_polls(&store, holder, "whole", usize::MAX).await;
    let mut cut_off = 0;
    for round in 0..60 {
        // The first step, and the last ones, where the commit is.
        let polls = if round % 6 == 5 { 1 } else { needed.saturating_sub(round % 6).max(1) };
        let done = put_with_polls(&store, holder, &format!("fic-{round}"), polls).await < polls;
        cut_off += usize::from(!done);
        // The next write waits for whatever the last one left running.
        store
            .delete_federated_credential(holder, "none", symbolon_core::ports::management::Condition::Always)
            .await
            .unwrap();
        let on_disk = store.federated_credentials(holder, None, 1000).await.unwrap().len();
        assert_eq!(in_memory(&store, holder), on_disk, "round {round}, {polls} of {needed} polls");
    }
    assert!(cut_off > 0, "no write was cut off, so nothing was tested");
}

/// Polls a write at most so many times and then drops it; how many times were not enough.
async fn put_with_polls(store: &Store, holder: Holder, name: &str, polls: usize) -> usize {
    let credential = a_credential(name, name);
    let mut write = store.put_federated_credential(holder, &credential, unlimited());
    for polled in 0..polls {
        if let Poll::Ready(result) = futures_util::poll!(write.as_mut()) {
            result.unwrap();
            return polled;
        }
        // Long enough for the database to finish its step, so that the next poll gets further.
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    polls
}

#[tokio::test]
async fn a_store_sees_what_another_process_wrote_after_a_refresh() {
    let place = Place::new();
    let (one, two) = (place.open().await, place.open().await);
    assert!(!two.refresh().await.unwrap());
    let holder = new_holder(&one).await;
    one.put_federated_credential(holder, &a_credential("fic", "subject"), unlimited()).await.unwrap();
    assert!(two.client(holder.tenant, holder.client_id).is_none());
    assert!(two.refresh().await.unwrap());
    assert_eq!(in_memory(&two, holder), 1);
    assert!(!two.refresh().await.unwrap());

    two.delete_federated_credential(holder, "fic", symbolon_core::ports::management::Condition::Always).await.unwrap();
    assert_eq!(in_memory(&one, holder), 1);
    assert!(one.refresh().await.unwrap());
    assert_eq!(in_memory(&one, holder), 0);
}

#[tokio::test]
async fn a_write_takes_over_what_another_process_wrote_before_it() {
    let place = Place::new();
    let (one, two) = (place.open().await, place.open().await);
    let holder = new_holder(&one).await;
    let tenant = new_tenant(&two).await;
    // The write of `two` moved its memory past the version of `one`'s, which it had not seen.
    assert_eq!(in_memory(&two, holder), 0);
    assert!(!two.refresh().await.unwrap());
    one.add_role_assignment(&a_role(tenant, symbolon_core::ObjectId::new(guid()), "/")).await.unwrap();
    assert!(one.tenant(tenant).is_some());
}

#[tokio::test]
async fn a_store_that_is_far_behind_loads_everything() {
    let place = Place::new();
    let (one, two) = (place.open().await, place.open().await);
    let holder = new_holder(&one).await;
    let mut change = one.change().await.unwrap();
    sqlx::query("UPDATE directory_version SET version = version + 20000").execute(change.connection()).await.unwrap();
    change.touch(crate::change::Touched::Tenant(holder.tenant));
    change.end(Ok(())).await.unwrap();
    let mut change = one.change().await.unwrap();
    sqlx::query("DELETE FROM directory_change").execute(change.connection()).await.unwrap();
    change.touch(crate::change::Touched::Tenant(holder.tenant));
    change.end(Ok(())).await.unwrap();
    assert!(two.refresh().await.unwrap());
    assert_eq!(in_memory(&two, holder), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_that_write_at_the_same_time_both_succeed() {
    let place = Place::new();
    let (one, two) = (place.open().await, place.open().await);
    let tenants: Vec<_> = (0..40).map(|_| a_tenant()).collect();
    let writers = tenants.iter().cloned().zip([&one, &two].into_iter().cycle()).map(|(tenant, store)| {
        let store = store.clone();
        tokio::spawn(async move { store.put_tenant(&tenant).await.unwrap() })
    });
    assert!(join_all(writers).await.into_iter().all(|result| result.unwrap() == Written::Created(())));
    for store in [&one, &two] {
        store.refresh().await.unwrap();
        assert!(tenants.iter().all(|tenant| store.tenant(tenant.id).is_some()));
    }
}

#[tokio::test]
async fn a_write_to_one_client_leaves_the_others_as_they_are() {
    let Opened { store, place: _place } = open().await;
    let (changed, untouched) = (new_holder(&store).await, new_holder(&store).await);
    let before = store.client(untouched.tenant, untouched.client_id).unwrap();
    store.put_federated_credential(changed, &a_credential("fic", "subject"), unlimited()).await.unwrap();
    let after = store.client(untouched.tenant, untouched.client_id).unwrap();
    assert!(std::sync::Arc::ptr_eq(&before, &after));
}

#[tokio::test]
async fn a_write_that_is_refused_does_not_raise_the_version() {
    let place = Place::new();
    let (one, two) = (place.open().await, place.open().await);
    let holder = new_holder(&one).await;
    two.refresh().await.unwrap();
    assert!(
        !one.delete_federated_credential(holder, "none", symbolon_core::ports::management::Condition::Always)
            .await
            .unwrap()
    );
    let nobody = Holder { client_id: symbolon_core::ClientId::new(guid()), ..holder };
    one.put_federated_credential(nobody, &a_credential("fic", "s"), unlimited()).await.unwrap_err();
    assert!(!two.refresh().await.unwrap());
}

#[tokio::test]
async fn a_store_can_be_opened_and_used_from_any_runtime_task() {
    fn is_send<T: Send>(future: T) -> T {
        future
    }
    let place = Place::new();
    let options = place.options();
    let opening = pin!(is_send(Store::open(&options, random())));
    let opening: std::pin::Pin<&mut (dyn Future<Output = _> + Send)> = opening;
    assert!(opening.await.is_ok());
}
