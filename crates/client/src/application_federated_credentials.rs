//! Federated credentials of applications, through Microsoft Graph.

use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

use crate::{ClientError, FederatedCredential, ManagementClient, segment};

/// A federated credential as Graph prints it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GraphFederatedCredential {
    id: String,
    name: String,
    issuer: String,
    subject: Option<String>,
    claims_matching_expression: Option<GraphExpression>,
    audiences: Vec<String>,
}

/// A claims matching expression as Graph prints it.
#[derive(Deserialize)]
struct GraphExpression {
    value: String,
}

impl From<GraphFederatedCredential> for FederatedCredential {
    fn from(found: GraphFederatedCredential) -> Self {
        let GraphFederatedCredential { id, name, issuer, subject, claims_matching_expression, audiences } = found;
        let claims_matching_expression = claims_matching_expression.map(|found| found.value);
        Self { name, id, issuer, subject, claims_matching_expression, audiences }
    }
}

impl ManagementClient {
    /// Creates a federated credential of an application; `parameters` is Graph's object.
    ///
    /// # Errors
    /// [`ClientError`]; so for all calls here.
    pub async fn create_application_federated_credential(
        &self,
        application: &str,
        parameters: &Value,
    ) -> Result<FederatedCredential, ClientError> {
        let path = self.credentials_path(application).await?;
        let made: GraphFederatedCredential = self.graph(Method::POST, &path, Some(parameters)).await?.json()?;
        Ok(made.into())
    }

    /// The federated credentials of an application.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn application_federated_credentials(
        &self,
        application: &str,
    ) -> Result<Vec<FederatedCredential>, ClientError> {
        let path = self.credentials_path(application).await?;
        let all: Vec<GraphFederatedCredential> = self.graph_pages(&path).await?;
        Ok(all.into_iter().map(Into::into).collect())
    }

    /// One federated credential of an application, by its id or name.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn application_federated_credential(
        &self,
        application: &str,
        credential: &str,
    ) -> Result<FederatedCredential, ClientError> {
        let path = format!("{}/{}", self.credentials_path(application).await?, segment(credential));
        let found: GraphFederatedCredential = self.graph(Method::GET, &path, None).await?.json()?;
        Ok(found.into())
    }

    /// Changes the members of a federated credential that `parameters` names.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn update_application_federated_credential(
        &self,
        application: &str,
        credential: &str,
        parameters: &Value,
    ) -> Result<FederatedCredential, ClientError> {
        let path = format!("{}/{}", self.credentials_path(application).await?, segment(credential));
        self.graph(Method::PATCH, &path, Some(parameters)).await?;
        let changed: GraphFederatedCredential = self.graph(Method::GET, &path, None).await?.json()?;
        Ok(changed.into())
    }

    /// Deletes a federated credential of an application; false where there was none.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn delete_application_federated_credential(
        &self,
        application: &str,
        credential: &str,
    ) -> Result<bool, ClientError> {
        let path = format!("{}/{}", self.credentials_path(application).await?, segment(credential));
        match self.graph(Method::DELETE, &path, None).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn credentials_path(&self, application: &str) -> Result<String, ClientError> {
        let found = self.application(application).await?;
        Ok(format!("/applications/{}/federatedIdentityCredentials", found.id))
    }
}
