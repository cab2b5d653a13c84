use proptest::prelude::*;
use serde_json::{Value, json};

use super::{MAX_TOKEN_BYTES, ParseError, Part, Unverified, VerifyError};
use crate::testing::{ed25519, p256, rsa};
use crate::{Algorithm, JsonError, SignError, SigningHeader, SigningKey, VerifyingKey, base64url};

fn token(header: &str, payload: &str) -> String {
    format!("{}.{}.c2ln", base64url::encode(header), base64url::encode(payload))
}

fn refused(header: &str, payload: &str) -> ParseError {
    Unverified::parse(&token(header, payload)).unwrap_err()
}

fn bearer(kid: &str) -> SigningHeader {
    SigningHeader { typ: Some("JWT".into()), kid: Some(kid.into()), ..SigningHeader::default() }
}

#[test]
fn a_signed_token_verifies_and_gives_back_its_claims() {
    for key in [rsa(), p256(), ed25519()] {
        let claims = json!({"iss": "https://issuer.example", "sub": "system:serviceaccount:a:b"});
        let token = key.sign(&bearer("k1"), &claims).unwrap();
        let unverified = Unverified::parse(&token).unwrap();
        assert_eq!(unverified.header().kid(), Some("k1"));
        assert_eq!(unverified.claims::<Value>(), Ok(claims.clone()));
        let verified = unverified.verify(key.verifying_key()).unwrap();
        assert_eq!(verified.header().alg(), key.algorithm());
        assert_eq!(verified.header().typ(), Some("JWT"));
        assert_eq!(verified.claims::<Value>(), Ok(claims.clone()));
        assert_eq!(verified.payload(), serde_json::to_vec(&claims).unwrap());
        assert_eq!(verified.into_payload(), serde_json::to_vec(&claims).unwrap());
    }
}

#[test]
fn a_header_is_written_in_the_order_of_entra() {
    let header = SigningHeader {
        typ: Some("JWT".into()),
        kid: Some("K".into()),
        x5t: Some("T".into()),
        x5t_s256: Some("S".into()),
    };
    let token = rsa().sign(&header, &json!({})).unwrap();
    let written = base64url::decode(token.split('.').next().unwrap()).unwrap();
    let expected = r#"{"typ":"JWT","alg":"RS256","x5t":"T","x5t#S256":"S","kid":"K"}"#;
    assert_eq!(String::from_utf8(written).unwrap(), expected);
    let parsed = Unverified::parse(&token).unwrap();
    assert_eq!((parsed.header().x5t(), parsed.header().x5t_s256()), (Some("T"), Some("S")));
}

#[test]
fn another_key_of_the_same_kind_does_not_verify() {
    let token = p256().sign(&bearer("k1"), &json!({})).unwrap();
    let other = SigningKey::generate(crate::KeyKind::P256).unwrap();
    let refused = Unverified::parse(&token).unwrap().verify(other.verifying_key()).unwrap_err();
    assert_eq!(refused, VerifyError::BadSignature);
}

