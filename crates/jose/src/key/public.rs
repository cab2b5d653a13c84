//! The numbers of a public key, and its two encodings: JWK members and `SubjectPublicKeyInfo`.

use crate::der::{self, Reader};
use crate::text::printable;
use crate::{Algorithm, Jwk, KeyError, base64url, digest};

const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// A curve of NIST (RFC 7518 section 6.2.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    const ALL: [Self; 3] = [Self::P256, Self::P384, Self::P521];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    const fn oid(self) -> &'static [u8] {
        match self {
            Self::P256 => &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
            Self::P384 => &[0x2b, 0x81, 0x04, 0x00, 0x22],
            Self::P521 => &[0x2b, 0x81, 0x04, 0x00, 0x23],
        }
    }

    const fn coordinate_len(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    fn from_name(name: &str) -> Result<Self, KeyError> {
        let found = Self::ALL.into_iter().find(|curve| curve.name() == name);
        found.ok_or_else(|| KeyError::UnsupportedCurve(printable(name, 32)))
    }
}

/// The algorithm identifier at the head of `SubjectPublicKeyInfo` and PKCS#8.
pub(super) enum KeyType {
    Rsa,
    Ec(Curve),
    Ed25519,
}

impl KeyType {
    /// Reads the contents of an `AlgorithmIdentifier`.
    pub(super) fn from_der(identifier: &[u8], what: &'static str) -> Result<Self, KeyError> {
        let mut reader = Reader::new(identifier);
        let key_type = match reader.take(der::OID).ok_or(KeyError::Der(what))? {
            RSA_ENCRYPTION => reader.take(der::NULL).filter(|null| null.is_empty()).map(|_| Self::Rsa),
            EC_PUBLIC_KEY => {
                let oid = reader.take(der::OID).ok_or(KeyError::Der(what))?;
                let curve = Curve::ALL.into_iter().find(|curve| curve.oid() == oid);
                Some(Self::Ec(curve.ok_or_else(|| KeyError::UnsupportedCurve(dotted(oid)))?))
            }
            ED25519 => Some(Self::Ed25519),
            other => return Err(KeyError::UnsupportedKeyType(dotted(other))),
        };
        key_type.filter(|_| reader.is_empty()).ok_or(KeyError::Der(what))
    }
}

/// An object identifier in dots, as far as it fits an error message.
fn dotted(oid: &[u8]) -> String {
    let mut arcs = Vec::new();
    let mut arc = 0_u64;
    for byte in oid.iter().take(32) {
        arc = arc << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            arcs.push(arc);
            arc = 0;
        }
    }
    if let Some(first) = arcs.first().copied() {
        let root = (first / 40).min(2);
        arcs.splice(..1, [root, first - 40 * root]);
    }
    arcs.iter().map(u64::to_string).collect::<Vec<_>>().join(".")
}

/// The numbers of a public key, in range and of the right length, but not yet checked by the library.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum PublicNumbers {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Ec { curve: Curve, x: Vec<u8>, y: Vec<u8> },
    Ed25519 { x: Vec<u8> },
}

impl PublicNumbers {
    pub(super) fn rsa(n: Vec<u8>, e: Vec<u8>) -> Result<Self, KeyError> {
        let bits = n.first().map_or(0, |first| n.len() * 8 - first.leading_zeros() as usize);
        if !(2048..=8192).contains(&bits) {
            return Err(KeyError::RsaSize(bits));
        }
        // With e = 1 every text is its own signature.
        if e.len() > 5 || e.last().is_none_or(|low| low % 2 == 0) || e == [1] {
            return Err(KeyError::RsaExponent);
        }
        Ok(Self::Rsa { n, e })
    }

