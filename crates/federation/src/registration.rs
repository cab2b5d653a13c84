//! Checks of what an administrator registers, before it is stored.

use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{self, PemObject as _, SectionKind};
use serde::Deserialize;
use serde_json::{Map, Value};
use symbolon_core::difference::printable;
use symbolon_core::issuer::{InvalidIssuer, IssuerKeySource, MAX_ISSUER_CHARS, TrustedIssuer, check_issuer};
use symbolon_jose::{JwkSet, json};
use thiserror::Error;
use url::Host;

use crate::key_set::skipped;
use crate::{AddressKind, Settings, discovery};

/// The largest CA file, in bytes; a bundle of all public CAs is about 250 KiB.
const MAX_CA_BYTES: usize = 512 * 1024;

/// Members of a JWK that are secret (RFC 7518 sections 6.2.2, 6.3.2 and 6.4).
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A field of a registration that cannot be stored.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{field}` {problem}; expected {expected}")]
pub struct InvalidRegistration {
    /// The field: `issuer`, `jwks` or `caPem`.
    pub field: &'static str,
    /// What is wrong with its value.
    pub problem: String,
    /// What would do.
    pub expected: &'static str,
}

/// What a registered key set has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySetSummary {
    /// The ids of the keys that can verify, in the order of the document.
    pub key_ids: Vec<String>,
    /// The keys that will not be used, each with its id and the reason; the first ten, for people.
    pub left_out: Vec<String>,
}

/// Checks a whole registration. What only the issuer or the name service can tell is left to the
/// first fetch.
///
/// # Errors
/// [`InvalidRegistration`], with the first field that is wrong.
pub fn validate(registration: &TrustedIssuer) -> Result<(), InvalidRegistration> {
    check_issuer(&registration.issuer).map_err(|error| issuer(&error))?;
    match &registration.keys {
        IssuerKeySource::Registered { jwks } => validate_registered_jwks(jwks).map(|_| ()),
        IssuerKeySource::Discovery { ca_pem, allow_private } => {
            reachable(&registration.issuer, *allow_private)?;
            ca_pem.as_deref().map_or(Ok(()), |pem| validate_ca(pem).map(|_| ()))
        }
    }
}

/// Checks a key set that is to be registered.
///
/// # Errors
/// [`InvalidRegistration`] when it is larger than the limit of [`Settings`], not strict JSON, no
/// key set, without a single usable key, or when it has a private key: it would lie in the store in clear.
pub fn validate_registered_jwks(jwks: &str) -> Result<KeySetSummary, InvalidRegistration> {
    #[derive(Deserialize)]
    struct Raw {
        #[serde(default)]
        keys: Vec<Map<String, Value>>,
    }
    let wrong = |problem: String| InvalidRegistration {
        field: "jwks",
        problem,
        expected: "a JSON Web Key Set (RFC 7517) with at least one public key that has a `kid`",
    };
    let settings = Settings::default();
    if jwks.len() > settings.max_key_set_bytes {
        return Err(wrong(format!("has {} bytes, more than {}", jwks.len(), settings.max_key_set_bytes)));
    }
    let raw: Raw = json::from_slice(jwks.as_bytes()).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    if raw.keys.iter().any(|key| PRIVATE_MEMBERS.iter().any(|member| key.contains_key(*member))) {
        return Err(wrong("has a private or secret key".into()));
    }
    let set =
        JwkSet::parse(jwks.as_bytes(), settings.max_keys).map_err(|error| wrong(format!("is refused: {error}")))?;
    let left_out = skipped(&set);
    if set.keys.is_empty() {
        let why = if left_out.is_empty() { String::new() } else { format!(" ({})", left_out.join("; ")) };
        return Err(wrong(format!("has no usable key{why}")));
    }
    Ok(KeySetSummary { key_ids: set.keys.into_iter().filter_map(|key| key.kid).collect(), left_out })
}

/// Checks a CA file that is to be registered, and counts its certificates.
///
/// # Errors
/// [`InvalidRegistration`] when it has no certificate, one that cannot be a trust anchor, or anything
/// else: a private key has no business in it.
pub fn validate_ca(pem: &str) -> Result<usize, InvalidRegistration> {
    let wrong = |problem: String| InvalidRegistration {
        field: "caPem",
        problem,
        expected: "one or more certificates in PEM form (`-----BEGIN CERTIFICATE-----`)",
    };
    if pem.len() > MAX_CA_BYTES {
        return Err(wrong(format!("has {} bytes, more than {MAX_CA_BYTES}", pem.len())));
    }
    let mut roots = RootCertStore::empty();
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem.as_bytes()) {
        let (kind, der) = section.map_err(|error| wrong(not_pem(&error)))?;
        if kind != SectionKind::Certificate {
            return Err(wrong("has something else than certificates".into()));
        }
        let number = roots.len() + 1;
        let added = roots.add(CertificateDer::from(der));
        added.map_err(|_| wrong(format!("has a certificate, number {number}, that cannot be read")))?;
    }
    if roots.is_empty() { Err(wrong("has no certificate".into())) } else { Ok(roots.len()) }
}

fn not_pem(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => "has a section without an end line".to_owned(),
        other => format!("is not PEM: {}", printable(&other.to_string())),
    }
}

/// Refuses an issuer that could never be fetched, so that it is learned now and not from a failing login.
fn reachable(text: &str, allow_private: bool) -> Result<(), InvalidRegistration> {
    let not_a_url = |_| issuer(&InvalidIssuer::NotAUrl(text.to_owned()));
    let url = discovery::url(text).map_err(not_a_url)?;
    let ip = match url.host() {
        Some(Host::Ipv4(ip)) => Some(ip.into()),
        Some(Host::Ipv6(ip)) => Some(ip.into()),
        Some(Host::Domain(_)) | None => None,
    };
    if let Some((ip, kind)) = ip.map(|ip| (ip, AddressKind::of(ip))).filter(|(_, kind)| !kind.allowed(allow_private)) {
        let expected = if kind.can_be_allowed() { PUBLIC_OR_ALLOWED } else { "an address that an issuer can have" };
        return Err(InvalidRegistration { field: "issuer", problem: format!("is at {ip}, {kind}"), expected });
    }
    if url.scheme() == "http" && !allow_private {
        return Err(InvalidRegistration {
            field: "issuer",
            problem: "is a plain http URL".into(),
            expected: PUBLIC_OR_ALLOWED,
        });
    }
    Ok(())
}

const PUBLIC_OR_ALLOWED: &str =
    "an https URL at a public address, or `allowPrivate` (`--allow-private`), or a registered key set";

fn issuer(error: &InvalidIssuer) -> InvalidRegistration {
    let problem = match error {
        InvalidIssuer::Length(chars) => format!("has {chars} characters, not 1 to {MAX_ISSUER_CHARS}"),
        InvalidIssuer::NotAUrl(text) => format!("is `{}`, which is not a URL", printable(text)),
        InvalidIssuer::ForbiddenPart(text) => {
            format!("is `{}`, with a query, a fragment, user information or white space", printable(text))
        }
    };
    InvalidRegistration { field: "issuer", problem, expected: "the `iss` of the tokens, an https URL" }
}

#[cfg(test)]
mod tests;
