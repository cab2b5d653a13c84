mod header;

use std::fmt;

use serde::de::DeserializeOwned;
use thiserror::Error;

pub use self::header::Header;
use crate::base64url::{self, Base64Error};
use crate::json::{self, JsonError};
use crate::{Algorithm, VerifyingKey};

/// The longest token that is looked at, in bytes.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// One of the three parts of a compact JWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The first part.
    Header,
    /// The second part.
    Payload,
    /// The third part.
    Signature,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "header",
            Self::Payload => "payload",
            Self::Signature => "signature",
        })
    }
}

/// Why a text is not a token that could be verified.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParseError {
    /// Longer than [`MAX_TOKEN_BYTES`].
    #[error("token has {len} bytes; the limit is {MAX_TOKEN_BYTES}")]
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// Not three parts with two dots between them.
    #[error("token does not have three parts")]
    NotThreeParts,
    /// A part is not strict base64url.
    #[error("{part} is not base64url")]
    Base64 {
        /// Which part.
        part: Part,
        /// What is wrong with it.
        source: Base64Error,
    },
    /// The header is not a strict JSON object, or a member has the wrong type.
    #[error("header cannot be read")]
    HeaderJson(#[source] JsonError),
    /// The payload is not a strict JSON object.
    #[error("payload cannot be read")]
    PayloadJson(#[source] JsonError),
    /// The header has no `alg`.
    #[error("header has no `alg`")]
    MissingAlgorithm,
    /// The header names an algorithm that is not verified here, such as `none` or `HS256`.
    #[error("algorithm `{0}` is not supported")]
    UnsupportedAlgorithm(String),
    /// The header has a `crit` (RFC 7515 section 4.1.11); no extension is understood here.
    #[error("header has `crit`")]
    CriticalHeader,
}

/// Why a token's signature was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// The key is not for the algorithm that the token names.
    #[error("key does not allow algorithm `{0}`")]
    AlgorithmNotAllowed(Algorithm),
    /// The signature is not one of this key over these contents.
    #[error("signature does not match")]
    BadSignature,
}

/// A compact JWS that was parsed but not verified: its contents only serve to choose the key.
#[derive(Debug)]
pub struct Unverified<'a> {
    header: Header,
    payload: Vec<u8>,
    signature: Vec<u8>,
    signing_input: &'a str,
}

impl<'a> Unverified<'a> {
    /// Parses a compact JWS (RFC 7515 section 7.1) whose payload is a JSON object.
    ///
    /// # Errors
    /// [`ParseError`] names the first rule that is broken. The header is judged before the payload,
    /// so a token with `alg: none` is refused for that.
    pub fn parse(token: &'a str) -> Result<Self, ParseError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(ParseError::TooLong { len: token.len() });
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(ParseError::NotThreeParts)?;
        let (header, payload) = signing_input.split_once('.').ok_or(ParseError::NotThreeParts)?;
        if payload.contains('.') {
            return Err(ParseError::NotThreeParts);
        }
        let header = Header::parse(&decode(Part::Header, header)?)?;
        let payload = decode(Part::Payload, payload)?;
        json::check_object(&payload).map_err(ParseError::PayloadJson)?;
        let signature = decode(Part::Signature, signature)?;
        Ok(Self { header, payload, signature, signing_input })
    }

    /// The header, unverified.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The decoded payload, unverified: a strict JSON object.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The payload as `T`, unverified.
    ///
    /// # Errors
    /// [`JsonError::Shape`] when the payload does not fit `T`.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, JsonError> {
        json::from_checked(&self.payload)
    }

    /// Checks the signature with `key`, which decides the algorithms that may be used.
    ///
    /// # Errors
    /// [`VerifyError`] when the key is not for the token's algorithm or the signature does not match.
    pub fn verify(self, key: &VerifyingKey) -> Result<Verified, VerifyError> {
        key.check(self.header.alg(), self.signing_input.as_bytes(), &self.signature)?;
        Ok(Verified { header: self.header, payload: self.payload })
    }
}

/// A token whose signature was checked; only [`Unverified::verify`] can make one.
///
/// Times, issuer and audience are still for the caller to judge.
#[derive(Debug)]
pub struct Verified {
    header: Header,
    payload: Vec<u8>,
}

impl Verified {
    /// The header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The decoded payload: a strict JSON object.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The payload as `T`.
    ///
    /// # Errors
    /// [`JsonError::Shape`] when the payload does not fit `T`.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, JsonError> {
        json::from_checked(&self.payload)
    }

    /// The decoded payload, taken out.
    #[must_use]
    pub fn into_payload(self) -> Vec<u8> {
        self.payload
    }
}

fn decode(part: Part, text: &str) -> Result<Vec<u8>, ParseError> {
    base64url::decode(text).map_err(|source| ParseError::Base64 { part, source })
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
