//! From the body of a request to the body of its answer.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test")]

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use symbolon_admission::{Mutation, Pod, Refusal, Review, ServiceAccount, Settings, review::InvalidReview};

const CLIENT_ID: &str = "11111111-2222-3333-4444-555555555555";

fn settings() -> Settings {
    Settings::new("72f988bf-86f1-41af-91ab-2d7cd011db47", "https://login.microsoftonline.com/")
}

fn account() -> ServiceAccount {
    ServiceAccount::new([], [("azure.workload.identity/client-id", CLIENT_ID)])
}

fn body(api_version: &str, pod: &Value) -> Vec<u8> {
    json!({
        "kind": "AdmissionReview",
        "apiVersion": api_version,
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": { "group": "", "version": "v1", "kind": "Pod" },
            "resource": { "group": "", "version": "v1", "resource": "pods" },
            "namespace": "ns",
            "operation": "CREATE",
            "userInfo": { "username": "system:serviceaccount:kube-system:replicaset-controller" },
            "object": pod,
            "oldObject": null,
            "dryRun": false,
            "options": { "kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1" }
        }
    })
    .to_string()
    .into_bytes()
}

fn pod() -> Value {
    json!({
        "kind": "Pod", "apiVersion": "v1",
        "metadata": { "generateName": "web-", "labels": { "azure.workload.identity/use": "true" } },
        "spec": { "serviceAccountName": "sa", "containers": [{ "name": "app", "image": "app" }] }
    })
}

fn answer(body: &[u8]) -> Value {
    let review = Review::parse(body).unwrap();
    let raw = review.pod().unwrap().unwrap();
    let bytes = match Pod::parse(raw).and_then(|pod| pod.mutate(&account(), &settings())) {
        Ok(mutation) => review.allow(&mutation),
        Err(refusal) => review.refuse(&refusal),
    };
    serde_json::from_slice(&bytes).unwrap()
}

#[test]
fn a_labelled_pod_is_patched_in_the_version_that_was_asked_in() {
    for version in ["admission.k8s.io/v1", "admission.k8s.io/v1beta1"] {
        let answer = answer(&body(version, &pod()));
        assert_eq!(answer["apiVersion"], version);
        assert_eq!(answer["kind"], "AdmissionReview");
        let response = &answer["response"];
        assert_eq!(response["uid"], "705ab4f5-6393-11e8-b7cc-42010a800002");
        assert_eq!(response["allowed"], true);
        assert_eq!(response["status"], json!({ "code": 200 }));
        assert_eq!(response["patchType"], "JSONPatch");
        let patch = BASE64_STANDARD.decode(response["patch"].as_str().unwrap()).unwrap();
        let patch: Value = serde_json::from_slice(&patch).unwrap();
        assert_eq!(patch[0]["op"], "add");
        assert_eq!(patch[0]["path"], "/spec/containers/0/env");
        assert_eq!(patch[0]["value"][0], json!({ "name": "AZURE_CLIENT_ID", "value": CLIENT_ID }));
    }
}

#[test]
fn without_operations_there_is_neither_patch_nor_patch_type() {
    let body = body("admission.k8s.io/v1", &pod());
    let review = Review::parse(&body).unwrap();
    let answer = review.allow(&Mutation::default());
    assert_eq!(
        String::from_utf8(answer).unwrap(),
        r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"705ab4f5-6393-11e8-b7cc-42010a800002","allowed":true,"status":{"code":200}}}"#
    );
}

#[test]
fn a_refusal_has_a_code_and_a_message() {
    let mut pod = pod();
    pod["metadata"]["annotations"] = json!({ "azure.workload.identity/service-account-token-expiration": "60" });
    let answer = answer(&body("admission.k8s.io/v1", &pod));
    assert_eq!(
        answer["response"],
        json!({
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "allowed": false,
            "status": {
                "code": 400,
                "message": "token expiration 60 not valid. Expected value to be between 3600 and 86400"
            }
        })
    );
}

