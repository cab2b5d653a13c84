//! Making and reading certificates.

use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData as _, SanType, SerialNumber,
};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;
use zeroize::Zeroizing;

use super::CertificateError;

/// As upstream: API servers whose clock lags behind by less than this accept a fresh certificate.
const BACK_DATE: Duration = Duration::from_hours(1);
/// The end of the year 9999, the last moment that X.509 can express (RFC 5280, section 4.1.2.5).
const LAST_MOMENT: i64 = 253_402_300_799;

/// A certificate and its key in PEM form.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: Zeroizing<String>,
}

impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pair").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

/// A CA that can sign.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    not_after: i64,
}

impl Authority {
    /// Reads a CA and its key: ours, or one that upstream made (RSA, PKCS#1).
    pub(crate) fn read(pair: &Pair) -> Result<Self, CertificateError> {
        let der = first(&pair.certificate).ok_or(CertificateError::Unreadable)?;
        let (_, parsed) = X509Certificate::from_der(&der).map_err(|_| CertificateError::Unreadable)?;
        let key = read_key(&pair.key)?;
        if !parsed.is_ca() || parsed.public_key().raw != key.subject_public_key_info() {
            return Err(CertificateError::Mismatch);
        }
        let not_after = parsed.validity().not_after.timestamp();
        let issuer = Issuer::from_ca_cert_der(&der, key).map_err(CertificateError::Make)?;
        Ok(Self { issuer, not_after })
    }

    /// Signs a server certificate for the names. It never outlives the CA.
    pub(crate) fn issue(&self, names: &[String], now: i64, lifetime: Duration) -> Result<Pair, CertificateError> {
        let not_after = after(now, lifetime).min(self.not_after);
        let mut params = params("Symbolon webhook", now, not_after);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        params.subject_alt_names = names.iter().map(|name| alternative_name(name)).collect::<Result<_, _>>()?;
        let key = KeyPair::generate().map_err(CertificateError::Make)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(CertificateError::Make)?;
        Ok(Pair { certificate: certificate.pem(), key: Zeroizing::new(key.serialize_pem()) })
    }
}

/// Makes a CA: P-256, because a handshake then costs a fifteenth of one with RSA.
pub(crate) fn create_authority(now: i64, lifetime: Duration) -> Result<Pair, CertificateError> {
    let mut params = params("Symbolon webhook CA", now, after(now, lifetime));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let key = KeyPair::generate().map_err(CertificateError::Make)?;
    let certificate = params.self_signed(&key).map_err(CertificateError::Make)?;
    Ok(Pair { certificate: certificate.pem(), key: Zeroizing::new(key.serialize_pem()) })
}

fn params(name: &str, now: i64, not_after: i64) -> CertificateParams {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let moment = |seconds: i64| epoch + Duration::from_secs(seconds.max(0).unsigned_abs());
    let mut serial: [u8; 16] = uuid::Uuid::new_v4().into_bytes();
    // Positive, and of full length (RFC 5280, section 4.1.2.2).
    serial[0] = (serial[0] & 0x7f) | 0x40;
    let mut params = CertificateParams::default();
    params.not_before = moment(now.saturating_sub_unsigned(BACK_DATE.as_secs()));
    params.not_after = moment(not_after.min(LAST_MOMENT));
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    // Two CAs of the same name in one bundle would make path building a matter of luck.
    let mut distinguished = DistinguishedName::new();
    let [a, b, c, d, ..] = serial;
    distinguished.push(DnType::CommonName, format!("{name} {:08x}", u32::from_be_bytes([a, b, c, d])));
    params.distinguished_name = distinguished;
    params
}

fn after(now: i64, lifetime: Duration) -> i64 {
    now.saturating_add_unsigned(lifetime.as_secs()).min(LAST_MOMENT)
}

