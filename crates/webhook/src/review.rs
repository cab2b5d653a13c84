//! Temporary until the admission crate's review module lands.
use base64::Engine as _;
use serde::Deserialize;
use serde_json::value::RawValue;
use symbolon_admission::{Mutation, Refusal};

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "apiVersion")]
    api_version: Option<String>,
    #[serde(borrow)]
    request: Option<Inner<'a>>,
}
#[derive(Deserialize)]
struct Inner<'a> {
    uid: String,
    #[serde(default)]
    namespace: String,
    #[serde(borrow)]
    object: Option<&'a RawValue>,
}
pub(crate) struct Review<'a> {
    api_version: String,
    uid: String,
    namespace: String,
    object: &'a str,
}
impl<'a> Review<'a> {
    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, Refusal> {
        let bad = |m: String| Refusal { code: 400, message: m };
        let e: Envelope<'a> = serde_json::from_slice(body).map_err(|e| bad(e.to_string()))?;
        let r = e.request.ok_or_else(|| bad("no request".into()))?;
        Ok(Self {
            api_version: e.api_version.unwrap_or_default(),
            uid: r.uid,
            namespace: r.namespace,
            object: r.object.ok_or_else(|| bad("no object".into()))?.get(),
        })
    }
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }
    pub(crate) fn object(&self) -> &'a str {
        self.object
    }
    pub(crate) fn answer(&self, outcome: &Result<Mutation, Refusal>) -> Vec<u8> {
        let response = match outcome {
            Ok(m) if m.patch.is_empty() => serde_json::json!({"uid": self.uid, "allowed": true}),
            Ok(m) => {
                let patch = serde_json::to_vec(&m.patch).unwrap_or_default();
                serde_json::json!({"uid": self.uid, "allowed": true, "patchType": "JSONPatch",
                    "patch": base64::engine::general_purpose::STANDARD.encode(patch)})
            }
            Err(r) => {
                serde_json::json!({"uid": self.uid, "allowed": false, "status": {"code": r.code, "message": r.message}})
            }
        };
        serde_json::to_vec(
            &serde_json::json!({"apiVersion": self.api_version, "kind": "AdmissionReview", "response": response}),
        )
        .unwrap_or_default()
    }
}
pub(crate) fn refuse_request(code: u16, message: &str) -> Vec<u8> {
    serde_json::to_vec(&serde_json::json!({"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"","allowed":false,"status":{"code":code,"message":message}}})).unwrap_or_default()
}
