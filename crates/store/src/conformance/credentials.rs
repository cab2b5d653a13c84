use symbolon_core::{
    ClientId,
    claims_matching::Claims,
    federated_credential::{FederatedCredential, MAX_EXPRESSIONS, Matching, Mismatch, Presented},
    ports::management::{Condition, CredentialTerms, Holder, StoreError, Written},
};

use super::{Everything, a_credential, an_application, at_most, client, guid, is_not_found, new_holder, unlimited};

fn find(store: &dyn Everything, holder: Holder, subject: &str) -> Result<String, Mismatch> {
    let claims = Claims::from(serde_json::json!({ "sub": subject }));
    let audiences = ["audience".to_owned()];
    let presented = Presented { issuer: "https://issuer.example", audiences: &audiences, subject, claims: &claims };
    let client = client(store, holder).unwrap();
    client.federated_credentials.find(presented, 0).map(|found| found.name().to_owned())
}

pub(crate) async fn a_credential_is_created_once_and_replaced_after_that(store: &dyn Everything) {
    let holder = new_holder(store).await;
    let created = store.put_federated_credential(holder, &a_credential("Name", "one"), unlimited()).await.unwrap();
    assert!(matches!(created, Written::Created(_)), "{created:?}");
    assert_eq!(find(store, holder, "one"), Ok("Name".into()));

    let audiences = ["audience".to_owned()];
    let wanted =
        FederatedCredential::new("NAME", "https://issuer.example", "two", &audiences, Some("described")).unwrap();
    let updated = store.put_federated_credential(holder, &wanted, unlimited()).await.unwrap();
    assert!(matches!(updated, Written::Updated(_)), "{updated:?}");
    assert_eq!(updated.into_inner().id, created.into_inner().id);
    assert_eq!(find(store, holder, "one"), Err(Mismatch::Subject));
    assert_eq!(find(store, holder, "two"), Ok("Name".into()));
    let found = store.federated_credential(holder, "name").await.unwrap();
    let credential = &found.credential;
    assert_eq!(
        (credential.name(), credential.subject(), credential.description()),
        ("Name", Some("two"), Some("described"))
    );
    assert_eq!(store.federated_credentials(holder, None, 10).await.unwrap(), [found]);
}

pub(crate) async fn issuer_and_subject_stand_once_on_a_holder(store: &dyn Everything) {
    let (holder, other) = (new_holder(store).await, new_holder(store).await);
    store.put_federated_credential(holder, &a_credential("First", "subject"), unlimited()).await.unwrap();
    let refused =
        store.put_federated_credential(holder, &a_credential("second", "subject"), unlimited()).await.unwrap_err();
    let StoreError::IssuerAndSubjectExist { issuer, subject, credential } = refused else { panic!("{refused}") };
    assert_eq!((issuer.as_str(), subject.as_str()), ("https://issuer.example", "subject"));
    assert_eq!(credential, "First");

    store.put_federated_credential(holder, &a_credential("second", "Subject"), unlimited()).await.unwrap();
    let refused = store.put_federated_credential(holder, &a_credential("second", "subject"), unlimited()).await;
    assert!(matches!(refused, Err(StoreError::IssuerAndSubjectExist { .. })), "{refused:?}");
    assert_eq!(store.federated_credential(holder, "second").await.unwrap().credential.subject(), Some("Subject"));
    store.put_federated_credential(holder, &a_credential("first", "subject"), unlimited()).await.unwrap();
    store.put_federated_credential(other, &a_credential("second", "subject"), unlimited()).await.unwrap();
}

pub(crate) async fn the_limit_counts_new_credentials_only(store: &dyn Everything) {
    let holder = new_holder(store).await;
    for name in ["one", "two"] {
        store.put_federated_credential(holder, &a_credential(name, name), at_most(2)).await.unwrap();
    }
    let refused = store.put_federated_credential(holder, &a_credential("three", "three"), at_most(2)).await;
    assert!(matches!(refused, Err(StoreError::TooManyCredentials { limit: 2 })), "{refused:?}");
    assert_eq!(find(store, holder, "three"), Err(Mismatch::Subject));
    store.put_federated_credential(holder, &a_credential("two", "changed"), at_most(2)).await.unwrap();
    store.put_federated_credential(holder, &a_credential("two", "changed"), at_most(1)).await.unwrap();
    store.put_federated_credential(holder, &a_credential("three", "three"), unlimited()).await.unwrap();
}

