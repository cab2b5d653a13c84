//! Lists in pages.

use serde::Serialize;
use symbolon_core::urls::Urls;
use symbolon_jose::base64url;
use url::form_urlencoded::Serializer;

use crate::{
    error::Refusal,
    request::{ApiVersion, Query},
};

const DEFAULT_SIZE: u32 = 100;
const MAX_SIZE: i64 = 1000;

/// Which part of a list is wanted.
pub(super) struct PageRequest {
    size: u32,
    top: Option<i64>,
    filter: Option<String>,
    version: String,
    /// The key of the last item of the page before.
    pub(super) after: Option<String>,
}

/// A page as ARM prints it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page<T> {
    value: Vec<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_link: Option<String>,
}

impl PageRequest {
    pub(super) fn new(query: &Query, version: ApiVersion) -> Result<Self, Refusal> {
        let top = query.number("$top", 1, MAX_SIZE)?;
        let after = query.get("$skiptoken").map(unpack).transpose()?;
        let filter = query.get("$filter").map(str::to_owned);
        let size = top.and_then(|top| u32::try_from(top).ok()).unwrap_or(DEFAULT_SIZE);
        Ok(Self { size, top, filter, version: version.0, after })
    }

    /// One more than the page holds, to know whether there is a next one.
    pub(super) const fn limit(&self) -> u32 {
        self.size + 1
    }

    /// The page of a list that is in memory as a whole, ordered by `key`.
    pub(super) fn of_all<I, T: Serialize>(
        &self,
        mut items: Vec<I>,
        key: impl Fn(&I) -> String,
        convert: impl Fn(I) -> T,
        link: (&Urls, &str),
    ) -> Page<T> {
        items.retain(|item| self.after.as_ref().is_none_or(|after| key(item) > *after));
        self.of(items, key, convert, link)
    }

    /// The page, with a link to the next one where there is more. The link is made of
    /// configuration and the path that was routed, never of a `Host` header: the client sends its
    /// token there.
    pub(super) fn of<I, T: Serialize>(
        &self,
        mut items: Vec<I>,
        key: impl Fn(&I) -> String,
        convert: impl Fn(I) -> T,
        (urls, path): (&Urls, &str),
    ) -> Page<T> {
        let size = self.size as usize;
        let more = items.len() > size;
        items.truncate(size);
        let next_link = items.last().filter(|_| more).map(|last| {
            let mut query = Serializer::new(String::new());
            query.append_pair("api-version", &self.version);
            if let Some(top) = self.top {
                query.append_pair("$top", &top.to_string());
            }
            if let Some(filter) = &self.filter {
                query.append_pair("$filter", filter);
            }
            query.append_pair("$skiptoken", &base64url::encode(key(last).as_bytes()));
            format!("{}{path}?{}", urls.management, query.finish())
        });
        Page { value: items.into_iter().map(convert).collect(), next_link }
    }
}

fn unpack(token: &str) -> Result<String, Refusal> {
    let bytes = base64url::decode(token).ok();
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| {
        Refusal::invalid("InvalidSkipToken", "The query parameter '$skiptoken' was not made by this server.")
    })
}
