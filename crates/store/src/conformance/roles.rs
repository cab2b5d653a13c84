//! Roles that tenants make, and their assignments.

use symbolon_core::{
    ObjectId, TenantId,
    managed_identity::ManagedIdentity,
    ports::management::{Condition, RecordedAssignment, RecordedRole, StoreError, Written},
    role::{OWNER, Permission, RoleDefinition, RoleType},
};
use uuid::Uuid;

use super::{Everything, a_role, an_identity, guid, is_exists, is_not_found, new_identity, new_tenant};

fn a_custom_role(tenant: TenantId, name: &str) -> RecordedRole {
    RecordedRole {
        tenant,
        definition: RoleDefinition {
            id: guid(),
            name: name.into(),
            description: "for tests".into(),
            kind: RoleType::Custom,
            assignable_scopes: vec!["/".into()],
            permissions: vec![Permission { actions: vec!["*/read".into()], ..Permission::default() }],
        },
        created: 1_700_000_000,
        created_by: "somebody".into(),
    }
}

fn an_assignment(identity: &ManagedIdentity, role: Uuid, scope: &str) -> RecordedAssignment {
    let mut assignment = a_role(identity.tenant, identity.principal_id, scope);
    assignment.role = role;
    RecordedAssignment {
        assignment,
        principal_type: "ServicePrincipal".into(),
        description: Some("why".into()),
        created: 1_700_000_000,
        created_by: "somebody".into(),
    }
}

pub(crate) async fn a_role_is_seen_before_its_write_returns(store: &dyn Everything) {
    let tenant = new_tenant(store).await;
    let mut role = a_custom_role(tenant, "Mine");
    let id = role.definition.id;
    assert!(matches!(store.put_custom_role(&role).await.unwrap(), Written::Created(_)));
    assert_eq!(*store.role_definition(tenant, id).unwrap(), role.definition);
    assert_eq!(store.custom_role(tenant, id).await.unwrap(), role);

    role.definition.permissions[0].actions.push("*/write".into());
    let later = RecordedRole { created: 1_800_000_000, created_by: "another".into(), ..role.clone() };
    let updated = store.put_custom_role(&later).await.unwrap();
    assert_eq!(updated, Written::Updated(role.clone()), "who made it and when stays");
    assert_eq!(*store.role_definition(tenant, id).unwrap(), role.definition);

    assert!(store.delete_custom_role(tenant, id).await.unwrap());
    assert!(store.role_definition(tenant, id).is_none());
    is_not_found(store.custom_role(tenant, id).await, "role definition");
    assert!(!store.delete_custom_role(tenant, id).await.unwrap());
}

pub(crate) async fn a_role_s_name_is_free_in_its_tenant(store: &dyn Everything) {
    let tenant = new_tenant(store).await;
    let (first, second) = (a_custom_role(tenant, "Mine"), a_custom_role(tenant, "MINE"));
    store.put_custom_role(&first).await.unwrap();
    is_exists(store.put_custom_role(&second).await, "role definition");
    store.put_custom_role(&a_custom_role(new_tenant(store).await, "Mine")).await.unwrap();
    store.put_custom_role(&a_custom_role(tenant, "Another")).await.unwrap();
    let names: Vec<String> =
        store.custom_roles(tenant).await.unwrap().into_iter().map(|role| role.definition.name).collect();
    assert_eq!(names, ["Another", "Mine"]);
}

pub(crate) async fn a_role_is_unknown_to_other_tenants(store: &dyn Everything) {
    let role = a_custom_role(new_tenant(store).await, "Mine");
    let other = new_identity(store).await;
    store.put_custom_role(&role).await.unwrap();
    let id = role.definition.id;
    assert!(store.role_definition(other.tenant, id).is_none());
    is_not_found(store.custom_role(other.tenant, id).await, "role definition");
    is_not_found(store.put_assignment(&an_assignment(&other, id, "/")).await, "role definition");
    assert!(!store.delete_custom_role(other.tenant, id).await.unwrap());
}

pub(crate) async fn a_role_that_is_given_stays(store: &dyn Everything) {
    let identity = new_identity(store).await;
    let role = a_custom_role(identity.tenant, "Mine");
    store.put_custom_role(&role).await.unwrap();
    let given = an_assignment(&identity, role.definition.id, "/");
    store.put_assignment(&given).await.unwrap();
    let refused = store.delete_custom_role(identity.tenant, role.definition.id).await.unwrap_err();
    assert!(matches!(refused, StoreError::RoleAssigned { assignments: 1 }), "{refused}");
    assert!(store.delete_assignment(identity.tenant, given.assignment.id).await.unwrap());
    assert!(store.delete_custom_role(identity.tenant, role.definition.id).await.unwrap());
}

pub(crate) async fn an_assignment_comes_back_as_it_was_made(store: &dyn Everything) {
    let identity = new_identity(store).await;
    let given = an_assignment(&identity, OWNER, "/subscriptions/S");
    assert_eq!(store.put_assignment(&given).await.unwrap(), Written::Created(given.clone()));
    assert_eq!(store.assignment(identity.tenant, given.assignment.id).await.unwrap(), given);
    let seen = store.role_assignments(identity.tenant, identity.principal_id);
    assert_eq!(seen, std::slice::from_ref(&given.assignment));

    let described = RecordedAssignment { description: None, created: 5, ..given.clone() };
    let kept = RecordedAssignment { description: None, ..given.clone() };
    assert_eq!(store.put_assignment(&described).await.unwrap(), Written::Updated(kept));

    assert!(store.delete_assignment(identity.tenant, given.assignment.id).await.unwrap());
    assert_eq!(store.role_assignments(identity.tenant, identity.principal_id), []);
    is_not_found(store.assignment(identity.tenant, given.assignment.id).await, "role assignment");
    assert!(!store.delete_assignment(identity.tenant, given.assignment.id).await.unwrap());
}

