//! Compares this crate with `jsonwebtoken`, which shares no parsing code with it.
//!
//! Whatever we accept, it accepts, with the same claims. Where we refuse and it accepts, the
//! difference is deliberate and stands in `stricter_on_purpose`.

#![expect(clippy::unwrap_used, reason = "a failed helper is a failed test")]

use jsonwebtoken::{Algorithm as TheirAlgorithm, DecodingKey, EncodingKey, Header, Validation};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use symbolon_jose::{Algorithm, JsonError, ParseError, SigningHeader, SigningKey, Unverified, VerifyingKey, base64url};

const RSA: &str = include_str!("data/rsa.pkcs8.pem");
const P256: &str = include_str!("data/p256.pkcs8.pem");
const P384: &str = include_str!("data/p384.pkcs8.pem");
const P384_PUBLIC: &str = include_str!("data/p384.spki.pem");
const ED25519: &str = include_str!("data/ed25519.pkcs8.pem");

/// One private key, and its public half as each of the two reads it.
struct Pair {
    algorithm: Algorithm,
    ours: VerifyingKey,
    their_algorithm: TheirAlgorithm,
    their_public: DecodingKey,
    their_private: EncodingKey,
}

impl Pair {
    fn ours_accepts(&self, token: &str) -> Option<Value> {
        let verified = Unverified::parse(token).ok()?.verify(&self.ours).ok()?;
        Some(verified.claims().unwrap())
    }

    fn they_accept(&self, token: &str) -> Option<Value> {
        let mut validation = Validation::new(self.their_algorithm);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        let data = jsonwebtoken::decode::<Value>(token, &self.their_public, &validation);
        data.ok().map(|data| data.claims)
    }

    /// Signs any header and payload, however odd.
    fn sign(&self, header: &str, payload: &str) -> String {
        let input = format!("{}.{}", base64url::encode(header), base64url::encode(payload));
        let signature = jsonwebtoken::crypto::sign(input.as_bytes(), &self.their_private, self.their_algorithm);
        format!("{input}.{}", signature.unwrap())
    }
}

fn rsa(algorithm: Algorithm, their_algorithm: TheirAlgorithm) -> Pair {
    let ours = VerifyingKey::from_pem(include_str!("data/rsa.spki.pem")).unwrap();
    let jwk = ours.to_jwk();
    let (n, e) = (jwk.n.unwrap(), jwk.e.unwrap());
    Pair {
        algorithm,
        ours,
        their_algorithm,
        their_public: DecodingKey::from_rsa_components(&n, &e).unwrap(),
        their_private: EncodingKey::from_rsa_pem(RSA.as_bytes()).unwrap(),
    }
}

fn ec(algorithm: Algorithm, their_algorithm: TheirAlgorithm, private: &str, public: &str) -> Pair {
    Pair {
        algorithm,
        ours: VerifyingKey::from_pem(public).unwrap(),
        their_algorithm,
        their_public: DecodingKey::from_ec_pem(public.as_bytes()).unwrap(),
        their_private: EncodingKey::from_ec_pem(private.as_bytes()).unwrap(),
    }
}

fn ed25519() -> Pair {
    let public = include_str!("data/ed25519.spki.pem");
    Pair {
        algorithm: Algorithm::EdDsa,
        ours: VerifyingKey::from_pem(public).unwrap(),
        their_algorithm: TheirAlgorithm::EdDSA,
        their_public: DecodingKey::from_ed_pem(public.as_bytes()).unwrap(),
        their_private: EncodingKey::from_ed_pem(ED25519.as_bytes()).unwrap(),
    }
}

/// Every algorithm that both know; `jsonwebtoken` has no ES512.
fn pairs() -> Vec<Pair> {
    vec![
        rsa(Algorithm::Rs256, TheirAlgorithm::RS256),
        rsa(Algorithm::Rs384, TheirAlgorithm::RS384),
        rsa(Algorithm::Rs512, TheirAlgorithm::RS512),
        rsa(Algorithm::Ps256, TheirAlgorithm::PS256),
        rsa(Algorithm::Ps384, TheirAlgorithm::PS384),
        rsa(Algorithm::Ps512, TheirAlgorithm::PS512),
        ec(Algorithm::Es256, TheirAlgorithm::ES256, P256, include_str!("data/p256.spki.pem")),
        ec(Algorithm::Es384, TheirAlgorithm::ES384, P384, P384_PUBLIC),
        ed25519(),
    ]
}

#[test]
fn what_they_sign_we_verify() {
    let claims = json!({"iss": "https://issuer.example", "aud": ["a", "b"], "exp": 1, "nested": {"é": [null]}});
    for pair in pairs() {
        let mut header = Header::new(pair.their_algorithm);
        header.kid = Some("k1".to_owned());
        let token = jsonwebtoken::encode(&header, &claims, &pair.their_private).unwrap();
        let unverified = Unverified::parse(&token).unwrap();
        assert_eq!(unverified.header().alg(), pair.algorithm);
        assert_eq!(unverified.header().kid(), Some("k1"));
        assert_eq!(pair.ours_accepts(&token), Some(claims.clone()), "{}", pair.algorithm);
    }
}

#[test]
fn what_we_sign_they_verify() {
    let claims = json!({"iss": "https://issuer.example", "aud": "a", "exp": 1});
    let header = SigningHeader {
        typ: Some("JWT".into()),
        kid: Some("k1".into()),
        x5t: Some("thumb".into()),
        x5t_s256: Some("thumb256".into()),
    };
    for pair in pairs() {
        let private = match pair.algorithm {
            Algorithm::Rs256 => RSA,
            Algorithm::Es256 => P256,
            Algorithm::EdDsa => ED25519,
            _ => continue,
        };
        let token = SigningKey::from_pem(private).unwrap().sign(&header, &claims).unwrap();
        assert_eq!(pair.they_accept(&token), Some(claims.clone()), "{}", pair.algorithm);
        let read = jsonwebtoken::decode_header(&token).unwrap();
        assert_eq!(read.kid, header.kid);
        assert_eq!((read.x5t, read.x5t_s256), (header.x5t.clone(), header.x5t_s256.clone()));
    }
}

