#![doc = include_str!("../README.md")]

mod algorithm;
pub mod base64url;
mod der;
pub mod digest;
pub mod json;
mod jwk;
mod jwks;
mod jws;
mod key;
mod pem;
mod text;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use base64url::Base64Error;
pub use json::JsonError;
pub use jwk::Jwk;
pub use jwks::{JwkSet, JwksError, SkippedKey, VerificationKeys};
pub use jws::{Header, MAX_TOKEN_BYTES, ParseError, Part, Unverified, Verified, VerifyError};
pub use key::{KeyError, KeyKind, SignError, SigningHeader, SigningKey, VerifyingKey};
pub use pem::PemError;

#[cfg(test)]
mod testing;
