use serde_json::{Value, json};

use super::public::PublicNumbers;
use super::{KeyError, KeyKind, SigningHeader, SigningKey, VerifyingKey};
use crate::testing::{RSA_JWK, ed25519, p256, rsa};
use crate::{Algorithm, Jwk, PemError, Unverified, base64url, digest};

const RSA_SPKI: &str = include_str!("../../tests/data/rsa.spki.pem");
const RSA_CERTIFICATE: &str = include_str!("../../tests/data/rsa.certificate.pem");
const P256_SPKI: &str = include_str!("../../tests/data/p256.spki.pem");
const P384_SPKI: &str = include_str!("../../tests/data/p384.spki.pem");

fn jwk(value: Value) -> Result<VerifyingKey, KeyError> {
    VerifyingKey::from_jwk(&serde_json::from_value::<Jwk>(value).unwrap())
}

fn with(base: &VerifyingKey, changes: &Value) -> Result<VerifyingKey, KeyError> {
    let mut members = serde_json::to_value(base.to_jwk()).unwrap();
    for (name, value) in changes.as_object().unwrap() {
        members[name] = value.clone();
    }
    jwk(members)
}

fn rsa_public() -> VerifyingKey {
    VerifyingKey::from_pem(RSA_SPKI).unwrap()
}

#[test]
fn every_encoding_of_one_key_is_the_same_key() {
    let spki = rsa_public();
    assert_eq!(VerifyingKey::from_pem(include_str!("../../tests/data/rsa.pkcs1.pem")).unwrap(), spki);
    assert_eq!(VerifyingKey::from_pem(RSA_CERTIFICATE).unwrap(), spki);
    assert_eq!(VerifyingKey::from_spki_der(spki.spki_der()).unwrap(), spki);
    assert_eq!(VerifyingKey::from_jwk(&spki.to_jwk()).unwrap(), spki);
    let certificate = crate::pem::first(RSA_CERTIFICATE, &["CERTIFICATE"], "").unwrap().der;
    assert_eq!(VerifyingKey::from_certificate_der(&certificate).unwrap(), spki);

    let p256 = VerifyingKey::from_pem(P256_SPKI).unwrap();
    for text in [
        include_str!("../../tests/data/p256.certificate.pem"),
        include_str!("../../tests/data/p256.certificate-v1.pem"),
    ] {
        assert_eq!(VerifyingKey::from_pem(text).unwrap(), p256);
    }
    assert_eq!(VerifyingKey::from_jwk(&p256.to_jwk()).unwrap(), p256);

    let ed25519 = VerifyingKey::from_pem(include_str!("../../tests/data/ed25519.spki.pem")).unwrap();
    let certificate = include_str!("../../tests/data/ed25519.certificate.pem");
    assert_eq!(VerifyingKey::from_pem(certificate).unwrap(), ed25519);
    assert_eq!(VerifyingKey::from_jwk(&ed25519.to_jwk()).unwrap(), ed25519);
}

#[test]
fn the_der_is_what_openssl_writes() {
    for text in [RSA_SPKI, P256_SPKI, P384_SPKI, include_str!("../../tests/data/ed25519.spki.pem")] {
        let written = crate::pem::first(text, &["PUBLIC KEY"], "").unwrap().der;
        assert_eq!(VerifyingKey::from_pem(text).unwrap().spki_der(), written.as_slice());
    }
}

#[test]
fn every_encoding_of_one_private_key_is_the_same_key() {
    for text in [include_str!("../../tests/data/rsa.pkcs8.pem"), include_str!("../../tests/data/rsa.pkcs1-private.pem")]
    {
        assert_eq!(SigningKey::from_pem(text).unwrap().to_pkcs8_der(), rsa().to_pkcs8_der());
    }
    let sec1 = SigningKey::from_pem(include_str!("../../tests/data/p256.sec1.pem")).unwrap();
    assert_eq!(sec1.to_pkcs8_der(), p256().to_pkcs8_der());
}

