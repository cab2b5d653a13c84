//! AdmissionReview: the request of an API server and its answer.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    Mutation, Operation, Refusal, Warning,
    json::{Object, Text},
};

/// How many warnings an answer carries; the API server drops or cuts what is beyond 4096 characters in all.
const MAX_WARNINGS: usize = 12;

/// How many characters of each.
const MAX_WARNING: usize = 256;

/// A request for admission, version v1 or v1beta1, which are the same here.
///
/// The object in it stays as it came. A member that is read and occurs twice is refused, as in a
/// [`Pod`](crate::Pod).
#[derive(Debug)]
pub struct Review<'a> {
    version: Version,
    request: Request<'a>,
}

/// Why a body is no request for admission.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReview {
    /// The words are upstream's.
    #[error("request body is empty")]
    Empty,
    /// Not in the form of an AdmissionReview.
    #[error("cannot read the AdmissionReview: {0}")]
    Malformed(String),
    /// Another kind of object, or a version that is not known.
    #[error("expected an AdmissionReview of admission.k8s.io/v1 or v1beta1, got `{kind}` of `{api_version}`")]
    Kind {
        /// Its `apiVersion`.
        api_version: String,
        /// Its `kind`.
        kind: String,
    },
    /// Without a request, as an answer is.
    #[error("the AdmissionReview has no request")]
    NoRequest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    V1,
    V1Beta1,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(borrow, default)]
    api_version: Text<'a>,
    #[serde(default)]
    kind: Text<'a>,
    request: Option<Object<Request<'a>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Request<'a> {
    #[serde(borrow)]
    uid: Text<'a>,
    kind: Object<Kind<'a>>,
    sub_resource: Text<'a>,
    name: Text<'a>,
    namespace: Text<'a>,
    operation: Text<'a>,
    dry_run: Option<bool>,
    object: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Kind<'a> {
    #[serde(borrow)]
    group: Text<'a>,
    version: Text<'a>,
    #[serde(rename = "kind")]
    name: Text<'a>,
}

impl<'a> Review<'a> {
    /// Reads the body of a request.
    ///
    /// # Errors
    ///
    /// If it is no request for admission.
    pub fn parse(body: &'a [u8]) -> Result<Self, InvalidReview> {
        if body.is_empty() {
            return Err(InvalidReview::Empty);
        }
        // Once for the whole body, rather than for each string in it.
        let text = std::str::from_utf8(body).map_err(|error| InvalidReview::Malformed(error.to_string()))?;
        let body: Object<Body<'a>> =
            serde_json::from_str(text).map_err(|error| InvalidReview::Malformed(error.to_string()))?;
        let Body { api_version, kind, request } = body.into_inner();
        let version = match (&*api_version, &*kind) {
            ("admission.k8s.io/v1", "AdmissionReview") => Version::V1,
            ("admission.k8s.io/v1beta1", "AdmissionReview") => Version::V1Beta1,
            _ => return Err(InvalidReview::Kind { api_version: api_version.to_string(), kind: kind.to_string() }),
        };
        let request = request.ok_or(InvalidReview::NoRequest)?.into_inner();
        Ok(Self { version, request })
    }

    /// Stands in for a request that could not be read at all: its answer names no request.
    #[must_use]
    pub fn unreadable() -> Self {
        Self { version: Version::V1, request: Request::default() }
    }

    /// The id that ties the answer to the request.
    #[must_use]
    pub fn uid(&self) -> &str {
        &self.request.uid
    }

