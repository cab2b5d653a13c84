//! Applications with their service principals, secrets and certificates.

use symbolon_core::{
    ClientId, ObjectId, TenantId,
    application::{Application, ClientCertificate, ClientSecret, ServicePrincipal, TokenVersion},
    ports::management::ApplicationChanges,
};

use crate::{
    change::{Change, Touched},
    clients::{self, Kind},
    database::Connection,
    error::{Failure, exists, not_found},
    load::{self, Scope, parse, to_json},
    memory::uri_key,
    row::token_version_number,
};

mod sql {
    pub(super) const CLIENT_ID: &str = "SELECT client_id FROM application WHERE tenant_id = $1 AND object_id = $2";
    pub(super) const INSERT: &str = "INSERT INTO application (tenant_id, client_id, object_id, display_name, \
         token_version, created, version) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    pub(super) const TOUCH: &str = "UPDATE application SET version = $3 WHERE tenant_id = $1 AND client_id = $2";
    pub(super) const SET_DISPLAY_NAME: &str =
        "UPDATE application SET display_name = $3 WHERE tenant_id = $1 AND client_id = $2";
    pub(super) const SET_TOKEN_VERSION: &str =
        "UPDATE application SET token_version = $3 WHERE tenant_id = $1 AND client_id = $2";
    pub(super) const DELETE_URIS: &str =
        "DELETE FROM application_identifier_uri WHERE tenant_id = $1 AND client_id = $2";
    pub(super) const CERTIFICATE_IDS: &str =
        "SELECT key_id FROM client_certificate WHERE tenant_id = $1 AND client_id = $2";
    pub(super) const URI_HOLDER: &str =
        "SELECT client_id FROM application_identifier_uri WHERE tenant_id = $1 AND uri_key = $2";
    pub(super) const INSERT_URI: &str = "INSERT INTO application_identifier_uri (tenant_id, uri_key, client_id, uri, \
         ordinal, version) VALUES ($1, $2, $3, $4, $5, $6)";
    pub(super) const PRINCIPAL: &str =
        "SELECT object_id FROM service_principal WHERE tenant_id = $1 AND client_id = $2";
    pub(super) const DELETE_PRINCIPAL: &str = "DELETE FROM service_principal WHERE tenant_id = $1 AND client_id = $2";
    pub(super) const INSERT_PRINCIPAL: &str = "INSERT INTO service_principal (tenant_id, client_id, object_id, \
         enabled, version) VALUES ($1, $2, $3, $4, $5)";
    pub(super) const KEY_EXISTS: &str = "SELECT key_id FROM client_secret WHERE tenant_id = $1 AND key_id = $2 \
         UNION ALL SELECT key_id FROM client_certificate WHERE tenant_id = $1 AND key_id = $2";
    pub(super) const INSERT_SECRET: &str = "INSERT INTO client_secret (tenant_id, key_id, client_id, display_name, \
         hint, valid_from, valid_until, hash, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    pub(super) const INSERT_CERTIFICATE: &str = "INSERT INTO client_certificate (tenant_id, key_id, client_id, \
         display_name, valid_from, valid_until, certificate, x5t, x5t_s256, version) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    pub(super) const DELETE_SECRET: &str =
        "DELETE FROM client_secret WHERE tenant_id = $1 AND client_id = $2 AND key_id = $3";
    pub(super) const DELETE_CERTIFICATE: &str =
        "DELETE FROM client_certificate WHERE tenant_id = $1 AND client_id = $2 AND key_id = $3";
}

async fn find(connection: &mut Connection, tenant: TenantId, id: ObjectId) -> Result<Option<ClientId>, Failure> {
    let found: Option<String> = sqlx::query_scalar(sql::CLIENT_ID)
        .bind(tenant.to_string())
        .bind(id.to_string())
        .fetch_optional(connection)
        .await?;
    found.map(|id| parse("client id", &id)).transpose()
}

async fn require(connection: &mut Connection, tenant: TenantId, id: ObjectId) -> Result<ClientId, Failure> {
    find(connection, tenant, id).await?.ok_or_else(|| not_found("application", id).into())
}

pub(crate) async fn one(connection: &mut Connection, tenant: TenantId, id: ObjectId) -> Result<Application, Failure> {
    let client = require(connection, tenant, id).await?;
    let found = load::applications(connection, Scope::One(tenant, client)).await?.pop();
    found.ok_or_else(|| not_found("application", id).into())
}

