use std::fmt;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
};
use serde::Serialize;
use thiserror::Error;
use zeroize::Zeroizing;

use super::public::{Curve, KeyType, PublicNumbers};
use super::{KeyError, VerifyingKey, private_jwk};
use crate::der::{self, Reader};
use crate::json::{self, JsonError};
use crate::{Algorithm, MAX_TOKEN_BYTES, base64url, pem};

/// A kind of key that can be generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// RSA with 2048 bits, signs RS256.
    Rsa2048,
    /// RSA with 3072 bits, signs RS256.
    Rsa3072,
    /// RSA with 4096 bits, signs RS256.
    Rsa4096,
    /// EC on P-256, signs ES256.
    P256,
    /// Ed25519, signs `EdDSA`.
    Ed25519,
}

/// Why a token was not signed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SignError {
    /// The claims cannot be written as JSON.
    #[error("claims cannot be written as JSON")]
    Serialize,
    /// The payload is not a strict JSON object, so no reader would accept the token.
    #[error("payload cannot be used")]
    Payload(#[source] JsonError),
    /// The token would be longer than [`MAX_TOKEN_BYTES`].
    #[error("token would have {len} bytes; the limit is {MAX_TOKEN_BYTES}")]
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// The library failed to sign.
    #[error("signing failed")]
    Signing,
}

/// The members of a header that the caller chooses; `alg` is the key's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SigningHeader {
    /// The token's type, such as `JWT`.
    pub typ: Option<String>,
    /// The key's id.
    pub kid: Option<String>,
    /// The SHA-1 thumbprint of the key's certificate.
    pub x5t: Option<String>,
    /// The SHA-256 thumbprint of the key's certificate.
    pub x5t_s256: Option<String>,
}

/// A header in the order of Entra's tokens.
#[derive(Serialize)]
struct WrittenHeader<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    typ: Option<&'a str>,
    alg: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    x5t: Option<&'a str>,
    #[serde(rename = "x5t#S256", skip_serializing_if = "Option::is_none")]
    x5t_s256: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

/// A private key.
///
/// `Debug` prints its public half only. The PKCS#8 encoding that is kept is erased from memory when
/// the key is dropped, and the library erases its own copy.
pub struct SigningKey {
    pair: Pair,
    pkcs8: Zeroizing<Vec<u8>>,
    verifying: VerifyingKey,
}

pub(super) enum Pair {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Pair {
    pub(super) const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Rsa(_) => Algorithm::Rs256,
            Self::P256(_) => Algorithm::Es256,
            Self::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
        let der = match self {
            Self::Rsa(pair) => pair.as_der()?.as_ref().to_vec(),
            Self::P256(pair) => pair.to_pkcs8v1()?.as_ref().to_vec(),
            Self::Ed25519(pair) => pair.to_pkcs8v1()?.as_ref().to_vec(),
        };
        Ok(Zeroizing::new(der))
    }

    fn public_numbers(&self) -> Result<PublicNumbers, KeyError> {
        match self {
            Self::Rsa(pair) => PublicNumbers::from_pkcs1(pair.public_key().as_ref()),
            Self::P256(pair) => {
                // The library gives 4, x, y.
                let point = pair.public_key().as_ref();
                let x = point.get(1..33).ok_or(KeyError::Invalid)?.to_vec();
                let y = point.get(33..65).ok_or(KeyError::Invalid)?.to_vec();
                Ok(PublicNumbers::Ec { curve: Curve::P256, x, y })
            }
            Self::Ed25519(pair) => Ok(PublicNumbers::Ed25519 { x: pair.public_key().as_ref().to_vec() }),
        }
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)?;
                Ok(signature)
            }
            Self::P256(pair) => Ok(pair.sign(&random, message)?.as_ref().to_vec()),
            Self::Ed25519(pair) => Ok(pair.try_sign(message)?.as_ref().to_vec()),
        }
    }
}

impl SigningKey {
    /// Makes a new key. RSA takes a tenth of a second or more: keep it off an async thread.
    ///
    /// # Errors
    /// [`KeyError::Generation`] when the library fails.
    pub fn generate(kind: KeyKind) -> Result<Self, KeyError> {
        let pair = match kind {
            KeyKind::Rsa2048 => RsaKeyPair::generate(KeySize::Rsa2048).map(Pair::Rsa),
            KeyKind::Rsa3072 => RsaKeyPair::generate(KeySize::Rsa3072).map(Pair::Rsa),
            KeyKind::Rsa4096 => RsaKeyPair::generate(KeySize::Rsa4096).map(Pair::Rsa),
            KeyKind::P256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map(Pair::P256),
            KeyKind::Ed25519 => Ed25519KeyPair::generate().map(Pair::Ed25519),
        };
        Self::new(pair.map_err(|_| KeyError::Generation)?)
    }

