#![no_main]

use libfuzzer_sys::fuzz_target;
use symbolon_jose::{Jwk, SigningHeader, SigningKey, Unverified, VerifyingKey, json};

fuzz_target!(|text: &str| {
    private(text);
    let Ok(jwk) = json::from_slice::<Jwk>(text.as_bytes()) else { return };
    let printed = serde_json::to_vec(&jwk).unwrap();
    assert_eq!(json::from_slice::<Jwk>(&printed).unwrap(), jwk);

    let Ok(key) = VerifyingKey::from_jwk(&jwk) else { return };
    let again = VerifyingKey::from_jwk(&key.to_jwk()).unwrap();
    assert_eq!(again.thumbprint(), key.thumbprint());
    let from_spki = VerifyingKey::from_spki_der(key.spki_der()).unwrap();
    assert_eq!(from_spki.spki_der(), key.spki_der());
    assert_eq!(from_spki.kubernetes_key_id(), key.kubernetes_key_id());
    assert!(key.algorithms().all(|algorithm| from_spki.allows(algorithm)));
});

/// Whatever is read as a private key signs what its public half verifies.
fn private(text: &str) {
    let Ok(key) = SigningKey::from_jwk(text) else { return };
    let token = key.sign_payload(&SigningHeader::default(), b"{}").unwrap();
    Unverified::parse(&token).unwrap().verify(key.verifying_key()).unwrap();
    let again = SigningKey::from_pkcs8_der(&key.to_pkcs8_der()).unwrap();
    assert_eq!(again.verifying_key(), key.verifying_key());
}
