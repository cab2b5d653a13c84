//! The chart's admission policy is the one that `symbolon webhook policy` prints.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test")]

use serde_json::{Value, json};
use symbolon_admission::{
    Settings,
    policy::{Missing, Mode, PolicySettings, render},
    settings::{CustomTokenEndpoint, CustomTokenEndpointCa, Layout, Selector, TrustConfigMap},
};
use symbolon_test_deploy::Helm;

const TENANT: &str = "11111111-1111-1111-1111-111111111111";
const PUBLIC: &str = "https://login.microsoftonline.com/";

/// What the chart renders, without what it adds: its labels, and what is not of this API group's policies.
fn of_chart(helm: &Helm, values: &[&str]) -> Vec<Value> {
    let tenant = format!("azureTenantID={TENANT:?}");
    let all = [tenant.as_str()].into_iter().chain(values.iter().copied());
    let rendered = helm.template(&all.flat_map(|set| ["--set-json", set]).collect::<Vec<_>>()).unwrap();
    let objects: Vec<Value> = serde_saphyr::from_multiple(&rendered).unwrap();
    sorted(
        objects
            .into_iter()
            .filter(|object| object["kind"].as_str().is_some_and(|kind| kind.contains("AdmissionPolicy"))),
    )
}

/// By kind and name, and without labels: Helm has an order and labels of its own.
fn sorted(objects: impl IntoIterator<Item = Value>) -> Vec<Value> {
    let mut objects: Vec<_> = objects.into_iter().collect();
    for object in &mut objects {
        object["metadata"]["labels"] = Value::Null;
    }
    objects.sort_by_key(|object| format!("{} {}", object["kind"], object["metadata"]["name"]));
    objects
}

fn policy(mode: Mode) -> PolicySettings {
    PolicySettings {
        mode,
        missing: if mode == Mode::Policy { Missing::Deny } else { Missing::Webhook },
        name: "symbolon-webhook".to_owned(),
        excluded_namespaces: Vec::new(),
        controller_namespace: "symbolon-system".to_owned(),
        controller_account: "symbolon-webhook-controller".to_owned(),
        ..PolicySettings::default()
    }
}

fn endpoint(ca: CustomTokenEndpointCa) -> CustomTokenEndpoint {
    CustomTokenEndpoint {
        annotation_suffix: "identity-binding".to_owned(),
        audience: "api://AKSIdentityBinding".to_owned(),
        token_proxy: "https://kubernetes.default.svc".to_owned(),
        sni_name: "it's.internal".to_owned(),
        ca,
    }
}

const ENDPOINT: [&str; 4] = [
    r#"customTokenEndpoint.annotationSuffix="identity-binding""#,
    r#"customTokenEndpoint.audience="api://AKSIdentityBinding""#,
    r#"customTokenEndpoint.azureKubernetesTokenProxy="https://kubernetes.default.svc""#,
    r#"customTokenEndpoint.azureKubernetesSniName="it's.internal""#,
];

#[track_caller]
fn assert_same(helm: &Helm, values: &[&str], settings: &Settings, policy: &PolicySettings) {
    let (chart, renderer) = (of_chart(helm, values), sorted(render(settings, policy).unwrap()));
    let name = |object: &Value| format!("{} {}", object["kind"], object["metadata"]["name"]);
    assert_eq!(chart.iter().map(name).collect::<Vec<_>>(), renderer.iter().map(name).collect::<Vec<_>>());
    // Line by line: nobody finds a difference in two expressions of a thousand characters. Blank lines mean nothing
    // to CEL.
    for (chart, renderer) in chart.iter().zip(&renderer) {
        let (chart, renderer) = (lines(chart), lines(renderer));
        for (chart, renderer) in chart.iter().zip(&renderer) {
            assert_eq!(chart, renderer, "{values:?}");
        }
        assert_eq!(chart.len(), renderer.len(), "{values:?}");
    }
}

fn lines(object: &Value) -> Vec<String> {
    let text = serde_json::to_string_pretty(object).unwrap().replace("\\n", "\n");
    text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
}

