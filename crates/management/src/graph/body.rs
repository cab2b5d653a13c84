//! What a body may say.

use serde_json::Value;

use super::bad_request;
use crate::{error::Refusal, request::Fields};

/// Refuses a member that is not `kept` here, unless it says what is printed anyway: tools send
/// defaults along, and taking another value without keeping it would be a lie.
pub(super) fn check(fields: &Fields<'_>, kept: &[&str], printed: &Value) -> Result<(), Refusal> {
    let others = fields.members().filter(|(name, _)| !kept.contains(name) && !name.starts_with("@odata."));
    for (name, given) in others {
        let Some(found) = printed.get(name) else {
            return Err(bad_request(format!("The property '{}' cannot be set here.", crate::shorten(name))));
        };
        if !says_the_same(given, found) {
            return Err(bad_request(format!("The property '{name}' cannot be set here, its value is {found}.")));
        }
    }
    Ok(())
}

fn says_the_same(given: &Value, found: &Value) -> bool {
    match (given, found) {
        (Value::Null, _) | (Value::Bool(false), Value::Null) => true,
        (Value::String(text), Value::Null) => text.is_empty(),
        (Value::Object(given), _) => given.iter().all(|(name, value)| says_the_same(value, &found[name])),
        _ => given == found,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::says_the_same;

    #[test]
    fn defaults_may_be_sent_in_each_of_their_forms() {
        let printed = json!({ "redirectUris": [], "homePageUrl": null, "settings": { "on": false } });
        for given in [
            json!(null),
            json!({}),
            json!({ "redirectUris": [] }),
            json!({ "homePageUrl": "", "settings": { "on": false } }),
            json!({ "unknown": null }),
        ] {
            assert!(says_the_same(&given, &printed), "{given}");
        }
        for given in [
            json!([]),
            json!({ "redirectUris": ["https://x"] }),
            json!({ "homePageUrl": "https://x" }),
            json!({ "settings": { "on": true } }),
            json!({ "unknown": 1 }),
        ] {
            assert!(!says_the_same(&given, &printed), "{given}");
        }
    }
}
