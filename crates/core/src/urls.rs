//! The URLs of an installation, all from configuration and never from a `Host` header.

use crate::TenantId;

/// Where the parts of this installation are reached; no URL ends with a slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Urls {
    /// The authority, the base of every `iss`.
    pub authority: String,
    /// Azure Resource Manager, Microsoft Graph and Symbolon's own API.
    pub management: String,
    /// Key Vault.
    pub vault: String,
    /// App Configuration.
    pub app_configuration: String,
}

impl Urls {
    /// Microsoft Graph as clouds' metadata names it: `az` asks for tokens for the very URL that it
    /// calls, so Graph cannot share that of Azure Resource Manager there.
    #[must_use]
    pub fn graph(&self) -> String {
        format!("{}/graph", self.management)
    }

    /// The `iss` of version 1 tokens, with Entra's trailing slash.
    #[must_use]
    pub fn issuer_v1(&self, tenant: TenantId) -> String {
        format!("{}/{tenant}/", self.authority)
    }

    /// The `iss` of version 2 tokens.
    #[must_use]
    pub fn issuer_v2(&self, tenant: TenantId) -> String {
        format!("{}/{tenant}/v2.0", self.authority)
    }

    /// The token endpoint of version 2.
    #[must_use]
    pub fn token_endpoint_v2(&self, tenant: &str) -> String {
        format!("{}/{tenant}/oauth2/v2.0/token", self.authority)
    }

    /// The token endpoint of version 1.
    #[must_use]
    pub fn token_endpoint_v1(&self, tenant: &str) -> String {
        format!("{}/{tenant}/oauth2/token", self.authority)
    }
}