pub(crate) async fn a_credential_needs_its_holder(store: &dyn Everything) {
    let holder = new_holder(store).await;
    let nobody = Holder { client_id: ClientId::new(guid()), ..holder };
    is_not_found(store.put_federated_credential(nobody, &a_credential("fic", "s"), unlimited()).await, "client");
    is_not_found(store.federated_credentials(nobody, None, 10).await, "client");
    is_not_found(store.federated_credential(holder, "fic").await, "federated credential");
    let application = an_application(holder.tenant, "application");
    store.create_application(&application).await.unwrap();
    let application = Holder { client_id: application.app_id, ..holder };
    store.put_federated_credential(application, &a_credential("fic", "s"), unlimited()).await.unwrap();
    assert_eq!(find(store, application, "s"), Ok("fic".into()));
}

pub(crate) async fn credentials_are_listed_by_lower_case_name_in_pages(store: &dyn Everything) {
    let holder = new_holder(store).await;
    for name in ["Charlie", "alpha", "Bravo", "delta"] {
        store.put_federated_credential(holder, &a_credential(name, name), unlimited()).await.unwrap();
    }
    let names = async |after, limit| -> Vec<String> {
        let found = store.federated_credentials(holder, after, limit).await.unwrap();
        found.iter().map(|found| found.credential.name().to_owned()).collect()
    };
    assert_eq!(names(None, 10).await, ["alpha", "Bravo", "Charlie", "delta"]);
    assert_eq!(names(None, 2).await, ["alpha", "Bravo"]);
    assert_eq!(names(Some("BRAVO"), 2).await, ["Charlie", "delta"]);
    assert_eq!(names(Some("delta"), 2).await, [""; 0]);
}

pub(crate) async fn the_exchange_sees_credentials_in_the_order_in_which_they_were_made(store: &dyn Everything) {
    let holder = new_holder(store).await;
    for name in ["second", "first", "third"] {
        store.put_federated_credential(holder, &a_credential(name, name), unlimited()).await.unwrap();
    }
    store.put_federated_credential(holder, &a_credential("second", "changed"), unlimited()).await.unwrap();
    let client = client(store, holder).unwrap();
    let names: Vec<_> = client.federated_credentials.as_slice().iter().map(FederatedCredential::name).collect();
    assert_eq!(names, ["second", "first", "third"]);
}

pub(crate) async fn a_deleted_credential_is_gone(store: &dyn Everything) {
    let holder = new_holder(store).await;
    for name in ["one", "two"] {
        store.put_federated_credential(holder, &a_credential(name, name), unlimited()).await.unwrap();
    }
    assert!(store.delete_federated_credential(holder, "ONE", Condition::Always).await.unwrap());
    assert!(!store.delete_federated_credential(holder, "one", Condition::Always).await.unwrap());
    assert_eq!(find(store, holder, "one"), Err(Mismatch::Subject));
    assert_eq!(find(store, holder, "two"), Ok("two".into()));
    is_not_found(store.federated_credential(holder, "one").await, "federated credential");
}

pub(crate) async fn a_write_whose_condition_is_not_true_changes_nothing(store: &dyn Everything) {
    let holder = new_holder(store).await;
    let put = async |subject: &str, condition| {
        let terms = CredentialTerms { condition, ..unlimited() };
        store.put_federated_credential(holder, &a_credential("fic", subject), terms).await
    };
    let failed = |result: Result<_, StoreError>| matches!(result, Err(StoreError::ConditionFailed { .. }));
    assert!(failed(put("one", Condition::Exists).await.map(drop)));
    let first = put("one", Condition::Missing).await.unwrap().into_inner();
    assert!(failed(put("two", Condition::Missing).await.map(drop)));
    let second = put("two", Condition::Version(first.version)).await.unwrap().into_inner();
    assert!(second.version > first.version);
    assert!(failed(put("three", Condition::Version(first.version)).await.map(drop)));
    let stale = Condition::Version(first.version);
    assert!(failed(store.delete_federated_credential(holder, "fic", stale).await.map(drop)));
    assert_eq!(find(store, holder, "two"), Ok("fic".into()));
    assert!(store.delete_federated_credential(holder, "fic", Condition::Version(second.version)).await.unwrap());
    assert!(failed(store.delete_federated_credential(holder, "fic", Condition::Exists).await.map(drop)));
}

