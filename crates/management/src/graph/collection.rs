//! Lists: `$filter`, `$select`, `$orderby`, `$count`, `$top` and `@odata.nextLink`.

use serde_json::{Map, Value, json};
use symbolon_core::urls::Urls;
use symbolon_jose::base64url;
use url::form_urlencoded::Serializer;

use super::{bad_request, filter::Filter};
use crate::{error::Refusal, request::Query};

const DEFAULT_SIZE: usize = 100;
const MAX_SIZE: i64 = 999;

/// What can be asked of the objects of one kind.
pub(super) struct Kind {
    /// The properties that `$filter` compares.
    pub(super) filterable: &'static [&'static str],
    /// The property that a list is ordered by, then by id.
    pub(super) order: &'static str,
}

pub(super) const APPLICATION: Kind = Kind {
    filterable: &["id", "appId", "displayName", "identifierUris", "publisherDomain", "signInAudience"],
    order: "displayName",
};
pub(super) const SERVICE_PRINCIPAL: Kind = Kind {
    filterable: &[
        "id",
        "appId",
        "displayName",
        "servicePrincipalNames",
        "servicePrincipalType",
        "accountEnabled",
        "alternativeNames",
    ],
    order: "displayName",
};
pub(super) const FEDERATED_CREDENTIAL: Kind = Kind { filterable: &["id", "name", "issuer", "subject"], order: "name" };

/// What a request asks of a list, or of one object.
#[derive(Default)]
pub(super) struct Options {
    pub(super) filter: Option<Filter>,
    select: Vec<String>,
    descending: bool,
    count: bool,
    size: usize,
    /// The key of the last item of the page before.
    after: Option<String>,
    /// The query without its place, for the link to the next page.
    query: Vec<(String, String)>,
}

impl Options {
    /// Reads the query. An option that is not supported is refused: its answer would be another.
    pub(super) fn of(query: &Query, kind: &Kind) -> Result<Self, Refusal> {
        let top = query.number("$top", 1, MAX_SIZE)?;
        let mut options =
            Self { size: top.and_then(|top| usize::try_from(top).ok()).unwrap_or(DEFAULT_SIZE), ..Self::default() };
        for (name, value) in query.pairs().filter(|(name, _)| name.starts_with('$')) {
            match name.to_ascii_lowercase().as_str() {
                "$filter" => options.filter = Some(filter(value, kind)?),
                "$select" => options.select = value.split(',').map(|name| name.trim().to_owned()).collect(),
                "$orderby" => options.descending = descending(value, kind)?,
                "$count" => options.count = value.eq_ignore_ascii_case("true"),
                "$skiptoken" => {
                    options.after = Some(unpack(value)?);
                    continue;
                }
                "$top" => {}
                _ => return Err(bad_request(format!("The query option '{}' is not supported.", crate::shorten(name)))),
            }
            options.query.push((name.to_owned(), value.to_owned()));
        }
        Ok(options)
    }

    /// The object with the properties that were asked for. One that the object does not have is
    /// left out, like one that is null: tools ask for more than is kept here.
    pub(super) fn selected(&self, object: Value) -> Value {
        let Value::Object(members) = object else { return object };
        let wanted = |name: &str| self.select.is_empty() || self.select.iter().any(|wanted| wanted == name);
        let kept: Map<_, _> = members.into_iter().filter(|(name, _)| name.starts_with('@') || wanted(name)).collect();
        Value::Object(kept)
    }

    /// One page of the objects that are wanted. The link to the next one is made of configuration
    /// and the path that was routed, never of a `Host` header: the client sends its token there.
    pub(super) fn page(self, urls: &Urls, kind: &Kind, place: &Place, objects: Vec<Value>) -> Value {
        let accepted = |object: &Value| self.filter.as_ref().is_none_or(|filter| filter.accepts(object));
        let mut found: Vec<(String, Value)> =
            objects.into_iter().filter(accepted).map(|object| (key(&object, kind), object)).collect();
        found.sort_by(|(a, _), (b, _)| if self.descending { b.cmp(a) } else { a.cmp(b) });
        let total = found.len();
        if let Some(after) = &self.after {
            found.retain(|(key, _)| if self.descending { key < after } else { key > after });
        }
        let more = found.len() > self.size;
        found.truncate(self.size);
        let mut page = json!({ "@odata.context": format!("{}/v1.0/$metadata#{}", urls.management, place.context) });
        if self.count {
            page["@odata.count"] = json!(total);
        }
        if let Some((last, _)) = found.last().filter(|_| more) {
            page["@odata.nextLink"] = json!(self.next_link(urls, &place.path, last));
        }
        page["value"] = found.into_iter().map(|(_, object)| self.selected(object)).collect();
        page
    }

    fn next_link(&self, urls: &Urls, path: &str, last: &str) -> String {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(&self.query);
        query.append_pair("$skiptoken", &base64url::encode(last.as_bytes()));
        format!("{}/v1.0/{path}?{}", urls.management, query.finish())
    }
}

/// Where a list stands.
pub(super) struct Place {
    pub(super) path: String,
    /// What its `@odata.context` names.
    pub(super) context: String,
}

impl Place {
    pub(super) fn new(path: &str) -> Self {
        Self { path: path.to_owned(), context: path.to_owned() }
    }
}

/// Ordered by name, then id; the same in each request, so that a page starts where the last ended.
fn key(object: &Value, kind: &Kind) -> String {
    let text = |name: &str| object[name].as_str().unwrap_or_default().to_lowercase();
    format!("{}\0{}", text(kind.order), text("id"))
}

fn filter(text: &str, kind: &Kind) -> Result<Filter, Refusal> {
    Filter::parse(text, kind.filterable)
        .map_err(|why| bad_request(format!("The filter '{}' is not supported: {why}.", crate::shorten(text))))
}

fn descending(text: &str, kind: &Kind) -> Result<bool, Refusal> {
    let mut words = text.split_whitespace();
    match (words.next(), words.next(), words.next()) {
        (Some(name), None | Some("asc"), None) if name == kind.order => Ok(false),
        (Some(name), Some("desc"), None) if name == kind.order => Ok(true),
        _ => Err(bad_request(format!(
            "The order '{}' is not supported, expected '{}' or '{} desc'.",
            crate::shorten(text),
            kind.order,
            kind.order
        ))),
    }
}

fn unpack(token: &str) -> Result<String, Refusal> {
    let bytes = base64url::decode(token).ok();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| bad_request("The query option '$skiptoken' was not made by this server."))
}
