//! The authority's CA, where it is a private one.

use super::{cel, within};
use crate::{Settings, settings::TrustConfigMap};

const VOLUME: &str = "symbolon-trust";
const MOUNT_PATH: &str = "/var/run/secrets/symbolon/trust";
const FILE: &str = "/var/run/secrets/symbolon/trust/ca.crt";
const VARIABLES: [&str; 4] = ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"];

/// Whether the pod can have it: nobody else has a volume of that name.
pub(super) fn variables(settings: &Settings) -> Vec<(&'static str, String)> {
    let Some(trust) = &settings.trust else { return Vec::new() };
    let env: Vec<_> =
        VARIABLES.iter().map(|name| format!("{{'name': '{name}', 'value': {}}}", cel::text(FILE))).collect();
    vec![
        ("trustVolumes", format!("object.spec.?volumes.orValue([]).filter(volume, volume.name == '{VOLUME}')")),
        (
            "hasTrust",
            format!(
                "variables.trustVolumes.all(volume, volume.?configMap.?name.orValue('') == {})",
                cel::text(&trust.name)
            ),
        ),
        ("trustEnv", format!("[{}]", env.join(", "))),
    ]
}

pub(super) fn volume(settings: &Settings) -> String {
    let Some(TrustConfigMap { name, key }) = &settings.trust else { return String::new() };
    cel::fill(
        "+ (!variables.hasTrust || variables.trustVolumes.size() > 0 ? [] : [JSONPatch{op: 'add', path: '/spec/volumes/-', value: Object.spec.volumes{
      name: '<volume>',
      configMap: Object.spec.volumes.configMap{name: <name>, items: [Object.spec.volumes.configMap.items{key: <key>, path: 'ca.crt'}]}
    }}])",
        &[("volume", VOLUME), ("name", &cel::text(name)), ("key", &cel::text(key))],
    )
}

/// Whether something else lies where a container would have it.
fn is_taken() -> String {
    format!(
        "container.?volumeMounts.orValue([]).exists(mount, mount.name != '{VOLUME}' && {})",
        within("mount", &cel::text(MOUNT_PATH), "/symbolon")
    )
}

/// Mount and variables, both or neither: a file that is not there would end all trust.
pub(super) fn env(settings: &Settings) -> String {
    if settings.trust.is_none() {
        return String::new();
    }
    format!(" + (variables.hasTrust && !{} ? variables.trustEnv : [])", is_taken())
}

pub(super) fn mount(settings: &Settings, list: &str) -> String {
    if settings.trust.is_none() {
        return String::new();
    }
    let own = within("mount", &cel::text(MOUNT_PATH), "/symbolon");
    cel::fill(
        "+ (!variables.hasTrust || container.?volumeMounts.orValue([]).exists(mount, <own>) ? []
      : [JSONPatch{op: 'add', path: '/spec/<list>/' + string(index) + '/volumeMounts/-', value: Object.spec.<list>.volumeMounts{
        name: '<volume>', mountPath: '<path>', readOnly: true
      }}])",
        &[("own", &own), ("list", list), ("volume", VOLUME), ("path", MOUNT_PATH)],
    )
}