#[test]
fn both_modes_and_what_makes_a_pod_one_to_inject() {
    let Some(helm) = Helm::find() else { return };
    let by_label = Settings::new(TENANT, PUBLIC);
    assert_same(&helm, &[r#"mode="policy""#], &by_label, &policy(Mode::Policy));
    assert_same(&helm, &[r#"mode="both""#], &by_label, &policy(Mode::Both));

    let by_account = Settings { selector: Selector::ServiceAccountLabel, ..by_label };
    let account = r#"selector="service-account-label""#;
    let excluded: Vec<_> = ["kube-system", "kube-node-lease", "symbolon-system"].map(str::to_owned).into();
    let named = PolicySettings { excluded_namespaces: excluded, ..policy(Mode::Policy) };
    assert_same(&helm, &[r#"mode="policy""#, account], &by_account, &named);
    let named = PolicySettings { mode: Mode::Both, missing: Missing::Webhook, ..named };
    assert_same(&helm, &[r#"mode="both""#, account], &by_account, &named);
}

#[test]
fn names_layout_and_a_private_authority() {
    let Some(helm) = Helm::find() else { return };
    let settings = Settings {
        audience: r"it's \an audience".to_owned(),
        layout: Layout::V15,
        trust: Some(TrustConfigMap { name: "authority-ca".to_owned(), key: "ca.pem".to_owned() }),
        ..Settings::new(TENANT, "https://login.internal:8443/")
    };
    let named = PolicySettings {
        name: "identity".to_owned(),
        config_map: "clients".to_owned(),
        excluded_namespaces: vec!["kube-system".to_owned()],
        controller_account: "identity-controller".to_owned(),
        ..policy(Mode::Policy)
    };
    let values = [
        r#"mode="policy""#,
        r#"audience="it's \\an audience""#,
        r#"layout="v1.5""#,
        r#"authorityHost="https://login.internal:8443""#,
        r#"trustConfigMap={"name":"authority-ca","key":"ca.pem"}"#,
        r#"fullnameOverride="identity""#,
        r#"policy.configMap="clients""#,
        r#"excludedNamespaces=["kube-system"]"#,
    ];
    assert_same(&helm, &values, &settings, &named);
}

#[test]
fn custom_token_endpoints_with_each_kind_of_ca() {
    let Some(helm) = Helm::find() else { return };
    let bundle = |label_selector| CustomTokenEndpointCa::ClusterTrustBundle {
        signer_name: "example.com/signer".to_owned(),
        label_selector,
    };
    let selector = json!({"matchExpressions": [{"key": "a", "operator": "In", "values": ["it's", "c"]}], "matchLabels": {"d": "e"}});
    let signer = r#"customTokenEndpoint.azureKubernetesCACTBSignerName="example.com/signer""#;
    let with_selector =
        format!("customTokenEndpoint.azureKubernetesCACTBLabelSelector={}", json!(selector.to_string()));
    let cases: [(&[&str], CustomTokenEndpointCa); 5] = [
        (&[], CustomTokenEndpointCa::None),
        (
            &[r#"customTokenEndpoint.azureKubernetesCaData="-----BEGIN\nx\n""#],
            CustomTokenEndpointCa::Data("-----BEGIN\nx\n".to_owned()),
        ),
        (
            &[r#"customTokenEndpoint.azureKubernetesCAConfigMapName="kube-root-ca.crt""#],
            CustomTokenEndpointCa::ConfigMap("kube-root-ca.crt".to_owned()),
        ),
        (&[signer], bundle(None)),
        (&[signer, &with_selector], bundle(Some(selector))),
    ];
    for (values, ca) in cases {
        let settings = Settings { custom_token_endpoint: Some(endpoint(ca)), ..Settings::new(TENANT, PUBLIC) };
        let values: Vec<_> = [r#"mode="both""#].into_iter().chain(ENDPOINT).chain(values.iter().copied()).collect();
        assert_same(&helm, &values, &settings, &policy(Mode::Both));
    }
}

#[test]
fn every_cloud_of_microsofts_has_its_authority() {
    let Some(helm) = Helm::find() else { return };
    for cloud in ["AzureUSGovernmentCloud", "AzureChinaCloud", "azuregermancloud"] {
        let authority = symbolon_admission::settings::authority_host_of_cloud(cloud).unwrap();
        let settings = Settings::new(TENANT, authority);
        let values = [r#"mode="policy""#.to_owned(), format!("azureEnvironment={cloud:?}")];
        assert_same(&helm, &values.each_ref().map(String::as_str), &settings, &policy(Mode::Policy));
    }
    let stack =
        helm.template(&["--set", "azureTenantID=tenant,mode=policy,azureEnvironment=AzureStackCloud"]).unwrap_err();
    assert!(stack.to_string().contains("mode policy needs authorityHost for AzureStackCloud"), "{stack}");
}
