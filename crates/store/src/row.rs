//! Rows as they stand in the tables, and how they are read.

use sqlx::FromRow;
use symbolon_core::{
    ClientId, TenantId,
    application::{self, ClientCertificate, ClientSecret, ServicePrincipal, TokenVersion},
    arm_id::IdentityPath,
    federated_credential::{FederatedCredential, Matching},
    managed_identity::ManagedIdentity,
    ports::management::StoredCredential,
    role::RoleAssignment,
};
use symbolon_jose::{base64url, digest};
use uuid::Uuid;

use crate::{
    error::Failure,
    load::{Key, from_json, parse},
};

fn key(tenant: &str, client: &str) -> Result<Key, Failure> {
    Ok((parse::<TenantId>("tenant id", tenant)?, parse::<ClientId>("client id", client)?))
}

#[derive(FromRow)]
pub(crate) struct IdentityRow {
    tenant_id: String,
    client_id: String,
    principal_id: String,
    subscription_id: String,
    resource_group: String,
    name: String,
    location: String,
    tags: String,
    version: i64,
}

impl IdentityRow {
    pub(crate) fn read(self) -> Result<ManagedIdentity, Failure> {
        let (tenant, client_id) = key(&self.tenant_id, &self.client_id)?;
        Ok(ManagedIdentity {
            tenant,
            path: IdentityPath {
                subscription: parse("subscription id", &self.subscription_id)?,
                resource_group: self.resource_group,
                name: self.name,
            },
            client_id,
            principal_id: parse("principal id", &self.principal_id)?,
            location: self.location,
            tags: from_json("tags", &self.tags)?,
            version: self.version,
        })
    }
}

#[derive(FromRow)]
pub(crate) struct ApplicationRow {
    tenant_id: String,
    client_id: String,
    object_id: String,
    display_name: String,
    token_version: i64,
    created: i64,
    version: i64,
    principal_id: Option<String>,
    principal_enabled: Option<bool>,
}

/// The number under which a token version is stored.
pub(crate) const fn token_version_number(version: TokenVersion) -> i64 {
    match version {
        TokenVersion::V1 => 1,
        TokenVersion::V2 => 2,
    }
}

impl ApplicationRow {
    /// Without what stands in other tables.
    pub(crate) fn read(self) -> Result<application::Application, Failure> {
        let (tenant, app_id) = key(&self.tenant_id, &self.client_id)?;
        let token_version = match self.token_version {
            1 => TokenVersion::V1,
            2 => TokenVersion::V2,
            other => {
                return Err(Failure::Damaged { what: "token version", reason: format!("`{other}` is unknown") });
            }
        };
        let service_principal = match (self.principal_id, self.principal_enabled) {
            (Some(id), Some(enabled)) => Some(ServicePrincipal { object_id: parse("principal id", &id)?, enabled }),
            _ => None,
        };
        Ok(application::Application {
            tenant,
            object_id: parse("object id", &self.object_id)?,
            app_id,
            display_name: self.display_name,
            identifier_uris: Vec::new(),
            token_version,
            created: self.created,
            service_principal,
            secrets: Vec::new(),
            certificates: Vec::new(),
            version: self.version,
        })
    }
}

#[derive(FromRow)]
pub(crate) struct UriRow {
    tenant_id: String,
    client_id: String,
    uri: String,
}

impl UriRow {
    pub(crate) fn read(self) -> Result<(Key, String), Failure> {
        Ok((key(&self.tenant_id, &self.client_id)?, self.uri))
    }
}

#[derive(FromRow)]
pub(crate) struct SecretRow {
    tenant_id: String,
    client_id: String,
    key_id: String,
    display_name: Option<String>,
    hint: String,
    valid_from: i64,
    valid_until: i64,
    hash: String,
}

impl SecretRow {
    pub(crate) fn read(self) -> Result<(Key, ClientSecret), Failure> {
        let secret = ClientSecret {
            key_id: parse("key id", &self.key_id)?,
            display_name: self.display_name,
            hint: self.hint,
            start: self.valid_from,
            end: self.valid_until,
            hash: from_json("secret hash", &self.hash)?,
        };
        Ok((key(&self.tenant_id, &self.client_id)?, secret))
    }
}

