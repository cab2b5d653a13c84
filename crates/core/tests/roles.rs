//! Who may do what, row by row.
//!
//! The last column was written by hand from Microsoft's documentation of the built-in roles and of
//! how scopes inherit; nothing computes it.

use std::sync::Arc;

use symbolon_core::{
    ObjectId, TenantId,
    role::{self, ActionKind, Permission, RoleAssignment, RoleDefinition, RoleType, Wanted, built_in},
};
use uuid::Uuid;

use ActionKind::{Data, Management as Mgmt};

const SUB: &str = "/subscriptions/s1";
const SUB10: &str = "/subscriptions/s10";
const RG: &str = "/subscriptions/s1/resourceGroups/rg";
const RG2: &str = "/subscriptions/s1/resourceGroups/rg2";
const VAULT: &str = "/subscriptions/s1/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/v";
const VAULT2: &str = "/subscriptions/s1/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/v2";
const STORE: &str = "/subscriptions/s1/resourceGroups/rg/providers/Microsoft.AppConfiguration/configurationStores/c";
const IDENTITY: &str =
    "/subscriptions/s1/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i";

const GROUP_READ: &str = "Microsoft.Resources/subscriptions/resourceGroups/read";
const GROUP_WRITE: &str = "Microsoft.Resources/subscriptions/resourceGroups/write";
const ID_READ: &str = "Microsoft.ManagedIdentity/userAssignedIdentities/read";
const ID_WRITE: &str = "Microsoft.ManagedIdentity/userAssignedIdentities/write";
const ID_DELETE: &str = "Microsoft.ManagedIdentity/userAssignedIdentities/delete";
const ID_ASSIGN: &str = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action";
const FIC_READ: &str = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/read";
const FIC_WRITE: &str = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write";
const FIC_DELETE: &str = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/delete";
const RA_READ: &str = "Microsoft.Authorization/roleAssignments/read";
const RA_WRITE: &str = "Microsoft.Authorization/roleAssignments/write";
const RA_DELETE: &str = "Microsoft.Authorization/roleAssignments/delete";
const RD_READ: &str = "Microsoft.Authorization/roleDefinitions/read";
const RD_WRITE: &str = "Microsoft.Authorization/roleDefinitions/write";
const RD_DELETE: &str = "Microsoft.Authorization/roleDefinitions/delete";
const KV_READ: &str = "Microsoft.KeyVault/vaults/read";
const KV_WRITE: &str = "Microsoft.KeyVault/vaults/write";
const KV_PURGE: &str = "Microsoft.KeyVault/locations/deletedVaults/purge/action";
const HSM_WRITE: &str = "Microsoft.KeyVault/managedHSMs/write";
const SECRET_GET: &str = "Microsoft.KeyVault/vaults/secrets/getSecret/action";
const SECRET_META: &str = "Microsoft.KeyVault/vaults/secrets/readMetadata/action";
const SECRET_SET: &str = "Microsoft.KeyVault/vaults/secrets/setSecret/action";
const SECRET_DELETE: &str = "Microsoft.KeyVault/vaults/secrets/delete";
const SECRET_PURGE: &str = "Microsoft.KeyVault/vaults/secrets/purge/action";
const KEY_READ: &str = "Microsoft.KeyVault/vaults/keys/read";
const KEY_SIGN: &str = "Microsoft.KeyVault/vaults/keys/sign/action";
const AC_READ: &str = "Microsoft.AppConfiguration/configurationStores/read";
const AC_WRITE: &str = "Microsoft.AppConfiguration/configurationStores/write";
const AC_PURGE: &str = "Microsoft.AppConfiguration/locations/deletedConfigurationStores/purge/action";
const KEYVALUE_READ: &str = "Microsoft.AppConfiguration/configurationStores/keyValues/read";
const KEYVALUE_WRITE: &str = "Microsoft.AppConfiguration/configurationStores/keyValues/write";
const KEYVALUE_DELETE: &str = "Microsoft.AppConfiguration/configurationStores/keyValues/delete";
const SNAPSHOT_ARCHIVE: &str = "Microsoft.AppConfiguration/configurationStores/snapshots/archive/action";
const SAS: &str = "Microsoft.AppConfiguration/configurationStores/useSasAuth/action";
const POD_TOKEN: &str = "Symbolon/serviceAccounts/token/action";
const AUDIT: &str = "Symbolon/audit/show/action";
const APP_WRITE: &str = "Microsoft.Directory/applications/write";
const APP_SHOW: &str = "Microsoft.Directory/applications/show/action";

