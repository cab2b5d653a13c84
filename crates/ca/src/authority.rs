use std::fmt;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData, SanType, SerialNumber,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use zeroize::Zeroizing;

use crate::{CaError, ConstrainedNames, SubjectName};

const DAY: i64 = 86_400;
/// Ten years: nobody should have to trust a new local CA while a machine lives.
const CA_LIFETIME: i64 = 3_650 * DAY;
/// Clients whose clock lags behind by this much still accept a fresh certificate.
const BACK_DATE: i64 = 300;
/// The end of the year 9999, the last moment that X.509 can express (RFC 5280, section 4.1.2.5).
const LAST_MOMENT: i64 = 253_402_300_799;

/// A P-256 certificate authority that can only sign for the names it was made for.
///
/// The limits stand in the certificate as a critical extension, so verifiers enforce them even
/// against somebody who has the key.
pub struct CertificateAuthority {
    issuer: Issuer<'static, KeyPair>,
    certificate_pem: String,
    key_pem: Zeroizing<String>,
    names: ConstrainedNames,
    not_before: i64,
    not_after: i64,
}

/// A server certificate with its chain and its key.
pub struct Leaf {
    /// The leaf and then the CA, in PEM form, as servers send it.
    pub chain_pem: String,
    /// The PKCS#8 key in PEM form, wiped from memory when dropped.
    pub key_pem: Zeroizing<String>,
    /// The end of validity in unix seconds.
    pub not_after: i64,
}

impl CertificateAuthority {
    /// Makes a new CA with a new key, valid from five minutes before `now` (unix seconds) for ten years.
    ///
    /// # Errors
    ///
    /// [`CaError::Clock`] if `now` cannot stand in a certificate, [`CaError::Generate`] or
    /// [`CaError::Random`] if the cryptography fails.
    pub fn create(names: &ConstrainedNames, now: i64) -> Result<Self, CaError> {
        let (not_before, not_after) = validity(now, CA_LIFETIME)?;
        let key = KeyPair::generate().map_err(CaError::Generate)?;
        let mut params = base_params(not_before, not_after)?;
        // Two CAs of the same name in one bundle would make path building a matter of luck.
        params.distinguished_name = common_name(format!("Symbolon local CA {:08x}", u32::from_be_bytes(random()?)));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.name_constraints = Some(names.to_extension());
        let certificate_pem = params.self_signed(&key).map_err(CaError::Generate)?.pem();
        Ok(Self {
            certificate_pem,
            key_pem: Zeroizing::new(key.serialize_pem()),
            issuer: Issuer::new(params, key),
            names: names.clone(),
            not_before,
            not_after,
        })
    }

    /// Reads a CA that [`Self::create`] made, with its PKCS#8 key.
    ///
    /// # Errors
    ///
    /// A [`CaError`] that says what is wrong: unreadable, not a CA, without name constraints, or
    /// the key of another certificate. An expired CA can be read; it signs nothing.
    pub fn from_pem(certificate: &str, key: &str) -> Result<Self, CaError> {
        let der = single_certificate(certificate)?;
        let (_, parsed) = X509Certificate::from_der(&der).map_err(|_| CaError::Certificate)?;
        let key = KeyPair::from_pem(key).map_err(CaError::Key)?;
        if !may_sign(&parsed) {
            return Err(CaError::NotAnAuthority);
        }
        if parsed.public_key().raw != key.subject_public_key_info() {
            return Err(CaError::KeyMismatch);
        }
        let names = ConstrainedNames::from_certificate(&parsed)?;
        let (not_before, not_after) =
            (parsed.validity().not_before.timestamp(), parsed.validity().not_after.timestamp());
        Ok(Self {
            certificate_pem: certificate.to_owned(),
            key_pem: Zeroizing::new(key.serialize_pem()),
            issuer: Issuer::from_ca_cert_der(&der, key).map_err(|_| CaError::Certificate)?,
            names,
            not_before,
            not_after,
        })
    }

    /// The CA's certificate in PEM form: what clients are told to trust.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The CA's PKCS#8 key in PEM form; never print it, store it with mode 0600 or encrypted.
    #[must_use]
    pub fn key_pem(&self) -> &Zeroizing<String> {
        &self.key_pem
    }

    /// The end of the CA's validity in unix seconds.
    #[must_use]
    pub fn not_after(&self) -> i64 {
        self.not_after
    }

    /// Whether this CA may sign for the name.
    #[must_use]
    pub fn permits(&self, name: &SubjectName) -> bool {
        self.names.permits(name)
    }