#[derive(FromRow)]
pub(crate) struct CertificateRow {
    tenant_id: String,
    client_id: String,
    key_id: String,
    display_name: Option<String>,
    valid_from: i64,
    valid_until: i64,
    certificate: String,
    x5t: String,
    x5t_s256: String,
}

impl CertificateRow {
    pub(crate) fn read(self) -> Result<(Key, ClientCertificate), Failure> {
        let certificate = ClientCertificate {
            key_id: parse("key id", &self.key_id)?,
            display_name: self.display_name,
            start: self.valid_from,
            end: self.valid_until,
            certificate: self.certificate,
            x5t: self.x5t,
            x5t_s256: self.x5t_s256,
        };
        Ok((key(&self.tenant_id, &self.client_id)?, certificate))
    }
}

#[derive(FromRow)]
pub(crate) struct CredentialRow {
    tenant_id: String,
    client_id: String,
    name: String,
    issuer: String,
    subject: String,
    audience: String,
    description: Option<String>,
    effective_at: i64,
    matching: String,
}

/// The kind under which it is stored what a credential matches.
pub(crate) const fn matching_kind(matching: &Matching) -> &'static str {
    match matching {
        Matching::Subject(_) => "subject",
        Matching::Expression(_) => "expression",
    }
}

fn matching(kind: &str, text: String) -> Result<Matching, Failure> {
    match kind {
        "subject" => Ok(Matching::Subject(text)),
        "expression" => Ok(Matching::Expression(parse("claims matching expression", &text)?)),
        other => Err(Failure::Damaged { what: "federated credential", reason: format!("`{other}` is unknown") }),
    }
}

impl CredentialRow {
    pub(crate) fn read(self) -> Result<(Key, FederatedCredential), Failure> {
        let audiences = [self.audience];
        let matching = matching(&self.matching, self.subject)?;
        let description = self.description.as_deref();
        let credential =
            FederatedCredential::with_matching(&self.name, &self.issuer, matching, &audiences, description)
                .map_err(|error| Failure::damaged("federated credential")(&error))?
                .effective_from(self.effective_at);
        Ok((key(&self.tenant_id, &self.client_id)?, credential))
    }
}

#[derive(FromRow)]
pub(crate) struct StoredCredentialRow {
    #[sqlx(flatten)]
    row: CredentialRow,
    created_version: i64,
    version: i64,
}

impl StoredCredentialRow {
    pub(crate) fn read(self) -> Result<StoredCredential, Failure> {
        let ((tenant, client), credential) = self.row.read()?;
        let id = credential_id(tenant, client, self.created_version, credential.name());
        Ok(StoredCredential { id, version: self.version, credential })
    }
}

/// The id of a credential. It is made of what never changes about the row, so that nothing more has
/// to be stored; one that is deleted and made again gets another.
fn credential_id(tenant: TenantId, client: ClientId, created_version: i64, name: &str) -> Uuid {
    let text = format!("{tenant}/{client}/{created_version}/{}", name.to_lowercase());
    let mut bytes = [0; 16];
    let digest = base64url::decode(digest::sha256_base64url(text.as_bytes())).unwrap_or_default();
    bytes.iter_mut().zip(digest).for_each(|(byte, digest)| *byte = digest);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[derive(FromRow)]
pub(crate) struct RoleRow {
    tenant_id: String,
    id: String,
    principal_id: String,
    role_id: String,
    scope: String,
}

impl RoleRow {
    pub(crate) fn read(self) -> Result<RoleAssignment, Failure> {
        Ok(RoleAssignment {
            id: parse("role assignment id", &self.id)?,
            tenant: parse("tenant id", &self.tenant_id)?,
            principal: parse("principal id", &self.principal_id)?,
            role: parse("role id", &self.role_id)?,
            scope: self.scope,
        })
    }
}
