//! Reads the directory from the database: all of it at the start, single objects after each write.

use std::{collections::HashMap, hash::Hash, str::FromStr, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::TryStreamExt;
use sqlx::{FromRow, query::QueryAs, sqlite::SqliteArguments};
use symbolon_core::{
    ClientId, ObjectId, TenantId,
    application::{Application, CertificateKey, ClientCertificate},
    arm_id::IdentityPath,
    client::{Client, ClientKind, Principal},
    federated_credential::FederatedCredential,
    managed_identity::ManagedIdentity,
    role::RoleAssignment,
};
use symbolon_jose::VerifyingKey;

use crate::{
    database::{Backend, Connection},
    error::Failure,
    memory::{Contents, Loaded, Update},
    roles, row, tenants,
};

/// Which clients to load.
#[derive(Clone, Copy)]
pub(crate) enum Scope {
    All,
    Tenant(TenantId),
    One(TenantId, ClientId),
}

/// The key of a client among all tenants.
pub(crate) type Key = (TenantId, ClientId);

/// One query, for each scope.
struct Select {
    all: &'static str,
    tenant: &'static str,
    one: &'static str,
}

macro_rules! select {
    ($sql:literal, $order:literal) => {
        Select {
            all: concat!($sql, $order),
            tenant: concat!($sql, " WHERE t.tenant_id = $1", $order),
            one: concat!($sql, " WHERE t.tenant_id = $1 AND t.client_id = $2", $order),
        }
    };
}

mod sql {
    use super::Select;

    pub(super) const VERSION: &str = "SELECT version FROM directory_version WHERE id = 1";
    pub(super) const IDENTITIES: Select = select!(
        "SELECT t.tenant_id, t.client_id, t.principal_id, t.subscription_id, t.resource_group, t.name, t.location, \
         t.tags, t.version FROM managed_identity t",
        ""
    );
    pub(super) const APPLICATIONS: Select = select!(
        "SELECT t.tenant_id, t.client_id, t.object_id, t.display_name, t.token_version, t.created, t.version, \
         p.object_id AS principal_id, p.enabled AS principal_enabled FROM application t \
         LEFT JOIN service_principal p ON p.tenant_id = t.tenant_id AND p.client_id = t.client_id",
        " ORDER BY t.display_name, t.object_id"
    );
    pub(super) const URIS: Select =
        select!("SELECT t.tenant_id, t.client_id, t.uri FROM application_identifier_uri t", " ORDER BY t.ordinal");
    pub(super) const SECRETS: Select = select!(
        "SELECT t.tenant_id, t.client_id, t.key_id, t.display_name, t.hint, t.valid_from, t.valid_until, t.hash \
         FROM client_secret t",
        " ORDER BY t.version, t.key_id"
    );
    pub(super) const CERTIFICATES: Select = select!(
        "SELECT t.tenant_id, t.client_id, t.key_id, t.display_name, t.valid_from, t.valid_until, t.certificate, \
         t.x5t, t.x5t_s256 FROM client_certificate t",
        " ORDER BY t.version, t.key_id"
    );
    pub(super) const CREDENTIALS: Select = select!(
        "SELECT t.tenant_id, t.client_id, t.name, t.issuer, t.subject, t.audience, t.description, \
         t.effective_at, t.matching \
         FROM federated_credential t",
        " ORDER BY t.tenant_id, t.client_id, t.created_version"
    );
    pub(super) const ROLES: &str =
        "SELECT tenant_id, id, principal_id, role_id, scope FROM role_assignment ORDER BY version, id";
    pub(super) const ROLES_OF_ONE: &str = "SELECT tenant_id, id, principal_id, role_id, scope FROM role_assignment \
         WHERE tenant_id = $1 AND principal_id = $2 ORDER BY version, id";
}

type Query<'q, O> = QueryAs<'q, Backend, O, SqliteArguments>;

impl Select {
    fn query<'q, O>(&self, scope: Scope) -> Query<'q, O>
    where
        O: for<'r> FromRow<'r, sqlx::sqlite::SqliteRow>,
    {
        match scope {
            Scope::All => sqlx::query_as(self.all),
            Scope::Tenant(tenant) => sqlx::query_as(self.tenant).bind(tenant.to_string()),
            Scope::One(tenant, client) => sqlx::query_as(self.one).bind(tenant.to_string()).bind(client.to_string()),
        }
    }

    /// The rows of this query, grouped by client, in their order.
    async fn grouped<O, T>(
        &self,
        connection: &mut Connection,
        scope: Scope,
        read: impl Fn(O) -> Result<(Key, T), Failure> + Send,
    ) -> Result<HashMap<Key, Vec<T>>, Failure>
    where
        O: for<'r> FromRow<'r, sqlx::sqlite::SqliteRow> + Send + Unpin,
        T: Send,
    {
        let mut groups: HashMap<Key, Vec<T>> = HashMap::new();
        let mut rows = self.query::<O>(scope).fetch(connection);
        while let Some(row) = rows.try_next().await? {
            let (key, value) = read(row)?;
            groups.entry(key).or_default().push(value);
        }
        Ok(groups)
    }
}

/// Reads a value that is stored as text.
pub(crate) fn parse<T: FromStr<Err: std::error::Error>>(what: &'static str, text: &str) -> Result<T, Failure> {
    text.parse().map_err(|error| Failure::damaged(what)(&error))
}

/// Reads a value that is stored as JSON.
pub(crate) fn from_json<T: serde::de::DeserializeOwned>(what: &'static str, json: &str) -> Result<T, Failure> {
    serde_json::from_str(json).map_err(|error| Failure::damaged(what)(&error))
}

/// Writes a value that is stored as JSON.
pub(crate) fn to_json<T: serde::Serialize>(what: &'static str, value: &T) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| Failure::damaged(what)(&error))
}

/// The version that everything committed is at.
pub(crate) async fn version(connection: &mut Connection) -> Result<i64, Failure> {
    Ok(sqlx::query_scalar(sql::VERSION).fetch_one(connection).await?)
}

/// All of it. The caller holds a transaction, so that everything is of one version.
pub(crate) async fn everything(connection: &mut Connection) -> Result<Contents, Failure> {
    let mut contents = Contents::default();
    contents.set_version(version(connection).await?);
    for tenant in tenants::all(connection).await? {
        contents.apply(Update::Tenant(tenant.id, Some(tenant)));
    }
    for loaded in clients(connection, Scope::All).await? {
        let (tenant, id) = (loaded.client.tenant, loaded.client.client_id);
        contents.apply(Update::Client(tenant, id, Some(loaded)));
    }
    let rows: Vec<row::RoleRow> = sqlx::query_as(sql::ROLES).fetch_all(&mut *connection).await?;
    for ((tenant, principal), roles) in group(rows)? {
        contents.apply(Update::Roles(tenant, principal, roles));
    }
    for role in roles::all_definitions(connection).await? {
        contents.apply(Update::RoleDefinition(role.tenant, role.definition.id, Some(role.definition)));
    }
    Ok(contents)
}

fn group(rows: Vec<row::RoleRow>) -> Result<HashMap<(TenantId, ObjectId), Vec<RoleAssignment>>, Failure> {
    let mut groups: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        let role = row.read()?;
        groups.entry((role.tenant, role.principal)).or_default().push(role);
    }
    Ok(groups)
}

