//! Federated identity credentials: the half of the token that the authority holds.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::issuer::{self, InvalidIssuer};

/// The audience that Entra recommends, and the default of every tool.
pub const DEFAULT_AUDIENCE: &str = "api://AzureADTokenExchange";
/// The longest subject, audience and description, in characters.
pub const MAX_FIELD_CHARS: usize = 600;

/// A federated identity credential: tokens of this issuer, subject and audience speak for the
/// identity that holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FederatedCredential {
    name: String,
    issuer: String,
    subject: String,
    audience: String,
    description: Option<String>,
    #[serde(default)]
    effective_at: i64,
}

/// Why a federated credential cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidCredential {
    /// The name's characters or length.
    #[error(
        "federated identity credential name `{0}` is invalid, expected 3 to 120 letters, digits, hyphens or underscores, starting with a letter or digit"
    )]
    Name(String),
    /// The issuer.
    #[error(transparent)]
    Issuer(#[from] InvalidIssuer),
    /// A field is empty or too long.
    #[error("{field} has {chars} characters, expected 1 to {MAX_FIELD_CHARS}")]
    Length {
        /// Which field.
        field: &'static str,
        /// Its length in characters.
        chars: usize,
    },
    /// A field holds a control character.
    #[error("{0} holds a control character, expected printable text")]
    Control(&'static str),
    /// Not exactly one audience.
    #[error("{0} audiences were given, expected exactly one")]
    Audiences(usize),
}

impl FederatedCredential {
    /// Makes a credential, by Entra's rules: the name's pattern, at most 600 characters a field,
    /// exactly one audience. Nothing is trimmed or normalised, since matching is exact.
    ///
    /// # Errors
    /// [`InvalidCredential`], for the first rule that is broken.
    pub fn new(
        name: &str,
        issuer: &str,
        subject: &str,
        audiences: &[String],
        description: Option<&str>,
    ) -> Result<Self, InvalidCredential> {
        check_name(name)?;
        issuer::check_issuer(issuer)?;
        check_field("subject", subject, 1)?;
        let [audience] = audiences else {
            return Err(InvalidCredential::Audiences(audiences.len()));
        };
        check_field("audience", audience, 1)?;
        check_field("description", description.unwrap_or_default(), 0)?;
        Ok(Self {
            name: name.into(),
            issuer: issuer.into(),
            subject: subject.into(),
            audience: audience.clone(),
            description: description.map(Into::into),
            effective_at: 0,
        })
    }

    /// The same credential, which accepts nothing before this Unix second.
    #[must_use]
    pub fn effective_from(self, second: i64) -> Self {
        Self { effective_at: second, ..self }
    }

    /// The Unix second from which it accepts tokens: later than its writing only where a tenant
    /// simulates how slowly Entra spreads new credentials.
    #[must_use]
    pub const fn effective_at(&self) -> i64 {
        self.effective_at
    }

    /// Its name, unique within the identity without regard to letter case.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The `iss` that it accepts.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The `sub` that it accepts.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The `aud` that it accepts.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// Free text.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }
}

/// Checks a credential's name against Entra's pattern `^[a-zA-Z0-9]{1}[a-zA-Z0-9-_]{2,119}$`.
///
/// # Errors
/// [`InvalidCredential::Name`].
pub fn check_name(name: &str) -> Result<(), InvalidCredential> {
    let first = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    let rest = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if first && rest && (3..=120).contains(&name.len()) {
        Ok(())
    } else {
        Err(InvalidCredential::Name(name.chars().take(130).collect()))
    }
}

fn check_field(field: &'static str, value: &str, min: usize) -> Result<(), InvalidCredential> {
    let chars = value.chars().count();
    if !(min..=MAX_FIELD_CHARS).contains(&chars) {
        return Err(InvalidCredential::Length { field, chars });
    }
    if value.chars().any(char::is_control) {
        return Err(InvalidCredential::Control(field));
    }
    Ok(())
}

/// The claims that choose a credential; unverified when they are matched, so a match grants nothing.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'a> {
    /// `iss`
    pub issuer: &'a str,
    /// `aud`, one or many
    pub audiences: &'a [String],
    /// `sub`
    pub subject: &'a str,
}

/// Which field kept every credential from matching, in the order in which they are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// No credential names this issuer.
    Issuer,
    /// Credentials name the issuer, none of them with this audience.
    Audience,
    /// Issuer and audience fit, the subject does not.
    Subject,
    /// The subject fits but for letter case.
    SubjectCase,
}

/// All federated credentials of one client, indexed so that a match costs the same for one as for
/// a million.
#[derive(Debug, Default)]
pub struct FederatedCredentials {
    all: Vec<FederatedCredential>,
    by_issuer: HashMap<String, IssuerIndex>,
}

#[derive(Debug, Default)]
struct IssuerIndex {
    by_subject: HashMap<String, usize>,
    lower_case_subjects: HashSet<String>,
    audiences: HashSet<String>,
}

impl FromIterator<FederatedCredential> for FederatedCredentials {
    fn from_iter<I: IntoIterator<Item = FederatedCredential>>(credentials: I) -> Self {
        let all: Vec<_> = credentials.into_iter().collect();
        let mut by_issuer: HashMap<String, IssuerIndex> = HashMap::new();
        for (position, credential) in all.iter().enumerate() {
            let index = by_issuer.entry(credential.issuer.clone()).or_default();
            index.by_subject.insert(credential.subject.clone(), position);
            index.lower_case_subjects.insert(credential.subject.to_lowercase());
            index.audiences.insert(credential.audience.clone());
        }
        Self { all, by_issuer }
    }
}

