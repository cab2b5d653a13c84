//! Every way in which a federated token can be refused, and the code that Entra answers.

use serde_json::json;

use crate::issuer::{Issuer, SUBJECT, URL};

/// A token that must be refused.
pub(crate) struct Refusal {
    /// What is wrong.
    pub(crate) name: &'static str,
    /// Whose client presents it.
    pub(crate) presenter: Presenter,
    /// The token.
    pub(crate) assertion: fn(&Issuer) -> String,
    /// The number after `AADSTS`.
    pub(crate) code: u32,
    /// The field in which the nearest credential differs, and what is said about it.
    pub(crate) nearest: Option<(&'static str, &'static str)>,
}

/// An identity of the stage.
#[derive(Clone, Copy)]
pub(crate) enum Presenter {
    /// The one with a federated credential for the foreign issuer.
    Web,
    /// The one without any.
    Bare,
}

const fn refusal(name: &'static str, code: u32, assertion: fn(&Issuer) -> String) -> Refusal {
    Refusal { name, presenter: Presenter::Web, assertion, code, nearest: None }
}

const fn mismatch(
    name: &'static str,
    code: u32,
    assertion: fn(&Issuer) -> String,
    field: &'static str,
    how: &'static str,
) -> Refusal {
    Refusal { name, presenter: Presenter::Web, assertion, code, nearest: Some((field, how)) }
}

pub(crate) const REFUSALS: [Refusal; 13] = [
    Refusal {
        name: "the client has no federated credential",
        presenter: Presenter::Bare,
        assertion: Issuer::token,
        code: 70025,
        nearest: None,
    },
    mismatch(
        "the subject does not match",
        700_213,
        |issuer| issuer.token_with("sub", &json!("system:serviceaccount:default:worker")),
        "subject",
        "differs from character 32 on: the token has `o`, the credential `e`",
    ),
    mismatch(
        "the audience does not match",
        700_212,
        |issuer| issuer.token_with("aud", &json!(["https://kubernetes.default.svc"])),
        "audience",
        "differs from character 1 on: the token has `h`, the credential `a`",
    ),
    mismatch(
        "the issuer does not match",
        700_211,
        |issuer| issuer.token_with("iss", &json!("https://issuer.example/Other")),
        "issuer",
        "differs from character 24 on: the token has `O`, the credential `C`",
    ),
    mismatch(
        "the subject differs only in letter case",
        7_002_138,
        |issuer| issuer.token_with("sub", &json!(SUBJECT.replace("web", "Web"))),
        "subject",
        "differs only in letter case, first at character 31: the token has `W`, the credential `w`",
    ),
    mismatch(
        "the issuer differs by a trailing slash",
        700_211,
        |issuer| issuer.token_with("iss", &json!(format!("{URL}/"))),
        "issuer",
        "differs by a trailing slash, which only the token has",
    ),
    mismatch(
        "the issuer differs only in letter case",
        700_211,
        |issuer| issuer.token_with("iss", &json!(URL.to_lowercase())),
        "issuer",
        "differs only in letter case, first at character 24: the token has `c`, the credential `C`",
    ),
    refusal("the token is expired", 700_024, Issuer::expired_token),
    refusal("the payload was changed after signing", 700_027, Issuer::tampered_token),
    refusal("an unknown key signed the token", 7_000_272, Issuer::token_by_unknown_key),
    refusal("another key signed under a known key id", 700_027, Issuer::token_by_other_key_under_known_id),
    refusal("the token has an HMAC", 5_002_738, Issuer::hmac_token),
    refusal("the token is not signed", 5_002_738, Issuer::unsigned_token),
];