pub(crate) async fn create(change: &mut Change, application: &Application) -> Result<(), Failure> {
    let Application { tenant, app_id, object_id, .. } = *application;
    if find(change.connection(), tenant, object_id).await?.is_some() {
        return Err(exists("application", object_id).into());
    }
    clients::insert(change, tenant, app_id, Kind::Application).await?;
    let version = change.version();
    sqlx::query(sql::INSERT)
        .bind(tenant.to_string())
        .bind(app_id.to_string())
        .bind(object_id.to_string())
        .bind(&application.display_name)
        .bind(token_version_number(application.token_version))
        .bind(application.created)
        .bind(version)
        .execute(change.connection())
        .await?;
    for (ordinal, uri) in (0_i64..).zip(&application.identifier_uris) {
        insert_uri(change, tenant, app_id, (ordinal, uri)).await?;
    }
    if let Some(principal) = &application.service_principal {
        insert_principal(change, tenant, app_id, principal).await?;
    }
    for secret in &application.secrets {
        insert_secret(change, tenant, app_id, secret).await?;
    }
    for certificate in &application.certificates {
        insert_certificate(change, tenant, app_id, certificate).await?;
    }
    Ok(())
}

async fn insert_uri(
    change: &mut Change,
    tenant: TenantId,
    client: ClientId,
    (ordinal, uri): (i64, &str),
) -> Result<(), Failure> {
    let (key, version) = (uri_key(uri), change.version());
    let holder: Option<String> = sqlx::query_scalar(sql::URI_HOLDER)
        .bind(tenant.to_string())
        .bind(&key)
        .fetch_optional(change.connection())
        .await?;
    if holder.is_some() {
        return Err(exists("identifier URI", uri).into());
    }
    sqlx::query(sql::INSERT_URI)
        .bind(tenant.to_string())
        .bind(&key)
        .bind(client.to_string())
        .bind(uri)
        .bind(ordinal)
        .bind(version)
        .execute(change.connection())
        .await?;
    Ok(())
}

pub(crate) async fn update(
    change: &mut Change,
    tenant: TenantId,
    id: ObjectId,
    changes: &ApplicationChanges,
) -> Result<(), Failure> {
    let client = require(change.connection(), tenant, id).await?;
    if let Some(name) = &changes.display_name {
        let query = sqlx::query(sql::SET_DISPLAY_NAME).bind(tenant.to_string()).bind(client.to_string());
        query.bind(name).execute(change.connection()).await?;
    }
    if let Some(version) = changes.token_version {
        set_token_version(change, tenant, client, version).await?;
    }
    if let Some(uris) = &changes.identifier_uris {
        let query = sqlx::query(sql::DELETE_URIS).bind(tenant.to_string()).bind(client.to_string());
        query.execute(change.connection()).await?;
        for (ordinal, uri) in (0_i64..).zip(uris) {
            insert_uri(change, tenant, client, (ordinal, uri)).await?;
        }
    }
    if let Some(certificates) = &changes.certificates {
        set_certificates(change, tenant, client, certificates).await?;
    }
    let version = change.version();
    let query = sqlx::query(sql::TOUCH).bind(tenant.to_string()).bind(client.to_string());
    query.bind(version).execute(change.connection()).await?;
    change.touch(Touched::Client(tenant, client));
    Ok(())
}

async fn set_token_version(
    change: &mut Change,
    tenant: TenantId,
    client: ClientId,
    version: TokenVersion,
) -> Result<(), Failure> {
    let query = sqlx::query(sql::SET_TOKEN_VERSION).bind(tenant.to_string()).bind(client.to_string());
    query.bind(token_version_number(version)).execute(change.connection()).await?;
    Ok(())
}

async fn set_certificates(
    change: &mut Change,
    tenant: TenantId,
    client: ClientId,
    wanted: &[ClientCertificate],
) -> Result<(), Failure> {
    let query = sqlx::query_scalar(sql::CERTIFICATE_IDS).bind(tenant.to_string()).bind(client.to_string());
    let found: Vec<String> = query.fetch_all(change.connection()).await?;
    let is_wanted = |key: &&String| wanted.iter().any(|certificate| certificate.key_id.to_string() == **key);
    for key in found.iter().filter(|key| !is_wanted(key)) {
        let query = sqlx::query(sql::DELETE_CERTIFICATE).bind(tenant.to_string()).bind(client.to_string());
        query.bind(key).execute(change.connection()).await?;
    }
    for certificate in wanted.iter().filter(|certificate| !found.contains(&certificate.key_id.to_string())) {
        insert_certificate(change, tenant, client, certificate).await?;
    }
    Ok(())
}

pub(crate) async fn delete(change: &mut Change, tenant: TenantId, id: ObjectId) -> Result<bool, Failure> {
    let Some(client) = find(change.connection(), tenant, id).await? else {
        return Ok(false);
    };
    if let Some(principal) = principal(change, tenant, client).await? {
        clients::delete_roles(change, tenant, principal).await?;
    }
    clients::delete(change, tenant, client).await?;
    Ok(true)
}

async fn principal(change: &mut Change, tenant: TenantId, client: ClientId) -> Result<Option<ObjectId>, Failure> {
    let found: Option<String> = sqlx::query_scalar(sql::PRINCIPAL)
        .bind(tenant.to_string())
        .bind(client.to_string())
        .fetch_optional(change.connection())
        .await?;
    found.map(|id| parse("principal id", &id)).transpose()
}

