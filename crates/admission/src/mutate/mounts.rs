//! Mounts of volumes that are known by a fixed name.

use std::borrow::Cow;

use serde::Serialize;

use super::{Draft, Warning};

/// A read-only mount of a whole volume, as it stands in a pod.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewMount<'p> {
    name: Cow<'p, str>,
    mount_path: &'static str,
    read_only: bool,
}

impl<'p> NewMount<'p> {
    pub(super) fn new(volume: impl Into<Cow<'p, str>>, path: &'static str) -> Self {
        Self { name: volume.into(), mount_path: path, read_only: true }
    }
}

/// Our own sidecar speaks to one cloud only, and so does its redirect.
pub(super) fn is_proxy(name: &str) -> bool {
    matches!(name, "azwi-proxy" | "azwi-proxy-init")
}

/// Mounts a volume, unless it is mounted already or something else is there.
pub(super) fn give(draft: &mut Draft<'_>, slot: usize, volume: &'static str, path: &'static str) {
    let container = draft.slots[slot].container;
    let mounts = container.mounts();
    if mounts.iter().any(|mount| &*mount.name == volume) {
        return;
    }
    match mounts.iter().find(|mount| mount.is_within(path)) {
        Some(other) => draft.warn(Warning::mount_path_taken(&container.name, &other.name, path)),
        None => draft.slots[slot].additions.mounts.push(NewMount::new(volume, path)),
    }
}
