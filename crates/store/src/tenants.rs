//! Tenants, their subscriptions and resource groups.

use std::collections::HashMap;

use symbolon_core::{
    SubscriptionId, Tenant, TenantId,
    ports::management::{Condition, NewTenant, Subscription, Written},
};

use crate::{
    applications,
    change::{Change, Touched},
    clients,
    database::Connection,
    error::{Failure, exists, not_found},
    load::{from_json, parse, to_json},
    resource_groups,
};

mod sql {
    pub(super) const TENANTS: &str = "SELECT id, display_name, settings FROM tenant ORDER BY created_version";
    pub(super) const TENANT: &str = "SELECT id, display_name, settings FROM tenant WHERE id = $1";
    pub(super) const DOMAINS: &str = "SELECT tenant_id, domain FROM tenant_domain ORDER BY tenant_id, ordinal";
    pub(super) const DOMAINS_OF_ONE: &str =
        "SELECT tenant_id, domain FROM tenant_domain WHERE tenant_id = $1 ORDER BY ordinal";
    pub(super) const UPDATE_TENANT: &str =
        "UPDATE tenant SET display_name = $2, settings = $3, version = $4 WHERE id = $1";
    pub(super) const INSERT_TENANT: &str =
        "INSERT INTO tenant (id, display_name, settings, created_version, version) VALUES ($1, $2, $3, $4, $4)";
    pub(super) const DELETE_DOMAINS: &str = "DELETE FROM tenant_domain WHERE tenant_id = $1";
    pub(super) const DOMAIN_HOLDER: &str = "SELECT tenant_id FROM tenant_domain WHERE domain = $1";
    pub(super) const INSERT_DOMAIN: &str =
        "INSERT INTO tenant_domain (domain, tenant_id, ordinal, version) VALUES ($1, $2, $3, $4)";
    pub(super) const SUBSCRIPTIONS: &str =
        "SELECT id, display_name FROM subscription WHERE tenant_id = $1 ORDER BY created_version";
    pub(super) const SUBSCRIPTION_TENANT: &str = "SELECT tenant_id FROM subscription WHERE id = $1";
    pub(super) const UPDATE_SUBSCRIPTION: &str =
        "UPDATE subscription SET display_name = $2, version = $3 WHERE id = $1";
    pub(super) const INSERT_SUBSCRIPTION: &str = "INSERT INTO subscription \
         (id, tenant_id, display_name, created_version, version) VALUES ($1, $2, $3, $4, $4)";
}

type TenantRow = (String, String, String);

/// All tenants, in the order in which they were made.
pub(crate) async fn all(connection: &mut Connection) -> Result<Vec<Tenant>, Failure> {
    let rows: Vec<TenantRow> = sqlx::query_as(sql::TENANTS).fetch_all(&mut *connection).await?;
    let pairs: Vec<(String, String)> = sqlx::query_as(sql::DOMAINS).fetch_all(connection).await?;
    let mut domains: HashMap<String, Vec<String>> = HashMap::new();
    for (tenant, domain) in pairs {
        domains.entry(tenant).or_default().push(domain);
    }
    rows.into_iter()
        .map(|row| {
            let domains = domains.remove(&row.0).unwrap_or_default();
            read(row, domains)
        })
        .collect()
}

pub(crate) async fn one(connection: &mut Connection, id: TenantId) -> Result<Option<Tenant>, Failure> {
    let row: Option<TenantRow> =
        sqlx::query_as(sql::TENANT).bind(id.to_string()).fetch_optional(&mut *connection).await?;
    let Some(row) = row else { return Ok(None) };
    let pairs: Vec<(String, String)> =
        sqlx::query_as(sql::DOMAINS_OF_ONE).bind(id.to_string()).fetch_all(connection).await?;
    read(row, pairs.into_iter().map(|(_, domain)| domain).collect()).map(Some)
}

fn read((id, display_name, settings): TenantRow, domains: Vec<String>) -> Result<Tenant, Failure> {
    Ok(Tenant {
        id: parse("tenant id", &id)?,
        display_name,
        domains,
        settings: from_json("tenant settings", &settings)?,
    })
}

