//! What the controller tells the policy about one service account.

use crate::{Key, ServiceAccount, settings::Selector};

/// The value of an account that is known and whose pods are not to be injected.
///
/// Only where the label on the account decides; no client id can look like it.
pub const UNSELECTED: &str = "-";

/// Longer values are not written: a ConfigMap holds 1 MiB for a whole namespace.
const MAX_LEN: usize = 128;

/// In place of an expiration that cannot be passed on, and is no number: pods are refused as with that.
const NO_NUMBER: &str = "invalid";

/// Why the policy cannot be told about an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The client id cannot be told apart from the rest of an entry.
    #[error("the annotation azure.workload.identity/client-id is no client id")]
    ClientId,
    /// The tenant cannot be told apart from the rest of an entry.
    #[error("the annotation azure.workload.identity/tenant-id is no tenant id")]
    TenantId,
}

/// The value of an account's entry: its client id, and after it the tenant and the expiration
/// that are its own, if any: `client-id[;tenant=…][;expiration=…]`.
///
/// Nothing else may ever stand here, above all no host: all three are what the account's own
/// annotations say, and whoever can annotate an account decides on them in webhook mode too. As
/// there, they are passed on as they are, malformed or not; the client id may be empty.
///
/// # Errors
///
/// [`Unfit`] if a value cannot be passed on; such an account has no entry.
pub fn entry(account: &ServiceAccount, selector: Selector) -> Result<String, Unfit> {
    let has_label = || account.get(Key::UseLabel).or(account.get(Key::UseAnnotation)).is_some();
    if selector == Selector::ServiceAccountLabel && !has_label() {
        return Ok(UNSELECTED.to_owned());
    }
    let mut text = account.get(Key::ClientId).unwrap_or_default().to_owned();
    if !is_plain(&text) || text == UNSELECTED {
        return Err(Unfit::ClientId);
    }
    if let Some(tenant) = account.get(Key::TenantId) {
        if !is_plain(tenant) {
            return Err(Unfit::TenantId);
        }
        text.push_str(";tenant=");
        text.push_str(tenant);
    }
    if let Some(expiration) = account.get(Key::TokenExpiration).filter(|expiration| !expiration.is_empty()) {
        text.push_str(";expiration=");
        text.push_str(if is_plain(expiration) { expiration } else { NO_NUMBER });
    }
    Ok(text)
}

fn is_plain(text: &str) -> bool {
    text.len() <= MAX_LEN && text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b';')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry_of(annotations: &[(&str, &str)]) -> Result<String, Unfit> {
        let annotations: Vec<_> =
            annotations.iter().map(|(name, value)| (format!("azure.workload.identity/{name}"), *value)).collect();
        let annotations = annotations.iter().map(|(name, value)| (name.as_str(), *value));
        entry(&ServiceAccount::new([], annotations), Selector::PodLabel)
    }

    #[test]
    fn an_entry_says_what_the_account_says() {
        assert_eq!(entry_of(&[]).unwrap(), "");
        assert_eq!(entry_of(&[("client-id", "1")]).unwrap(), "1");
        assert_eq!(entry_of(&[("client-id", "1"), ("tenant-id", "")]).unwrap(), "1;tenant=");
        assert_eq!(
            entry_of(&[("tenant-id", "t.example"), ("service-account-token-expiration", "7200")]).unwrap(),
            ";tenant=t.example;expiration=7200"
        );
    }

    #[test]
    fn no_value_can_pass_for_another() {
        assert_eq!(entry_of(&[("client-id", "1;tenant=2")]), Err(Unfit::ClientId));
        assert_eq!(entry_of(&[("client-id", "-")]), Err(Unfit::ClientId));
        assert_eq!(entry_of(&[("client-id", &"1".repeat(129))]), Err(Unfit::ClientId));
        assert_eq!(entry_of(&[("client-id", "1"), ("tenant-id", "a\nb")]), Err(Unfit::TenantId));
        assert_eq!(entry_of(&[("service-account-token-expiration", "1;tenant=2")]).unwrap(), ";expiration=invalid");
    }

    #[test]
    fn where_the_label_on_the_account_decides_the_others_are_known_and_left_alone() {
        let select = |labels: &[(&'static str, &'static str)]| {
            entry(&ServiceAccount::new(labels.iter().copied(), []), Selector::ServiceAccountLabel).unwrap()
        };
        assert_eq!(select(&[]), UNSELECTED);
        assert_eq!(select(&[("azure.workload.identity/use", "true")]), "");
    }
}
