//! Labels and annotations.

use std::{collections::HashSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, Visitor},
};

use crate::json::Text;

/// What is kept of a pod: the keys of the three clouds.
const PREFIXES: [&str; 3] = ["azure.workload.identity/", "eks.amazonaws.com/", "cloud.google.com/"];

/// The labels or the annotations of a pod that somebody here may read.
#[derive(Debug)]
pub(crate) struct Entries<'a>(Vec<(Text<'a>, Text<'a>)>);

impl Entries<'_> {
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut kept: Vec<(Text<'de>, Text<'de>)> = Vec::new();
        // A set, since the API server asks before it limits annotations: a pod may bring very many.
        let mut seen: HashSet<Text<'de>> = HashSet::new();
        while let Some(key) = map.next_key::<Text<'de>>()? {
            if !PREFIXES.iter().any(|prefix| key.starts_with(prefix)) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            if !seen.insert(key.clone()) {
                return Err(A::Error::custom(format_args!("duplicate field `{}`", &*key)));
            }
            let value = map.next_value()?;
            kept.push((key, value));
        }
        Ok(Entries(kept))
    }
}
