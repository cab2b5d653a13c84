//! Policy mode against webhook mode: what is stored is the same, row by row of the conformance table.
//!
//! Each row's pod is created twice as a dry run: in a namespace with the policy of the row's
//! settings, and, after the webhook's patch, in one without. Only the volume's name may differ.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};
use kube::Client;
use serde_json::{Value, json};
use symbolon_webhook::admission::{
    Pod,
    policy::{Missing, Mode, PolicySettings, entry::entry, render},
};

use crate::{
    support::{apply, apply_namespace, cluster, dry_run, eventually, pod},
    table::{self, Case},
};

const CONFIG_MAP: &str = "comparison";
const PLAIN: &str = "comparison-plain";
const CONCURRENT: usize = 8;

/// Why a case is not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Excuse {
    /// The webhook's alone, in every mode.
    ProxySidecar,
    /// Another cloud's: the webhook's alone, and its settings are refused in mode `policy`.
    OtherCloud,
    /// Such a pod cannot be stored, whoever injects it.
    Invalid,
    /// Both refuse it; the words differ.
    RefusalText,
}

/// Rows that are not compared. Nothing else may be excused.
const EXCUSED: [(Excuse, &[&str]); 4] = [
    (Excuse::ProxySidecar, &["proxy: ", "trust: the proxy trusts the authority too"]),
    (Excuse::OtherCloud, &["aws: ", "gcp: "]),
    (
        Excuse::Invalid,
        &[
            "basics: a container whose name is null",
            "basics: a pod without a specification",
            "basics: ephemeral containers are left alone",
            "basics: no container at all",
            "basics: null instead of containers, as the API server writes an absent list",
            "variables: a source of a kind that is not known",
            "volumes: a mount of the reserved name that can be written is made ours",
        ],
    ),
    // Another kind is no pod for the API server either; the other one is 2^63 - 1 seconds.
    (Excuse::RefusalText, &["basics: another kind", "expiration: the largest number"]),
];

fn unexpected(excuse: Excuse, rows: &[&str]) -> Vec<String> {
    let expected = EXCUSED.iter().find(|(other, _)| *other == excuse).map_or(&[] as &[&str], |(_, rows)| rows);
    let rows = rows.iter().filter(|row| !expected.iter().any(|expected| row.starts_with(expected)));
    rows.map(|row| format!("{row}: not compared ({excuse:?}), which is not expected")).collect()
}

/// Cases of the same settings share a policy, which is bound to one namespace.
struct Group {
    namespace: String,
    cases: Vec<Case>,
}

fn groups() -> Vec<Group> {
    let mut groups: BTreeMap<String, Vec<Case>> = BTreeMap::new();
    for case in table::cases() {
        groups.entry(format!("{} {} {}", case.layout, case.selector, case.overrides)).or_default().push(case);
    }
    groups
        .into_values()
        .enumerate()
        .map(|(index, cases)| Group { namespace: format!("comparison-{index}"), cases })
        .collect()
}

impl Group {
    fn objects(&self) -> Vec<Value> {
        let settings = self.cases[0].settings();
        let other_cloud = is_of_other_clouds(&self.cases[0]);
        let policy = PolicySettings {
            // Mode `policy` refuses what the webhook alone can do, and says so.
            mode: if other_cloud { Mode::Both } else { Mode::Policy },
            missing: if other_cloud { Missing::Webhook } else { Missing::Deny },
            name: self.namespace.clone(),
            config_map: CONFIG_MAP.to_owned(),
            ..PolicySettings::default()
        };
        let mut objects = render(&settings, &policy).unwrap();
        objects.retain(|object| {
            let name = object["metadata"]["name"].as_str().unwrap();
            name == self.namespace || name == format!("{}-outcome", self.namespace)
        });
        for object in &mut objects {
            if object["kind"].as_str().unwrap().ends_with("Binding") {
                object["spec"]["matchResources"] = json!({"namespaceSelector": {
                    "matchLabels": {"kubernetes.io/metadata.name": self.namespace},
                }});
            }
        }
        objects
    }

