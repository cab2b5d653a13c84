//! The token endpoint, as any client calls it.

use std::fmt;

use serde::Deserialize;

use crate::{ClientError, ManagementClient, transport::Transport};

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A token that was issued.
#[derive(Deserialize)]
pub struct TokenAnswer {
    /// `Bearer`
    pub token_type: String,
    /// Seconds.
    pub expires_in: i64,
    /// The access token.
    pub access_token: String,
}

impl fmt::Debug for TokenAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenAnswer").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}

/// A refusal in Entra's form.
#[derive(Clone, Debug, Deserialize)]
pub struct EntraError {
    /// The OAuth error.
    pub error: String,
    /// The text with the AADSTS code.
    pub error_description: String,
    /// The AADSTS codes.
    #[serde(default)]
    pub error_codes: Vec<u32>,
}

impl ManagementClient {
    /// Exchanges a federated token for an access token.
    ///
    /// # Errors
    /// [`ClientError`] when there is no answer; a refusal is the inner error.
    pub async fn exchange(
        &self,
        tenant: &str,
        client_id: &str,
        assertion: &str,
        scope: &str,
    ) -> Result<Result<TokenAnswer, EntraError>, ClientError> {
        let endpoint = format!("{}/{}/oauth2/v2.0/token", self.installation.authority, crate::segment(tenant));
        token_request(&self.transport, &endpoint, client_id, assertion, scope).await
    }
}

pub(crate) async fn token_request(
    transport: &Transport,
    endpoint: &str,
    client_id: &str,
    assertion: &str,
    scope: &str,
) -> Result<Result<TokenAnswer, EntraError>, ClientError> {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", client_id),
        ("client_assertion_type", JWT_BEARER),
        ("client_assertion", assertion),
        ("scope", scope),
    ];
    let (status, body) = transport.post_form(endpoint, &form).await?;
    let unexpected = |error: serde_json::Error| ClientError::Unexpected {
        url: endpoint.to_owned(),
        status: status.as_u16(),
        reason: error.to_string(),
    };
    if status.is_success() {
        return serde_json::from_value(body).map(Ok).map_err(unexpected);
    }
    serde_json::from_value(body).map(Err).map_err(unexpected)
}
