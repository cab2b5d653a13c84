//! Pods, accounts and settings of every kind.

use std::collections::BTreeSet;

use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Map, Value, json};
use symbolon_admission::{
    ServiceAccount, Settings,
    settings::{Aws, CustomTokenEndpoint, CustomTokenEndpointCa, Gcp, Layout, Selector, TrustConfigMap},
};

pub(crate) const CLIENT_ID: &str = "11111111-2222-3333-4444-555555555555";
pub(crate) const AUDIENCE: &str = "api://AzureADTokenExchange";
pub(crate) const BINDING_AUDIENCE: &str = "api://AKSIdentityBinding";

/// What Kubernetes would take as a name, and what it would not.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => select(vec!["app", "b", "c", "init", "azwi-proxy", "azwi-proxy-init"]).prop_map(str::to_owned),
        1 => "[a-z~/ä\"\\\\]{0,6}",
    ]
}

/// Any JSON, in members that nobody here knows.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((".{0,5}", inner), 0..4).prop_map(|members| members.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

/// An object with unknown members beside the known ones.
fn object(known: Vec<(&'static str, BoxedStrategy<Option<Value>>)>) -> impl Strategy<Value = Value> {
    let (names, values): (Vec<_>, Vec<_>) = known.into_iter().unzip();
    (values, vec(("x[a-z~/é]{0,5}", json()), 0..2)).prop_map(move |(values, unknown)| {
        let known = names.iter().zip(values).filter_map(|(name, value)| Some(((*name).to_owned(), value?)));
        known.chain(unknown).collect::<Map<_, _>>().into()
    })
}

fn some(strategy: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Option<Value>> {
    strategy.prop_map(Some).boxed()
}

/// There, absent, or null.
fn maybe(strategy: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Option<Value>> {
    prop_oneof![6 => strategy.prop_map(Some), 3 => Just(None), 1 => Just(Some(Value::Null))].boxed()
}

fn text(texts: &[&'static str]) -> BoxedStrategy<Value> {
    select(texts.to_vec()).prop_map(Value::from).boxed()
}

fn list(element: impl Strategy<Value = Value>, most: usize) -> impl Strategy<Value = Value> {
    vec(element, 0..=most).prop_map(Value::from)
}

fn variable() -> impl Strategy<Value = Value> {
    let names = [
        "AZURE_CLIENT_ID",
        "AZURE_TENANT_ID",
        "AZURE_FEDERATED_TOKEN_FILE",
        "AZURE_AUTHORITY_HOST",
        "AZURE_KUBERNETES_CA_FILE",
        "AZURE_CLIENT_SECRET",
        "AWS_ROLE_ARN",
        "AWS_REGION",
        "AWS_STS_REGIONAL_ENDPOINTS",
        "SSL_CERT_FILE",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "PROXY_PORT",
        "A",
        "",
    ];
    object(vec![
        ("name", some(text(&names))),
        ("value", maybe(text(&["", "x", CLIENT_ID]))),
        ("valueFrom", option::weighted(0.1, Just(json!({ "fieldRef": { "fieldPath": "metadata.name" } }))).boxed()),
    ])
}

const VOLUMES: [&str; 6] =
    ["azure-identity-token", "symbolon-trust", "aws-iam-token", "gcp-iam-token", "external-credential-config", "data"];

fn mount() -> impl Strategy<Value = Value> {
    let paths = [
        "/var/run/secrets/azure/wi",
        "/var/run/secrets/azure/wi/",
        "/var/run/secrets/azure/wi/token",
        "/var/run/secrets/azure/tokens",
        "/var/run/secrets/azure",
        "/var/run/secrets/symbolon/trust",
        "/data",
        "",
        "/var/run/secrets/eks.amazonaws.com/serviceaccount",
        "/var/run/secrets/workload-identity",
    ];
    object(vec![
        ("name", some(text(&VOLUMES))),
        ("mountPath", some(text(&paths))),
        ("readOnly", option::of(any::<bool>().prop_map(Value::from)).boxed()),
        ("subPath", option::weighted(0.1, text(&["token"])).boxed()),
    ])
}

fn volume() -> impl Strategy<Value = Value> {
    let token = (select(vec!["token/azure-identity-token", "azure-identity-token", "token"]), select(vec![AUDIENCE, "o"]))
        .prop_map(|(path, audience)| json!({ "sources": [{ "serviceAccountToken": { "path": path, "audience": audience } }] }));
    let projected = prop_oneof![3 => token, 1 => Just(json!({})), 1 => Just(json!({ "sources": null }))];
    object(vec![
        ("name", some(text(&VOLUMES))),
        ("projected", option::of(projected).boxed()),
        ("configMap", option::weighted(0.2, Just(json!({ "name": "authority-ca" }))).boxed()),
    ])
}

fn container() -> impl Strategy<Value = Value> {
    let source = prop_oneof![
        Just(json!({ "configMapRef": { "name": "c" } })),
        Just(json!({ "prefix": "AZURE_", "secretRef": { "name": "s" } })),
    ];
    object(vec![
        ("name", some(name().prop_map(Value::from))),
        ("env", maybe(list(variable(), 3))),
        ("envFrom", maybe(list(source, 2))),
        ("volumeMounts", maybe(list(mount(), 3))),
    ])
}

fn entries(keys: Vec<(&'static str, Vec<&'static str>)>) -> impl Strategy<Value = Value> {
    let known =
        select(keys).prop_flat_map(|(key, values)| (Just(key.to_owned()), select(values).prop_map(str::to_owned)));
    let unknown = ("[a-z]{1,4}(/[a-z~]{1,4})?", ".{0,5}");
    vec(prop_oneof![3 => known, 1 => unknown], 0..5).prop_map(|entries| {
        entries.into_iter().map(|(key, value)| (key, Value::from(value))).collect::<Map<_, _>>().into()
    })
}

fn labels() -> impl Strategy<Value = Value> {
    entries(vec![
        ("azure.workload.identity/use", vec!["true", "true", "true", "false", "x"]),
        ("azure.workload.identity/client-id", vec![CLIENT_ID]),
    ])
}

fn annotations() -> impl Strategy<Value = Value> {
    entries(vec![
        ("azure.workload.identity/service-account-token-expiration", vec!["3600", "7200", "", "1h"]),
        ("azure.workload.identity/skip-containers", vec!["app", "b;", "app; c", "azwi-proxy", "nobody"]),
        ("azure.workload.identity/include-containers", vec!["app", "app;b", "", "nobody"]),
        ("azure.workload.identity/inject-proxy-sidecar", vec!["true", "true", "false", ""]),
        ("azure.workload.identity/proxy-sidecar-port", vec!["8000", "9000", "0", "x"]),
        ("azure.workload.identity/use-identity-binding", vec!["true", "false"]),
        ("azure.workload.identity/client-id", vec![CLIENT_ID, "", "x"]),
        ("azure.workload.identity/tenant-id", vec!["", "x"]),
        ("azure.workload.identity/layout", vec!["v1.5", "v1.6", "v2"]),
        ("eks.amazonaws.com/skip-containers", vec!["app,b"]),
        ("eks.amazonaws.com/token-expiration", vec!["10", "x"]),
        ("cloud.google.com/skip-containers", vec!["b"]),
        ("cloud.google.com/external-credentials-json", vec!["{}"]),
    ])
}

/// A pod that may be anything.
pub(crate) fn any_pod() -> impl Strategy<Value = Value> {
    let metadata = object(vec![
        ("name", maybe(name().prop_map(Value::from))),
        ("generateName", maybe(text(&["web-", ""]))),
        ("labels", maybe(labels())),
        ("annotations", maybe(annotations())),
    ]);
    let spec = object(vec![
        ("serviceAccountName", maybe(text(&["sa", ""]))),
        ("hostNetwork", option::weighted(0.1, any::<bool>().prop_map(Value::from)).boxed()),
        ("os", option::weighted(0.1, Just(json!({ "name": "windows" }))).boxed()),
        ("nodeSelector", option::weighted(0.1, Just(json!({ "kubernetes.io/os": "windows" }))).boxed()),
        ("initContainers", maybe(list(container(), 2))),
        ("containers", maybe(list(container(), 3))),
        ("volumes", maybe(list(volume(), 3))),
    ]);
    object(vec![
        ("kind", option::of(Just(Value::from("Pod"))).boxed()),
        ("metadata", maybe(metadata)),
        ("spec", maybe(spec)),
    ])
}

/// A pod in which names are unique where the API server wants them to be.
pub(crate) fn pod() -> impl Strategy<Value = Value> {
    any_pod().prop_map(|mut pod| {
        let spec = &mut pod["spec"];
        if !spec.is_object() {
            return pod;
        }
        unique(&mut spec["volumes"], "name", &mut BTreeSet::new());
        let mut seen = BTreeSet::new();
        for list in ["initContainers", "containers"] {
            unique(&mut spec[list], "name", &mut seen);
            for container in spec[list].as_array_mut().into_iter().flatten() {
                unique(&mut container["env"], "name", &mut BTreeSet::new());
                unique(&mut container["volumeMounts"], "mountPath", &mut BTreeSet::new());
            }
        }
        pod
    })
}

/// Leaves out elements whose key an earlier one has.
fn unique(list: &mut Value, key: &str, seen: &mut BTreeSet<String>) {
    if let Some(elements) = list.as_array_mut() {
        elements.retain(|element| seen.insert(element[key].to_string()));
    }
}

pub(crate) fn account() -> impl Strategy<Value = ServiceAccount> {
    let labels = option::weighted(0.8, Just(("azure.workload.identity/use", "true")));
    let annotations = vec(
        select(vec![
            ("azure.workload.identity/client-id", CLIENT_ID),
            ("azure.workload.identity/client-id", ""),
            ("azure.workload.identity/tenant-id", "contoso.com"),
            ("azure.workload.identity/service-account-token-expiration", "86400"),
            ("azure.workload.identity/skip-containers", "app"),
            ("eks.amazonaws.com/role-arn", "arn:aws:iam::111122223333:role/s3-reader"),
            ("eks.amazonaws.com/sts-regional-endpoints", "true"),
            (
                "cloud.google.com/workload-identity-provider",
                "projects/1/locations/global/workloadIdentityPools/p/providers/c",
            ),
            ("cloud.google.com/service-account-email", "app@project.iam.gserviceaccount.com"),
        ]),
        0..4,
    );
    (labels, annotations).prop_map(|(labels, annotations)| {
        let annotations: std::collections::BTreeMap<_, _> = annotations.into_iter().collect();
        ServiceAccount::new(labels, annotations)
    })
}

pub(crate) fn settings() -> impl Strategy<Value = Settings> {
    let endpoint = CustomTokenEndpoint {
        annotation_suffix: "identity-binding".to_owned(),
        audience: BINDING_AUDIENCE.to_owned(),
        token_proxy: "https://kubernetes.default.svc".to_owned(),
        sni_name: String::new(),
        ca: CustomTokenEndpointCa::ConfigMap("kube-root-ca.crt".to_owned()),
    };
    let trust = TrustConfigMap { name: "authority-ca".to_owned(), key: "bundle.pem".to_owned() };
    (
        select(vec![Layout::V16, Layout::V15]),
        select(vec![Selector::PodLabel, Selector::ServiceAccountLabel]),
        any::<bool>(),
        option::of(Just(endpoint)),
        option::of(Just(trust)),
        option::weighted(0.3, Just(Aws { region: "eu-west-1".to_owned(), ..Aws::default() })),
        option::weighted(0.3, Just(Gcp::default())),
    )
        .prop_map(|(layout, selector, native_sidecar, custom_token_endpoint, trust, aws, gcp)| {
            let mut settings = Settings::new("72f988bf-86f1-41af-91ab-2d7cd011db47", "https://login.example.com/");
            settings.proxy.native_sidecar = native_sidecar;
            Settings { layout, selector, custom_token_endpoint, trust, aws, gcp, ..settings }
        })
}
