//! All ports of the exchange in memory, and what they were asked.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use async_trait::async_trait;
use jiff::Timestamp;
use symbolon_core::{
    ClientId, ObjectId, Tenant, TenantId,
    access::Access,
    application::{
        Application, CertificateKey, ClientCertificate, ClientSecret, SecretHash, ServicePrincipal, TokenVersion,
    },
    audit::AuditRecord,
    client::{Client, ClientKind, Principal},
    exchange::Exchange,
    federated_credential::{FederatedCredential, FederatedCredentials, Matching},
    ports::{AuditLog, AuthorityKeys, Clock, Directory, IssuerKeys, IssuerKeysError, PortError, Random, Signer},
    role::{RoleAssignment, RoleDefinition},
    tenant::TenantSettings,
    urls::Urls,
};
use symbolon_jose::{KeyKind, SigningHeader, SigningKey, VerifyingKey, digest};
use uuid::{Uuid, uuid};

use crate::token::{FAMILIES, ISSUER_KEYS};

/// 2026-06-01T12:00:00Z
pub(crate) const NOW: i64 = 1_780_315_200;
pub(crate) const ISSUER: &str = "https://issuer.example/cluster";
pub(crate) const SUBJECT: &str = "system:serviceaccount:default:sademo";
pub(crate) const AUDIENCE: &str = "api://AzureADTokenExchange";
pub(crate) const AUTHORITY: &str = "https://localhost:8443";
pub(crate) const SECRET: &str = "9Zk8Q~this-is-the-good-secret-of-the-app";
pub(crate) const OLD_SECRET: &str = "1Ab8Q~this-is-the-old-secret-of-the-app-";
pub(crate) const OTHER_SECRET: &str = "7Xy8Q~this-is-the-secret-of-another-app-";

pub(crate) const TENANT: TenantId = TenantId::new(uuid!("11111111-1111-4111-8111-111111111111"));
pub(crate) const OTHER_TENANT: TenantId = TenantId::new(uuid!("22222222-2222-4222-8222-222222222222"));
/// A managed identity with one federated credential.
pub(crate) const IDENTITY: ClientId = ClientId::new(uuid!("aaaaaaaa-0000-4000-8000-000000000001"));
pub(crate) const IDENTITY_OBJECT: ObjectId = ObjectId::new(uuid!("aaaaaaaa-0000-4000-8000-00000000000f"));
/// A managed identity without any.
pub(crate) const BARE_IDENTITY: ClientId = ClientId::new(uuid!("aaaaaaaa-0000-4000-8000-000000000002"));
/// An application with a secret, a certificate and a federated credential.
pub(crate) const APP: ClientId = ClientId::new(uuid!("bbbbbbbb-0000-4000-8000-000000000001"));
pub(crate) const APP_OBJECT: ObjectId = ObjectId::new(uuid!("bbbbbbbb-0000-4000-8000-00000000000f"));
/// Another application, with a secret.
pub(crate) const OTHER_APP: ClientId = ClientId::new(uuid!("bbbbbbbb-0000-4000-8000-000000000002"));
/// An identity of the other tenant.
pub(crate) const FOREIGN_IDENTITY: ClientId = ClientId::new(uuid!("aaaaaaaa-0000-4000-8000-000000000003"));
/// Applications as resources.
pub(crate) const RESOURCE_V1: ClientId = ClientId::new(uuid!("cccccccc-0000-4000-8000-000000000001"));
pub(crate) const RESOURCE_V2: ClientId = ClientId::new(uuid!("cccccccc-0000-4000-8000-000000000002"));

/// The `kid` of the authority's key.
pub(crate) const AUTHORITY_KEY_ID: &str = "authority-key";
pub(crate) static AUTHORITY_KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(KeyKind::P256).unwrap());

/// An issuer's key that was asked for.
pub(crate) type Asked = (TenantId, String, String);

pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) tenants: Vec<Arc<Tenant>>,
    pub(crate) clients: Vec<Arc<Client>>,
    pub(crate) resources: Vec<Arc<Application>>,
    pub(crate) roles: Vec<RoleAssignment>,
    pub(crate) issuer_keys: HashMap<Asked, VerifyingKey>,
    /// What every question for an issuer's key is answered.
    pub(crate) issuer_failure: Option<IssuerKeysError>,
    pub(crate) audit_fails: bool,
    pub(crate) signer_fails: bool,
    pub(crate) asked: Mutex<Vec<Asked>>,
    pub(crate) records: Mutex<Vec<AuditRecord>>,
    random: AtomicU64,
}

