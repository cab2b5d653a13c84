use rcgen::{CertificateParams, KeyPair};
use serde_json::json;
use symbolon_core::TenantId;
use uuid::Uuid;

use super::*;

const ED25519: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

fn jwks(keys: &Value) -> String {
    json!({ "keys": keys }).to_string()
}

fn at(issuer: &str, keys: IssuerKeySource) -> Result<(), InvalidRegistration> {
    validate(&TrustedIssuer { tenant: TenantId::new(Uuid::nil()), issuer: issuer.into(), keys, version: 0 })
}

fn discovery(allow_private: bool) -> IssuerKeySource {
    IssuerKeySource::Discovery { ca_pem: None, allow_private }
}

fn certificate() -> (String, String) {
    let key = KeyPair::generate().unwrap();
    (CertificateParams::new(vec![]).unwrap().self_signed(&key).unwrap().pem(), key.serialize_pem())
}

#[test]
fn a_key_set_is_summed_up() {
    let keys = json!([
        {"kty": "OKP", "crv": "Ed25519", "x": ED25519, "kid": "one"},
        {"kty": "OKP", "crv": "Ed448", "x": ED25519, "kid": "two"},
        {"kty": "OKP", "crv": "Ed25519", "x": ED25519},
    ]);
    let summary = validate_registered_jwks(&jwks(&keys)).unwrap();
    assert_eq!(summary.key_ids, ["one"]);
    insta::assert_snapshot!(summary.left_out.join("\n"), @r"
        `two`, curve `Ed448` is not supported
        a key without `kid`, key has no `kid`
    ");
}

#[test]
fn a_key_set_that_could_never_verify_anything_is_refused() {
    let refusal = |text: &str| validate_registered_jwks(text).unwrap_err().problem;
    insta::assert_snapshot!(refusal("not json"), @"cannot be read: not valid JSON at line 1 column 2");
    insta::assert_snapshot!(refusal("{}"), @"is refused: key set has no array `keys`");
    insta::assert_snapshot!(refusal(&jwks(&json!([]))), @"has no usable key");
    insta::assert_snapshot!(refusal(&jwks(&json!([{"kty": "RSA", "kid": "one"}]))), @"has no usable key (`one`, member `n` is missing)");
    insta::assert_snapshot!(refusal(&" ".repeat(2_000_000)), @"has 2000000 bytes, more than 1048576");
}

#[test]
fn a_private_key_is_not_stored_as_a_public_one() {
    let key = json!({"kty": "OKP", "crv": "Ed25519", "x": ED25519, "d": "secret-value", "kid": "one"});
    let refused = validate_registered_jwks(&jwks(&json!([key]))).unwrap_err();
    insta::assert_snapshot!(refused, @"`jwks` has a private or secret key; expected a JSON Web Key Set (RFC 7517) with at least one public key that has a `kid`");
}

#[test]
fn a_ca_file_has_certificates_and_nothing_else() {
    let (one, key) = certificate();
    let (two, _) = certificate();
    assert_eq!(validate_ca(&format!("# ours\n{one}\n{two}")), Ok(2));
    insta::assert_snapshot!(validate_ca(&format!("{one}{key}")).unwrap_err().problem, @"has something else than certificates");
    insta::assert_snapshot!(validate_ca("").unwrap_err().problem, @"has no certificate");
    let broken = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n";
    insta::assert_snapshot!(validate_ca(&format!("{one}{broken}")).unwrap_err().problem, @"has a certificate, number 2, that cannot be read");
    insta::assert_snapshot!(validate_ca(&one[..60]).unwrap_err().problem, @"has a section without an end line");
}

#[test]
fn an_issuer_that_could_never_be_fetched_is_refused() {
    for bad in ["http://issuer.example", "https://127.0.0.1:6443", "https://[::1]", "https://0xa000001", "https://10.1"]
    {
        assert_eq!(at(bad, discovery(false)).unwrap_err().field, "issuer", "{bad}");
        assert_eq!(at(bad, discovery(true)), Ok(()), "{bad}");
    }
    insta::assert_snapshot!(at("https://10.1", discovery(false)).unwrap_err(), @"`issuer` is at 10.0.0.1, a private address; expected an https URL at a public address, or `allowPrivate` (`--allow-private`), or a registered key set");
    insta::assert_snapshot!(at("https://169.254.169.254", discovery(true)).unwrap_err(), @"`issuer` is at 169.254.169.254, the address of a cloud's metadata service; expected an address that an issuer can have");
    insta::assert_snapshot!(at("issuer.example", discovery(true)).unwrap_err(), @"`issuer` is `issuer.example`, which is not a URL; expected the `iss` of the tokens, an https URL");
}

#[test]
fn an_issuer_with_a_registered_key_set_may_be_anywhere() {
    let keys = jwks(&json!([{"kty": "OKP", "crv": "Ed25519", "x": ED25519, "kid": "one"}]));
    for issuer in ["http://127.0.0.1", "https://disconnected.example", "https://10.0.0.1"] {
        assert_eq!(at(issuer, IssuerKeySource::Registered { jwks: keys.clone() }), Ok(()));
    }
}
