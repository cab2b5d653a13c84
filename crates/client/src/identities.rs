//! Managed identities and their federated credentials, through Azure Resource Manager.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use symbolon_core::claims_matching::LANGUAGE_VERSION;

use crate::{
    Audience, ClientError, FederatedCredential, Identity, ManagementClient, Matching, segment, transport::Answer,
};

pub(crate) const IDENTITY_VERSION: &str = "2025-05-31-preview";
pub(crate) const CREDENTIAL_VERSION: &str = "2025-01-31-preview";

/// An ARM resource.
#[derive(Deserialize)]
struct Resource<P> {
    id: String,
    name: String,
    #[serde(default)]
    location: String,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    properties: P,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names are ARM's")]
struct IdentityProperties {
    tenant_id: String,
    client_id: String,
    principal_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CredentialProperties {
    issuer: String,
    #[serde(default)]
    subject: Option<String>,
    #[serde(default)]
    claims_matching_expression: Option<Expression>,
    audiences: Vec<String>,
}

#[derive(Deserialize)]
struct Expression {
    value: String,
}

/// A page of an ARM list.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page<T> {
    value: Vec<T>,
    #[serde(default)]
    next_link: Option<String>,
}

impl From<Resource<IdentityProperties>> for Identity {
    fn from(resource: Resource<IdentityProperties>) -> Self {
        Self {
            name: resource.name,
            id: resource.id,
            client_id: resource.properties.client_id,
            principal_id: resource.properties.principal_id,
            tenant_id: resource.properties.tenant_id,
            location: resource.location,
            tags: resource.tags,
        }
    }
}

impl From<Resource<CredentialProperties>> for FederatedCredential {
    fn from(resource: Resource<CredentialProperties>) -> Self {
        Self {
            name: resource.name,
            id: resource.id,
            issuer: resource.properties.issuer,
            subject: resource.properties.subject,
            claims_matching_expression: resource.properties.claims_matching_expression.map(|found| found.value),
            audiences: resource.properties.audiences,
        }
    }
}

impl ManagementClient {
    /// Creates an identity in the default resource group, or updates the one of that name.
    ///
    /// # Errors
    /// [`ClientError`]; so for all calls here.
    pub async fn create_identity(&self, name: &str, location: Option<&str>) -> Result<Identity, ClientError> {
        let location = match location {
            Some(location) => location.to_owned(),
            None => self.group_location(&self.installation.resource_group).await?,
        };
        let body = json!({ "location": location });
        let path = self.identity_path(name);
        let answer = self.arm(Method::PUT, &path, IDENTITY_VERSION, Some(&body)).await?;
        Ok(answer.json::<Resource<IdentityProperties>>()?.into())
    }

    /// The identities of the default resource group.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn identities(&self) -> Result<Vec<Identity>, ClientError> {
        let path = format!("{}/providers/Microsoft.ManagedIdentity/userAssignedIdentities", self.group_path());
        let all: Vec<Resource<IdentityProperties>> = self.all_pages(&path, IDENTITY_VERSION).await?;
        Ok(all.into_iter().map(Into::into).collect())
    }

