mod private_jwk;
mod public;
mod signing;
mod verifying;

use thiserror::Error;

pub use self::signing::{KeyKind, SignError, SigningHeader, SigningKey};
pub use self::verifying::VerifyingKey;
use crate::PemError;

/// Why a key cannot be used.
///
/// No variant carries a value of the key itself.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Not a JSON object with members of the right types.
    #[error("not a JSON Web Key")]
    NotAJwk,
    /// `kty`, or the algorithm of a DER key, is none of RSA, EC and OKP; `oct` is a shared secret.
    #[error("key type `{0}` is not supported; use RSA, EC or OKP")]
    UnsupportedKeyType(String),
    /// The curve is not one that is supported for this use.
    #[error("curve `{0}` is not supported")]
    UnsupportedCurve(String),
    /// `use` or `key_ops` says that the key is not for signatures.
    #[error("key is not for signatures")]
    NotForSignatures,
    /// `alg` names an algorithm that is not verified here.
    #[error("algorithm `{0}` is not supported")]
    UnsupportedAlgorithm(String),
    /// `alg` names an algorithm of another key type or curve.
    #[error("algorithm `{0}` does not fit the key")]
    AlgorithmMismatch(crate::Algorithm),
    /// A member that this key type needs is missing.
    #[error("member `{0}` is missing")]
    MissingMember(&'static str),
    /// A member is not canonical base64url, or not of the right length.
    #[error("member `{0}` is not canonical base64url of the right length")]
    InvalidMember(&'static str),
    /// The RSA modulus is not 2048 to 8192 bits long.
    #[error("RSA key has {0} bits; 2048 to 8192 are supported")]
    RsaSize(usize),
    /// The RSA public exponent is even, 1, or longer than 33 bits.
    #[error("RSA public exponent is not usable")]
    RsaExponent,
    /// The key has no `kid`, so no token can name it.
    #[error("key has no `kid`")]
    MissingKeyId,
    /// An earlier key of the set has the same `kid`.
    #[error("another key of the set has the same `kid`")]
    DuplicateKeyId,
    /// Not PEM, or PEM of something else.
    #[error("PEM cannot be read")]
    Pem(#[from] PemError),
    /// Not the DER encoding of a key or certificate.
    #[error("DER of the {0} cannot be read")]
    Der(&'static str),
    /// The numbers do not make a valid key: a point off the curve, or parts that do not belong together.
    #[error("numbers do not make a valid key")]
    Invalid,
    /// The system gave no randomness, or the library failed.
    #[error("key generation failed")]
    Generation,
}

#[cfg(test)]
mod tests;
