#![doc = include_str!("../README.md")]

pub mod names;
pub mod port;
mod router;
pub mod token;

use symbolon_jose::{Jwk, JwkSet, SigningKey};
use thiserror::Error;

pub use router::router;
pub use token::{BoundObject, ServiceAccountToken, TokenRequest, TokenRequestError};

/// An issuer with its keys: the first one signs, all are published.
pub struct Issuer {
    url: String,
    keys: Vec<SigningKey>,
}

/// An issuer needs a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the issuer has no signing key")]
pub struct NoKey;

impl Issuer {
    /// Makes an issuer. `url` stands in `iss` exactly as it is given.
    ///
    /// # Errors
    /// [`NoKey`] when `keys` is empty.
    pub fn new(url: String, keys: Vec<SigningKey>) -> Result<Self, NoKey> {
        if keys.is_empty() { Err(NoKey) } else { Ok(Self { url, keys }) }
    }

    /// The `iss` of its tokens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The published keys, each under the key id that Kubernetes gives it.
    #[must_use]
    pub fn key_set(&self) -> JwkSet {
        let jwk = |key: &SigningKey| Jwk {
            use_: Some("sig".into()),
            kid: Some(key.verifying_key().kubernetes_key_id()),
            alg: Some(key.algorithm().name().into()),
            ..key.verifying_key().to_jwk()
        };
        JwkSet { keys: self.keys.iter().map(jwk).collect(), ..JwkSet::default() }
    }

    fn signing_key(&self) -> &SigningKey {
        // `new` refuses an empty list.
        &self.keys[0]
    }
}
