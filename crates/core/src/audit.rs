//! The audit trail: who asked for what, and what was answered. Never a token, never a secret.

use serde::{Deserialize, Serialize};

use crate::{TenantId, difference::Nearest};

/// One thing that was asked and answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditRecord {
    /// Unix milliseconds.
    pub time: i64,
    /// What was asked.
    pub operation: Operation,
    /// What was answered.
    pub outcome: Outcome,
    /// The tenant, once it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
    /// The id of the request, in the answer as `trace_id`.
    pub trace_id: String,
    /// The client's id of the request, or one of ours.
    pub correlation_id: String,
    /// The AADSTS code of a refused exchange.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u32>,
    /// The text of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What came closest, where nothing matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<Nearest>,
    /// What an operator can do about a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Who and what it was about.
    #[serde(flatten)]
    pub facts: Facts,
}

/// What is known of a request; claims of a refused one are only what it said of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Facts {
    /// The client id as it was presented.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The client's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// How the client proved itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_type: Option<String>,
    /// The federated credential that matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub federated_credential: Option<String>,
    /// `iss` of the assertion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// `sub` of the assertion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// `aud` of the assertion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// `jti` of the assertion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assertion_id: Option<String>,
    /// The pod that the assertion is bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    /// The node that the assertion is bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The resource that was asked for, or the ARM id that was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// `uti` of the token that was handed out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_id: Option<String>,
}

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// An access token at the token endpoint.
    TokenExchange,
    /// Something was created or changed through the management plane.
    Write,
    /// Something was deleted through the management plane.
    Delete,
    /// A service-account token was made by the embedded issuer.
    ServiceAccountToken,
}

/// What was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was done.
    Granted,
    /// It was refused.
    Refused,
}

/// A record in its place in the trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its number; rises by one, without gaps within one installation.
    pub sequence: i64,
    /// The record.
    #[serde(flatten)]
    pub record: AuditRecord,
}

/// Which entries are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuditQuery {
    /// Only entries with a higher number.
    pub after: Option<i64>,
    /// The newest `limit` entries that fit, or the oldest where `after` is given.
    pub limit: Option<u32>,
    /// Also entries that belong to no known tenant.
    pub include_unknown_tenants: bool,
}