    /// The namespace of the object; its own metadata may leave it out.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.request.namespace
    }

    /// The name of the object, empty while the API server has not made one.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.request.name
    }

    /// `CREATE`, `UPDATE`, `DELETE` or `CONNECT`.
    #[must_use]
    pub fn operation(&self) -> &str {
        &self.request.operation
    }

    /// The object's kind.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.request.kind.name
    }

    /// Whether nothing is to be stored.
    #[must_use]
    pub fn is_dry_run(&self) -> bool {
        self.request.dry_run == Some(true)
    }

    /// The raw pod that is to be created, or nothing if no pod is: what exists cannot be injected any more.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] for other objects than pods, which only a wrong webhook configuration sends, and
    /// for a creation without an object.
    pub fn pod(&self) -> Result<Option<&'a str>, Refusal> {
        let Kind { group, version, name } = &*self.request.kind;
        if !self.request.sub_resource.is_empty() || !matches!(self.operation(), "CREATE" | "") {
            return Ok(None);
        }
        if (&**group, &**version, &**name) != ("", "v1", "Pod") {
            let message = format!("expected a Pod of version v1, got {} of `{}/{}`", &**name, &**group, &**version);
            return Err(Refusal { code: 400, message });
        }
        match self.request.object {
            Some(raw) => Ok(Some(raw.get())),
            None => Err(Refusal { code: 400, message: "there is no content to decode".to_owned() }),
        }
    }

    /// The answer that lets the object in, changed where it has to be.
    #[must_use]
    pub fn allow(&self, mutation: &Mutation) -> Vec<u8> {
        let Mutation { patch, warnings } = mutation;
        let reasons = reasons(warnings);
        let response = Response {
            warnings: warning_texts(warnings),
            audit_annotations: (!reasons.is_empty()).then_some(AuditAnnotations { warnings: reasons }),
            ..Response::new(self.uid(), true, 200, None)
        };
        answer(self.version, response, patch)
    }

    /// The answer that keeps the object out.
    #[must_use]
    pub fn refuse(&self, refusal: &Refusal) -> Vec<u8> {
        answer(self.version, Response::new(self.uid(), false, refusal.code, Some(&refusal.message)), &[])
    }
}

impl InvalidReview {
    /// The answer, which names no request since none could be read.
    #[must_use]
    pub fn answer(&self) -> Vec<u8> {
        answer(Version::V1, Response::new("", false, 400, Some(&self.to_string())), &[])
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    api_version: &'static str,
    kind: &'static str,
    response: Response<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    uid: &'a str,
    allowed: bool,
    status: Status<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audit_annotations: Option<AuditAnnotations>,
}

#[derive(Serialize)]
struct Status<'a> {
    code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
}

/// What goes into the API server's audit log, under the webhook's name.
#[derive(Serialize)]
struct AuditAnnotations {
    warnings: String,
}

impl<'a> Response<'a> {
    fn new(uid: &'a str, allowed: bool, code: u16, message: Option<&'a str>) -> Self {
        let status = Status { code, message };
        Self { uid, allowed, status, warnings: Vec::new(), audit_annotations: None }
    }
}

fn answer(version: Version, response: Response<'_>, patch: &[Operation]) -> Vec<u8> {
    let api_version = match version {
        Version::V1 => "admission.k8s.io/v1",
        Version::V1Beta1 => "admission.k8s.io/v1beta1",
    };
    let mut answer = json(&Answer { api_version, kind: "AdmissionReview", response });
    if !patch.is_empty() {
        // By hand, since base64 has nothing to escape and is most of the answer.
        answer.truncate(answer.len() - "}}".len());
        answer.push_str(r#","patchType":"JSONPatch","patch":""#);
        BASE64_STANDARD.encode_string(json(patch), &mut answer);
        answer.push_str(r#""}}"#);
    }
    answer.into_bytes()
}

#[expect(clippy::expect_used, reason = "texts, numbers and JSON values; no key that is no text")]
fn json(value: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(value).expect("an answer is JSON")
}

fn warning_texts(warnings: &[Warning]) -> Vec<String> {
    let mut texts: Vec<String> =
        warnings.iter().take(MAX_WARNINGS).map(|warning| cut(&warning.message).to_owned()).collect();
    if let Some(more) = warnings.len().checked_sub(MAX_WARNINGS).filter(|more| *more > 0) {
        texts.push(format!("{more} more warnings are not shown"));
    }
    texts
}

fn cut(text: &str) -> &str {
    let end = text.char_indices().nth(MAX_WARNING).map_or(text.len(), |(end, _)| end);
    &text[..end]
}

/// The reasons, each once, in their order.
fn reasons(warnings: &[Warning]) -> String {
    let mut reasons: Vec<&str> = Vec::new();
    for warning in warnings {
        if !reasons.contains(&warning.reason) {
            reasons.push(warning.reason);
        }
    }
    reasons.join(",")
}