    pub(super) fn from_jwk(jwk: &Jwk) -> Result<Self, KeyError> {
        match jwk.kty.as_str() {
            "RSA" => Self::rsa(unsigned("n", jwk.n.as_deref())?, unsigned("e", jwk.e.as_deref())?),
            "EC" => {
                let curve = Curve::from_name(jwk.crv.as_deref().ok_or(KeyError::MissingMember("crv"))?)?;
                let x = fixed("x", jwk.x.as_deref(), curve.coordinate_len())?;
                let y = fixed("y", jwk.y.as_deref(), curve.coordinate_len())?;
                Ok(Self::Ec { curve, x, y })
            }
            "OKP" => match jwk.crv.as_deref().ok_or(KeyError::MissingMember("crv"))? {
                "Ed25519" => Ok(Self::Ed25519 { x: fixed("x", jwk.x.as_deref(), 32)? }),
                other => Err(KeyError::UnsupportedCurve(printable(other, 32))),
            },
            other => Err(KeyError::UnsupportedKeyType(printable(other, 32))),
        }
    }

    /// Reads a `SubjectPublicKeyInfo` (RFC 5280 section 4.1.2.7).
    pub(super) fn from_spki(der: &[u8]) -> Result<Self, KeyError> {
        const WHAT: &str = "public key";
        let malformed = || KeyError::Der(WHAT);
        let mut outer = Reader::new(der);
        let mut info = Reader::new(outer.take(der::SEQUENCE).ok_or_else(malformed)?);
        let identifier = info.take(der::SEQUENCE).ok_or_else(malformed)?;
        let key = info.take_bit_string().ok_or_else(malformed)?;
        if !outer.is_empty() || !info.is_empty() {
            return Err(malformed());
        }
        match KeyType::from_der(identifier, WHAT)? {
            KeyType::Rsa => Self::from_pkcs1(key),
            KeyType::Ec(curve) => {
                // 4: the point is not compressed (RFC 5480 section 2.2).
                let point = key.strip_prefix(&[4]).filter(|point| point.len() == 2 * curve.coordinate_len());
                let (x, y) = point.ok_or_else(malformed)?.split_at(curve.coordinate_len());
                Ok(Self::Ec { curve, x: x.to_vec(), y: y.to_vec() })
            }
            KeyType::Ed25519 if key.len() == 32 => Ok(Self::Ed25519 { x: key.to_vec() }),
            KeyType::Ed25519 => Err(malformed()),
        }
    }

    /// Reads an `RSAPublicKey` (RFC 8017 appendix A.1.1).
    pub(super) fn from_pkcs1(der: &[u8]) -> Result<Self, KeyError> {
        let mut outer = Reader::new(der);
        let numbers = outer.take(der::SEQUENCE).and_then(|contents| {
            let mut inner = Reader::new(contents);
            let numbers = (inner.take_unsigned()?, inner.take_unsigned()?);
            inner.is_empty().then_some(numbers)
        });
        match numbers.filter(|_| outer.is_empty()) {
            Some((n, e)) => Self::rsa(n.to_vec(), e.to_vec()),
            None => Err(KeyError::Der("RSA public key")),
        }
    }

    /// Reads the key of a certificate (RFC 5280 section 4.1); nothing else of it is looked at.
    pub(super) fn from_certificate(der: &[u8]) -> Result<Self, KeyError> {
        let mut outer = Reader::new(der);
        let spki = outer.take(der::SEQUENCE).and_then(|certificate| {
            let mut tbs = Reader::new(Reader::new(certificate).take(der::SEQUENCE)?);
            if tbs.next_is(der::CONTEXT_0) {
                tbs.take(der::CONTEXT_0)?;
            }
            tbs.take(der::INTEGER)?;
            for _signature_issuer_validity_subject in 0..4 {
                tbs.take(der::SEQUENCE)?;
            }
            tbs.take_with_header(der::SEQUENCE)
        });
        match spki.filter(|_| outer.is_empty()) {
            Some((spki, _)) => Self::from_spki(spki),
            None => Err(KeyError::Der("certificate")),
        }
    }

