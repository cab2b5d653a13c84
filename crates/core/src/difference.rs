//! What came closest, and where it differs: the hint beside a refusal.
//!
//! SDKs never see it; it goes to the log, the audit trail and the tools of the person who mends.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    claims_matching::ClaimsMatchingExpression,
    federated_credential::{FederatedCredential, FederatedCredentials, Matching, Presented},
};

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
    /// The claims that an expression is about
    Claims,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Subject => "subject",
            Self::Claims => "claims",
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
    /// The fields that differ; none where it matches and only does not count yet.
    pub differences: Vec<Difference>,
    /// The time from which it counts, where that is still to come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts_from: Option<Timestamp>,
}

impl fmt::Display for Nearest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let not_yet = |f: &mut fmt::Formatter<'_>| match self.counts_from {
            Some(time) => write!(
                f,
                "it counts from {time} on and not before, since this tenant simulates how slowly Entra spreads credentials"
            ),
            None => Ok(()),
        };
        if self.differences.is_empty() {
            write!(f, "federated credential `{}` matches; ", self.credential)?;
            return not_yet(f);
        }
        write!(f, "federated credential `{}` came closest: ", self.credential)?;
        for (position, difference) in self.differences.iter().enumerate() {
            let separator = if position == 0 { "" } else { "; " };
            write!(
                f,
                "{separator}{} {} (token `{}`, credential `{}`)",
                difference.field, difference.how, difference.presented, difference.expected
            )?;
        }
        if self.counts_from.is_some() {
            f.write_str("; ")?;
        }
        not_yet(f)
    }
}

/// Finds the credential that came closest to `presented` at the Unix second `now`, or none where
/// there are none.
#[must_use]
pub fn nearest(credentials: &FederatedCredentials, presented: Presented<'_>, now: i64) -> Option<Nearest> {
    credentials
        .as_slice()
        .iter()
        .take(MAX_COMPARED)
        .map(|credential| (distance(credential, presented), credential))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, credential)| Nearest {
            credential: credential.name().to_owned(),
            differences: differences(credential, presented),
            counts_from: Some(credential.effective_at())
                .filter(|second| *second > now)
                .and_then(|second| Timestamp::from_second(second).ok()),
        })
        .filter(|nearest| !nearest.differences.is_empty() || nearest.counts_from.is_some())
}

/// Fields that differ weigh most, then the characters that do not stand at both ends alike.
fn distance(credential: &FederatedCredential, presented: Presented<'_>) -> (usize, usize) {
    let mut fields = 0;
    let mut characters = 0;
    let audience = presented_audience(credential, presented);
    let mut count = |expected: &str, found: &str| {
        fields += 1;
        characters += unlike(expected, found);
    };
    if credential.issuer() != presented.issuer {
        count(credential.issuer(), presented.issuer);
    }
    if credential.audience() != audience {
        count(credential.audience(), audience);
    }
    match credential.matching() {
        Matching::Subject(subject) if subject != presented.subject => count(subject, presented.subject),
        Matching::Expression(expression) => {
            if let Some(first) = expression.first_mismatch(presented.claims) {
                count(&first.comparand, first.mismatch.found());
            }
        }
        Matching::Subject(_) => {}
    }
    (fields, characters)
}

fn presented_audience<'a>(credential: &FederatedCredential, presented: Presented<'a>) -> &'a str {
    let exact = presented.audiences.iter().find(|audience| *audience == credential.audience());
    exact.or(presented.audiences.first()).map_or("", String::as_str)
}

/// The fields in which `presented` differs from what the credential accepts.
#[must_use]
pub fn differences(credential: &FederatedCredential, presented: Presented<'_>) -> Vec<Difference> {
    let audience = presented_audience(credential, presented);
    let mut all = vec![
        difference(Field::Issuer, credential.issuer(), presented.issuer),
        difference(Field::Audience, credential.audience(), audience),
    ];
    match credential.matching() {
        Matching::Subject(subject) => all.push(difference(Field::Subject, subject, presented.subject)),
        Matching::Expression(expression) => all.push(of_expression(expression, presented)),
    }
    all.into_iter().flatten().collect()
}

fn difference(field: Field, expected: &str, found: &str) -> Option<Difference> {
    (expected != found).then(|| Difference {
        field,
        expected: printable(expected),
        presented: printable(found),
        how: describe(expected, found),
    })
}

/// Which clause does not hold, and why.
fn of_expression(expression: &ClaimsMatchingExpression, presented: Presented<'_>) -> Option<Difference> {
    let first = expression.first_mismatch(presented.claims)?;
    Some(Difference {
        field: Field::Claims,
        expected: printable(expression.as_str()),
        presented: first.mismatch.found().to_owned(),
        how: format!("do not fit `{}`: {}", printable(&first.clause), first.mismatch),
    })
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
    use crate::claims_matching::Claims;

    fn nearest_to(all: &FederatedCredentials, issuer: &str, subject: &str) -> Option<Nearest> {
        let claims = Claims::from(serde_json::json!({ "sub": subject, "team": "red" }));
        nearest(all, Presented { issuer, audiences: &["a".into()], subject, claims: &claims }, 0)
    }

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
        let found = nearest_to(&all, "https://i.example", "s").unwrap();
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
        let found = nearest_to(&all, "https://i.example", "sud").unwrap();
        assert_eq!(found.credential, "near");
        assert_eq!(found.differences.len(), 1);
        assert_eq!(found.differences[0].field, Field::Subject);
    }

    #[test]
    fn of_an_expression_the_first_clause_that_does_not_hold_is_named() {
        let made = |text: &str| {
            let matching = Matching::Expression(text.parse().unwrap());
            FederatedCredential::with_matching("flexible", "https://i.example", matching, &["a".into()], None).unwrap()
        };
        let text = "claims['team'] eq 'red' and claims['sub'] matches 'ns:prod:*'";
        let all = [made(text)].into_iter().collect();
        let found = nearest_to(&all, "https://i.example", "ns:dev:web").unwrap();
        insta::assert_snapshot!(found, @"federated credential `flexible` came closest: claims do not fit `claims['sub'] matches 'ns:prod:*'`: the claim leaves the pattern at character 4: nothing that it accepts has `d` there (token `ns:dev:web`, credential `claims['team'] eq 'red' and claims['sub'] matches 'ns:prod:*'`)");
        assert_eq!(nearest_to(&all, "https://i.example", "ns:prod:web"), None);
    }

    #[test]
    fn a_credential_that_only_does_not_count_yet_says_from_when_on_it_does() {
        let made = FederatedCredential::new("late", "https://i.example", "s", &["a".into()], None).unwrap();
        let all = [made.effective_from(1_700_000_000)].into_iter().collect();
        insta::assert_snapshot!(nearest_to(&all, "https://i.example", "s").unwrap(), @"federated credential `late` matches; it counts from 2023-11-14T22:13:20Z on and not before, since this tenant simulates how slowly Entra spreads credentials");
        insta::assert_snapshot!(nearest_to(&all, "https://i.example", "t").unwrap(), @"federated credential `late` came closest: subject differs from character 1 on: the token has `t`, the credential `s` (token `t`, credential `s`); it counts from 2023-11-14T22:13:20Z on and not before, since this tenant simulates how slowly Entra spreads credentials");
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(printable("a\u{1b}[31m\n"), "a\\u{1b}[31m\\u{a}");
        assert_eq!(printable(&"x".repeat(601)).chars().count(), 601);
    }
}
