//! What stands in one ConfigMap.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

/// A ConfigMap's data may have 1 MiB.
const DATA_BYTES: usize = 1_000_000;
/// etcd takes 1.5 MiB for the whole object, in which the API server notes every key a second time.
const OBJECT_BYTES: usize = 1_400_000;
/// What the API server writes around such a key, and what frames a key and its value.
const KEY_OVERHEAD: usize = 16;
/// The guard looks at every entry, and the cost of an expression is limited.
const ENTRIES: usize = 25_000;

/// The entries of one namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) data: BTreeMap<String, String>,
    /// Accounts for which there was no room.
    pub(super) dropped: usize,
}

impl Contents {
    /// As many entries as a ConfigMap takes.
    ///
    /// Where not all have room, accounts with an identity come before those without: a pod of the
    /// others would get no client id anyway.
    pub(super) fn of<'a>(accounts: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Self {
        let mut room = Room::default();
        let mut contents = Self::default();
        if !accounts.clone().all(|(name, entry)| room.takes(name, entry)) {
            room = Room::default();
            let has_identity =
                |entry: &str| !entry.is_empty() && entry != symbolon_admission::policy::entry::UNSELECTED;
            let (first, then): (Vec<_>, Vec<_>) = accounts.partition(|(_, entry)| has_identity(entry));
            for (name, entry) in first.into_iter().chain(then) {
                if room.takes(name, entry) {
                    contents.data.insert(name.to_owned(), entry.to_owned());
                } else {
                    contents.dropped += 1;
                }
            }
            return contents;
        }
        contents.data = accounts.map(|(name, entry)| (name.to_owned(), entry.to_owned())).collect();
        contents
    }

    pub(super) fn digest(&self) -> Digest {
        Digest::of(&self.data)
    }
}

/// Tells whether a ConfigMap holds what it should, without keeping what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Digest(u64);

impl Digest {
    pub(super) fn of(data: &BTreeMap<String, String>) -> Self {
        let mut hasher = DefaultHasher::new();
        data.hash(&mut hasher);
        Self(hasher.finish())
    }

    /// Of a ConfigMap that must not stay as it is, whatever its data.
    pub(super) const FOREIGN: Self = Self(0);
}

#[derive(Default)]
struct Room {
    data: usize,
    object: usize,
    entries: usize,
}

impl Room {
    fn takes(&mut self, name: &str, entry: &str) -> bool {
        let data = self.data + name.len() + entry.len();
        let object = self.object + 2 * name.len() + entry.len() + 2 * KEY_OVERHEAD;
        if data > DATA_BYTES || object > OBJECT_BYTES || self.entries >= ENTRIES {
            return false;
        }
        *self = Self { data, object, entries: self.entries + 1 };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_with_an_identity_have_room_first() {
        let accounts: Vec<_> = (0..30_000)
            .map(|index| (format!("a{index:05}"), if index % 3 == 0 { "1".repeat(36) } else { String::new() }))
            .collect();
        let contents = Contents::of(accounts.iter().map(|(name, entry)| (name.as_str(), entry.as_str())));
        assert_eq!(contents.data.values().filter(|entry| !entry.is_empty()).count(), 10_000);
        assert_eq!(contents.data.len() + contents.dropped, 30_000);
        assert!(contents.dropped > 0);
    }

    #[test]
    fn the_digest_tells_contents_apart() {
        let one = Contents::of([("a", "1")].into_iter());
        let other = Contents::of([("a", "2")].into_iter());
        assert_ne!(one.digest(), other.digest());
        assert_eq!(one.digest(), Contents::of([("a", "1")].into_iter()).digest());
    }
}
