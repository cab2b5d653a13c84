//! `$filter`: the part of `OData`'s expressions that tools send.
//!
//! ```text
//! or   = and *( "or" and )
//! and  = term *( "and" term )
//! term = "(" or ")" / property "eq" literal / property "in" "(" literal *( "," literal ) ")"
//!      / "startswith" "(" property "," literal ")" / property "/any" "(" v ":" v "eq" literal ")"
//! ```

use std::{iter::Peekable, vec::IntoIter};

use serde_json::Value;

use crate::odata::quoted;

/// The deepest nesting of parentheses.
const MAX_DEPTH: usize = 16;
/// The most words and signs of an expression; a list of ids is the longest that anybody sends.
const MAX_TOKENS: usize = 4096;

/// An expression over the members of a printed object. Text is compared without regard to letter
/// case, as Graph does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    Equals(String, Literal),
    In(String, Vec<Literal>),
    StartsWith(String, String),
    Any(String, Literal),
    And(Vec<Filter>),
    Or(Vec<Filter>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Literal {
    Text(String),
    Boolean(bool),
    Null,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Sign(char),
}

impl Filter {
    /// Parses an expression over these properties.
    ///
    /// # Errors
    /// What is not understood. Nothing is ever ignored: the answer would hold too much.
    pub(super) fn parse(text: &str, properties: &[&str]) -> Result<Self, String> {
        let tokens = tokens(text)?;
        if tokens.len() > MAX_TOKENS {
            return Err(format!("it has more than {MAX_TOKENS} words and signs"));
        }
        let mut parser = Parser { tokens: tokens.into_iter().peekable(), properties };
        let filter = parser.or(0)?;
        match parser.tokens.next() {
            None => Ok(filter),
            Some(token) => Err(format!("{} follows a complete expression", token.shown())),
        }
    }

    /// Whether the object is wanted.
    pub(super) fn accepts(&self, object: &Value) -> bool {
        match self {
            Self::Equals(property, literal) => literal.is(&object[property]),
            Self::In(property, literals) => literals.iter().any(|literal| literal.is(&object[property])),
            Self::StartsWith(property, prefix) => {
                object[property].as_str().is_some_and(|text| text.to_lowercase().starts_with(&prefix.to_lowercase()))
            }
            Self::Any(property, literal) => {
                object[property].as_array().is_some_and(|values| values.iter().any(|value| literal.is(value)))
            }
            Self::And(parts) => parts.iter().all(|part| part.accepts(object)),
            Self::Or(parts) => parts.iter().any(|part| part.accepts(object)),
        }
    }

    /// The one value that any of these properties must have; for a look-up in place of a list.
    pub(super) fn only(&self, properties: &[&str]) -> Option<&str> {
        match self {
            Self::Equals(property, Literal::Text(text)) | Self::Any(property, Literal::Text(text)) => {
                properties.contains(&property.as_str()).then_some(text)
            }
            Self::And(parts) => parts.iter().find_map(|part| part.only(properties)),
            _ => None,
        }
    }
}

impl Literal {
    fn is(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Text(wanted), Value::String(found)) => wanted.to_lowercase() == found.to_lowercase(),
            (Self::Boolean(wanted), Value::Bool(found)) => wanted == found,
            (Self::Null, Value::Null) => true,
            _ => false,
        }
    }
}

impl Token {
    fn shown(&self) -> String {
        match self {
            Self::Word(text) | Self::Text(text) => format!("'{}'", crate::shorten(text)),
            Self::Sign(sign) => format!("'{sign}'"),
        }
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Word(found) if found == word)
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if first == '\'' {
            let (token, after) = quoted(&rest[1..]).ok_or("a text has no closing quote")?;
            tokens.push(Token::Text(token));
            rest = after;
        } else if matches!(first, '(' | ')' | ',' | ':' | '/') {
            tokens.push(Token::Sign(first));
            rest = &rest[1..];
        } else {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '.' | '-'));
            let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
            if word.is_empty() {
                return Err(format!("the character '{}' has no meaning there", first.escape_default()));
            }
            tokens.push(Token::Word(word.to_owned()));
            rest = after;
        }
        rest = rest.trim_start();
    }
    Ok(tokens)
}

struct Parser<'a> {
    tokens: Peekable<IntoIter<Token>>,
    properties: &'a [&'a str],
}

