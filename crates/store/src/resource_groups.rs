//! Resource groups.

use std::collections::BTreeMap;

use symbolon_core::{
    ClientId, ObjectId, SubscriptionId, TenantId,
    ports::management::{Condition, ResourceGroup, Written},
};

use crate::{
    change::Change,
    clients,
    database::Connection,
    error::{Failure, not_found},
    load::{from_json, parse, to_json},
    roles,
    tenants::subscription_tenant,
};

mod sql {
    pub(super) const ONE: &str = "SELECT subscription_id, name, location, tags, version FROM resource_group \
         WHERE subscription_id = $1 AND name_key = $2";
    pub(super) const ALL: &str = "SELECT subscription_id, name, location, tags, version FROM resource_group \
         WHERE subscription_id = $1 ORDER BY name_key";
    pub(super) const UPDATE: &str = "UPDATE resource_group SET location = $3, tags = $4, version = $5 \
         WHERE subscription_id = $1 AND name_key = $2";
    pub(super) const INSERT: &str = "INSERT INTO resource_group \
         (subscription_id, name_key, tenant_id, name, location, tags, version) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    pub(super) const DELETE: &str = "DELETE FROM resource_group WHERE subscription_id = $1 AND name_key = $2";
    pub(super) const IDENTITIES: &str = "SELECT client_id, principal_id FROM managed_identity \
         WHERE tenant_id = $1 AND subscription_id = $2 AND resource_group_key = $3";
}

/// Subscription, name, location, tags and version.
type Row = (String, String, String, String, i64);

fn read((subscription, name, location, tags, version): Row) -> Result<ResourceGroup, Failure> {
    let subscription = parse("subscription id", &subscription)?;
    Ok(ResourceGroup { subscription, name, location, tags: from_json("tags", &tags)?, version })
}

/// The key under which two spellings of a resource group's name meet. ASCII only, as where rights
/// are compared: the Kelvin sign would otherwise be a `k` here and something else there.
pub(crate) fn group_key(name: &str) -> String {
    name.to_ascii_lowercase()
}

async fn find(
    connection: &mut Connection,
    subscription: SubscriptionId,
    name: &str,
) -> Result<Option<ResourceGroup>, Failure> {
    let row: Option<Row> = sqlx::query_as(sql::ONE)
        .bind(subscription.to_string())
        .bind(group_key(name))
        .fetch_optional(connection)
        .await?;
    row.map(read).transpose()
}

pub(crate) async fn one(
    connection: &mut Connection,
    subscription: SubscriptionId,
    name: &str,
) -> Result<ResourceGroup, Failure> {
    find(connection, subscription, name).await?.ok_or_else(|| not_found("resource group", name).into())
}

pub(crate) async fn all(
    connection: &mut Connection,
    subscription: SubscriptionId,
) -> Result<Vec<ResourceGroup>, Failure> {
    let rows: Vec<Row> = sqlx::query_as(sql::ALL).bind(subscription.to_string()).fetch_all(connection).await?;
    rows.into_iter().map(read).collect()
}

/// Refuses where the tenant has no such resource group.
pub(crate) async fn require(
    connection: &mut Connection,
    tenant: TenantId,
    subscription: SubscriptionId,
    name: &str,
) -> Result<(), Failure> {
    let holder = subscription_tenant(connection, subscription).await?;
    if holder.is_none_or(|holder| holder != tenant.to_string()) {
        return Err(not_found("subscription", subscription).into());
    }
    one(connection, subscription, name).await.map(|_| ())
}

async fn tenant(change: &mut Change, subscription: SubscriptionId) -> Result<TenantId, Failure> {
    let found = subscription_tenant(change.connection(), subscription).await?;
    parse("tenant id", &found.ok_or_else(|| not_found("subscription", subscription))?)
}

pub(crate) async fn put(
    change: &mut Change,
    wanted: &ResourceGroup,
    condition: Condition,
) -> Result<Written<ResourceGroup>, Failure> {
    let tenant = tenant(change, wanted.subscription).await?;
    let found = find(change.connection(), wanted.subscription, &wanted.name).await?;
    condition.check("resource group", found.as_ref().map(|found| found.version))?;
    if let Some(found) = found {
        let group = ResourceGroup { name: found.name, ..wanted.clone() };
        return update(change, tenant, group).await.map(Written::Updated);
    }
    let version = change.version();
    sqlx::query(sql::INSERT)
        .bind(wanted.subscription.to_string())
        .bind(group_key(&wanted.name))
        .bind(tenant.to_string())
        .bind(&wanted.name)
        .bind(&wanted.location)
        .bind(to_json("tags", &wanted.tags)?)
        .bind(version)
        .execute(change.connection())
        .await?;
    touch(change, tenant, wanted);
    Ok(Written::Created(ResourceGroup { version, ..wanted.clone() }))
}

async fn update(change: &mut Change, tenant: TenantId, group: ResourceGroup) -> Result<ResourceGroup, Failure> {
    let version = change.version();
    sqlx::query(sql::UPDATE)
        .bind(group.subscription.to_string())
        .bind(group_key(&group.name))
        .bind(&group.location)
        .bind(to_json("tags", &group.tags)?)
        .bind(version)
        .execute(change.connection())
        .await?;
    touch(change, tenant, &group);
    Ok(ResourceGroup { version, ..group })
}

pub(crate) async fn set_tags(
    change: &mut Change,
    (subscription, name): (SubscriptionId, &str),
    tags: &BTreeMap<String, String>,
    condition: Condition,
) -> Result<ResourceGroup, Failure> {
    let found = find(change.connection(), subscription, name).await?;
    condition.check("resource group", found.as_ref().map(|found| found.version))?;
    let found = found.ok_or_else(|| not_found("resource group", name))?;
    let tenant = tenant(change, subscription).await?;
    update(change, tenant, ResourceGroup { tags: tags.clone(), ..found }).await
}

pub(crate) async fn delete(
    change: &mut Change,
    (subscription, name): (SubscriptionId, &str),
    condition: Condition,
) -> Result<bool, Failure> {
    let found = find(change.connection(), subscription, name).await?;
    condition.check("resource group", found.as_ref().map(|found| found.version))?;
    let Some(found) = found else { return Ok(false) };
    let tenant = tenant(change, subscription).await?;
    for (client, principal) in identities(change, tenant, &found).await? {
        clients::delete(change, tenant, client).await?;
        clients::delete_roles(change, tenant, principal).await?;
    }
    roles::delete_at_and_below(change, tenant, &format!("/subscriptions/{subscription}/resourceGroups/{}", found.name))
        .await?;
    sqlx::query(sql::DELETE).bind(subscription.to_string()).bind(group_key(name)).execute(change.connection()).await?;
    touch(change, tenant, &found);
    Ok(true)
}

async fn identities(
    change: &mut Change,
    tenant: TenantId,
    group: &ResourceGroup,
) -> Result<Vec<(ClientId, ObjectId)>, Failure> {
    let rows: Vec<(String, String)> = sqlx::query_as(sql::IDENTITIES)
        .bind(tenant.to_string())
        .bind(group.subscription.to_string())
        .bind(group_key(&group.name))
        .fetch_all(change.connection())
        .await?;
    rows.iter()
        .map(|(client, principal)| Ok((parse("client id", client)?, parse("principal id", principal)?)))
        .collect()
}

fn touch(change: &mut Change, tenant: TenantId, group: &ResourceGroup) {
    let object = format!("{}/{}", group.subscription, group_key(&group.name));
    change.touch_elsewhere(Some(tenant), "resource-group", object);
}
