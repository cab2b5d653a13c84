//! Claims matching expressions: Entra's language of flexible federated credentials.
//!
//! ```text
//! claims['sub'] matches 'repo:contoso/*:ref:refs/heads/main' and claims['job_workflow_ref'] eq '…'
//! ```
//!
//! A clause looks one claim up (a path of brackets reaches into objects) and compares it with `eq`,
//! to the character, or with `matches`, in which `?` is any one character and `*` any run of
//! characters, none included, whatever separators it holds. All clauses must hold. A claim that is
//! missing, or is not a string, never matches.

use std::{fmt, str::FromStr, sync::OnceLock};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::difference::{describe, printable};

pub mod lint;
mod parse;
mod pattern;

use pattern::{Outcome, Pattern};

/// The only version of the language that there is.
pub const LANGUAGE_VERSION: i64 = 1;
/// The longest expression, in characters; a pattern is part of one and so no longer.
pub const MAX_CHARS: usize = 600;
/// The most clauses of an expression.
pub const MAX_CLAUSES: usize = 16;
/// The most brackets of one clause.
pub const MAX_DEPTH: usize = 8;
/// The longest claim that is compared, in characters. The claims are unverified, so without a bound
/// anybody could make the authority read far.
pub const MAX_CLAIM_CHARS: usize = 4096;

/// A parsed expression; it prints as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ClaimsMatchingExpression {
    text: String,
    clauses: Vec<Clause>,
}

/// One comparison of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    path: Vec<String>,
    comparison: Comparison,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Comparison {
    Equal(String),
    Matches(Pattern),
}

/// Why a text is not a claims matching expression.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidExpression {
    /// It is empty or too long.
    #[error("claims matching expression has {0} characters, expected 1 to {MAX_CHARS}")]
    Length(usize),
    /// It holds a control character.
    #[error("claims matching expression has a control character at character {0}, expected printable text")]
    Control(usize),
    /// It leaves the grammar.
    #[error("claims matching expression is wrong at character {position}: expected {expected}, found {found}")]
    Syntax {
        /// Where, counted in characters from 1.
        position: usize,
        /// What would have been right.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// It has too many clauses.
    #[error("claims matching expression has one clause too many at character {0}, expected at most {MAX_CLAUSES}")]
    Clauses(usize),
    /// A claim lies too deep.
    #[error("claims matching expression has one bracket too many at character {0}, expected at most {MAX_DEPTH}")]
    Depth(usize),
}

impl FromStr for ClaimsMatchingExpression {
    type Err = InvalidExpression;

    fn from_str(text: &str) -> Result<Self, InvalidExpression> {
        Ok(Self { clauses: parse::clauses(text)?, text: text.to_owned() })
    }
}

impl TryFrom<String> for ClaimsMatchingExpression {
    type Error = InvalidExpression;

    fn try_from(text: String) -> Result<Self, InvalidExpression> {
        text.parse()
    }
}

impl From<ClaimsMatchingExpression> for String {
    fn from(expression: ClaimsMatchingExpression) -> Self {
        expression.text
    }
}

impl fmt::Display for ClaimsMatchingExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl ClaimsMatchingExpression {
    /// The expression as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its clauses, in order.
    #[must_use]
    pub fn clauses(&self) -> &[Clause] {
        &self.clauses
    }

    /// Whether every clause holds.
    #[must_use]
    pub fn matches(&self, claims: &Claims<'_>) -> bool {
        self.clauses.iter().all(|clause| clause.check(claims).is_ok())
    }

    /// The first clause that does not hold.
    pub(crate) fn first_mismatch(&self, claims: &Claims<'_>) -> Option<FirstMismatch> {
        self.clauses.iter().find_map(|clause| {
            let mismatch = clause.check(claims).err()?;
            Some(FirstMismatch { clause: clause.to_string(), comparand: clause.comparand().to_owned(), mismatch })
        })
    }

    /// What became of each clause, in order.
    #[must_use]
    pub fn explain(&self, claims: &Claims<'_>) -> Vec<Explanation> {
        let explain =
            |clause: &Clause| Explanation { clause: clause.to_string(), mismatch: clause.check(claims).err() };
        self.clauses.iter().map(explain).collect()
    }
}

/// What became of one clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The clause, with its comparand in quotes.
    pub clause: String,
    /// Why it does not hold; none where it does.
    pub mismatch: Option<ClauseMismatch>,
}

/// A clause that does not hold.
pub(crate) struct FirstMismatch {
    pub(crate) clause: String,
    pub(crate) comparand: String,
    pub(crate) mismatch: ClauseMismatch,
}