#[test]
fn a_private_key_that_was_written_reads_back() {
    for kind in [KeyKind::Rsa2048, KeyKind::P256, KeyKind::Ed25519] {
        let key = SigningKey::generate(kind).unwrap();
        let from_pem = SigningKey::from_pem(&key.to_pkcs8_pem()).unwrap();
        let from_der = SigningKey::from_pkcs8_der(&key.to_pkcs8_der()).unwrap();
        for read in [from_pem, from_der] {
            assert_eq!(read.verifying_key(), key.verifying_key());
            let token = read.sign(&SigningHeader::default(), &json!({})).unwrap();
            assert!(Unverified::parse(&token).unwrap().verify(key.verifying_key()).is_ok());
        }
    }
}

#[test]
fn a_generated_rsa_key_has_the_size_that_was_asked_for() {
    for (kind, bits) in [(KeyKind::Rsa2048, 2048), (KeyKind::Rsa3072, 3072)] {
        let jwk = SigningKey::generate(kind).unwrap().verifying_key().to_jwk();
        assert_eq!(base64url::decode(jwk.n.unwrap()).unwrap().len() * 8, bits);
        assert_eq!(jwk.e.as_deref(), Some("AQAB"));
    }
}

#[test]
fn a_signing_key_is_bound_to_one_algorithm() {
    for (key, only) in [(rsa(), Algorithm::Rs256), (p256(), Algorithm::Es256), (ed25519(), Algorithm::EdDsa)] {
        assert_eq!(key.algorithm(), only);
        assert_eq!(key.verifying_key().algorithms().collect::<Vec<_>>(), [only]);
        assert_eq!(key.verifying_key().to_jwk().alg.as_deref(), Some(only.name()));
    }
}

