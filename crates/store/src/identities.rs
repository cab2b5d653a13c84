//! User-assigned managed identities.

use std::collections::BTreeMap;

use symbolon_core::{
    SubscriptionId, TenantId,
    arm_id::IdentityPath,
    managed_identity::ManagedIdentity,
    ports::management::{Condition, Written},
};

use crate::{
    change::{Change, Touched},
    clients::{self, Kind},
    database::Connection,
    error::{Failure, not_found},
    load::to_json,
    resource_groups::{self, group_key},
    roles, row,
};

mod sql {
    pub(super) const ONE: &str = "SELECT tenant_id, client_id, principal_id, subscription_id, resource_group, name, \
         location, tags, version FROM managed_identity WHERE tenant_id = $1 AND path_key = $2";
    pub(super) const IN_GROUP: &str = "SELECT tenant_id, client_id, principal_id, subscription_id, resource_group, \
         name, location, tags, version FROM managed_identity WHERE tenant_id = $1 AND subscription_id = $2 \
         AND resource_group_key = $3 AND path_key > $4 ORDER BY path_key LIMIT $5";
    pub(super) const IN_SUBSCRIPTION: &str = "SELECT tenant_id, client_id, principal_id, subscription_id, \
         resource_group, name, location, tags, version FROM managed_identity WHERE tenant_id = $1 \
         AND subscription_id = $2 AND path_key > $3 ORDER BY path_key LIMIT $4";
    pub(super) const INSERT: &str = "INSERT INTO managed_identity (tenant_id, client_id, principal_id, path_key, \
         subscription_id, resource_group_key, resource_group, name, location, tags, version) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    pub(super) const UPDATE: &str = "UPDATE managed_identity SET location = $3, tags = $4, version = $5 \
         WHERE tenant_id = $1 AND client_id = $2";
}

async fn find(
    connection: &mut Connection,
    tenant: TenantId,
    path: &IdentityPath,
) -> Result<Option<ManagedIdentity>, Failure> {
    let row: Option<row::IdentityRow> =
        sqlx::query_as(sql::ONE).bind(tenant.to_string()).bind(path.key()).fetch_optional(connection).await?;
    row.map(row::IdentityRow::read).transpose()
}

pub(crate) async fn one(
    connection: &mut Connection,
    tenant: TenantId,
    path: &IdentityPath,
) -> Result<ManagedIdentity, Failure> {
    find(connection, tenant, path).await?.ok_or_else(|| not_found("identity", path).into())
}

pub(crate) async fn list(
    connection: &mut Connection,
    tenant: TenantId,
    (subscription, resource_group): (SubscriptionId, Option<&str>),
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<ManagedIdentity>, Failure> {
    let query = sqlx::query_as(if resource_group.is_some() { sql::IN_GROUP } else { sql::IN_SUBSCRIPTION })
        .bind(tenant.to_string())
        .bind(subscription.to_string());
    let query = match resource_group {
        Some(name) => query.bind(group_key(name)),
        None => query,
    };
    let rows: Vec<row::IdentityRow> =
        query.bind(after.unwrap_or_default().to_owned()).bind(i64::from(limit)).fetch_all(connection).await?;
    rows.into_iter().map(row::IdentityRow::read).collect()
}

pub(crate) async fn put(
    change: &mut Change,
    wanted: &ManagedIdentity,
    condition: Condition,
) -> Result<Written<ManagedIdentity>, Failure> {
    let path = &wanted.path;
    resource_groups::require(change.connection(), wanted.tenant, path.subscription, &path.resource_group).await?;
    let found = find(change.connection(), wanted.tenant, path).await?;
    condition.check("identity", found.as_ref().map(|found| found.version))?;
    if let Some(found) = found {
        let updated = ManagedIdentity { location: wanted.location.clone(), tags: wanted.tags.clone(), ..found };
        return update(change, updated).await.map(Written::Updated);
    }
    insert(change, wanted).await.map(Written::Created)
}

async fn insert(change: &mut Change, wanted: &ManagedIdentity) -> Result<ManagedIdentity, Failure> {
    clients::insert(change, wanted.tenant, wanted.client_id, Kind::ManagedIdentity).await?;
    clients::require_free_principal(change, wanted.tenant, wanted.principal_id).await?;
    let (path, version) = (&wanted.path, change.version());
    sqlx::query(sql::INSERT)
        .bind(wanted.tenant.to_string())
        .bind(wanted.client_id.to_string())
        .bind(wanted.principal_id.to_string())
        .bind(path.key())
        .bind(path.subscription.to_string())
        .bind(group_key(&path.resource_group))
        .bind(&path.resource_group)
        .bind(&path.name)
        .bind(&wanted.location)
        .bind(to_json("tags", &wanted.tags)?)
        .bind(version)
        .execute(change.connection())
        .await?;
    Ok(ManagedIdentity { version, ..wanted.clone() })
}

async fn update(change: &mut Change, identity: ManagedIdentity) -> Result<ManagedIdentity, Failure> {
    let version = change.version();
    sqlx::query(sql::UPDATE)
        .bind(identity.tenant.to_string())
        .bind(identity.client_id.to_string())
        .bind(&identity.location)
        .bind(to_json("tags", &identity.tags)?)
        .bind(version)
        .execute(change.connection())
        .await?;
    change.touch(Touched::Client(identity.tenant, identity.client_id));
    Ok(ManagedIdentity { version, ..identity })
}

pub(crate) async fn set_tags(
    change: &mut Change,
    (tenant, path): (TenantId, &IdentityPath),
    tags: &BTreeMap<String, String>,
    condition: Condition,
) -> Result<ManagedIdentity, Failure> {
    let found = find(change.connection(), tenant, path).await?;
    condition.check("identity", found.as_ref().map(|found| found.version))?;
    let found = found.ok_or_else(|| not_found("identity", path))?;
    update(change, ManagedIdentity { tags: tags.clone(), ..found }).await
}

pub(crate) async fn delete(
    change: &mut Change,
    tenant: TenantId,
    path: &IdentityPath,
    condition: Condition,
) -> Result<bool, Failure> {
    let found = find(change.connection(), tenant, path).await?;
    condition.check("identity", found.as_ref().map(|found| found.version))?;
    let Some(found) = found else { return Ok(false) };
    clients::delete(change, tenant, found.client_id).await?;
    clients::delete_roles(change, tenant, found.principal_id).await?;
    // Whoever had a role on it has none on a later identity of the same name.
    roles::delete_at_and_below(change, tenant, &path.key()).await?;
    Ok(true)
}
