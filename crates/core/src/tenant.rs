//! A tenant and its settings.

use serde::{Deserialize, Serialize};

use crate::TenantId;

/// The most federated credentials that Entra allows on one identity or application.
pub const ENTRA_MAX_FEDERATED_CREDENTIALS: u32 = 20;

/// A tenant: a directory of its own, invisible to every other one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tenant {
    /// The `tid` of its tokens.
    pub id: TenantId,
    /// What people call it.
    pub display_name: String,
    /// DNS names that may stand for the id in a URL, lower case.
    pub domains: Vec<String>,
    /// What an administrator chose for it.
    pub settings: TenantSettings,
}

/// Choices of a tenant's administrator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TenantSettings {
    /// The most federated credentials on one identity or application; none means no limit.
    /// Entra's is [`ENTRA_MAX_FEDERATED_CREDENTIALS`].
    pub max_federated_credentials: Option<u32>,
}
