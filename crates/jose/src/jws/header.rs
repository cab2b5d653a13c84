use serde::de::{Deserialize, Deserializer, IgnoredAny};

use super::ParseError;
use crate::{Algorithm, json};

/// A token's header, as far as it is read.
///
/// `jku`, `x5u`, `jwk` and `x5c` are not: a token that brings its own key proves nothing. They are
/// ignored and not refused, since real clients send `x5c` beside a `kid`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    alg: Algorithm,
    raw: RawHeader,
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
struct RawHeader {
    #[serde(default, deserialize_with = "string")]
    alg: Option<String>,
    #[serde(default, deserialize_with = "string")]
    kid: Option<String>,
    #[serde(default, deserialize_with = "string")]
    typ: Option<String>,
    #[serde(default, deserialize_with = "string")]
    x5t: Option<String>,
    #[serde(default, deserialize_with = "string", rename = "x5t#S256")]
    x5t_s256: Option<String>,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
}

/// Reads a string where `null` is not as good as absent.
fn string<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}

/// Notes that a member is there, whatever its value.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

impl Header {
    pub(super) fn parse(json: &[u8]) -> Result<Self, ParseError> {
        let raw: RawHeader = json::from_slice(json).map_err(ParseError::HeaderJson)?;
        if raw.crit {
            return Err(ParseError::CriticalHeader);
        }
        let name = raw.alg.as_deref().ok_or(ParseError::MissingAlgorithm)?;
        let alg =
            name.parse::<Algorithm>().map_err(|unknown| ParseError::UnsupportedAlgorithm(unknown.name().to_owned()))?;
        Ok(Self { alg, raw })
    }

    /// The algorithm that the token names; whether it may be used is the key's choice.
    #[must_use]
    pub fn alg(&self) -> Algorithm {
        self.alg
    }

    /// The key id, as sent.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.raw.kid.as_deref()
    }

    /// The type, as sent.
    #[must_use]
    pub fn typ(&self) -> Option<&str> {
        self.raw.typ.as_deref()
    }

    /// The certificate's SHA-1 thumbprint, as sent.
    #[must_use]
    pub fn x5t(&self) -> Option<&str> {
        self.raw.x5t.as_deref()
    }

    /// The certificate's SHA-256 thumbprint (`x5t#S256`), as sent.
    #[must_use]
    pub fn x5t_s256(&self) -> Option<&str> {
        self.raw.x5t_s256.as_deref()
    }
}