    /// The one DER encoding, which key ids are made from.
    pub(super) fn to_spki(&self) -> Vec<u8> {
        let (identifier, key) = match self {
            Self::Rsa { n, e } => {
                let numbers = [der::encode_unsigned(n), der::encode_unsigned(e)].concat();
                let identifier = [der::encode(der::OID, RSA_ENCRYPTION), der::encode(der::NULL, &[])].concat();
                (identifier, der::encode(der::SEQUENCE, &numbers))
            }
            Self::Ec { curve, x, y } => {
                let identifier = [der::encode(der::OID, EC_PUBLIC_KEY), der::encode(der::OID, curve.oid())].concat();
                (identifier, [&[4], x.as_slice(), y].concat())
            }
            Self::Ed25519 { x } => (der::encode(der::OID, ED25519), x.clone()),
        };
        let identifier = der::encode(der::SEQUENCE, &identifier);
        der::encode(der::SEQUENCE, &[identifier, der::encode_bit_string(&key)].concat())
    }

    pub(super) fn to_jwk(&self) -> Jwk {
        let text = |bytes: &[u8]| Some(base64url::encode(bytes));
        match self {
            Self::Rsa { n, e } => Jwk { kty: "RSA".into(), n: text(n), e: text(e), ..Jwk::default() },
            Self::Ec { curve, x, y } => {
                Jwk { kty: "EC".into(), crv: Some(curve.name().into()), x: text(x), y: text(y), ..Jwk::default() }
            }
            Self::Ed25519 { x } => Jwk { kty: "OKP".into(), crv: Some("Ed25519".into()), x: text(x), ..Jwk::default() },
        }
    }

    /// The thumbprint of RFC 7638 section 3, for OKP of RFC 8037 section 2.
    pub(super) fn thumbprint(&self) -> String {
        let text = |bytes: &Vec<u8>| base64url::encode(bytes);
        // Base64url and curve names need no escaping.
        let members = match self {
            Self::Rsa { n, e } => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, text(e), text(n)),
            Self::Ec { curve, x, y } => {
                format!(r#"{{"crv":"{}","kty":"EC","x":"{}","y":"{}"}}"#, curve.name(), text(x), text(y))
            }
            Self::Ed25519 { x } => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, text(x)),
        };
        digest::sha256_base64url(members.as_bytes())
    }

    /// Every algorithm that a key of this type and curve can verify.
    pub(super) const fn algorithms(&self) -> &'static [Algorithm] {
        use Algorithm::{EdDsa, Es256, Es384, Es512, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
        match self {
            Self::Rsa { .. } => &[Rs256, Rs384, Rs512, Ps256, Ps384, Ps512],
            Self::Ec { curve: Curve::P256, .. } => &[Es256],
            Self::Ec { curve: Curve::P384, .. } => &[Es384],
            Self::Ec { curve: Curve::P521, .. } => &[Es512],
            Self::Ed25519 { .. } => &[EdDsa],
        }
    }
}

/// A number without leading zero bytes (RFC 7518 section 2, `Base64urlUInt`): one key, one spelling.
fn unsigned(member: &'static str, text: Option<&str>) -> Result<Vec<u8>, KeyError> {
    let bytes = decode(member, text)?;
    match bytes.first() {
        Some(1..) => Ok(bytes),
        _ => Err(KeyError::InvalidMember(member)),
    }
}

pub(super) fn fixed(member: &'static str, text: Option<&str>, len: usize) -> Result<Vec<u8>, KeyError> {
    let bytes = decode(member, text)?;
    if bytes.len() == len { Ok(bytes) } else { Err(KeyError::InvalidMember(member)) }
}

pub(super) fn decode(member: &'static str, text: Option<&str>) -> Result<Vec<u8>, KeyError> {
    let text = text.ok_or(KeyError::MissingMember(member))?;
    base64url::decode(text).map_err(|_| KeyError::InvalidMember(member))
}
