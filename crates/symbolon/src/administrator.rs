//! The administrator of a tenant: an application with a certificate.

use std::{error::Error, fs, path::Path};

use anyhow::{Context as _, Result};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use symbolon_authority::signing_keys;
use symbolon_core::{
    ClientId, ObjectId, TenantId,
    application::{Application, ClientCertificate, ServicePrincipal, TokenVersion},
    ports::{Clock, Random},
};
use symbolon_jose::{KeyKind, SigningKey, digest};
use symbolon_management::{AdministratorMaker, NewAdministrator};
use zeroize::Zeroizing;

use crate::system::{SystemClock, SystemEntropy};

/// Seconds that the certificate is valid.
const SECONDS: i64 = 5 * 365 * 24 * 3600;

/// `administrator.json`: the key and certificate of the application that holds Owner at `/`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Administrator {
    pub(crate) tenant_id: TenantId,
    pub(crate) client_id: ClientId,
    object_id: ObjectId,
    pub(crate) principal_id: ObjectId,
    certificate: String,
    private_key: Zeroizing<String>,
    not_before: i64,
}

impl Administrator {
    /// One with a new key, which takes a while to make.
    ///
    /// # Errors
    /// When no key or certificate can be made.
    pub(crate) fn new(tenant: TenantId) -> Result<Self> {
        let random = SystemEntropy::new();
        let now = SystemClock.now();
        let key = SigningKey::generate(KeyKind::Rsa2048)?;
        let certificate = signing_keys::self_signed("Symbolon administrator", &key.to_pkcs8_der(), now, &random)?;
        Ok(Self {
            tenant_id: tenant,
            client_id: ClientId::new(random.guid()),
            object_id: ObjectId::new(random.guid()),
            principal_id: ObjectId::new(random.guid()),
            certificate: pem("CERTIFICATE", &certificate),
            private_key: key.to_pkcs8_pem(),
            not_before: now.as_second(),
        })
    }

    /// What a file in the form of `administrator.json` says.
    ///
    /// # Errors
    /// When it cannot be read, or is damaged.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text =
            fs::read(path).map(Zeroizing::new).with_context(|| format!("`{}` cannot be read", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("`{}` is damaged", path.display()))
    }

    /// The key and the certificate in one PEM text, as other tools take them.
    pub(crate) fn key_and_certificate(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{}{}", self.private_key.as_str(), self.certificate))
    }

    /// The application that it is in its tenant's directory.
    ///
    /// # Errors
    /// When the certificate is damaged.
    pub(crate) fn application(&self) -> Result<Application> {
        let base64: String = self.certificate.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = STANDARD.decode(&base64)?;
        Ok(Application {
            tenant: self.tenant_id,
            object_id: self.object_id,
            app_id: self.client_id,
            display_name: "Symbolon administrator".into(),
            identifier_uris: Vec::new(),
            token_version: TokenVersion::V1,
            created: self.not_before,
            service_principal: Some(ServicePrincipal { object_id: self.principal_id, enabled: true }),
            secrets: Vec::new(),
            certificates: vec![ClientCertificate {
                key_id: ObjectId::new(SystemEntropy::new().guid()),
                display_name: Some("administrator.json".into()),
                start: self.not_before,
                end: self.not_before + SECONDS,
                x5t: digest::sha1_base64url(&der),
                x5t_s256: digest::sha256_base64url(&der),
                certificate: base64,
            }],
            version: 0,
        })
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    use std::fmt::Write;
    let encoded = STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    for start in (0..encoded.len()).step_by(64) {
        // Writing to a String cannot fail, and base64 is ASCII.
        let _ = writeln!(text, "{}", &encoded[start..encoded.len().min(start + 64)]);
    }
    let _ = writeln!(text, "-----END {label}-----");
    text
}

/// Makes the administrators of tenants that come later, in the same way as the first one.
pub(crate) struct Administrators;

impl AdministratorMaker for Administrators {
    fn make(&self, tenant: TenantId) -> Result<NewAdministrator, Box<dyn Error + Send + Sync>> {
        let made = Administrator::new(tenant)?;
        Ok(NewAdministrator { application: made.application()?, file: serde_json::to_value(&made)? })
    }
}
