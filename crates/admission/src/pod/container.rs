//! A pod's containers.

use serde::{Deserialize, de::IgnoredAny};

use crate::json::{Object, Text};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Container<'a> {
    #[serde(borrow)]
    pub(crate) name: Text<'a>,
    pub(crate) env: Option<Vec<Object<Variable<'a>>>>,
    pub(crate) env_from: Option<Vec<Object<EnvFrom<'a>>>>,
    pub(crate) volume_mounts: Option<Vec<Object<Mount<'a>>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Variable<'a> {
    #[serde(borrow)]
    pub(crate) name: Text<'a>,
    value: Text<'a>,
    value_from: Option<IgnoredAny>,
}

/// A ConfigMap or a Secret whose keys become variables.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct EnvFrom<'a> {
    #[serde(borrow)]
    prefix: Text<'a>,
    config_map_ref: Option<Object<Reference<'a>>>,
    secret_ref: Option<Object<Reference<'a>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Reference<'a> {
    #[serde(borrow)]
    name: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Mount<'a> {
    #[serde(borrow)]
    pub(crate) name: Text<'a>,
    #[serde(rename = "mountPath")]
    path: Text<'a>,
    read_only: Option<bool>,
    sub_path: Text<'a>,
    sub_path_expr: Text<'a>,
}

impl Container<'_> {
    pub(crate) fn variable(&self, name: &str) -> Option<&Object<Variable<'_>>> {
        self.env.iter().flatten().find(|variable| &*variable.name == name)
    }

    pub(crate) fn mounts(&self) -> &[Object<Mount<'_>>] {
        self.volume_mounts.as_deref().unwrap_or_default()
    }
}

impl Variable<'_> {
    /// Whether it certainly has this value.
    pub(crate) fn is(&self, value: &str) -> bool {
        self.value_from.is_none() && &*self.value == value
    }
}

impl EnvFrom<'_> {
    /// Whether it can define a variable of this name, by its prefix.
    pub(crate) fn can_define(&self, name: &str) -> bool {
        name.starts_with(&*self.prefix)
    }

    /// Kind and name of the source.
    pub(crate) fn source(&self) -> (&'static str, &str) {
        match (&self.config_map_ref, &self.secret_ref) {
            (Some(reference), _) => ("ConfigMap", &reference.name),
            (None, Some(reference)) => ("Secret", &reference.name),
            (None, None) => ("source", ""),
        }
    }
}

impl Mount<'_> {
    /// The path as the kubelet takes it: with neither a slash at its end nor an empty segment.
    fn is_at(&self, path: &str) -> bool {
        segments(&self.path).eq(segments(path))
    }

    /// Whether it lies at the path, or below it where it would have to be made in a read-only volume.
    pub(crate) fn is_within(&self, path: &str) -> bool {
        let mut own = segments(&self.path);
        segments(path).all(|segment| own.next() == Some(segment))
    }

    /// Whether it shows a whole volume at the path.
    pub(crate) fn shows_at(&self, path: &str) -> bool {
        self.is_at(path) && self.sub_path.is_empty() && self.sub_path_expr.is_empty()
    }

    pub(crate) fn is_read_only(&self) -> bool {
        self.read_only == Some(true)
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}
