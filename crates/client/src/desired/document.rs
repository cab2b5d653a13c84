//! The document, as people write it.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
pub(super) use symbolon_core::federated_credential::DEFAULT_AUDIENCE;
use thiserror::Error;

use super::{Kind, Object, Place};

/// What an installation should hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Document {
    /// Foreign issuers with keys, a CA or addresses of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted_issuers: Option<Vec<IssuerEntry>>,
    /// Custom roles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_definitions: Option<Vec<RoleEntry>>,
    /// Managed identities with their federated credentials and roles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identities: Option<Vec<IdentityEntry>>,
    /// Service accounts of the embedded issuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_accounts: Option<Vec<ServiceAccountEntry>>,
}

/// The registration of an issuer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IssuerEntry {
    /// Its URL.
    pub issuer: String,
    /// Its key set, instead of fetching one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<String>,
    /// The CA that alone is trusted for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_pem: Option<String>,
    /// Whether private addresses and plain http are allowed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_private: bool,
}

/// A custom role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RoleEntry {
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Management actions that it allows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<String>,
    /// Management actions that it takes back.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_actions: Vec<String>,
    /// Data actions that it allows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub data_actions: Vec<String>,
    /// Data actions that it takes back.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_data_actions: Vec<String>,
    /// Where it may be assigned; the subscription where none is named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assignable_scopes: Vec<String>,
}

/// A managed identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IdentityEntry {
    /// Its name.
    pub name: String,
    /// Its resource group; the installation's where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_group: Option<String>,
    /// Its region; the resource group's where none is named. It cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeMap<String, String>>,
    /// Its federated credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub federated_credentials: Option<Vec<CredentialEntry>>,
    /// Its roles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<GrantEntry>>,
}

/// A federated credential: a service account of the embedded issuer, or issuer and subject, or
/// issuer and expression.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CredentialEntry {
    /// Its name.
    pub name: String,
    /// `NAMESPACE/NAME`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
    /// The `iss` that it accepts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The `sub` that it accepts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What the claims must be, instead of a subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claims_matching_expression: Option<String>,
    /// The `aud` that it accepts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
}

/// A role at a scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GrantEntry {
    /// The role's name.
    pub role: String,
    /// `subscription`, `resourceGroups/…`, or an id in full.
    pub scope: String,
}

/// A service account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceAccountEntry {
    /// `NAMESPACE/NAME`
    pub name: String,
    /// The identity that it stands for, as `NAME` or `GROUP/NAME`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
}

/// Why a document means nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidDocument {
    /// Two entries of one name.
    #[error("{kind} `{name}` is in the file twice")]
    Twice {
        /// What it is.
        kind: Kind,
        /// Its name.
        name: String,
    },
    /// A credential that says neither or both.
    #[error(
        "federated credential `{0}` needs one of `serviceAccount`, `issuer` with `subject`, and `issuer` with `claimsMatchingExpression`"
    )]
    Credential(String),
    /// Not `NAMESPACE/NAME`.
    #[error("service account `{0}` is not of the form NAMESPACE/NAME")]
    ServiceAccount(String),
    /// A name that is empty or holds a slash.
    #[error("{kind} `{name}` has a name that is empty or holds `/`")]
    Name {
        /// What it is.
        kind: Kind,
        /// Its name.
        name: String,
    },
}

impl Document {
    /// The objects of the document, in the order in which they can be made.
    ///
    /// # Errors
    /// [`InvalidDocument`]
    pub fn objects(&self, place: &Place) -> Result<Vec<Object>, InvalidDocument> {
        let mut objects = Vec::new();
        objects.extend(self.trusted_issuers.iter().flatten().map(IssuerEntry::object));
        objects.extend(self.role_definitions.iter().flatten().map(|role| role.object(place)));
        for identity in self.identities.iter().flatten() {
            identity.add_objects(place, &mut objects)?;
        }
        for account in self.service_accounts.iter().flatten() {
            objects.push(account.object(place)?);
        }
        objects.sort_by_key(|object| object.kind);
        let mut seen = HashSet::new();
        match objects.iter().find(|object| !seen.insert(object.key())) {
            Some(twice) => Err(InvalidDocument::Twice { kind: twice.kind, name: twice.name.clone() }),
            None => Ok(objects),
        }
    }

    /// Whether an object that is there and not in the document is the document's to delete: its
    /// section is in the file, and for what hangs on an identity that identity's own section.
    #[must_use]
    pub fn manages(&self, object: &Object, place: &Place) -> bool {
        let owner = || {
            let key = object.owner.as_deref()?;
            self.identities.iter().flatten().find(|identity| identity.path(place).eq_ignore_ascii_case(key))
        };
        match object.kind {
            Kind::TrustedIssuer => self.trusted_issuers.is_some(),
            Kind::RoleDefinition => self.role_definitions.is_some(),
            Kind::Identity => self.identities.is_some(),
            Kind::FederatedCredential => owner().is_some_and(|identity| identity.federated_credentials.is_some()),
            Kind::RoleAssignment => owner().is_some_and(|identity| identity.roles.is_some()),
            Kind::ServiceAccount => self.service_accounts.is_some(),
        }
    }
}