#[test]
fn key_ids_are_those_that_other_implementations_compute() {
    // Computed with Python's `cryptography` and `hashlib`.
    assert_eq!(rsa_public().kubernetes_key_id(), "b9E8JDWjYefFiM0X9V9a098Bd6ZsFyemogCEX016uIw");
    assert_eq!(p256().verifying_key().kubernetes_key_id(), "K9G7DESol8MKeqCZHN442AYv5EHeUNoPRoJTRPYC6Cc");
    assert_eq!(ed25519().verifying_key().kubernetes_key_id(), "BuP9j9opu2CrWVV95h7bCuzbIxE0vjDnW0Vfjht5L6k");
    assert_eq!(rsa_public().thumbprint(), "IsUn6_e04MaShXFIISMp4kG62LWzMIPy_MvSA5pJgX8");
    assert_eq!(p256().verifying_key().thumbprint(), "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U");
    // RFC 8037 appendix A.3.
    assert_eq!(ed25519().verifying_key().thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn certificate_thumbprints_are_those_of_openssl() {
    let der = crate::pem::first(RSA_CERTIFICATE, &["CERTIFICATE"], "").unwrap().der;
    assert_eq!(digest::sha1_base64url(&der), "bpr1muh8tjBMvgHMWu4GKTpN6Mc");
    assert_eq!(digest::sha256_base64url(&der), "9p1h09peRqMBAaV_Bz4JdRRa9uYQBr2Tc1NRDfK7poM");
}

#[test]
fn an_rsa_key_without_alg_verifies_the_rsa_algorithms_and_no_others() {
    for algorithm in Algorithm::ALL {
        let is_rsa = algorithm.name().starts_with("RS") || algorithm.name().starts_with("PS");
        assert_eq!(rsa_public().allows(algorithm), is_rsa, "{algorithm}");
    }
}

#[test]
fn alg_binds_a_key_to_that_algorithm() {
    let bound = with(&rsa_public(), &json!({"alg": "PS384"})).unwrap();
    assert_eq!(bound.algorithms().collect::<Vec<_>>(), [Algorithm::Ps384]);
    assert_eq!(with(&rsa_public(), &json!({"alg": "ES256"})), Err(KeyError::AlgorithmMismatch(Algorithm::Es256)));
    let p384 = VerifyingKey::from_pem(P384_SPKI).unwrap();
    assert_eq!(with(&p384, &json!({"alg": "ES256"})), Err(KeyError::AlgorithmMismatch(Algorithm::Es256)));
    for name in ["RSA-OAEP", "HS256", "none", ""] {
        let refused = with(&rsa_public(), &json!({"alg": name}));
        assert_eq!(refused, Err(KeyError::UnsupportedAlgorithm(name.to_owned())));
    }
}

#[test]
fn a_key_that_is_not_for_signatures_is_refused() {
    for changes in [json!({"use": "enc"}), json!({"use": ""}), json!({"key_ops": ["encrypt"]}), json!({"key_ops": []})]
    {
        assert_eq!(with(&rsa_public(), &changes), Err(KeyError::NotForSignatures));
    }
    assert!(with(&rsa_public(), &json!({"key_ops": ["sign", "verify"]})).is_ok());
}

#[test]
fn a_shared_secret_is_no_key() {
    let refused = jwk(json!({"kty": "oct", "k": "c2VjcmV0"}));
    assert_eq!(refused, Err(KeyError::UnsupportedKeyType("oct".to_owned())));
    assert_eq!(jwk(json!({"kty": "rsa"})), Err(KeyError::UnsupportedKeyType("rsa".to_owned())));
    assert_eq!(jwk(json!({})), Err(KeyError::UnsupportedKeyType(String::new())));
}

#[test]
fn unsupported_curves_are_named() {
    let refused = with(p256().verifying_key(), &json!({"crv": "secp256k1"}));
    assert_eq!(refused, Err(KeyError::UnsupportedCurve("secp256k1".to_owned())));
    let refused = with(ed25519().verifying_key(), &json!({"crv": "Ed448"}));
    assert_eq!(refused, Err(KeyError::UnsupportedCurve("Ed448".to_owned())));
    let refused = VerifyingKey::from_pem(include_str!("../../tests/data/secp256k1.spki.pem"));
    assert_eq!(refused, Err(KeyError::UnsupportedCurve("1.3.132.0.10".to_owned())));
    let refused = SigningKey::from_pem(include_str!("../../tests/data/p384.pkcs8.pem"));
    assert_eq!(refused.unwrap_err(), KeyError::UnsupportedCurve("P-384".to_owned()));
}

#[test]
fn missing_members_are_named() {
    for (base, member) in [
        (rsa_public(), "n"),
        (rsa_public(), "e"),
        (p256().verifying_key().clone(), "crv"),
        (p256().verifying_key().clone(), "x"),
        (p256().verifying_key().clone(), "y"),
        (ed25519().verifying_key().clone(), "x"),
    ] {
        assert_eq!(with(&base, &json!({ member: null })), Err(KeyError::MissingMember(member)));
    }
}

#[test]
fn numbers_have_one_spelling() {
    let n = base64url::decode(rsa_public().to_jwk().n.unwrap()).unwrap();
    let zero_first = base64url::encode([&[0], n.as_slice()].concat());
    assert_eq!(with(&rsa_public(), &json!({"n": zero_first})), Err(KeyError::InvalidMember("n")));
    assert_eq!(with(&rsa_public(), &json!({"e": "AAEAAQ"})), Err(KeyError::InvalidMember("e")));
    assert_eq!(with(&rsa_public(), &json!({"e": "AQAB="})), Err(KeyError::InvalidMember("e")));
    let x = base64url::decode(p256().verifying_key().to_jwk().x.unwrap()).unwrap();
    for spoiled in [[&[0], x.as_slice()].concat(), x[1..].to_vec()] {
        let refused = with(p256().verifying_key(), &json!({"x": base64url::encode(spoiled)}));
        assert_eq!(refused, Err(KeyError::InvalidMember("x")));
    }
}

#[test]
fn rsa_keys_of_unsafe_size_are_refused() {
    let refused = VerifyingKey::from_pem(include_str!("../../tests/data/rsa1024.spki.pem"));
    assert_eq!(refused, Err(KeyError::RsaSize(1024)));
    let odd = |bytes: usize| {
        let mut n = vec![0xff; bytes];
        n[0] = 0x80;
        base64url::encode(n)
    };
    assert_eq!(with(&rsa_public(), &json!({"n": odd(1025)})), Err(KeyError::RsaSize(8200)));
    let almost = base64url::encode([&[0x7f][..], &[0xff; 255]].concat());
    assert_eq!(with(&rsa_public(), &json!({"n": almost})), Err(KeyError::RsaSize(2047)));
    assert!(with(&rsa_public(), &json!({"n": odd(1024)})).is_ok());
}

#[test]
fn rsa_exponents_that_break_the_signature_are_refused() {
    for e in [&[1][..], &[2], &[1, 0, 0], &[1, 0, 0, 0, 0, 1]] {
        let refused = with(&rsa_public(), &json!({"e": base64url::encode(e)}));
        assert_eq!(refused, Err(KeyError::RsaExponent), "{e:?}");
    }
    assert!(with(&rsa_public(), &json!({"e": "Aw"})).is_ok());
}

#[test]
fn numbers_that_make_no_key_are_refused() {
    let even = base64url::encode([&[0x80][..], &[0; 255]].concat());
    assert_eq!(with(&rsa_public(), &json!({"n": even})), Err(KeyError::Invalid));
    let zeros = base64url::encode([0; 32]);
    assert_eq!(with(p256().verifying_key(), &json!({"x": zeros, "y": zeros})), Err(KeyError::Invalid));
    let x = p256().verifying_key().to_jwk().x;
    assert_eq!(with(p256().verifying_key(), &json!({"y": x})), Err(KeyError::Invalid));
}

#[test]
fn malformed_der_is_refused() {
    let good = rsa_public().spki_der().to_vec();
    let trailing = [good.as_slice(), &[0]].concat();
    for der in [&good[..good.len() - 1], &trailing, &[], &[0x30, 0]] {
        assert_eq!(VerifyingKey::from_spki_der(der), Err(KeyError::Der("public key")));
    }
    assert_eq!(VerifyingKey::from_certificate_der(&good), Err(KeyError::Der("certificate")));
    assert_eq!(SigningKey::from_pkcs8_der(&good).unwrap_err(), KeyError::Der("private key"));
}

#[test]
fn bytes_that_belong_to_nothing_are_refused_wherever_they_stand() {
    use crate::der::{self, NULL, OID, SEQUENCE, encode, encode_bit_string, encode_unsigned};

    let certificate = crate::pem::first(RSA_CERTIFICATE, &["CERTIFICATE"], "").unwrap().der;
    let trailing = [certificate.as_slice(), &[0]].concat();
    assert_eq!(VerifyingKey::from_certificate_der(&trailing), Err(KeyError::Der("certificate")));

    let private = p256().to_pkcs8_der();
    assert!(SigningKey::from_pkcs8_der(&[private.as_slice(), &[0]].concat()).is_err());

    let jwk = rsa_public().to_jwk();
    let number = |text: Option<String>| encode_unsigned(&base64url::decode(text.unwrap()).unwrap());
    let numbers = [number(jwk.n), number(jwk.e)].concat();
    let rsa_oid = encode(OID, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01]);
    let read = |parameters: &[u8], key: &[u8]| {
        let identifier = encode(SEQUENCE, &[rsa_oid.as_slice(), parameters].concat());
        VerifyingKey::from_spki_der(&encode(SEQUENCE, &[identifier, encode_bit_string(key)].concat()))
    };
    let (null, key) = (encode(NULL, &[]), encode(SEQUENCE, &numbers));
    assert_eq!(read(&null, &key), Ok(rsa_public()));
    for parameters in [vec![], encode(NULL, &[0]), [null.as_slice(), &null].concat()] {
        assert_eq!(read(&parameters, &key), Err(KeyError::Der("public key")), "{parameters:?}");
    }
    for key in [[key.as_slice(), &[0]].concat(), encode(SEQUENCE, &[numbers, encode(der::INTEGER, &[1])].concat())] {
        assert_eq!(read(&null, &key), Err(KeyError::Der("RSA public key")));
    }
}

#[test]
fn a_cut_key_or_certificate_is_refused_at_every_length() {
    let certificate = crate::pem::first(RSA_CERTIFICATE, &["CERTIFICATE"], "").unwrap().der;
    for end in 0..certificate.len() {
        assert!(VerifyingKey::from_certificate_der(&certificate[..end]).is_err());
    }
    let private = p256().to_pkcs8_der();
    for end in 0..private.len() {
        assert!(SigningKey::from_pkcs8_der(&private[..end]).is_err());
    }
}

#[test]
fn a_pem_of_something_else_says_what_was_expected() {
    let refused = VerifyingKey::from_pem(include_str!("../../tests/data/rsa.pkcs8.pem")).unwrap_err();
    let KeyError::Pem(source) = refused else { panic!("{refused}") };
    insta::assert_snapshot!(source, @"no section of a kind that is wanted here (found: PRIVATE KEY); expected `PUBLIC KEY`, `RSA PUBLIC KEY` or `CERTIFICATE`");
    let refused = SigningKey::from_pem(RSA_SPKI).unwrap_err();
    assert!(matches!(refused, KeyError::Pem(PemError::NoSection { .. })));
    let refused = SigningKey::from_pem(include_str!("../../tests/data/rsa.encrypted.pem")).unwrap_err();
    assert_eq!(refused, KeyError::Pem(PemError::Encrypted));
}

#[test]
fn private_jwks_of_every_kind_are_read() {
    assert_eq!(SigningKey::from_jwk(RSA_JWK).unwrap().algorithm(), Algorithm::Rs256);
    let mut ec = serde_json::to_value(p256().verifying_key().to_jwk()).unwrap();
    ec["d"] = json!("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI");
    assert_eq!(SigningKey::from_jwk(&ec.to_string()).unwrap().to_pkcs8_der(), p256().to_pkcs8_der());
    let mut okp = serde_json::to_value(ed25519().verifying_key().to_jwk()).unwrap();
    okp["d"] = json!("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A");
    assert_eq!(SigningKey::from_jwk(&okp.to_string()).unwrap().to_pkcs8_der(), ed25519().to_pkcs8_der());
}

#[test]
fn a_private_jwk_whose_parts_do_not_belong_together_is_refused() {
    let mut members: Value = serde_json::from_str(RSA_JWK).unwrap();
    for member in ["d", "p", "q", "dp", "dq", "qi"] {
        let good = members[member].clone();
        members[member] = json!("AQAB");
        assert_eq!(SigningKey::from_jwk(&members.to_string()).unwrap_err(), KeyError::Invalid, "{member}");
        members[member] = Value::Null;
        assert_eq!(SigningKey::from_jwk(&members.to_string()).unwrap_err(), KeyError::MissingMember(member));
        members[member] = good;
    }
    let mut okp = serde_json::to_value(ed25519().verifying_key().to_jwk()).unwrap();
    okp["d"] = okp["x"].clone();
    assert_eq!(SigningKey::from_jwk(&okp.to_string()).unwrap_err(), KeyError::Invalid);
    okp["d"] = json!(base64url::encode([7; 33]));
    assert_eq!(SigningKey::from_jwk(&okp.to_string()).unwrap_err(), KeyError::InvalidMember("d"));
}

#[test]
fn a_private_jwk_for_another_purpose_is_refused() {
    let mut members: Value = serde_json::from_str(RSA_JWK).unwrap();
    members["use"] = json!("enc");
    assert_eq!(SigningKey::from_jwk(&members.to_string()).unwrap_err(), KeyError::NotForSignatures);
    members["use"] = json!("sig");
    members["key_ops"] = json!(["verify"]);
    assert_eq!(SigningKey::from_jwk(&members.to_string()).unwrap_err(), KeyError::NotForSignatures);
    members["key_ops"] = json!(["sign"]);
    members["alg"] = json!("PS256");
    let refused = SigningKey::from_jwk(&members.to_string()).unwrap_err();
    assert_eq!(refused, KeyError::AlgorithmMismatch(Algorithm::Ps256));
    members["alg"] = json!("RS256");
    assert!(SigningKey::from_jwk(&members.to_string()).is_ok());
}

#[test]
fn no_error_and_no_debug_output_holds_private_material() {
    let mut members: Value = serde_json::from_str(RSA_JWK).unwrap();
    let secret = members["d"].as_str().unwrap().to_owned();
    members["d"] = json!([secret]);
    let refused = SigningKey::from_jwk(&members.to_string()).unwrap_err();
    assert_eq!(refused, KeyError::NotAJwk);
    insta::assert_snapshot!(format!("{:?}", ed25519()), @r#"SigningKey { verifying: VerifyingKey { thumbprint: "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", algorithms: [EdDsa] }, .. }"#);
}

#[test]
fn a_compressed_point_is_refused() {
    let refused = VerifyingKey::from_pem(include_str!("../../tests/data/p256.compressed.pem"));
    assert_eq!(refused, Err(KeyError::Der("public key")));
}

#[test]
fn numbers_survive_the_way_through_der() {
    for text in [RSA_SPKI, P256_SPKI, P384_SPKI] {
        let der = crate::pem::first(text, &["PUBLIC KEY"], "").unwrap().der;
        let numbers = PublicNumbers::from_spki(&der).unwrap();
        assert!(PublicNumbers::from_spki(&numbers.to_spki()).unwrap() == numbers);
    }
}
