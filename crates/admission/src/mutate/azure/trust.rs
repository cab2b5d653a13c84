//! The authority's CA, where it is a private one.

use serde_json::json;

use crate::{
    mutate::{Draft, Warning, draft::Additions, mounts::NewMount, variables::Variables},
    settings::TrustConfigMap,
};

const VOLUME: &str = "symbolon-trust";
const MOUNT_PATH: &str = "/var/run/secrets/symbolon/trust";
const FILE: &str = "/var/run/secrets/symbolon/trust/ca.crt";

/// The first three replace what a program trusts, the last one adds to it. Java reads none of them.
const VARIABLES: [&str; 4] = ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"];

/// The volume with the CA and the variables that name it.
#[derive(Debug)]
pub(super) struct Trust<'s> {
    config_map: &'s TrustConfigMap,
    is_there: bool,
    variables: Variables<'static>,
}

impl<'s> Trust<'s> {
    /// Nothing, and a warning, if the pod has another volume of that name.
    pub(super) fn new(draft: &mut Draft<'_>, config_map: &'s TrustConfigMap) -> Option<Self> {
        let volume = draft.pod.volumes().iter().find(|volume| &*volume.name == VOLUME);
        let is_there = volume.is_some();
        if volume.is_some_and(|volume| volume.config_map() != Some(&config_map.name)) {
            draft.warn(Warning::trust_volume_taken(VOLUME));
            return None;
        }
        let mut variables = Variables::default();
        for name in VARIABLES {
            variables.push(name, FILE);
        }
        Some(Self { config_map, is_there, variables })
    }

    /// Mounts the CA and names it, both or neither: a file that is not there would end all trust.
    pub(super) fn give(&self, draft: &mut Draft<'_>, slot: usize) {
        let container = draft.slots[slot].container;
        let mounts = || container.mounts().iter().filter(|mount| mount.is_within(MOUNT_PATH));
        // Where the author mounts it elsewhere, it is mounted here too: the variables name this path.
        if let Some(other) = mounts().find(|mount| &*mount.name != VOLUME) {
            draft.warn(Warning::mount_path_taken(&container.name, &other.name, MOUNT_PATH));
            return;
        }
        if mounts().next().is_none() {
            draft.slots[slot].additions.mounts.push(NewMount::new(VOLUME, MOUNT_PATH));
        }
        self.variables.give(draft, slot);
    }

    /// Gives a container that the pod gets everything.
    pub(super) fn give_all(&self, additions: &mut Additions<'_>) {
        self.variables.give_all(additions);
        additions.mounts.push(NewMount::new(VOLUME, MOUNT_PATH));
    }

    /// Adds the volume. A pod waits until its namespace has the ConfigMap, and the kubelet says so:
    /// a program that starts without its trust fails later, and nobody sees why.
    pub(super) fn finish(self, draft: &mut Draft<'_>) {
        if !self.is_there {
            let items = json!([{ "key": self.config_map.key, "path": "ca.crt" }]);
            draft.add_volume(json!({ "name": VOLUME, "configMap": { "name": self.config_map.name, "items": items } }));
        }
    }
}
