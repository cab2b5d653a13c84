//! A pod, reduced to what the injection looks at.

mod container;
mod entries;
mod volume;

use serde::Deserialize;

pub(crate) use container::Container;
pub(crate) use entries::Entries;
pub(crate) use volume::Volume;

use crate::{
    Refusal,
    json::{Object, Text},
};

/// A pod as it came in a request, reduced to what the injection looks at.
///
/// Strings are borrowed from the request. A member that is read here and occurs twice is refused:
/// an API server never sends that, and whoever does wants it to mean one thing here and another
/// there. Members that are not read are passed over, whatever they are.
#[derive(Debug)]
pub struct Pod<'a> {
    pub(crate) metadata: Option<Object<Metadata<'a>>>,
    pub(crate) spec: Option<Object<Spec<'a>>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    #[serde(borrow, default)]
    api_version: Text<'a>,
    #[serde(default)]
    kind: Text<'a>,
    metadata: Option<Object<Metadata<'a>>>,
    spec: Option<Object<Spec<'a>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Metadata<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    generate_name: Text<'a>,
    labels: Option<Entries<'a>>,
    pub(crate) annotations: Option<Entries<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Spec<'a> {
    #[serde(borrow)]
    service_account_name: Text<'a>,
    host_network: Option<bool>,
    os: Option<Object<Os<'a>>>,
    node_selector: Option<Object<NodeSelector<'a>>>,
    init_containers: Option<Vec<Object<Container<'a>>>>,
    containers: Option<Vec<Object<Container<'a>>>>,
    pub(crate) volumes: Option<Vec<Object<Volume<'a>>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Os<'a> {
    #[serde(borrow)]
    name: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NodeSelector<'a> {
    #[serde(borrow, rename = "kubernetes.io/os")]
    os: Text<'a>,
    #[serde(rename = "beta.kubernetes.io/os")]
    beta_os: Text<'a>,
}

/// One of a pod's two lists of containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    Init,
    Main,
}

impl<'a> Pod<'a> {
    /// Reads the raw pod; unknown fields are passed over.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] with code 400 if it is no pod.
    pub fn parse(raw: &'a str) -> Result<Self, Refusal> {
        let document: Object<Document<'a>> = serde_json::from_str(raw)
            .map_err(|error| Refusal { code: 400, message: format!("cannot read the pod: {error}") })?;
        let Document { api_version, kind, metadata, spec } = document.into_inner();
        if !matches!((&*api_version, &*kind), ("" | "v1", "" | "Pod")) {
            let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
            return Err(Refusal::not_a_pod(group, version, &kind));
        }
        Ok(Self { metadata, spec })
    }

    /// The name of its service account, `default` where it names none.
    #[must_use]
    pub fn service_account_name(&self) -> &str {
        match self.spec.as_ref().map_or("", |spec| &spec.service_account_name) {
            "" => "default",
            name => name,
        }
    }

    /// Its name, or the prefix from which the API server makes one, or nothing.
    #[must_use]
    pub fn name(&self) -> &str {
        let Some(metadata) = &self.metadata else { return "" };
        if metadata.name.is_empty() { &metadata.generate_name } else { &metadata.name }
    }

    /// Its name if it has one already.
    pub(crate) fn own_name(&self) -> Option<&str> {
        self.metadata.as_ref().map(|metadata| &*metadata.name).filter(|name| !name.is_empty())
    }

    /// The value of a label, of those that are kept.
    pub(crate) fn label(&self, name: &str) -> Option<&str> {
        self.labels().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// The value of an annotation, of those that are kept.
    pub(crate) fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    pub(crate) fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.metadata.iter().filter_map(|metadata| metadata.labels.as_ref()).flat_map(Entries::iter)
    }

    pub(crate) fn annotations(&self) -> impl Iterator<Item = (&str, &str)> {
        self.metadata.iter().filter_map(|metadata| metadata.annotations.as_ref()).flat_map(Entries::iter)
    }

    pub(crate) fn on_host_network(&self) -> bool {
        self.spec.as_ref().is_some_and(|spec| spec.host_network == Some(true))
    }

    /// Whether it says itself that it runs on Windows.
    pub(crate) fn says_windows(&self) -> bool {
        self.spec.as_ref().and_then(|spec| spec.os.as_ref()).is_some_and(|os| &*os.name == "windows")
    }

    /// Whether it can only be scheduled on Windows nodes.
    pub(crate) fn selects_windows(&self) -> bool {
        let selector = self.spec.as_ref().and_then(|spec| spec.node_selector.as_ref());
        selector.is_some_and(|selector| &*selector.os == "windows" || &*selector.beta_os == "windows")
    }

    /// The containers of a list, if the pod has that list.
    pub(crate) fn list(&self, list: List) -> Option<&[Object<Container<'a>>]> {
        let spec = self.spec.as_ref()?;
        match list {
            List::Init => spec.init_containers.as_deref(),
            List::Main => spec.containers.as_deref(),
        }
    }

    /// All containers, those that initialise first.
    pub(crate) fn containers(&self) -> impl Iterator<Item = &Object<Container<'a>>> {
        [List::Init, List::Main].into_iter().filter_map(|list| self.list(list)).flatten()
    }

    pub(crate) fn volumes(&self) -> &[Object<Volume<'a>>] {
        self.spec.as_ref().and_then(|spec| spec.volumes.as_deref()).unwrap_or_default()
    }
}

impl List {
    pub(crate) const fn member(self) -> &'static str {
        match self {
            Self::Init => "initContainers",
            Self::Main => "containers",
        }
    }
}