/// Role, where it is given, action, where it is asked for, kind, and whether it is allowed.
type Row = (&'static str, &'static str, &'static str, &'static str, ActionKind, bool);

#[rustfmt::skip]
const BUILT_IN: [Row; 93] = [
    // Owner does everything to resources and nothing to data.
    ("Owner", "/", GROUP_WRITE, RG, Mgmt, true),
    ("Owner", "/", RA_WRITE, "/", Mgmt, true),
    ("Owner", SUB, RA_WRITE, RG, Mgmt, true),
    ("Owner", SUB, RD_WRITE, SUB, Mgmt, true),
    ("Owner", RG, ID_WRITE, IDENTITY, Mgmt, true),
    ("Owner", "/", SECRET_GET, VAULT, Data, false),
    ("Owner", VAULT, SECRET_GET, VAULT, Data, false),
    ("Owner", "/", KEYVALUE_READ, STORE, Data, false),
    ("Owner", "/", POD_TOKEN, "/", Mgmt, true),
    ("Owner", "/", APP_WRITE, "/", Mgmt, true),
    ("Owner", SUB, POD_TOKEN, "/", Mgmt, false),
    ("Owner", SUB, POD_TOKEN, SUB, Mgmt, false),
    ("Owner", SUB, APP_WRITE, SUB, Mgmt, false),
    // Inheritance: down, never up or sideways, by whole segments, in any letter case.
    ("Owner", RG, GROUP_WRITE, SUB, Mgmt, false),
    ("Owner", RG, GROUP_WRITE, "/", Mgmt, false),
    ("Owner", RG, GROUP_WRITE, RG2, Mgmt, false),
    ("Owner", RG2, GROUP_WRITE, RG, Mgmt, false),
    ("Owner", SUB, GROUP_READ, SUB10, Mgmt, false),
    ("Owner", SUB10, GROUP_READ, SUB, Mgmt, false),
    ("Owner", VAULT, KV_WRITE, VAULT2, Mgmt, false),
    ("Owner", VAULT, KV_WRITE, RG, Mgmt, false),
    ("Owner", VAULT, KV_WRITE, "/subscriptions/s1/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/v/secrets/a", Mgmt, true),
    ("Owner", RG, GROUP_WRITE, "/SUBSCRIPTIONS/S1/resourcegroups/RG", Mgmt, true),
    ("Owner", "/Subscriptions/S1/ResourceGroups/Rg", KV_WRITE, VAULT, Mgmt, true),
    ("Owner", RG, "MICROSOFT.KEYVAULT/VAULTS/WRITE", VAULT, Mgmt, true),
    ("Owner", RG, GROUP_READ, "/subscriptions/s1/resourceGroups/rg/", Mgmt, true),
    ("Owner", RG, GROUP_WRITE, "/subscriptions/s1/resourceGroups/rg.old", Mgmt, false),
    ("Owner", RG, GROUP_WRITE, "subscriptions/s1/resourceGroups/rg", Mgmt, false),
    // Contributor: everything but giving access, and nothing of the directory or of service accounts.
    ("Contributor", SUB, ID_WRITE, IDENTITY, Mgmt, true),
    ("Contributor", SUB, FIC_WRITE, IDENTITY, Mgmt, true),
    ("Contributor", SUB, GROUP_WRITE, RG, Mgmt, true),
    ("Contributor", "/", RA_READ, RG, Mgmt, true),
    ("Contributor", "/", RD_READ, RG, Mgmt, true),
    ("Contributor", "/", RA_WRITE, RG, Mgmt, false),
    ("Contributor", "/", RA_DELETE, RG, Mgmt, false),
    ("Contributor", "/", RD_WRITE, RG, Mgmt, false),
    ("Contributor", "/", RD_DELETE, "/", Mgmt, false),
    ("Contributor", "/", "Microsoft.Authorization/elevateAccess/action", "/", Mgmt, false),
    ("Contributor", "/", SECRET_GET, VAULT, Data, false),
    ("Contributor", "/", POD_TOKEN, "/", Mgmt, false),
    ("Contributor", "/", "symbolon/SERVICEACCOUNTS/token/action", "/", Mgmt, false),
    ("Contributor", "/", APP_WRITE, "/", Mgmt, false),
    ("Contributor", "/", AUDIT, "/", Mgmt, false),
    // Reader.
    ("Reader", "/", GROUP_READ, RG, Mgmt, true),
    ("Reader", RG, ID_READ, IDENTITY, Mgmt, true),
    ("Reader", RG, FIC_READ, IDENTITY, Mgmt, true),
    ("Reader", RG, RA_READ, VAULT, Mgmt, true),
    ("Reader", "/", ID_WRITE, IDENTITY, Mgmt, false),
    ("Reader", "/", ID_ASSIGN, IDENTITY, Mgmt, false),
    ("Reader", RG, ID_READ, SUB, Mgmt, false),
    ("Reader", "/", KEYVALUE_READ, STORE, Data, false),
    ("Reader", "/", APP_SHOW, "/", Mgmt, false),
    // The two that give access.
    ("User Access Administrator", RG, RA_WRITE, VAULT, Mgmt, true),
    ("User Access Administrator", RG, RA_DELETE, RG, Mgmt, true),
    ("User Access Administrator", RG, RD_WRITE, RG, Mgmt, true),
    ("User Access Administrator", RG, ID_READ, IDENTITY, Mgmt, true),
    ("User Access Administrator", RG, RA_WRITE, SUB, Mgmt, false),
    ("User Access Administrator", RG, RA_WRITE, RG2, Mgmt, false),
    ("User Access Administrator", "/", ID_WRITE, IDENTITY, Mgmt, false),
    ("User Access Administrator", "/", POD_TOKEN, "/", Mgmt, false),
    ("Role Based Access Control Administrator", SUB, RA_WRITE, RG, Mgmt, true),
    ("Role Based Access Control Administrator", SUB, RA_DELETE, RG, Mgmt, true),
    ("Role Based Access Control Administrator", SUB, RD_READ, RG, Mgmt, true),
    ("Role Based Access Control Administrator", SUB, RD_WRITE, RG, Mgmt, false),
    ("Role Based Access Control Administrator", SUB, "Microsoft.Authorization/policyAssignments/write", RG, Mgmt, false),
    // Managed identities.
    ("Managed Identity Contributor", RG, ID_WRITE, IDENTITY, Mgmt, true),
    ("Managed Identity Contributor", RG, ID_DELETE, IDENTITY, Mgmt, true),
    ("Managed Identity Contributor", RG, FIC_WRITE, IDENTITY, Mgmt, true),
    ("Managed Identity Contributor", RG, FIC_DELETE, IDENTITY, Mgmt, true),
    ("Managed Identity Contributor", RG, GROUP_READ, RG, Mgmt, true),
    ("Managed Identity Contributor", RG, RA_READ, RG, Mgmt, true),
    ("Managed Identity Contributor", RG, RA_WRITE, IDENTITY, Mgmt, false),
    ("Managed Identity Contributor", RG, ID_ASSIGN, IDENTITY, Mgmt, false),
    ("Managed Identity Contributor", RG, GROUP_WRITE, RG, Mgmt, false),
    ("Managed Identity Operator", RG, ID_READ, IDENTITY, Mgmt, true),
    ("Managed Identity Operator", RG, ID_ASSIGN, IDENTITY, Mgmt, true),
    ("Managed Identity Operator", RG, FIC_READ, IDENTITY, Mgmt, true),
    ("Managed Identity Operator", RG, ID_WRITE, IDENTITY, Mgmt, false),
    ("Managed Identity Operator", RG, FIC_WRITE, IDENTITY, Mgmt, false),
    ("Managed Identity Operator", RG, ID_DELETE, IDENTITY, Mgmt, false),
    // Key Vault.
    ("Key Vault Administrator", VAULT, SECRET_GET, VAULT, Data, true),
    ("Key Vault Administrator", VAULT, KEY_SIGN, VAULT, Data, true),
    ("Key Vault Administrator", VAULT, KV_WRITE, VAULT, Mgmt, false),
    ("Key Vault Administrator", VAULT, SECRET_GET, VAULT2, Data, false),
    ("Key Vault Secrets Officer", RG, SECRET_SET, VAULT, Data, true),
    ("Key Vault Secrets Officer", RG, SECRET_DELETE, VAULT, Data, true),
    ("Key Vault Secrets Officer", RG, SECRET_PURGE, VAULT, Data, true),
    ("Key Vault Secrets Officer", RG, KEY_SIGN, VAULT, Data, false),
    ("Key Vault Secrets Officer", RG, SECRET_SET, VAULT, Mgmt, false),
    ("Key Vault Secrets User", VAULT, SECRET_GET, VAULT, Data, true),
    ("Key Vault Secrets User", VAULT, SECRET_META, VAULT, Data, true),
    ("Key Vault Secrets User", VAULT, SECRET_SET, VAULT, Data, false),
    ("Key Vault Secrets User", VAULT, KV_READ, VAULT, Mgmt, false),
];

