use std::collections::BTreeMap;

use symbolon_core::{
    arm_id::IdentityPath,
    client::ClientKind,
    managed_identity::ManagedIdentity,
    ports::management::{Condition, Holder, StoreError, Written},
};

use super::{
    Everything, a_credential, a_role, an_application, an_identity, client, is_exists, is_not_found, new_group,
    new_identity, unlimited,
};

pub(crate) async fn an_identity_needs_a_resource_group_of_its_own_tenant(store: &dyn Everything) {
    let (tenant, subscription) = new_group(store).await;
    let (_, foreign) = new_group(store).await;
    is_not_found(
        store.put_identity(&an_identity(tenant, foreign, "identity"), Condition::Always).await,
        "subscription",
    );
    let path = IdentityPath { subscription, resource_group: "missing".into(), name: "identity".into() };
    let wanted = ManagedIdentity { path, ..an_identity(tenant, subscription, "identity") };
    is_not_found(store.put_identity(&wanted, Condition::Always).await, "resource group");
    assert!(store.client(tenant, wanted.client_id).is_none());
}

pub(crate) async fn an_identity_that_is_put_again_keeps_its_ids(store: &dyn Everything) {
    let (tenant, subscription) = new_group(store).await;
    let wanted = an_identity(tenant, subscription, "Identity");
    let Written::Created(first) = store.put_identity(&wanted, Condition::Always).await.unwrap() else {
        panic!("not created")
    };
    assert_eq!((first.client_id, first.principal_id), (wanted.client_id, wanted.principal_id));

    let tags = BTreeMap::from([("key".to_owned(), "value".to_owned())]);
    let again = ManagedIdentity { location: "there".into(), tags, ..an_identity(tenant, subscription, "IDENTITY") };
    let Written::Updated(second) = store.put_identity(&again, Condition::Always).await.unwrap() else {
        panic!("not updated")
    };
    assert_eq!((second.client_id, second.principal_id), (first.client_id, first.principal_id));
    assert_eq!(second.path.name, "Identity");
    assert_eq!((second.location.as_str(), &second.tags), ("there", &again.tags));
    assert!(second.version > first.version);
    assert_eq!(store.identity(tenant, &wanted.path).await.unwrap(), second);
    assert!(store.client(tenant, again.client_id).is_none());
}

pub(crate) async fn an_identity_is_found_in_any_spelling_and_by_its_own_tenant_only(store: &dyn Everything) {
    let identity = new_identity(store).await;
    let (other, _) = new_group(store).await;
    let IdentityPath { subscription, .. } = identity.path;
    let path = IdentityPath { subscription, resource_group: "gRoUp".into(), name: "IDENTITY".into() };
    assert_eq!(store.identity(identity.tenant, &path).await.unwrap(), identity);
    is_not_found(store.identity(other, &path).await, "identity");
    assert!(!store.delete_identity(other, &path, Condition::Always).await.unwrap());
    is_not_found(store.set_identity_tags(other, &path, &BTreeMap::new(), Condition::Always).await, "identity");
    assert!(store.client(other, identity.client_id).is_none());
    assert_eq!(store.identities(other, subscription, None, None, 10).await.unwrap(), []);
}

pub(crate) async fn the_exchange_sees_an_identity_before_the_write_returns(store: &dyn Everything) {
    let identity = new_identity(store).await;
    let client = store.client(identity.tenant, identity.client_id).unwrap();
    assert_eq!((client.tenant, client.client_id), (identity.tenant, identity.client_id));
    assert_eq!(client.name, "identity");
    let ClientKind::ManagedIdentity { principal_id, mirid } = &client.kind else { panic!("{:?}", client.kind) };
    assert_eq!(*principal_id, identity.principal_id);
    assert_eq!(*mirid, identity.path.mirid());
}

pub(crate) async fn ids_that_another_client_has_are_refused(store: &dyn Everything) {
    let (tenant, subscription) = new_group(store).await;
    let first = an_identity(tenant, subscription, "first");
    store.put_identity(&first, Condition::Always).await.unwrap();
    let second = an_identity(tenant, subscription, "second");
    let same_client = ManagedIdentity { client_id: first.client_id, ..second.clone() };
    is_exists(store.put_identity(&same_client, Condition::Always).await, "client id");
    let same_principal = ManagedIdentity { principal_id: first.principal_id, ..second.clone() };
    is_exists(store.put_identity(&same_principal, Condition::Always).await, "principal id");
    is_not_found(store.identity(tenant, &second.path).await, "identity");
    assert!(store.client(tenant, second.client_id).is_none());
    let mut application = an_application(tenant, "application");
    application.app_id = first.client_id;
    is_exists(store.create_application(&application).await, "client id");
}

pub(crate) async fn tags_are_replaced_as_a_whole(store: &dyn Everything) {
    let identity = new_identity(store).await;
    for tags in [&[("a", "1"), ("b", "2")][..], &[("b", "3")], &[]] {
        let tags: BTreeMap<_, _> = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let written = store.set_identity_tags(identity.tenant, &identity.path, &tags, Condition::Always).await.unwrap();
        assert_eq!(written.tags, tags);
        assert_eq!(store.identity(identity.tenant, &identity.path).await.unwrap(), written);
    }
}