fn alternative_name(name: &str) -> Result<SanType, CertificateError> {
    match name.parse() {
        Ok(address) => Ok(SanType::IpAddress(address)),
        Err(_) => Ok(SanType::DnsName(name.try_into().map_err(CertificateError::Make)?)),
    }
}

fn read_key(pem: &str) -> Result<KeyPair, CertificateError> {
    let der = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| CertificateError::Unreadable)?;
    KeyPair::try_from(&der).map_err(CertificateError::Make)
}

fn first(pem: &str) -> Option<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).next()?.ok()
}

/// The end of the first certificate's validity in unix seconds, if it can be read.
pub(crate) fn not_after(pem: &str) -> Option<i64> {
    not_after_of(&first(pem)?)
}

/// The same of a certificate in DER.
pub(super) fn not_after_of(der: &[u8]) -> Option<i64> {
    let (_, parsed) = X509Certificate::from_der(der).ok()?;
    Some(parsed.validity().not_after.timestamp())
}

/// Whether a client that trusts `roots` alone accepts the server certificate for every name.
///
/// A start of validity that lies ahead is not held against it: it only says that the clocks of
/// two machines differ.
pub(crate) fn accepts(roots: &Bundle, leaf: &Pair, names: &[String], now: i64) -> bool {
    check(roots, leaf, names, now).is_some()
}

fn check(roots: &Bundle, leaf: &Pair, names: &[String], now: i64) -> Option<()> {
    let der = first(&leaf.certificate)?;
    let (_, parsed) = X509Certificate::from_der(&der).ok()?;
    if parsed.public_key().raw != read_key(&leaf.key).ok()?.subject_public_key_info() {
        return None;
    }
    let at = now.max(parsed.validity().not_before.timestamp());
    let at = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(at).ok()?));
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots.store()), provider).build().ok()?;
    for name in names {
        let name = ServerName::try_from(name.as_str()).ok()?;
        verifier.verify_server_cert(&der, &[], &name, &[], at).ok()?;
    }
    Some(())
}

/// The certificates of CAs that the API server is told to trust.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bundle(Vec<CertificateDer<'static>>);

impl Bundle {
    /// Reads all certificates of a text in PEM form, and passes over what is none.
    pub(crate) fn read(pem: &[u8]) -> Self {
        let mut bundle = Self::default();
        for certificate in CertificateDer::pem_slice_iter(pem).filter_map(Result::ok) {
            bundle.add(certificate);
        }
        bundle
    }

    fn add(&mut self, certificate: CertificateDer<'static>) {
        if !self.0.contains(&certificate) {
            self.0.push(certificate);
        }
    }

    /// Adds what is not there yet.
    pub(crate) fn extend(&mut self, other: Self) {
        for certificate in other.0 {
            self.add(certificate);
        }
    }

    /// Whether it holds everything that `other` does.
    pub(crate) fn contains(&self, other: &Self) -> bool {
        other.0.iter().all(|certificate| self.0.contains(certificate))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What both hold.
    pub(crate) fn intersection(mut self, other: &Self) -> Self {
        self.0.retain(|der| other.0.contains(der));
        self
    }

    /// Without what is no CA or has expired.
    pub(crate) fn usable(mut self, now: i64) -> Self {
        self.0.retain(|der| {
            X509Certificate::from_der(der)
                .is_ok_and(|(_, parsed)| parsed.is_ca() && parsed.validity().not_after.timestamp() > now)
        });
        self
    }

    /// The first few.
    pub(crate) fn at_most(mut self, count: usize) -> Self {
        self.0.truncate(count);
        self
    }

    pub(crate) fn pem(&self) -> String {
        self.0.iter().map(|der| pem(der)).collect()
    }

    pub(crate) fn store(&self) -> RootCertStore {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(self.0.iter().cloned());
        store
    }
}

fn pem(der: &CertificateDer<'_>) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut out = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, others) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = others;
    }
    out.push_str("-----END CERTIFICATE-----\n");
    out
}
