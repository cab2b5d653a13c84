//! What the installation holds.

use std::collections::{BTreeMap, HashMap};

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    CredentialEntry, Document, GrantEntry, IdentityEntry, IssuerEntry, Kind, Object, Place, RoleEntry,
    ServiceAccountEntry,
    document::{credential_object, grant_object},
};
use crate::{
    CLIENT_ID_ANNOTATION, ClientError, ManagementClient, RoleAssignment, RoleDefinition,
    identities::{CREDENTIAL_VERSION, IDENTITY_VERSION},
};

/// All objects of the kinds that a document can name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// In no particular order.
    pub objects: Vec<Object>,
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// `GROUP/NAME` of an identity's id.
fn identity_path(id: &str) -> String {
    let segments: Vec<_> = id.split('/').collect();
    let group = segments.get(4).copied().unwrap_or_default();
    let name = segments.last().copied().unwrap_or_default();
    format!("{group}/{name}")
}

impl ManagementClient {
    /// Where relative names of a document lie in this installation.
    #[must_use]
    pub fn place(&self) -> Place {
        Place {
            subscription: self.installation.subscription_id.clone(),
            resource_group: self.installation.resource_group.clone(),
            issuer: self.installation.issuer.clone(),
        }
    }

    /// Everything that a document can name.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn found(&self) -> Result<Found, ClientError> {
        let subscription = format!("/subscriptions/{}", crate::segment(&self.installation.subscription_id));
        let mut objects = Vec::new();
        for issuer in self.trusted_issuers().await? {
            let (jwks, ca_pem, allow_private) = (issuer.jwks, issuer.ca_pem, issuer.allow_private);
            objects.push(IssuerEntry { issuer: issuer.issuer, jwks, ca_pem, allow_private }.object());
        }
        let scope = self.subscription_scope();
        let definitions = self.role_definitions(&scope, "").await?;
        let custom = definitions.iter().filter(|role| role.role_type == "CustomRole");
        objects.extend(custom.map(role_object));
        let path = format!("{subscription}/providers/Microsoft.ManagedIdentity/userAssignedIdentities");
        let identities: Vec<Value> = self.all_pages(&path, IDENTITY_VERSION).await?;
        for identity in &identities {
            self.add_identity(identity, &mut objects).await?;
        }
        let assignments = self.role_assignments(&scope, "").await?;
        objects.extend(grants(&assignments, &identities, &definitions));
        let by_client: HashMap<&str, String> = identities
            .iter()
            .map(|identity| (text(identity, "/properties/clientId"), identity_path(text(identity, "/id"))))
            .collect();
        for account in self.service_accounts(None).await? {
            let client = account.annotations.get(CLIENT_ID_ANNOTATION);
            let identity = client.map(|client| by_client.get(client.as_str()).unwrap_or(client));
            let name = format!("{}/{}", account.namespace, account.name);
            objects.push(Object::new(Kind::ServiceAccount, name, [("identity", json!(identity))]));
        }
        Ok(Found { objects })
    }

    async fn add_identity(&self, identity: &Value, objects: &mut Vec<Object>) -> Result<(), ClientError> {
        let path = identity_path(text(identity, "/id"));
        let fields = [("location", identity["location"].clone()), ("tags", identity["tags"].clone())];
        objects.push(Object::new(Kind::Identity, path.clone(), fields));
        let (group, name) = path.split_once('/').unwrap_or_default();
        let list = format!("{}/federatedIdentityCredentials", self.identity_in(group, name));
        let credentials: Vec<Value> = self.all_pages(&list, CREDENTIAL_VERSION).await?;
        objects.extend(credentials.iter().map(|credential| {
            let field = |pointer: &str| credential.pointer(pointer).cloned().unwrap_or_default();
            let values = [
                field("/properties/issuer"),
                field("/properties/subject"),
                field("/properties/claimsMatchingExpression/value"),
                field("/properties/audiences/0"),
            ];
            credential_object(&path, text(credential, "/name"), values)
        }));
        Ok(())
    }

    /// One identity, as ARM prints it.
    pub(super) async fn raw_identity(&self, path: &str) -> Result<Value, ClientError> {
        let (group, name) = path.split_once('/').unwrap_or_default();
        self.arm(Method::GET, &self.identity_in(group, name), IDENTITY_VERSION, None).await?.json()
    }
}

fn role_object(role: &RoleDefinition) -> Object {
    let permission = |name: &str| role.permissions[0][name].clone();
    let fields = [
        ("description", json!(role.description)),
        ("actions", permission("actions")),
        ("notActions", permission("notActions")),
        ("dataActions", permission("dataActions")),
        ("notDataActions", permission("notDataActions")),
        ("assignableScopes", json!(role.assignable_scopes)),
    ];
    Object::new(Kind::RoleDefinition, role.role_name.clone(), fields)
}