#[rustfmt::skip]
const DATA_AND_STORES: [Row; 21] = [
    ("Key Vault Reader", VAULT, SECRET_META, VAULT, Data, true),
    ("Key Vault Reader", VAULT, KEY_READ, VAULT, Data, true),
    ("Key Vault Reader", VAULT, SECRET_GET, VAULT, Data, false),
    ("Key Vault Reader", VAULT, KV_READ, VAULT, Mgmt, true),
    ("Key Vault Contributor", RG, KV_WRITE, VAULT, Mgmt, true),
    ("Key Vault Contributor", RG, SECRET_GET, VAULT, Data, false),
    ("Key Vault Contributor", "/", KV_PURGE, "/", Mgmt, false),
    ("Key Vault Contributor", RG, HSM_WRITE, RG, Mgmt, false),
    ("App Configuration Data Owner", STORE, KEYVALUE_READ, STORE, Data, true),
    ("App Configuration Data Owner", STORE, KEYVALUE_WRITE, STORE, Data, true),
    ("App Configuration Data Owner", STORE, KEYVALUE_DELETE, STORE, Data, true),
    ("App Configuration Data Owner", STORE, SNAPSHOT_ARCHIVE, STORE, Data, true),
    ("App Configuration Data Owner", STORE, SAS, STORE, Data, false),
    ("App Configuration Data Owner", STORE, AC_READ, STORE, Mgmt, false),
    ("App Configuration Data Reader", STORE, KEYVALUE_READ, STORE, Data, true),
    ("App Configuration Data Reader", STORE, KEYVALUE_WRITE, STORE, Data, false),
    ("App Configuration Contributor", RG, AC_WRITE, STORE, Mgmt, true),
    ("App Configuration Contributor", RG, KEYVALUE_READ, STORE, Data, false),
    ("App Configuration Contributor", "/", AC_PURGE, "/", Mgmt, false),
    ("App Configuration Reader", RG, AC_READ, STORE, Mgmt, true),
    ("App Configuration Reader", RG, AC_WRITE, STORE, Mgmt, false),
];