impl Parser<'_> {
    fn or(&mut self, depth: usize) -> Result<Filter, String> {
        let mut parts = vec![self.and(depth)?];
        while self.tokens.next_if(|token| token.is_word("or")).is_some() {
            parts.push(self.and(depth)?);
        }
        Ok(single(parts, Filter::Or))
    }

    fn and(&mut self, depth: usize) -> Result<Filter, String> {
        let mut parts = vec![self.term(depth)?];
        while self.tokens.next_if(|token| token.is_word("and")).is_some() {
            parts.push(self.term(depth)?);
        }
        Ok(single(parts, Filter::And))
    }

    fn term(&mut self, depth: usize) -> Result<Filter, String> {
        if depth > MAX_DEPTH {
            return Err(format!("it is nested more than {MAX_DEPTH} times"));
        }
        match self.tokens.next() {
            Some(Token::Sign('(')) => {
                let inner = self.or(depth + 1)?;
                self.sign(')')?;
                Ok(inner)
            }
            Some(Token::Word(word)) if word == "startswith" => self.starts_with(),
            Some(Token::Word(word)) => {
                let property = self.known(&word)?;
                self.comparison(property)
            }
            other => Err(unexpected(other.as_ref(), "a property")),
        }
    }

    fn starts_with(&mut self) -> Result<Filter, String> {
        self.sign('(')?;
        let word = self.word("a property")?;
        let property = self.known(&word)?;
        self.sign(',')?;
        let Literal::Text(prefix) = self.literal()? else {
            return Err("startswith compares with a text only".into());
        };
        self.sign(')')?;
        Ok(Filter::StartsWith(property, prefix))
    }

    fn comparison(&mut self, property: String) -> Result<Filter, String> {
        match self.tokens.next() {
            Some(token) if token.is_word("eq") => Ok(Filter::Equals(property, self.literal()?)),
            Some(token) if token.is_word("in") => {
                self.sign('(')?;
                let mut literals = vec![self.literal()?];
                while self.tokens.next_if_eq(&Token::Sign(',')).is_some() {
                    literals.push(self.literal()?);
                }
                self.sign(')')?;
                Ok(Filter::In(property, literals))
            }
            Some(Token::Sign('/')) => self.any(property),
            other => Err(unexpected(other.as_ref(), "'eq', 'in' or '/any'")),
        }
    }

    fn any(&mut self, property: String) -> Result<Filter, String> {
        match self.tokens.next() {
            Some(token) if token.is_word("any") => {}
            other => return Err(unexpected(other.as_ref(), "'any'")),
        }
        self.sign('(')?;
        let variable = self.word("a variable")?;
        self.sign(':')?;
        if self.word("the variable")? != variable || self.word("'eq'")? != "eq" {
            return Err(format!("any compares its variable '{}' with eq only", crate::shorten(&variable)));
        }
        let literal = self.literal()?;
        self.sign(')')?;
        Ok(Filter::Any(property, literal))
    }

    fn known(&self, word: &str) -> Result<String, String> {
        if self.properties.contains(&word) {
            return Ok(word.to_owned());
        }
        let expected = self.properties.join(", ");
        Err(format!("it cannot compare '{}', expected one of {expected}", crate::shorten(word)))
    }

    fn literal(&mut self) -> Result<Literal, String> {
        match self.tokens.next() {
            Some(Token::Text(text)) => Ok(Literal::Text(text)),
            Some(token) if token.is_word("true") => Ok(Literal::Boolean(true)),
            Some(token) if token.is_word("false") => Ok(Literal::Boolean(false)),
            Some(token) if token.is_word("null") => Ok(Literal::Null),
            other => Err(unexpected(other.as_ref(), "a text in single quotes")),
        }
    }

    fn word(&mut self, expected: &str) -> Result<String, String> {
        match self.tokens.next() {
            Some(Token::Word(word)) => Ok(word),
            other => Err(unexpected(other.as_ref(), expected)),
        }
    }

    fn sign(&mut self, sign: char) -> Result<(), String> {
        match self.tokens.next() {
            Some(Token::Sign(found)) if found == sign => Ok(()),
            other => Err(unexpected(other.as_ref(), &format!("'{sign}'"))),
        }
    }
}

fn unexpected(found: Option<&Token>, expected: &str) -> String {
    let found = found.map_or_else(|| "it ends".to_owned(), Token::shown);
    format!("{found} where {expected} is expected")
}