/// The roles of identities; those of others are no part of a document.
fn grants<'a>(
    assignments: &'a [RoleAssignment],
    identities: &'a [Value],
    definitions: &'a [RoleDefinition],
) -> impl Iterator<Item = Object> + 'a {
    let names: HashMap<_, _> = definitions.iter().map(|role| (role.name.as_str(), role.role_name.as_str())).collect();
    let principals: HashMap<_, _> = identities
        .iter()
        .map(|identity| (text(identity, "/properties/principalId"), identity_path(text(identity, "/id"))))
        .collect();
    assignments.iter().filter_map(move |assignment| {
        let identity = principals.get(assignment.principal_id.as_str())?;
        let role = names.get(assignment.role_definition_id.rsplit('/').next()?)?;
        Some(grant_object(identity, role, &assignment.scope))
    })
}

impl Found {
    /// The document that describes it, in a fixed order, with what is the installation's own left
    /// out or written in its short form, so that it can be applied to another one.
    #[must_use]
    pub fn document(&self, place: &Place) -> Document {
        let mut objects: Vec<_> = self.objects.iter().collect();
        objects.sort_by_key(|object| object.key());
        let of = |kind: Kind| objects.iter().filter(move |object| object.kind == kind).copied();
        Document {
            trusted_issuers: Some(of(Kind::TrustedIssuer).map(issuer_entry).collect()),
            role_definitions: Some(of(Kind::RoleDefinition).map(|object| role_entry(object, place)).collect()),
            identities: Some(of(Kind::Identity).map(|object| identity_entry(object, &objects, place)).collect()),
            service_accounts: Some(of(Kind::ServiceAccount).map(|object| account_entry(object, place)).collect()),
        }
    }
}

fn owned(object: &Object, field: &str) -> Option<String> {
    object.text(field).map(str::to_owned)
}

fn strings(object: &Object, field: &str) -> Vec<String> {
    let items = object.fields.get(field).and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn issuer_entry(object: &Object) -> IssuerEntry {
    IssuerEntry {
        issuer: object.name.clone(),
        jwks: owned(object, "jwks"),
        ca_pem: owned(object, "caPem"),
        allow_private: object.fields.get("allowPrivate") == Some(&json!(true)),
    }
}

fn role_entry(object: &Object, place: &Place) -> RoleEntry {
    let scopes: Vec<_> = strings(object, "assignableScopes").iter().map(|scope| place.relative(scope)).collect();
    RoleEntry {
        name: object.name.clone(),
        description: owned(object, "description").unwrap_or_default(),
        actions: strings(object, "actions"),
        not_actions: strings(object, "notActions"),
        data_actions: strings(object, "dataActions"),
        not_data_actions: strings(object, "notDataActions"),
        assignable_scopes: if scopes == ["subscription"] { Vec::new() } else { scopes },
    }
}

fn identity_entry(object: &Object, all: &[&Object], place: &Place) -> IdentityEntry {
    let (group, name) = object.name.split_once('/').unwrap_or_default();
    let hanging = |kind: Kind| {
        let here = |other: &&&Object| {
            other.kind == kind && other.owner.as_ref().is_some_and(|owner| owner.eq_ignore_ascii_case(&object.name))
        };
        all.iter().filter(here).copied().collect::<Vec<_>>()
    };
    let tags = object.fields.get("tags").and_then(|tags| serde_json::from_value::<BTreeMap<_, _>>(tags.clone()).ok());
    IdentityEntry {
        name: name.to_owned(),
        resource_group: (!group.eq_ignore_ascii_case(&place.resource_group)).then(|| group.to_owned()),
        location: owned(object, "location"),
        tags: tags.filter(|tags: &BTreeMap<String, String>| !tags.is_empty()),
        federated_credentials: Some(
            hanging(Kind::FederatedCredential).into_iter().map(|object| credential_entry(object, place)).collect(),
        ),
        roles: Some(
            hanging(Kind::RoleAssignment)
                .into_iter()
                .map(|object| GrantEntry {
                    role: owned(object, "role").unwrap_or_default(),
                    scope: place.relative(object.text("scope").unwrap_or_default()),
                })
                .collect(),
        ),
    }
}

fn credential_entry(object: &Object, place: &Place) -> CredentialEntry {
    let name = object.name.rsplit('/').next().unwrap_or_default().to_owned();
    let audience = owned(object, "audience").filter(|audience| audience != super::document::DEFAULT_AUDIENCE);
    let (issuer, subject) = (owned(object, "issuer"), owned(object, "subject"));
    let account = subject
        .as_deref()
        .filter(|_| issuer.as_deref() == Some(place.issuer.as_str()))
        .and_then(|subject| subject.strip_prefix("system:serviceaccount:")?.split_once(':'))
        .map(|(namespace, name)| format!("{namespace}/{name}"));
    if account.is_some() {
        return CredentialEntry { name, service_account: account, audience, ..CredentialEntry::default() };
    }
    let claims_matching_expression = owned(object, "claimsMatchingExpression");
    CredentialEntry { name, service_account: None, issuer, subject, claims_matching_expression, audience }
}

fn account_entry(object: &Object, place: &Place) -> ServiceAccountEntry {
    let own = format!("{}/", place.resource_group);
    let identity = owned(object, "identity");
    let identity = identity.map(|identity| identity.strip_prefix(&own).map(str::to_owned).unwrap_or(identity));
    ServiceAccountEntry { name: object.name.clone(), identity }
}
