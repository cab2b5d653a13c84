//! The grammar.
//!
//! ```text
//! expression = clause { " and " clause }
//! clause     = "claims" bracket { bracket } " " ( "eq" | "matches" ) " " ( quoted | bare )
//! bracket    = "[" quoted "]"
//! quoted     = "'" { any character, with "'" doubled } "'"
//! bare       = any characters but white space and "'"
//! ```
//!
//! Entra's documents want quotes; an example of Azure Resource Manager's has none, so both are read.

use super::{Clause, Comparison, InvalidExpression, MAX_CHARS, MAX_CLAUSES, MAX_DEPTH, pattern::Pattern};
use crate::difference::printable;

/// The most characters of the rest that an error shows.
const SHOWN: usize = 20;

struct Reader {
    chars: Vec<char>,
    at: usize,
}

pub(super) fn clauses(text: &str) -> Result<Vec<Clause>, InvalidExpression> {
    let length = text.chars().count();
    if !(1..=MAX_CHARS).contains(&length) {
        return Err(InvalidExpression::Length(length));
    }
    if let Some(at) = text.chars().position(char::is_control) {
        return Err(InvalidExpression::Control(at + 1));
    }
    let mut reader = Reader { chars: text.chars().collect(), at: 0 };
    let mut clauses = vec![reader.clause()?];
    while !reader.is_at_end() {
        reader.expect(" and ", "` and ` or the end")?;
        if clauses.len() == MAX_CLAUSES {
            return Err(InvalidExpression::Clauses(reader.at + 1));
        }
        clauses.push(reader.clause()?);
    }
    Ok(clauses)
}

impl Reader {
    fn is_at_end(&self) -> bool {
        self.at == self.chars.len()
    }

    fn rest(&self) -> &[char] {
        self.chars.get(self.at..).unwrap_or_default()
    }

    fn wrong(&self, expected: &'static str) -> InvalidExpression {
        let rest: String = self.rest().iter().take(SHOWN).collect();
        let found = if rest.is_empty() { "the end".to_owned() } else { format!("`{}`", printable(&rest)) };
        InvalidExpression::Syntax { position: self.at + 1, expected, found }
    }

    fn takes(&mut self, text: &str) -> bool {
        let length = text.chars().count();
        let is_next = self.rest().iter().take(length).copied().eq(text.chars());
        if is_next {
            self.at += length;
        }
        is_next
    }

    fn expect(&mut self, text: &str, expected: &'static str) -> Result<(), InvalidExpression> {
        if self.takes(text) { Ok(()) } else { Err(self.wrong(expected)) }
    }

    fn clause(&mut self) -> Result<Clause, InvalidExpression> {
        self.expect("claims[", "`claims['NAME']`")?;
        let mut path = vec![self.name()?];
        while self.takes("[") {
            if path.len() == MAX_DEPTH {
                return Err(InvalidExpression::Depth(self.at));
            }
            path.push(self.name()?);
        }
        self.expect(" ", "one space and `eq` or `matches`")?;
        let is_pattern = self.takes("matches ");
        if !is_pattern {
            self.expect("eq ", "`eq` or `matches`, and one space")?;
        }
        let comparand = self.comparand()?;
        let comparison =
            if is_pattern { Comparison::Matches(Pattern::new(&comparand)) } else { Comparison::Equal(comparand) };
        Ok(Clause { path, comparison })
    }

    /// What stands between brackets, and the closing one.
    fn name(&mut self) -> Result<String, InvalidExpression> {
        self.expect("'", "the claim's name between single quotes")?;
        let name = self.quoted()?;
        self.expect("]", "`]`")?;
        Ok(name)
    }

    fn comparand(&mut self) -> Result<String, InvalidExpression> {
        if self.takes("'") {
            return self.quoted();
        }
        let bare: String = self.rest().iter().take_while(|c| !c.is_whitespace() && **c != '\'').collect();
        if bare.is_empty() {
            return Err(self.wrong("what the claim is compared with, between single quotes"));
        }
        self.at += bare.chars().count();
        Ok(bare)
    }

    /// The rest of a quoted text whose first quote has been read.
    fn quoted(&mut self) -> Result<String, InvalidExpression> {
        let mut text = String::new();
        loop {
            if self.takes("''") {
                text.push('\'');
            } else if self.takes("'") {
                break;
            } else if let Some(c) = self.rest().first().copied() {
                text.push(c);
                self.at += 1;
            } else {
                return Err(self.wrong("a closing single quote (a quote inside is doubled)"));
            }
        }
        if text.is_empty() {
            self.at -= 1;
            return Err(self.wrong("at least one character between the quotes"));
        }
        Ok(text)
    }
}
