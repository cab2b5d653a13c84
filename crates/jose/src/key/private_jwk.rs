use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeyPairComponents, PublicKeyComponents};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use serde::Deserialize;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::KeyError;
use super::public::{Curve, PublicNumbers, decode, fixed};
use super::signing::Pair;
use crate::{Algorithm, Jwk, json};

/// The private members of a JWK (RFC 7518 section 6); erased from memory when dropped.
#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
struct PrivateMembers {
    d: Option<String>,
    p: Option<String>,
    q: Option<String>,
    dp: Option<String>,
    dq: Option<String>,
    qi: Option<String>,
}

/// Reads a private key. The errors of the JSON reader can quote a value, so they are dropped.
pub(super) fn read(text: &str) -> Result<Pair, KeyError> {
    let jwk: Jwk = json::from_slice(text.as_bytes()).map_err(|_| KeyError::NotAJwk)?;
    let private: PrivateMembers = json::from_checked(text.as_bytes()).map_err(|_| KeyError::NotAJwk)?;
    let numbers = PublicNumbers::from_jwk(&jwk)?;
    let pair = match numbers {
        PublicNumbers::Rsa { n, e } => rsa(n, e, &private)?,
        PublicNumbers::Ec { curve: Curve::P256, x, y } => p256(&x, &y, &private)?,
        PublicNumbers::Ec { curve, .. } => {
            return Err(KeyError::UnsupportedCurve(curve.name().to_owned()));
        }
        PublicNumbers::Ed25519 { x } => ed25519(&x, &private)?,
    };
    check_purpose(&jwk, pair.algorithm())?;
    Ok(pair)
}

fn check_purpose(jwk: &Jwk, signs: Algorithm) -> Result<(), KeyError> {
    let for_signatures = jwk.use_.as_deref().is_none_or(|usage| usage == "sig");
    let to_sign = jwk.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "sign"));
    if !for_signatures || !to_sign {
        return Err(KeyError::NotForSignatures);
    }
    match jwk.alg.as_deref() {
        None => Ok(()),
        Some(name) => match name.parse::<Algorithm>() {
            Ok(algorithm) if algorithm == signs => Ok(()),
            Ok(other) => Err(KeyError::AlgorithmMismatch(other)),
            Err(unknown) => Err(KeyError::UnsupportedAlgorithm(unknown.name().to_owned())),
        },
    }
}

fn rsa(n: Vec<u8>, e: Vec<u8>, private: &PrivateMembers) -> Result<Pair, KeyError> {
    let secret = |member, text: &Option<String>| decode(member, text.as_deref()).map(Zeroizing::new);
    let components = KeyPairComponents {
        public_key: PublicKeyComponents { n: Zeroizing::new(n), e: Zeroizing::new(e) },
        d: secret("d", &private.d)?,
        p: secret("p", &private.p)?,
        q: secret("q", &private.q)?,
        dP: secret("dp", &private.dp)?,
        dQ: secret("dq", &private.dq)?,
        qInv: secret("qi", &private.qi)?,
    };
    RsaKeyPair::from_components(&components).map(Pair::Rsa).map_err(|_| KeyError::Invalid)
}

fn p256(x: &[u8], y: &[u8], private: &PrivateMembers) -> Result<Pair, KeyError> {
    let d = Zeroizing::new(fixed("d", private.d.as_deref(), 32)?);
    let point = [&[4], x, y].concat();
    EcdsaKeyPair::from_private_key_and_public_key(&ECDSA_P256_SHA256_FIXED_SIGNING, &d, &point)
        .map(Pair::P256)
        .map_err(|_| KeyError::Invalid)
}

fn ed25519(x: &[u8], private: &PrivateMembers) -> Result<Pair, KeyError> {
    let d = Zeroizing::new(fixed("d", private.d.as_deref(), 32)?);
    Ed25519KeyPair::from_seed_and_public_key(&d, x).map(Pair::Ed25519).map_err(|_| KeyError::Invalid)
}
