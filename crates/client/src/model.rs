//! What the management plane answers, as the command line shows it.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

/// A user-assigned managed identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its name.
    pub name: String,
    /// Its ARM id.
    pub id: String,
    /// Its client id.
    pub client_id: String,
    /// Its object id.
    pub principal_id: String,
    /// Its tenant.
    pub tenant_id: String,
    /// Its region.
    pub location: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// A federated credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FederatedCredential {
    /// Its name.
    pub name: String,
    /// Its ARM id.
    pub id: String,
    /// `iss`
    pub issuer: String,
    /// `sub`, where it is for one subject.
    pub subject: Option<String>,
    /// The claims matching expression, where it has one instead.
    pub claims_matching_expression: Option<String>,
    /// `aud`
    pub audiences: Vec<String>,
}

impl FederatedCredential {
    /// The subject, or the expression in its place.
    #[must_use]
    pub fn matching(&self) -> Matching<'_> {
        match (&self.claims_matching_expression, &self.subject) {
            (Some(expression), _) => Matching::Expression(expression),
            (None, subject) => Matching::Subject(subject.as_deref().unwrap_or_default()),
        }
    }
}

/// Which of its issuer's tokens a federated credential accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matching<'a> {
    /// Those with this `sub`.
    Subject(&'a str),
    /// Those whose claims fit this expression.
    Expression(&'a str),
}

impl<'a> From<&'a str> for Matching<'a> {
    fn from(subject: &'a str) -> Self {
        Self::Subject(subject)
    }
}

impl<'a> From<&'a String> for Matching<'a> {
    fn from(subject: &'a String) -> Self {
        Self::Subject(subject)
    }
}

/// A role: a name for a set of actions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleDefinition {
    /// Its full id.
    pub id: String,
    /// Its GUID.
    pub name: String,
    /// What people call it.
    pub role_name: String,
    /// `BuiltInRole` or `CustomRole`
    pub role_type: String,
    /// What it is for.
    pub description: String,
    /// Where it may be given.
    pub assignable_scopes: Vec<String>,
    /// What it allows, as ARM prints it.
    pub permissions: serde_json::Value,
}

/// A role that a principal has at a scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleAssignment {
    /// Its full id.
    pub id: String,
    /// Its GUID.
    pub name: String,
    /// Where it holds, with everything below.
    pub scope: String,
    /// The full id of the role.
    pub role_definition_id: String,
    /// The object id of the principal.
    pub principal_id: String,
    /// What kind of principal that is.
    pub principal_type: String,
    /// What people say of it.
    pub description: Option<String>,
    /// When it was made.
    pub created_on: String,
}

/// A service account of the embedded cluster issuer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ServiceAccount {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Its annotations.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

/// What is asked of the embedded issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRequest {
    /// Who the token is for.
    pub audiences: Vec<String>,
    /// Seconds that it lives.
    pub expiration_seconds: i64,
    /// The pod that it is bound to.
    pub pod: Option<String>,
    /// The pod's node.
    pub node: Option<String>,
}

/// A service-account token.
pub struct ServiceAccountToken {
    /// The token.
    pub token: String,
    /// Unix seconds.
    pub expiration: i64,
}

impl fmt::Debug for ServiceAccountToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAccountToken").field("expiration", &self.expiration).finish_non_exhaustive()
    }
}

/// The registration of a foreign issuer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrustedIssuer {
    /// The issuer.
    pub issuer: String,
    /// Its keys, where they were given by hand.
    #[serde(default)]
    pub jwks: Option<String>,
    /// The CA that alone is trusted for it.
    #[serde(default)]
    pub ca_pem: Option<String>,
    /// Private addresses and plain http are allowed.
    #[serde(default)]
    pub allow_private: bool,
}

/// An application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// Its object id.
    pub id: String,
    /// Its client id.
    pub app_id: String,
    /// What people call it.
    pub display_name: String,
    /// The names under which tokens for it are asked.
    pub identifier_uris: Vec<String>,
    /// Its secrets and certificates.
    pub credentials: Vec<ApplicationCredential>,
}

/// What is to change of an application; none leaves it as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApplicationUpdate {
    /// What people call it.
    pub display_name: Option<String>,
    /// All names under which tokens for it are asked.
    pub identifier_uris: Option<Vec<String>>,
    /// 1 or 2: the version of the tokens that it wants as a resource.
    pub token_version: Option<u8>,
}

/// A service principal, of an application or of a managed identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServicePrincipal {
    /// Its object id, the `oid` of its tokens.
    pub id: String,
    /// The client id.
    pub app_id: String,
    /// What people call it.
    pub display_name: String,
    /// A disabled one gets no token.
    pub account_enabled: bool,
    /// `Application` or `ManagedIdentity`
    pub service_principal_type: String,
    /// App id and identifier URIs.
    #[serde(default)]
    pub service_principal_names: Vec<String>,
}

/// A secret, without its value, or a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationCredential {
    /// `secret` or `certificate`
    pub kind: String,
    /// The id by which it is removed.
    pub key_id: String,
    /// What people call it.
    pub display_name: Option<String>,
    /// The first characters of a secret.
    pub hint: Option<String>,
    /// When it expires, ISO 8601.
    pub end: String,
}

/// A secret that was just made.
pub struct NewSecret {
    /// The application's client id.
    pub app_id: String,
    /// The tenant.
    pub tenant_id: String,
    /// The id by which it is removed.
    pub key_id: String,
    /// The secret, shown this once.
    pub secret: String,
    /// When it expires, ISO 8601.
    pub end: String,
}

impl fmt::Debug for NewSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSecret").field("key_id", &self.key_id).field("end", &self.end).finish_non_exhaustive()
    }
}
