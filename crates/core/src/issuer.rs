//! Issuers of federated tokens, and what an administrator says of them.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::TenantId;

/// The longest issuer that a credential or a registration may name, in characters.
pub const MAX_ISSUER_CHARS: usize = 600;

/// An explicit registration of an issuer in one tenant.
///
/// A public https issuer needs none: a federated credential that names it is enough. A key set
/// given by hand, an own CA, plain http and private or loopback addresses do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrustedIssuer {
    /// The tenant that the registration holds in, and no other.
    pub tenant: TenantId,
    /// The issuer, exactly as it stands in `iss`.
    pub issuer: String,
    /// Where its keys come from.
    pub keys: IssuerKeySource,
    /// Rises with every write.
    pub version: i64,
}

/// Where an issuer's keys come from.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "source")]
pub enum IssuerKeySource {
    /// From the discovery document at the issuer's URL.
    #[serde(rename_all = "camelCase")]
    Discovery {
        /// Certificates in PEM form that alone are trusted for this issuer; none means the public
        /// ones.
        ca_pem: Option<String>,
        /// Private, loopback and link-local addresses, and plain http, are allowed.
        allow_private: bool,
    },
    /// From this key set; nothing is ever fetched.
    #[serde(rename_all = "camelCase")]
    Registered {
        /// The JWKS document.
        jwks: String,
    },
}

impl fmt::Debug for IssuerKeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Discovery { ca_pem, allow_private } => f
                .debug_struct("Discovery")
                .field("ca", &ca_pem.as_ref().map(String::len))
                .field("allow_private", allow_private)
                .finish(),
            Self::Registered { jwks } => f.debug_struct("Registered").field("jwks_bytes", &jwks.len()).finish(),
        }
    }
}

/// Why a text cannot name an issuer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidIssuer {
    /// Empty or too long.
    #[error("issuer has {0} characters, expected 1 to {MAX_ISSUER_CHARS}")]
    Length(usize),
    /// Neither https nor http.
    #[error("issuer `{0}` is not a URL, expected one that starts with https://")]
    NotAUrl(String),
    /// A URL part that OpenID Connect Discovery does not allow in an issuer.
    #[error("issuer `{0}` has a query, a fragment, user information or white space, which an issuer may not have")]
    ForbiddenPart(String),
}

/// Checks that a text can be an issuer (OpenID Connect Discovery 1.0, section 3: a URL without
/// query and fragment; http is left to the registration to allow).
///
/// # Errors
/// [`InvalidIssuer`], with what was wrong.
pub fn check_issuer(issuer: &str) -> Result<(), InvalidIssuer> {
    let chars = issuer.chars().count();
    if chars == 0 || chars > MAX_ISSUER_CHARS {
        return Err(InvalidIssuer::Length(chars));
    }
    let rest = issuer
        .strip_prefix("https://")
        .or_else(|| issuer.strip_prefix("http://"))
        .ok_or_else(|| InvalidIssuer::NotAUrl(issuer.into()))?;
    let host = rest.split('/').next().unwrap_or_default();
    if host.is_empty() {
        return Err(InvalidIssuer::NotAUrl(issuer.into()));
    }
    if host.contains('@')
        || rest.contains(['?', '#', '\\'])
        || rest.chars().any(|c| c.is_whitespace() || c.is_control())
    {
        return Err(InvalidIssuer::ForbiddenPart(issuer.into()));
    }
    Ok(())
}

/// Whether `issuer` is one of Entra's own, whose tokens federated exchange refuses (AADSTS700222).
#[must_use]
pub fn is_entra(issuer: &str) -> bool {
    const HOSTS: [&str; 6] = [
        "https://login.microsoftonline.com/",
        "https://sts.windows.net/",
        "https://login.microsoftonline.us/",
        "https://login.partner.microsoftonline.cn/",
        "https://sts.chinacloudapi.cn/",
        "https://login.windows.net/",
    ];
    HOSTS.iter().any(|host| issuer.starts_with(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_a_url_without_query_and_fragment() {
        for good in
            ["https://issuer.example", "https://issuer.example/a/b/", "https://[::1]:8443", "http://127.0.0.1:1"]
        {
            assert!(check_issuer(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "issuer.example",
            "https://",
            "https:///x",
            "ftp://x",
            "https://a?b",
            "https://a#b",
            "https://u@a",
            "https://a/ b",
            "https://a\n",
        ] {
            assert!(check_issuer(bad).is_err(), "{bad}");
        }
    }
}
