//! The port of the management plane: each method is one read, or one change.

use std::collections::BTreeMap;

use async_trait::async_trait;
use symbolon_core::{
    ClientId, ObjectId, SubscriptionId, Tenant, TenantId,
    application::{Application, ClientCertificate, ClientSecret, ServicePrincipal},
    arm_id::IdentityPath,
    audit::{AuditEntry, AuditQuery},
    federated_credential::FederatedCredential,
    issuer::TrustedIssuer,
    managed_identity::ManagedIdentity,
    ports::management::{
        ApplicationChanges, Condition, CredentialTerms, Holder, ManagementStore, NewTenant, RecordedAssignment,
        RecordedRole, ResourceGroup, StoreError, StoredCredential, Subscription, Written,
    },
    role::RoleAssignment,
};
use uuid::Uuid;

use crate::{
    Store, applications, audit, clients, federated_credentials, identities,
    load::{self, Scope},
    resource_groups, roles, tenants, trusted_issuers,
};

/// Begins a change, runs the function on it and ends it by what the function says.
macro_rules! change {
    ($store:expr, $function:path $(, $argument:expr)*) => {{
        let mut change = $store.change().await?;
        let result = $function(&mut change $(, $argument)*).await;
        change.end(result).await
    }};
}

/// Runs the function on a connection that only reads.
macro_rules! read {
    ($store:expr, $function:path $(, $argument:expr)*) => {{
        let mut reader = $store.reader().await?;
        Ok($function(&mut reader $(, $argument)*).await?)
    }};
}

#[async_trait]
impl ManagementStore for Store {
    async fn tenants(&self) -> Result<Vec<Tenant>, StoreError> {
        let mut reader = self.reader().await?;
        Ok(tenants::all(&mut reader).await?)
    }

    async fn put_tenant(&self, tenant: &Tenant) -> Result<Written<()>, StoreError> {
        change!(self, tenants::put, tenant)
    }

    async fn create_tenant(&self, new: &NewTenant) -> Result<(), StoreError> {
        change!(self, tenants::create, new)
    }

    async fn subscriptions(&self, tenant: TenantId) -> Result<Vec<Subscription>, StoreError> {
        read!(self, tenants::subscriptions, tenant)
    }

    async fn put_subscription(&self, subscription: &Subscription) -> Result<Written<()>, StoreError> {
        change!(self, tenants::put_subscription, subscription)
    }

    async fn resource_group(&self, subscription: SubscriptionId, name: &str) -> Result<ResourceGroup, StoreError> {
        read!(self, resource_groups::one, subscription, name)
    }

    async fn resource_groups(&self, subscription: SubscriptionId) -> Result<Vec<ResourceGroup>, StoreError> {
        read!(self, resource_groups::all, subscription)
    }

    async fn put_resource_group(
        &self,
        group: &ResourceGroup,
        condition: Condition,
    ) -> Result<Written<ResourceGroup>, StoreError> {
        change!(self, resource_groups::put, group, condition)
    }

    async fn set_resource_group_tags(
        &self,
        subscription: SubscriptionId,
        name: &str,
        tags: &BTreeMap<String, String>,
        condition: Condition,
    ) -> Result<ResourceGroup, StoreError> {
        change!(self, resource_groups::set_tags, (subscription, name), tags, condition)
    }

    async fn delete_resource_group(
        &self,
        subscription: SubscriptionId,
        name: &str,
        condition: Condition,
    ) -> Result<bool, StoreError> {
        change!(self, resource_groups::delete, (subscription, name), condition)
    }

    async fn put_identity(
        &self,
        identity: &ManagedIdentity,
        condition: Condition,
    ) -> Result<Written<ManagedIdentity>, StoreError> {
        change!(self, identities::put, identity, condition)
    }

    async fn set_identity_tags(
        &self,
        tenant: TenantId,
        path: &IdentityPath,
        tags: &BTreeMap<String, String>,
        condition: Condition,
    ) -> Result<ManagedIdentity, StoreError> {
        change!(self, identities::set_tags, (tenant, path), tags, condition)
    }

    async fn identity(&self, tenant: TenantId, path: &IdentityPath) -> Result<ManagedIdentity, StoreError> {
        read!(self, identities::one, tenant, path)
    }

