//! The conformance table: rows of (pod, service account, settings) to (patch or refusal, and warnings).
//!
//! It needs `serde_json` and `symbolon_admission` only, so that tests of other crates can include it by its path.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::{Map, Value};
use symbolon_admission::{
    ServiceAccount, Settings,
    settings::{Aws, CustomTokenEndpoint, CustomTokenEndpointCa, Gcp, Layout, Selector, TrustConfigMap},
};

/// One row, for one layout and one selector.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// File and name: what a failing test prints.
    pub(crate) row: String,
    /// Where in the reference it stands, or that it differs on purpose.
    pub(crate) why: String,
    /// `v1.6` or `v1.5`.
    pub(crate) layout: String,
    /// `pod-label` or `service-account-label`.
    pub(crate) selector: String,
    /// What differs from the default settings, as it stands in the file.
    pub(crate) overrides: Value,
    /// The account's labels.
    pub(crate) labels: BTreeMap<String, String>,
    /// The account's annotations.
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) pod: Value,
    /// The patch, or the refusal's message.
    pub(crate) expected: Result<Vec<Value>, String>,
    /// Reasons, sorted.
    pub(crate) warnings: Vec<String>,
}

impl Case {
    pub(crate) fn account(&self) -> ServiceAccount {
        ServiceAccount::new(borrowed(&self.labels), borrowed(&self.annotations))
    }

    pub(crate) fn settings(&self) -> Settings {
        let overrides = &self.overrides;
        let text = |value: &Value, default: &str| value.as_str().unwrap_or(default).to_owned();
        let mut settings = Settings::new(
            text(&overrides["tenantId"], "72f988bf-86f1-41af-91ab-2d7cd011db47"),
            text(&overrides["authorityHost"], "https://login.microsoftonline.com/"),
        );
        settings.audience = text(&overrides["audience"], &settings.audience);
        settings.layout = if self.layout == "v1.5" { Layout::V15 } else { Layout::V16 };
        settings.selector = match &*self.selector {
            "service-account-label" => Selector::ServiceAccountLabel,
            _ => Selector::PodLabel,
        };
        settings.custom_token_endpoint = custom_token_endpoint(&overrides["customTokenEndpoint"]);
        let proxy = &overrides["proxy"];
        settings.proxy.image = text(&proxy["image"], "proxy:v1");
        settings.proxy.init_image = text(&proxy["initImage"], "proxy-init:v1");
        settings.proxy.log_level = text(&proxy["logLevel"], "info");
        settings.proxy.native_sidecar = proxy["nativeSidecar"] == true;
        settings.proxy.resources = proxy.get("resources").cloned();
        settings.proxy.init_resources = proxy.get("initResources").cloned();
        settings.proxy.seccomp_profile = proxy.get("seccompProfile").cloned();
        settings.trust = overrides
            .get("trust")
            .map(|trust| TrustConfigMap { name: text(&trust["name"], ""), key: text(&trust["key"], "") });
        settings.aws = overrides.get("aws").map(|aws| Aws {
            region: text(&aws["region"], ""),
            regional_sts: aws["regionalSts"] == true,
            token_expiration: aws["tokenExpiration"].as_i64().unwrap_or(86400),
            ..Aws::default()
        });
        settings.gcp = overrides.get("gcp").map(|gcp| Gcp {
            workload_identity_provider: text(&gcp["workloadIdentityProvider"], ""),
            audience: text(&gcp["audience"], "sts.googleapis.com"),
            ..Gcp::default()
        });
        settings
    }
}

fn borrowed(entries: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
    entries.iter().map(|(key, value)| (&**key, &**value))
}

fn custom_token_endpoint(value: &Value) -> Option<CustomTokenEndpoint> {
    let text = |name: &str| value[name].as_str().unwrap_or_default();
    let ca = CustomTokenEndpointCa::new(
        text("caData"),
        text("caConfigMapName"),
        text("caCtbSignerName"),
        text("caCtbLabelSelector"),
    );
    CustomTokenEndpoint::new(
        text("annotationSuffix"),
        text("audience"),
        text("tokenProxy"),
        text("sniName"),
        ca.expect("a row has one CA at most"),
    )
    .expect("a row has an endpoint that can be")
}

