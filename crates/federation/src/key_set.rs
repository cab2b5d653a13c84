//! An issuer's keys, parsed once.

use std::fmt::Write as _;

use symbolon_core::difference::printable;
use symbolon_core::ports::IssuerKeysError;
use symbolon_jose::{JwkSet, JwksError, VerificationKeys, VerifyingKey};

/// The name of the document in errors.
pub(crate) const NAME: &str = symbolon_core::ports::KEY_SET;

/// How many key ids an error lists: a hostile issuer must not choose how long our log lines are.
const MAX_LISTED: usize = 10;

#[derive(Clone, Debug)]
pub(crate) struct KeySet {
    keys: VerificationKeys,
    /// The first keys that cannot be used, with the reason, for people.
    skipped: Vec<String>,
    left_out: usize,
}

impl KeySet {
    pub(crate) fn parse(document: &[u8], max_keys: usize) -> Result<Self, IssuerKeysError> {
        let set = JwkSet::parse(document, max_keys).map_err(malformed)?;
        Ok(Self::from(&set))
    }

    pub(crate) fn find(&self, key_id: &str) -> Option<&VerifyingKey> {
        self.keys.get(key_id)
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// How many keys of the document are not used.
    pub(crate) fn left_out(&self) -> usize {
        self.left_out
    }

    pub(crate) fn unknown(&self, key_id: &str) -> IssuerKeysError {
        IssuerKeysError::UnknownKey { key_id: key_id.to_owned(), published: self.published() }
    }

    /// The ids for an error message: bounded and printable.
    fn published(&self) -> String {
        let ids: Vec<String> = self.keys.key_ids().take(MAX_LISTED).map(|id| format!("`{}`", printable(id))).collect();
        let mut text = match (ids.is_empty(), self.left_out) {
            (false, _) => ids.join(", "),
            (true, 0) => "an empty key set".to_owned(),
            (true, _) => "keys that cannot be used".to_owned(),
        };
        let more = self.keys.len().saturating_sub(MAX_LISTED);
        if more > 0 {
            let _ = write!(text, " and {more} more");
        }
        if !self.skipped.is_empty() {
            let _ = write!(text, " (left out: {})", self.skipped.join("; "));
        }
        text
    }
}

impl From<&JwkSet> for KeySet {
    fn from(set: &JwkSet) -> Self {
        Self { keys: VerificationKeys::new(set), skipped: skipped(set), left_out: set.skipped.len() + set.over_limit }
    }
}

/// The first unusable keys with their reasons, then how many were over the limit.
pub(crate) fn skipped(set: &JwkSet) -> Vec<String> {
    let name = |kid: &Option<String>| kid.as_ref().map_or("a key without `kid`".into(), |kid| format!("`{kid}`"));
    let mut listed: Vec<String> =
        set.skipped.iter().take(MAX_LISTED).map(|key| format!("{}, {}", name(&key.kid), key.reason)).collect();
    if set.skipped.len() > MAX_LISTED {
        listed.push(format!("{} more", set.skipped.len() - MAX_LISTED));
    }
    if set.over_limit > 0 {
        listed.push(format!("{} beyond the first {}", set.over_limit, set.keys.len()));
    }
    listed
}

fn malformed(error: JwksError) -> IssuerKeysError {
    let reason = match error {
        JwksError::Json(error) => error.to_string(),
        JwksError::NoKeys => "it has no array `keys`".to_owned(),
    };
    IssuerKeysError::Malformed { document: NAME, reason }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn ed25519(kid: &str) -> Value {
        json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": kid})
    }

    fn set(keys: &[Value], max_keys: usize) -> KeySet {
        KeySet::parse(json!({ "keys": keys }).to_string().as_bytes(), max_keys).unwrap()
    }

    #[test]
    fn an_unknown_key_says_what_is_published_instead() {
        let keys = set(&[ed25519("one"), ed25519("two"), json!({"kty": "oct", "kid": "secret"})], 100);
        insta::assert_snapshot!(keys.unknown("three"), @"the issuer publishes no key `three`, only `one`, `two` (left out: `secret`, key type `oct` is not supported; use RSA, EC or OKP)");
    }

    #[test]
    fn the_list_of_published_ids_is_bounded_and_printable() {
        let ids: Vec<Value> = (0..40).map(|n| ed25519(&format!("{n:02}\u{202e}\n{}", "x".repeat(2000)))).collect();
        let IssuerKeysError::UnknownKey { published, .. } = set(&ids, 100).unknown("other") else { panic!() };
        assert!(published.len() < 10_000, "{}", published.len());
        assert!(published.ends_with(" and 30 more"), "{published}");
        assert!(!published.contains(['\n', '\u{202e}']));
    }

    #[test]
    fn of_more_keys_than_the_limit_the_first_are_used() {
        let keys = set(&[ed25519("one"), ed25519("two"), ed25519("three")], 2);
        assert!(keys.find("two").is_some());
        insta::assert_snapshot!(keys.unknown("three"), @"the issuer publishes no key `three`, only `one`, `two` (left out: 1 beyond the first 2)");
    }

    #[test]
    fn an_empty_set_is_told_as_such() {
        insta::assert_snapshot!(set(&[], 100).unknown("one"), @"the issuer publishes no key `one`, only an empty key set");
    }

    #[test]
    fn what_is_no_key_set_is_malformed() {
        let refusal = |text: &str| KeySet::parse(text.as_bytes(), 100).unwrap_err().to_string();
        insta::assert_snapshot!(refusal("{}"), @"key set is malformed: it has no array `keys`");
        insta::assert_snapshot!(refusal("<html>"), @"key set is malformed: not valid JSON at line 1 column 1");
        insta::assert_snapshot!(refusal(r#"{"keys":[],"keys":[]}"#), @"key set is malformed: member `keys` occurs twice in one object");
    }
}