/// Why a clause does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ClauseMismatch {
    /// The token has no such claim.
    #[error("the token has no such claim")]
    Missing,
    /// The claim is something else than a string.
    #[error("the claim is {0}, not a string")]
    NotAString(&'static str),
    /// The claim is longer than what is compared.
    #[error("the claim has more than {MAX_CLAIM_CHARS} characters")]
    TooLong,
    /// The claim has another value.
    #[error("the claim {how}")]
    Differs {
        /// The claim.
        found: String,
        /// How it differs, to the character.
        how: String,
    },
}

impl ClauseMismatch {
    pub(crate) fn found(&self) -> &str {
        match self {
            Self::Differs { found, .. } => found,
            Self::Missing | Self::NotAString(_) | Self::TooLong => "",
        }
    }
}

impl Clause {
    /// The names that lead to the claim; the last one is the claim's own.
    #[must_use]
    pub fn path(&self) -> &[String] {
        &self.path
    }

    /// What the claim is compared with.
    #[must_use]
    pub fn comparand(&self) -> &str {
        match &self.comparison {
            Comparison::Equal(text) => text,
            Comparison::Matches(pattern) => pattern.as_str(),
        }
    }

    /// Whether `*` and `?` are wildcards in it.
    #[must_use]
    pub fn is_pattern(&self) -> bool {
        matches!(self.comparison, Comparison::Matches(_))
    }

    fn is_on(&self, claim: &str) -> bool {
        self.path.len() == 1 && self.path.first().is_some_and(|name| name == claim)
    }

    fn accepts(&self, value: &str) -> bool {
        match &self.comparison {
            Comparison::Equal(expected) => expected == value,
            Comparison::Matches(pattern) => pattern.run(value) == Outcome::Matched,
        }
    }

    fn check(&self, claims: &Claims<'_>) -> Result<(), ClauseMismatch> {
        let mut value = claims.parsed();
        for name in &self.path {
            value = value.get(name).ok_or(ClauseMismatch::Missing)?;
        }
        let found = value.as_str().ok_or_else(|| ClauseMismatch::NotAString(kind(value)))?;
        // In bytes first: counting characters would read the whole of it.
        if found.len() > MAX_CLAIM_CHARS && found.chars().nth(MAX_CLAIM_CHARS).is_some() {
            return Err(ClauseMismatch::TooLong);
        }
        if self.accepts(found) {
            return Ok(());
        }
        Err(ClauseMismatch::Differs { found: printable(found), how: self.how(found) })
    }

    fn how(&self, found: &str) -> String {
        let pattern = match &self.comparison {
            Comparison::Equal(expected) => return describe(expected, found),
            Comparison::Matches(pattern) => pattern,
        };
        match pattern.run(found) {
            Outcome::Stopped(at) => {
                let stopped = found.chars().nth(at).map(|c| printable(&c.to_string())).unwrap_or_default();
                format!("leaves the pattern at character {}: nothing that it accepts has `{stopped}` there", at + 1)
            }
            Outcome::Matched | Outcome::Short => {
                format!("ends after {} characters, before the pattern does", found.chars().count())
            }
        }
    }
}

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("claims")?;
        for name in &self.path {
            write!(f, "['{}']", name.replace('\'', "''"))?;
        }
        let operator = if self.is_pattern() { "matches" } else { "eq" };
        write!(f, " {operator} '{}'", self.comparand().replace('\'', "''"))
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// All claims of a token. They are parsed when an expression first asks for one: most clients have
/// no expression, and their exchanges shall not pay for it.
#[derive(Default)]
pub struct Claims<'a> {
    payload: &'a [u8],
    parsed: OnceLock<Value>,
}

/// Without what a token says.
impl fmt::Debug for Claims<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims").field("is_parsed", &self.parsed.get().is_some()).finish_non_exhaustive()
    }
}

impl<'a> Claims<'a> {
    /// Those of a token's payload; where it is no JSON object there are none.
    #[must_use]
    pub const fn new(payload: &'a [u8]) -> Self {
        Self { payload, parsed: OnceLock::new() }
    }

    fn parsed(&self) -> &Value {
        self.parsed.get_or_init(|| symbolon_jose::json::from_slice(self.payload).unwrap_or_default())
    }
}

impl From<Value> for Claims<'_> {
    fn from(claims: Value) -> Self {
        Self { payload: &[], parsed: OnceLock::from(claims) }
    }
}

#[cfg(test)]
mod tests;
