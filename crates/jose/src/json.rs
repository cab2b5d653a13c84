//! Strict JSON, for every document that comes from outside.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use thiserror::Error;

use crate::text::printable;

/// How deep objects and arrays may nest; the outermost object is level 1.
pub const MAX_DEPTH: usize = 32;

/// Why a document was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum JsonError {
    /// Not JSON (RFC 8259), or something follows the document.
    #[error("not valid JSON at line {line} column {column}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in bytes.
        column: usize,
    },
    /// Valid JSON, but not an object.
    #[error("not a JSON object")]
    NotAnObject,
    /// An object has two members of this name, compared after unescaping.
    #[error("member `{0}` occurs twice in one object")]
    DuplicateMember(String),
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// A member is missing or has the wrong type.
    #[error("unexpected content: {0}")]
    Shape(String),
}

/// Reads a JSON object as `T`.
///
/// Duplicate members are refused at any depth, because two readers of one document could each see
/// a different one of them (RFC 8725 section 3.10); trailing data and deep nesting are refused
/// too. Members that `T` does not know are ignored.
///
/// # Errors
/// [`JsonError`] says which rule was broken.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonError> {
    check_object(bytes)?;
    from_checked(bytes)
}

/// Reads what [`check_object`] has passed.
pub(crate) fn from_checked<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonError> {
    serde_json::from_slice(bytes).map_err(|error| convert(&error))
}

/// Passes an object that keeps every rule of [`from_slice`], without keeping its contents.
pub(crate) fn check_object(bytes: &[u8]) -> Result<(), JsonError> {
    let fault = RefCell::new(None);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let checked = Check { depth: 0, fault: &fault }.deserialize(&mut reader);
    if let Some(fault) = fault.into_inner() {
        return Err(fault);
    }
    match checked.and_then(|kind| reader.end().map(|()| kind)) {
        Ok(Kind::Object) => Ok(()),
        Ok(Kind::Other) => Err(JsonError::NotAnObject),
        Err(error) => Err(convert(&error)),
    }
}

fn convert(error: &serde_json::Error) -> JsonError {
    if error.is_data() {
        return JsonError::Shape(printable(&error.to_string(), 200));
    }
    JsonError::Syntax { line: error.line(), column: error.column() }
}

enum Kind {
    Object,
    Other,
}

/// Walks a document; `fault` carries a broken rule past serde's error type.
#[derive(Clone, Copy)]
struct Check<'a> {
    depth: usize,
    fault: &'a RefCell<Option<JsonError>>,
}

impl Check<'_> {
    fn refuse<E: serde::de::Error>(self, fault: JsonError) -> E {
        self.fault.borrow_mut().get_or_insert(fault);
        E::custom("refused")
    }

    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(self.refuse(JsonError::TooDeep));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Check<'_> {
    type Value = Kind;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Kind, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Check<'_> {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Kind, A::Error> {
        let inner = self.deeper()?;
        let mut seen = HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            if seen.contains(&name) {
                return Err(self.refuse(JsonError::DuplicateMember(printable(&name, 64))));
            }
            seen.insert(name);
            members.next_value_seed(inner)?;
        }
        Ok(Kind::Object)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Kind, A::Error> {
        let inner = self.deeper()?;
        while elements.next_element_seed(inner)?.is_some() {}
        Ok(Kind::Other)
    }

    fn visit_unit<E>(self) -> Result<Kind, E> {
        Ok(Kind::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Kind, E> {
        Ok(Kind::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Kind, E> {
        Ok(Kind::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Kind, E> {
        Ok(Kind::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Kind, E> {
        Ok(Kind::Other)
    }

    fn visit_str<E>(self, _: &str) -> Result<Kind, E> {
        Ok(Kind::Other)
    }
}

#[cfg(test)]
mod tests;