#[rustfmt::skip]
const CUSTOM: [Row; 23] = [
    ("all but deleting", RG, ID_WRITE, IDENTITY, Mgmt, true),
    ("all but deleting", RG, ID_DELETE, IDENTITY, Mgmt, false),
    ("all but deleting", RG, "MICROSOFT.MANAGEDIDENTITY/USERASSIGNEDIDENTITIES/DELETE", IDENTITY, Mgmt, false),
    ("all but deleting", "/", POD_TOKEN, "/", Mgmt, false),
    ("all but deleting", "/", APP_WRITE, "/", Mgmt, false),
    ("secrets but not purging", VAULT, SECRET_GET, VAULT, Data, true),
    ("secrets but not purging", VAULT, SECRET_PURGE, VAULT, Data, false),
    ("secrets but not purging", VAULT, SECRET_GET, VAULT, Mgmt, false),
    ("secrets but not purging", VAULT, KV_READ, VAULT, Mgmt, false),
    ("pod tokens", "/", POD_TOKEN, "/", Mgmt, true),
    ("pod tokens", "/", AUDIT, "/", Mgmt, false),
    ("pod tokens", "/", APP_WRITE, "/", Mgmt, false),
    ("pod tokens", RG, POD_TOKEN, "/", Mgmt, false),
    ("all of Symbolon", "/", POD_TOKEN, "/", Mgmt, true),
    ("all of Symbolon", "/", AUDIT, "/", Mgmt, true),
    ("all of Symbolon", "/", "Symbolon/serviceAccounts/delete", "/", Mgmt, false),
    ("wildcards in disguise", "/", POD_TOKEN, "/", Mgmt, false),
    ("wildcards in disguise", "/", APP_SHOW, "/", Mgmt, false),
    ("wildcards in disguise", "/", "Symbolon/audit/token/action", "/", Mgmt, false),
    ("only in the group", RG, ID_READ, IDENTITY, Mgmt, true),
    ("only in the group", SUB, ID_READ, IDENTITY, Mgmt, false),
    ("only in the group", "/", ID_READ, IDENTITY, Mgmt, false),
    ("a role that nobody made", "/", ID_READ, IDENTITY, Mgmt, false),
];

