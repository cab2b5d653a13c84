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
    /// The tokens that it holds.
    fn tokens(&self) -> impl Iterator<Item = Object<Projection<'a>>> {
        let sources = self.raw_sources().and_then(|raw| serde_json::from_str::<Vec<Object<Source<'a>>>>(raw).ok());
        sources.into_iter().flatten().filter_map(|source| source.into_inner().service_account_token)
    }

    pub(crate) fn holds_token(&self, path: &str) -> bool {
        self.tokens().any(|token| &*token.path == path)
    }

    pub(crate) fn holds_token_for(&self, path: &str, audience: &str) -> bool {
        self.tokens().any(|token| &*token.path == path && &*token.audience == audience)
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
