//! Federated identity credentials: the half of the token that the authority holds.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    claims_matching::{Claims, ClaimsMatchingExpression},
    issuer::{self, InvalidIssuer},
};

/// The audience that Entra recommends, and the default of every tool.
pub const DEFAULT_AUDIENCE: &str = "api://AzureADTokenExchange";
/// The most expressions on one identity or application. They are tried one by one, for tokens whose
/// signature was not checked yet: without a bound, whoever may write one identity could make the
/// authority work for everybody who shows it a token.
pub const MAX_EXPRESSIONS: u32 = 100;
/// The longest subject, audience and description, in characters.
pub const MAX_FIELD_CHARS: usize = 600;

/// Which of an issuer's tokens a credential accepts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Matching {
    /// Those with this `sub`, to the character.
    Subject(String),
    /// Those whose claims fit.
    Expression(ClaimsMatchingExpression),
}

impl Matching {
    /// The subject, or the expression as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Subject(subject) => subject,
            Self::Expression(expression) => expression.as_str(),
        }
    }
}

/// A federated identity credential: tokens of this issuer and audience whose subject or claims
/// match speak for the identity that holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FederatedCredential {
    name: String,
    issuer: String,
    #[serde(flatten)]
    matching: Matching,
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
    /// Makes a credential for one subject, as [`Self::with_matching`] does.
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
        Self::with_matching(name, issuer, Matching::Subject(subject.into()), audiences, description)
    }

    /// Makes a credential, by Entra's rules: the name's pattern, at most 600 characters a field,
    /// exactly one audience. Nothing is trimmed or normalised, since matching is exact.
    ///
    /// # Errors
    /// [`InvalidCredential`], for the first rule that is broken.
    pub fn with_matching(
        name: &str,
        issuer: &str,
        matching: Matching,
        audiences: &[String],
        description: Option<&str>,
    ) -> Result<Self, InvalidCredential> {
        check_name(name)?;
        issuer::check_issuer(issuer)?;
        if let Matching::Subject(subject) = &matching {
            check_field("subject", subject, 1)?;
        }
        let [audience] = audiences else {
            return Err(InvalidCredential::Audiences(audiences.len()));
        };
        check_field("audience", audience, 1)?;
        check_field("description", description.unwrap_or_default(), 0)?;
        Ok(Self {
            name: name.into(),
            issuer: issuer.into(),
            matching,
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

    /// Which of the issuer's tokens it accepts.
    #[must_use]
    pub const fn matching(&self) -> &Matching {
        &self.matching
    }

    /// The `sub` that it accepts, where it is for one subject.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        match &self.matching {
            Matching::Subject(subject) => Some(subject),
            Matching::Expression(_) => None,
        }
    }

    /// Its claims matching expression, where it has one instead of a subject.
    #[must_use]
    pub const fn expression(&self) -> Option<&ClaimsMatchingExpression> {
        match &self.matching {
            Matching::Expression(expression) => Some(expression),
            Matching::Subject(_) => None,
        }
    }

    /// Whether it accepts the presented claims, now or once it counts.
    #[must_use]
    pub fn accepts(&self, presented: Presented<'_>) -> bool {
        self.issuer == presented.issuer && presented.audiences.contains(&self.audience) && self.fits(presented)
    }

    /// Whether both accept the same tokens, whatever they are called.
    #[must_use]
    pub fn accepts_same_as(&self, other: &Self) -> bool {
        self.issuer == other.issuer && self.matching == other.matching && self.audience == other.audience
    }

    /// Whether subject or expression fit.
    pub(crate) fn fits(&self, presented: Presented<'_>) -> bool {
        match &self.matching {
            Matching::Subject(subject) => subject == presented.subject,
            Matching::Expression(expression) => expression.matches(presented.claims),
        }
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
    /// All of them, for expressions.
    pub claims: &'a Claims<'a>,
}

/// Which field kept every credential from matching, in the order in which they are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// No credential counts yet.
    NoneYet,
    /// No credential names this issuer.
    Issuer,
    /// Credentials name the issuer, none of them with this audience.
    Audience,
    /// Issuer and audience fit, the subject does not, nor do the claims fit an expression.
    Subject,
    /// The subject fits but for letter case.
    SubjectCase,
}

