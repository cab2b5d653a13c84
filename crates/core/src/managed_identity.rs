//! User-assigned managed identities.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{ClientId, ObjectId, TenantId, arm_id::IdentityPath};

/// A user-assigned managed identity as the directory holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagedIdentity {
    /// The tenant whose directory it stands in.
    pub tenant: TenantId,
    /// Where it stands in Azure Resource Manager.
    pub path: IdentityPath,
    /// The `client_id` of its token requests, chosen by the directory.
    pub client_id: ClientId,
    /// The `oid` and `sub` of its tokens, chosen by the directory.
    pub principal_id: ObjectId,
    /// The Azure region that its creator named.
    pub location: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Rises with every write; the basis of optimistic concurrency.
    pub version: i64,
}

/// Why a name cannot be a managed identity's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "identity name `{0}` is invalid, expected 3 to 128 letters, digits, hyphens or underscores, starting with a letter or digit"
)]
pub struct InvalidIdentityName(pub String);

/// Checks a managed identity's name.
///
/// # Errors
/// [`InvalidIdentityName`] when it is not 3 to 128 letters, digits, hyphens or underscores that
/// start with a letter or digit (Azure naming rules for `Microsoft.ManagedIdentity`).
pub fn check_name(name: &str) -> Result<(), InvalidIdentityName> {
    let mut chars = name.chars();
    let first = chars.next().is_some_and(|c| c.is_ascii_alphanumeric());
    let rest = chars.all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if first && rest && (3..=128).contains(&name.len()) {
        Ok(())
    } else {
        Err(InvalidIdentityName(name.chars().take(140).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rules_of_azure() {
        for good in ["id1", "my-identity_2", &"a".repeat(128)] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "ab", "-abc", "_abc", "a/b", "a b c", "é12", &"a".repeat(129)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
