use serde_json::{Value, json};

use super::{JwkSet, JwksError, SkippedKey, VerificationKeys};
use crate::testing::{RSA_JWK, ed25519, p256, rsa};
use crate::{JsonError, Jwk, KeyError, SigningKey};

fn public(key: &SigningKey, kid: &str) -> Value {
    let jwk = Jwk { kid: Some(kid.to_owned()), ..key.verifying_key().to_jwk() };
    serde_json::to_value(jwk).unwrap()
}

fn parse(keys: &Value) -> JwkSet {
    JwkSet::parse(json!({ "keys": keys }).to_string().as_bytes(), 100).unwrap()
}

fn skipped(kid: Option<&str>, reason: KeyError) -> SkippedKey {
    SkippedKey { kid: kid.map(str::to_owned), reason }
}

#[test]
fn keys_are_found_by_their_exact_kid() {
    let set = parse(&json!([public(&rsa(), "one"), public(&p256(), "two"), public(&ed25519(), "three")]));
    let keys = VerificationKeys::from(&set);
    assert_eq!(keys.len(), 3);
    assert_eq!(keys.key_ids().collect::<Vec<_>>(), ["one", "three", "two"]);
    assert_eq!(keys.get("two"), Some(p256().verifying_key()));
    assert_eq!(keys.get("Two"), None);
    assert_eq!(keys.get("two "), None);
    assert_eq!(keys.get(""), None);
}

#[test]
fn keys_that_cannot_be_used_are_left_out_with_a_reason() {
    let mut encryption = public(&rsa(), "enc");
    encryption["use"] = json!("enc");
    let mut nameless = public(&rsa(), "");
    nameless.as_object_mut().unwrap().remove("kid");
    let set = parse(&json!([
        encryption,
        {"kty": "oct", "kid": "secret", "k": "c2VjcmV0"},
        nameless,
        "a string",
        ["RSA"],
        {"kty": 1, "kid": "typed"},
        public(&p256(), "good"),
    ]));
    assert_eq!(set.keys.len(), 1);
    assert_eq!(
        set.skipped,
        [
            skipped(Some("enc"), KeyError::NotForSignatures),
            skipped(Some("secret"), KeyError::UnsupportedKeyType("oct".into())),
            skipped(None, KeyError::MissingKeyId),
            skipped(None, KeyError::NotAJwk),
            skipped(None, KeyError::NotAJwk),
            skipped(Some("typed"), KeyError::NotAJwk),
        ]
    );
}

#[test]
fn of_two_keys_with_one_kid_the_first_is_kept() {
    let set = parse(&json!([public(&p256(), "same"), public(&ed25519(), "same")]));
    assert_eq!(set.skipped, [skipped(Some("same"), KeyError::DuplicateKeyId)]);
    assert_eq!(VerificationKeys::new(&set).get("same"), Some(p256().verifying_key()));

    let by_hand = [p256(), ed25519()].map(|key| Jwk { kid: Some("same".into()), ..key.verifying_key().to_jwk() });
    let keys = VerificationKeys::new(&JwkSet { keys: by_hand.into(), ..JwkSet::default() });
    assert_eq!(keys.get("same"), Some(p256().verifying_key()));
}

#[test]
fn an_unusable_key_does_not_take_the_kid_of_a_usable_one() {
    let mut encryption = public(&rsa(), "same");
    encryption["use"] = json!("enc");
    let set = parse(&json!([encryption, public(&p256(), "same")]));
    assert_eq!(VerificationKeys::new(&set).get("same"), Some(p256().verifying_key()));
}

#[test]
fn only_so_many_keys_are_kept_and_the_rest_is_counted() {
    let entries: Vec<Value> = (0..5).map(|index| public(&ed25519(), &index.to_string())).collect();
    let set = JwkSet::parse(json!({ "keys": entries }).to_string().as_bytes(), 2).unwrap();
    assert_eq!(VerificationKeys::new(&set).key_ids().collect::<Vec<_>>(), ["0", "1"]);
    assert_eq!(set.over_limit, 3);
}

#[test]
fn an_empty_set_has_no_keys() {
    assert!(VerificationKeys::new(&parse(&json!([]))).is_empty());
}

#[test]
fn a_document_that_is_no_key_set_is_refused() {
    for text in ["{}", r#"{"keys":null}"#, r#"{"keys":{}}"#, r#"{"keys":"a"}"#, r#"{"Keys":[]}"#] {
        assert_eq!(JwkSet::parse(text.as_bytes(), 1), Err(JwksError::NoKeys), "{text}");
    }
    assert_eq!(JwkSet::parse(b"[]", 1), Err(JwksError::Json(JsonError::NotAnObject)));
    assert!(matches!(JwkSet::parse(b"<html>", 1), Err(JwksError::Json(JsonError::Syntax { .. }))));
}

#[test]
fn duplicate_members_are_refused_in_the_set_and_in_a_key() {
    let duplicate = |name: &str| Err(JwksError::Json(JsonError::DuplicateMember(name.to_owned())));
    assert_eq!(JwkSet::parse(br#"{"keys":[],"keys":[]}"#, 1), duplicate("keys"));
    assert_eq!(JwkSet::parse(br#"{"keys":[{"kid":"a","\u006bid":"b"}]}"#, 1), duplicate("kid"));
}

#[test]
fn private_members_are_never_kept_and_never_printed() {
    let mut private: Value = serde_json::from_str(RSA_JWK).unwrap();
    private["kid"] = json!("k1");
    let set = parse(&json!([private]));
    let printed = serde_json::to_value(&set).unwrap();
    let names: Vec<&String> = printed["keys"][0].as_object().unwrap().keys().collect();
    assert_eq!(names, ["e", "kid", "kty", "n"]);
}

#[test]
fn a_set_that_was_printed_reads_back() {
    let mut entry = public(&rsa(), "k1");
    entry["x5t"] = json!("thumb");
    entry["x5t#S256"] = json!("thumb256");
    entry["x5c"] = json!(["MIIB"]);
    entry["issuer"] = json!("https://login.example/{tenantid}/v2.0");
    let set = parse(&json!([entry]));
    let printed = serde_json::to_vec(&set).unwrap();
    assert_eq!(JwkSet::parse(&printed, 100).unwrap(), set);
    assert_eq!(serde_json::to_value(&set).unwrap(), json!({ "keys": [entry] }));
}
