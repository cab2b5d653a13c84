//! What the domain needs from outside, as traits.

use std::{error::Error, sync::Arc};

use async_trait::async_trait;
use jiff::Timestamp;
use symbolon_jose::VerifyingKey;
use thiserror::Error;
use uuid::Uuid;

use crate::{
    ClientId, ObjectId, Tenant, TenantId,
    application::{Application, TokenVersion},
    audit::AuditRecord,
    client::Client,
    role::{RoleAssignment, RoleDefinition},
};

pub mod keys;
pub mod management;

/// The time, from outside so that tests can choose it.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Randomness, from outside so that tests can choose it.
pub trait Random: Send + Sync {
    /// Fills `bytes` with random ones, fit for keys and secrets.
    fn fill(&self, bytes: &mut [u8]);

    /// A random GUID (version 4).
    fn guid(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }
}

/// The directory as the hot path reads it: in memory, no I/O, never stale within one process.
pub trait Directory: Send + Sync {
    /// The tenant with this id.
    fn tenant(&self, id: TenantId) -> Option<Arc<Tenant>>;
    /// The tenant that has this DNS name (lower case).
    fn tenant_by_domain(&self, domain: &str) -> Option<Arc<Tenant>>;
    /// The client with this id in this tenant.
    fn client(&self, tenant: TenantId, id: ClientId) -> Option<Arc<Client>>;
    /// The application that has this identifier URI, or whose id it is, in this tenant.
    fn resource_application(&self, tenant: TenantId, identifier: &str) -> Option<Arc<Application>>;
    /// The roles given to this principal.
    fn role_assignments(&self, tenant: TenantId, principal: ObjectId) -> Vec<RoleAssignment>;
    /// The role with this id that the tenant made itself.
    fn role_definition(&self, tenant: TenantId, id: Uuid) -> Option<Arc<RoleDefinition>>;
}

/// The keys of foreign issuers. A tenant's registrations never touch another tenant's.
#[async_trait]
pub trait IssuerKeys: Send + Sync {
    /// The key that `issuer` publishes under `key_id`. Only called for an issuer that a federated
    /// credential of this tenant names.
    ///
    /// # Errors
    /// [`IssuerKeysError`], when there is none or the issuer cannot be asked.
    async fn key(&self, tenant: TenantId, issuer: &str, key_id: &str) -> Result<VerifyingKey, IssuerKeysError>;
}

/// The name of an issuer's key set in [`IssuerKeysError`].
pub const KEY_SET: &str = "key set";

/// Why an issuer's key cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IssuerKeysError {
    /// The issuer publishes no such key.
    #[error("the issuer publishes no key `{key_id}`, only {published}")]
    UnknownKey {
        /// The key id that was asked for.
        key_id: String,
        /// The ids that it does publish, for people.
        published: String,
    },
    /// The registration or the address policy forbids asking.
    #[error("{reason}")]
    Refused {
        /// Which rule, and what an administrator can do.
        reason: String,
    },
    /// The discovery document could not be had.
    #[error("discovery document cannot be fetched: {reason}")]
    DiscoveryUnreachable {
        /// The cause.
        reason: String,
    },
    /// The keys could not be had.
    #[error("key set cannot be fetched: {reason}")]
    KeysUnreachable {
        /// The cause.
        reason: String,
    },
    /// A required field is missing from the discovery document.
    #[error("discovery document has no `{field}`")]
    MissingField {
        /// The field.
        field: &'static str,
    },
    /// A document is larger than the limit.
    #[error("{document} has more than {limit} bytes")]
    TooLarge {
        /// Which document.
        document: &'static str,
        /// The limit in bytes.
        limit: usize,
    },
    /// The discovery document names another issuer.
    #[error("discovery document names issuer `{found}`, expected `{expected}`")]
    UnexpectedIssuer {
        /// What it names.
        found: String,
        /// What it must name.
        expected: String,
    },
    /// A document is not what it should be.
    #[error("{document} is malformed: {reason}")]
    Malformed {
        /// Which document.
        document: &'static str,
        /// How.
        reason: String,
    },
}

/// Signs access tokens with the authority's active key.
pub trait Signer: Send + Sync {
    /// Signs `payload` (a JSON object) as an access token of this version.
    ///
    /// # Errors
    /// [`PortError`] when there is no usable key.
    fn sign(&self, version: TokenVersion, payload: &[u8]) -> Result<String, PortError>;
}

/// The authority's own published keys.
pub trait AuthorityKeys: Send + Sync {
    /// The key with this id, if it is published.
    fn key(&self, key_id: &str) -> Option<VerifyingKey>;
}

/// The trail of what was asked and answered.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Writes `record`; returns only when it is on disk.
    ///
    /// # Errors
    /// [`PortError`] when it is not.
    async fn record(&self, record: AuditRecord) -> Result<(), PortError>;
}

/// A port failed for a reason of its own: full disk, broken database, no key.
#[derive(Debug, Error)]
#[error("{what} failed")]
pub struct PortError {
    /// What failed.
    pub what: &'static str,
    /// Why.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}
