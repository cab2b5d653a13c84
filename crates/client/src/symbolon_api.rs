//! Symbolon's own API: service accounts, trusted issuers, audit.

use jiff::Timestamp;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use symbolon_core::audit::AuditEntry;

use crate::{
    Audience, ClientError, ManagementClient, ServiceAccount, ServiceAccountToken, TokenRequest, TrustedIssuer, segment,
    transport::Answer,
};

const BASE: &str = "/symbolon/v1";
/// The service account's annotation that names the identity.
pub const CLIENT_ID_ANNOTATION: &str = "azure.workload.identity/client-id";
const TENANT_ID_ANNOTATION: &str = "azure.workload.identity/tenant-id";

/// A list of Symbolon's own API.
#[derive(Deserialize)]
struct List<T> {
    value: Vec<T>,
}

/// The answer to a token request, in Kubernetes' form.
#[derive(Deserialize)]
struct TokenAnswer {
    status: TokenStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenStatus {
    token: String,
    expiration_timestamp: Timestamp,
}

impl ManagementClient {
    pub(crate) async fn own(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, ClientError> {
        self.call(Audience::ResourceManager, method, &format!("{BASE}{path}"), body).await
    }

    /// Creates a service account, annotated with an identity where one is given.
    ///
    /// # Errors
    /// [`ClientError`]; so for all calls here.
    pub async fn create_service_account(
        &self,
        namespace: &str,
        name: &str,
        client_id: Option<&str>,
        tenant_id: Option<&str>,
    ) -> Result<ServiceAccount, ClientError> {
        let mut annotations = Map::new();
        for (annotation, value) in [(CLIENT_ID_ANNOTATION, client_id), (TENANT_ID_ANNOTATION, tenant_id)] {
            if let Some(value) = value {
                annotations.insert(annotation.to_owned(), value.into());
            }
        }
        let body = json!({ "namespace": namespace, "name": name, "annotations": annotations });
        self.own(Method::POST, "/serviceaccounts", Some(&body)).await?.json()
    }

    /// The service accounts, of one namespace where it is named.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn service_accounts(&self, namespace: Option<&str>) -> Result<Vec<ServiceAccount>, ClientError> {
        let query = namespace.map(|namespace| format!("?namespace={}", segment(namespace))).unwrap_or_default();
        let list: List<_> = self.own(Method::GET, &format!("/serviceaccounts{query}"), None).await?.json()?;
        Ok(list.value)
    }

    /// One service account.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn service_account(&self, namespace: &str, name: &str) -> Result<ServiceAccount, ClientError> {
        self.own(Method::GET, &account_path(namespace, name), None).await?.json()
    }

    /// Deletes a service account; false where there was none.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn delete_service_account(&self, namespace: &str, name: &str) -> Result<bool, ClientError> {
        let answer = self.own(Method::DELETE, &account_path(namespace, name), None).await?;
        Ok(answer.status != StatusCode::NO_CONTENT)
    }

    /// Makes a service-account token.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn create_service_account_token(
        &self,
        namespace: &str,
        name: &str,
        request: &TokenRequest,
    ) -> Result<ServiceAccountToken, ClientError> {
        let mut spec = json!({
            "audiences": request.audiences,
            "expirationSeconds": request.expiration_seconds,
        });
        if let Some(pod) = &request.pod {
            spec["boundObjectRef"] = json!({ "apiVersion": "v1", "kind": "Pod", "name": pod });
        }
        if let Some(node) = &request.node {
            spec["nodeName"] = json!(node);
        }
        let body = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec });
        let path = format!("{}/token", account_path(namespace, name));
        let answer: TokenAnswer = self.own(Method::POST, &path, Some(&body)).await?.json()?;
        let expiration = answer.status.expiration_timestamp.as_second();
        Ok(ServiceAccountToken { token: answer.status.token, expiration })
    }

    /// Creates or replaces the registration of an issuer.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn put_trusted_issuer(
        &self,
        issuer: &str,
        jwks: Option<&str>,
        ca_pem: Option<&str>,
        allow_private: bool,
    ) -> Result<TrustedIssuer, ClientError> {
        let body = json!({ "issuer": issuer, "jwks": jwks, "caPem": ca_pem, "allowPrivate": allow_private });
        self.own(Method::PUT, "/trusted-issuers", Some(&body)).await?.json()
    }

    /// All registrations.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn trusted_issuers(&self) -> Result<Vec<TrustedIssuer>, ClientError> {
        let list: List<_> = self.own(Method::GET, "/trusted-issuers", None).await?.json()?;
        Ok(list.value)
    }

    /// One registration.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn trusted_issuer(&self, issuer: &str) -> Result<TrustedIssuer, ClientError> {
        self.own(Method::GET, &format!("/trusted-issuers/{}", segment(issuer)), None).await?.json()
    }

    /// Deletes a registration; false where there was none.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn delete_trusted_issuer(&self, issuer: &str) -> Result<bool, ClientError> {
        let answer = self.own(Method::DELETE, &format!("/trusted-issuers/{}", segment(issuer)), None).await?;
        Ok(answer.status != StatusCode::NO_CONTENT)
    }

    /// Entries of the audit trail, oldest first: the newest `limit`, or those after `after`.
    /// Where there are none after it, the server waits up to `wait` seconds for some.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn audit(
        &self,
        after: Option<i64>,
        limit: Option<u32>,
        wait: Option<u32>,
    ) -> Result<Vec<AuditEntry>, ClientError> {
        let parameters = [
            after.map(|after| format!("after={after}")),
            limit.map(|limit| format!("limit={limit}")),
            wait.map(|wait| format!("wait={wait}")),
        ];
        let query = parameters.into_iter().flatten().collect::<Vec<_>>().join("&");
        let list: List<_> = self.own(Method::GET, &format!("/audit?{query}"), None).await?.json()?;
        Ok(list.value)
    }
}

pub(crate) fn account_path(namespace: &str, name: &str) -> String {
    format!("/namespaces/{}/serviceaccounts/{}", segment(namespace), segment(name))
}
