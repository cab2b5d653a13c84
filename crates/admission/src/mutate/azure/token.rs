//! The volume with the projected token.

use std::{borrow::Cow, collections::HashSet, fmt::Write};

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::{
    Pod, Refusal,
    mutate::{Draft, Warning, mounts::NewMount},
    pod::Volume,
    settings::{CustomTokenEndpoint, CustomTokenEndpointCa, Layout},
};

/// Upstream's prefix since v1.6.0; with 30 hexadecimal digits it makes 63 characters, which a volume's name may have.
const RESERVED_PREFIX: &str = "azure-workload-identity-reserved-";
const DIGITS: usize = 30;

/// Upstream's name up to v1.5.1.
const V15_NAME: &str = "azure-identity-token";

/// The volume that carries a pod's token.
#[derive(Debug)]
pub(super) struct TokenVolume<'p> {
    layout: Layout,
    name: Cow<'p, str>,
    origin: Origin,
}

/// Who made the volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// Nobody yet.
    New,
    /// An earlier injection; the index is the volume's.
    Injection(usize),
    /// The pod's author, with our token in it at our path. It is used and left as it is.
    Author,
}

impl<'p> TokenVolume<'p> {
    /// Finds the volume of an earlier injection, whatever name it has, or names a new one.
    ///
    /// An earlier injection is known by its source and its mount, not by a name made from the
    /// pod's: another webhook may have changed that in between. One in the other layout, by a
    /// webhook of another version, is as good; so the second of two webhooks finds the pod done.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] if the new volume's name is taken.
    pub(super) fn find(
        draft: &mut Draft<'p>,
        (layout, is_explicit): (Layout, bool),
        audience: &str,
    ) -> Result<Self, Refusal> {
        let pod = draft.pod;
        let found = match layout {
            Layout::V16 => find_v16(pod, audience),
            Layout::V15 => find_v15(pod),
        };
        if let Some(found) = found {
            found.warn(draft, audience);
            return Ok(found);
        }
        if !is_explicit && let Some(found) = find_other(pod, layout, audience) {
            return Ok(found);
        }
        let name = new_name(pod, layout);
        if pod.volumes().iter().any(|volume| *volume.name == name) {
            return Err(Refusal::new(format!(
                "volume {name:?} is no projected service account token; rename it, \
                 or annotate the pod with azure.workload.identity/layout: v1.6"
            )));
        }
        Ok(Self { layout, name, origin: Origin::New })
    }

    pub(super) fn layout(&self) -> Layout {
        self.layout
    }

    pub(super) fn new_mount(&self) -> NewMount<'p> {
        NewMount::new(self.name.clone(), self.layout.mount_path())
    }

    /// Mounts the volume in a container of the pod, unless something else is there.
    pub(super) fn mount(&self, draft: &mut Draft<'p>, slot: usize) {
        let slot = &mut draft.slots[slot];
        let (container, path) = (slot.container, self.layout.mount_path());
        let mounts = container.mounts();
        if let Some(other) = mounts.iter().find(|mount| *mount.name != self.name && mount.is_within(path)) {
            draft.warn(Warning::mount_path_taken(&container.name, &other.name, path));
            return;
        }
        let own = || mounts.iter().enumerate().filter(|(_, mount)| *mount.name == self.name);
        let at_path = own().find(|(_, mount)| mount.is_within(path));
        match (self.layout, self.origin) {
            // As upstream up to v1.5.1: a mount of that name is left where it is.
            (Layout::V15, Origin::New | Origin::Injection(_)) if own().next().is_some() => {}
            (_, Origin::Author) if at_path.is_some() => {}
            // As upstream since v1.6.0: a mount of that name is made ours.
            (Layout::V16, Origin::New | Origin::Injection(_)) => match at_path.or_else(|| own().next()) {
                Some((_, mount)) if mount.shows_at(path) && mount.is_read_only() => {}
                Some((index, _)) => slot.remounts.push((index, self.new_mount())),
                None => slot.additions.mounts.push(self.new_mount()),
            },
            _ => slot.additions.mounts.push(self.new_mount()),
        }
    }

    /// Adds the volume to the pod, or brings an injected one up to date.
    pub(super) fn finish(
        self,
        draft: &mut Draft<'_>,
        expiration: i64,
        audience: &str,
        endpoint: Option<&CustomTokenEndpoint>,
    ) {
        let sources = sources(self.layout, expiration, audience, endpoint);
        match (self.origin, self.layout) {
            (Origin::New, _) => draft.add_volume(json!({ "name": self.name, "projected": { "sources": sources } })),
            (Origin::Injection(index), Layout::V16) => {
                let volume = &draft.pod.volumes()[index];
                let present = volume.raw_sources().and_then(|raw| serde_json::from_str::<Value>(raw).ok());
                if present.as_ref() != Some(&sources) {
                    let replacement = json!({ "name": self.name, "projected": { "sources": sources } });
                    if !volume.holds_token(Layout::V16.token_path()) {
                        draft.warn(Warning::volume_replaced(&self.name));
                    }
                    draft.replace_volume(index, replacement);
                }
            }
            (Origin::Injection(_), Layout::V15) | (Origin::Author, _) => {}
        }
    }

    fn warn(&self, draft: &mut Draft<'_>, audience: &str) {
        let volume = draft.pod.volumes().iter().find(|volume| *volume.name == self.name);
        // In the other layout a volume with another audience is replaced, or not taken for ours.
        if self.layout == Layout::V15
            && volume.is_some_and(|volume| !volume.holds_token_for(self.layout.token_path(), audience))
        {
            draft.warn(Warning::token_audience_differs(&self.name, audience));
        }
    }
}

