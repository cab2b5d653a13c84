//! The administrator: a certificate's key in a file that only its owner can read.

use std::path::Path;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use symbolon_jose::{SigningHeader, SigningKey, digest};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{Audience, ClientError, Installation, ManagementClient, TokenAnswer, exchange::token_request};

/// Seconds that an assertion lives.
const ASSERTION_SECONDS: i64 = 300;

/// What `administrator.json` says.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Administrator {
    tenant_id: String,
    client_id: String,
    certificate: String,
    private_key: Zeroizing<String>,
    #[serde(default)]
    subscription_id: Option<String>,
    #[serde(default)]
    resource_group: Option<String>,
}

/// The claims of RFC 7523, section 3.
#[derive(Serialize)]
struct Claims<'a> {
    aud: &'a str,
    iss: &'a str,
    sub: &'a str,
    jti: Uuid,
    iat: i64,
    nbf: i64,
    exp: i64,
}

/// Asks the authority for a token as the administrator (`private_key_jwt`).
pub(crate) async fn token(client: &ManagementClient, audience: Audience) -> Result<TokenAnswer, ClientError> {
    let administrator = read(&client.administrator)?;
    let endpoint = format!("{}/{}/oauth2/v2.0/token", client.installation.authority, administrator.tenant_id);
    let assertion = sign(&administrator, &endpoint, client.clock.now().as_second())?;
    let scope = match audience {
        Audience::ResourceManager => format!("{}/.default", client.installation.management),
        Audience::Graph => "https://graph.microsoft.com/.default".to_owned(),
    };
    let answer = token_request(&client.transport, &endpoint, &administrator.client_id, &assertion, &scope).await?;
    answer.map_err(|error| ClientError::Refused(error.error_description))
}

/// Puts the administrator's tenant, and where it begins, in the place of the installation's own.
pub(crate) fn place(file: &Path, installation: &mut Installation) -> Result<(), ClientError> {
    let administrator = read(file)?;
    installation.tenant_id = administrator.tenant_id;
    if let Some(subscription) = administrator.subscription_id {
        installation.subscription_id = subscription;
    }
    if let Some(group) = administrator.resource_group {
        installation.resource_group = group;
    }
    Ok(())
}

fn read(path: &Path) -> Result<Administrator, ClientError> {
    let text = std::fs::read(path)
        .map(Zeroizing::new)
        .map_err(|source| ClientError::Read { path: path.to_owned(), source })?;
    serde_json::from_slice(&text)
        .map_err(|error| ClientError::Damaged { path: path.to_owned(), reason: error.to_string() })
}

fn sign(administrator: &Administrator, endpoint: &str, now: i64) -> Result<Zeroizing<String>, ClientError> {
    let key = SigningKey::from_pem(&administrator.private_key).map_err(|error| ClientError::Key(error.into()))?;
    let base64: String = administrator.certificate.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = STANDARD.decode(base64).map_err(|error| ClientError::Key(error.into()))?;
    let header = SigningHeader {
        typ: Some("JWT".into()),
        x5t: Some(digest::sha1_base64url(&der)),
        x5t_s256: Some(digest::sha256_base64url(&der)),
        ..SigningHeader::default()
    };
    let claims = Claims {
        aud: endpoint,
        iss: &administrator.client_id,
        sub: &administrator.client_id,
        jti: Uuid::new_v4(),
        iat: now,
        nbf: now,
        exp: now + ASSERTION_SECONDS,
    };
    key.sign(&header, &claims).map(Zeroizing::new).map_err(|error| ClientError::Key(error.into()))
}

#[cfg(test)]
mod tests {
    use symbolon_jose::{KeyKind, Unverified};

    use super::*;

    #[test]
    fn an_assertion_names_its_certificate_and_lives_five_minutes() {
        let key = SigningKey::generate(KeyKind::P256).unwrap();
        let administrator = Administrator {
            tenant_id: "t".into(),
            client_id: "c".into(),
            certificate: "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n".into(),
            private_key: key.to_pkcs8_pem(),
            subscription_id: None,
            resource_group: None,
        };
        let assertion = sign(&administrator, "https://localhost/t/oauth2/v2.0/token", 1000).unwrap();
        let parsed = Unverified::parse(&assertion).unwrap();
        assert_eq!(parsed.header().x5t_s256(), Some(digest::sha256_base64url(&[1, 2, 3]).as_str()));
        let claims: serde_json::Value = parsed.claims().unwrap();
        assert_eq!((claims["iss"].as_str(), claims["sub"].as_str()), (Some("c"), Some("c")));
        assert_eq!(claims["aud"], "https://localhost/t/oauth2/v2.0/token");
        assert_eq!((claims["nbf"].as_i64(), claims["exp"].as_i64()), (Some(1000), Some(1300)));
        assert!(parsed.verify(key.verifying_key()).is_ok());
    }
}
