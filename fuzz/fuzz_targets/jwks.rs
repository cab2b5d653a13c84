#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use symbolon_jose::{JwkSet, VerificationKeys};

const MAX_KEYS: usize = 4;

fuzz_target!(|bytes: &[u8]| {
    let Ok(set) = JwkSet::parse(bytes, MAX_KEYS) else { return };
    assert!(set.keys.len() <= MAX_KEYS);
    assert!(set.over_limit == 0 || set.keys.len() == MAX_KEYS);
    let ids: HashSet<&str> = set.keys.iter().map(|key| key.kid.as_deref().unwrap()).collect();
    assert_eq!(ids.len(), set.keys.len());

    // Every key that was kept is usable, and found by its id.
    let keys = VerificationKeys::new(&set);
    assert_eq!(keys.len(), set.keys.len());
    assert!(ids.iter().all(|id| keys.get(id).is_some()));

    let printed = serde_json::to_value(&set).unwrap();
    for key in printed["keys"].as_array().unwrap() {
        assert!(["d", "p", "q", "dp", "dq", "qi", "oth", "k"].iter().all(|name| key.get(name).is_none()));
    }
    let again = JwkSet::parse(printed.to_string().as_bytes(), MAX_KEYS).unwrap();
    assert_eq!(again.keys, set.keys);
    assert!(again.skipped.is_empty());
});
