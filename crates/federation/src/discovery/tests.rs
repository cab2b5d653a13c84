use proptest::prelude::*;
use serde_json::json;

use super::*;

const ISSUER: &str = "https://issuer.example/";

fn refusal(document: &str) -> String {
    parse(document.as_bytes(), ISSUER).unwrap_err().to_string()
}

#[test]
fn the_document_of_a_kube_apiserver_is_read() {
    let document = json!({
        "issuer": ISSUER,
        "jwks_uri": "https://issuer.example:6443/openid/v1/jwks",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    });
    let discovery = parse(document.to_string().as_bytes(), ISSUER).unwrap();
    assert_eq!(discovery.jwks_uri().as_str(), "https://issuer.example:6443/openid/v1/jwks");
}

#[test]
fn the_issuer_must_be_the_same_to_the_character() {
    for found in ["https://issuer.example", "https://Issuer.example/", "https://issuer.example:443/", "https://other/"]
    {
        let document = json!({"issuer": found, "jwks_uri": "https://issuer.example/jwks"}).to_string();
        let expected = IssuerKeysError::UnexpectedIssuer { found: found.into(), expected: ISSUER.into() };
        assert_eq!(parse(document.as_bytes(), ISSUER), Err(expected));
    }
}

#[test]
fn a_missing_field_is_named() {
    let missing = |field| Err(IssuerKeysError::MissingField { field });
    assert_eq!(parse(br#"{"jwks_uri":"https://a/"}"#, ISSUER), missing("issuer"));
    assert_eq!(parse(br#"{"issuer":"https://issuer.example/"}"#, ISSUER), missing("jwks_uri"));
    assert_eq!(parse(br#"{"issuer":"https://issuer.example/","jwks_uri":null}"#, ISSUER), missing("jwks_uri"));
}

#[test]
fn what_is_not_strict_json_is_malformed() {
    insta::assert_snapshot!(refusal("<html>"), @"discovery document is malformed: not valid JSON at line 1 column 1");
    insta::assert_snapshot!(refusal("[]"), @"discovery document is malformed: not a JSON object");
    insta::assert_snapshot!(
        refusal(r#"{"issuer":"https://issuer.example/","jwks_uri":"https://a/","jwks_uri":"https://b/"}"#),
        @"discovery document is malformed: member `jwks_uri` occurs twice in one object"
    );
    insta::assert_snapshot!(refusal(r#"{"issuer":1}"#), @"discovery document is malformed: `issuer` is not a string");
}

#[test]
fn keys_are_only_looked_for_at_http_and_https_urls_without_credentials() {
    for bad in ["file:///etc/passwd", "ftp://issuer.example/", "/jwks", "data:,{}", "https://user:pw@issuer.example/"] {
        let document = json!({"issuer": ISSUER, "jwks_uri": bad}).to_string();
        let refused = parse(document.as_bytes(), ISSUER).unwrap_err();
        assert!(matches!(refused, IssuerKeysError::Malformed { .. }), "{bad}: {refused}");
    }
}

#[test]
fn text_of_the_document_cannot_break_a_log_line() {
    let found = "https://issuer.example/\n\u{1b}[2Jadmin";
    let document = json!({"issuer": found, "jwks_uri": "https://issuer.example/"}).to_string();
    let refused = refusal(&document);
    assert!(!refused.chars().any(char::is_control), "{refused}");
}

#[test]
fn the_document_lies_below_the_issuer_whether_or_not_it_ends_in_a_slash() {
    for (issuer, expected) in [
        ("https://issuer.example", "https://issuer.example/.well-known/openid-configuration"),
        ("https://issuer.example/", "https://issuer.example/.well-known/openid-configuration"),
        ("https://issuer.example/a", "https://issuer.example/a/.well-known/openid-configuration"),
        ("https://issuer.example/a/", "https://issuer.example/a/.well-known/openid-configuration"),
        ("https://issuer.example:8443/a//", "https://issuer.example:8443/a//.well-known/openid-configuration"),
    ] {
        assert_eq!(url(issuer).unwrap().as_str(), expected);
    }
}

#[test]
fn an_issuer_that_is_no_plain_url_is_refused() {
    for bad in
        ["issuer.example", "https://user@issuer.example", "https://a?b", "https://a#b", "https://[::1", "http://"]
    {
        let refused = url(bad).unwrap_err();
        assert!(matches!(refused, IssuerKeysError::Refused { .. }), "{bad}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_without_panic(bytes: Vec<u8>, issuer: String) {
        prop_assert!(parse(&bytes, &issuer).is_err());
        let _ = url(&issuer);
    }

    #[test]
    fn an_accepted_document_has_the_issuer_that_was_expected(issuer in "https://[a-z]{1,9}(\\.[a-z]{1,9})?/?", other in "https://[a-z]{1,2}/?") {
        let document = json!({"issuer": issuer, "jwks_uri": "https://issuer.example/"}).to_string();
        prop_assert!(parse(document.as_bytes(), &issuer).is_ok());
        prop_assert_eq!(parse(document.as_bytes(), &other).is_ok(), issuer == other);
    }
}