fn custom(name: &str) -> Option<RoleDefinition> {
    let list = |patterns: &[&str]| patterns.iter().map(|&pattern| pattern.to_owned()).collect();
    let permission = |actions: &[&str], not_actions: &[&str]| Permission {
        actions: list(actions),
        not_actions: list(not_actions),
        ..Permission::default()
    };
    let (permission, scope) = match name {
        "all but deleting" => (permission(&["*"], &["*/delete"]), "/"),
        "secrets but not purging" => {
            let (data_actions, not_data_actions) =
                (list(&["Microsoft.KeyVault/vaults/secrets/*"]), list(&["*/purge/action"]));
            (Permission { data_actions, not_data_actions, ..Permission::default() }, SUB)
        }
        "pod tokens" => (permission(&["Symbolon/serviceAccounts/token/action"], &[]), "/"),
        "all of Symbolon" => (permission(&["symbolon/*"], &["*/delete"]), "/"),
        "wildcards in disguise" => {
            (permission(&["*/token/action", "S*", "*ymbolon/*", "Microsoft.*", "*/show/action"], &[]), "/")
        }
        "only in the group" => (permission(&["*/read"], &[]), RG),
        _ => return None,
    };
    Some(RoleDefinition {
        id: Uuid::from_u128(7),
        name: name.into(),
        description: String::new(),
        kind: RoleType::Custom,
        assignable_scopes: vec![scope.into()],
        permissions: vec![permission],
    })
}

fn given(role: Uuid, scope: &str) -> RoleAssignment {
    let id = Uuid::nil();
    RoleAssignment { id, tenant: TenantId::new(id), principal: ObjectId::new(id), role, scope: scope.into() }
}

fn id(name: &str) -> Uuid {
    built_in::all().iter().find(|role| role.name == name).map_or(Uuid::from_u128(7), |role| role.id)
}

#[test]
fn every_row_is_as_the_documentation_says() {
    for (role, assigned, action, scope, kind, expected) in BUILT_IN.into_iter().chain(DATA_AND_STORES).chain(CUSTOM) {
        let known = |wanted: Uuid| custom(role).filter(|found| found.id == wanted).map(Arc::new);
        let allowed = role::allows(&[given(id(role), assigned)], known, Wanted { action, kind, scope });
        assert_eq!(allowed, expected, "{role} at {assigned}: {action} ({kind:?}) at {scope}");
    }
}

#[test]
fn every_row_names_a_role_that_there_is() {
    for (role, ..) in BUILT_IN.into_iter().chain(DATA_AND_STORES) {
        assert!(built_in::all().iter().any(|found| found.name == role), "{role}");
    }
}

#[test]
fn what_one_role_takes_back_another_may_still_allow() {
    let known = |_| custom("all but deleting").map(Arc::new);
    let wanted = Wanted { action: ID_DELETE, kind: Mgmt, scope: IDENTITY };
    let (without, with) = (given(Uuid::from_u128(7), "/"), given(id("Managed Identity Contributor"), RG));
    assert!(!role::allows(std::slice::from_ref(&without), known, wanted));
    assert!(role::allows(&[without, with], known, wanted));
}

#[test]
fn without_a_role_nothing_is_allowed() {
    assert!(!role::allows(&[], |_| None, Wanted { action: GROUP_READ, kind: Mgmt, scope: RG }));
}

#[test]
fn a_custom_role_never_stands_in_for_a_built_in_one() {
    let generous = |_| {
        let actions = vec!["*".to_owned()];
        let everything = Permission { actions: actions.clone(), data_actions: actions, ..Permission::default() };
        Some(Arc::new(RoleDefinition { permissions: vec![everything], ..custom("all but deleting")? }))
    };
    let wanted = Wanted { action: ID_WRITE, kind: Mgmt, scope: IDENTITY };
    assert!(!role::allows(&[given(id("Reader"), "/")], generous, wanted));
}

#[test]
fn the_ids_of_built_in_roles_are_different() {
    let mut ids: Vec<Uuid> = built_in::all().iter().map(|role| role.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), built_in::all().len());
    assert_eq!(built_in::find(role::OWNER).unwrap().name, "Owner");
}

#[test]
fn a_pattern_of_many_stars_is_matched_at_once() {
    let action = "a/".repeat(20_000);
    let pattern = "*a/".repeat(5_000) + "b";
    let permission = Permission { actions: vec![pattern], ..Permission::default() };
    let role = Arc::new(RoleDefinition { permissions: vec![permission], ..custom("all but deleting").unwrap() });
    let known = |_| Some(role.clone());
    assert!(!role::allows(&[given(Uuid::from_u128(7), "/")], known, Wanted { action: &action, kind: Mgmt, scope: RG }));
}
