//! Conditions of RFC 9110, section 13: writes that happen only where nobody wrote in between.

use axum::extract::FromRequestParts;
use http::{HeaderMap, HeaderName, HeaderValue, header, request::Parts};
use symbolon_core::ports::management::{Condition, MAX_CONDITION_VERSIONS};

use crate::{Shared, error::Refusal};

/// A number that no stored version has.
const NO_VERSION: i64 = -1;

/// What `If-Match` and `If-None-Match` ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Conditional(pub(crate) Condition);

impl FromRequestParts<Shared> for Conditional {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Refusal> {
        condition(&parts.headers).map(Self)
    }
}

/// The `ETag` of a version.
pub(crate) fn etag(version: i64) -> [(HeaderName, String); 1] {
    [(header::ETAG, format!("\"{version}\""))]
}

fn condition(headers: &HeaderMap) -> Result<Condition, Refusal> {
    let (matching, missing) = (list(headers, &header::IF_MATCH)?, list(headers, &header::IF_NONE_MATCH)?);
    match (matching.as_deref(), missing.as_deref()) {
        (None, None) => Ok(Condition::Always),
        (Some("*"), None) => Ok(Condition::Exists),
        (None, Some("*")) => Ok(Condition::Missing),
        (Some(tags), None) => versions(tags),
        (None, Some(_)) => Err(malformed("'If-None-Match' takes only '*' here.")),
        (Some(_), Some(_)) => Err(malformed("'If-Match' and 'If-None-Match' cannot be given together.")),
    }
}

/// The values of a header as one list, as RFC 9110, section 5.3 reads repeated ones.
fn list(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, Refusal> {
    let values: Vec<&HeaderValue> = headers.get_all(name).iter().collect();
    if values.is_empty() {
        return Ok(None);
    }
    let texts: Result<Vec<&str>, _> = values.into_iter().map(HeaderValue::to_str).collect();
    let texts = texts.map_err(|_| malformed("A condition holds bytes that are not text."))?;
    Ok(Some(texts.join(",").trim().to_owned()))
}

fn versions(text: &str) -> Result<Condition, Refusal> {
    let tags = tags(text).ok_or_else(|| malformed("'If-Match' is '*' or a list of entity tags in double quotes."))?;
    // Comparison is strong: a weak tag never matches, nor does one that is no version of ours.
    let known: Vec<i64> = tags.iter().filter(|tag| !tag.weak).filter_map(|tag| version(tag.opaque)).collect();
    match known.as_slice() {
        [] => Ok(Condition::Version(NO_VERSION)),
        [one] => Ok(Condition::Version(*one)),
        many => {
            let mut versions = [NO_VERSION; MAX_CONDITION_VERSIONS];
            let Some(filled) = versions.get_mut(..many.len()) else {
                return Err(malformed("'If-Match' names more than 8 entity tags."));
            };
            filled.copy_from_slice(many);
            Ok(Condition::OneOf(versions))
        }
    }
}

/// The version that a tag stands for, in the one spelling that [`etag`] gives it.
fn version(opaque: &str) -> Option<i64> {
    opaque.parse().ok().filter(|version: &i64| *version >= 0 && version.to_string() == opaque)
}

struct Tag<'a> {
    weak: bool,
    opaque: &'a str,
}

/// A list of entity tags (RFC 9110, section 8.8.3); none where it is something else. Empty members
/// of the list are skipped, as section 5.6.1.2 asks, but it must have one that is not.
fn tags(text: &str) -> Option<Vec<Tag<'_>>> {
    let mut tags = Vec::new();
    let mut rest = text.trim_matches([' ', '\t', ',']);
    while !rest.is_empty() {
        let (weak, quoted) = rest.strip_prefix("W/").map_or((false, rest), |quoted| (true, quoted));
        let (opaque, after) = quoted.strip_prefix('"')?.split_once('"')?;
        if !opaque.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x7e)) {
            return None;
        }
        tags.push(Tag { weak, opaque });
        let after = after.trim_start_matches([' ', '\t']);
        if !after.is_empty() && !after.starts_with(',') {
            return None;
        }
        rest = after.trim_start_matches([' ', '\t', ',']);
    }
    (!tags.is_empty()).then_some(tags)
}

fn malformed(message: &str) -> Refusal {
    Refusal::invalid("InvalidConditionHeader", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(HeaderName, &str)]) -> Option<Condition> {
        let headers = pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
        let mut map = HeaderMap::new();
        headers.for_each(|(name, value): (_, HeaderValue)| {
            map.append(name, value);
        });
        condition(&map).ok()
    }

    fn if_match(value: &str) -> Option<Condition> {
        read(&[(header::IF_MATCH, value)])
    }

    #[test]
    fn no_header_is_no_condition() {
        assert_eq!(read(&[]), Some(Condition::Always));
    }

    #[test]
    fn a_star_asks_whether_it_is_there_or_not() {
        assert_eq!(if_match("*"), Some(Condition::Exists));
        assert_eq!(read(&[(header::IF_NONE_MATCH, "*")]), Some(Condition::Missing));
    }

    #[test]
    fn tags_are_versions() {
        assert_eq!(if_match("\"7\""), Some(Condition::Version(7)));
        let mut both = [NO_VERSION; MAX_CONDITION_VERSIONS];
        both[..2].copy_from_slice(&[7, 9]);
        assert_eq!(if_match(" \"7\" ,, \"9\","), Some(Condition::OneOf(both)));
        assert_eq!(read(&[(header::IF_MATCH, "\"7\""), (header::IF_MATCH, "\"9\"")]), Some(Condition::OneOf(both)));
    }

    #[test]
    fn weak_and_foreign_tags_never_match() {
        for text in ["W/\"7\"", "\"a,b\"", "\"07\"", "\"\"", "\"-1\""] {
            assert_eq!(if_match(text), Some(Condition::Version(NO_VERSION)), "{text}");
        }
        assert_eq!(if_match("W/\"7\", \"9\""), Some(Condition::Version(9)));
    }

    #[test]
    fn what_is_malformed_is_refused() {
        let nine = ["\"1\""; 9].join(",");
        for text in ["", ",", "7", "\"7", "\"7\" \"8\"", "*, \"7\"", "w/\"7\"", "\"a b\"", &nine] {
            assert_eq!(if_match(text), None, "{text}");
        }
        assert_eq!(read(&[(header::IF_NONE_MATCH, "\"7\"")]), None);
        assert_eq!(read(&[(header::IF_MATCH, "*"), (header::IF_NONE_MATCH, "*")]), None);
    }
}