#[test]
fn stricter_on_purpose() {
    let pair = ed25519();
    let plain = r#"{"alg":"EdDSA"}"#;
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(40), "]".repeat(40));
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(13_000));
    let duplicate = |name: &str| JsonError::DuplicateMember(name.to_owned());
    let differences = [
        (plain, r#"{"role":"a","role":"b"}"#, ParseError::PayloadJson(duplicate("role"))),
        (r#"{"alg":"EdDSA","x":1,"x":2}"#, "{}", ParseError::HeaderJson(duplicate("x"))),
        (plain, deep.as_str(), ParseError::PayloadJson(JsonError::TooDeep)),
        (r#"{"alg":"EdDSA","crit":["exp"]}"#, "{}", ParseError::CriticalHeader),
    ];
    for (header, payload, reason) in differences {
        let token = pair.sign(header, payload);
        assert_eq!(Unverified::parse(&token).unwrap_err(), reason, "{header} {payload}");
        assert!(pair.they_accept(&token).is_some(), "{header} {payload}");
    }
    let token = pair.sign(plain, &long);
    assert!(matches!(Unverified::parse(&token).unwrap_err(), ParseError::TooLong { .. }));
    assert!(pair.they_accept(&token).is_some());
}

/// Headers and payloads at the edges of what the two parsers could disagree about.
fn header() -> impl Strategy<Value = String> {
    let alg = prop::sample::select(vec![
        r#""alg":"EdDSA""#,
        r#""alg":"ES256""#,
        r#""alg":"none""#,
        r#""alg":"HS256""#,
        r#""\u0061lg":"EdDSA""#,
        r#""alg":"eddsa""#,
        r#""alg":null"#,
        r#""Alg":"EdDSA""#,
        r#""alg" : "EdD\u0053A""#,
    ]);
    let other = prop::sample::select(vec![
        r#""typ":"JWT""#,
        r#""kid":"k1""#,
        r#""kid":1"#,
        r#""kid":null"#,
        r#""x5t":"a""#,
        r#""jku":"https://a""#,
        r#""crit":["exp"]"#,
        r#""crit":[]"#,
        r#""alg":"EdDSA""#,
        r#""b64":false"#,
        r#""x":{"y":[{}]}"#,
        "",
    ]);
    (alg, proptest::collection::vec(other, 0..3), any::<bool>()).prop_map(|(alg, others, first)| {
        let mut members: Vec<&str> = others;
        members.insert(if first { 0 } else { members.len() }, alg);
        format!("{{{}}}", members.join(","))
    })
}

fn payload() -> impl Strategy<Value = String> {
    let member = prop::sample::select(vec![
        r#""iss":"a""#,
        r#""iss":"b""#,
        r#""\u0069ss":"c""#,
        r#""exp":1e3"#,
        r#""exp":1e999"#,
        r#""n":-0"#,
        r#""s":"\ud83d\ude00""#,
        r#""s":"\ud83d""#,
        r#""aud":["a",null]"#,
        r#""o":{"a":1,"a":1}"#,
        "\"t\":\"\t\"",
        "",
    ]);
    (proptest::collection::vec(member, 0..3), prop::sample::select(vec!["", " ", "\n", "x", "{}", "\u{feff}"]))
        .prop_map(|(members, after)| format!("{{{}}}{after}", members.join(",")))
}

/// Few ways to spoil a token, applied where it hurts.
fn mutate(token: &str, edits: &[(usize, usize, char)]) -> String {
    let mut token: Vec<char> = token.chars().collect();
    for &(kind, at, with) in edits {
        let at = at % token.len().max(1);
        match kind % 4 {
            0 if at < token.len() => token[at] = with,
            1 => token.insert(at, with),
            2 if at < token.len() => drop(token.remove(at)),
            _ => token.push(with),
        }
    }
    token.into_iter().collect()
}

/// A check that never sees an accepted token would pass without checking anything.
fn accepted_by_us_and_so_by_them<S: Strategy>(strategy: &S, token: impl Fn(&Pair, S::Value) -> String) {
    let pair = ed25519();
    let accepted = std::cell::Cell::new(0);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(2_000));
    let compared = runner.run(strategy, |value| {
        let token = token(&pair, value);
        if let Some(claims) = pair.ours_accepts(&token) {
            accepted.set(accepted.get() + 1);
            prop_assert_eq!(pair.they_accept(&token), Some(claims), "{}", token);
        }
        Ok(())
    });
    compared.unwrap();
    assert!(accepted.get() > 0);
}

#[test]
fn of_odd_but_well_signed_tokens_we_accept_no_more_than_they_do() {
    accepted_by_us_and_so_by_them(&(header(), payload()), |pair, (header, payload)| pair.sign(&header, &payload));
}

#[test]
fn of_spoiled_tokens_we_accept_no_more_than_they_do() {
    let character = prop::sample::select("AQgwZz09-_.=+/ ".chars().collect::<Vec<_>>());
    let edits = proptest::collection::vec((any::<usize>(), any::<usize>(), character), 0..3);
    accepted_by_us_and_so_by_them(&edits, |pair, edits| {
        mutate(&pair.sign(r#"{"alg":"EdDSA","kid":"k1"}"#, r#"{"iss":"a"}"#), &edits)
    });
}