#[test]
fn the_key_decides_the_algorithm_and_not_the_token() {
    let token = rsa().sign(&bearer("k1"), &json!({})).unwrap();
    let (_, rest) = token.split_once('.').unwrap();
    let key = rsa().verifying_key().clone();
    for algorithm in Algorithm::ALL.into_iter().filter(|other| *other != Algorithm::Rs256) {
        let header = base64url::encode(format!(r#"{{"alg":"{algorithm}","kid":"k1"}}"#));
        let changed = format!("{header}.{rest}");
        let refused = Unverified::parse(&changed).unwrap().verify(&key).unwrap_err();
        assert_eq!(refused, VerifyError::AlgorithmNotAllowed(algorithm));
    }
}

#[test]
fn none_and_hmac_are_refused_by_name_before_anything_else_is_looked_at() {
    for name in ["none", "None", "HS256", "HS384", "HS512", "RSA1_5", "", "rs256"] {
        let refused = refused(&format!(r#"{{"alg":"{name}"}}"#), "not json");
        assert_eq!(refused, ParseError::UnsupportedAlgorithm(name.to_owned()));
    }
    let unsecured = format!("{}.{}.", base64url::encode(r#"{"alg":"none"}"#), base64url::encode("{}"));
    let refused = Unverified::parse(&unsecured).unwrap_err();
    assert_eq!(refused, ParseError::UnsupportedAlgorithm("none".to_owned()));
}

#[test]
fn a_public_key_used_as_an_hmac_secret_gets_nowhere() {
    let spki = rsa().verifying_key().spki_der().to_vec();
    let secret = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &spki);
    let input = format!("{}.{}", base64url::encode(r#"{"alg":"HS256"}"#), base64url::encode("{}"));
    let tag = aws_lc_rs::hmac::sign(&secret, input.as_bytes());
    let refused = Unverified::parse(&format!("{input}.{}", base64url::encode(tag))).unwrap_err();
    assert_eq!(refused, ParseError::UnsupportedAlgorithm("HS256".to_owned()));
}

#[test]
fn a_missing_or_mistyped_alg_is_refused() {
    assert_eq!(refused("{}", "{}"), ParseError::MissingAlgorithm);
    for header in [r#"{"alg":null}"#, r#"{"alg":1}"#, r#"{"alg":["RS256"]}"#] {
        assert!(matches!(refused(header, "{}"), ParseError::HeaderJson(JsonError::Shape(_))), "{header}");
    }
}

#[test]
fn other_members_of_the_wrong_type_are_refused() {
    for member in ["kid", "typ", "x5t", "x5t#S256"] {
        for value in ["null", "1", "{}", "[\"a\"]"] {
            let header = format!(r#"{{"alg":"RS256","{member}":{value}}}"#);
            assert!(matches!(refused(&header, "{}"), ParseError::HeaderJson(JsonError::Shape(_))), "{header}");
        }
    }
}

#[test]
fn any_crit_is_refused() {
    for crit in [r#"["b64"]"#, r#"["exp"]"#, "[]", "null", "\"b64\"", "0"] {
        let header = format!(r#"{{"alg":"RS256","crit":{crit}}}"#);
        assert_eq!(refused(&header, "{}"), ParseError::CriticalHeader, "{crit}");
    }
}

#[test]
fn a_key_that_the_token_brings_along_is_never_honoured() {
    let attacker = SigningKey::generate(crate::KeyKind::P256).unwrap();
    let jwk = serde_json::to_value(attacker.verifying_key().to_jwk()).unwrap();
    let header = json!({
        "alg": "ES256", "kid": "k1", "jwk": jwk,
        "jku": "https://attacker.example/keys", "x5u": "https://attacker.example/cert", "x5c": ["AAAA"],
    });
    let signed = attacker.sign(&bearer("k1"), &json!({})).unwrap();
    let (_, rest) = signed.split_once('.').unwrap();
    let token = format!("{}.{rest}", base64url::encode(header.to_string()));
    let unverified = Unverified::parse(&token).unwrap();
    assert_eq!(unverified.header().kid(), Some("k1"));
    let refused = unverified.verify(p256().verifying_key()).unwrap_err();
    assert_eq!(refused, VerifyError::BadSignature);
}

#[test]
fn duplicate_members_are_refused_in_header_and_payload() {
    let duplicate = |name: &str| JsonError::DuplicateMember(name.to_owned());
    assert_eq!(refused(r#"{"alg":"none","alg":"RS256"}"#, "{}"), ParseError::HeaderJson(duplicate("alg")));
    assert_eq!(refused(r#"{"alg":"RS256","\u0061lg":"none"}"#, "{}"), ParseError::HeaderJson(duplicate("alg")));
    assert_eq!(refused(r#"{"alg":"RS256"}"#, r#"{"sub":"a","sub":"b"}"#), ParseError::PayloadJson(duplicate("sub")));
    assert_eq!(
        refused(r#"{"alg":"RS256"}"#, r#"{"kubernetes.io":{"pod":{"uid":1,"u\u0069d":2}}}"#),
        ParseError::PayloadJson(duplicate("uid"))
    );
}

#[test]
fn a_header_or_payload_that_is_no_object_is_refused() {
    assert_eq!(refused("[]", "{}"), ParseError::HeaderJson(JsonError::NotAnObject));
    assert_eq!(refused(r#"{"alg":"RS256"}"#, "[1]"), ParseError::PayloadJson(JsonError::NotAnObject));
    assert_eq!(refused(r#"{"alg":"RS256"}"#, "\"a\""), ParseError::PayloadJson(JsonError::NotAnObject));
    // A struct must not be readable from an array of its members.
    assert_eq!(refused(r#"["RS256","k1"]"#, "{}"), ParseError::HeaderJson(JsonError::NotAnObject));
}

#[test]
fn a_text_without_exactly_three_parts_is_refused() {
    for text in ["", ".", "a", "a.b", "a.b.c.d", "...", "a.b.c.d.e", "not-a-token"] {
        assert_eq!(Unverified::parse(text).unwrap_err(), ParseError::NotThreeParts, "{text:?}");
    }
}

#[test]
fn a_part_that_is_not_strict_base64url_is_named() {
    let good = token(r#"{"alg":"RS256"}"#, "{}");
    let parts: Vec<&str> = good.split('.').collect();
    for (index, part) in [Part::Header, Part::Payload, Part::Signature].into_iter().enumerate() {
        for ending in ["=", " ", "\n", "+", "/"] {
            let mut changed = parts.clone();
            let spoiled = format!("{}{ending}", changed[index]);
            changed[index] = &spoiled;
            let refused = Unverified::parse(&changed.join(".")).unwrap_err();
            assert!(matches!(refused, ParseError::Base64 { part: named, .. } if named == part), "{refused:?}");
        }
    }
}

#[test]
fn whitespace_around_a_token_is_refused() {
    let token = p256().sign(&bearer("k1"), &json!({})).unwrap();
    for text in [format!("{token}\n"), format!(" {token}"), format!("Bearer {token}")] {
        assert!(matches!(Unverified::parse(&text).unwrap_err(), ParseError::Base64 { .. }), "{text:?}");
    }
}

#[test]
fn a_token_at_the_size_limit_is_read_and_one_above_is_refused() {
    let key = ed25519();
    let empty = key.sign(&SigningHeader::default(), &json!({"a": ""})).unwrap();
    let room = (MAX_TOKEN_BYTES - empty.len()) * 3 / 4;
    let longest = key.sign(&SigningHeader::default(), &json!({"a": "x".repeat(room - 2)})).unwrap();
    assert!(longest.len() > MAX_TOKEN_BYTES - 8 && longest.len() <= MAX_TOKEN_BYTES);
    assert!(Unverified::parse(&longest).unwrap().verify(key.verifying_key()).is_ok());

    let long = "a".repeat(MAX_TOKEN_BYTES + 1);
    assert_eq!(Unverified::parse(&long).unwrap_err(), ParseError::TooLong { len: MAX_TOKEN_BYTES + 1 });
    let refused = key.sign(&SigningHeader::default(), &json!({"a": long})).unwrap_err();
    assert!(matches!(refused, SignError::TooLong { .. }));
}

#[test]
fn a_payload_that_no_reader_would_accept_is_not_signed() {
    let key = ed25519();
    let header = SigningHeader::default();
    assert_eq!(key.sign(&header, &[1, 2]).unwrap_err(), SignError::Payload(JsonError::NotAnObject));
    assert_eq!(
        key.sign_payload(&header, br#"{"a":1,"a":2}"#).unwrap_err(),
        SignError::Payload(JsonError::DuplicateMember("a".into()))
    );
}

#[test]
fn an_ecdsa_signature_in_der_or_of_zeros_is_refused() {
    let key = p256();
    let token = key.sign(&bearer("k1"), &json!({})).unwrap();
    let (input, signature) = token.rsplit_once('.').unwrap();
    let raw = base64url::decode(signature).unwrap();
    let (r, s) = raw.split_at(32);
    let strip = |number: &[u8]| number.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<_>>();
    let numbers = [crate::der::encode_unsigned(&strip(r)), crate::der::encode_unsigned(&strip(s))].concat();
    let der = crate::der::encode(crate::der::SEQUENCE, &numbers);
    let padded = [&[0], r, &[0], s].concat();
    for bad in [der, vec![0; 64], padded, raw[..63].to_vec(), Vec::new()] {
        let changed = format!("{input}.{}", base64url::encode(bad));
        let refused = Unverified::parse(&changed).unwrap().verify(key.verifying_key()).unwrap_err();
        assert_eq!(refused, VerifyError::BadSignature);
    }
}

#[test]
fn a_token_never_shows_its_contents_through_an_error() {
    insta::assert_snapshot!(refused(r#"{"alg":"HS256"}"#, "{}"), @"algorithm `HS256` is not supported");
    insta::assert_snapshot!(refused("{}", "{}"), @"header has no `alg`");
    insta::assert_snapshot!(refused(r#"{"alg":"RS256","crit":[]}"#, "{}"), @"header has `crit`");
    insta::assert_snapshot!(refused(r#"{"alg":"RS256"}"#, "secret"), @"payload cannot be read");
    insta::assert_snapshot!(Unverified::parse("a").unwrap_err(), @"token does not have three parts");
    insta::assert_snapshot!(Unverified::parse("a=.b.c").unwrap_err(), @"header is not base64url");
}

/// Tokens of all three kinds of key, made once: RSA would make each case slow.
fn signed() -> &'static [(String, VerifyingKey)] {
    static SIGNED: std::sync::OnceLock<Vec<(String, VerifyingKey)>> = std::sync::OnceLock::new();
    SIGNED.get_or_init(|| {
        let sign = |key: SigningKey| {
            let claims = json!({"iss": "https://issuer.example", "aud": ["a"], "exp": 1_300_819_380});
            (key.sign(&bearer("k1"), &claims).unwrap(), key.verifying_key().clone())
        };
        [rsa(), p256(), ed25519()].map(sign).into()
    })
}

proptest! {
    #[test]
    fn whatever_is_signed_verifies(members in proptest::collection::hash_map(".{0,20}", ".{0,40}", 0..8), kid in ".{0,20}") {
        for key in [p256(), ed25519()] {
            let token = key.sign(&bearer(&kid), &members).unwrap();
            let verified = Unverified::parse(&token).unwrap().verify(key.verifying_key()).unwrap();
            prop_assert_eq!(verified.header().kid(), Some(kid.as_str()));
            prop_assert_eq!(verified.claims::<std::collections::HashMap<String, String>>(), Ok(members.clone()));
        }
    }

    #[test]
    fn no_character_of_a_token_can_be_changed(which in 0_usize..3, at: prop::sample::Index, to in "[A-Za-z0-9_.=-]") {
        let (token, key) = &signed()[which];
        let at = at.index(token.len());
        let mut changed = token.clone();
        changed.replace_range(at..=at, &to);
        prop_assume!(changed != *token);
        let accepted = Unverified::parse(&changed).is_ok_and(|parsed| parsed.verify(key).is_ok());
        prop_assert!(!accepted);
    }

    #[test]
    fn no_character_can_be_added_or_taken_away(which in 0_usize..3, at: prop::sample::Index, added in "[A-Za-z0-9_.=-]?") {
        let (token, key) = &signed()[which];
        let at = at.index(token.len());
        let mut changed = token.clone();
        if added.is_empty() { changed.remove(at); } else { changed.insert_str(at, &added); }
        let accepted = Unverified::parse(&changed).is_ok_and(|parsed| parsed.verify(key).is_ok());
        prop_assert!(!accepted);
    }

    #[test]
    fn any_text_is_parsed_without_panic(text in any::<String>(), header in ".{0,60}", payload in ".{0,60}") {
        let direct = Unverified::parse(&text).is_ok();
        let wrapped = Unverified::parse(&token(&header, &payload)).is_ok();
        // A text that is no JSON object with `alg` is no token.
        prop_assert!(!direct || text.contains('.'));
        prop_assert!(!wrapped || header.contains("alg"));
    }
}
