//! The directory as the management plane writes it.

use std::{collections::BTreeMap, error::Error};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use crate::{
    ClientId, ObjectId, SubscriptionId, Tenant, TenantId,
    application::{Application, ClientCertificate, ClientSecret, ServicePrincipal, TokenVersion},
    arm_id::IdentityPath,
    audit::{AuditEntry, AuditQuery},
    federated_credential::FederatedCredential,
    issuer::TrustedIssuer,
    managed_identity::ManagedIdentity,
    role::{RoleAssignment, RoleDefinition},
};

/// Whether a PUT made something new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written<T> {
    /// It was not there before (HTTP 201).
    Created(T),
    /// It was there and was replaced (HTTP 200).
    Updated(T),
}

impl<T> Written<T> {
    /// What was written.
    pub fn into_inner(self) -> T {
        match self {
            Self::Created(inner) | Self::Updated(inner) => inner,
        }
    }
}

/// Who holds federated credentials: an object of the tenant by its client id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Holder {
    /// The tenant.
    pub tenant: TenantId,
    /// The identity's or application's client id.
    pub client_id: ClientId,
}

/// What must be true of the stored thing for a write to happen (RFC 9110, section 13.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    #[default]
    Always,
    /// It is there (`If-Match: *`).
    Exists,
    /// It is not there (`If-None-Match: *`).
    Missing,
    /// It is at this version (`If-Match: "…"`).
    Version(i64),
    /// It is at one of these versions (`If-Match: "…", "…"`); no version is negative, so the rest
    /// is filled with such numbers.
    OneOf([i64; MAX_CONDITION_VERSIONS]),
}

/// The most versions that one condition names.
pub const MAX_CONDITION_VERSIONS: usize = 8;

impl Condition {
    /// Checks it against the version that is stored, none where nothing is.
    ///
    /// # Errors
    /// [`StoreError::ConditionFailed`]
    pub fn check(self, what: &'static str, found: Option<i64>) -> Result<(), StoreError> {
        let holds = match self {
            Self::Always => true,
            Self::Exists => found.is_some(),
            Self::Missing => found.is_none(),
            Self::Version(version) => found == Some(version),
            Self::OneOf(versions) => found.is_some_and(|found| versions.contains(&found)),
        };
        if holds { Ok(()) } else { Err(StoreError::ConditionFailed { what }) }
    }
}

/// The terms on which a federated credential is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CredentialTerms {
    /// How many credentials the holder may have; none means no limit.
    pub limit: Option<u32>,
    /// What must be true of the credential of that name.
    pub condition: Condition,
}

/// A federated credential as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCredential {
    /// Its own id, that of Graph; it stays for as long as the credential does.
    pub id: Uuid,
    /// Rises with every write.
    pub version: i64,
    /// The credential.
    pub credential: FederatedCredential,
}

/// What is to change of an application; none leaves it as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApplicationChanges {
    /// What people call it.
    pub display_name: Option<String>,
    /// All names under which tokens for it are asked.
    pub identifier_uris: Option<Vec<String>>,
    /// The version of the tokens that it wants as a resource.
    pub token_version: Option<TokenVersion>,
    /// All its certificates; one whose key id is known stays as it was registered.
    pub certificates: Option<Vec<ClientCertificate>>,
}

/// A subscription: a container of resource groups in one tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    /// Its id.
    pub id: SubscriptionId,
    /// The tenant that it belongs to.
    pub tenant: TenantId,
    /// What people call it.
    pub display_name: String,
}

/// A resource group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceGroup {
    /// The subscription that it belongs to.
    pub subscription: SubscriptionId,
    /// Its name, compared without regard to letter case.
    pub name: String,
    /// The Azure region that its creator named.
    pub location: String,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Rises with every write.
    pub version: i64,
}

/// A role assignment with what is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedAssignment {
    /// What it grants.
    pub assignment: RoleAssignment,
    /// What kind of principal has the role, in Azure's words.
    pub principal_type: String,
    /// What people say of it.
    pub description: Option<String>,
    /// The Unix second in which it was made; 0 where that is not known.
    pub created: i64,
    /// The object id of whoever made it; empty where that is not known.
    pub created_by: String,
}

