//! Tenants, subscriptions and resource groups.

use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Audience, ClientError, ManagementClient, segment};

const GROUP_VERSION: &str = "2024-11-01";

/// A list of Symbolon's own API.
#[derive(Deserialize)]
struct List {
    value: Vec<Value>,
}

/// The answers are passed on as the API words them: the command line prints them so.
impl ManagementClient {
    /// Makes a tenant. The answer holds the key of its administrator, this once.
    ///
    /// # Errors
    /// [`ClientError`]; so for all calls here.
    pub async fn create_tenant(&self, wanted: &Value) -> Result<Value, ClientError> {
        self.tenants_api(Method::POST, "/symbolon/v1/tenants", Some(wanted)).await
    }

    /// All tenants.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn tenants(&self) -> Result<Vec<Value>, ClientError> {
        self.list("/symbolon/v1/tenants").await
    }

    /// The administrator's own tenant.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn tenant(&self) -> Result<Value, ClientError> {
        self.tenants_api(Method::GET, "/symbolon/v1/tenant", None).await
    }

    /// Changes the administrator's own tenant.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn update_tenant(&self, changes: &Value) -> Result<Value, ClientError> {
        self.tenants_api(Method::PATCH, "/symbolon/v1/tenant", Some(changes)).await
    }

    /// Makes a subscription in the administrator's own tenant.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn create_subscription(&self, display_name: &str) -> Result<Value, ClientError> {
        let body = json!({ "displayName": display_name });
        self.tenants_api(Method::POST, "/symbolon/v1/subscriptions", Some(&body)).await
    }

    /// The subscriptions of the administrator's own tenant.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn subscriptions(&self) -> Result<Vec<Value>, ClientError> {
        self.list("/symbolon/v1/subscriptions").await
    }

    /// Creates a resource group in the default subscription, or updates the one of that name.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn put_group(&self, name: &str, location: &str) -> Result<Value, ClientError> {
        let body = json!({ "location": location });
        self.tenants_api(Method::PUT, &self.named_group(name), Some(&body)).await
    }

    /// The resource groups of the default subscription.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn groups(&self) -> Result<Vec<Value>, ClientError> {
        let subscription = segment(&self.installation.subscription_id);
        let path = format!("/subscriptions/{subscription}/resourceGroups");
        self.all_pages(&path, GROUP_VERSION).await
    }

    /// One resource group.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn group(&self, name: &str) -> Result<Value, ClientError> {
        self.tenants_api(Method::GET, &self.named_group(name), None).await
    }

    /// Deletes a resource group with everything in it; false where there was none.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn delete_group(&self, name: &str) -> Result<bool, ClientError> {
        let answer = self.call(Audience::ResourceManager, Method::DELETE, &self.named_group(name), None).await;
        match answer {
            Ok(answer) => Ok(answer.status == StatusCode::OK),
            Err(ClientError::Api { code, .. }) if code == "ResourceGroupNotFound" => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn named_group(&self, name: &str) -> String {
        let subscription = segment(&self.installation.subscription_id);
        format!("/subscriptions/{subscription}/resourceGroups/{}?api-version={GROUP_VERSION}", segment(name))
    }

    async fn tenants_api(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, ClientError> {
        self.call(Audience::ResourceManager, method, path, body).await?.json()
    }

    async fn list(&self, path: &str) -> Result<Vec<Value>, ClientError> {
        let list: List = self.call(Audience::ResourceManager, Method::GET, path, None).await?.json()?;
        Ok(list.value)
    }
}
