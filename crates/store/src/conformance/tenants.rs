use std::collections::BTreeMap;

use symbolon_core::{
    Tenant, TenantId,
    issuer::{IssuerKeySource, TrustedIssuer},
    ports::management::{Condition, Holder, ResourceGroup, StoreError, Subscription, Written},
    tenant::TenantSettings,
};

use super::{
    Everything, a_credential, a_role, a_tenant, an_identity, guid, is_exists, is_not_found, new_group, new_tenant,
    unlimited,
};

pub(crate) async fn a_tenant_is_created_once_and_updated_after_that(store: &dyn Everything) {
    let mut tenant = Tenant { domains: vec!["b.example".into(), "a.example".into()], ..a_tenant() };
    assert_eq!(store.put_tenant(&tenant).await.unwrap(), Written::Created(()));
    assert_eq!(*store.tenant(tenant.id).unwrap(), tenant);
    assert_eq!(store.tenant_by_domain("a.example").unwrap().id, tenant.id);

    tenant.display_name = "Fabrikam".into();
    tenant.settings = TenantSettings { max_federated_credentials: Some(20), ..TenantSettings::default() };
    assert_eq!(store.put_tenant(&tenant).await.unwrap(), Written::Updated(()));
    assert_eq!(*store.tenant(tenant.id).unwrap(), tenant);
    let found: Vec<_> = store.tenants().await.unwrap().into_iter().filter(|found| found.id == tenant.id).collect();
    assert_eq!(found, [tenant]);
}

pub(crate) async fn tenants_are_listed_in_the_order_in_which_they_were_made(store: &dyn Everything) {
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(new_tenant(store).await);
    }
    store.put_tenant(&Tenant { id: made[0], ..a_tenant() }).await.unwrap();
    let listed: Vec<_> = store.tenants().await.unwrap().into_iter().map(|tenant| tenant.id).collect();
    let listed: Vec<_> = listed.into_iter().filter(|id| made.contains(id)).collect();
    assert_eq!(listed, made);
}

pub(crate) async fn a_domain_belongs_to_one_tenant(store: &dyn Everything) {
    let owner = Tenant { domains: vec!["owned.example".into()], ..a_tenant() };
    store.put_tenant(&owner).await.unwrap();
    let thief = Tenant { domains: vec!["free.example".into(), "owned.example".into()], ..a_tenant() };
    is_exists(store.put_tenant(&thief).await, "domain");
    assert_eq!(store.tenant(thief.id), None);
    assert_eq!(store.tenant_by_domain("free.example"), None);
    assert_eq!(store.tenant_by_domain("owned.example").unwrap().id, owner.id);
    assert!(store.tenants().await.unwrap().iter().all(|tenant| tenant.id != thief.id));
}

pub(crate) async fn a_domain_that_was_given_up_is_free(store: &dyn Everything) {
    let mut first = Tenant { domains: vec!["moving.example".into()], ..a_tenant() };
    store.put_tenant(&first).await.unwrap();
    first.domains.clear();
    store.put_tenant(&first).await.unwrap();
    assert_eq!(store.tenant_by_domain("moving.example"), None);
    let second = Tenant { domains: vec!["moving.example".into()], ..a_tenant() };
    store.put_tenant(&second).await.unwrap();
    assert_eq!(store.tenant_by_domain("moving.example").unwrap().id, second.id);
}

pub(crate) async fn a_subscription_belongs_to_one_tenant(store: &dyn Everything) {
    let (tenant, other) = (new_tenant(store).await, new_tenant(store).await);
    let id = symbolon_core::SubscriptionId::new(guid());
    let mut subscription = Subscription { id, tenant, display_name: "one".into() };
    assert_eq!(store.put_subscription(&subscription).await.unwrap(), Written::Created(()));
    subscription.display_name = "two".into();
    assert_eq!(store.put_subscription(&subscription).await.unwrap(), Written::Updated(()));
    is_exists(store.put_subscription(&Subscription { tenant: other, ..subscription.clone() }).await, "subscription");
    let nowhere = TenantId::new(guid());
    let orphan =
        Subscription { id: symbolon_core::SubscriptionId::new(guid()), tenant: nowhere, ..subscription.clone() };
    is_not_found(store.put_subscription(&orphan).await, "tenant");
    assert_eq!(store.subscriptions(tenant).await.unwrap(), [subscription]);
    assert_eq!(store.subscriptions(other).await.unwrap(), []);
}