impl World {
    pub(crate) fn new() -> Self {
        let keys = FAMILIES.map(|family| ((TENANT, ISSUER.to_owned(), family.to_owned()), ISSUER_KEYS.public(family)));
        Self {
            now: Timestamp::from_second(NOW).unwrap(),
            tenants: vec![
                tenant(TENANT, "Contoso", "contoso.example"),
                tenant(OTHER_TENANT, "Fabrikam", "fabrikam.example"),
            ],
            clients: clients(),
            resources: vec![
                resource(RESOURCE_V1, "api://one", TokenVersion::V1),
                resource(RESOURCE_V2, "api://two", TokenVersion::V2),
            ],
            roles: Vec::new(),
            issuer_keys: HashMap::from(keys),
            issuer_failure: None,
            audit_fails: false,
            signer_fails: false,
            asked: Mutex::default(),
            records: Mutex::default(),
            random: AtomicU64::new(1),
        }
    }

    pub(crate) fn at(mut self, second: i64) -> Self {
        self.now = Timestamp::from_second(second).unwrap();
        self
    }

    /// The client, to be changed before the world is shared.
    pub(crate) fn client_mut(&mut self, id: ClientId) -> &mut Client {
        let found = self.clients.iter_mut().find(|client| client.client_id == id).unwrap();
        Arc::get_mut(found).unwrap()
    }

    pub(crate) fn resource_mut(&mut self, id: ClientId) -> &mut Application {
        let found = self.resources.iter_mut().find(|application| application.app_id == id).unwrap();
        Arc::get_mut(found).unwrap()
    }

    pub(crate) fn exchange(self: &Arc<Self>) -> Exchange {
        Exchange {
            directory: self.clone(),
            issuer_keys: self.clone(),
            signer: self.clone(),
            audit: self.clone(),
            clock: self.clone(),
            random: self.clone(),
            urls: urls(),
        }
    }

    pub(crate) fn access(self: &Arc<Self>) -> Access {
        Access { directory: self.clone(), keys: self.clone(), clock: self.clone(), urls: urls() }
    }
}

pub(crate) fn urls() -> Urls {
    Urls {
        authority: AUTHORITY.into(),
        management: "https://localhost:8444".into(),
        vault: "https://localhost:8445".into(),
        app_configuration: "https://localhost:8446".into(),
    }
}

fn tenant(id: TenantId, name: &str, domain: &str) -> Arc<Tenant> {
    let settings = TenantSettings::default();
    Arc::new(Tenant { id, display_name: name.into(), domains: vec![domain.into()], settings })
}

pub(crate) fn credential(name: &str, issuer: &str, subject: &str, audience: &str) -> FederatedCredential {
    FederatedCredential::new(name, issuer, subject, &[audience.into()], None).unwrap()
}

/// A credential for the issuer's tokens whose claims fit.
pub(crate) fn expression(name: &str, text: &str) -> FederatedCredential {
    let matching = Matching::Expression(text.parse().unwrap());
    FederatedCredential::with_matching(name, ISSUER, matching, &[AUDIENCE.into()], None).unwrap()
}

pub(crate) fn secret(value: &str, end: i64) -> ClientSecret {
    ClientSecret {
        key_id: ObjectId::new(Uuid::nil()),
        display_name: None,
        hint: value.chars().take(3).collect(),
        start: 0,
        end,
        hash: SecretHash::new(value, "salt"),
    }
}

/// A registered certificate that holds the issuer's RSA key; the exchange reads only its thumbprints.
pub(crate) fn certificate(name: &str) -> CertificateKey {
    CertificateKey {
        certificate: ClientCertificate {
            key_id: ObjectId::new(Uuid::nil()),
            display_name: Some(name.into()),
            start: NOW - 3600,
            end: NOW + 3600,
            certificate: String::new(),
            x5t: digest::sha1_base64url(name.as_bytes()),
            x5t_s256: digest::sha256_base64url(name.as_bytes()),
        },
        key: ISSUER_KEYS.public("rsa"),
    }
}

fn clients() -> Vec<Arc<Client>> {
    let one = || credential("fic-one", ISSUER, SUBJECT, AUDIENCE);
    let identity = |tenant, client_id, name: &str, credentials: Vec<FederatedCredential>| Client {
        tenant,
        client_id,
        name: name.into(),
        kind: ClientKind::ManagedIdentity {
            principal_id: IDENTITY_OBJECT,
            mirid: format!(
                "/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"
            ),
        },
        federated_credentials: credentials.into_iter().collect(),
    };
    let application = |client_id, name: &str, secrets, certificates, credentials: FederatedCredentials| Client {
        tenant: TENANT,
        client_id,
        name: name.into(),
        kind: ClientKind::Application {
            principal: Some(Principal { object_id: APP_OBJECT, enabled: true }),
            secrets,
            certificates,
        },
        federated_credentials: credentials,
    };
    let app_secrets = vec![secret(OLD_SECRET, NOW), secret(SECRET, NOW + 3600)];
    [
        identity(TENANT, IDENTITY, "sademo", vec![one()]),
        identity(TENANT, BARE_IDENTITY, "bare", vec![]),
        identity(OTHER_TENANT, FOREIGN_IDENTITY, "foreign", vec![one()]),
        application(APP, "app", app_secrets, vec![certificate("app")], [one()].into_iter().collect()),
        application(
            OTHER_APP,
            "other",
            vec![secret(OTHER_SECRET, NOW + 3600)],
            vec![],
            FederatedCredentials::default(),
        ),
    ]
    .into_iter()
    .map(Arc::new)
    .collect()
}