    /// One identity.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn identity(&self, name: &str) -> Result<Identity, ClientError> {
        let answer = self.arm(Method::GET, &self.identity_path(name), IDENTITY_VERSION, None).await?;
        Ok(answer.json::<Resource<IdentityProperties>>()?.into())
    }

    /// Deletes an identity; false where there was none.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn delete_identity(&self, name: &str) -> Result<bool, ClientError> {
        let answer = self.arm(Method::DELETE, &self.identity_path(name), IDENTITY_VERSION, None).await?;
        Ok(answer.status != reqwest::StatusCode::NO_CONTENT)
    }

    /// Creates or replaces a federated credential.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn put_federated_credential<'a>(
        &self,
        identity: &str,
        name: &str,
        issuer: &str,
        matching: impl Into<Matching<'a>>,
        audience: &str,
    ) -> Result<FederatedCredential, ClientError> {
        let path = self.credential_path(identity, name);
        let body = credential_body(issuer, matching.into(), audience);
        let answer = self.arm(Method::PUT, &path, CREDENTIAL_VERSION, Some(&body)).await?;
        Ok(answer.json::<Resource<CredentialProperties>>()?.into())
    }

    /// The federated credentials of an identity.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn federated_credentials(&self, identity: &str) -> Result<Vec<FederatedCredential>, ClientError> {
        let path = format!("{}/federatedIdentityCredentials", self.identity_path(identity));
        let all: Vec<Resource<CredentialProperties>> = self.all_pages(&path, CREDENTIAL_VERSION).await?;
        Ok(all.into_iter().map(Into::into).collect())
    }

    /// One federated credential.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn federated_credential(&self, identity: &str, name: &str) -> Result<FederatedCredential, ClientError> {
        let answer = self.arm(Method::GET, &self.credential_path(identity, name), CREDENTIAL_VERSION, None).await?;
        Ok(answer.json::<Resource<CredentialProperties>>()?.into())
    }

    /// Deletes a federated credential; false where there was none.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn delete_federated_credential(&self, identity: &str, name: &str) -> Result<bool, ClientError> {
        let answer = self.arm(Method::DELETE, &self.credential_path(identity, name), CREDENTIAL_VERSION, None).await?;
        Ok(answer.status != reqwest::StatusCode::NO_CONTENT)
    }

    fn group_path(&self) -> String {
        self.path_of_group(&self.installation.resource_group)
    }

    /// The path of a resource group of the default subscription.
    fn path_of_group(&self, group: &str) -> String {
        format!("/subscriptions/{}/resourceGroups/{}", segment(&self.installation.subscription_id), segment(group))
    }

    fn identity_path(&self, name: &str) -> String {
        self.identity_in(&self.installation.resource_group, name)
    }

    /// The path of an identity in a resource group of the default subscription.
    pub(crate) fn identity_in(&self, group: &str, name: &str) -> String {
        let group = self.path_of_group(group);
        format!("{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{}", segment(name))
    }

    fn credential_path(&self, identity: &str, name: &str) -> String {
        format!("{}/federatedIdentityCredentials/{}", self.identity_path(identity), segment(name))
    }

    /// A resource group's region; az asks for it in the same way.
    pub(crate) async fn group_location(&self, group: &str) -> Result<String, ClientError> {
        let group = self.group(group).await?;
        Ok(group["location"].as_str().unwrap_or("local").to_owned())
    }

    pub(crate) async fn arm(
        &self,
        method: Method,
        path: &str,
        version: &str,
        body: Option<&Value>,
    ) -> Result<Answer, ClientError> {
        self.call(Audience::ResourceManager, method, &format!("{path}?api-version={version}"), body).await
    }

    pub(crate) async fn all_pages<T: DeserializeOwned>(
        &self,
        path: &str,
        version: &str,
    ) -> Result<Vec<T>, ClientError> {
        self.pages(format!("{path}?api-version={version}")).await
    }

    /// All items of a list, from its first page on.
    pub(crate) async fn pages<T: DeserializeOwned>(&self, first: String) -> Result<Vec<T>, ClientError> {
        let mut all = Vec::new();
        let mut next = Some(first);
        while let Some(path) = next {
            let page: Page<T> = self.call(Audience::ResourceManager, Method::GET, &path, None).await?.json()?;
            all.extend(page.value);
            next = page.next_link.map(|link| self.own_path(&link)).transpose()?;
        }
        Ok(all)
    }

    /// The path of a link, which must stay on the management plane: the administrator's token goes
    /// nowhere else.
    fn own_path(&self, link: &str) -> Result<String, ClientError> {
        let own = link.strip_prefix(&self.installation.management).filter(|path| path.starts_with('/'));
        own.map(str::to_owned).ok_or_else(|| ClientError::Unexpected {
            url: link.to_owned(),
            status: 200,
            reason: "a link to another server".into(),
        })
    }
}

/// What ARM is sent for a federated credential.
pub(crate) fn credential_body(issuer: &str, matching: Matching<'_>, audience: &str) -> Value {
    let properties = match matching {
        Matching::Subject(subject) => json!({ "issuer": issuer, "subject": subject, "audiences": [audience] }),
        Matching::Expression(value) => json!({
            "issuer": issuer,
            "claimsMatchingExpression": { "languageVersion": LANGUAGE_VERSION, "value": value },
            "audiences": [audience],
        }),
    };
    json!({ "properties": properties })
}