    /// Reads the first `PRIVATE KEY` (PKCS#8), `RSA PRIVATE KEY` or `EC PRIVATE KEY` section.
    ///
    /// # Errors
    /// [`KeyError`] when there is none, it is encrypted, or its key is not supported or not valid.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        const WANTED: [&str; 3] = ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"];
        let section = pem::first(pem, &WANTED, "`PRIVATE KEY`, `RSA PRIVATE KEY` or `EC PRIVATE KEY`")?;
        let pair = match section.label.as_str() {
            "PRIVATE KEY" => return Self::from_pkcs8_der(&section.der),
            "RSA PRIVATE KEY" => RsaKeyPair::from_der(&section.der).map(Pair::Rsa),
            _ => EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, &section.der).map(Pair::P256),
        };
        Self::new(pair.map_err(|_| KeyError::Invalid)?)
    }

    /// Reads a private JWK: RSA with its CRT members, EC on P-256, or OKP with Ed25519.
    ///
    /// # Errors
    /// [`KeyError`] when it is not strict JSON, or the key is not for signatures, not supported or
    /// not valid. No part of the key is in the error.
    pub fn from_jwk(json: &str) -> Result<Self, KeyError> {
        Self::new(private_jwk::read(json)?)
    }

    /// Reads a DER PKCS#8 private key (RFC 5958) that is not encrypted.
    ///
    /// # Errors
    /// [`KeyError`] when it is malformed, or its key is not supported or not valid.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        const WHAT: &str = "private key";
        let mut outer = Reader::new(der);
        let identifier = outer.take(der::SEQUENCE).and_then(|contents| {
            let mut info = Reader::new(contents);
            info.take(der::INTEGER)?;
            info.take(der::SEQUENCE)
        });
        // The library itself does not mind bytes after the key.
        let identifier = identifier.filter(|_| outer.is_empty());
        let pair = match KeyType::from_der(identifier.ok_or(KeyError::Der(WHAT))?, WHAT)? {
            KeyType::Rsa => RsaKeyPair::from_pkcs8(der).map(Pair::Rsa),
            KeyType::Ec(Curve::P256) => EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map(Pair::P256),
            KeyType::Ec(other) => return Err(KeyError::UnsupportedCurve(other.name().to_owned())),
            KeyType::Ed25519 => Ed25519KeyPair::from_pkcs8(der).map(Pair::Ed25519),
        };
        Self::new(pair.map_err(|_| KeyError::Invalid)?)
    }

    fn new(pair: Pair) -> Result<Self, KeyError> {
        let verifying = VerifyingKey::bound(pair.public_numbers()?, pair.algorithm())?;
        let pkcs8 = pair.to_pkcs8().map_err(|_| KeyError::Invalid)?;
        Ok(Self { pair, pkcs8, verifying })
    }

    /// The DER PKCS#8 encoding, not encrypted.
    #[must_use]
    pub fn to_pkcs8_der(&self) -> Zeroizing<Vec<u8>> {
        self.pkcs8.clone()
    }

    /// The PKCS#8 encoding as PEM, not encrypted.
    #[must_use]
    pub fn to_pkcs8_pem(&self) -> Zeroizing<String> {
        pem::encode("PRIVATE KEY", &self.pkcs8)
    }

    /// The one algorithm that the key signs with: RS256, ES256 or `EdDSA`.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.pair.algorithm()
    }

    /// The public half, bound to [`Self::algorithm`].
    #[must_use]
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.verifying
    }

    /// Signs `claims` as a compact JWS (RFC 7515 section 7.1).
    ///
    /// # Errors
    /// [`SignError`] when the claims are not a JSON object, the token would be too long, or the
    /// library fails.
    pub fn sign(&self, header: &SigningHeader, claims: &impl Serialize) -> Result<String, SignError> {
        let payload = serde_json::to_vec(claims).map_err(|_| SignError::Serialize)?;
        self.sign_payload(header, &payload)
    }

    /// Signs a payload that is JSON already, byte for byte.
    ///
    /// # Errors
    /// As [`Self::sign`]. A payload that [`Unverified::parse`](crate::Unverified::parse) would
    /// refuse is not signed.
    pub fn sign_payload(&self, header: &SigningHeader, payload: &[u8]) -> Result<String, SignError> {
        json::check_object(payload).map_err(SignError::Payload)?;
        let header = serde_json::to_vec(&WrittenHeader {
            typ: header.typ.as_deref(),
            alg: self.algorithm().name(),
            x5t: header.x5t.as_deref(),
            x5t_s256: header.x5t_s256.as_deref(),
            kid: header.kid.as_deref(),
        })
        .map_err(|_| SignError::Serialize)?;
        let mut token = format!("{}.{}", base64url::encode(header), base64url::encode(payload));
        let signature = self.pair.sign(token.as_bytes()).map_err(|_| SignError::Signing)?;
        token.push('.');
        token.push_str(&base64url::encode(signature));
        match token.len() {
            ..=MAX_TOKEN_BYTES => Ok(token),
            len => Err(SignError::TooLong { len }),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("verifying", &self.verifying).finish_non_exhaustive()
    }
}
