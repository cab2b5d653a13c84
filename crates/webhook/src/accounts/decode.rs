//! Accounts as the API server writes them, reduced while they are read.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use symbolon_admission::ServiceAccount;

/// One line of a watch.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Event<'a> {
    #[serde(rename = "type")]
    pub(crate) kind: EventKind,
    #[serde(borrow)]
    pub(crate) object: Object<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum EventKind {
    Added,
    Modified,
    Deleted,
    Bookmark,
    Error,
}

/// A service account, or the status in an error event.
#[derive(Debug, Default, serde::Deserialize)]
pub(crate) struct Object<'a> {
    #[serde(borrow, default)]
    pub(crate) metadata: Metadata<'a>,
    /// Only in a status.
    #[serde(default)]
    pub(crate) code: Option<u16>,
    /// Only in a status.
    #[serde(borrow, default)]
    pub(crate) message: Option<Cow<'a, str>>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metadata<'a> {
    #[serde(borrow, default)]
    pub(crate) namespace: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) name: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) resource_version: Cow<'a, str>,
    #[serde(borrow, default)]
    labels: Texts<'a>,
    #[serde(borrow, default)]
    annotations: Texts<'a>,
}

/// One page of a list.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Page<'a> {
    #[serde(borrow)]
    pub(crate) metadata: PageMetadata<'a>,
    #[serde(borrow, default = "Vec::new")]
    pub(crate) items: Vec<Object<'a>>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PageMetadata<'a> {
    #[serde(borrow)]
    pub(crate) resource_version: Cow<'a, str>,
    #[serde(borrow, default, rename = "continue")]
    pub(crate) next: Cow<'a, str>,
}

/// A map of texts, as pairs that borrow where they can. A null counts as empty.
#[derive(Debug, Default)]
struct Texts<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Texts<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Texts<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of texts")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Texts::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some((Text(key), Text(value))) = map.next_entry()? {
                    pairs.push((key, value));
                }
                Ok(Texts(pairs))
            }
        }
        deserializer.deserialize_any(Pairs)
    }
}

impl Texts<'_> {
    fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }
}

impl Metadata<'_> {
    /// What is kept of the account.
    pub(crate) fn account(&self) -> ServiceAccount {
        ServiceAccount::new(self.labels.pairs(), self.annotations.pairs())
    }

    /// Whether this bookmark says that the accounts so far are all that there are.
    pub(crate) fn ends_initial_events(&self) -> bool {
        self.annotations.pairs().any(|(key, value)| key == "k8s.io/initial-events-end" && value == "true")
    }
}

#[cfg(test)]
mod tests {
    use symbolon_admission::Key;

    use super::*;

    #[test]
    fn an_account_is_reduced_to_what_is_read_here() {
        let line = r#"{"type":"ADDED","object":{"kind":"ServiceAccount","apiVersion":"v1","metadata":{"name":"sa",
            "namespace":"ns","uid":"u","resourceVersion":"7","labels":null,"annotations":{"a\"b":"c\nd",
            "azure.workload.identity/client-id":"id"},"managedFields":[{"fieldsV1":{"f:metadata":{}}}]},
            "secrets":[{"name":"s"}],"newField":[1,{"a":null}]}}"#;
        let event: Event<'_> = serde_json::from_str(line).unwrap();
        assert_eq!(event.kind, EventKind::Added);
        assert_eq!((&*event.object.metadata.namespace, &*event.object.metadata.name), ("ns", "sa"));
        assert_eq!(event.object.metadata.resource_version, "7");
        assert_eq!(event.object.metadata.account().get(Key::ClientId), Some("id"));
    }

    #[test]
    fn an_error_event_carries_a_status() {
        let line = r#"{"type":"ERROR","object":{"kind":"Status","metadata":{},"code":410,"message":"too old"}}"#;
        let event: Event<'_> = serde_json::from_str(line).unwrap();
        assert_eq!((event.kind, event.object.code), (EventKind::Error, Some(410)));
        assert_eq!(event.object.message.as_deref(), Some("too old"));
    }

    #[test]
    fn the_bookmark_that_ends_the_initial_events_is_recognised() {
        let line = r#"{"type":"BOOKMARK","object":{"kind":"ServiceAccount","metadata":{"resourceVersion":"9",
            "annotations":{"k8s.io/initial-events-end":"true"}}}}"#;
        let event: Event<'_> = serde_json::from_str(line).unwrap();
        assert!(event.object.metadata.ends_initial_events());
    }

    #[test]
    fn a_page_without_items_is_empty() {
        let page: Page<'_> = serde_json::from_str(r#"{"metadata":{"resourceVersion":"3"}}"#).unwrap();
        assert!(page.items.is_empty() && page.metadata.next.is_empty());
    }
}
