//! The service accounts that pods name: a port, and the accounts of a cluster behind it.

mod cache;
mod cluster;
mod decode;
mod direct;
mod watch;

use std::fmt;

use async_trait::async_trait;
use symbolon_admission::ServiceAccount;
use tokio::time::Instant;

pub use cluster::{ClusterAccounts, Timing};

/// Which account is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountName<'a> {
    /// Its namespace.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
}

/// Where service accounts come from.
#[async_trait]
pub trait ServiceAccounts: Send + Sync + 'static {
    /// What is known of an account without asking anybody, if that is up to date.
    ///
    /// It may lag behind a change by the moment that a watch takes. Whoever finds something
    /// missing in it asks with [`Self::read`].
    fn known(&self, account: AccountName<'_>) -> Option<ServiceAccount> {
        let _ = account;
        None
    }

    /// The account as it is after this call.
    ///
    /// One that is not there is waited for until `deadline`: people create an account and its
    /// pods in one go.
    ///
    /// # Errors
    ///
    /// [`LookupError`] if it is not there by then, or nobody could be asked.
    async fn read(&self, account: AccountName<'_>, deadline: Instant) -> Result<ServiceAccount, LookupError>;
}

/// Why there is no account.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LookupError {
    /// It does not exist. Upstream's text, which people search for.
    #[error("serviceaccounts \"{name}\" not found")]
    NotFound {
        /// The account's name.
        name: String,
    },
    /// Nobody could be asked, and nothing is known from before.
    #[error(
        "the service account {namespace}/{name} is not known yet and the API server does not answer ({reason}): try again"
    )]
    Unavailable {
        /// The account's namespace.
        namespace: String,
        /// The account's name.
        name: String,
        /// What went wrong.
        reason: String,
    },
}

impl AccountName<'_> {
    fn not_found(self) -> LookupError {
        LookupError::NotFound { name: self.name.to_owned() }
    }

    fn unavailable(self, reason: impl Into<String>) -> LookupError {
        LookupError::Unavailable {
            namespace: self.namespace.to_owned(),
            name: self.name.to_owned(),
            reason: reason.into(),
        }
    }

    /// Whether both parts are names that Kubernetes allows.
    ///
    /// They come from the body of a request and become a part of a path: anything else could
    /// reach another resource.
    fn is_valid(self) -> bool {
        fn valid(text: &str) -> bool {
            let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
            let ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
            let bytes = text.as_bytes();
            bytes.len() <= 253 && ends(bytes.first()) && ends(bytes.last()) && bytes.iter().all(|byte| allowed(*byte))
        }
        valid(self.namespace) && valid(self.name)
    }
}

impl fmt::Display for AccountName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_their_place_in_a_path_are_invalid() {
        let valid = |namespace, name| AccountName { namespace, name }.is_valid();
        assert!(valid("default", "sademo"));
        assert!(valid("default", "a.b-c.1"));
        for name in ["", ".", "..", "a/b", "../secrets", "a?b", "a%2fb", "-a", "a-", "A", "ä", &"a".repeat(254)] {
            assert!(!valid("default", name), "{name:?}");
            assert!(!valid(name, "default"), "{name:?}");
        }
    }
}
