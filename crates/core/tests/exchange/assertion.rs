//! The assertion itself: its form, its header and its times.

use serde_json::{Value, json};
use symbolon_jose::{MAX_TOKEN_BYTES, base64url};

use crate::case::{
    Case,
    Keys::{Asked, NotAsked},
    Row, refuses,
};
use crate::token::{ATTACKER_KEYS, ISSUER_KEYS};
use crate::world::{AUDIENCE, IDENTITY, ISSUER, NOW, SUBJECT, TENANT};

#[tokio::test]
async fn every_algorithm_of_the_list_is_accepted_with_a_key_of_its_family() {
    for algorithm in ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"] {
        let answer = Case::federated().with(|c| c.token.algorithm(algorithm)).call().await;
        assert_eq!(answer.code(), 0, "{algorithm}");
    }
}

#[tokio::test]
async fn the_type_is_jwt_in_any_case_or_absent() {
    for typ in ["JWT", "jwt", "Jwt", "http://openid.net/specs/jwt/1.0"] {
        assert_eq!(Case::federated().with(|c| c.token.header("typ", typ)).call().await.code(), 0, "{typ}");
    }
    for typ in ["", "JWE", "at+jwt", "JWT ", "http://openid.net/specs/jwt/1.1"] {
        let answer = Case::federated().with(|c| c.token.header("typ", typ)).call().await;
        assert_eq!((answer.code(), answer.asked.len()), (5_002_727, 0), "{typ:?}");
    }
}

