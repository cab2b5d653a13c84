use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::json::{self, JsonError};
use crate::text::printable;
use crate::{Jwk, KeyError, VerifyingKey};

/// A JSON Web Key Set (RFC 7517 section 5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct JwkSet {
    /// Usable keys, in the order of the document. After [`JwkSet::parse`] each has a `kid` of its own.
    pub keys: Vec<Jwk>,
    /// Keys that [`JwkSet::parse`] left out, and why.
    #[serde(skip)]
    pub skipped: Vec<SkippedKey>,
    /// How many further keys [`JwkSet::parse`] did not look at, because the limit was reached.
    #[serde(skip)]
    pub over_limit: usize,
}

/// A key of a set that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedKey {
    /// Its `kid`, cut to 128 characters and made printable.
    pub kid: Option<String>,
    /// Why it cannot be used.
    pub reason: KeyError,
}

/// Why a whole set was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum JwksError {
    /// Not strict JSON.
    #[error("key set cannot be read")]
    Json(#[from] JsonError),
    /// The object has no array `keys`.
    #[error("key set has no array `keys`")]
    NoKeys,
}

#[derive(Deserialize)]
struct RawSet {
    keys: Option<serde_json::Value>,
}

impl JwkSet {
    /// Reads a set and keeps the first `max_keys` keys that can verify a signature.
    ///
    /// One unusable key does not spoil the set: issuers publish encryption keys and new algorithms
    /// beside the keys that matter here. Of two keys with one `kid` the first is kept, so that an
    /// id always means one key. Private members are dropped.
    ///
    /// # Errors
    /// [`JwksError`] when the document is not strict JSON or has no array `keys`.
    pub fn parse(json: &[u8], max_keys: usize) -> Result<Self, JwksError> {
        let Some(serde_json::Value::Array(entries)) = json::from_slice::<RawSet>(json)?.keys else {
            return Err(JwksError::NoKeys);
        };
        let mut set = Self::default();
        let mut seen = BTreeSet::new();
        for entry in entries {
            if set.keys.len() == max_keys {
                set.over_limit += 1;
                continue;
            }
            let kid = entry.get("kid").and_then(|kid| kid.as_str()).map(|kid| printable(kid, 128));
            match usable(entry, &mut seen) {
                Ok(jwk) => set.keys.push(jwk),
                Err(reason) => set.skipped.push(SkippedKey { kid, reason }),
            }
        }
        Ok(set)
    }
}

fn usable(entry: serde_json::Value, seen: &mut BTreeSet<String>) -> Result<Jwk, KeyError> {
    // Serde would take an array for a struct.
    if !entry.is_object() {
        return Err(KeyError::NotAJwk);
    }
    let jwk: Jwk = serde_json::from_value(entry).map_err(|_| KeyError::NotAJwk)?;
    VerifyingKey::from_jwk(&jwk)?;
    let kid = jwk.kid.clone().ok_or(KeyError::MissingKeyId)?;
    if !seen.insert(kid) {
        return Err(KeyError::DuplicateKeyId);
    }
    Ok(jwk)
}

/// The keys of a set by `kid`, each parsed once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerificationKeys(BTreeMap<String, VerifyingKey>);

impl VerificationKeys {
    /// Takes the keys of `set` that have a `kid` and can verify; of two with one `kid`, the first.
    #[must_use]
    pub fn new(set: &JwkSet) -> Self {
        let mut keys = BTreeMap::new();
        for jwk in &set.keys {
            if let (Some(kid), Ok(key)) = (&jwk.kid, VerifyingKey::from_jwk(jwk)) {
                keys.entry(kid.clone()).or_insert(key);
            }
        }
        Self(keys)
    }

    /// The key with exactly this id.
    #[must_use]
    pub fn get(&self, kid: &str) -> Option<&VerifyingKey> {
        self.0.get(kid)
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ids, sorted.
    pub fn key_ids(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl From<&JwkSet> for VerificationKeys {
    fn from(set: &JwkSet) -> Self {
        Self::new(set)
    }
}

#[cfg(test)]
mod tests;