/// Refuses where there is no such tenant.
pub(crate) async fn require(connection: &mut Connection, id: TenantId) -> Result<(), Failure> {
    let row: Option<TenantRow> = sqlx::query_as(sql::TENANT).bind(id.to_string()).fetch_optional(connection).await?;
    row.map(|_| ()).ok_or_else(|| not_found("tenant", id).into())
}

pub(crate) async fn put(change: &mut Change, tenant: &Tenant) -> Result<Written<()>, Failure> {
    let (id, version) = (tenant.id.to_string(), change.version());
    let settings = to_json("tenant settings", &tenant.settings)?;
    let updated = sqlx::query(sql::UPDATE_TENANT)
        .bind(&id)
        .bind(&tenant.display_name)
        .bind(&settings)
        .bind(version)
        .execute(change.connection())
        .await?
        .rows_affected();
    if updated == 0 {
        sqlx::query(sql::INSERT_TENANT)
            .bind(&id)
            .bind(&tenant.display_name)
            .bind(&settings)
            .bind(version)
            .execute(change.connection())
            .await?;
    }
    put_domains(change, &id, &tenant.domains).await?;
    change.touch(Touched::Tenant(tenant.id));
    Ok(if updated == 0 { Written::Created(()) } else { Written::Updated(()) })
}

pub(crate) async fn create(change: &mut Change, new: &NewTenant) -> Result<(), Failure> {
    if one(change.connection(), new.tenant.id).await?.is_some() {
        return Err(exists("tenant", new.tenant.id).into());
    }
    put(change, &new.tenant).await?;
    put_subscription(change, &new.subscription).await?;
    resource_groups::put(change, &new.resource_group, Condition::Missing).await?;
    clients::add_role(change, &new.role).await?;
    applications::create(change, &new.administrator).await
}

async fn put_domains(change: &mut Change, tenant: &str, domains: &[String]) -> Result<(), Failure> {
    let version = change.version();
    sqlx::query(sql::DELETE_DOMAINS).bind(tenant).execute(change.connection()).await?;
    for (ordinal, domain) in (0_i64..).zip(domains) {
        let domain = domain.to_lowercase();
        let holder: Option<String> =
            sqlx::query_scalar(sql::DOMAIN_HOLDER).bind(&domain).fetch_optional(change.connection()).await?;
        if holder.is_some() {
            return Err(exists("domain", domain).into());
        }
        sqlx::query(sql::INSERT_DOMAIN)
            .bind(&domain)
            .bind(tenant)
            .bind(ordinal)
            .bind(version)
            .execute(change.connection())
            .await?;
    }
    Ok(())
}

pub(crate) async fn subscriptions(connection: &mut Connection, tenant: TenantId) -> Result<Vec<Subscription>, Failure> {
    let rows: Vec<(String, String)> =
        sqlx::query_as(sql::SUBSCRIPTIONS).bind(tenant.to_string()).fetch_all(connection).await?;
    rows.into_iter()
        .map(|(id, display_name)| Ok(Subscription { id: parse("subscription id", &id)?, tenant, display_name }))
        .collect()
}

/// The tenant of a subscription.
pub(crate) async fn subscription_tenant(
    connection: &mut Connection,
    id: SubscriptionId,
) -> Result<Option<String>, Failure> {
    Ok(sqlx::query_scalar(sql::SUBSCRIPTION_TENANT).bind(id.to_string()).fetch_optional(connection).await?)
}

pub(crate) async fn put_subscription(change: &mut Change, subscription: &Subscription) -> Result<Written<()>, Failure> {
    let (id, tenant, version) = (subscription.id.to_string(), subscription.tenant.to_string(), change.version());
    require(change.connection(), subscription.tenant).await?;
    let written = match subscription_tenant(change.connection(), subscription.id).await? {
        Some(holder) if holder != tenant => return Err(exists("subscription", id).into()),
        Some(_) => {
            sqlx::query(sql::UPDATE_SUBSCRIPTION)
                .bind(&id)
                .bind(&subscription.display_name)
                .bind(version)
                .execute(change.connection())
                .await?;
            Written::Updated(())
        }
        None => {
            sqlx::query(sql::INSERT_SUBSCRIPTION)
                .bind(&id)
                .bind(&tenant)
                .bind(&subscription.display_name)
                .bind(version)
                .execute(change.connection())
                .await?;
            Written::Created(())
        }
    };
    change.touch_elsewhere(Some(subscription.tenant), "subscription", id);
    Ok(written)
}
