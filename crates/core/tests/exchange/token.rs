//! Keys of an issuer, and tokens that keep or break every rule.

use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaEncoding,
};
use serde_json::{Value, json};
use symbolon_jose::{VerifyingKey, base64url};

use crate::world::{AUDIENCE, ISSUER, NOW, SUBJECT};

/// The `kid`s of an issuer's keys, one of each family.
pub(crate) const FAMILIES: [&str; 5] = ["rsa", "p256", "p384", "p521", "ed25519"];

/// The keys of the issuer that the federated credentials name.
pub(crate) static ISSUER_KEYS: LazyLock<Keys> = LazyLock::new(Keys::generate);
/// Keys that nobody trusts.
pub(crate) static ATTACKER_KEYS: LazyLock<Keys> = LazyLock::new(Keys::generate);

pub(crate) struct Keys {
    rsa: RsaKeyPair,
    p256: EcdsaKeyPair,
    p384: EcdsaKeyPair,
    p521: EcdsaKeyPair,
    ed25519: Ed25519KeyPair,
}

impl Keys {
    fn generate() -> Self {
        Self {
            rsa: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
            p256: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
            p384: EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap(),
            p521: EcdsaKeyPair::generate(&ECDSA_P521_SHA512_FIXED_SIGNING).unwrap(),
            ed25519: Ed25519KeyPair::generate().unwrap(),
        }
    }

    /// The public key of a family; an RSA key allows all six RSA algorithms.
    pub(crate) fn public(&self, family: &str) -> VerifyingKey {
        VerifyingKey::from_spki_der(&self.spki(family)).unwrap()
    }

    pub(crate) fn spki(&self, family: &str) -> Vec<u8> {
        let der: PublicKeyX509Der<'_> = match family {
            "rsa" => self.rsa.public_key().as_der(),
            "p256" => self.p256.public_key().as_der(),
            "p384" => self.p384.public_key().as_der(),
            "p521" => self.p521.public_key().as_der(),
            _ => self.ed25519.public_key().as_der(),
        }
        .unwrap();
        der.as_ref().to_vec()
    }

    fn rsa(&self, padding: &'static dyn RsaEncoding, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.rsa.public_modulus_len()];
        self.rsa.sign(padding, &SystemRandom::new(), message, &mut signature).unwrap();
        signature
    }

    /// The signature of an algorithm, by the key of its family. HS256 is the classic forgery: its
    /// secret is the public RSA key.
    fn sign(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let ec = |pair: &EcdsaKeyPair| pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec();
        match algorithm {
            "RS256" => self.rsa(&signature::RSA_PKCS1_SHA256, message),
            "RS384" => self.rsa(&signature::RSA_PKCS1_SHA384, message),
            "RS512" => self.rsa(&signature::RSA_PKCS1_SHA512, message),
            "PS256" => self.rsa(&signature::RSA_PSS_SHA256, message),
            "PS384" => self.rsa(&signature::RSA_PSS_SHA384, message),
            "PS512" => self.rsa(&signature::RSA_PSS_SHA512, message),
            "ES256" => ec(&self.p256),
            "ES384" => ec(&self.p384),
            "ES512" => ec(&self.p521),
            "EdDSA" => self.ed25519.sign(message).as_ref().to_vec(),
            "HS256" => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, &self.spki("rsa"));
                hmac::sign(&key, message).as_ref().to_vec()
            }
            _ => vec![],
        }
    }
}

/// A token in the making: valid until something is changed.
pub(crate) struct Token {
    pub(crate) header: Value,
    pub(crate) claims: Value,
    /// The algorithm that really signs, whatever the header says.
    pub(crate) signed_with: &'static str,
    pub(crate) signed_by: &'static Keys,
    /// Instead of the printed `header`.
    pub(crate) raw_header: Option<String>,
    /// Instead of the printed `claims`.
    pub(crate) raw_claims: Option<String>,
}

impl Token {
    /// The token of a pod, as a kube-apiserver makes it: no `typ`.
    pub(crate) fn of_a_pod() -> Self {
        Self {
            header: json!({ "alg": "RS256", "kid": "rsa" }),
            claims: json!({
                "aud": [AUDIENCE],
                "exp": NOW + 3600,
                "iat": NOW,
                "iss": ISSUER,
                "jti": "5d2d9e3b-94b9-4f0f-8f0c-5a5e1f0f8a11",
                "kubernetes.io": {
                    "namespace": "default",
                    "node": { "name": "node-1", "uid": "0c1d" },
                    "pod": { "name": "sademo-pod", "uid": "1c2d" },
                    "serviceaccount": { "name": "sademo", "uid": "2c3d" },
                },
                "nbf": NOW,
                "sub": SUBJECT,
            }),
            signed_with: "RS256",
            signed_by: &ISSUER_KEYS,
            raw_header: None,
            raw_claims: None,
        }
    }

    /// Names and uses `algorithm`, with the key of its family.
    pub(crate) fn algorithm(&mut self, algorithm: &'static str) {
        let family = match algorithm {
            "ES256" => "p256",
            "ES384" => "p384",
            "ES512" => "p521",
            "EdDSA" => "ed25519",
            _ => "rsa",
        };
        self.header["alg"] = algorithm.into();
        self.header["kid"] = family.into();
        self.signed_with = algorithm;
    }

    pub(crate) fn header(&mut self, name: &str, value: impl Into<Value>) {
        self.header[name] = value.into();
    }

    pub(crate) fn claim(&mut self, name: &str, value: impl Into<Value>) {
        self.claims[name] = value.into();
    }

    pub(crate) fn without_header(&mut self, name: &str) {
        self.header.as_object_mut().unwrap().remove(name);
    }

    pub(crate) fn without_claim(&mut self, name: &str) {
        self.claims.as_object_mut().unwrap().remove(name);
    }

    /// The compact form, signed.
    pub(crate) fn print(&self) -> String {
        let header = self.raw_header.clone().unwrap_or_else(|| self.header.to_string());
        let claims = self.raw_claims.clone().unwrap_or_else(|| self.claims.to_string());
        let input = format!("{}.{}", base64url::encode(header), base64url::encode(claims));
        let signature = self.signed_by.sign(self.signed_with, input.as_bytes());
        format!("{input}.{}", base64url::encode(signature))
    }
}

/// The payload of a token, as it was signed.
pub(crate) fn payload(token: &str) -> String {
    let part = token.split('.').nth(1).unwrap();
    String::from_utf8(base64url::decode(part).unwrap()).unwrap()
}

/// The header of a token, as it was signed.
pub(crate) fn header(token: &str) -> String {
    let part = token.split('.').next().unwrap();
    String::from_utf8(base64url::decode(part).unwrap()).unwrap()
}