pub(crate) async fn an_assignment_needs_its_principal_and_its_role(store: &dyn Everything) {
    let identity = new_identity(store).await;
    let mut stranger = an_assignment(&identity, OWNER, "/");
    stranger.assignment.principal = ObjectId::new(guid());
    is_not_found(store.put_assignment(&stranger).await, "principal");
    let elsewhere = new_identity(store).await;
    stranger.assignment.principal = elsewhere.principal_id;
    is_not_found(store.put_assignment(&stranger).await, "principal");
    is_not_found(store.put_assignment(&an_assignment(&identity, guid(), "/")).await, "role definition");
}

pub(crate) async fn what_an_assignment_grants_is_fixed(store: &dyn Everything) {
    let identity = new_identity(store).await;
    let given = an_assignment(&identity, OWNER, "/subscriptions/S");
    store.put_assignment(&given).await.unwrap();
    let mut elsewhere = given.clone();
    elsewhere.assignment.scope = "/".into();
    let refused = store.put_assignment(&elsewhere).await.unwrap_err();
    assert!(matches!(refused, StoreError::AssignmentFixed), "{refused}");

    let again = an_assignment(&identity, OWNER, "/SUBSCRIPTIONS/s/");
    match store.put_assignment(&again).await.unwrap_err() {
        StoreError::Exists { name, .. } => assert_eq!(name, given.assignment.id.to_string()),
        other => panic!("expected that the assignment exists, found {other}"),
    }
    assert_eq!(store.role_assignments(identity.tenant, identity.principal_id), [given.assignment]);
}

pub(crate) async fn assignments_are_listed_by_id_in_pages(store: &dyn Everything) {
    let identity = new_identity(store).await;
    let (tenant, principal) = (identity.tenant, identity.principal_id);
    let mut ids = Vec::new();
    for scope in ["/", "/subscriptions/a", "/subscriptions/b"] {
        let given = an_assignment(&identity, OWNER, scope);
        ids.push(given.assignment.id);
        store.put_assignment(&given).await.unwrap();
    }
    ids.sort();
    let list = async |principal, after, limit| -> Vec<Uuid> {
        let found = store.assignments(tenant, principal, after, limit).await.unwrap();
        found.into_iter().map(|found| found.assignment.id).collect()
    };
    assert_eq!(list(None, None, 10).await, ids);
    assert_eq!(list(None, None, 2).await, ids[..2]);
    assert_eq!(list(Some(principal), Some(ids[1]), 2).await, ids[2..]);
    assert!(list(Some(ObjectId::new(guid())), None, 10).await.is_empty());
}

pub(crate) async fn roles_on_an_identity_end_with_it(store: &dyn Everything) {
    let identity = new_identity(store).await;
    let (tenant, path) = (identity.tenant, identity.path.clone());
    let other = an_identity(tenant, path.subscription, "other");
    store.put_identity(&other, Condition::Always).await.unwrap();
    let (on_it, beside) = (path.to_string().to_uppercase(), format!("{path}2"));
    for scope in [on_it, format!("{path}/federatedIdentityCredentials/x"), beside.clone()] {
        store.put_assignment(&an_assignment(&other, OWNER, &scope)).await.unwrap();
    }
    store.delete_identity(tenant, &path, Condition::Always).await.unwrap();
    let left: Vec<String> =
        store.role_assignments(tenant, other.principal_id).into_iter().map(|found| found.scope).collect();
    assert_eq!(left, [beside]);
}

pub(crate) async fn the_last_owner_of_a_tenant_stays(store: &dyn Everything) {
    let identity = new_identity(store).await;
    let owner = |scope: &str| an_assignment(&identity, OWNER, scope);
    let (first, below) = (owner("/"), owner(&format!("/subscriptions/{}", identity.path.subscription)));
    store.put_assignment(&first).await.unwrap();
    store.put_assignment(&below).await.unwrap();
    let refused = store.delete_assignment(identity.tenant, first.assignment.id).await;
    assert!(matches!(refused, Err(StoreError::LastOwner)), "{refused:?}");
    assert_eq!(store.role_assignments(identity.tenant, identity.principal_id).len(), 2);

    let other = an_identity(identity.tenant, identity.path.subscription, "other");
    let other = store.put_identity(&other, Condition::Always).await.unwrap().into_inner();
    store.put_assignment(&an_assignment(&other, OWNER, "/")).await.unwrap();
    assert!(store.delete_assignment(identity.tenant, first.assignment.id).await.unwrap());
    assert!(store.delete_assignment(identity.tenant, below.assignment.id).await.unwrap());
}

pub(crate) async fn an_assignment_needs_the_resource_group_of_its_scope(store: &dyn Everything) {
    let identity = new_identity(store).await;
    let scope = format!("/subscriptions/{}/resourceGroups/nothing", identity.path.subscription);
    is_not_found(store.put_assignment(&an_assignment(&identity, OWNER, &scope)).await, "resource group");
    let scope =
        format!("/subscriptions/{}/resourceGroups/{}", identity.path.subscription, identity.path.resource_group);
    store.put_assignment(&an_assignment(&identity, OWNER, &scope)).await.unwrap();
}