/// The roles of one principal.
pub(crate) async fn roles_of(
    connection: &mut Connection,
    tenant: TenantId,
    principal: ObjectId,
) -> Result<Vec<RoleAssignment>, Failure> {
    let rows: Vec<row::RoleRow> = sqlx::query_as(sql::ROLES_OF_ONE)
        .bind(tenant.to_string())
        .bind(principal.to_string())
        .fetch_all(connection)
        .await?;
    rows.into_iter().map(row::RoleRow::read).collect()
}

/// Clients, ready for the exchange.
pub(crate) async fn clients(connection: &mut Connection, scope: Scope) -> Result<Vec<Loaded>, Failure> {
    let identities: Vec<row::IdentityRow> = sql::IDENTITIES.query(scope).fetch_all(&mut *connection).await?;
    let applications = applications(connection, scope).await?;
    let mut credentials = sql::CREDENTIALS.grouped(connection, scope, row::CredentialRow::read).await?;
    let mut loaded = Vec::with_capacity(identities.len() + applications.len());
    for identity in identities {
        let identity = identity.read()?;
        let credentials = take(&mut credentials, &(identity.tenant, identity.client_id));
        loaded.push(Loaded { client: Arc::new(identity_client(identity, credentials)), application: None });
    }
    for application in applications {
        let credentials = take(&mut credentials, &(application.tenant, application.app_id));
        let client = Arc::new(application_client(&application, credentials));
        loaded.push(Loaded { client, application: Some(Arc::new(application)) });
    }
    Ok(loaded)
}

