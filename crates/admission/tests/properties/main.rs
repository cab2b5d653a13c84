//! What holds for every pod.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod pods;

use proptest::{prelude::*, sample::Index};
use serde_json::{Value, json};
use symbolon_admission::{Mutation, Pod, Refusal, Review, ServiceAccount, Settings};

/// The lists of containers, and the members of theirs that may grow.
const LISTS: [&str; 2] = ["initContainers", "containers"];
const GROWING: [&str; 2] = ["env", "volumeMounts"];

fn mutate(pod: &Value, account: &ServiceAccount, settings: &Settings) -> Result<Mutation, Refusal> {
    let raw = pod.to_string();
    Pod::parse(&raw).and_then(|pod| pod.mutate(account, settings))
}

fn patched(pod: &Value, mutation: &Mutation) -> Value {
    let mut pod = pod.clone();
    let patch: json_patch::Patch = serde_json::from_value(serde_json::to_value(&mutation.patch).unwrap()).unwrap();
    json_patch::patch(&mut pod, &patch).unwrap();
    pod
}

fn elements(list: &Value) -> &[Value] {
    list.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn is_volume_of_ours(element: &Value) -> bool {
    let name = element["name"].as_str().unwrap_or_default();
    name.starts_with("azure-workload-identity-reserved-")
        || ["azure-identity-token", "symbolon-trust", "aws-iam-token", "gcp-iam-token", "external-credential-config"]
            .contains(&name)
}

/// By its path, since the volume may be one that the author made.
fn is_mount_of_ours(mount: &Value) -> bool {
    let paths = [
        "/var/run/secrets/azure/wi",
        "/var/run/secrets/azure/tokens",
        "/var/run/secrets/symbolon/trust",
        "/var/run/secrets/eks.amazonaws.com/serviceaccount",
        "/var/run/secrets/sts.googleapis.com/serviceaccount",
        "/var/run/secrets/workload-identity",
    ];
    paths.iter().any(|path| mount["mountPath"] == *path) && mount["readOnly"] == true
}

/// `after` is `before` with elements of ours behind it; those of the reserved name may have changed.
fn grew(before: &Value, after: &Value, is_ours: impl Fn(&Value) -> bool) -> bool {
    let (before, after) = (elements(before), elements(after));
    let is_reserved = |element: &Value| {
        element["name"].as_str().is_some_and(|name| name.starts_with("azure-workload-identity-reserved-"))
    };
    before.len() <= after.len()
        && before.iter().zip(after).all(|(one, other)| one == other || is_reserved(one))
        && after[before.len()..].iter().all(is_ours)
}

fn is_variable_of_ours(element: &Value, before: &Value) -> bool {
    let name = element["name"].as_str().unwrap_or_default();
    let is_ours = [
        "AZURE_",
        "AWS_",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "CLOUDSDK_",
        "SSL_CERT_FILE",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "NODE_EXTRA_CA_CERTS",
    ]
    .iter()
    .any(|prefix| name.starts_with(prefix));
    is_ours && elements(before).iter().all(|variable| variable["name"] != name)
}

fn assert_same_container(before: &Value, after: &Value) -> Result<(), TestCaseError> {
    prop_assert!(grew(&before["env"], &after["env"], |variable| is_variable_of_ours(variable, &before["env"])));
    prop_assert!(grew(&before["volumeMounts"], &after["volumeMounts"], is_mount_of_ours));
    let rest = |container: &Value| {
        let mut rest = container.clone();
        for member in GROWING {
            if let Some(members) = rest.as_object_mut() {
                members.remove(member);
            }
        }
        rest
    };
    prop_assert_eq!(rest(before), rest(after));
    Ok(())
}

/// Asserts that only what may differ differs.
fn assert_same_pod(before: &Value, after: &Value) -> Result<(), TestCaseError> {
    let was_there = |name: &Value| {
        LISTS.iter().flat_map(|list| elements(&before["spec"][*list])).any(|container| container["name"] == *name)
    };
    for list in LISTS {
        let is_new = |container: &&Value| {
            let is_proxy = container["name"] == "azwi-proxy" || container["name"] == "azwi-proxy-init";
            is_proxy && !was_there(&container["name"])
        };
        let kept: Vec<_> = elements(&after["spec"][list]).iter().filter(|container| !is_new(container)).collect();
        let had = elements(&before["spec"][list]);
        prop_assert_eq!(kept.len(), had.len());
        for (before, after) in had.iter().zip(kept) {
            assert_same_container(before, after)?;
        }
    }
    // AWS's volume goes in front, as upstream's does.
    let mut volumes = after["spec"]["volumes"].clone();
    let aws_is_new = elements(&before["spec"]["volumes"]).iter().all(|volume| volume["name"] != "aws-iam-token");
    if let Some(volumes) = volumes.as_array_mut().filter(|_| aws_is_new) {
        volumes.retain(|volume| volume["name"] != "aws-iam-token");
    }
    prop_assert!(grew(&before["spec"]["volumes"], &volumes, is_volume_of_ours));
    let rest = |pod: &Value| {
        let mut rest = pod.clone();
        if let Some(spec) = rest["spec"].as_object_mut() {
            for member in ["initContainers", "containers", "volumes"] {
                spec.remove(member);
            }
        }
        if rest["spec"] == json!({}) {
            rest["spec"] = Value::Null;
        }
        if let Some(annotations) = rest["metadata"]["annotations"].as_object_mut() {
            annotations.remove("cloud.google.com/external-credentials-json");
        }
        if rest["metadata"]["annotations"] == json!({}) {
            rest["metadata"]["annotations"] = Value::Null;
        }
        rest
    };
    prop_assert_eq!(rest(before), rest(after));
    Ok(())
}

fn rename(pod: &mut Value, name: &str) {
    if !pod["metadata"].is_object() {
        pod["metadata"] = json!({});
    }
    pod["metadata"]["name"] = name.into();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_pod_is_the_patch_applies(pod in pods::any_pod(), account in pods::account(), settings in pods::settings()) {
        if let Ok(mutation) = mutate(&pod, &account, &settings) {
            patched(&pod, &mutation);
        }
    }

    #[test]
    fn only_what_may_differ_differs(pod in pods::pod(), account in pods::account(), settings in pods::settings()) {
        if let Ok(mutation) = mutate(&pod, &account, &settings) {
            assert_same_pod(&pod, &patched(&pod, &mutation))?;
        }
    }

    #[test]
    fn twice_is_once(pod in pods::pod(), account in pods::account(), settings in pods::settings()) {
        if let Ok(mutation) = mutate(&pod, &account, &settings) {
            let once = patched(&pod, &mutation);
            prop_assert_eq!(mutate(&once, &account, &settings).unwrap().patch, vec![]);
        }
    }

    #[test]
    fn twice_is_once_though_the_name_changed(pod in pods::pod(), account in pods::account(), settings in pods::settings(), name in "[a-z]{1,8}") {
        if let Ok(mutation) = mutate(&pod, &account, &settings) {
            let mut once = patched(&pod, &mutation);
            rename(&mut once, &name);
            prop_assert_eq!(mutate(&once, &account, &settings).unwrap().patch, vec![]);
        }
    }

    #[test]
    fn a_container_that_comes_in_between_is_all_that_changes(
        pod in pods::pod(),
        account in pods::account(),
        settings in pods::settings(),
        (list, at, name) in (proptest::sample::select(LISTS.to_vec()), any::<Index>(), proptest::option::of("[a-z]{1,8}")),
    ) {
        let Ok(mutation) = mutate(&pod, &account, &settings) else { return Ok(()) };
        let mut once = patched(&pod, &mutation);
        if !once["spec"].is_object() {
            once["spec"] = json!({});
        }
        if let Some(name) = name {
            rename(&mut once, &name);
        }
        let containers = &mut once["spec"][list];
        if !containers.is_array() {
            *containers = json!([]);
        }
        let containers = containers.as_array_mut().unwrap();
        let at = at.index(containers.len() + 1);
        containers.insert(at, json!({ "name": "in-between", "image": "sidecar" }));

        let again = mutate(&once, &account, &settings).unwrap();
        let own = format!("/spec/{list}/{at}/");
        for operation in serde_json::to_value(&again.patch).unwrap().as_array().unwrap() {
            prop_assert!(operation["path"].as_str().unwrap().starts_with(&own), "{}", operation);
        }
        // And what it gets is mounted from a volume that is there.
        let twice = patched(&once, &again);
        let volumes: Vec<_> = elements(&twice["spec"]["volumes"]).iter().map(|volume| &volume["name"]).collect();
        for mount in elements(&twice["spec"][list][at]["volumeMounts"]) {
            prop_assert!(volumes.contains(&&mount["name"]), "{}", mount);
        }
        prop_assert_eq!(mutate(&twice, &account, &settings).unwrap().patch, vec![]);
    }

    #[test]
    fn no_two_mounts_of_a_container_have_the_same_path(pod in pods::pod(), account in pods::account(), settings in pods::settings()) {
        if let Ok(mutation) = mutate(&pod, &account, &settings) {
            let pod = patched(&pod, &mutation);
            for container in LISTS.iter().flat_map(|list| elements(&pod["spec"][*list])) {
                let mut paths: Vec<_> = elements(&container["volumeMounts"]).iter().map(|mount| mount["mountPath"].to_string()).collect();
                let all = paths.len();
                paths.sort();
                paths.dedup();
                prop_assert_eq!(paths.len(), all);
            }
            let mut names: Vec<_> = elements(&pod["spec"]["volumes"]).iter().map(|volume| volume["name"].to_string()).collect();
            let all = names.len();
            names.sort();
            names.dedup();
            prop_assert_eq!(names.len(), all);
        }
    }

    #[test]
    fn no_bytes_make_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(review) = Review::parse(&bytes) {
            let _ = review.pod();
        }
        if let Ok(text) = std::str::from_utf8(&bytes) {
            let _ = Pod::parse(text);
        }
    }

    #[test]
    fn no_damage_to_a_pod_makes_a_panic(
        pod in pods::any_pod(),
        account in pods::account(),
        settings in pods::settings(),
        at in any::<Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = pod.to_string().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(text) = std::str::from_utf8(&bytes) && let Ok(pod) = Pod::parse(text) {
            let _ = pod.mutate(&account, &settings);
        }
    }
}