fn single(mut parts: Vec<Filter>, many: fn(Vec<Filter>) -> Filter) -> Filter {
    match (parts.len(), parts.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            parts.extend(last);
            many(parts)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::Filter;

    const PROPERTIES: [&str; 4] = ["appId", "displayName", "servicePrincipalNames", "accountEnabled"];

    fn accepts(text: &str) -> bool {
        let object = json!({
            "appId": "a-1", "displayName": "It's Billing", "servicePrincipalNames": ["api://x", "a-1"],
            "accountEnabled": true,
        });
        Filter::parse(text, &PROPERTIES).unwrap().accepts(&object)
    }

    #[test]
    fn each_form_accepts_what_it_says() {
        for text in [
            "appId eq 'A-1'",
            "displayName eq 'it''s billing'",
            "startswith(displayName, 'it''s b')",
            "servicePrincipalNames/any(c:c eq 'api://x')",
            "appId in ('b','a-1')",
            "accountEnabled eq true",
            "appId eq 'b' or appId eq 'a-1'",
            "(appId eq 'b' or appId eq 'a-1') and startswith(displayName,'It')",
            "appId eq 'a-1' or appId eq 'b' and appId eq 'c'",
        ] {
            assert!(accepts(text), "{text}");
        }
        for text in [
            "appId eq 'a'",
            "startswith(displayName,'billing')",
            "servicePrincipalNames/any(c:c eq 'api://')",
            "appId in ('b')",
            "accountEnabled eq false",
            "accountEnabled eq 'true'",
            "appId eq null",
            "(appId eq 'a-1' or appId eq 'b') and appId eq 'c'",
        ] {
            assert!(!accepts(text), "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_with_the_reason() {
        for (text, reason) in [
            ("", "it ends"),
            ("appId", "it ends where 'eq', 'in' or '/any' is expected"),
            ("appId ne 'a'", "'ne' where"),
            ("appId eq a", "'a' where a text in single quotes is expected"),
            ("appId eq 'a", "no closing quote"),
            ("appId eq 'a' appId", "'appId' follows a complete expression"),
            ("secret eq 'a'", "it cannot compare 'secret', expected one of appId"),
            ("not appId eq 'a'", "it cannot compare 'not'"),
            ("servicePrincipalNames/all(c:c eq 'a')", "'all' where 'any'"),
            ("servicePrincipalNames/any(c:d eq 'a')", "its variable 'c'"),
            ("startswith(displayName,true)", "with a text only"),
            ("appId eq 'a' & 1", "the character '&'"),
            ("appId in ()", "')' where"),
        ] {
            let error = Filter::parse(text, &PROPERTIES).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
        let deep = format!("{}appId eq 'a'{}", "(".repeat(100), ")".repeat(100));
        assert!(Filter::parse(&deep, &PROPERTIES).unwrap_err().contains("nested"));
    }

    #[test]
    fn a_value_that_must_be_is_known_and_one_of_several_is_not() {
        let only = |text: &str| {
            let filter = Filter::parse(text, &PROPERTIES).unwrap();
            filter.only(&["appId", "servicePrincipalNames"]).map(str::to_owned)
        };
        assert_eq!(only("appId eq 'a'").as_deref(), Some("a"));
        assert_eq!(only("accountEnabled eq true and servicePrincipalNames/any(c:c eq 'b')").as_deref(), Some("b"));
        assert_eq!(only("appId eq 'a' or appId eq 'b'"), None);
        assert_eq!(only("displayName eq 'a'"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC*") {
            let _ = Filter::parse(&text, &PROPERTIES);
        }

        #[test]
        fn no_row_of_known_words_makes_the_parser_panic(
            words in proptest::collection::vec(
                prop_oneof![
                    Just("appId"), Just("eq"), Just("in"), Just("("), Just(")"), Just("'a'"), Just("/any"), Just("c"),
                    Just(":"), Just(","), Just("and"), Just("or"), Just("startswith"), Just("'"), Just("null"),
                ],
                0..40,
            )
        ) {
            let _ = Filter::parse(&words.join(" "), &PROPERTIES);
        }

        #[test]
        fn any_text_is_found_by_its_quoted_self(text in "\\PC*") {
            let filter = Filter::parse(&format!("appId eq '{}'", text.replace('\'', "''")), &PROPERTIES).unwrap();
            let object = json!({ "appId": text });
            prop_assert!(filter.accepts(&object));
        }
    }
}
