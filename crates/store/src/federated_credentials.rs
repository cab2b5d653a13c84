//! Federated credentials.

use symbolon_core::{
    federated_credential::{FederatedCredential, MAX_EXPRESSIONS},
    ports::management::{Condition, CredentialTerms, Holder, StoreError, StoredCredential, Written},
};

use crate::{
    change::{Change, Touched},
    clients,
    database::Connection,
    error::{Failure, not_found},
    row,
};

mod sql {
    pub(super) const ONE: &str = "SELECT tenant_id, client_id, name, issuer, subject, audience, description, \
         effective_at, matching, created_version, version \
         FROM federated_credential WHERE tenant_id = $1 AND client_id = $2 AND name_key = $3";
    pub(super) const LIST: &str = "SELECT tenant_id, client_id, name, issuer, subject, audience, description, \
         effective_at, matching, created_version, version \
         FROM federated_credential WHERE tenant_id = $1 AND client_id = $2 AND name_key > $3 \
         ORDER BY name_key LIMIT $4";
    pub(super) const SAME: &str = "SELECT name FROM federated_credential WHERE tenant_id = $1 AND client_id = $2 \
         AND issuer = $3 AND subject = $4 AND name_key <> $5";
    pub(super) const EXPRESSIONS: &str = "SELECT COUNT(*) FROM federated_credential WHERE tenant_id = $1 \
         AND client_id = $2 AND matching = 'expression' AND name_key <> $3";
    pub(super) const COUNT: &str = "SELECT COUNT(*) FROM federated_credential WHERE tenant_id = $1 AND client_id = $2";
    pub(super) const INSERT: &str = "INSERT INTO federated_credential (tenant_id, client_id, name_key, name, issuer, \
         subject, audience, description, effective_at, matching, created_version, version) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)";
    pub(super) const UPDATE: &str = "UPDATE federated_credential SET issuer = $4, subject = $5, audience = $6, \
         description = $7, effective_at = $8, matching = $9, version = $10 WHERE tenant_id = $1 AND client_id = $2 AND name_key = $3";
    pub(super) const DELETE: &str =
        "DELETE FROM federated_credential WHERE tenant_id = $1 AND client_id = $2 AND name_key = $3";
}

fn name_key(name: &str) -> String {
    name.to_ascii_lowercase()
}

async fn find(connection: &mut Connection, holder: Holder, name: &str) -> Result<Option<StoredCredential>, Failure> {
    let row: Option<row::StoredCredentialRow> = sqlx::query_as(sql::ONE)
        .bind(holder.tenant.to_string())
        .bind(holder.client_id.to_string())
        .bind(name_key(name))
        .fetch_optional(connection)
        .await?;
    row.map(row::StoredCredentialRow::read).transpose()
}

async fn require_holder(connection: &mut Connection, holder: Holder) -> Result<(), Failure> {
    if clients::is_there(connection, holder.tenant, holder.client_id).await? {
        Ok(())
    } else {
        Err(not_found("client", holder.client_id).into())
    }
}

pub(crate) async fn one(connection: &mut Connection, holder: Holder, name: &str) -> Result<StoredCredential, Failure> {
    find(connection, holder, name).await?.ok_or_else(|| not_found("federated credential", name).into())
}