pub(crate) async fn identities_are_listed_by_path_in_pages(store: &dyn Everything) {
    let (tenant, subscription) = new_group(store).await;
    let other = symbolon_core::ports::management::ResourceGroup {
        subscription,
        name: "Another".into(),
        location: "here".into(),
        tags: BTreeMap::new(),
        version: 0,
    };
    store.put_resource_group(&other, Condition::Always).await.unwrap();
    for (group, name) in [("Group", "Charlie"), ("Group", "bravo"), ("Another", "delta"), ("Group", "Alpha")] {
        let mut identity = an_identity(tenant, subscription, name);
        identity.path.resource_group = group.into();
        store.put_identity(&identity, Condition::Always).await.unwrap();
    }
    let names = async |group: Option<&str>, after: Option<&str>, limit| -> Vec<String> {
        let found = store.identities(tenant, subscription, group, after, limit).await.unwrap();
        found.into_iter().map(|identity| identity.path.name).collect()
    };
    assert_eq!(names(None, None, 10).await, ["delta", "Alpha", "bravo", "Charlie"]);
    assert_eq!(names(Some("GROUP"), None, 10).await, ["Alpha", "bravo", "Charlie"]);
    assert_eq!(names(Some("group"), None, 2).await, ["Alpha", "bravo"]);
    let bravo = an_identity(tenant, subscription, "BRAVO").path.key();
    assert_eq!(names(Some("group"), Some(&bravo), 2).await, ["Charlie"]);
    assert_eq!(names(None, Some(&bravo), 2).await, ["Charlie"]);
    assert_eq!(names(Some("missing"), None, 2).await, [""; 0]);
}

pub(crate) async fn a_deleted_identity_takes_credentials_and_roles_with_it(store: &dyn Everything) {
    let identity = new_identity(store).await;
    let holder = Holder { tenant: identity.tenant, client_id: identity.client_id };
    store.put_federated_credential(holder, &a_credential("fic", "subject"), unlimited()).await.unwrap();
    store.add_role_assignment(&a_role(identity.tenant, identity.principal_id, "/")).await.unwrap();

    assert!(store.delete_identity(identity.tenant, &identity.path, Condition::Always).await.unwrap());
    assert!(client(store, holder).is_none());
    assert_eq!(store.role_assignments(identity.tenant, identity.principal_id), []);
    is_not_found(store.identity(identity.tenant, &identity.path).await, "identity");
    is_not_found(store.federated_credential(holder, "fic").await, "federated credential");
    assert!(!store.delete_identity(identity.tenant, &identity.path, Condition::Always).await.unwrap());

    // Whoever gets the same ids later inherits nothing.
    store.put_identity(&identity, Condition::Always).await.unwrap();
    assert!(client(store, holder).unwrap().federated_credentials.is_empty());
    assert_eq!(store.role_assignments(identity.tenant, identity.principal_id), []);
}

pub(crate) async fn an_identity_is_written_only_at_the_version_that_is_asked_for(store: &dyn Everything) {
    let identity = new_identity(store).await;
    let (tenant, path) = (identity.tenant, &identity.path);
    let tags = BTreeMap::new();
    for condition in [Condition::Version(identity.version - 1), Condition::Missing] {
        let failed = store.put_identity(&identity, condition).await;
        assert!(matches!(failed, Err(StoreError::ConditionFailed { .. })), "{failed:?}");
        let failed = store.set_identity_tags(tenant, path, &tags, condition).await;
        assert!(matches!(failed, Err(StoreError::ConditionFailed { .. })), "{failed:?}");
        let failed = store.delete_identity(tenant, path, condition).await;
        assert!(matches!(failed, Err(StoreError::ConditionFailed { .. })), "{failed:?}");
    }
    let current = Condition::Version(identity.version);
    let changed = store.put_identity(&identity, current).await.unwrap().into_inner();
    let failed = store.put_identity(&identity, current).await;
    assert!(matches!(failed, Err(StoreError::ConditionFailed { .. })), "{failed:?}");
    let mut either = [-1; symbolon_core::ports::management::MAX_CONDITION_VERSIONS];
    either[..2].copy_from_slice(&[identity.version, changed.version]);
    assert!(store.delete_identity(tenant, path, Condition::OneOf(either)).await.unwrap());
    let failed = store.delete_identity(tenant, path, Condition::OneOf(either)).await;
    assert!(matches!(failed, Err(StoreError::ConditionFailed { .. })), "{failed:?}");
}

pub(crate) async fn a_role_is_given_once(store: &dyn Everything) {
    let identity = new_identity(store).await;
    let (tenant, principal) = (identity.tenant, identity.principal_id);
    let (root, scope) = (a_role(tenant, principal, "/"), a_role(tenant, principal, "/subscriptions/S"));
    store.add_role_assignment(&root).await.unwrap();
    store.add_role_assignment(&scope).await.unwrap();
    is_exists(store.add_role_assignment(&a_role(tenant, principal, "/")).await, "role assignment");
    is_exists(store.add_role_assignment(&a_role(tenant, principal, "/Subscriptions/s/")).await, "role assignment");
    let mut same_id = a_role(tenant, principal, "/subscriptions/T");
    same_id.id = root.id;
    is_exists(store.add_role_assignment(&same_id).await, "role assignment");
    assert_eq!(store.role_assignments(tenant, principal), [root, scope]);
}