pub(crate) async fn a_resource_group_is_found_in_any_spelling(store: &dyn Everything) {
    let (_, subscription) = new_group(store).await;
    let again = ResourceGroup {
        subscription,
        name: "GROUP".into(),
        location: "there".into(),
        tags: BTreeMap::new(),
        version: 0,
    };
    let Written::Updated(found) = store.put_resource_group(&again, Condition::Always).await.unwrap() else {
        panic!("not updated")
    };
    assert_eq!((found.name.as_str(), found.location.as_str()), ("Group", "there"));
    for name in ["Group", "group", "gROUP"] {
        let found = store.resource_group(subscription, name).await.unwrap();
        assert_eq!((found.name.as_str(), found.location.as_str()), ("Group", "there"), "{name}");
    }
    is_not_found(store.resource_group(subscription, "Groups").await, "resource group");
}

pub(crate) async fn resource_groups_are_listed_by_name(store: &dyn Everything) {
    let (_, subscription) = new_group(store).await;
    let (_, other) = new_group(store).await;
    for name in ["zeta", "Alpha"] {
        let tags = BTreeMap::from([("name".to_owned(), name.to_owned())]);
        let group = ResourceGroup { subscription, name: name.into(), location: "here".into(), tags, version: 0 };
        store.put_resource_group(&group, Condition::Always).await.unwrap();
    }
    let found = store.resource_groups(subscription).await.unwrap();
    assert_eq!(found.iter().map(|group| group.name.as_str()).collect::<Vec<_>>(), ["Alpha", "Group", "zeta"]);
    assert_eq!(found[2].tags, BTreeMap::from([("name".to_owned(), "zeta".to_owned())]));
    assert_eq!(store.resource_group(subscription, "ALPHA").await.unwrap(), found[0]);
    assert_eq!(store.resource_groups(other).await.unwrap().len(), 1);
}

pub(crate) async fn a_resource_group_is_written_only_at_the_version_that_is_asked_for(store: &dyn Everything) {
    let (_, subscription) = new_group(store).await;
    let group = store.resource_group(subscription, "group").await.unwrap();
    let tags = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
    let stale = Condition::Version(group.version - 1);
    for condition in [stale, Condition::Missing] {
        let failed = store.put_resource_group(&group, condition).await;
        assert!(matches!(failed, Err(StoreError::ConditionFailed { .. })), "{failed:?}");
        let failed = store.set_resource_group_tags(subscription, "group", &tags, condition).await;
        assert!(matches!(failed, Err(StoreError::ConditionFailed { .. })), "{failed:?}");
        let failed = store.delete_resource_group(subscription, "group", condition).await;
        assert!(matches!(failed, Err(StoreError::ConditionFailed { .. })), "{failed:?}");
    }
    let current = Condition::Version(group.version);
    let changed = store.set_resource_group_tags(subscription, "GROUP", &tags, current).await.unwrap();
    assert_eq!((changed.name.as_str(), &changed.tags), ("Group", &tags));
    assert!(changed.version > group.version);
    assert!(store.delete_resource_group(subscription, "group", Condition::Exists).await.unwrap());
    let failed = store.delete_resource_group(subscription, "group", Condition::Exists).await;
    assert!(matches!(failed, Err(StoreError::ConditionFailed { .. })), "{failed:?}");
    is_not_found(
        store.set_resource_group_tags(subscription, "group", &tags, Condition::Always).await,
        "resource group",
    );
}

