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
    /// Trouble that Azure makes now and then, for people who test their automation; none of it is
    /// on unless somebody switched it on.
    pub simulate: SimulatedTrouble,
}

/// Trouble that is made on purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SimulatedTrouble {
    /// Seconds after which a federated credential that was written accepts tokens.
    pub propagation_delay_seconds: u32,
    /// Whether a write of a federated credential is refused with 409 while another one of the same
    /// identity is under way.
    pub credential_write_conflicts: bool,
    /// Whether requests for federated credentials are answered with 429 above Entra's rates.
    pub throttling: bool,
}