    async fn identities(
        &self,
        tenant: TenantId,
        subscription: SubscriptionId,
        resource_group: Option<&str>,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<ManagedIdentity>, StoreError> {
        read!(self, identities::list, tenant, (subscription, resource_group), after, limit)
    }

    async fn delete_identity(
        &self,
        tenant: TenantId,
        path: &IdentityPath,
        condition: Condition,
    ) -> Result<bool, StoreError> {
        change!(self, identities::delete, tenant, path, condition)
    }

    async fn put_federated_credential(
        &self,
        holder: Holder,
        credential: &FederatedCredential,
        terms: CredentialTerms,
    ) -> Result<Written<StoredCredential>, StoreError> {
        change!(self, federated_credentials::put, holder, credential, terms)
    }

    async fn federated_credential(&self, holder: Holder, name: &str) -> Result<StoredCredential, StoreError> {
        read!(self, federated_credentials::one, holder, name)
    }

    async fn federated_credentials(
        &self,
        holder: Holder,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<StoredCredential>, StoreError> {
        read!(self, federated_credentials::list, holder, after, limit)
    }

    async fn delete_federated_credential(
        &self,
        holder: Holder,
        name: &str,
        condition: Condition,
    ) -> Result<bool, StoreError> {
        change!(self, federated_credentials::delete, holder, name, condition)
    }

    async fn create_application(&self, application: &Application) -> Result<(), StoreError> {
        change!(self, applications::create, application)
    }

    async fn applications(&self, tenant: TenantId) -> Result<Vec<Application>, StoreError> {
        read!(self, load::applications, Scope::Tenant(tenant))
    }

    async fn application(&self, tenant: TenantId, id: ObjectId) -> Result<Application, StoreError> {
        read!(self, applications::one, tenant, id)
    }

    async fn update_application(
        &self,
        tenant: TenantId,
        id: ObjectId,
        changes: &ApplicationChanges,
    ) -> Result<(), StoreError> {
        change!(self, applications::update, tenant, id, changes)
    }

    async fn delete_application(&self, tenant: TenantId, id: ObjectId) -> Result<bool, StoreError> {
        change!(self, applications::delete, tenant, id)
    }

    async fn put_service_principal(
        &self,
        tenant: TenantId,
        application: ObjectId,
        principal: &ServicePrincipal,
    ) -> Result<(), StoreError> {
        change!(self, applications::put_principal, tenant, application, principal)
    }

    async fn delete_service_principal(&self, tenant: TenantId, application: ObjectId) -> Result<bool, StoreError> {
        change!(self, applications::delete_principal, tenant, application)
    }

    async fn client_of_principal(&self, tenant: TenantId, principal: ObjectId) -> Result<Option<ClientId>, StoreError> {
        read!(self, clients::of_principal, tenant, principal)
    }

    async fn add_secret(
        &self,
        tenant: TenantId,
        application: ObjectId,
        secret: &ClientSecret,
    ) -> Result<(), StoreError> {
        change!(self, applications::add_secret, tenant, application, secret)
    }

    async fn add_certificate(
        &self,
        tenant: TenantId,
        application: ObjectId,
        certificate: &ClientCertificate,
    ) -> Result<(), StoreError> {
        change!(self, applications::add_certificate, tenant, application, certificate)
    }

    async fn remove_key(&self, tenant: TenantId, application: ObjectId, key: ObjectId) -> Result<bool, StoreError> {
        change!(self, applications::remove_key, tenant, application, key)
    }

    async fn put_trusted_issuer(&self, issuer: &TrustedIssuer) -> Result<Written<()>, StoreError> {
        change!(self, trusted_issuers::put, issuer)
    }

    async fn trusted_issuers(&self, tenant: TenantId) -> Result<Vec<TrustedIssuer>, StoreError> {
        read!(self, trusted_issuers::all, tenant)
    }

    async fn trusted_issuer(&self, tenant: TenantId, issuer: &str) -> Result<TrustedIssuer, StoreError> {
        read!(self, trusted_issuers::one, tenant, issuer)
    }

    async fn delete_trusted_issuer(&self, tenant: TenantId, issuer: &str) -> Result<bool, StoreError> {
        change!(self, trusted_issuers::delete, tenant, issuer)
    }

    async fn add_role_assignment(&self, assignment: &RoleAssignment) -> Result<(), StoreError> {
        change!(self, clients::add_role, assignment)
    }

    async fn put_assignment(&self, assignment: &RecordedAssignment) -> Result<Written<RecordedAssignment>, StoreError> {
        change!(self, roles::put_assignment, assignment)
    }

    async fn assignment(&self, tenant: TenantId, id: Uuid) -> Result<RecordedAssignment, StoreError> {
        read!(self, roles::assignment, tenant, id)
    }

    async fn assignments(
        &self,
        tenant: TenantId,
        principal: Option<ObjectId>,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<RecordedAssignment>, StoreError> {
        read!(self, roles::assignments, tenant, principal, after, limit)
    }

    async fn delete_assignment(&self, tenant: TenantId, id: Uuid) -> Result<bool, StoreError> {
        change!(self, roles::delete_assignment, tenant, id)
    }

    async fn put_custom_role(&self, role: &RecordedRole) -> Result<Written<RecordedRole>, StoreError> {
        change!(self, roles::put_definition, role)
    }

    async fn custom_role(&self, tenant: TenantId, id: Uuid) -> Result<RecordedRole, StoreError> {
        read!(self, roles::definition, tenant, id)
    }

    async fn custom_roles(&self, tenant: TenantId) -> Result<Vec<RecordedRole>, StoreError> {
        read!(self, roles::definitions, tenant)
    }

    async fn delete_custom_role(&self, tenant: TenantId, id: Uuid) -> Result<bool, StoreError> {
        change!(self, roles::delete_definition, tenant, id)
    }

    async fn audit(&self, tenant: TenantId, query: &AuditQuery) -> Result<Vec<AuditEntry>, StoreError> {
        read!(self, audit::list, tenant, query)
    }
}