#[test]
fn warnings_are_few_and_short_and_their_reasons_are_audited() {
    let mut pod = pod();
    let names: Vec<String> = (0..20).map(|index| format!("{}{index}\n", "ü".repeat(300))).collect();
    pod["metadata"]["annotations"] = json!({ "azure.workload.identity/skip-containers": names.join(";") });
    let answer = answer(&body("admission.k8s.io/v1", &pod));
    let warnings = answer["response"]["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 1, "the names are the same as far as they are shown");
    assert!(warnings.iter().all(|warning| warning.as_str().unwrap().chars().count() <= 256));
    assert!(warnings.iter().all(|warning| !warning.as_str().unwrap().contains(char::is_control)));
    assert_eq!(answer["response"]["auditAnnotations"], json!({ "warnings": "UnknownContainer" }));

    let names: Vec<String> = (0..20).map(|index| format!("c{index}")).collect();
    pod["metadata"]["annotations"] = json!({ "azure.workload.identity/skip-containers": names.join(";") });
    let answer = self::answer(&body("admission.k8s.io/v1", &pod));
    let warnings = answer["response"]["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 13);
    assert_eq!(warnings[12], "8 more warnings are not shown");
}

/// Admission comes before the limits of the API server. With one step of work for each pair of
/// elements each of these would take minutes.
#[test]
fn a_pod_of_very_many_elements_is_answered() {
    const MANY: usize = 40_000;
    let names = || (0..MANY).map(|index| format!("n{index}"));
    let entries = |prefix: &str, value: &str| -> Value {
        names().map(|name| (format!("{prefix}{name}"), value.into())).collect::<serde_json::Map<_, _>>().into()
    };
    let mut annotations = pod();
    annotations["metadata"]["annotations"] = entries("azure.workload.identity/", "");
    let mut skipped = pod();
    skipped["metadata"]["annotations"] =
        json!({ "azure.workload.identity/skip-containers": names().collect::<Vec<_>>().join(";") });
    skipped["spec"]["containers"] = names().map(|name| json!({ "name": name })).collect();
    let mut volumes = pod();
    let token = json!([{ "serviceAccountToken": { "path": "token/azure-identity-token", "audience": "api://AzureADTokenExchange" } }]);
    volumes["spec"]["volumes"] =
        names().map(|name| json!({ "name": name, "projected": { "sources": token } })).collect();
    volumes["spec"]["containers"][0]["volumeMounts"] = names()
        .map(|name| json!({ "name": format!("other-{name}"), "mountPath": "/var/run/secrets/azure/wi" }))
        .collect();
    let mut variables = pod();
    variables["spec"]["containers"][0]["env"] = names().map(|name| json!({ "name": name, "value": "" })).collect();
    variables["spec"]["containers"][0]["envFrom"] =
        names().map(|name| json!({ "configMapRef": { "name": name } })).collect();
    for pod in [annotations, skipped, volumes, variables] {
        let answer = answer(&body("admission.k8s.io/v1", &pod));
        assert_eq!(answer["response"]["allowed"], true);
    }
}

#[test]
fn what_is_no_review_is_said_to_be_none() {
    assert_eq!(Review::parse(b"").unwrap_err().to_string(), "request body is empty");
    for (body, expected) in [
        (&b"{"[..], "cannot read the AdmissionReview: EOF while parsing an object at line 1 column 1"),
        (b"\xff", "cannot read the AdmissionReview: invalid utf-8 sequence of 1 bytes from index 0"),
        (b"{}", "expected an AdmissionReview of admission.k8s.io/v1 or v1beta1, got `` of ``"),
        (
            br#"{"apiVersion":"admission.k8s.io/v2","kind":"AdmissionReview","request":{}}"#,
            "expected an AdmissionReview of admission.k8s.io/v1 or v1beta1, got `AdmissionReview` of `admission.k8s.io/v2`",
        ),
        (
            br#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{}}"#,
            "the AdmissionReview has no request",
        ),
        (
            br#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"1","uid":"2"}}"#,
            "cannot read the AdmissionReview: duplicate field `uid` at line 1 column 87",
        ),
    ] {
        let error = Review::parse(body).unwrap_err();
        assert_eq!(error.to_string(), expected);
        let answer: Value = serde_json::from_slice(&error.answer()).unwrap();
        assert_eq!(answer["response"]["allowed"], false);
        assert_eq!(answer["response"]["status"], json!({ "code": 400, "message": expected }));
    }
    assert_eq!(Review::parse(b"").unwrap_err(), InvalidReview::Empty);
}

fn request(member: &str, value: Value) -> Vec<u8> {
    let mut review: Value = serde_json::from_slice(&body("admission.k8s.io/v1", &pod())).unwrap();
    review["request"][member] = value;
    review.to_string().into_bytes()
}

#[test]
fn only_pods_that_are_created_are_looked_at() {
    for (member, value) in
        [("operation", json!("UPDATE")), ("operation", json!("DELETE")), ("subResource", json!("ephemeralcontainers"))]
    {
        let body = request(member, value);
        assert_eq!(Review::parse(&body).unwrap().pod(), Ok(None), "{member}");
    }
    let body = request("kind", json!({ "group": "apps", "version": "v1", "kind": "Deployment" }));
    assert_eq!(
        Review::parse(&body).unwrap().pod(),
        Err(Refusal { code: 400, message: "unable to decode apps/v1, Kind=Deployment into *v1.Pod".to_owned() })
    );
    let body = request("object", Value::Null);
    assert_eq!(
        Review::parse(&body).unwrap().pod(),
        Err(Refusal { code: 400, message: "there is no content to decode".to_owned() })
    );
}

#[test]
fn what_the_server_asks_of_a_review_is_answered() {
    let mut review: Value = serde_json::from_slice(&request("dryRun", json!(true))).unwrap();
    review["request"]["name"] = "web-\u{e9}\n".into();
    let body = review.to_string().into_bytes();
    let review = Review::parse(&body).unwrap();
    assert_eq!(review.namespace(), "ns");
    assert_eq!(review.name(), "web-\u{e9}\n");
    assert_eq!(review.operation(), "CREATE");
    assert_eq!(review.kind(), "Pod");
    assert!(review.is_dry_run());
}

#[test]
fn what_is_no_pod_is_refused_and_never_a_panic() {
    for (raw, expected) in [
        ("5", "cannot read the pod: invalid type: integer `5`, expected an object at line 1 column 1"),
        (r#"{"apiVersion":"v1","kind":"Service"}"#, "unable to decode /v1, Kind=Service into *v1.Pod"),
        (r#"{"apiVersion":"apps/v1","kind":"Pod"}"#, "unable to decode apps/v1, Kind=Pod into *v1.Pod"),
        (
            r#"{"spec":{"containers":{}}}"#,
            "cannot read the pod: invalid type: map, expected a sequence at line 1 column 22",
        ),
        (r#"{"spec":{},"spec":{}}"#, "cannot read the pod: duplicate field `spec` at line 1 column 17"),
        (
            r#"{"metadata":{"labels":{"azure.workload.identity/use":"true","azure.workload.identity/\u0075se":"false"}}}"#,
            "cannot read the pod: duplicate field `azure.workload.identity/use` at line 1 column 94",
        ),
    ] {
        let refusal = Pod::parse(raw).unwrap_err();
        assert_eq!((refusal.code, &*refusal.message), (400, expected));
    }
    let deep = format!(r#"{{"spec":{{"unknown":{}{}}}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert!(Pod::parse(&deep).is_ok(), "what is not read may be as deep as it likes");
}

#[test]
fn a_list_is_no_object() {
    for raw in [
        r"[]",
        r#"{"spec":[]}"#,
        r#"{"metadata":["pod"]}"#,
        r#"{"spec":{"containers":[["app"]]}}"#,
        r#"{"spec":{"volumes":[["v"]]}}"#,
        r#"{"spec":{"containers":[{"env":[["A"]]}]}}"#,
        r#"{"spec":{"containers":[{"volumeMounts":[["A"]]}]}}"#,
        r#"{"metadata":{"labels":[]}}"#,
    ] {
        let refusal = Pod::parse(raw).unwrap_err();
        assert!(
            refusal.message.starts_with("cannot read the pod: invalid type: sequence, expected an object"),
            "{raw}"
        );
    }
    assert!(Review::parse(br#"["admission.k8s.io/v1","AdmissionReview",[]]"#).is_err());
}
