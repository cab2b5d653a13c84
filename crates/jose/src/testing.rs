//! Keys of the RFCs, for tests.

use crate::SigningKey;

pub(crate) const RSA_JWK: &str = include_str!("../tests/data/rsa.jwk.json");

/// The key of RFC 7515 appendix A.2.
pub(crate) fn rsa() -> SigningKey {
    SigningKey::from_jwk(RSA_JWK).unwrap()
}

/// The key of RFC 7515 appendix A.3.
pub(crate) fn p256() -> SigningKey {
    SigningKey::from_pem(include_str!("../tests/data/p256.pkcs8.pem")).unwrap()
}

/// The key of RFC 8037 appendix A.1.
pub(crate) fn ed25519() -> SigningKey {
    SigningKey::from_pem(include_str!("../tests/data/ed25519.pkcs8.pem")).unwrap()
}