impl IssuerEntry {
    pub(super) fn object(&self) -> Object {
        let fields =
            [("jwks", json!(self.jwks)), ("caPem", json!(self.ca_pem)), ("allowPrivate", json!(self.allow_private))];
        Object::new(Kind::TrustedIssuer, self.issuer.clone(), fields)
    }
}

impl RoleEntry {
    pub(super) fn object(&self, place: &Place) -> Object {
        let mut scopes: Vec<_> = self.assignable_scopes.iter().map(|scope| place.absolute(scope)).collect();
        if scopes.is_empty() {
            scopes.push(place.subscription_scope());
        }
        let fields = [
            ("description", json!(self.description)),
            ("actions", json!(self.actions)),
            ("notActions", json!(self.not_actions)),
            ("dataActions", json!(self.data_actions)),
            ("notDataActions", json!(self.not_data_actions)),
            ("assignableScopes", json!(scopes)),
        ];
        Object::new(Kind::RoleDefinition, self.name.clone(), fields)
    }
}

impl IdentityEntry {
    /// `GROUP/NAME`
    fn path(&self, place: &Place) -> String {
        format!("{}/{}", self.resource_group.as_ref().unwrap_or(&place.resource_group), self.name)
    }

    fn add_objects(&self, place: &Place, objects: &mut Vec<Object>) -> Result<(), InvalidDocument> {
        let path = self.path(place);
        check_name(Kind::Identity, &self.name)?;
        let fields = [
            ("location", self.location.as_ref().map(|text| json!(text))),
            ("tags", self.tags.as_ref().map(|tags| json!(tags))),
        ];
        let known = fields.into_iter().filter_map(|(name, value)| Some((name, value?)));
        objects.push(Object::new(Kind::Identity, path.clone(), known));
        for credential in self.federated_credentials.iter().flatten() {
            objects.push(credential.object(&path, place)?);
        }
        for grant in self.roles.iter().flatten() {
            objects.push(grant_object(&path, &grant.role, &place.absolute(&grant.scope)));
        }
        Ok(())
    }
}

impl CredentialEntry {
    fn object(&self, identity: &str, place: &Place) -> Result<Object, InvalidDocument> {
        check_name(Kind::FederatedCredential, &self.name)?;
        let invalid = || InvalidDocument::Credential(self.name.clone());
        let (issuer, subject, expression) =
            match (&self.service_account, &self.issuer, &self.subject, &self.claims_matching_expression) {
                (Some(account), None, None, None) => {
                    let (namespace, name) = account_parts(account)?;
                    let subject = format!("system:serviceaccount:{namespace}:{name}");
                    (place.issuer.clone(), json!(subject), Value::Null)
                }
                (None, Some(issuer), Some(subject), None) => (issuer.clone(), json!(subject), Value::Null),
                (None, Some(issuer), None, Some(expression)) => (issuer.clone(), Value::Null, json!(expression)),
                _ => return Err(invalid()),
            };
        let audience = self.audience.as_deref().unwrap_or(DEFAULT_AUDIENCE);
        Ok(credential_object(identity, &self.name, [json!(issuer), subject, expression, json!(audience)]))
    }
}

/// A federated credential as an object: issuer, subject, expression, audience.
pub(super) fn credential_object(identity: &str, name: &str, values: [Value; 4]) -> Object {
    let names = ["issuer", "subject", "claimsMatchingExpression", "audience"];
    let name = format!("{identity}/{name}");
    Object::new(Kind::FederatedCredential, name, names.into_iter().zip(values)).owned_by(identity)
}

/// A role assignment as an object; it has nothing that could change.
pub(super) fn grant_object(identity: &str, role: &str, scope: &str) -> Object {
    let fields = [("role", json!(role)), ("scope", json!(scope))];
    Object::new(Kind::RoleAssignment, format!("{identity}: {role} at {scope}"), fields).owned_by(identity)
}

impl ServiceAccountEntry {
    fn object(&self, place: &Place) -> Result<Object, InvalidDocument> {
        account_parts(&self.name)?;
        let identity = self.identity.as_ref().map(|identity| {
            if identity.contains('/') { identity.clone() } else { format!("{}/{identity}", place.resource_group) }
        });
        let fields = identity.map(|identity| ("identity", json!(identity)));
        Ok(Object::new(Kind::ServiceAccount, self.name.clone(), fields))
    }
}

fn check_name(kind: Kind, name: &str) -> Result<(), InvalidDocument> {
    if name.is_empty() || name.contains('/') {
        return Err(InvalidDocument::Name { kind, name: name.to_owned() });
    }
    Ok(())
}

/// The namespace and the name of `NAMESPACE/NAME`.
fn account_parts(text: &str) -> Result<(&str, &str), InvalidDocument> {
    match text.split_once('/') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => {
            Ok((namespace, name))
        }
        _ => Err(InvalidDocument::ServiceAccount(text.to_owned())),
    }
}