fn find_v16<'p>(pod: &'p Pod<'_>, audience: &str) -> Option<TokenVolume<'p>> {
    let layout = Layout::V16;
    let volumes = || pod.volumes().iter().enumerate();
    let name = new_name(pod, layout);
    let injected = volumes()
        .find(|(_, volume)| *volume.name == name)
        .or_else(|| volumes().find(|(_, volume)| is_injected_v16(volume)));
    if let Some((index, volume)) = injected {
        return Some(TokenVolume { layout, name: Cow::Borrowed(&volume.name), origin: Origin::Injection(index) });
    }
    let mounted = mounted(pod, layout);
    let (_, volume) = volumes()
        .find(|(_, volume)| volume.holds_token_for(layout.token_path(), audience) && mounted.contains(&*volume.name))?;
    Some(TokenVolume { layout, name: Cow::Borrowed(&volume.name), origin: Origin::Author })
}

/// As upstream up to v1.5.1: a token of that path is enough, wherever it is mounted and whoever it is for.
fn find_v15<'p>(pod: &'p Pod<'_>) -> Option<TokenVolume<'p>> {
    let layout = Layout::V15;
    let (index, volume) =
        pod.volumes().iter().enumerate().find(|(_, volume)| volume.holds_token(layout.token_path()))?;
    let origin = if &*volume.name == V15_NAME { Origin::Injection(index) } else { Origin::Author };
    Some(TokenVolume { layout, name: Cow::Borrowed(&volume.name), origin })
}

/// What a webhook that has the other layout injected.
fn find_other<'p>(pod: &'p Pod<'_>, layout: Layout, audience: &str) -> Option<TokenVolume<'p>> {
    let layout = match layout {
        Layout::V16 => Layout::V15,
        Layout::V15 => Layout::V16,
    };
    let mounted = mounted(pod, layout);
    let volume = pod
        .volumes()
        .iter()
        .find(|volume| volume.holds_token_for(layout.token_path(), audience) && mounted.contains(&*volume.name))?;
    Some(TokenVolume { layout, name: Cow::Borrowed(&volume.name), origin: Origin::Author })
}

fn is_injected_v16(volume: &Volume<'_>) -> bool {
    volume.name.starts_with(RESERVED_PREFIX) && volume.holds_token(Layout::V16.token_path())
}

/// The names of volumes that some container shows at the layout's path.
fn mounted<'p>(pod: &'p Pod<'_>, layout: Layout) -> HashSet<&'p str> {
    let mounts = pod.containers().flat_map(|container| container.mounts());
    mounts.filter(|mount| mount.shows_at(layout.mount_path())).map(|mount| &*mount.name).collect()
}

fn new_name(pod: &Pod<'_>, layout: Layout) -> Cow<'static, str> {
    match layout {
        Layout::V16 => Cow::Owned(reserved_name(pod)),
        Layout::V15 => Cow::Borrowed(V15_NAME),
    }
}

/// Upstream's name for the volume of this pod.
fn reserved_name(pod: &Pod<'_>) -> String {
    let hash = match pod.own_name() {
        Some(name) => digest(&SHA256, name.as_bytes()),
        None => digest(&SHA256, format!("{} (prefix)", pod.name()).as_bytes()),
    };
    let mut name = String::with_capacity(RESERVED_PREFIX.len() + DIGITS);
    name.push_str(RESERVED_PREFIX);
    for byte in &hash.as_ref()[..DIGITS / 2] {
        // Writing to a string cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    name
}

fn sources(layout: Layout, expiration: i64, audience: &str, endpoint: Option<&CustomTokenEndpoint>) -> Value {
    let mut sources = vec![json!({
        "serviceAccountToken": { "path": layout.token_path(), "expirationSeconds": expiration, "audience": audience }
    })];
    match endpoint.map(|endpoint| &endpoint.ca) {
        Some(CustomTokenEndpointCa::ConfigMap(name)) => sources.push(json!({
            "configMap": { "name": name, "items": [{ "key": "ca.crt", "path": Layout::CA_PATH }], "optional": false }
        })),
        Some(CustomTokenEndpointCa::ClusterTrustBundle { signer_name, label_selector }) => {
            let mut source = json!({ "signerName": signer_name, "path": Layout::CA_PATH, "optional": false });
            if let Some(selector) = label_selector {
                source["labelSelector"] = selector.clone();
            }
            sources.push(json!({ "clusterTrustBundle": source }));
        }
        Some(CustomTokenEndpointCa::None | CustomTokenEndpointCa::Data(_)) | None => {}
    }
    Value::Array(sources)
}

#[cfg(test)]
mod tests {
    use super::{Pod, reserved_name};

    #[test]
    fn the_names_are_upstreams() {
        for (metadata, digits) in [
            (r#"{"name":"pod"}"#, "425c89ed5bb78a7623fae60fd8a6f6"),
            (r#"{"name":"quick-start","generateName":"ignored-"}"#, "a94beddb35177ade9c5d04f292b481"),
            (r#"{"generateName":"my-deploy-5d8f7c9b4-"}"#, "ca1fbe3568184abd583d32e82d2190"),
            (r#"{"name":"","generateName":"my-deploy-5d8f7c9b4-"}"#, "ca1fbe3568184abd583d32e82d2190"),
        ] {
            let raw = format!(r#"{{"metadata":{metadata}}}"#);
            let name = reserved_name(&Pod::parse(&raw).unwrap());
            assert_eq!(name, format!("azure-workload-identity-reserved-{digits}"));
            assert_eq!(name.len(), 63);
        }
    }
}