/// A role that a tenant made, with what is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedRole {
    /// The tenant that made it.
    pub tenant: TenantId,
    /// The role.
    pub definition: RoleDefinition,
    /// The Unix second in which it was made.
    pub created: i64,
    /// The object id of whoever made it.
    pub created_by: String,
}

/// A tenant with all that makes it usable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTenant {
    /// The tenant.
    pub tenant: Tenant,
    /// Its first subscription.
    pub subscription: Subscription,
    /// The first resource group in it.
    pub resource_group: ResourceGroup,
    /// The application that administers it.
    pub administrator: Application,
    /// The administrator's role.
    pub role: RoleAssignment,
}

/// Why the store did not do what it was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The thing, or what it hangs on, is not there.
    #[error("{what} `{name}` was not found")]
    NotFound {
        /// What kind of thing.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// It would break a rule of uniqueness.
    #[error("{what} `{name}` exists already")]
    Exists {
        /// What kind of thing, or which combination of fields.
        what: &'static str,
        /// Its name or value.
        name: String,
    },
    /// The issuer and subject of a federated credential stand already on this holder.
    #[error("issuer `{issuer}` and subject `{subject}` exist already, in federated credential `{credential}`")]
    IssuerAndSubjectExist {
        /// The issuer.
        issuer: String,
        /// The subject.
        subject: String,
        /// The credential that has them.
        credential: String,
    },
    /// [`crate::federated_credential::MAX_EXPRESSIONS`] is reached.
    #[error("the limit of {limit} claims matching expressions on one identity or application is reached")]
    TooManyExpressions {
        /// The limit.
        limit: u32,
    },
    /// The last role Owner at `/` of a tenant.
    #[error("this is the tenant's last Owner at `/`, and without one nobody could administer it")]
    LastOwner,
    /// The tenant's limit of federated credentials is reached.
    #[error("the limit of {limit} federated credentials is reached")]
    TooManyCredentials {
        /// The limit.
        limit: u32,
    },
    /// Principal, role and scope of an assignment stay as they were made.
    #[error("the principal, role and scope of a role assignment cannot be changed")]
    AssignmentFixed,
    /// A role that principals have cannot be deleted.
    #[error("the role is given in {assignments} role assignments")]
    RoleAssigned {
        /// How many assignments name it.
        assignments: i64,
    },
    /// Somebody wrote it in between.
    #[error("{what} was changed in between")]
    VersionMismatch {
        /// What kind of thing.
        what: &'static str,
    },
    /// The condition of a write is not true; nothing was written.
    #[error("{what} is not as the condition of the request says")]
    ConditionFailed {
        /// What kind of thing.
        what: &'static str,
    },
    /// The disk is full; nothing was written.
    #[error("the disk that holds the data directory is full")]
    Full,
    /// The database failed; nothing was written.
    #[error("the database failed")]
    Database(#[source] Box<dyn Error + Send + Sync>),
}

/// The directory of all tenants. Every write is durable when it returns, raises the version that
/// invalidates caches, and is seen by this process's [`super::Directory`] before it returns.
///
/// Nothing here checks who asks: callers hold an `Authorized` first.
#[async_trait]
pub trait ManagementStore: Send + Sync {
    /// All tenants.
    async fn tenants(&self) -> Result<Vec<Tenant>, StoreError>;
    /// Writes a tenant; its id and domains must be free or its own.
    async fn put_tenant(&self, tenant: &Tenant) -> Result<Written<()>, StoreError>;
    /// Makes a tenant with all that makes it usable, in one transaction. Its ids and domains must be
    /// free.
    async fn create_tenant(&self, new: &NewTenant) -> Result<(), StoreError>;
    /// All subscriptions of a tenant.
    async fn subscriptions(&self, tenant: TenantId) -> Result<Vec<Subscription>, StoreError>;
    /// Writes a subscription.
    async fn put_subscription(&self, subscription: &Subscription) -> Result<Written<()>, StoreError>;
    /// One resource group, by name without regard to letter case.
    async fn resource_group(&self, subscription: SubscriptionId, name: &str) -> Result<ResourceGroup, StoreError>;
    /// All resource groups of a subscription, ordered by name without regard to letter case.
    async fn resource_groups(&self, subscription: SubscriptionId) -> Result<Vec<ResourceGroup>, StoreError>;
    /// Creates a resource group, or updates location and tags of the one of that name. Returns what
    /// is stored.
    async fn put_resource_group(
        &self,
        group: &ResourceGroup,
        condition: Condition,
    ) -> Result<Written<ResourceGroup>, StoreError>;
    /// Replaces the tags of a resource group.
    async fn set_resource_group_tags(
        &self,
        subscription: SubscriptionId,
        name: &str,
        tags: &BTreeMap<String, String>,
        condition: Condition,
    ) -> Result<ResourceGroup, StoreError>;
    /// Deletes a resource group with its identities, all that hangs on them, and the role
    /// assignments at it and below, in one transaction; false where there was none.
    async fn delete_resource_group(
        &self,
        subscription: SubscriptionId,
        name: &str,
        condition: Condition,
    ) -> Result<bool, StoreError>;

    /// Creates a managed identity, or updates location and tags of the one at the same path (its
    /// ids stay; `identity.client_id` and `principal_id` are then ignored). The path's resource
    /// group must exist. Returns what is stored.
    async fn put_identity(
        &self,
        identity: &ManagedIdentity,
        condition: Condition,
    ) -> Result<Written<ManagedIdentity>, StoreError>;
    /// Replaces the tags of an identity.
    async fn set_identity_tags(
        &self,
        tenant: TenantId,
        path: &IdentityPath,
        tags: &BTreeMap<String, String>,
        condition: Condition,
    ) -> Result<ManagedIdentity, StoreError>;
    /// One managed identity.
    async fn identity(&self, tenant: TenantId, path: &IdentityPath) -> Result<ManagedIdentity, StoreError>;
    /// The identities of a subscription, of one resource group where it is named, ordered by
    /// path, at most `limit` after the path key `after` ([`IdentityPath::key`]).
    async fn identities(
        &self,
        tenant: TenantId,
        subscription: SubscriptionId,
        resource_group: Option<&str>,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<ManagedIdentity>, StoreError>;
    /// Deletes an identity with its federated credentials, its role assignments and those at it;
    /// false where there was none.
    async fn delete_identity(
        &self,
        tenant: TenantId,
        path: &IdentityPath,
        condition: Condition,
    ) -> Result<bool, StoreError>;

    /// Creates or replaces the credential of that name (without regard to letter case). All checks
    /// and the write are one transaction. Returns what is stored.
    async fn put_federated_credential(
        &self,
        holder: Holder,
        credential: &FederatedCredential,
        terms: CredentialTerms,
    ) -> Result<Written<StoredCredential>, StoreError>;
    /// One credential by name.
    async fn federated_credential(&self, holder: Holder, name: &str) -> Result<StoredCredential, StoreError>;
    /// At most `limit` credentials ordered by lower-case name, after `after`;
    /// [`StoreError::NotFound`] where there is no such holder.
    async fn federated_credentials(
        &self,
        holder: Holder,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<StoredCredential>, StoreError>;
    /// Deletes a credential; false where there was none.
    async fn delete_federated_credential(
        &self,
        holder: Holder,
        name: &str,
        condition: Condition,
    ) -> Result<bool, StoreError>;

    /// Creates an application (with the secrets and certificates that it brings). Its ids must be
    /// free in the tenant, and its identifier URIs too, without regard to letter case.
    async fn create_application(&self, application: &Application) -> Result<(), StoreError>;
    /// All applications of a tenant, ordered by display name, then id.
    async fn applications(&self, tenant: TenantId) -> Result<Vec<Application>, StoreError>;
    /// The application with this object id.
    async fn application(&self, tenant: TenantId, id: ObjectId) -> Result<Application, StoreError>;
    /// Changes an application, all of it or nothing. Its identifier URIs must be free in the tenant,
    /// without regard to letter case.
    async fn update_application(
        &self,
        tenant: TenantId,
        id: ObjectId,
        changes: &ApplicationChanges,
    ) -> Result<(), StoreError>;
    /// Deletes an application with everything that hangs on it; false where there was none.
    async fn delete_application(&self, tenant: TenantId, id: ObjectId) -> Result<bool, StoreError>;
    /// Creates its service principal, or changes the one with the same object id; another one is
    /// [`StoreError::Exists`].
    async fn put_service_principal(
        &self,
        tenant: TenantId,
        application: ObjectId,
        principal: &ServicePrincipal,
    ) -> Result<(), StoreError>;
    /// Deletes its service principal with the role assignments; false where there was none.
    async fn delete_service_principal(&self, tenant: TenantId, application: ObjectId) -> Result<bool, StoreError>;
    /// The identity or application whose principal has this object id.
    async fn client_of_principal(&self, tenant: TenantId, principal: ObjectId) -> Result<Option<ClientId>, StoreError>;
    /// Adds a secret.
    async fn add_secret(
        &self,
        tenant: TenantId,
        application: ObjectId,
        secret: &ClientSecret,
    ) -> Result<(), StoreError>;
    /// Adds a certificate.
    async fn add_certificate(
        &self,
        tenant: TenantId,
        application: ObjectId,
        certificate: &ClientCertificate,
    ) -> Result<(), StoreError>;
    /// Removes a secret or certificate by its key id; false where there was none.
    async fn remove_key(&self, tenant: TenantId, application: ObjectId, key: ObjectId) -> Result<bool, StoreError>;

    /// Creates or replaces the registration of an issuer.
    async fn put_trusted_issuer(&self, issuer: &TrustedIssuer) -> Result<Written<()>, StoreError>;
    /// All registrations of a tenant.
    async fn trusted_issuers(&self, tenant: TenantId) -> Result<Vec<TrustedIssuer>, StoreError>;
    /// One registration.
    async fn trusted_issuer(&self, tenant: TenantId, issuer: &str) -> Result<TrustedIssuer, StoreError>;
    /// Deletes a registration; false where there was none.
    async fn delete_trusted_issuer(&self, tenant: TenantId, issuer: &str) -> Result<bool, StoreError>;

    /// Adds a role assignment; the same principal, role and scope twice is [`StoreError::Exists`].
    async fn add_role_assignment(&self, assignment: &RoleAssignment) -> Result<(), StoreError>;
    /// Gives a role to a principal of the tenant, or replaces the description of the assignment that
    /// has the same id, principal, role and scope. Principal and role must be there; all checks and
    /// the write are one transaction. [`StoreError::Exists`] names the id of another assignment of
    /// that principal, role and scope; an id that stands for something else is
    /// [`StoreError::AssignmentFixed`]. Returns what is stored.
    async fn put_assignment(&self, assignment: &RecordedAssignment) -> Result<Written<RecordedAssignment>, StoreError>;
    /// One role assignment.
    async fn assignment(&self, tenant: TenantId, id: Uuid) -> Result<RecordedAssignment, StoreError>;
    /// The role assignments of a tenant, or of one principal of it, ordered by id, at most `limit`
    /// after `after`.
    async fn assignments(
        &self,
        tenant: TenantId,
        principal: Option<ObjectId>,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<RecordedAssignment>, StoreError>;
    /// Takes a role away; false where there was no such assignment.
    async fn delete_assignment(&self, tenant: TenantId, id: Uuid) -> Result<bool, StoreError>;
    /// Creates or replaces a role of the tenant; its name must be free in the tenant, without regard
    /// to letter case. Who made it and when stays. Returns what is stored.
    async fn put_custom_role(&self, role: &RecordedRole) -> Result<Written<RecordedRole>, StoreError>;
    /// One role that the tenant made.
    async fn custom_role(&self, tenant: TenantId, id: Uuid) -> Result<RecordedRole, StoreError>;
    /// The roles that the tenant made, ordered by name.
    async fn custom_roles(&self, tenant: TenantId) -> Result<Vec<RecordedRole>, StoreError>;
    /// Deletes a role that the tenant made; false where there was none, and
    /// [`StoreError::RoleAssigned`] while a principal has it.
    async fn delete_custom_role(&self, tenant: TenantId, id: Uuid) -> Result<bool, StoreError>;

    /// Audit entries of one tenant (and, where `query` asks for them, those of no known tenant),
    /// oldest first: 100 where `query` names no limit, never more than 1000.
    async fn audit(&self, tenant: TenantId, query: &AuditQuery) -> Result<Vec<AuditEntry>, StoreError>;
}
