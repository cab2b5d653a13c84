use std::collections::BTreeMap;

use symbolon_issuer::port::{ServiceAccount, ServiceAccountError};

use super::{Everything, guid};

fn an_account(namespace: &str, name: &str) -> ServiceAccount {
    ServiceAccount {
        namespace: namespace.into(),
        name: name.into(),
        uid: guid(),
        annotations: BTreeMap::from([("key".to_owned(), "value".to_owned())]),
        created: 7,
        version: 0,
    }
}

fn is_missing<T: std::fmt::Debug>(result: &Result<T, ServiceAccountError>) {
    assert!(matches!(result, Err(ServiceAccountError::NotFound { .. })), "{result:?}");
}

pub(crate) async fn a_service_account_is_created_once(store: &dyn Everything) {
    let account = an_account("default", "sademo");
    store.create(&account).await.unwrap();
    let found = store.get("default", "sademo").await.unwrap();
    assert!(found.version > 0);
    assert_eq!(found, ServiceAccount { version: found.version, ..account });
    let refused = store.create(&an_account("default", "sademo")).await.unwrap_err();
    assert_eq!(refused.to_string(), "service account `default/sademo` exists already");
    assert_eq!(store.get("default", "sademo").await.unwrap(), found);
    is_missing(&store.get("default", "SADEMO").await);
    is_missing(&store.get("other", "sademo").await);
}

pub(crate) async fn annotations_are_replaced_as_a_whole(store: &dyn Everything) {
    store.create(&an_account("default", "sademo")).await.unwrap();
    let before = store.get("default", "sademo").await.unwrap();
    let annotations = BTreeMap::from([("other".to_owned(), "one".to_owned())]);
    let written = store.set_annotations("default", "sademo", &annotations).await.unwrap();
    assert_eq!(written.annotations, annotations);
    assert_eq!(written.uid, before.uid);
    assert!(written.version > before.version);
    assert_eq!(store.get("default", "sademo").await.unwrap(), written);
    is_missing(&store.set_annotations("default", "missing", &annotations).await);
}

pub(crate) async fn service_accounts_are_listed_by_namespace_and_name(store: &dyn Everything) {
    for (namespace, name) in [("b", "x"), ("a", "z"), ("a", "y")] {
        store.create(&an_account(namespace, name)).await.unwrap();
    }
    let names = async |namespace| -> Vec<String> {
        let found = store.list(namespace).await.unwrap();
        found.into_iter().map(|account| format!("{}/{}", account.namespace, account.name)).collect()
    };
    assert_eq!(names(None).await, ["a/y", "a/z", "b/x"]);
    assert_eq!(names(Some("a")).await, ["a/y", "a/z"]);
    assert_eq!(names(Some("c")).await, [""; 0]);
}

pub(crate) async fn a_deleted_service_account_is_gone(store: &dyn Everything) {
    store.create(&an_account("default", "sademo")).await.unwrap();
    assert!(store.delete("default", "sademo").await.unwrap());
    assert!(!store.delete("default", "sademo").await.unwrap());
    is_missing(&store.get("default", "sademo").await);
    store.create(&an_account("default", "sademo")).await.unwrap();
}