pub(crate) async fn a_deleted_resource_group_takes_identities_and_roles_with_it(store: &dyn Everything) {
    let (tenant, subscription) = new_group(store).await;
    let identity = an_identity(tenant, subscription, "identity");
    store.put_identity(&identity, Condition::Always).await.unwrap();
    let holder = Holder { tenant, client_id: identity.client_id };
    store.put_federated_credential(holder, &a_credential("fic", "subject"), unlimited()).await.unwrap();
    let beside = ResourceGroup {
        subscription,
        name: "Group2".into(),
        location: "here".into(),
        tags: BTreeMap::new(),
        version: 0,
    };
    store.put_resource_group(&beside, Condition::Always).await.unwrap();
    let stranger = symbolon_core::ObjectId::new(guid());
    let group = format!("/subscriptions/{subscription}/resourceGroups/Group");
    let kept = a_role(tenant, stranger, &format!("{group}2"));
    for role in [
        a_role(tenant, identity.principal_id, "/"),
        a_role(tenant, stranger, &group.to_uppercase()),
        a_role(tenant, stranger, &identity.path.to_string()),
        kept.clone(),
    ] {
        store.add_role_assignment(&role).await.unwrap();
    }

    assert!(store.delete_resource_group(subscription, "GROUP", Condition::Always).await.unwrap());
    assert!(store.client(tenant, identity.client_id).is_none());
    is_not_found(store.identity(tenant, &identity.path).await, "identity");
    is_not_found(store.federated_credential(holder, "fic").await, "federated credential");
    assert_eq!(store.role_assignments(tenant, identity.principal_id), []);
    assert_eq!(store.role_assignments(tenant, stranger), [kept]);
    assert!(!store.delete_resource_group(subscription, "group", Condition::Always).await.unwrap());
}

pub(crate) async fn a_resource_group_needs_its_subscription(store: &dyn Everything) {
    let subscription = symbolon_core::SubscriptionId::new(guid());
    let group = ResourceGroup {
        subscription,
        name: "Group".into(),
        location: "here".into(),
        tags: BTreeMap::new(),
        version: 0,
    };
    is_not_found(store.put_resource_group(&group, Condition::Always).await, "subscription");
    is_not_found(store.resource_group(subscription, "Group").await, "resource group");
}

fn issuer(tenant: TenantId, jwks: &str) -> TrustedIssuer {
    let keys = IssuerKeySource::Registered { jwks: jwks.into() };
    TrustedIssuer { tenant, issuer: "https://issuer.example".into(), keys, version: 0 }
}

pub(crate) async fn a_trusted_issuer_is_created_once_and_updated_after_that(store: &dyn Everything) {
    let tenant = new_tenant(store).await;
    assert_eq!(store.put_trusted_issuer(&issuer(tenant, "{}")).await.unwrap(), Written::Created(()));
    let first = store.trusted_issuer(tenant, "https://issuer.example").await.unwrap();
    let keys = IssuerKeySource::Discovery { ca_pem: Some("PEM".into()), allow_private: true };
    let wanted = TrustedIssuer { keys, ..issuer(tenant, "") };
    assert_eq!(store.put_trusted_issuer(&wanted).await.unwrap(), Written::Updated(()));
    let second = store.trusted_issuer(tenant, "https://issuer.example").await.unwrap();
    assert_eq!(first.keys, issuer(tenant, "{}").keys);
    assert_eq!(second.keys, wanted.keys);
    assert!(second.version > first.version);
    assert!(store.delete_trusted_issuer(tenant, "https://issuer.example").await.unwrap());
    assert!(!store.delete_trusted_issuer(tenant, "https://issuer.example").await.unwrap());
    is_not_found(store.trusted_issuer(tenant, "https://issuer.example").await, "trusted issuer");
    is_not_found(store.put_trusted_issuer(&issuer(TenantId::new(guid()), "{}")).await, "tenant");
}

pub(crate) async fn a_trusted_issuer_is_unknown_to_other_tenants(store: &dyn Everything) {
    let (one, two) = (new_tenant(store).await, new_tenant(store).await);
    store.put_trusted_issuer(&issuer(one, "one")).await.unwrap();
    assert_eq!(store.trusted_issuers(two).await.unwrap(), []);
    is_not_found(store.trusted_issuer(two, "https://issuer.example").await, "trusted issuer");
    assert!(!store.delete_trusted_issuer(two, "https://issuer.example").await.unwrap());
    store.put_trusted_issuer(&issuer(two, "two")).await.unwrap();
    let found = store.trusted_issuers(one).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].keys, issuer(one, "one").keys);
    is_not_found(store.trusted_issuer(one, "https://ISSUER.example").await, "trusted issuer");
}