/// Applications with all that hangs on them, ordered by display name, then object id.
pub(crate) async fn applications(connection: &mut Connection, scope: Scope) -> Result<Vec<Application>, Failure> {
    let rows: Vec<row::ApplicationRow> = sql::APPLICATIONS.query(scope).fetch_all(&mut *connection).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let mut uris = sql::URIS.grouped(connection, scope, row::UriRow::read).await?;
    let mut secrets = sql::SECRETS.grouped(connection, scope, row::SecretRow::read).await?;
    let mut certificates = sql::CERTIFICATES.grouped(connection, scope, row::CertificateRow::read).await?;
    let complete = |row: row::ApplicationRow| {
        let application = row.read()?;
        let key = (application.tenant, application.app_id);
        Ok(Application {
            identifier_uris: take(&mut uris, &key),
            secrets: take(&mut secrets, &key),
            certificates: take(&mut certificates, &key),
            ..application
        })
    };
    rows.into_iter().map(complete).collect()
}

fn take<K: Eq + Hash, T>(groups: &mut HashMap<K, Vec<T>>, key: &K) -> Vec<T> {
    groups.remove(key).unwrap_or_default()
}

fn identity_client(identity: ManagedIdentity, credentials: Vec<FederatedCredential>) -> Client {
    let mirid = IdentityPath::mirid(&identity.path);
    Client {
        tenant: identity.tenant,
        client_id: identity.client_id,
        name: identity.path.name,
        kind: ClientKind::ManagedIdentity { principal_id: identity.principal_id, mirid },
        federated_credentials: credentials.into_iter().collect(),
    }
}

fn application_client(application: &Application, credentials: Vec<FederatedCredential>) -> Client {
    let principal = application.service_principal.as_ref();
    Client {
        tenant: application.tenant,
        client_id: application.app_id,
        name: application.display_name.clone(),
        kind: ClientKind::Application {
            principal: principal.map(|own| Principal { object_id: own.object_id, enabled: own.enabled }),
            secrets: application.secrets.clone(),
            certificates: application.certificates.iter().filter_map(certificate_key).collect(),
        },
        federated_credentials: credentials.into_iter().collect(),
    }
}

/// Parses a certificate's key. One that cannot be parsed proves nothing and is left out, so that it
/// locks out its own client and nobody else.
fn certificate_key(certificate: &ClientCertificate) -> Option<CertificateKey> {
    let der = STANDARD.decode(&certificate.certificate).ok()?;
    match VerifyingKey::from_certificate_der(&der) {
        Ok(key) => Some(CertificateKey { certificate: certificate.clone(), key }),
        Err(error) => {
            tracing::warn!(%error, key_id = %certificate.key_id, "a registered certificate cannot be used");
            None
        }
    }
}