pub(crate) async fn list(
    connection: &mut Connection,
    holder: Holder,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<StoredCredential>, Failure> {
    require_holder(connection, holder).await?;
    let rows: Vec<row::StoredCredentialRow> = sqlx::query_as(sql::LIST)
        .bind(holder.tenant.to_string())
        .bind(holder.client_id.to_string())
        .bind(after.map(name_key).unwrap_or_default())
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await?;
    rows.into_iter().map(row::StoredCredentialRow::read).collect()
}

pub(crate) async fn put(
    change: &mut Change,
    holder: Holder,
    credential: &FederatedCredential,
    terms: CredentialTerms,
) -> Result<Written<StoredCredential>, Failure> {
    require_holder(change.connection(), holder).await?;
    let found = find(change.connection(), holder, credential.name()).await?;
    terms.condition.check("federated credential", found.as_ref().map(|found| found.version))?;
    require_unique(change, holder, credential).await?;
    require_room_for_expression(change, holder, credential).await?;
    // What accepts the same as before goes on doing so: a simulated delay is for what is new.
    let same = found.as_ref().map(|found| &found.credential).filter(|old| old.accepts_same_as(credential));
    let effective_at = same.map_or(i64::MAX, FederatedCredential::effective_at).min(credential.effective_at());
    let credential = &credential.clone().effective_from(effective_at);
    let is_new = found.is_none();
    if is_new {
        require_room(change, holder, terms.limit).await?;
        insert(change, holder, credential).await?;
    } else {
        update(change, holder, credential).await?;
    }
    change.touch(Touched::Client(holder.tenant, holder.client_id));
    let stored = one(change.connection(), holder, credential.name()).await?;
    Ok(if is_new { Written::Created(stored) } else { Written::Updated(stored) })
}

/// Two credentials with the same issuer and subject could not be told apart by a token.
async fn require_unique(change: &mut Change, holder: Holder, credential: &FederatedCredential) -> Result<(), Failure> {
    let same: Option<String> = sqlx::query_scalar(sql::SAME)
        .bind(holder.tenant.to_string())
        .bind(holder.client_id.to_string())
        .bind(credential.issuer())
        .bind(credential.matching().as_str())
        .bind(name_key(credential.name()))
        .fetch_optional(change.connection())
        .await?;
    same.map_or(Ok(()), |found| {
        let (issuer, subject) = (credential.issuer().to_owned(), credential.matching().as_str().to_owned());
        Err(StoreError::IssuerAndSubjectExist { issuer, subject, credential: found }.into())
    })
}

async fn require_room_for_expression(
    change: &mut Change,
    holder: Holder,
    credential: &FederatedCredential,
) -> Result<(), Failure> {
    if credential.expression().is_none() {
        return Ok(());
    }
    let count: i64 = sqlx::query_scalar(sql::EXPRESSIONS)
        .bind(holder.tenant.to_string())
        .bind(holder.client_id.to_string())
        .bind(name_key(credential.name()))
        .fetch_one(change.connection())
        .await?;
    let limit = MAX_EXPRESSIONS;
    if count < i64::from(limit) { Ok(()) } else { Err(StoreError::TooManyExpressions { limit }.into()) }
}

async fn require_room(change: &mut Change, holder: Holder, limit: Option<u32>) -> Result<(), Failure> {
    let Some(limit) = limit else { return Ok(()) };
    let count: i64 = sqlx::query_scalar(sql::COUNT)
        .bind(holder.tenant.to_string())
        .bind(holder.client_id.to_string())
        .fetch_one(change.connection())
        .await?;
    if count < i64::from(limit) { Ok(()) } else { Err(StoreError::TooManyCredentials { limit }.into()) }
}

async fn insert(change: &mut Change, holder: Holder, credential: &FederatedCredential) -> Result<(), Failure> {
    let version = change.version();
    sqlx::query(sql::INSERT)
        .bind(holder.tenant.to_string())
        .bind(holder.client_id.to_string())
        .bind(name_key(credential.name()))
        .bind(credential.name())
        .bind(credential.issuer())
        .bind(credential.matching().as_str())
        .bind(credential.audience())
        .bind(credential.description())
        .bind(credential.effective_at())
        .bind(row::matching_kind(credential.matching()))
        .bind(version)
        .execute(change.connection())
        .await?;
    Ok(())
}

/// The name keeps its first spelling.
async fn update(change: &mut Change, holder: Holder, credential: &FederatedCredential) -> Result<(), Failure> {
    let version = change.version();
    sqlx::query(sql::UPDATE)
        .bind(holder.tenant.to_string())
        .bind(holder.client_id.to_string())
        .bind(name_key(credential.name()))
        .bind(credential.issuer())
        .bind(credential.matching().as_str())
        .bind(credential.audience())
        .bind(credential.description())
        .bind(credential.effective_at())
        .bind(row::matching_kind(credential.matching()))
        .bind(version)
        .execute(change.connection())
        .await?;
    Ok(())
}

pub(crate) async fn delete(
    change: &mut Change,
    holder: Holder,
    name: &str,
    condition: Condition,
) -> Result<bool, Failure> {
    let found = find(change.connection(), holder, name).await?;
    condition.check("federated credential", found.map(|found| found.version))?;
    let deleted = sqlx::query(sql::DELETE)
        .bind(holder.tenant.to_string())
        .bind(holder.client_id.to_string())
        .bind(name_key(name))
        .execute(change.connection())
        .await?
        .rows_affected();
    if deleted > 0 {
        change.touch(Touched::Client(holder.tenant, holder.client_id));
    }
    Ok(deleted > 0)
}