    /// Signs a server certificate for the names, with a new P-256 key.
    ///
    /// It is valid from five minutes before `now` (unix seconds) until `valid` after it, but never
    /// longer than the CA itself.
    ///
    /// # Errors
    ///
    /// [`CaError::NoNames`], [`CaError::NotPermitted`] with the first name outside of the
    /// constraints, [`CaError::Expired`] if the CA is not valid at `now`, or a failure of the cryptography.
    pub fn issue_leaf(&self, names: &[SubjectName], now: i64, valid: Duration) -> Result<Leaf, CaError> {
        if names.is_empty() {
            return Err(CaError::NoNames);
        }
        if let Some(name) = names.iter().find(|name| !self.permits(name)) {
            return Err(CaError::NotPermitted { name: name.clone() });
        }
        self.sign(names, now, valid)
    }

    /// Signs without looking at the constraints, which is for verifiers to find out in tests.
    fn sign(&self, names: &[SubjectName], now: i64, valid: Duration) -> Result<Leaf, CaError> {
        if now < self.not_before || now >= self.not_after {
            return Err(CaError::Expired { not_after: self.not_after });
        }
        let lifetime = i64::try_from(valid.as_secs()).unwrap_or(i64::MAX).min(self.not_after - now);
        let (not_before, not_after) = validity(now, lifetime)?;
        let key = KeyPair::generate().map_err(CaError::Generate)?;
        let mut params = base_params(not_before, not_after)?;
        // With a space in it: verifiers that still read host names from here must not find one.
        params.distinguished_name = common_name("Symbolon server".to_owned());
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        params.subject_alt_names = names.iter().map(alternative_name).collect::<Result<_, _>>()?;
        let leaf = params.signed_by(&key, &self.issuer).map_err(CaError::Generate)?;
        Ok(Leaf {
            chain_pem: format!("{}{}", leaf.pem(), self.certificate_pem),
            key_pem: Zeroizing::new(key.serialize_pem()),
            not_after,
        })
    }
}

impl fmt::Debug for CertificateAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateAuthority")
            .field("names", &self.names)
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leaf").field("not_after", &self.not_after).finish_non_exhaustive()
    }
}

/// The bounds of validity around `now`, if X.509 can express them.
fn validity(now: i64, lifetime: i64) -> Result<(i64, i64), CaError> {
    let not_before = now.checked_sub(BACK_DATE).filter(|&moment| moment >= 0);
    let not_after = now.checked_add(lifetime).filter(|&moment| moment <= LAST_MOMENT);
    not_before.zip(not_after).ok_or(CaError::Clock(now))
}

fn base_params(not_before: i64, not_after: i64) -> Result<CertificateParams, CaError> {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let moment = |seconds: i64| epoch + Duration::from_secs(seconds.unsigned_abs());
    let mut params = CertificateParams::default();
    params.not_before = moment(not_before);
    params.not_after = moment(not_after);
    params.serial_number = Some(serial_number()?);
    Ok(params)
}

/// A positive random number of 127 bits; RFC 5280, section 4.1.2.2, allows up to 159.
fn serial_number() -> Result<SerialNumber, CaError> {
    let mut serial: [u8; 16] = random()?;
    serial[0] = (serial[0] & 0x7f) | 0x40;
    Ok(SerialNumber::from_slice(&serial))
}

fn random<const N: usize>() -> Result<[u8; N], CaError> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| CaError::Random)?;
    Ok(bytes)
}

fn common_name(text: String) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, text);
    name
}

fn alternative_name(name: &SubjectName) -> Result<SanType, CaError> {
    match name {
        SubjectName::Dns(text) => {
            // Validated again: the variant is public, and a NUL in a name has fooled verifiers.
            let Ok(SubjectName::Dns(text)) = SubjectName::parse(text) else {
                return Err(CaError::NotPermitted { name: name.clone() });
            };
            Ok(SanType::DnsName(text.try_into().map_err(CaError::Generate)?))
        }
        SubjectName::Ip(address) => Ok(SanType::IpAddress(*address)),
    }
}

fn single_certificate(pem: &str) -> Result<CertificateDer<'static>, CaError> {
    let mut certificates = CertificateDer::pem_slice_iter(pem.as_bytes());
    match (certificates.next(), certificates.next()) {
        (Some(Ok(certificate)), None) => Ok(certificate),
        _ => Err(CaError::Certificate),
    }
}

fn may_sign(certificate: &X509Certificate<'_>) -> bool {
    let usage = certificate.key_usage().ok().flatten();
    certificate.is_ca() && usage.is_some_and(|usage| usage.value.key_cert_sign())
}

#[cfg(test)]
mod tests;
