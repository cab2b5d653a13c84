//! What people write into values: the names that they know are taken, what is wrong is said plainly.

use std::fs;

use symbolon_test_deploy::{Helm, workspace};

/// Every value that upstream's chart documents (v1.6.0), and what it has to lead to in the golden
/// file `upstream.yaml`, whose values set each of them.
const UPSTREAM: [(&str, &str); 35] = [
    ("azureTenantID", r#"value: "11111111-1111-1111-1111-111111111111""#),
    ("azureEnvironment", r#"value: "AzureUSGovernmentCloud""#),
    ("replicaCount", "replicas: 3"),
    ("image.repository", "registry.internal/symbolon:"),
    ("image.pullPolicy", "imagePullPolicy: Always"),
    ("image.release", "symbolon:9.9.9"),
    ("imagePullSecrets", "imagePullSecrets:\n  - name: registry"),
    ("serviceAccount.automountServiceAccountToken", "\nautomountServiceAccountToken: true"),
    ("nodeSelector", "pool: system"),
    ("resources", "memory: 60Mi"),
    ("tolerations", "key: CriticalAddonsOnly"),
    ("affinity", "key: kubernetes.azure.com/mode"),
    ("topologySpreadConstraints", "whenUnsatisfiable: DoNotSchedule"),
    ("priorityClassName", "priorityClassName: system-node-critical"),
    ("revisionHistoryLimit", "revisionHistoryLimit: 3"),
    ("service.type", "type: NodePort"),
    ("service.port", "port: 8443"),
    ("service.targetPort", "targetPort: 10443"),
    ("logLevel", "--log-level=debug"),
    ("metricsAddr", "--metrics-addr=0.0.0.0:18095"),
    ("metricsAddr", "containerPort: 18095"),
    ("metricsBackend", "--metrics-backend=prometheus"),
    ("mutatingWebhookAnnotations", r#"admissions.enforcer/disabled: "true""#),
    ("mutatingWebhookNamespaceSelector", "namespaceSelector:\n      matchLabels:\n        team: shop"),
    ("podLabels", "team: platform"),
    ("podAnnotations", r#"example.com/note: "yes""#),
    ("podDisruptionBudget.minAvailable", "minAvailable: 2"),
    ("customTokenEndpoint.annotationSuffix", "--custom-token-endpoint-annotation-suffix=identity-binding"),
    ("customTokenEndpoint.audience", "--custom-token-endpoint-audience=api://AKSIdentityBinding"),
    ("customTokenEndpoint.azureKubernetesSniName", "name: AZURE_KUBERNETES_SNI_NAME"),
    ("customTokenEndpoint.azureKubernetesTokenProxy", "name: AZURE_KUBERNETES_TOKEN_PROXY"),
    ("customTokenEndpoint.azureKubernetesCAConfigMapName", "name: AZURE_KUBERNETES_CA_CONFIGMAP_NAME"),
    ("extraEnv", "value: registry.internal/proxy:1"),
    ("extraVolumes", "name: more"),
    ("extraVolumeMounts", "mountPath: /more"),
];
/// Those that exclude one of the above.
const EXCLUDED: [&str; 4] = [
    "customTokenEndpoint.azureKubernetesCaData",
    "customTokenEndpoint.azureKubernetesCACTBSignerName",
    "customTokenEndpoint.azureKubernetesCACTBLabelSelector",
    "podDisruptionBudget.maxUnavailable",
];

#[test]
fn every_value_of_upstream_has_its_effect() {
    let golden = fs::read_to_string(workspace().join("tests/deploy/golden/upstream.yaml")).unwrap();
    for (value, effect) in UPSTREAM {
        assert!(golden.contains(effect), "{value} does not lead to `{effect}`");
    }
}

#[test]
fn every_value_of_upstream_is_known_to_the_schema() {
    let schema = workspace().join("deploy/charts/symbolon-webhook/values.schema.json");
    let schema: serde_json::Value = serde_json::from_str(&fs::read_to_string(schema).unwrap()).unwrap();
    for value in UPSTREAM.map(|(value, _)| value).into_iter().chain(EXCLUDED) {
        let pointer = format!("/properties/{}", value.replace('.', "/properties/"));
        assert!(schema.pointer(&pointer).is_some(), "{value} is not known");
    }
}

#[test]
fn values_that_exclude_those_of_the_golden_file_have_their_effects_too() {
    let Some(helm) = Helm::find() else { return };
    for (set, effect) in [
        (
            "customTokenEndpoint.azureKubernetesCaData=PEM",
            "name: AZURE_KUBERNETES_CA_DATA\n              value: \"PEM\"",
        ),
        ("customTokenEndpoint.azureKubernetesCACTBSignerName=s", "name: AZURE_KUBERNETES_CA_CTB_SIGNER_NAME"),
        ("customTokenEndpoint.azureKubernetesCACTBLabelSelector=s", "name: AZURE_KUBERNETES_CA_CTB_LABEL_SELECTOR"),
        ("podDisruptionBudget.maxUnavailable=1", "maxUnavailable: 1\n  #"),
        ("azureEnvironment=AzureChinaCloud", r#"value: "AzureChinaCloud""#),
        ("extraEnv[0].name=AZURE_ENVIRONMENT,extraEnv[0].value=AzureStackCloud", "value: AzureStackCloud"),
    ] {
        let rendered = helm.template(&["--set", "azureTenantID=tenant", "--set", set]).unwrap();
        assert!(rendered.contains(effect), "{set} does not lead to `{effect}`");
    }
}

#[test]
fn a_variable_stands_once_in_the_environment_though_extra_env_names_it_again() {
    let Some(helm) = Helm::find() else { return };
    let twice = "extraEnv[0].name=AZURE_ENVIRONMENT,extraEnv[0].value=AzureStackCloud";
    let rendered = helm.template(&["--set", "azureTenantID=tenant", "--set", twice]).unwrap();
    assert_eq!(rendered.matches("name: AZURE_ENVIRONMENT").count(), 1);
}

#[test]
fn what_is_wrong_is_said_plainly() {
    let Some(helm) = Helm::find() else { return };
    for (set, said) in [
        ("azureTenantID=", "A valid .Values.azureTenantID entry required!"),
        ("mode=polici", "at '/mode': value must be one of 'webhook', 'policy', 'both'"),
        ("replicas=3", "additional properties 'replicas' not allowed"),
        ("image.tag=1", "at '/image': additional properties 'tag' not allowed"),
        ("failurePolicy=fail", "at '/failurePolicy': value must be one of '', 'Fail', 'Ignore'"),
        ("timeoutSeconds=31", "at '/timeoutSeconds': maximum: got 31, want 30"),
        ("layout=v1.7", "at '/layout': value must be one of 'v1.6', 'v1.5'"),
        ("controller.heal=delete", "at '/controller/heal': value must be one of '', 'off', 'report', 'evict'"),
        ("service.targetPort=0", "at '/service/targetPort': minimum: got 0, want 1"),
        ("authorityHost=login.internal", "at '/authorityHost': 'login.internal' does not match pattern"),
        ("image.repository=mcr.microsoft.com/oss/azure/workload-identity/webhook", "is upstream's image"),
        ("podLabels.azure\\.workload\\.identity/use=yes", "would wait for themselves"),
        ("customTokenEndpoint.audience=a", "annotation suffix cannot be empty when audience is set"),
        ("customTokenEndpoint.annotationSuffix=a", "audience cannot be empty when annotation suffix is set"),
        ("certificates.source=secret", "certificates.secretName: with source `secret`"),
        ("certificates.source=secret,certificates.secretName=a", "certificates.caBundle: with source `secret`"),
        ("mode=policy,controller.enabled=false", "controller.enabled: mode policy needs the controller"),
        ("mode=policy,objectSelector.matchLabels.a=b", "objectSelector and matchConditions"),
        ("mode=policy,aws.enabled=true", "aws and gcp need the webhook (mode: both)"),
    ] {
        let error = helm.template(&["--set", "azureTenantID=tenant", "--set", set]).expect_err(set);
        assert!(error.to_string().contains(said), "{set} should give `{said}`, not `{error}`");
    }
}

#[test]
fn a_cluster_that_is_too_old_for_policies_is_told_so() {
    let Some(helm) = Helm::find() else { return };
    let old = ["--set", "azureTenantID=tenant,mode=policy", "--kube-version", "1.35.4"];
    let error = helm.template(&old).unwrap_err().to_string();
    assert!(error.contains("mode: policy needs Kubernetes 1.36"), "{error}");
    let older = ["--set", "azureTenantID=tenant,controller.heal=evict", "--kube-version", "1.29.0"];
    let error = helm.template(&older).unwrap_err().to_string();
    assert!(error.contains("controller.heal: evict needs Kubernetes 1.30"), "{error}");
    assert!(helm.template(&["--set", "azureTenantID=tenant", "--kube-version", "1.29.0"]).is_ok());
}

#[test]
fn every_value_is_explained() {
    let values = fs::read_to_string(workspace().join("deploy/charts/symbolon-webhook/values.yaml")).unwrap();
    let values: serde_json::Value = serde_saphyr::from_str(&values).unwrap();
    let guide = fs::read_to_string(workspace().join("docs/install.md")).unwrap();
    let table = guide.split("## Values").nth(1).unwrap().split("\n## ").next().unwrap();
    for name in values.as_object().unwrap().keys() {
        let is_there = [format!("`{name}`"), format!("`{name}.")].iter().any(|text| table.contains(text));
        assert!(is_there, "docs/install.md does not explain {name}");
    }
}

#[test]
fn the_chart_has_the_version_of_the_program() {
    let chart = fs::read_to_string(workspace().join("deploy/charts/symbolon-webhook/Chart.yaml")).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    assert!(
        chart.contains(&format!("\nversion: {version}\n")) && chart.contains(&format!("\nappVersion: {version}\n"))
    );
}