    async fn set_up(&self, client: &Client) {
        apply_namespace(client, &self.namespace).await;
        let mut data: BTreeMap<String, String> = BTreeMap::from([("default".to_owned(), "1".to_owned())]);
        for (index, case) in self.cases.iter().enumerate() {
            if let Ok(entry) = entry(&case.account(), case.settings().selector) {
                data.insert(account_name(index), entry);
            }
        }
        let config_map = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": CONFIG_MAP, "namespace": self.namespace}, "data": data,
        });
        apply(client, &config_map).await;
        for object in self.objects() {
            apply(client, &object).await;
        }
        let accounts = stream::iter(0..self.cases.len()).map(|index| async move {
            let name = account_name(index);
            let account = |namespace: &str| {
                json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}})
            };
            apply(client, &account(&self.namespace)).await;
        });
        accounts.buffer_unordered(CONCURRENT).collect::<Vec<()>>().await;
    }

    /// Until the API server has taken notice of the policy and of its ConfigMap.
    async fn wait(&self, client: &Client) {
        let probe = pod("default");
        eventually("the policy works", || async {
            let answer = dry_run(client, &self.namespace, &probe).await;
            answer.is_ok_and(|pod| pod["spec"]["containers"][0]["env"].is_array())
                || self.cases[0].selector == "service-account-label"
        })
        .await;
    }
}

fn account_name(index: usize) -> String {
    format!("sa-{index}")
}

/// The row's pod as a user would send it: of its own account, and, where the label on the pod
/// decides, with that label, since otherwise the API server calls nobody.
fn request(case: &Case, index: usize) -> Value {
    let mut pod = case.pod.clone();
    pod["spec"]["serviceAccountName"] = account_name(index).into();
    if pod["spec"].get("automountServiceAccountToken").is_none() {
        // Its volume has a random name.
        pod["spec"]["automountServiceAccountToken"] = false.into();
    }
    if case.selector == "pod-label" && !is_of_other_clouds(case) {
        pod["metadata"]["labels"]["azure.workload.identity/use"] = "true".into();
    }
    if pod["metadata"].get("generateName").is_none() && pod["metadata"].get("name").is_none_or(|name| name == "") {
        pod["metadata"]["name"] = "pod".into();
    }
    if let Some(metadata) = pod["metadata"].as_object_mut() {
        metadata.remove("namespace");
    }
    pod
}

fn is_of_other_clouds(case: &Case) -> bool {
    let settings = case.settings();
    settings.aws.is_some() || settings.gcp.is_some()
}

/// What differs for good: the volume's name, and what is new with every pod.
fn comparable(mut pod: Value) -> Value {
    for name in ["uid", "creationTimestamp", "namespace", "managedFields", "generation"] {
        pod["metadata"].as_object_mut().unwrap().remove(name);
    }
    if pod["metadata"].get("generateName").is_some() {
        pod["metadata"]["name"] = "generated".into();
    }
    let spec = &mut pod["spec"];
    spec["serviceAccount"] = Value::Null;
    spec["serviceAccountName"] = Value::Null;
    rename(spec);
    pod
}

/// Gives every volume with upstream's prefix one name.
fn rename(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(name)) = members.get_mut("name")
                && name.starts_with("azure-workload-identity-reserved-")
            {
                "azure-workload-identity-reserved".clone_into(name);
            }
            members.values_mut().for_each(rename);
        }
        Value::Array(elements) => elements.iter_mut().for_each(rename),
        _ => {}
    }
}

fn is_for_other_clouds(patch: &Value) -> bool {
    let text = patch.to_string();
    ["AWS_", "amazonaws", "GOOGLE_", "google"].iter().any(|word| text.contains(word))
}

