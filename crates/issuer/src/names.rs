//! Kubernetes' rules for names.

use thiserror::Error;

/// A text cannot be the name of this kind of object.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{what} `{value}` is invalid, expected {expected}")]
pub struct InvalidName {
    /// What it should have named.
    pub what: &'static str,
    /// The text, cut to a readable length.
    pub value: String,
    /// The rule.
    pub expected: &'static str,
}

const LABEL: &str =
    "1 to 63 lower-case letters, digits or hyphens, starting and ending with a letter or digit (RFC 1123)";
const SUBDOMAIN: &str = "1 to 253 lower-case letters, digits, hyphens or dots, each part starting and ending with a letter or digit (RFC 1123)";

/// Checks a namespace: a DNS label of RFC 1123.
///
/// # Errors
/// [`InvalidName`]
pub fn check_namespace(value: &str) -> Result<(), InvalidName> {
    if is_label(value) { Ok(()) } else { Err(invalid("namespace", value, LABEL)) }
}

/// Checks the name of a service account, pod or node: a DNS subdomain of RFC 1123.
///
/// # Errors
/// [`InvalidName`]
pub fn check_name(what: &'static str, value: &str) -> Result<(), InvalidName> {
    if value.len() <= 253 && value.split('.').all(is_part) { Ok(()) } else { Err(invalid(what, value, SUBDOMAIN)) }
}

fn invalid(what: &'static str, value: &str, expected: &'static str) -> InvalidName {
    InvalidName { what, value: value.chars().take(260).collect(), expected }
}

fn is_label(value: &str) -> bool {
    value.len() <= 63 && is_part(value)
}

fn is_part(value: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    edge(value.chars().next())
        && edge(value.chars().next_back())
        && value.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_kubernetes() {
        for good in ["default", "a", "a-b", "0", &"a".repeat(63)] {
            assert!(check_namespace(good).is_ok(), "{good}");
        }
        for bad in ["", "A", "-a", "a-", "a.b", "a:b", "a/b", "é", &"a".repeat(64)] {
            assert!(check_namespace(bad).is_err(), "{bad}");
        }
        assert!(check_name("service account", "my.sa-1").is_ok());
        for bad in ["a..b", ".a", "a.", "a:b", &"a".repeat(254)] {
            assert!(check_name("service account", bad).is_err(), "{bad}");
        }
    }
}
