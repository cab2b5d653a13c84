//! What handlers take from a request.

use axum::{
    body::to_bytes,
    extract::{FromRequest, FromRequestParts, Path, Request},
};
use http::{header, request::Parts};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::{collections::BTreeMap, convert::Infallible};
use symbolon_jose::json;

use crate::{Shared, error::Refusal};

/// The most bytes of a body: a registered key set is the largest thing that anybody sends.
const MAX_BODY_BYTES: usize = 512 * 1024;

/// The variable segments of a path.
pub(crate) struct Segments<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Shared> for Segments<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, management: &Shared) -> Result<Self, Refusal> {
        match Path::from_request_parts(parts, management).await {
            Ok(Path(segments)) => Ok(Self(segments)),
            Err(error) => Err(Refusal::invalid("BadRequest", format!("The path is malformed: {}.", error.body_text()))),
        }
    }
}

/// The query; names are compared without regard to letter case, as ARM and Graph do.
pub(crate) struct Query(Vec<(String, String)>);

impl FromRequestParts<Shared> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Infallible> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()))
    }
}

impl Query {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// All names and values, as they were given.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A whole number between `min` and `max`.
    pub(crate) fn number(&self, name: &str, min: i64, max: i64) -> Result<Option<i64>, Refusal> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let number = text.parse().ok().filter(|number| (min..=max).contains(number));
        number.map(Some).ok_or_else(|| {
            Refusal::invalid(
                "InvalidQueryParameter",
                format!(
                    "The query parameter '{name}' has the value '{}', expected a number from {min} to {max}.",
                    crate::shorten(text)
                ),
            )
        })
    }
}

/// Proof that an ARM request names an API version. Any is accepted: `az` asks for previews, and the
/// members that matter here are the same in all.
pub(crate) struct ApiVersion(pub(crate) String);

impl FromRequestParts<Shared> for ApiVersion {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, management: &Shared) -> Result<Self, Refusal> {
        let Ok(query) = Query::from_request_parts(parts, management).await;
        match query.get("api-version") {
            Some(version) if !version.is_empty() => Ok(Self(version.to_owned())),
            _ => Err(Refusal::invalid(
                "MissingApiVersionParameter",
                "The api-version query parameter (?api-version=) is required for all requests.",
            )),
        }
    }
}

/// A JSON object as the body: no duplicate members, bounded in size and depth.
pub(crate) struct JsonBody(Map<String, Value>);

impl FromRequest<Shared> for JsonBody {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &Shared) -> Result<Self, Refusal> {
        if let Some(kind) = request.headers().get(header::CONTENT_TYPE) {
            let essence = kind.to_str().ok().and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
            if !essence.eq_ignore_ascii_case("application/json") && !essence.eq_ignore_ascii_case("text/json") {
                return Err(Refusal::unsupported_media_type(
                    "The content type is not supported, expected 'application/json'.",
                ));
            }
        }
        let bytes = to_bytes(request.into_body(), MAX_BODY_BYTES).await.map_err(|_| {
            Refusal::too_large(format!("The body could not be read, or is larger than {MAX_BODY_BYTES} bytes."))
        })?;
        json::from_slice(&bytes).map(Self).map_err(|error| invalid_content(&error.to_string()))
    }
}

impl JsonBody {
    pub(crate) fn fields(&self) -> Fields<'_> {
        Fields { members: &self.0, prefix: String::new() }
    }
}

fn invalid_content(why: &str) -> Refusal {
    Refusal::invalid(
        "InvalidRequestContent",
        format!("The request content was invalid and could not be deserialized: '{why}'."),
    )
}

/// The members of a JSON object. A member that is `null` counts as absent; one of another type than
/// expected is refused by its name; those that nobody asks for are ignored, as ARM does.
pub(crate) struct Fields<'a> {
    members: &'a Map<String, Value>,
    prefix: String,
}

impl<'a> Fields<'a> {
    fn get(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Whether the member is there and `null`, for those that can be taken away.
    pub(crate) fn is_null(&self, name: &str) -> bool {
        self.members.get(name).is_some_and(Value::is_null)
    }

    /// Whether it was given, be it as `null`.
    pub(crate) fn mentions(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// All members, those that are `null` too.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.members.iter().map(|(name, value)| (name.as_str(), value))
    }

    fn typed<T>(
        &self,
        name: &str,
        expected: &str,
        convert: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, Refusal> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let wrong = || invalid_content(&format!("member `{}{name}` is not {expected}", self.prefix));
        convert(value).map(Some).ok_or_else(wrong)
    }

    pub(crate) fn string(&self, name: &str) -> Result<Option<&'a str>, Refusal> {
        self.typed(name, "a string", Value::as_str)
    }

    pub(crate) fn required_string(&self, name: &str) -> Result<&'a str, Refusal> {
        self.string(name)?.ok_or_else(|| invalid_content(&format!("member `{}{name}` is missing", self.prefix)))
    }

    pub(crate) fn boolean(&self, name: &str) -> Result<Option<bool>, Refusal> {
        self.typed(name, "true or false", Value::as_bool)
    }

    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, Refusal> {
        self.typed(name, "a whole number", Value::as_i64)
    }

    pub(crate) fn object(&self, name: &str) -> Result<Option<Fields<'a>>, Refusal> {
        let members = self.typed(name, "an object", Value::as_object)?;
        Ok(members.map(|members| Fields { members, prefix: format!("{}{name}.", self.prefix) }))
    }

    pub(crate) fn objects(&self, name: &str) -> Result<Option<Vec<Fields<'a>>>, Refusal> {
        let prefix = |position: usize| format!("{}{name}[{position}].", self.prefix);
        self.typed(name, "an array of objects", |value| {
            let entries = value.as_array()?.iter().enumerate();
            entries.map(|(at, entry)| Some(Fields { members: entry.as_object()?, prefix: prefix(at) })).collect()
        })
    }

    pub(crate) fn strings(&self, name: &str) -> Result<Option<Vec<String>>, Refusal> {
        self.typed(name, "an array of strings", |value| {
            value.as_array()?.iter().map(|entry| entry.as_str().map(str::to_owned)).collect()
        })
    }

    pub(crate) fn string_map(&self, name: &str) -> Result<Option<BTreeMap<String, String>>, Refusal> {
        self.typed(name, "an object of strings", |value| {
            let members = value.as_object()?.iter();
            members.map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
        })
    }

    /// Like [`Self::string_map`], with `null` for values that are to go away.
    pub(crate) fn nullable_string_map(&self, name: &str) -> Result<Option<BTreeMap<String, Option<String>>>, Refusal> {
        self.typed(name, "an object of strings", |value| {
            let text = |value: &Value| match value {
                Value::Null => Some(None),
                Value::String(text) => Some(Some(text.clone())),
                _ => None,
            };
            value.as_object()?.iter().map(|(name, value)| Some((name.clone(), text(value)?))).collect()
        })
    }
}
