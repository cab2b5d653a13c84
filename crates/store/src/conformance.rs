//! What every implementation of the ports must do: each sentence of their contracts is a case.
//!
//! A case makes tenants of its own, so that all may run on one database.

use std::{collections::BTreeMap, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use symbolon_core::{
    ClientId, ObjectId, SubscriptionId, Tenant, TenantId,
    application::{Application, ClientCertificate, ClientSecret, SecretHash, ServicePrincipal, TokenVersion},
    arm_id::IdentityPath,
    audit::{AuditRecord, Facts, Operation, Outcome},
    client::Client,
    federated_credential::FederatedCredential,
    managed_identity::ManagedIdentity,
    ports::{
        AuditLog, Directory,
        keys::SigningKeyStore,
        management::{Condition, CredentialTerms, Holder, ManagementStore, ResourceGroup, StoreError, Subscription},
    },
    role::{self, RoleAssignment},
    tenant::TenantSettings,
};
use symbolon_issuer::port::ServiceAccountStore;
use uuid::Uuid;

mod applications;
mod audit;
mod credentials;
mod identities;
mod keys;
mod roles;
mod service_accounts;
mod tenants;

/// All ports that a store implements.
pub(crate) trait Everything:
    Directory + ManagementStore + SigningKeyStore + AuditLog + ServiceAccountStore
{
}

impl<S: Directory + ManagementStore + SigningKeyStore + AuditLog + ServiceAccountStore> Everything for S {}

/// One test for each case, on a store of its own that `$open` makes.
macro_rules! suite {
    ($open:path: $($module:ident { $($case:ident),* $(,)? })*) => { $(
        mod $module { $(
            #[tokio::test]
            async fn $case() {
                let opened = $open().await;
                crate::conformance::$module::$case(&opened.store).await;
            }
        )* }
    )* };
}

mod sqlite {
    suite! { crate::tests::support::open:
        tenants {
            a_tenant_is_created_once_and_updated_after_that,
            tenants_are_listed_in_the_order_in_which_they_were_made,
            a_domain_belongs_to_one_tenant,
            a_domain_that_was_given_up_is_free,
            a_subscription_belongs_to_one_tenant,
            a_resource_group_is_found_in_any_spelling,
            a_resource_group_needs_its_subscription,
            resource_groups_are_listed_by_name,
            a_resource_group_is_written_only_at_the_version_that_is_asked_for,
            a_deleted_resource_group_takes_identities_and_roles_with_it,
            a_trusted_issuer_is_created_once_and_updated_after_that,
            a_trusted_issuer_is_unknown_to_other_tenants,
        }
        identities {
            an_identity_needs_a_resource_group_of_its_own_tenant,
            an_identity_that_is_put_again_keeps_its_ids,
            an_identity_is_found_in_any_spelling_and_by_its_own_tenant_only,
            the_exchange_sees_an_identity_before_the_write_returns,
            ids_that_another_client_has_are_refused,
            tags_are_replaced_as_a_whole,
            identities_are_listed_by_path_in_pages,
            a_deleted_identity_takes_credentials_and_roles_with_it,
            an_identity_is_written_only_at_the_version_that_is_asked_for,
            a_role_is_given_once,
        }
        credentials {
            a_credential_is_created_once_and_replaced_after_that,
            issuer_and_subject_stand_once_on_a_holder,
            the_limit_counts_new_credentials_only,
            a_credential_needs_its_holder,
            credentials_are_listed_by_lower_case_name_in_pages,
            the_exchange_sees_credentials_in_the_order_in_which_they_were_made,
            a_deleted_credential_is_gone,
            a_write_whose_condition_is_not_true_changes_nothing,
            a_credential_that_is_made_again_has_another_id,
            the_second_from_which_a_credential_counts_is_kept,
            expressions_are_bounded_whatever_the_tenant_allows,
            a_credential_that_accepts_the_same_goes_on_counting,
            an_expression_stands_in_the_place_of_a_subject,
        }
        applications {
            an_application_comes_back_as_it_was_created,
            ids_and_uris_that_others_have_are_refused,
            a_resource_is_found_by_its_id_and_by_its_uri_in_any_letter_case,
            an_identifier_uri_never_shadows_an_app_id,
            a_service_principal_is_set_once_and_changed,
            a_deleted_service_principal_takes_its_roles_with_it,
            the_principal_of_an_identity_leads_to_its_client,
            an_update_changes_what_it_names_and_nothing_else,
            an_update_that_takes_another_s_uri_changes_nothing,
            secrets_and_certificates_come_and_go,
            certificates_are_ready_to_verify_with,
            a_deleted_application_takes_everything_with_it,
            applications_are_listed_by_display_name,
        }
        roles {
            a_role_is_seen_before_its_write_returns,
            a_role_s_name_is_free_in_its_tenant,
            a_role_is_unknown_to_other_tenants,
            a_role_that_is_given_stays,
            an_assignment_comes_back_as_it_was_made,
            an_assignment_needs_its_principal_and_its_role,
            what_an_assignment_grants_is_fixed,
            the_last_owner_of_a_tenant_stays,
            an_assignment_needs_the_resource_group_of_its_scope,
            assignments_are_listed_by_id_in_pages,
            roles_on_an_identity_end_with_it,
        }
        keys {
            signing_keys_come_back_oldest_first,
            a_signing_key_is_added_once,
            one_signing_key_is_active,
        }
        service_accounts {
            a_service_account_is_created_once,
            annotations_are_replaced_as_a_whole,
            service_accounts_are_listed_by_namespace_and_name,
            a_deleted_service_account_is_gone,
        }
        audit {
            the_newest_entries_come_oldest_first,
            entries_after_a_number_come_from_there_on,
            a_tenant_sees_its_own_entries_only,
            entries_of_no_tenant_come_when_they_are_asked_for,
            a_record_comes_back_as_it_was_written,
            at_most_a_thousand_entries_come_at_once,
        }
    }
}

pub(crate) fn guid() -> Uuid {
    Uuid::new_v4()
}

pub(crate) fn a_tenant() -> Tenant {
    let id = TenantId::new(guid());
    Tenant { id, display_name: "Contoso".into(), domains: Vec::new(), settings: TenantSettings::default() }
}

/// A tenant in the store.
pub(crate) async fn new_tenant(store: &dyn Everything) -> TenantId {
    let tenant = a_tenant();
    store.put_tenant(&tenant).await.unwrap();
    tenant.id
}

/// A tenant with a subscription and the resource group `Group`.
pub(crate) async fn new_group(store: &dyn Everything) -> (TenantId, SubscriptionId) {
    let tenant = new_tenant(store).await;
    let id = SubscriptionId::new(guid());
    let subscription = Subscription { id, tenant, display_name: "Main".into() };
    store.put_subscription(&subscription).await.unwrap();
    let group = ResourceGroup {
        subscription: id,
        name: "Group".into(),
        location: "here".into(),
        tags: BTreeMap::new(),
        version: 0,
    };
    store.put_resource_group(&group, Condition::Always).await.unwrap();
    (tenant, id)
}

pub(crate) fn an_identity(tenant: TenantId, subscription: SubscriptionId, name: &str) -> ManagedIdentity {
    ManagedIdentity {
        tenant,
        path: IdentityPath { subscription, resource_group: "Group".into(), name: name.into() },
        client_id: ClientId::new(guid()),
        principal_id: ObjectId::new(guid()),
        location: "here".into(),
        tags: BTreeMap::new(),
        version: 0,
    }
}

/// An identity in a tenant of its own.
pub(crate) async fn new_identity(store: &dyn Everything) -> ManagedIdentity {
    let (tenant, subscription) = new_group(store).await;
    store.put_identity(&an_identity(tenant, subscription, "identity"), Condition::Always).await.unwrap().into_inner()
}

/// A holder of federated credentials in a tenant of its own.
pub(crate) async fn new_holder(store: &dyn Everything) -> Holder {
    let identity = new_identity(store).await;
    Holder { tenant: identity.tenant, client_id: identity.client_id }
}

/// Terms without a limit.
pub(crate) fn unlimited() -> CredentialTerms {
    CredentialTerms::default()
}

/// Terms that allow a holder this many credentials.
pub(crate) fn at_most(limit: u32) -> CredentialTerms {
    CredentialTerms { limit: Some(limit), ..CredentialTerms::default() }
}

pub(crate) fn a_credential(name: &str, subject: &str) -> FederatedCredential {
    FederatedCredential::new(name, "https://issuer.example", subject, &["audience".into()], None).unwrap()
}

pub(crate) fn an_application(tenant: TenantId, display_name: &str) -> Application {
    Application {
        tenant,
        object_id: ObjectId::new(guid()),
        app_id: ClientId::new(guid()),
        display_name: display_name.into(),
        identifier_uris: Vec::new(),
        token_version: TokenVersion::V2,
        created: 1_700_000_000,
        service_principal: None,
        secrets: Vec::new(),
        certificates: Vec::new(),
        version: 0,
    }
}

pub(crate) fn a_principal() -> ServicePrincipal {
    ServicePrincipal { object_id: ObjectId::new(guid()), enabled: true }
}

pub(crate) fn a_secret(value: &str) -> ClientSecret {
    ClientSecret {
        key_id: ObjectId::new(guid()),
        display_name: Some("laptop".into()),
        hint: value.chars().take(3).collect(),
        start: 1,
        end: 2,
        hash: SecretHash::new(value, "salt"),
    }
}

pub(crate) fn a_certificate() -> ClientCertificate {
    let made = rcgen::generate_simple_self_signed(["client".to_owned()]).unwrap();
    ClientCertificate {
        key_id: ObjectId::new(guid()),
        display_name: None,
        start: 1,
        end: 2,
        certificate: STANDARD.encode(made.cert.der()),
        x5t: "x5t".into(),
        x5t_s256: "x5t#S256".into(),
    }
}

pub(crate) fn a_role(tenant: TenantId, principal: ObjectId, scope: &str) -> RoleAssignment {
    RoleAssignment { id: guid(), tenant, principal, role: role::OWNER, scope: scope.into() }
}

pub(crate) fn a_record(tenant: Option<TenantId>, name: &str) -> AuditRecord {
    AuditRecord {
        time: 1_700_000_000_123,
        operation: Operation::TokenExchange,
        outcome: Outcome::Refused,
        tenant,
        trace_id: name.into(),
        correlation_id: "correlation".into(),
        code: Some(700_213),
        reason: None,
        nearest: None,
        hint: None,
        facts: Facts { client_id: Some("client".into()), ..Facts::default() },
    }
}

fn client(store: &dyn Everything, holder: Holder) -> Option<Arc<Client>> {
    store.client(holder.tenant, holder.client_id)
}

pub(crate) fn is_exists<T: std::fmt::Debug>(result: Result<T, StoreError>, expected: &str) {
    match result.unwrap_err() {
        StoreError::Exists { what, .. } => assert_eq!(what, expected),
        other => panic!("expected that the {expected} exists, found {other}"),
    }
}

pub(crate) fn is_not_found<T: std::fmt::Debug>(result: Result<T, StoreError>, expected: &str) {
    match result.unwrap_err() {
        StoreError::NotFound { what, .. } => assert_eq!(what, expected),
        other => panic!("expected that the {expected} is not found, found {other}"),
    }
}