async fn compare(client: &Client, group: &Group, index: usize) -> Result<Option<Excuse>, String> {
    let case = &group.cases[index];
    let request = request(case, index);
    let settings = case.settings();
    let raw = request.to_string();
    let mutation = Pod::parse(&raw).and_then(|pod| pod.mutate(&case.account(), &settings));
    let by_policy = dry_run(client, &group.namespace, &request).await;
    let operations = mutation.as_ref().map(|mutation| serde_json::to_value(&mutation.patch).unwrap());
    if is_of_other_clouds(case) && operations.as_ref().map_or(true, is_for_other_clouds) {
        return Ok(Some(Excuse::OtherCloud));
    }
    let operations = match (operations, &by_policy) {
        (Ok(operations), Err(message)) if operations.to_string().contains("azwi-proxy") => {
            return if message.contains("mode both") { Ok(Some(Excuse::ProxySidecar)) } else { Err(message.clone()) };
        }
        (Ok(operations), _) => operations,
        (Err(refusal), Err(message)) if message.contains(&refusal.message) => return Ok(None),
        (Err(_), Err(message)) if message.contains("mode both") => return Ok(Some(Excuse::ProxySidecar)),
        (Err(_), Err(_)) => return Ok(Some(Excuse::RefusalText)),
        (Err(refusal), Ok(_)) => return Err(format!("the webhook refuses: {refusal}\nthe policy: {by_policy:?}")),
    };
    let mut patched = request.clone();
    let operations: json_patch::Patch = serde_json::from_value(operations).unwrap();
    json_patch::patch(&mut patched, &operations).unwrap();
    patched["spec"]["serviceAccountName"] = "default".into();
    let by_webhook = dry_run(client, PLAIN, &patched).await;
    match (by_policy, by_webhook) {
        (Err(policy), Err(_)) if !policy.contains("denied request") => Ok(Some(Excuse::Invalid)),
        (Ok(policy), Ok(webhook)) => {
            let (policy, webhook) = (comparable(policy), comparable(webhook));
            if policy == webhook { Ok(None) } else { Err(format!("policy  {policy}\nwebhook {webhook}")) }
        }
        (policy, webhook) => Err(format!("policy  {policy:?}\nwebhook {webhook:?}")),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_modes_store_the_same_pod() {
    let Some((_cluster, client)) = cluster().await else { return };
    apply_namespace(&client, PLAIN).await;
    let groups = groups();
    stream::iter(&groups).map(|group| group.set_up(&client)).buffer_unordered(CONCURRENT).collect::<Vec<()>>().await;
    stream::iter(&groups).map(|group| group.wait(&client)).buffer_unordered(CONCURRENT).collect::<Vec<()>>().await;
    // Where the account's label decides no pod tells whether the policy is there yet.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;

    let all = groups.iter().flat_map(|group| (0..group.cases.len()).map(move |index| (group, index)));
    let outcomes: Vec<_> = stream::iter(all)
        .map(|(group, index)| {
            let client = &client;
            async move { (&group.cases[index], compare(client, group, index).await) }
        })
        .buffer_unordered(CONCURRENT)
        .collect()
        .await;
    let mut excuses: BTreeMap<Excuse, Vec<&str>> = BTreeMap::new();
    let mut problems = Vec::new();
    let mut compared = 0;
    for (case, outcome) in &outcomes {
        match outcome {
            Ok(None) => compared += 1,
            Ok(Some(excuse)) => excuses.entry(*excuse).or_default().push(&case.row),
            Err(problem) => problems.push(format!("{} ({}, {})\n{problem}", case.row, case.layout, case.selector)),
        }
    }
    problems.sort();
    for (excuse, rows) in &excuses {
        println!("{excuse:?}: {} cases: {rows:?}", rows.len());
    }
    println!("compared {compared} of {} cases", outcomes.len());
    problems.extend(excuses.iter().flat_map(|(excuse, rows)| unexpected(*excuse, rows)));
    assert!(problems.is_empty(), "{} of {} cases:\n\n{}", problems.len(), outcomes.len(), problems.join("\n\n"));
}
