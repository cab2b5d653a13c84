use std::fmt;
use std::sync::Arc;

use aws_lc_rs::signature::ParsedPublicKey;

use super::KeyError;
use super::public::PublicNumbers;
use crate::jws::VerifyError;
use crate::{Algorithm, Jwk, digest, pem};

/// A public key, parsed once, with the algorithms that it may verify; cheap to clone.
#[derive(Clone)]
pub struct VerifyingKey(Arc<Inner>);

struct Inner {
    numbers: PublicNumbers,
    spki: Vec<u8>,
    /// One entry for each algorithm that is allowed.
    parsed: Vec<(Algorithm, ParsedPublicKey)>,
}

impl VerifyingKey {
    /// Reads a JWK (RFC 7517).
    ///
    /// An `alg` binds the key to that algorithm alone. Without one, an RSA key verifies all six RSA
    /// algorithms; other keys have only one. `x5c` is not looked at.
    ///
    /// # Errors
    /// [`KeyError`] when the key is not for signatures (`use`, `key_ops`), of an unsupported type,
    /// curve or size, or not valid.
    pub fn from_jwk(jwk: &Jwk) -> Result<Self, KeyError> {
        let for_signatures = jwk.use_.as_deref().is_none_or(|usage| usage == "sig");
        let to_verify = jwk.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
        let numbers = PublicNumbers::from_jwk(jwk)?;
        if !for_signatures || !to_verify {
            return Err(KeyError::NotForSignatures);
        }
        let Some(name) = &jwk.alg else {
            return Self::new(numbers);
        };
        let bound =
            name.parse::<Algorithm>().map_err(|unknown| KeyError::UnsupportedAlgorithm(unknown.name().to_owned()))?;
        Self::bound(numbers, bound)
    }

    /// Reads the first `PUBLIC KEY`, `RSA PUBLIC KEY` or `CERTIFICATE` section.
    ///
    /// # Errors
    /// [`KeyError`] when there is none, or its key is not supported or not valid.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        const WANTED: [&str; 3] = ["PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE"];
        let section = pem::first(pem, &WANTED, "`PUBLIC KEY`, `RSA PUBLIC KEY` or `CERTIFICATE`")?;
        Self::new(match section.label.as_str() {
            "PUBLIC KEY" => PublicNumbers::from_spki(&section.der)?,
            "RSA PUBLIC KEY" => PublicNumbers::from_pkcs1(&section.der)?,
            _ => PublicNumbers::from_certificate(&section.der)?,
        })
    }

    /// Reads a DER `SubjectPublicKeyInfo` (RFC 5280 section 4.1.2.7).
    ///
    /// # Errors
    /// [`KeyError`] when it is malformed, or its key is not supported or not valid.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, KeyError> {
        Self::new(PublicNumbers::from_spki(der)?)
    }

    /// Reads the key of a DER certificate; validity, names and signature are not looked at.
    ///
    /// # Errors
    /// [`KeyError`] when it is malformed, or its key is not supported or not valid.
    pub fn from_certificate_der(der: &[u8]) -> Result<Self, KeyError> {
        Self::new(PublicNumbers::from_certificate(der)?)
    }

    /// Whether the key may verify signatures of this algorithm.
    #[must_use]
    pub fn allows(&self, alg: Algorithm) -> bool {
        self.algorithms().any(|allowed| allowed == alg)
    }

    /// The algorithms that the key may verify.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        self.0.parsed.iter().map(|(algorithm, _)| *algorithm)
    }

    /// The DER `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        &self.0.spki
    }

    /// The key as a JWK with `use` `sig`, and with `alg` if it is for one algorithm only.
    #[must_use]
    pub fn to_jwk(&self) -> Jwk {
        let mut algorithms = self.algorithms();
        let alg = match (algorithms.next(), algorithms.next()) {
            (Some(only), None) => Some(only.name().to_owned()),
            _ => None,
        };
        Jwk { use_: Some("sig".to_owned()), alg, ..self.0.numbers.to_jwk() }
    }

    /// The JWK thumbprint with SHA-256 (RFC 7638), base64url.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        self.0.numbers.thumbprint()
    }

    /// The `kid` that a kube-apiserver gives this key: base64url of SHA-256 of [`Self::spki_der`].
    #[must_use]
    pub fn kubernetes_key_id(&self) -> String {
        digest::sha256_base64url(&self.0.spki)
    }

    /// The key for this algorithm alone.
    pub(super) fn bound(numbers: PublicNumbers, algorithm: Algorithm) -> Result<Self, KeyError> {
        if !numbers.algorithms().contains(&algorithm) {
            return Err(KeyError::AlgorithmMismatch(algorithm));
        }
        Self::with_algorithms(numbers, &[algorithm])
    }

    fn new(numbers: PublicNumbers) -> Result<Self, KeyError> {
        let algorithms = numbers.algorithms();
        Self::with_algorithms(numbers, algorithms)
    }

    fn with_algorithms(numbers: PublicNumbers, algorithms: &[Algorithm]) -> Result<Self, KeyError> {
        let spki = numbers.to_spki();
        let parsed = algorithms
            .iter()
            .map(|algorithm| Ok((*algorithm, ParsedPublicKey::new(algorithm.verification(), &spki)?)))
            .collect::<Result<_, aws_lc_rs::error::KeyRejected>>()
            .map_err(|_| KeyError::Invalid)?;
        Ok(Self(Arc::new(Inner { numbers, spki, parsed })))
    }

    pub(crate) fn check(&self, alg: Algorithm, message: &[u8], signature: &[u8]) -> Result<(), VerifyError> {
        let (_, key) =
            self.0.parsed.iter().find(|(allowed, _)| *allowed == alg).ok_or(VerifyError::AlgorithmNotAllowed(alg))?;
        key.verify_sig(message, signature).map_err(|_| VerifyError::BadSignature)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("thumbprint", &self.thumbprint())
            .field("algorithms", &self.algorithms().collect::<Vec<_>>())
            .finish()
    }
}

impl PartialEq for VerifyingKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.spki == other.0.spki && self.algorithms().eq(other.algorithms())
    }
}

impl Eq for VerifyingKey {}