/// How many rows the table has, each counted once.
pub(crate) fn count() -> usize {
    files().iter().map(|(_, file)| rows(file).len()).sum()
}

/// Every row, for each layout and selector that it is meant for.
pub(crate) fn cases() -> Vec<Case> {
    let definitions = read(&directory().join("definitions.json"));
    let mut cases = Vec::new();
    for (topic, file) in files() {
        for row in rows(&file) {
            for layout in names(&row["layouts"], &["v1.6", "v1.5"]) {
                for selector in names(&row["selectors"], &["pod-label", "service-account-label"]) {
                    cases.push(case(&topic, row, &layout, &selector, &definitions));
                }
            }
        }
    }
    cases
}

fn case(topic: &str, row: &Value, layout: &str, selector: &str, definitions: &Value) -> Case {
    let name = row["name"].as_str().expect("a row has a name");
    let known = ["name", "why", "layouts", "selectors", "settings", "account", "pod", "patch", "refusal", "warnings"];
    let unknown = row.as_object().expect("a row is an object").keys().find(|key| !known.contains(&key.as_str()));
    assert_eq!(unknown, None, "{topic}: {name}: an unknown member");

    let resolve = |value: &Value| resolve(value, definitions, layout);
    let account = resolve(row.get("account").unwrap_or(&Value::from("@account")));
    let entries = |value: &Value| {
        let entries = value.as_object().into_iter().flatten();
        entries.map(|(key, value)| (key.clone(), value.as_str().expect("a text").to_owned())).collect()
    };
    let expected = match (row.get("patch"), row["refusal"].as_str()) {
        (Some(patch), None) => Ok(resolve(patch).as_array().expect("a patch is a list").clone()),
        (None, Some(refusal)) => Err(refusal.to_owned()),
        _ => panic!("{topic}: {name}: one of patch and refusal"),
    };
    let mut warnings = names(&row["warnings"], &[]);
    warnings.sort();
    Case {
        row: format!("{topic}: {name}"),
        why: row["why"].as_str().expect("a row has a reason").to_owned(),
        layout: layout.to_owned(),
        selector: selector.to_owned(),
        overrides: row.get("settings").map_or_else(|| Value::Object(Map::new()), resolve),
        labels: entries(&account["labels"]),
        annotations: entries(&account["annotations"]),
        pod: resolve(&row["pod"]),
        expected,
        warnings,
    }
}

/// Puts definitions in the place of the strings that name them.
fn resolve(value: &Value, definitions: &Value, layout: &str) -> Value {
    let definition = |value: &Value| {
        let name = value.as_str()?.strip_prefix('@')?;
        let found = [layout, "both"].into_iter().find_map(|part| definitions[part].get(name));
        Some(resolve(found.unwrap_or_else(|| panic!("@{name} is not defined")), definitions, layout))
    };
    match value {
        Value::String(_) => definition(value).unwrap_or_else(|| value.clone()),
        Value::Array(elements) => elements
            .iter()
            .flat_map(|element| match definition(element) {
                Some(Value::Array(spliced)) => spliced,
                Some(defined) => vec![defined],
                None => vec![resolve(element, definitions, layout)],
            })
            .collect(),
        Value::Object(members) => {
            members.iter().map(|(key, value)| (key.clone(), resolve(value, definitions, layout))).collect()
        }
        _ => value.clone(),
    }
}

fn directory() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../admission/tests/conformance/rows"))
}

/// The files with rows, by their topics, in order.
fn files() -> Vec<(String, Value)> {
    let entries = fs::read_dir(directory()).expect("the rows are there");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("the rows can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| (path.file_stem().expect("a name").to_string_lossy().into_owned(), path))
        .filter(|(topic, _)| topic != "definitions")
        .map(|(topic, path)| (topic, read(&path)))
        .collect();
    files.sort_by(|(one, _), (other, _)| one.cmp(other));
    files
}

fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).expect("a file of rows can be read");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn rows(file: &Value) -> &[Value] {
    file["rows"].as_array().expect("a file has rows")
}

fn names(value: &Value, default: &[&str]) -> Vec<String> {
    match value.as_array() {
        Some(names) => names.iter().map(|name| name.as_str().expect("a name").to_owned()).collect(),
        None => default.iter().map(|name| (*name).to_owned()).collect(),
    }
}
