//! A pod's volumes.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::{Object, Text};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Volume<'a> {
    #[serde(borrow)]
    pub(crate) name: Text<'a>,
    projected: Option<Object<Projected<'a>>>,
    config_map: Option<Object<ConfigMap<'a>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Projected<'a> {
    /// As it stands, since it is compared as a whole but seldom.
    #[serde(borrow)]
    sources: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ConfigMap<'a> {
    #[serde(borrow)]
    name: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Source<'a> {
    #[serde(borrow)]
    service_account_token: Option<Object<Projection<'a>>>,
}

/// A service account's token in a projected volume.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Projection<'a> {
    #[serde(borrow)]
    path: Text<'a>,
    audience: Text<'a>,
}

impl<'a> Volume<'a> {
    /// Sources are not parsed for a path that cannot be in them.
    fn tokens_at(&self, path: &str) -> impl Iterator<Item = Object<Projection<'a>>> {
        let may_hold = |raw: &&str| raw.contains(path) || raw.contains('\\');
        let sources = self.raw_sources().filter(may_hold).and_then(|raw| serde_json::from_str(raw).ok());
        let sources: Vec<Object<Source<'a>>> = sources.unwrap_or_default();
        let tokens = sources.into_iter().filter_map(|source| source.into_inner().service_account_token);
        tokens.filter(move |token| &*token.path == path)
    }

    pub(crate) fn holds_token(&self, path: &str) -> bool {
        self.tokens_at(path).next().is_some()
    }

    pub(crate) fn holds_token_for(&self, path: &str, audience: &str) -> bool {
        self.tokens_at(path).any(|token| &*token.audience == audience)
    }

    /// The projected sources as they came.
    pub(crate) fn raw_sources(&self) -> Option<&'a str> {
        self.projected.as_ref()?.sources.map(RawValue::get)
    }

    /// The ConfigMap that it holds.
    pub(crate) fn config_map(&self) -> Option<&str> {
        self.config_map.as_ref().map(|source| &*source.name)
    }
}
