//! Applications, their service principals, secrets and certificates.

use std::fmt;

use serde::{Deserialize, Serialize};
use symbolon_jose::{VerifyingKey, digest};

use crate::{ClientId, ObjectId, TenantId};

/// An application registration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    /// The tenant whose directory it stands in.
    pub tenant: TenantId,
    /// The registration's own object id.
    pub object_id: ObjectId,
    /// Its `client_id`.
    pub app_id: ClientId,
    /// What people call it.
    pub display_name: String,
    /// The names under which tokens for it are asked.
    pub identifier_uris: Vec<String>,
    /// The version of the tokens that it wants as a resource.
    pub token_version: TokenVersion,
    /// Unix seconds.
    pub created: i64,
    /// Its tenant-local self, without which it gets no token (AADSTS7000229).
    pub service_principal: Option<ServicePrincipal>,
    /// Its client secrets, without their values.
    pub secrets: Vec<ClientSecret>,
    /// Its registered certificates.
    pub certificates: Vec<ClientCertificate>,
    /// Rises with every write.
    pub version: i64,
}

/// The tenant-local object of an application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServicePrincipal {
    /// The `oid` and `sub` of its tokens.
    pub object_id: ObjectId,
    /// A disabled one gets no token (AADSTS7000112).
    pub enabled: bool,
}

/// Which claims an access token has; the resource's choice, not the endpoint's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TokenVersion {
    /// `ver` 1.0
    #[default]
    V1,
    /// `ver` 2.0
    V2,
}

/// A client secret: only its hash is kept.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientSecret {
    /// The id by which it is shown and removed.
    pub key_id: ObjectId,
    /// What people call it.
    pub display_name: Option<String>,
    /// The first three characters, so that people can tell secrets apart, as Graph does.
    pub hint: String,
    /// Unix seconds.
    pub start: i64,
    /// Unix seconds.
    pub end: i64,
    /// Its salted hash.
    pub hash: SecretHash,
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSecret").field("key_id", &self.key_id).field("end", &self.end).finish_non_exhaustive()
    }
}

/// SHA-256 of a salt and a secret. One pass is enough because secrets are never chosen by people:
/// they are 240 random bits, which no dictionary holds.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretHash {
    salt: String,
    sha256: String,
}

impl SecretHash {
    /// Hashes `secret` with `salt`, which must be random and of its own.
    #[must_use]
    pub fn new(secret: &str, salt: &str) -> Self {
        Self { salt: salt.to_owned(), sha256: Self::digest(secret, salt) }
    }

    /// Whether `secret` is the one that was hashed. The time does not depend on where they differ.
    #[must_use]
    pub fn matches(&self, secret: &str) -> bool {
        let found = Self::digest(secret, &self.salt);
        let different = found.bytes().zip(self.sha256.bytes()).fold(0, |acc, (a, b)| acc | (a ^ b));
        different == 0 && found.len() == self.sha256.len()
    }

    fn digest(secret: &str, salt: &str) -> String {
        digest::sha256_base64url(format!("{}:{salt}{secret}", salt.len()).as_bytes())
    }
}

/// A certificate whose key signs the client's own assertions.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientCertificate {
    /// The id by which it is shown and removed.
    pub key_id: ObjectId,
    /// What people call it.
    pub display_name: Option<String>,
    /// Unix seconds.
    pub start: i64,
    /// Unix seconds.
    pub end: i64,
    /// The certificate, DER in base64.
    pub certificate: String,
    /// base64url SHA-1 of the DER, the header `x5t`.
    pub x5t: String,
    /// base64url SHA-256 of the DER, the header `x5t#S256`.
    pub x5t_s256: String,
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate")
            .field("key_id", &self.key_id)
            .field("x5t", &self.x5t)
            .finish_non_exhaustive()
    }
}

/// A certificate ready to verify with: its key was parsed once.
#[derive(Clone)]
pub struct CertificateKey {
    /// The registered certificate.
    pub certificate: ClientCertificate,
    /// Its public key.
    pub key: VerifyingKey,
}

impl fmt::Debug for CertificateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.certificate.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_matches_its_own_hash_only() {
        let hash = SecretHash::new("s3cret", "salt");
        assert!(hash.matches("s3cret"));
        for other in ["", "s3cre", "s3cret ", "S3cret", "salts3cret"] {
            assert!(!hash.matches(other), "{other}");
        }
        assert!(!SecretHash::new("s3cret", "other").eq(&hash));
    }
}
