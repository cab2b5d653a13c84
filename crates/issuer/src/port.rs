//! What the issuer needs from a store, without I/O of its own.

use std::{collections::BTreeMap, error::Error};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

/// A service account of the embedded cluster issuer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceAccount {
    /// Its namespace, a DNS-1123 label.
    pub namespace: String,
    /// Its name, a DNS-1123 subdomain.
    pub name: String,
    /// Its uid, in every token.
    pub uid: Uuid,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Unix seconds.
    pub created: i64,
    /// Rises with every write.
    pub version: i64,
}

/// Why the store did not do what the issuer asked.
#[derive(Debug, Error)]
pub enum ServiceAccountError {
    /// There is no such service account.
    #[error("service account `{namespace}/{name}` was not found")]
    NotFound {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// There is one already.
    #[error("service account `{namespace}/{name}` exists already")]
    Exists {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// The store failed; nothing was written.
    #[error("the store failed")]
    Store(#[source] Box<dyn Error + Send + Sync>),
}

/// Service accounts on disk. Every write is durable when it returns.
#[async_trait]
pub trait ServiceAccountStore: Send + Sync {
    /// Creates a service account; [`ServiceAccountError::Exists`] where there is one.
    async fn create(&self, account: &ServiceAccount) -> Result<(), ServiceAccountError>;
    /// Replaces the annotations.
    async fn set_annotations(
        &self,
        namespace: &str,
        name: &str,
        annotations: &BTreeMap<String, String>,
    ) -> Result<ServiceAccount, ServiceAccountError>;
    /// One service account.
    async fn get(&self, namespace: &str, name: &str) -> Result<ServiceAccount, ServiceAccountError>;
    /// All of them, of one namespace where it is named, ordered by namespace and name.
    async fn list(&self, namespace: Option<&str>) -> Result<Vec<ServiceAccount>, ServiceAccountError>;
    /// Deletes one; false where there was none.
    async fn delete(&self, namespace: &str, name: &str) -> Result<bool, ServiceAccountError>;
}
