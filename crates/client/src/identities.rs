//! Managed identities and their federated credentials, through Azure Resource Manager.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{Audience, ClientError, FederatedCredential, Identity, ManagementClient, segment, transport::Answer};

const IDENTITY_VERSION: &str = "2025-05-31-preview";
const CREDENTIAL_VERSION: &str = "2025-01-31-preview";

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
struct CredentialProperties {
    issuer: String,
    subject: String,
    audiences: Vec<String>,
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
            None => self.group_location().await?,
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
    pub async fn put_federated_credential(
        &self,
        identity: &str,
        name: &str,
        issuer: &str,
        subject: &str,
        audience: &str,
    ) -> Result<FederatedCredential, ClientError> {
        let body = json!({ "properties": { "issuer": issuer, "subject": subject, "audiences": [audience] } });
        let path = self.credential_path(identity, name);
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
        let installation = &self.installation;
        format!(
            "/subscriptions/{}/resourceGroups/{}",
            segment(&installation.subscription_id),
            segment(&installation.resource_group)
        )
    }

    fn identity_path(&self, name: &str) -> String {
        format!("{}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{}", self.group_path(), segment(name))
    }

    fn credential_path(&self, identity: &str, name: &str) -> String {
        format!("{}/federatedIdentityCredentials/{}", self.identity_path(identity), segment(name))
    }

    /// The default resource group's region; az asks for it in the same way.
    async fn group_location(&self) -> Result<String, ClientError> {
        let answer = self.arm(Method::GET, &self.group_path(), "2024-11-01", None).await?;
        let group: Value = answer.json()?;
        Ok(group["location"].as_str().unwrap_or("local").to_owned())
    }

    async fn arm(
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
        let mut all = Vec::new();
        let mut next = Some(format!("{path}?api-version={version}"));
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
