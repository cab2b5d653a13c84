//! The authority's signing keys: one signs, all are published.

use std::collections::HashMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use rcgen::{CertificateParams, DnType, KeyPair, PKCS_RSA_SHA256, SerialNumber};
use secrecy::{ExposeSecret, SecretSlice};
use symbolon_core::{
    application::TokenVersion,
    ports::{
        AuthorityKeys, PortError, Random, Signer,
        keys::{SigningKeyState, StoredSigningKey},
    },
};
use symbolon_jose::{Jwk, JwkSet, KeyKind, SigningHeader, SigningKey, VerifyingKey, digest};
use thiserror::Error;

/// Years that the certificate of a signing key is valid; it only carries the key, nobody checks it.
const CERTIFICATE_YEARS: i32 = 5;

/// The authority's keys, parsed once.
pub struct SigningKeys {
    active: SigningKey,
    header_v1: SigningHeader,
    header_v2: SigningHeader,
    published: Vec<Published>,
    by_id: HashMap<String, VerifyingKey>,
}

/// A key as the world sees it.
#[derive(Clone, Debug)]
pub struct Published {
    /// `kid`
    pub key_id: String,
    /// What it is used for.
    pub state: SigningKeyState,
    /// Unix seconds.
    pub created: i64,
    jwk: Jwk,
}

/// Why signing keys cannot be used or made.
#[derive(Debug, Error)]
pub enum SigningKeysError {
    /// No key is active.
    #[error("no signing key is active")]
    NoActiveKey,
    /// A stored key cannot be parsed.
    #[error("signing key `{key_id}` cannot be used")]
    Unusable {
        /// Its id.
        key_id: String,
        /// Why.
        #[source]
        source: symbolon_jose::KeyError,
    },
    /// A key cannot be generated.
    #[error("a signing key cannot be generated")]
    Generate(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl SigningKeys {
    /// Parses the stored keys.
    ///
    /// # Errors
    /// [`SigningKeysError`], when one cannot be parsed or none is active.
    pub fn new(stored: &[StoredSigningKey]) -> Result<Self, SigningKeysError> {
        let mut active = None;
        let mut published = Vec::new();
        let mut by_id = HashMap::new();
        for key in stored {
            let unusable = |source| SigningKeysError::Unusable { key_id: key.key_id.clone(), source };
            let signing = SigningKey::from_pkcs8_der(key.pkcs8.expose_secret()).map_err(unusable)?;
            published.push(Published {
                key_id: key.key_id.clone(),
                state: key.state,
                created: key.created,
                jwk: jwk(&signing, key),
            });
            by_id.insert(key.key_id.clone(), signing.verifying_key().clone());
            if key.state == SigningKeyState::Active {
                active = Some((signing, key.key_id.clone()));
            }
        }
        let (active, key_id) = active.ok_or(SigningKeysError::NoActiveKey)?;
        let header_v2 =
            SigningHeader { typ: Some("JWT".into()), kid: Some(key_id.clone()), ..SigningHeader::default() };
        let header_v1 = SigningHeader { x5t: Some(key_id), ..header_v2.clone() };
        Ok(Self { active, header_v1, header_v2, published, by_id })
    }

    /// The key set as it is published, each key with this `issuer` where one is given.
    #[must_use]
    pub fn key_set(&self, issuer: Option<&str>) -> JwkSet {
        let with_issuer = |published: &Published| Jwk { issuer: issuer.map(Into::into), ..published.jwk.clone() };
        JwkSet { keys: self.published.iter().map(with_issuer).collect(), ..JwkSet::default() }
    }

    /// The published keys.
    #[must_use]
    pub fn published(&self) -> &[Published] {
        &self.published
    }
}

fn jwk(signing: &SigningKey, key: &StoredSigningKey) -> Jwk {
    Jwk {
        use_: Some("sig".into()),
        kid: Some(key.key_id.clone()),
        x5t: Some(key.key_id.clone()),
        x5c: Some(vec![STANDARD.encode(&key.certificate)]),
        alg: None,
        ..signing.verifying_key().to_jwk()
    }
}

/// Makes an RSA key of 2048 bits with a self-signed certificate. Costs some 100 ms of CPU.
///
/// # Errors
/// [`SigningKeysError::Generate`].
pub fn generate(
    state: SigningKeyState,
    now: Timestamp,
    random: &dyn Random,
) -> Result<StoredSigningKey, SigningKeysError> {
    let generate = |error: Box<dyn std::error::Error + Send + Sync>| SigningKeysError::Generate(error);
    let key = SigningKey::generate(KeyKind::Rsa2048).map_err(|error| generate(error.into()))?;
    let pkcs8 = key.to_pkcs8_der();
    let certificate =
        self_signed("Symbolon token signing", &pkcs8, now, random).map_err(|error| generate(error.into()))?;
    Ok(StoredSigningKey {
        key_id: digest::sha1_base64url(&certificate),
        state,
        pkcs8: SecretSlice::from(pkcs8.to_vec()),
        certificate,
        created: now.as_second(),
    })
}

/// Makes a self-signed certificate for an RSA key, DER; it only carries the key.
///
/// # Errors
/// When the key cannot sign.
pub fn self_signed(
    common_name: &str,
    pkcs8: &[u8],
    now: Timestamp,
    random: &dyn Random,
) -> Result<Vec<u8>, rcgen::Error> {
    let der = rustls_pki_types::PrivatePkcs8KeyDer::from(pkcs8);
    let key_pair = KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_RSA_SHA256)?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, common_name);
    let mut serial = [0; 16];
    random.fill(&mut serial);
    serial[0] &= 0x7f;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let day = |years: i32| {
        let (month, day) = (today.month().unsigned_abs(), today.day().min(28).unsigned_abs());
        rcgen::date_time_ymd(i32::from(today.year()) + years, month, day)
    };
    params.not_before = day(0);
    params.not_after = day(CERTIFICATE_YEARS);
    Ok(params.self_signed(&key_pair)?.der().to_vec())
}

impl Signer for SigningKeys {
    fn sign(&self, version: TokenVersion, payload: &[u8]) -> Result<String, PortError> {
        let header = match version {
            TokenVersion::V1 => &self.header_v1,
            TokenVersion::V2 => &self.header_v2,
        };
        let failed = |source| PortError { what: "signing an access token", source: Box::new(source) };
        self.active.sign_payload(header, payload).map_err(failed)
    }
}

impl AuthorityKeys for SigningKeys {
    fn key(&self, key_id: &str) -> Option<VerifyingKey> {
        self.by_id.get(key_id).cloned()
    }
}
