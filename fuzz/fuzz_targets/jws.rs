#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};
use symbolon_jose::{MAX_TOKEN_BYTES, SigningHeader, SigningKey, Unverified, base64url};

/// The key of RFC 8037 appendix A.1, which signed the first seed.
static KEY: LazyLock<SigningKey> = LazyLock::new(|| {
    let jwk = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    SigningKey::from_jwk(jwk).unwrap()
});

fuzz_target!(|text: &str| {
    sign_and_verify(text);
    let Ok(unverified) = Unverified::parse(text) else { return };
    assert!(text.len() <= MAX_TOKEN_BYTES);

    let parts: Vec<&str> = text.split('.').collect();
    assert_eq!(parts.len(), 3);
    for part in &parts {
        assert_eq!(base64url::encode(base64url::decode(part).unwrap()), *part);
    }
    let header: Map<String, Value> = serde_json::from_slice(&base64url::decode(parts[0]).unwrap()).unwrap();
    assert_eq!(header["alg"], unverified.header().alg().name());
    assert_eq!(header.get("kid").and_then(Value::as_str), unverified.header().kid());
    assert!(!header.contains_key("crit"));
    let payload: Map<String, Value> = serde_json::from_slice(unverified.payload()).unwrap();
    assert_eq!(unverified.claims::<Map<String, Value>>().unwrap(), payload);

    // Ed25519 gives one signature for one text: a token that verifies is the one we would sign.
    let signed = text.rsplit_once('.').unwrap();
    if let Ok(verified) = unverified.verify(KEY.verifying_key()) {
        let again = KEY.sign_payload(&SigningHeader::default(), verified.payload()).unwrap();
        if again.rsplit_once('.').unwrap().0 == signed.0 {
            assert_eq!(again, text);
        }
    }
});

/// Whatever payload is signed comes back, and no payload is signed that would be refused.
fn sign_and_verify(payload: &str) {
    let header = SigningHeader { kid: Some("fuzz".into()), ..SigningHeader::default() };
    let Ok(token) = KEY.sign_payload(&header, payload.as_bytes()) else { return };
    let verified = Unverified::parse(&token).unwrap().verify(KEY.verifying_key()).unwrap();
    assert_eq!(verified.payload(), payload.as_bytes());
}