fn resource(app_id: ClientId, uri: &str, token_version: TokenVersion) -> Arc<Application> {
    Arc::new(Application {
        tenant: TENANT,
        object_id: ObjectId::new(Uuid::nil()),
        app_id,
        display_name: uri.into(),
        identifier_uris: vec![uri.into()],
        token_version,
        created: 0,
        service_principal: Some(ServicePrincipal { object_id: ObjectId::new(app_id.guid()), enabled: true }),
        secrets: vec![],
        certificates: vec![],
        version: 1,
    })
}

impl Directory for World {
    fn tenant(&self, id: TenantId) -> Option<Arc<Tenant>> {
        self.tenants.iter().find(|tenant| tenant.id == id).cloned()
    }

    fn tenant_by_domain(&self, domain: &str) -> Option<Arc<Tenant>> {
        self.tenants.iter().find(|tenant| tenant.domains.iter().any(|known| known == domain)).cloned()
    }

    fn client(&self, tenant: TenantId, id: ClientId) -> Option<Arc<Client>> {
        self.clients.iter().find(|client| client.tenant == tenant && client.client_id == id).cloned()
    }

    fn resource_application(&self, tenant: TenantId, identifier: &str) -> Option<Arc<Application>> {
        let named = |application: &&Arc<Application>| {
            application.tenant == tenant
                && (application.app_id.to_string() == identifier
                    || application.identifier_uris.iter().any(|uri| uri == identifier))
        };
        self.resources.iter().find(named).cloned()
    }

    fn role_assignments(&self, tenant: TenantId, principal: ObjectId) -> Vec<RoleAssignment> {
        let given = |role: &&RoleAssignment| role.tenant == tenant && role.principal == principal;
        self.roles.iter().filter(given).cloned().collect()
    }

    fn role_definition(&self, _: TenantId, _: Uuid) -> Option<Arc<RoleDefinition>> {
        None
    }
}

#[async_trait]
impl IssuerKeys for World {
    async fn key(&self, tenant: TenantId, issuer: &str, key_id: &str) -> Result<VerifyingKey, IssuerKeysError> {
        let asked = (tenant, issuer.to_owned(), key_id.to_owned());
        self.asked.lock().unwrap().push(asked.clone());
        if let Some(failure) = &self.issuer_failure {
            return Err(failure.clone());
        }
        let unknown = || IssuerKeysError::UnknownKey { key_id: key_id.into(), published: "`rsa`, `p256`".into() };
        self.issuer_keys.get(&asked).cloned().ok_or_else(unknown)
    }
}

fn broken(what: &'static str) -> PortError {
    PortError { what, source: "disk full".into() }
}

impl Signer for World {
    fn sign(&self, version: TokenVersion, payload: &[u8]) -> Result<String, PortError> {
        if self.signer_fails {
            return Err(broken("signing"));
        }
        let header = SigningHeader {
            typ: Some("JWT".into()),
            kid: Some(AUTHORITY_KEY_ID.into()),
            x5t: (version == TokenVersion::V1).then(|| AUTHORITY_KEY_ID.into()),
            x5t_s256: None,
        };
        Ok(AUTHORITY_KEY.sign_payload(&header, payload).unwrap())
    }
}

impl AuthorityKeys for World {
    fn key(&self, key_id: &str) -> Option<VerifyingKey> {
        (key_id == AUTHORITY_KEY_ID).then(|| AUTHORITY_KEY.verifying_key().clone())
    }
}

#[async_trait]
impl AuditLog for World {
    async fn record(&self, record: AuditRecord) -> Result<(), PortError> {
        self.records.lock().unwrap().push(record);
        if self.audit_fails { Err(broken("writing the audit trail")) } else { Ok(()) }
    }
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        self.now
    }
}

impl Random for World {
    /// A counter, so that snapshots stay the same and no two values do.
    fn fill(&self, bytes: &mut [u8]) {
        let count = self.random.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        for (to, from) in bytes.iter_mut().rev().zip(count.iter().rev().chain(std::iter::repeat(&0))) {
            *to = *from;
        }
    }
}
