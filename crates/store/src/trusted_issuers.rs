//! Registrations of issuers.

use symbolon_core::{TenantId, issuer::TrustedIssuer, ports::management::Written};

use crate::{
    change::Change,
    database::Connection,
    error::{Failure, not_found},
    load::{from_json, to_json},
    tenants,
};

mod sql {
    pub(super) const ALL: &str =
        "SELECT issuer, key_source, version FROM trusted_issuer WHERE tenant_id = $1 ORDER BY issuer";
    pub(super) const ONE: &str =
        "SELECT issuer, key_source, version FROM trusted_issuer WHERE tenant_id = $1 AND issuer = $2";
    pub(super) const UPDATE: &str =
        "UPDATE trusted_issuer SET key_source = $3, version = $4 WHERE tenant_id = $1 AND issuer = $2";
    pub(super) const INSERT: &str =
        "INSERT INTO trusted_issuer (tenant_id, issuer, key_source, version) VALUES ($1, $2, $3, $4)";
    pub(super) const DELETE: &str = "DELETE FROM trusted_issuer WHERE tenant_id = $1 AND issuer = $2";
}

/// The kind of change, for other processes' caches of keys.
const KIND: &str = "trusted-issuer";

type Row = (String, String, i64);

fn read(tenant: TenantId, (issuer, keys, version): Row) -> Result<TrustedIssuer, Failure> {
    Ok(TrustedIssuer { tenant, issuer, keys: from_json("key source", &keys)?, version })
}

pub(crate) async fn all(connection: &mut Connection, tenant: TenantId) -> Result<Vec<TrustedIssuer>, Failure> {
    let rows: Vec<Row> = sqlx::query_as(sql::ALL).bind(tenant.to_string()).fetch_all(connection).await?;
    rows.into_iter().map(|row| read(tenant, row)).collect()
}

pub(crate) async fn one(connection: &mut Connection, tenant: TenantId, issuer: &str) -> Result<TrustedIssuer, Failure> {
    let row: Option<Row> =
        sqlx::query_as(sql::ONE).bind(tenant.to_string()).bind(issuer).fetch_optional(connection).await?;
    read(tenant, row.ok_or_else(|| not_found("trusted issuer", issuer))?)
}

pub(crate) async fn put(change: &mut Change, issuer: &TrustedIssuer) -> Result<Written<()>, Failure> {
    tenants::require(change.connection(), issuer.tenant).await?;
    let (tenant, keys, version) = (issuer.tenant.to_string(), to_json("key source", &issuer.keys)?, change.version());
    let updated = write(change, sql::UPDATE, (&tenant, &issuer.issuer, &keys, version)).await?;
    if updated == 0 {
        write(change, sql::INSERT, (&tenant, &issuer.issuer, &keys, version)).await?;
    }
    change.touch_elsewhere(Some(issuer.tenant), KIND, &issuer.issuer);
    Ok(if updated == 0 { Written::Created(()) } else { Written::Updated(()) })
}

async fn write(
    change: &mut Change,
    statement: &'static str,
    (tenant, issuer, keys, version): (&str, &str, &str, i64),
) -> Result<u64, Failure> {
    let query = sqlx::query(statement).bind(tenant).bind(issuer).bind(keys).bind(version);
    Ok(query.execute(change.connection()).await?.rows_affected())
}

pub(crate) async fn delete(change: &mut Change, tenant: TenantId, issuer: &str) -> Result<bool, Failure> {
    let deleted = sqlx::query(sql::DELETE)
        .bind(tenant.to_string())
        .bind(issuer)
        .execute(change.connection())
        .await?
        .rows_affected();
    if deleted > 0 {
        change.touch_elsewhere(Some(tenant), KIND, issuer);
    }
    Ok(deleted > 0)
}