/// All federated credentials of one client, indexed so that a match costs the same for one as for
/// a million. Only expressions are tried one by one, and only those of the token's issuer.
#[derive(Debug, Default)]
pub struct FederatedCredentials {
    all: Vec<FederatedCredential>,
    by_issuer: HashMap<String, IssuerIndex>,
    /// The latest second from which one of them counts.
    effective_at: i64,
}

#[derive(Debug, Default)]
struct IssuerIndex {
    by_subject: HashMap<String, usize>,
    lower_case_subjects: HashSet<String>,
    audiences: HashSet<String>,
    /// In the order in which they were made.
    expressions: Vec<usize>,
}

impl IssuerIndex {
    fn add(&mut self, position: usize, credential: &FederatedCredential) {
        match &credential.matching {
            Matching::Subject(subject) => {
                self.by_subject.insert(subject.clone(), position);
                self.lower_case_subjects.insert(subject.to_lowercase());
            }
            Matching::Expression(_) => self.expressions.push(position),
        }
        self.audiences.insert(credential.audience.clone());
    }
}

impl FromIterator<FederatedCredential> for FederatedCredentials {
    fn from_iter<I: IntoIterator<Item = FederatedCredential>>(credentials: I) -> Self {
        let all: Vec<_> = credentials.into_iter().collect();
        let mut by_issuer: HashMap<String, IssuerIndex> = HashMap::new();
        for (position, credential) in all.iter().enumerate() {
            by_issuer.entry(credential.issuer.clone()).or_default().add(position, credential);
        }
        let effective_at = all.iter().map(|credential| credential.effective_at).max().unwrap_or_default();
        Self { all, by_issuer, effective_at }
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

    /// The credential that accepts the presented claims at the Unix second `now`: issuer, then
    /// audience, then subject, each exact and case-sensitive, and where no subject fits the first
    /// expression that does.
    ///
    /// # Errors
    /// [`Mismatch`]: the first field in that order that fits no credential that counts by now.
    pub fn find(&self, presented: Presented<'_>, now: i64) -> Result<&FederatedCredential, Mismatch> {
        // Only for as long as a tenant simulates that Entra does not know all of them yet.
        if self.effective_at > now {
            return self.find_effective(presented, now);
        }
        let index = self.by_issuer.get(presented.issuer).ok_or(Mismatch::Issuer)?;
        // Issuer and subject are unique within a client, so one look-up decides the good case.
        if let Some(credential) = index.by_subject.get(presented.subject).and_then(|at| self.all.get(*at))
            && presented.audiences.contains(&credential.audience)
        {
            return Ok(credential);
        }
        let expressions = || index.expressions.iter().filter_map(|at| self.all.get(*at));
        if let Some(credential) = expressions().find(|credential| credential.accepts(presented)) {
            return Ok(credential);
        }
        if !presented.audiences.iter().any(|audience| index.audiences.contains(audience)) {
            return Err(Mismatch::Audience);
        }
        let fits_an_expression = || expressions().any(|credential| credential.fits(presented));
        if index.by_subject.contains_key(presented.subject) || fits_an_expression() {
            return Err(Mismatch::Audience);
        }
        if index.lower_case_subjects.contains(&presented.subject.to_lowercase()) {
            return Err(Mismatch::SubjectCase);
        }
        Err(Mismatch::Subject)
    }

    /// As [`Self::find`], of those credentials alone that count by now.
    fn find_effective(&self, presented: Presented<'_>, now: i64) -> Result<&FederatedCredential, Mismatch> {
        let effective = || self.all.iter().filter(|credential| credential.effective_at <= now);
        let accepting = effective().filter(|credential| credential.accepts(presented));
        if let Some(credential) = accepting.min_by_key(|credential| credential.expression().is_some()) {
            return Ok(credential);
        }
        if effective().next().is_none() {
            return Err(Mismatch::NoneYet);
        }
        let of_issuer = || effective().filter(|credential| credential.issuer == presented.issuer);
        if of_issuer().next().is_none() {
            return Err(Mismatch::Issuer);
        }
        let has_audience = of_issuer().any(|credential| presented.audiences.contains(&credential.audience));
        if !has_audience || of_issuer().any(|credential| credential.fits(presented)) {
            return Err(Mismatch::Audience);
        }
        let lower_case = presented.subject.to_lowercase();
        let mut subjects = of_issuer().filter_map(FederatedCredential::subject);
        let differs_in_case = subjects.any(|subject| subject.to_lowercase() == lower_case);
        Err(if differs_in_case { Mismatch::SubjectCase } else { Mismatch::Subject })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn credential(name: &str, issuer: &str, subject: &str, audience: &str) -> FederatedCredential {
        FederatedCredential::new(name, issuer, subject, &[audience.to_owned()], None).unwrap()
    }

    fn expression(name: &str, text: &str, audience: &str) -> FederatedCredential {
        let matching = Matching::Expression(text.parse().unwrap());
        FederatedCredential::with_matching(name, "https://i.example", matching, &[audience.to_owned()], None).unwrap()
    }

    fn find_at(
        all: &[FederatedCredential],
        issuer: &str,
        audience: &str,
        subject: &str,
        now: i64,
    ) -> Result<String, Mismatch> {
        let audiences = [audience.to_owned()];
        let credentials: FederatedCredentials = all.iter().cloned().collect();
        let claims = Claims::from(serde_json::json!({ "sub": subject, "team": "red" }));
        let presented = Presented { issuer, audiences: &audiences, subject, claims: &claims };
        credentials.find(presented, now).map(|found| found.name().to_owned())
    }

    fn find(all: &[FederatedCredential], issuer: &str, audience: &str, subject: &str) -> Result<String, Mismatch> {
        find_at(all, issuer, audience, subject, 0)
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

    #[test]
    fn a_subject_goes_before_expressions_and_they_go_in_the_order_in_which_they_were_made() {
        let all = [
            expression("wide", "claims['sub'] matches 'ns:*'", "a"),
            expression("narrow", "claims['sub'] matches 'ns:x*'", "a"),
            expression("other", "claims['team'] eq 'red'", "b"),
            credential("exact", "https://i.example", "ns:x", "a"),
        ];
        let find = |audience, subject| find(&all, "https://i.example", audience, subject);
        assert_eq!(find("a", "ns:x"), Ok("exact".into()));
        assert_eq!(find("a", "ns:xy"), Ok("wide".into()));
        assert_eq!(find("b", "anything"), Ok("other".into()));
        assert_eq!(find("b", "ns:x"), Ok("other".into()));
        assert_eq!(find("c", "ns:x"), Err(Mismatch::Audience));
        assert_eq!(find("a", "NS:X"), Err(Mismatch::Audience), "`other` fits but for its audience");
        assert_eq!(find_at(&all[..2], "https://i.example", "a", "x", 0), Err(Mismatch::Subject));
        assert_eq!(find_at(&all, "https://x.example", "a", "ns:x", 0), Err(Mismatch::Issuer));
    }

    #[test]
    fn claims_are_parsed_only_for_an_expression_of_the_token_s_issuer() {
        let is_parsed = |all: Vec<FederatedCredential>| {
            let claims = Claims::new(br#"{"sub":"x"}"#);
            let audiences = ["a".to_owned()];
            let presented =
                Presented { issuer: "https://i.example", audiences: &audiences, subject: "x", claims: &claims };
            let _ = FederatedCredentials::from_iter(all).find(presented, 0);
            format!("{claims:?}").contains("is_parsed: true")
        };
        let flexible = || expression("flexible", "claims['sub'] eq 'y'", "a");
        assert!(!is_parsed(vec![credential("one", "https://i.example", "y", "a")]));
        assert!(!is_parsed(vec![credential("one", "https://i.example", "x", "a"), flexible()]));
        assert!(is_parsed(vec![flexible()]));
    }

    #[test]
    fn a_credential_does_not_count_before_its_second() {
        let (one, later) = ("https://i.example", credential("late", "https://i.example", "s", "a").effective_from(100));
        assert_eq!(find_at(std::slice::from_ref(&later), one, "a", "s", 99), Err(Mismatch::NoneYet));
        assert_eq!(find_at(std::slice::from_ref(&later), one, "a", "s", 100), Ok("late".into()));
        let all = [
            later,
            credential("now", one, "t", "b"),
            expression("expr", "claims['sub'] eq 'z'", "b").effective_from(50),
        ];
        assert_eq!(find_at(&all, one, "b", "t", 0), Ok("now".into()));
        assert_eq!(find_at(&all, one, "a", "s", 99), Err(Mismatch::Audience));
        assert_eq!(find_at(&all, one, "b", "s", 99), Err(Mismatch::Subject));
        assert_eq!(find_at(&all, one, "b", "T", 99), Err(Mismatch::SubjectCase));
        assert_eq!(find_at(&all, one, "b", "z", 49), Err(Mismatch::Subject));
        assert_eq!(find_at(&all, one, "b", "z", 50), Ok("expr".into()));
    }

    #[test]
    fn a_credential_is_json_with_either_subject_or_expression() {
        let text = serde_json::to_string(&expression("fic", "claims['sub'] eq 'x'", "a")).unwrap();
        insta::assert_snapshot!(text, @r#"{"name":"fic","issuer":"https://i.example","expression":"claims['sub'] eq 'x'","audience":"a","description":null,"effectiveAt":0}"#);
        let made = credential("fic", "https://i.example", "s", "a");
        assert_eq!(serde_json::from_str::<FederatedCredential>(&serde_json::to_string(&made).unwrap()).unwrap(), made);
    }

    proptest! {
        #[test]
        fn of_subjects_and_expressions_one_is_found_exactly_where_one_accepts(
            made in prop::collection::vec(("[ab]{1,2}", "[ab*?]{1,2}", "[ab]", 0..3_i64, any::<bool>()), 0..8),
            subject in "[ab]{1,2}", audience in "[ab]", now in 0..4_i64,
        ) {
            let mut unique = HashSet::new();
            let all: Vec<_> = made.iter()
                .filter(|(s, _, _, _, is_subject)| !is_subject || unique.insert(s.clone()))
                .enumerate()
                .map(|(n, (s, pattern, a, at, is_subject))| {
                    let name = format!("fic{n}");
                    let made = if *is_subject {
                        credential(&name, "https://i.example", s, a)
                    } else {
                        expression(&name, &format!("claims['sub'] matches '{pattern}'"), a)
                    };
                    made.effective_from(*at)
                })
                .collect();
            let found = find_at(&all, "https://i.example", &audience, &subject, now);
            let claims = Claims::from(serde_json::json!({ "sub": subject }));
            let accepts = |c: &FederatedCredential| {
                let fits = c.subject().map_or_else(|| c.expression().unwrap().matches(&claims), |s| s == subject);
                c.effective_at() <= now && c.audience() == audience && fits
            };
            let accepting: Vec<_> = all.iter().filter(|c| accepts(c)).map(|c| c.name().to_owned()).collect();
            match found {
                Ok(name) => prop_assert!(accepting.contains(&name)),
                Err(_) => prop_assert!(accepting.is_empty()),
            }
        }

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
            let expected = all.iter().find(|c| c.issuer() == issuer && c.subject() == Some(subject.as_str()) && c.audience() == audience);
            let found = find(&all, &issuer, &audience, &subject);
            prop_assert_eq!(found.ok(), expected.map(|c| c.name().to_owned()));
        }
    }
}