#[tokio::test]
async fn a_header_that_could_weaken_the_check_is_refused() {
    let rows: &[Row] = &[
        ("alg none", |c| unsigned(c, "none"), 5_002_738, "invalid_client", NotAsked),
        ("alg None", |c| unsigned(c, "None"), 5_002_738, "invalid_client", NotAsked),
        ("alg nOnE", |c| unsigned(c, "nOnE"), 5_002_738, "invalid_client", NotAsked),
        ("alg empty", |c| unsigned(c, ""), 5_002_738, "invalid_client", NotAsked),
        ("alg HS256, the public key as secret", |c| c.token.algorithm("HS256"), 5_002_738, "invalid_client", NotAsked),
        ("alg in lower case", |c| c.token.header("alg", "rs256"), 5_002_738, "invalid_client", NotAsked),
        ("alg of encryption", |c| c.token.header("alg", "RSA-OAEP"), 5_002_738, "invalid_client", NotAsked),
        ("no alg", |c| c.token.without_header("alg"), 50_027, "invalid_request", NotAsked),
        ("alg a number", |c| c.token.header("alg", 256), 50_027, "invalid_request", NotAsked),
        ("crit", |c| c.token.header("crit", vec!["exp"]), 5_002_726, "invalid_client", NotAsked),
        ("crit empty", |c| c.token.header("crit", Value::Array(vec![])), 5_002_726, "invalid_client", NotAsked),
        ("crit null", |c| c.token.header("crit", Value::Null), 5_002_726, "invalid_client", NotAsked),
        ("no key id", |c| c.token.without_header("kid"), 5_002_723, "invalid_client", NotAsked),
        ("kid a number", |c| c.token.header("kid", 1), 50_027, "invalid_request", NotAsked),
        ("typ null", |c| c.token.header("typ", Value::Null), 50_027, "invalid_request", NotAsked),
        (
            "alg twice",
            |c| c.token.raw_header = Some(r#"{"alg":"RS256","alg":"none","kid":"rsa"}"#.into()),
            50_027,
            "invalid_request",
            NotAsked,
        ),
        (
            "kid twice, once escaped",
            |c| c.token.raw_header = Some(r#"{"alg":"RS256","kid":"rsa","k\u0069d":"p256"}"#.into()),
            50_027,
            "invalid_request",
            NotAsked,
        ),
    ];
    refuses(Case::federated, rows).await;
}

#[tokio::test]
async fn a_key_that_the_token_brings_along_is_not_honoured() {
    let planted: [fn(&mut Case); 4] = [
        |c| c.token.header("jwk", serde_json::to_value(ATTACKER_KEYS.public("rsa").to_jwk()).unwrap()),
        |c| c.token.header("jku", "https://attacker.example/keys"),
        |c| c.token.header("x5u", "https://attacker.example/certificate"),
        |c| c.token.header("x5c", vec![base64url::encode(ATTACKER_KEYS.spki("rsa"))]),
    ];
    for plant in planted {
        let forged = Case::federated().with(plant).with(|c| c.token.signed_by = &ATTACKER_KEYS).call().await;
        assert_eq!(forged.code(), 700_027);
        let honest = Case::federated().with(plant).call().await;
        for answer in [&forged, &honest] {
            assert_eq!(answer.asked, [(TENANT, ISSUER.to_owned(), "rsa".to_owned())], "nobody else is asked");
        }
        assert_eq!(honest.code(), 0, "beside a good signature it is ignored, as real clients send `x5c`");
    }
}

#[tokio::test]
async fn a_planted_key_does_not_stand_in_for_a_missing_key_id() {
    let answer = Case::federated()
        .with(|c| {
            c.token.without_header("kid");
            c.token.header("jwk", serde_json::to_value(ISSUER_KEYS.public("rsa").to_jwk()).unwrap());
        })
        .call()
        .await;
    assert_eq!((answer.code(), answer.asked.len()), (5_002_723, 0));
}

#[tokio::test]
async fn what_is_no_compact_jws_with_a_json_object_is_malformed() {
    let rows: &[Row] = &[
        ("text", |c| c.assertion = Some("not-a-token".into()), 50_027, "invalid_request", NotAsked),
        ("two dots", |c| c.assertion = Some("..".into()), 50_027, "invalid_request", NotAsked),
        ("two parts", |c| cut(c, 2), 50_027, "invalid_request", NotAsked),
        ("four parts", |c| around(c, "", ".AAAA"), 50_027, "invalid_request", NotAsked),
        ("five parts, as encrypted tokens have", |c| around(c, "", ".AAAA.AAAA"), 50_027, "invalid_request", NotAsked),
        ("line break at the end", |c| around(c, "", "\n"), 50_027, "invalid_request", NotAsked),
        ("space at the beginning", |c| around(c, " ", ""), 50_027, "invalid_request", NotAsked),
        ("padding", |c| around(c, "", "=="), 50_027, "invalid_request", NotAsked),
        ("not ASCII", |c| around(c, "", "é"), 50_027, "invalid_request", NotAsked),
        (
            "over the size limit",
            |c| c.assertion = Some("a".repeat(MAX_TOKEN_BYTES + 1)),
            50_027,
            "invalid_request",
            NotAsked,
        ),
        ("claims an array", |c| c.token.raw_claims = Some("[]".into()), 50_027, "invalid_request", NotAsked),
        ("claims not JSON", |c| c.token.raw_claims = Some("{".into()), 50_027, "invalid_request", NotAsked),
        ("claims not UTF-8", not_utf_8, 50_027, "invalid_request", NotAsked),
        (
            "claims nested too deep",
            |c| c.token.raw_claims = Some(format!("{{\"a\":{}{}}}", "[".repeat(40), "]".repeat(40))),
            50_027,
            "invalid_request",
            NotAsked,
        ),
        ("sub twice", |c| twice(c, "sub", SUBJECT), 50_027, "invalid_request", NotAsked),
        ("iss twice", |c| twice(c, "iss", ISSUER), 50_027, "invalid_request", NotAsked),
        (
            "a member twice, deep inside",
            |c| c.token.raw_claims = Some(r#"{"kubernetes.io":{"pod":{"name":"a","name":"b"}}}"#.into()),
            50_027,
            "invalid_request",
            NotAsked,
        ),
        ("iss an array", |c| c.token.claim("iss", vec![ISSUER]), 50_027, "invalid_request", NotAsked),
        ("sub a number", |c| c.token.claim("sub", 1), 50_027, "invalid_request", NotAsked),
        ("aud an object", |c| c.token.claim("aud", json!({ AUDIENCE: true })), 50_027, "invalid_request", NotAsked),
        (
            "aud with a number in it",
            |c| c.token.claim("aud", json!([AUDIENCE, 1])),
            50_027,
            "invalid_request",
            NotAsked,
        ),
    ];
    refuses(Case::federated, rows).await;
}

#[tokio::test]
async fn the_operator_learns_what_is_malformed() {
    for (change, cause) in [
        (
            (|c| around(c, "", "\n")) as fn(&mut Case),
            "signature is not base64url: character at position 342 is not allowed",
        ),
        (|c| cut(c, 2), "token does not have three parts"),
        (|c| twice(c, "sub", SUBJECT), "payload cannot be read: member `sub` occurs twice in one object"),
        (|c| c.token.claim("exp", "soon"), "unexpected content: invalid type"),
        (|c| c.token.without_header("alg"), "header has no `alg`"),
    ] {
        let answer = Case::federated().with(change).call().await;
        assert!(answer.record.reason.as_ref().unwrap().contains(cause), "{:?}", answer.record.reason);
        let refused = answer.refused();
        assert_eq!(refused.error.to_string(), "JWT token is invalid or malformed.", "the client is told no more");
        assert!(refused.cause.as_ref().unwrap().starts_with(cause), "{:?}", refused.cause);
    }
}

#[tokio::test]
async fn a_missing_claim_is_named() {
    let rows: &[Row] = &[
        ("iss", |c| c.token.without_claim("iss"), 90_014, "invalid_request", NotAsked),
        ("sub", |c| c.token.without_claim("sub"), 90_014, "invalid_request", NotAsked),
        ("aud", |c| c.token.without_claim("aud"), 90_014, "invalid_request", NotAsked),
        ("exp", |c| c.token.without_claim("exp"), 90_014, "invalid_request", NotAsked),
        ("iss null", |c| c.token.claim("iss", Value::Null), 90_014, "invalid_request", NotAsked),
        ("exp null", |c| c.token.claim("exp", Value::Null), 90_014, "invalid_request", NotAsked),
        ("aud empty", |c| c.token.claim("aud", Value::Array(vec![])), 90_014, "invalid_request", NotAsked),
    ];
    refuses(Case::federated, rows).await;
    for field in ["iss", "sub", "aud", "exp"] {
        let refused = Case::federated().with(|c| c.token.without_claim(field)).call().await.refused();
        assert!(refused.error.to_string().contains(&format!("'{field}' is missing")), "{}", refused.error);
    }
}

#[tokio::test]
async fn one_right_audience_of_several_is_enough() {
    for audiences in [json!(AUDIENCE), json!([AUDIENCE]), json!(["https://a", AUDIENCE, "https://b"])] {
        let answer = Case::federated().with(|c| c.token.claim("aud", audiences.clone())).call().await;
        assert_eq!(answer.code(), 0, "{audiences}");
    }
}

#[tokio::test]
async fn clocks_may_differ_by_sixty_seconds_and_not_by_one_more() {
    for (claim, value, code) in [
        ("exp", NOW - 59, 0),
        ("exp", NOW - 60, 700_024),
        ("exp", NOW, 0),
        ("nbf", NOW + 60, 0),
        ("nbf", NOW + 61, 700_024),
        ("nbf", NOW, 0),
    ] {
        let answer = Case::federated().with(|c| c.token.claim(claim, value)).call().await;
        assert_eq!(answer.code(), code, "{claim} {}", value - NOW);
        assert_eq!(answer.asked.is_empty(), code != 0, "times are checked before keys are asked for");
    }
}

#[tokio::test]
async fn a_fraction_of_a_second_does_not_move_the_edge() {
    let at = |claim: &'static str, value: Value| {
        Case::federated().with(move |c| {
            c.token.claim(claim, value);
            c.world.now += jiff::SignedDuration::from_millis(999);
        })
    };
    assert_eq!(at("exp", json!(NOW - 59)).call().await.code(), 0);
    assert_eq!(at("exp", json!(NOW - 60)).call().await.code(), 700_024);
    assert_eq!(at("nbf", json!(NOW + 61)).call().await.code(), 700_024);
}

#[tokio::test]
async fn any_number_is_a_time_and_nothing_else_is() {
    for (claim, value, code) in [
        ("exp", "1780315200.5", 0),
        ("exp", "1.7803152e9", 0),
        ("exp", "9223372036854775807", 0),
        ("exp", "18446744073709551615", 0),
        ("exp", "1e300", 0),
        ("exp", "0", 700_024),
        ("exp", "-1", 700_024),
        ("exp", "-9223372036854775808", 700_024),
        ("exp", "-1e300", 700_024),
        ("exp", "\"1780318800\"", 50_027),
        ("exp", "true", 50_027),
        ("exp", "[1780318800]", 50_027),
        ("nbf", "0", 0),
        ("nbf", "-1e300", 0),
        ("nbf", "1780315200.9", 0),
        ("nbf", "9223372036854775807", 700_024),
        ("nbf", "1e300", 700_024),
        ("nbf", "\"0\"", 50_027),
    ] {
        let answer = Case::federated().with(|c| raw_claim(c, claim, value)).call().await;
        assert_eq!(answer.code(), code, "{claim} {value}");
    }
}

#[tokio::test]
async fn a_token_without_nbf_is_valid_from_the_beginning_of_time() {
    assert_eq!(Case::federated().with(|c| c.token.without_claim("nbf")).call().await.code(), 0);
    let refused = Case::federated()
        .with(|c| {
            c.token.without_claim("nbf");
            c.token.claim("exp", NOW - 3600);
            c.world.now += jiff::SignedDuration::from_nanos(345_193_300);
        })
        .call()
        .await
        .refused();
    insta::assert_snapshot!(refused.error.description(), @"AADSTS700024: Client assertion is not within its valid time range. Current time: 2026-06-01T12:00:00.3451933Z, assertion valid from 1970-01-01T00:00:00.0000000Z, expiry time of assertion 2026-06-01T11:00:00.0000000Z. Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials .");
}

#[tokio::test]
async fn a_thumbprint_names_the_key_where_there_is_no_kid() {
    for header in ["x5t", "x5t#S256"] {
        let answer = Case::federated()
            .with(|c| {
                c.token.without_header("kid");
                c.token.header(header, "rsa");
            })
            .call()
            .await;
        assert_eq!((answer.code(), answer.asked.len()), (0, 1), "{header}");
    }
}

#[tokio::test]
async fn an_assertion_that_names_the_client_as_its_issuer_is_never_federated() {
    let rows: &[Row] = &[
        ("own id", |c| c.token.claim("iss", IDENTITY.to_string()), 700_027, "invalid_client", NotAsked),
        (
            "own id in upper case",
            |c| c.token.claim("iss", IDENTITY.to_string().to_uppercase()),
            700_027,
            "invalid_client",
            NotAsked,
        ),
        (
            "id of another client",
            |c| c.token.claim("iss", crate::world::APP.to_string()),
            700_021,
            "invalid_client",
            NotAsked,
        ),
        ("stranger's signature", |c| c.token.signed_by = &ATTACKER_KEYS, 700_027, "invalid_client", Asked),
    ];
    refuses(Case::federated, rows).await;
}

fn unsigned(case: &mut Case, name: &str) {
    case.token.header("alg", name);
    case.token.signed_with = "none";
}

fn around(case: &mut Case, before: &str, after: &str) {
    case.assertion = Some(format!("{before}{}{after}", case.token.print()));
}

fn cut(case: &mut Case, parts: usize) {
    case.assertion = Some(case.token.print().split('.').take(parts).collect::<Vec<_>>().join("."));
}

fn not_utf_8(case: &mut Case) {
    let token = case.token.print();
    let mut parts: Vec<_> = token.split('.').collect();
    let payload = base64url::encode(b"{\"sub\":\"\xff\"}");
    parts[1] = &payload;
    case.assertion = Some(parts.join("."));
}

fn twice(case: &mut Case, claim: &str, value: &str) {
    let claims = case.token.claims.to_string();
    case.token.raw_claims = Some(claims.replacen('{', &format!("{{\"{claim}\":\"{value}\","), 1));
}

/// Puts `text` where the claim's value stands, as it is: numbers must not pass through a parser.
fn raw_claim(case: &mut Case, claim: &str, text: &str) {
    case.token.without_claim(claim);
    let claims = case.token.claims.to_string();
    case.token.raw_claims = Some(claims.replacen('{', &format!("{{\"{claim}\":{text},"), 1));
}
