//! What came closest, and where it differs: the hint beside a refusal.
//!
//! SDKs never see it; it goes to the log, the audit trail and the tools of the person who mends.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::federated_credential::{FederatedCredential, FederatedCredentials, Presented};

/// The most credentials that a search for the nearest looks at. A refusal costs no signature, so
/// without a bound anybody could make an identity with many credentials burn CPU.
const MAX_COMPARED: usize = 1_000;
/// The most characters of a field that are compared and kept.
const MAX_CHARS: usize = 600;

/// A field of a federated credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Field {
    /// `iss`
    Issuer,
    /// `aud`
    Audience,
    /// `sub`
    Subject,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Subject => "subject",
        })
    }
}

/// One field in which a presented token and a federated credential differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The field.
    pub field: Field,
    /// What the credential holds.
    pub expected: String,
    /// What the token holds.
    pub presented: String,
    /// How they differ, to the character.
    pub how: String,
}

/// The federated credential that came closest to a presented token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nearest {
    /// The credential's name.
    pub credential: String,
    /// The fields that differ; at least one.
    pub differences: Vec<Difference>,
}

impl fmt::Display for Nearest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "federated credential `{}` came closest: ", self.credential)?;
        for (position, difference) in self.differences.iter().enumerate() {
            let separator = if position == 0 { "" } else { "; " };
            write!(
                f,
                "{separator}{} {} (token `{}`, credential `{}`)",
                difference.field, difference.how, difference.presented, difference.expected
            )?;
        }
        Ok(())
    }
}

/// Finds the credential that came closest to `presented`, or none where there are none.
#[must_use]
pub fn nearest(credentials: &FederatedCredentials, presented: Presented<'_>) -> Option<Nearest> {
    credentials
        .as_slice()
        .iter()
        .take(MAX_COMPARED)
        .map(|credential| (distance(credential, presented), credential))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, credential)| Nearest {
            credential: credential.name().to_owned(),
            differences: differences(credential, presented),
        })
        .filter(|nearest| !nearest.differences.is_empty())
}

/// Fields that differ weigh most, then the characters that do not stand at both ends alike.
fn distance(credential: &FederatedCredential, presented: Presented<'_>) -> (usize, usize) {
    let mut fields = 0;
    let mut characters = 0;
    let audience = presented_audience(credential, presented);
    for (expected, found) in [
        (credential.issuer(), presented.issuer),
        (credential.subject(), presented.subject),
        (credential.audience(), audience),
    ] {
        if expected != found {
            fields += 1;
            characters += unlike(expected, found);
        }
    }
    (fields, characters)
}

fn presented_audience<'a>(credential: &FederatedCredential, presented: Presented<'a>) -> &'a str {
    let exact = presented.audiences.iter().find(|audience| *audience == credential.audience());
    exact.or(presented.audiences.first()).map_or("", String::as_str)
}

fn differences(credential: &FederatedCredential, presented: Presented<'_>) -> Vec<Difference> {
    let audience = presented_audience(credential, presented);
    [
        (Field::Issuer, credential.issuer(), presented.issuer),
        (Field::Audience, credential.audience(), audience),
        (Field::Subject, credential.subject(), presented.subject),
    ]
    .into_iter()
    .filter(|(_, expected, found)| expected != found)
    .map(|(field, expected, found)| Difference {
        field,
        expected: printable(expected),
        presented: printable(found),
        how: describe(expected, found),
    })
    .collect()
}

/// Cuts and escapes text from outside, so that a log line or a terminal shows it as it is.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().take(MAX_CHARS) {
        if c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
        {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    if text.chars().nth(MAX_CHARS).is_some() {
        out.push('…');
    }
    out
}

fn common_prefix(a: &str, b: &str) -> usize {
    a.chars().zip(b.chars()).take(MAX_CHARS).take_while(|(x, y)| x == y).count()
}

fn unlike(expected: &str, found: &str) -> usize {
    let length = expected.chars().count().max(found.chars().count());
    let prefix = common_prefix(expected, found);
    let suffix = expected.chars().rev().zip(found.chars().rev()).take(MAX_CHARS).take_while(|(x, y)| x == y).count();
    length.saturating_sub(prefix + suffix)
}

/// Says how `found` (the token's) differs from `expected` (the credential's).
#[must_use]
pub fn describe(expected: &str, found: &str) -> String {
    if found.is_empty() {
        return "is missing from the token".into();
    }
    if expected.strip_suffix('/') == Some(found) {
        return "differs by a trailing slash, which only the credential has".into();
    }
    if found.strip_suffix('/') == Some(expected) {
        return "differs by a trailing slash, which only the token has".into();
    }
    if expected.trim() == found.trim() {
        return "differs by white space at its beginning or end".into();
    }
    let position = common_prefix(expected, found);
    let at = |text: &str| text.chars().nth(position);
    if expected.to_lowercase() == found.to_lowercase() {
        return format!(
            "differs only in letter case, first at character {}: {}",
            position + 1,
            sides(at(found), at(expected))
        );
    }
    format!("differs from character {} on: {}", position + 1, sides(at(found), at(expected)))
}

fn sides(found: Option<char>, expected: Option<char>) -> String {
    let side = |c: Option<char>| c.map_or_else(|| "its end".to_owned(), |c| format!("`{}`", printable(&c.to_string())));
    format!("the token has {}, the credential {}", side(found), side(expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(all: &[(&str, &str, &str)]) -> FederatedCredentials {
        all.iter()
            .map(|(name, issuer, subject)| {
                FederatedCredential::new(name, issuer, subject, &["a".into()], None).unwrap()
            })
            .collect()
    }

    #[test]
    fn a_trailing_slash_is_named() {
        let all = credentials(&[("one", "https://i.example/", "s")]);
        let found =
            nearest(&all, Presented { issuer: "https://i.example", audiences: &["a".into()], subject: "s" }).unwrap();
        insta::assert_snapshot!(found, @"federated credential `one` came closest: issuer differs by a trailing slash, which only the credential has (token `https://i.example`, credential `https://i.example/`)");
    }

    #[test]
    fn letter_case_is_named_with_its_place() {
        insta::assert_snapshot!(
            describe("system:serviceaccount:default:sademo", "system:serviceaccount:default:SAdemo"),
            @"differs only in letter case, first at character 31: the token has `S`, the credential `s`"
        );
    }

    #[test]
    fn the_first_different_character_is_named() {
        insta::assert_snapshot!(describe("ns:blue", "ns:bleu"), @"differs from character 6 on: the token has `e`, the credential `u`");
        insta::assert_snapshot!(describe("ns:blue", "ns:blue2"), @"differs from character 8 on: the token has `2`, the credential its end");
    }

    #[test]
    fn the_credential_with_the_fewest_differing_fields_is_the_nearest() {
        let all = credentials(&[
            ("far", "https://x.example", "other"),
            ("near", "https://i.example", "sub"),
            ("mid", "https://i.example", "zzz"),
        ]);
        let found =
            nearest(&all, Presented { issuer: "https://i.example", audiences: &["a".into()], subject: "sud" }).unwrap();
        assert_eq!(found.credential, "near");
        assert_eq!(found.differences.len(), 1);
        assert_eq!(found.differences[0].field, Field::Subject);
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(printable("a\u{1b}[31m\n"), "a\\u{1b}[31m\\u{a}");
        assert_eq!(printable(&"x".repeat(601)).chars().count(), 601);
    }
}
