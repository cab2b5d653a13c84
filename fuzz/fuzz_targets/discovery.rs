#![no_main]

use libfuzzer_sys::fuzz_target;
use symbolon_federation::discovery;

const ISSUER: &str = "https://issuer.example/";

fuzz_target!(|bytes: &[u8]| {
    let Ok(document) = discovery::parse(bytes, ISSUER) else { return };
    let url = document.jwks_uri();
    assert!(matches!(url.scheme(), "https" | "http"));
    assert!(url.has_host() && url.username().is_empty() && url.password().is_none());

    let again: serde_json::Value = serde_json::from_slice(bytes).unwrap();
    assert_eq!(again["issuer"], ISSUER);
    assert_eq!(url, &again["jwks_uri"].as_str().unwrap().parse().unwrap());

    assert!(discovery::parse(bytes, "https://issuer.example").is_err());
});