pub(crate) async fn put_principal(
    change: &mut Change,
    tenant: TenantId,
    application: ObjectId,
    wanted: &ServicePrincipal,
) -> Result<(), Failure> {
    let client = require(change.connection(), tenant, application).await?;
    if let Some(old) = principal(change, tenant, client).await? {
        if old != wanted.object_id {
            return Err(exists("service principal", old).into());
        }
        sqlx::query(sql::DELETE_PRINCIPAL)
            .bind(tenant.to_string())
            .bind(client.to_string())
            .execute(change.connection())
            .await?;
    }
    insert_principal(change, tenant, client, wanted).await?;
    change.touch(Touched::Client(tenant, client));
    Ok(())
}

pub(crate) async fn delete_principal(
    change: &mut Change,
    tenant: TenantId,
    application: ObjectId,
) -> Result<bool, Failure> {
    let client = require(change.connection(), tenant, application).await?;
    let Some(old) = principal(change, tenant, client).await? else {
        return Ok(false);
    };
    let query = sqlx::query(sql::DELETE_PRINCIPAL).bind(tenant.to_string()).bind(client.to_string());
    query.execute(change.connection()).await?;
    clients::delete_roles(change, tenant, old).await?;
    change.touch(Touched::Client(tenant, client));
    Ok(true)
}

async fn insert_principal(
    change: &mut Change,
    tenant: TenantId,
    client: ClientId,
    principal: &ServicePrincipal,
) -> Result<(), Failure> {
    clients::require_free_principal(change, tenant, principal.object_id).await?;
    let version = change.version();
    sqlx::query(sql::INSERT_PRINCIPAL)
        .bind(tenant.to_string())
        .bind(client.to_string())
        .bind(principal.object_id.to_string())
        .bind(principal.enabled)
        .bind(version)
        .execute(change.connection())
        .await?;
    Ok(())
}

pub(crate) async fn add_secret(
    change: &mut Change,
    tenant: TenantId,
    application: ObjectId,
    secret: &ClientSecret,
) -> Result<(), Failure> {
    let client = require(change.connection(), tenant, application).await?;
    insert_secret(change, tenant, client, secret).await?;
    change.touch(Touched::Client(tenant, client));
    Ok(())
}

pub(crate) async fn add_certificate(
    change: &mut Change,
    tenant: TenantId,
    application: ObjectId,
    certificate: &ClientCertificate,
) -> Result<(), Failure> {
    let client = require(change.connection(), tenant, application).await?;
    insert_certificate(change, tenant, client, certificate).await?;
    change.touch(Touched::Client(tenant, client));
    Ok(())
}

async fn require_free_key(change: &mut Change, tenant: TenantId, key: ObjectId) -> Result<(), Failure> {
    let found: Option<String> = sqlx::query_scalar(sql::KEY_EXISTS)
        .bind(tenant.to_string())
        .bind(key.to_string())
        .fetch_optional(change.connection())
        .await?;
    if found.is_some() { Err(exists("key id", key).into()) } else { Ok(()) }
}

async fn insert_secret(
    change: &mut Change,
    tenant: TenantId,
    client: ClientId,
    secret: &ClientSecret,
) -> Result<(), Failure> {
    require_free_key(change, tenant, secret.key_id).await?;
    let version = change.version();
    sqlx::query(sql::INSERT_SECRET)
        .bind(tenant.to_string())
        .bind(secret.key_id.to_string())
        .bind(client.to_string())
        .bind(secret.display_name.as_deref())
        .bind(&secret.hint)
        .bind(secret.start)
        .bind(secret.end)
        .bind(to_json("secret hash", &secret.hash)?)
        .bind(version)
        .execute(change.connection())
        .await?;
    Ok(())
}

async fn insert_certificate(
    change: &mut Change,
    tenant: TenantId,
    client: ClientId,
    certificate: &ClientCertificate,
) -> Result<(), Failure> {
    require_free_key(change, tenant, certificate.key_id).await?;
    let version = change.version();
    sqlx::query(sql::INSERT_CERTIFICATE)
        .bind(tenant.to_string())
        .bind(certificate.key_id.to_string())
        .bind(client.to_string())
        .bind(certificate.display_name.as_deref())
        .bind(certificate.start)
        .bind(certificate.end)
        .bind(&certificate.certificate)
        .bind(&certificate.x5t)
        .bind(&certificate.x5t_s256)
        .bind(version)
        .execute(change.connection())
        .await?;
    Ok(())
}

pub(crate) async fn remove_key(
    change: &mut Change,
    tenant: TenantId,
    application: ObjectId,
    key: ObjectId,
) -> Result<bool, Failure> {
    let client = require(change.connection(), tenant, application).await?;
    let mut removed = 0;
    for statement in [sql::DELETE_SECRET, sql::DELETE_CERTIFICATE] {
        removed += sqlx::query(statement)
            .bind(tenant.to_string())
            .bind(client.to_string())
            .bind(key.to_string())
            .execute(change.connection())
            .await?
            .rows_affected();
    }
    if removed > 0 {
        change.touch(Touched::Client(tenant, client));
    }
    Ok(removed > 0)
}