/// Byte for byte: a number that no type could hold, an escape that nobody needs, a member twice.
#[test]
fn what_is_not_read_is_not_even_looked_at() {
    let raw = r#"{"spec":{"x":1e999,"y":123456789012345678901234567890,"z":"\u0061\/","z":-0.0,
        "containers":[{"name":"\u0061pp","resources":{"x":1E400,"x":2}}]}}"#;
    let pod = Pod::parse(raw).unwrap();
    let settings = Settings::new("72f988bf-86f1-41af-91ab-2d7cd011db47", "https://login.example.com/");
    let mutation = pod.mutate(&ServiceAccount::default(), &settings).unwrap();
    let paths: Vec<_> = serde_json::to_value(&mutation.patch)
        .unwrap()
        .as_array()
        .unwrap()
        .iter()
        .map(|operation| operation["path"].clone())
        .collect();
    assert_eq!(paths, ["/spec/containers/0/env", "/spec/containers/0/volumeMounts", "/spec/volumes"]);
}

/// Else the properties would hold because nothing ever happens.
#[test]
fn most_pods_are_admitted_and_changed() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let cases = (pods::pod(), pods::account(), pods::settings());
    let changed = (0..500)
        .filter(|_| {
            let (pod, account, settings) = cases.new_tree(&mut runner).unwrap().current();
            mutate(&pod, &account, &settings).is_ok_and(|mutation| !mutation.patch.is_empty())
        })
        .count();
    assert!(changed > 250, "{changed} of 500");
}