pub(crate) async fn a_credential_that_is_made_again_has_another_id(store: &dyn Everything) {
    let holder = new_holder(store).await;
    let put = async || {
        store.put_federated_credential(holder, &a_credential("fic", "s"), unlimited()).await.unwrap().into_inner().id
    };
    let first = put().await;
    store.delete_federated_credential(holder, "fic", Condition::Always).await.unwrap();
    assert_ne!(put().await, first);
}

pub(crate) async fn the_second_from_which_a_credential_counts_is_kept(store: &dyn Everything) {
    let holder = new_holder(store).await;
    let credential = a_credential("fic", "s").effective_from(1234);
    store.put_federated_credential(holder, &credential, unlimited()).await.unwrap();
    assert_eq!(client(store, holder).unwrap().federated_credentials.as_slice()[0].effective_at(), 1234);
}

pub(crate) async fn an_expression_stands_in_the_place_of_a_subject(store: &dyn Everything) {
    let holder = new_holder(store).await;
    let text = "claims['sub'] matches 'ns:team-*:*'";
    let matching = Matching::Expression(text.parse().unwrap());
    let audiences = ["audience".to_owned()];
    let make = |name: &str| {
        FederatedCredential::with_matching(name, "https://issuer.example", matching.clone(), &audiences, None).unwrap()
    };
    let created = store.put_federated_credential(holder, &make("fic"), unlimited()).await.unwrap().into_inner();
    assert_eq!(created.credential, make("fic"));
    assert_eq!(find(store, holder, "ns:team-a:web"), Ok("fic".into()));
    assert_eq!(find(store, holder, text), Err(Mismatch::Subject));
    let refused = store.put_federated_credential(holder, &make("second"), unlimited()).await.unwrap_err();
    assert!(matches!(&refused, StoreError::IssuerAndSubjectExist { subject, .. } if subject == text), "{refused}");

    store.put_federated_credential(holder, &a_credential("fic", text), unlimited()).await.unwrap();
    let found = store.federated_credential(holder, "fic").await.unwrap().credential;
    assert_eq!((found.subject(), found.expression()), (Some(text), None));
    assert_eq!(find(store, holder, text), Ok("fic".into()));
    assert_eq!(find(store, holder, "ns:team-a:web"), Err(Mismatch::Subject));
}

pub(crate) async fn expressions_are_bounded_whatever_the_tenant_allows(store: &dyn Everything) {
    let holder = new_holder(store).await;
    let put = async |number: u32| {
        let matching = Matching::Expression(format!("claims['sub'] eq '{number}'").parse().unwrap());
        let (name, audiences) = (format!("fic-{number}"), ["audience".to_owned()]);
        let made = FederatedCredential::with_matching(&name, "https://issuer.example", matching, &audiences, None);
        store.put_federated_credential(holder, &made.unwrap(), unlimited()).await
    };
    for number in 0..MAX_EXPRESSIONS {
        put(number).await.unwrap();
    }
    let refused = put(MAX_EXPRESSIONS).await;
    assert!(matches!(refused, Err(StoreError::TooManyExpressions { .. })), "{refused:?}");
    put(0).await.unwrap();
    store.put_federated_credential(holder, &a_credential("exact", "s"), unlimited()).await.unwrap();
}

pub(crate) async fn a_credential_that_accepts_the_same_goes_on_counting(store: &dyn Everything) {
    let holder = new_holder(store).await;
    let put = async |subject: &str, from: i64| {
        let credential = a_credential("fic", subject).effective_from(from);
        let stored = store.put_federated_credential(holder, &credential, unlimited()).await.unwrap();
        stored.into_inner().credential.effective_at()
    };
    assert_eq!(put("s", 100).await, 100);
    assert_eq!(put("s", 200).await, 100);
    assert_eq!(put("s", 0).await, 0);
    assert_eq!(put("t", 300).await, 300);
}
