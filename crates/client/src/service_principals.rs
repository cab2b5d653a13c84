//! Service principals, through Microsoft Graph.

use reqwest::Method;
use serde_json::json;

use crate::{ClientError, ManagementClient, ServicePrincipal, segment};

impl ManagementClient {
    /// Creates the service principal of an application.
    ///
    /// # Errors
    /// [`ClientError`]; so for all calls here.
    pub async fn create_service_principal(&self, application: &str) -> Result<ServicePrincipal, ClientError> {
        let found = self.application(application).await?;
        self.graph(Method::POST, "/servicePrincipals", Some(&json!({ "appId": found.app_id }))).await?.json()
    }

    /// All service principals, those of managed identities among them.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn service_principals(&self) -> Result<Vec<ServicePrincipal>, ClientError> {
        self.graph_pages("/servicePrincipals").await
    }

    /// The service principal with this client id or object id.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn service_principal(&self, id: &str) -> Result<ServicePrincipal, ClientError> {
        let by_app_id = format!("/servicePrincipals(appId='{}')", segment(id));
        match self.graph(Method::GET, &by_app_id, None).await {
            Ok(answer) => answer.json(),
            Err(error) if error.is_not_found() => {
                self.graph(Method::GET, &format!("/servicePrincipals/{}", segment(id)), None).await?.json()
            }
            Err(error) => Err(error),
        }
    }

    /// Deletes a service principal with its role assignments; false where there was none.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn delete_service_principal(&self, id: &str) -> Result<bool, ClientError> {
        let found = match self.service_principal(id).await {
            Ok(found) => found,
            Err(error) if error.is_not_found() => return Ok(false),
            Err(error) => return Err(error),
        };
        self.graph(Method::DELETE, &format!("/servicePrincipals/{}", found.id), None).await?;
        Ok(true)
    }
}