impl FederatedCredentials {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// All of them, in the order in which they were made.
    #[must_use]
    pub fn as_slice(&self) -> &[FederatedCredential] {
        &self.all
    }

    /// The credential that accepts the presented claims: issuer, then audience, then subject,
    /// each exact and case-sensitive.
    ///
    /// # Errors
    /// [`Mismatch`]: the first field in that order that fits no credential.
    pub fn find(&self, presented: Presented<'_>) -> Result<&FederatedCredential, Mismatch> {
        let index = self.by_issuer.get(presented.issuer).ok_or(Mismatch::Issuer)?;
        // Issuer and subject are unique within a client, so one look-up decides the good case.
        if let Some(credential) = index.by_subject.get(presented.subject).and_then(|at| self.all.get(*at))
            && presented.audiences.contains(&credential.audience)
        {
            return Ok(credential);
        }
        if !presented.audiences.iter().any(|audience| index.audiences.contains(audience)) {
            return Err(Mismatch::Audience);
        }
        if index.by_subject.contains_key(presented.subject) {
            return Err(Mismatch::Audience);
        }
        if index.lower_case_subjects.contains(&presented.subject.to_lowercase()) {
            return Err(Mismatch::SubjectCase);
        }
        Err(Mismatch::Subject)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn credential(name: &str, issuer: &str, subject: &str, audience: &str) -> FederatedCredential {
        FederatedCredential::new(name, issuer, subject, &[audience.to_owned()], None).unwrap()
    }

    fn find(all: &[FederatedCredential], issuer: &str, audience: &str, subject: &str) -> Result<String, Mismatch> {
        let audiences = [audience.to_owned()];
        let credentials: FederatedCredentials = all.iter().cloned().collect();
        credentials.find(Presented { issuer, audiences: &audiences, subject }).map(|found| found.name().to_owned())
    }

    #[test]
    fn a_credential_has_exactly_one_audience() {
        let make = |audiences: &[String]| FederatedCredential::new("fic", "https://i.example", "s", audiences, None);
        assert!(make(&["a".into()]).is_ok());
        assert_eq!(make(&[]).unwrap_err(), InvalidCredential::Audiences(0));
        assert_eq!(make(&["a".into(), "b".into()]).unwrap_err(), InvalidCredential::Audiences(2));
    }

    #[test]
    fn names_follow_entra_s_pattern() {
        for good in ["fic", "0-_", &"a".repeat(120)] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["fi", "-fic", "_fic", "f c", "f/c", "", &"a".repeat(121)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn fields_hold_at_most_600_characters() {
        let make = |subject: &str| FederatedCredential::new("fic", "https://i.example", subject, &["a".into()], None);
        assert!(make(&"é".repeat(600)).is_ok());
        assert_eq!(make(&"s".repeat(601)).unwrap_err().to_string(), "subject has 601 characters, expected 1 to 600");
        assert!(make("").is_err());
        assert_eq!(make("a\u{0}b"), Err(InvalidCredential::Control("subject")));
        assert_eq!(make("a\u{1b}[31m"), Err(InvalidCredential::Control("subject")));
    }

    #[test]
    fn issuer_is_compared_before_audience_and_audience_before_subject() {
        let all = [credential("one", "https://i.example/", "s", "a")];
        assert_eq!(find(&all, "https://i.example/", "a", "s"), Ok("one".into()));
        assert_eq!(find(&all, "https://i.example", "x", "x"), Err(Mismatch::Issuer));
        assert_eq!(find(&all, "https://I.example/", "a", "s"), Err(Mismatch::Issuer));
        assert_eq!(find(&all, "https://i.example/", "x", "x"), Err(Mismatch::Audience));
        assert_eq!(find(&all, "https://i.example/", "A", "s"), Err(Mismatch::Audience));
        assert_eq!(find(&all, "https://i.example/", "a", "x"), Err(Mismatch::Subject));
        assert_eq!(find(&all, "https://i.example/", "a", "S"), Err(Mismatch::SubjectCase));
    }

    #[test]
    fn fields_of_different_credentials_never_make_a_match_together() {
        let all =
            [credential("one", "https://i.example", "s1", "a1"), credential("two", "https://i.example", "s2", "a2")];
        assert_eq!(find(&all, "https://i.example", "a2", "s1"), Err(Mismatch::Audience));
        assert_eq!(find(&all, "https://i.example", "a2", "s2"), Ok("two".into()));
    }

    proptest! {
        #[test]
        fn a_match_is_always_exact_in_all_three_fields(
            made in prop::collection::vec(("[ab]", "[ABab]{1,2}", "[ab]"), 0..8),
            issuer in "[abc]", subject in "[ABab]{1,2}", audience in "[abc]",
        ) {
            let mut unique = HashSet::new();
            let all: Vec<_> = made.iter()
                .filter(|(i, s, _)| unique.insert((i.clone(), s.clone())))
                .enumerate()
                .map(|(n, (i, s, a))| credential(&format!("fic{n}"), &format!("https://{i}"), s, a))
                .collect();
            let issuer = format!("https://{issuer}");
            let expected = all.iter().find(|c| c.issuer() == issuer && c.subject() == subject && c.audience() == audience);
            let found = find(&all, &issuer, &audience, &subject);
            prop_assert_eq!(found.ok(), expected.map(|c| c.name().to_owned()));
        }
    }
}
