//! Resource ids of Azure Resource Manager, which compare without regard to letter case.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::SubscriptionId;

/// Where a user-assigned managed identity stands in Azure Resource Manager.
#[derive(Clone, Debug, Eq, Serialize, Deserialize)]
pub struct IdentityPath {
    /// The subscription.
    pub subscription: SubscriptionId,
    /// The resource group, as it was first written.
    pub resource_group: String,
    /// The identity's name, as it was first written.
    pub name: String,
}

impl IdentityPath {
    /// The id in the spelling of the token claim `xms_mirid` (lower-case `resourcegroups`).
    #[must_use]
    pub fn mirid(&self) -> String {
        format!(
            "/subscriptions/{}/resourcegroups/{}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{}",
            self.subscription, self.resource_group, self.name
        )
    }

    /// The key under which two spellings of one path meet.
    #[must_use]
    pub fn key(&self) -> String {
        self.to_string().to_ascii_lowercase()
    }
}

impl PartialEq for IdentityPath {
    fn eq(&self, other: &Self) -> bool {
        self.subscription == other.subscription
            && self.resource_group.eq_ignore_ascii_case(&other.resource_group)
            && self.name.eq_ignore_ascii_case(&other.name)
    }
}

impl fmt::Display for IdentityPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{}",
            self.subscription, self.resource_group, self.name
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_spellings_of_one_path_are_equal() {
        let subscription = "6731de76-14a6-49ae-97bc-6eba6914391e".parse().unwrap();
        let path =
            |group: &str, name: &str| IdentityPath { subscription, resource_group: group.into(), name: name.into() };
        assert_eq!(path("RG", "One"), path("rg", "one"));
        assert_eq!(path("RG", "One").key(), path("rg", "one").key());
        assert_ne!(path("RG", "One"), path("rg", "two"));
    }
}
