use symbolon_core::{
    ClientId,
    federated_credential::{FederatedCredential, Mismatch, Presented},
    ports::management::{Holder, StoreError, Written},
};

use super::{Everything, a_credential, an_application, client, guid, is_not_found, new_holder};

fn find(store: &dyn Everything, holder: Holder, subject: &str) -> Result<String, Mismatch> {
    let presented = Presented { issuer: "https://issuer.example", audiences: &["audience".to_owned()], subject };
    let client = client(store, holder).unwrap();
    client.federated_credentials.find(presented).map(|found| found.name().to_owned())
}

pub(crate) async fn a_credential_is_created_once_and_replaced_after_that(store: &dyn Everything) {
    let holder = new_holder(store).await;
    let created = store.put_federated_credential(holder, &a_credential("Name", "one"), None).await.unwrap();
    assert_eq!(created, Written::Created(()));
    assert_eq!(find(store, holder, "one"), Ok("Name".into()));

    let audiences = ["audience".to_owned()];
    let wanted =
        FederatedCredential::new("NAME", "https://issuer.example", "two", &audiences, Some("described")).unwrap();
    assert_eq!(store.put_federated_credential(holder, &wanted, None).await.unwrap(), Written::Updated(()));
    assert_eq!(find(store, holder, "one"), Err(Mismatch::Subject));
    assert_eq!(find(store, holder, "two"), Ok("Name".into()));
    let found = store.federated_credential(holder, "name").await.unwrap();
    assert_eq!((found.name(), found.subject(), found.description()), ("Name", "two", Some("described")));
    assert_eq!(store.federated_credentials(holder, None, 10).await.unwrap(), [found]);
}

pub(crate) async fn issuer_and_subject_stand_once_on_a_holder(store: &dyn Everything) {
    let (holder, other) = (new_holder(store).await, new_holder(store).await);
    store.put_federated_credential(holder, &a_credential("First", "subject"), None).await.unwrap();
    let refused = store.put_federated_credential(holder, &a_credential("second", "subject"), None).await.unwrap_err();
    let StoreError::IssuerAndSubjectExist { issuer, subject, credential } = refused else { panic!("{refused}") };
    assert_eq!((issuer.as_str(), subject.as_str()), ("https://issuer.example", "subject"));
    assert_eq!(credential, "First");

    store.put_federated_credential(holder, &a_credential("second", "Subject"), None).await.unwrap();
    let refused = store.put_federated_credential(holder, &a_credential("second", "subject"), None).await;
    assert!(matches!(refused, Err(StoreError::IssuerAndSubjectExist { .. })), "{refused:?}");
    assert_eq!(store.federated_credential(holder, "second").await.unwrap().subject(), "Subject");
    store.put_federated_credential(holder, &a_credential("first", "subject"), None).await.unwrap();
    store.put_federated_credential(other, &a_credential("second", "subject"), None).await.unwrap();
}

pub(crate) async fn the_limit_counts_new_credentials_only(store: &dyn Everything) {
    let holder = new_holder(store).await;
    for name in ["one", "two"] {
        store.put_federated_credential(holder, &a_credential(name, name), Some(2)).await.unwrap();
    }
    let refused = store.put_federated_credential(holder, &a_credential("three", "three"), Some(2)).await;
    assert!(matches!(refused, Err(StoreError::TooManyCredentials { limit: 2 })), "{refused:?}");
    assert_eq!(find(store, holder, "three"), Err(Mismatch::Subject));
    store.put_federated_credential(holder, &a_credential("two", "changed"), Some(2)).await.unwrap();
    store.put_federated_credential(holder, &a_credential("two", "changed"), Some(1)).await.unwrap();
    store.put_federated_credential(holder, &a_credential("three", "three"), None).await.unwrap();
}

pub(crate) async fn a_credential_needs_its_holder(store: &dyn Everything) {
    let holder = new_holder(store).await;
    let nobody = Holder { client_id: ClientId::new(guid()), ..holder };
    is_not_found(store.put_federated_credential(nobody, &a_credential("fic", "s"), None).await, "client");
    is_not_found(store.federated_credentials(nobody, None, 10).await, "client");
    is_not_found(store.federated_credential(holder, "fic").await, "federated credential");
    let application = an_application(holder.tenant, "application");
    store.create_application(&application).await.unwrap();
    let application = Holder { client_id: application.app_id, ..holder };
    store.put_federated_credential(application, &a_credential("fic", "s"), None).await.unwrap();
    assert_eq!(find(store, application, "s"), Ok("fic".into()));
}

pub(crate) async fn credentials_are_listed_by_lower_case_name_in_pages(store: &dyn Everything) {
    let holder = new_holder(store).await;
    for name in ["Charlie", "alpha", "Bravo", "delta"] {
        store.put_federated_credential(holder, &a_credential(name, name), None).await.unwrap();
    }
    let names = async |after, limit| -> Vec<String> {
        let found = store.federated_credentials(holder, after, limit).await.unwrap();
        found.iter().map(|credential| credential.name().to_owned()).collect()
    };
    assert_eq!(names(None, 10).await, ["alpha", "Bravo", "Charlie", "delta"]);
    assert_eq!(names(None, 2).await, ["alpha", "Bravo"]);
    assert_eq!(names(Some("BRAVO"), 2).await, ["Charlie", "delta"]);
    assert_eq!(names(Some("delta"), 2).await, [""; 0]);
}

pub(crate) async fn the_exchange_sees_credentials_in_the_order_in_which_they_were_made(store: &dyn Everything) {
    let holder = new_holder(store).await;
    for name in ["second", "first", "third"] {
        store.put_federated_credential(holder, &a_credential(name, name), None).await.unwrap();
    }
    store.put_federated_credential(holder, &a_credential("second", "changed"), None).await.unwrap();
    let client = client(store, holder).unwrap();
    let names: Vec<_> = client.federated_credentials.as_slice().iter().map(FederatedCredential::name).collect();
    assert_eq!(names, ["second", "first", "third"]);
}

pub(crate) async fn a_deleted_credential_is_gone(store: &dyn Everything) {
    let holder = new_holder(store).await;
    for name in ["one", "two"] {
        store.put_federated_credential(holder, &a_credential(name, name), None).await.unwrap();
    }
    assert!(store.delete_federated_credential(holder, "ONE").await.unwrap());
    assert!(!store.delete_federated_credential(holder, "one").await.unwrap());
    assert_eq!(find(store, holder, "one"), Err(Mismatch::Subject));
    assert_eq!(find(store, holder, "two"), Ok("two".into()));
    is_not_found(store.federated_credential(holder, "one").await, "federated credential");
}
