//! A foreign cluster's issuer in the hands of the test, which can sign anything.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use serde_json::{Value, json};
use symbolon_jose::{Jwk, KeyKind, SigningHeader, SigningKey, base64url};
use uuid::Uuid;

/// Its URL; with a registered key set nothing is ever fetched from it.
pub(crate) const URL: &str = "https://issuer.example/Cluster";
/// The audience of its tokens.
pub(crate) const AUDIENCE: &str = "api://AzureADTokenExchange";
/// The service account of its tokens.
pub(crate) const SUBJECT: &str = "system:serviceaccount:default:web";

/// An issuer, and an attacker with a key of their own.
pub(crate) struct Issuer {
    key: SigningKey,
    attacker: SigningKey,
}

impl Issuer {
    pub(crate) fn new() -> Self {
        let generate = || SigningKey::generate(KeyKind::Rsa2048).unwrap();
        Self { key: generate(), attacker: generate() }
    }

    /// The published key set; the attacker's key is not in it.
    pub(crate) fn key_set(&self) -> String {
        let key = Jwk {
            kid: Some(key_id(&self.key)),
            use_: Some("sig".into()),
            alg: Some("RS256".into()),
            ..self.key.verifying_key().to_jwk()
        };
        json!({ "keys": [key] }).to_string()
    }

    /// A token as a kube-apiserver would issue it now.
    pub(crate) fn token(&self) -> String {
        self.token_with("sub", &json!(SUBJECT))
    }

    /// Such a token with one other claim.
    pub(crate) fn token_with(&self, claim: &str, value: &Value) -> String {
        let mut claims = claims();
        claims[claim] = value.clone();
        sign(&self.key, key_id(&self.key), &claims)
    }

    /// A token that was valid until an hour ago.
    pub(crate) fn expired_token(&self) -> String {
        let mut claims = claims();
        for time in ["iat", "nbf", "exp"] {
            claims[time] = json!(claims[time].as_i64().unwrap() - 2 * 3600);
        }
        sign(&self.key, key_id(&self.key), &claims)
    }

    /// A token whose payload was changed after it was signed, in a claim that no credential names.
    pub(crate) fn tampered_token(&self) -> String {
        let token = self.token();
        let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else {
            panic!("a compact JWS has three parts");
        };
        let mut claims: Value = serde_json::from_slice(&base64url::decode(payload).unwrap()).unwrap();
        claims["jti"] = json!(Uuid::new_v4());
        format!("{header}.{}.{signature}", base64url::encode(claims.to_string()))
    }

    /// A token of the attacker's, under the id of the attacker's key.
    pub(crate) fn token_by_unknown_key(&self) -> String {
        sign(&self.attacker, key_id(&self.attacker), &claims())
    }

    /// A token of the attacker's, under the id of the issuer's key.
    pub(crate) fn token_by_other_key_under_known_id(&self) -> String {
        sign(&self.attacker, key_id(&self.key), &claims())
    }

    /// A token whose HMAC has the issuer's public key as its secret: a verifier that lets the token
    /// choose the algorithm accepts it.
    pub(crate) fn hmac_token(&self) -> String {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, self.key.verifying_key().spki_der());
        let signed = unsigned("HS256", &self.key);
        let tag = hmac::sign(&secret, signed.as_bytes());
        format!("{signed}.{}", base64url::encode(tag))
    }

    /// A token with the algorithm `none` and an empty signature.
    pub(crate) fn unsigned_token(&self) -> String {
        format!("{}.", unsigned("none", &self.key))
    }
}

/// The id of a token, read without any check.
pub(crate) fn token_id(token: &str) -> String {
    let payload = token.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&base64url::decode(payload).unwrap()).unwrap();
    claims["jti"].as_str().unwrap().to_owned()
}

fn sign(key: &SigningKey, kid: String, claims: &Value) -> String {
    key.sign(&SigningHeader { kid: Some(kid), ..SigningHeader::default() }, claims).unwrap()
}

fn unsigned(alg: &str, key: &SigningKey) -> String {
    let header = json!({ "alg": alg, "kid": key_id(key) });
    format!("{}.{}", base64url::encode(header.to_string()), base64url::encode(claims().to_string()))
}

fn key_id(key: &SigningKey) -> String {
    key.verifying_key().kubernetes_key_id()
}

fn claims() -> Value {
    let now = now();
    json!({
        "aud": [AUDIENCE],
        "exp": now + 3600,
        "iat": now,
        "iss": URL,
        "jti": Uuid::new_v4(),
        "kubernetes.io": {
            "namespace": "default",
            "pod": { "name": "web-0", "uid": Uuid::new_v4() },
            "serviceaccount": { "name": "web", "uid": Uuid::new_v4() },
        },
        "nbf": now,
        "sub": SUBJECT,
    })
}

#[expect(clippy::disallowed_methods, reason = "the issuer is another program with a clock of its own")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
