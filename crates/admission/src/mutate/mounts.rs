//! Mounts of volumes that are known by a fixed name.

use serde_json::{Value, json};

use super::{Draft, Warning};

/// Our own sidecar speaks to one cloud only, and so does its redirect.
pub(super) fn is_proxy(name: &str) -> bool {
    matches!(name, "azwi-proxy" | "azwi-proxy-init")
}

/// Mounts a volume, unless it is mounted already or something else is there.
pub(super) fn give(draft: &mut Draft<'_>, slot: usize, volume: &str, path: &str) {
    let container = draft.slots[slot].container;
    let mounts = container.mounts();
    if mounts.iter().any(|mount| &*mount.name == volume) {
        return;
    }
    match mounts.iter().find(|mount| mount.is_within(path)) {
        Some(other) => draft.warn(Warning::mount_path_taken(&container.name, &other.name, path)),
        None => draft.slots[slot].additions.mounts.push(value(volume, path)),
    }
}

pub(super) fn value(volume: &str, path: &str) -> Value {
    json!({ "name": volume, "mountPath": path, "readOnly": true })
}
