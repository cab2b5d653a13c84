#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use symbolon_admission::{
    Pod, Review, ServiceAccount, Settings,
    settings::{Aws, Gcp, Layout, Selector, TrustConfigMap},
};

fuzz_target!(|bytes: &[u8]| {
    let review = match Review::parse(bytes) {
        Ok(review) => review,
        Err(invalid) => {
            assert_eq!(response(&invalid.answer())["allowed"], false);
            return;
        }
    };
    let raw = match review.pod() {
        Ok(Some(raw)) => raw,
        Ok(None) => return,
        Err(refusal) => {
            assert_eq!(response(&review.refuse(&refusal))["status"]["message"], refusal.message);
            return;
        }
    };
    let Ok(pod) = Pod::parse(raw) else { return };
    for settings in settings() {
        let Ok(mutation) = pod.mutate(&account(), &settings) else { continue };
        let response = response(&review.allow(&mutation));
        assert_eq!(response["allowed"], true);
        assert_eq!(response["uid"], review.uid());
        assert_eq!(response.get("patch").is_some(), !mutation.patch.is_empty());
        // What an API server does with it: a pod that no library can hold never comes from one.
        if let Ok(mut document) = serde_json::from_str::<Value>(raw) {
            let patch = serde_json::to_value(&mutation.patch).unwrap();
            json_patch::patch(&mut document, &serde_json::from_value::<json_patch::Patch>(patch).unwrap()).unwrap();
        }
    }
});

fn response(answer: &[u8]) -> Value {
    let answer: Value = serde_json::from_slice(answer).unwrap();
    assert_eq!(answer["kind"], "AdmissionReview");
    answer["response"].clone()
}

fn account() -> ServiceAccount {
    ServiceAccount::new(
        [("azure.workload.identity/use", "true")],
        [
            ("azure.workload.identity/client-id", "11111111-2222-3333-4444-555555555555"),
            ("eks.amazonaws.com/role-arn", "arn:aws:iam::111122223333:role/s3-reader"),
            ("cloud.google.com/workload-identity-provider", "projects/1/locations/l/workloadIdentityPools/p/providers/c"),
        ],
    )
}

/// As little as there can be, and all at once.
fn settings() -> [Settings; 2] {
    let plain = Settings::new("72f988bf-86f1-41af-91ab-2d7cd011db47", "https://login.microsoftonline.com/");
    let mut full = Settings {
        layout: Layout::V15,
        selector: Selector::ServiceAccountLabel,
        trust: Some(TrustConfigMap { name: "authority-ca".to_owned(), key: "ca.crt".to_owned() }),
        aws: Some(Aws { region: "eu-west-1".to_owned(), ..Aws::default() }),
        gcp: Some(Gcp::default()),
        ..plain.clone()
    };
    full.proxy.native_sidecar = true;
    [plain, full]
}
