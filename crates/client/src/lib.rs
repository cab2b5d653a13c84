#![doc = include_str!("../README.md")]

mod administrator;
mod application_federated_credentials;
mod applications;
mod desired;
mod error;
mod exchange;
mod identities;
mod installation;
mod model;
mod roles;
mod service_principals;
mod symbolon_api;
mod tenants;
mod transport;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use reqwest::Method;
use serde_json::Value;
use symbolon_core::ports::Clock;
use tokio::sync::Mutex;

pub use desired::{
    Action, Change, CredentialEntry, Document, Found, GrantEntry, IdentityEntry, InvalidDocument, IssuerEntry, Kind,
    Object, Place, RoleEntry, ServiceAccountEntry, Step, plan,
};
pub use error::ClientError;
pub use exchange::{EntraError, TokenAnswer};
pub use installation::Installation;
pub use model::{
    Application, ApplicationCredential, ApplicationUpdate, FederatedCredential, Identity, Matching, NewSecret,
    RoleAssignment, RoleDefinition, ServiceAccount, ServiceAccountToken, ServicePrincipal, TokenRequest, TrustedIssuer,
};
pub use symbolon_api::CLIENT_ID_ANNOTATION;
use transport::Transport;
pub use transport::WireRecord;

/// Seconds before its end at which a token is no longer used.
const RENEW_SECONDS: i64 = 300;

/// The administrator's token for one API.
struct Token {
    value: String,
    /// Unix seconds.
    fresh_until: i64,
}

/// Which API a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Audience {
    /// Azure Resource Manager and Symbolon's own API.
    ResourceManager,
    /// Microsoft Graph.
    Graph,
}

/// A client of the installation in one data directory.
pub struct ManagementClient {
    installation: Installation,
    /// Where the administrator's key lies.
    administrator: PathBuf,
    clock: Arc<dyn Clock>,
    transport: Transport,
    tokens: Mutex<HashMap<Audience, Token>>,
}

impl ManagementClient {
    /// Reads where the installation in `data_dir` is reached. The administrator's key is read only
    /// when it is needed.
    ///
    /// # Errors
    /// [`ClientError`], when there is no installation or its files are damaged.
    pub fn open(data_dir: &Path, clock: Arc<dyn Clock>) -> Result<Self, ClientError> {
        let installation = Installation::read(data_dir)?;
        let transport = Transport::new(Path::new(&installation.ca_file), data_dir)?;
        let administrator = data_dir.join("administrator.json");
        Ok(Self { installation, administrator, clock, transport, tokens: Mutex::default() })
    }

    /// Acts as the administrator whose key is in `file`, in its tenant and where that begins.
    ///
    /// # Errors
    /// [`ClientError`], when the file cannot be read or is damaged.
    pub fn acting_as(mut self, file: &Path) -> Result<Self, ClientError> {
        administrator::place(file, &mut self.installation)?;
        file.clone_into(&mut self.administrator);
        Ok(self)
    }

    /// Has every call of the management plane told to `observer`. Tokens are not part of it.
    #[must_use]
    pub fn observed(mut self, observer: Arc<dyn Fn(WireRecord) + Send + Sync>) -> Self {
        self.transport.observer = Some(observer);
        self
    }

    /// Gets a document that everybody may read, such as a key set.
    ///
    /// # Errors
    /// [`ClientError`], when it cannot be had.
    pub async fn get_public(&self, url: &str) -> Result<Vec<u8>, ClientError> {
        self.transport.get_public(url).await
    }

    /// Posts a document to a part that asks for no token, such as a review to the webhook.
    ///
    /// # Errors
    /// [`ClientError`], when there is no answer, or one that is not JSON.
    pub async fn post_public(&self, url: &str, body: &serde_json::Value) -> Result<serde_json::Value, ClientError> {
        self.transport.post_public(url, body).await
    }

    /// Calls the management plane as the administrator.
    async fn call(
        &self,
        audience: Audience,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<transport::Answer, ClientError> {
        let token = self.token(audience).await?;
        let url = format!("{}{path}", self.installation.management);
        self.transport.call(method, &url, &token, body).await
    }

    /// The administrator's token; asked for again shortly before it expires, since `symbolon run` and
    /// `audit list --follow` outlive it.
    async fn token(&self, audience: Audience) -> Result<String, ClientError> {
        let mut tokens = self.tokens.lock().await;
        let now = self.clock.now().as_second();
        if let Some(token) = tokens.get(&audience).filter(|token| now < token.fresh_until) {
            return Ok(token.value.clone());
        }
        let answer = administrator::token(self, audience).await?;
        let fresh_until = now + answer.expires_in - RENEW_SECONDS;
        tokens.insert(audience, Token { value: answer.access_token.clone(), fresh_until });
        Ok(answer.access_token)
    }
}

/// Percent-encodes one segment of a path.
fn segment(text: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const KEPT: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    utf8_percent_encode(text, &KEPT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_cannot_leave_its_place() {
        assert_eq!(segment("a/b?c#d e"), "a%2Fb%3Fc%23d%20e");
        assert_eq!(segment("my-id_1.x"), "my-id_1.x");
    }
}
