//! What managed identities and applications have in common: one space of client ids, one space of
//! principals, role assignments.

use symbolon_core::{ClientId, ObjectId, TenantId, role::RoleAssignment};

use crate::{
    change::{Change, Touched},
    database::Connection,
    error::{Failure, exists, not_found},
    load::parse,
    roles, tenants,
};

mod sql {
    pub(super) const KIND: &str = "SELECT kind FROM client WHERE tenant_id = $1 AND client_id = $2";
    pub(super) const INSERT: &str = "INSERT INTO client (tenant_id, client_id, kind, version) VALUES ($1, $2, $3, $4)";
    pub(super) const DELETE: &str = "DELETE FROM client WHERE tenant_id = $1 AND client_id = $2";
    pub(super) const PRINCIPAL: &str = "SELECT client_id FROM managed_identity \
         WHERE tenant_id = $1 AND principal_id = $2 \
         UNION ALL SELECT client_id FROM service_principal WHERE tenant_id = $1 AND object_id = $2";
    pub(super) const DELETE_ROLES: &str = "DELETE FROM role_assignment WHERE tenant_id = $1 AND principal_id = $2";
    pub(super) const ROLE_EXISTS: &str = "SELECT id FROM role_assignment WHERE tenant_id = $1 \
         AND (id = $2 OR (principal_id = $3 AND role_id = $4 AND scope_key = $5))";
    pub(super) const INSERT_ROLE: &str = "INSERT INTO role_assignment \
         (tenant_id, id, principal_id, role_id, scope_key, scope, version) VALUES ($1, $2, $3, $4, $5, $6, $7)";
}

/// What a client is, as it stands in the table.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    ManagedIdentity,
    Application,
}

/// Whether the tenant has this client.
pub(crate) async fn is_there(connection: &mut Connection, tenant: TenantId, id: ClientId) -> Result<bool, Failure> {
    let kind: Option<String> =
        sqlx::query_scalar(sql::KIND).bind(tenant.to_string()).bind(id.to_string()).fetch_optional(connection).await?;
    Ok(kind.is_some())
}

/// Takes a client id; refused where it is taken, or where there is no such tenant.
pub(crate) async fn insert(change: &mut Change, tenant: TenantId, id: ClientId, kind: Kind) -> Result<(), Failure> {
    tenants::require(change.connection(), tenant).await?;
    if is_there(change.connection(), tenant, id).await? {
        return Err(exists("client id", id).into());
    }
    let kind = match kind {
        Kind::ManagedIdentity => "managed-identity",
        Kind::Application => "application",
    };
    let version = change.version();
    sqlx::query(sql::INSERT)
        .bind(tenant.to_string())
        .bind(id.to_string())
        .bind(kind)
        .bind(version)
        .execute(change.connection())
        .await?;
    change.touch(Touched::Client(tenant, id));
    Ok(())
}

/// Deletes a client with all that hangs on it but its roles, which hang on its principal.
pub(crate) async fn delete(change: &mut Change, tenant: TenantId, id: ClientId) -> Result<(), Failure> {
    sqlx::query(sql::DELETE).bind(tenant.to_string()).bind(id.to_string()).execute(change.connection()).await?;
    change.touch(Touched::Client(tenant, id));
    Ok(())
}

/// The client whose principal this is.
pub(crate) async fn of_principal(
    connection: &mut Connection,
    tenant: TenantId,
    principal: ObjectId,
) -> Result<Option<ClientId>, Failure> {
    let found: Option<String> = sqlx::query_scalar(sql::PRINCIPAL)
        .bind(tenant.to_string())
        .bind(principal.to_string())
        .fetch_optional(connection)
        .await?;
    found.map(|id| parse("client id", &id)).transpose()
}

/// Refuses a principal that another client of the tenant has: one's roles would be the other's.
pub(crate) async fn require_free_principal(
    change: &mut Change,
    tenant: TenantId,
    principal: ObjectId,
) -> Result<(), Failure> {
    let holder = of_principal(change.connection(), tenant, principal).await?;
    if holder.is_some() { Err(exists("principal id", principal).into()) } else { Ok(()) }
}

/// Refuses a principal that no client of the tenant has.
pub(crate) async fn require_principal(
    connection: &mut Connection,
    tenant: TenantId,
    principal: ObjectId,
) -> Result<(), Failure> {
    let holder: Option<String> = sqlx::query_scalar(sql::PRINCIPAL)
        .bind(tenant.to_string())
        .bind(principal.to_string())
        .fetch_optional(connection)
        .await?;
    if holder.is_some() { Ok(()) } else { Err(not_found("principal", principal).into()) }
}

pub(crate) async fn delete_roles(change: &mut Change, tenant: TenantId, principal: ObjectId) -> Result<(), Failure> {
    sqlx::query(sql::DELETE_ROLES)
        .bind(tenant.to_string())
        .bind(principal.to_string())
        .execute(change.connection())
        .await?;
    change.touch(Touched::Roles(tenant, principal));
    Ok(())
}

pub(crate) async fn add_role(change: &mut Change, assignment: &RoleAssignment) -> Result<(), Failure> {
    tenants::require(change.connection(), assignment.tenant).await?;
    let (tenant, id) = (assignment.tenant.to_string(), assignment.id.to_string());
    let (principal, role) = (assignment.principal.to_string(), assignment.role.to_string());
    let scope_key = roles::scope_key(&assignment.scope);
    let version = change.version();
    let found: Option<String> = sqlx::query_scalar(sql::ROLE_EXISTS)
        .bind(&tenant)
        .bind(&id)
        .bind(&principal)
        .bind(&role)
        .bind(&scope_key)
        .fetch_optional(change.connection())
        .await?;
    if let Some(found) = found {
        return Err(exists("role assignment", found).into());
    }
    sqlx::query(sql::INSERT_ROLE)
        .bind(&tenant)
        .bind(&id)
        .bind(&principal)
        .bind(&role)
        .bind(&scope_key)
        .bind(&assignment.scope)
        .bind(version)
        .execute(change.connection())
        .await?;
    change.touch(Touched::Roles(assignment.tenant, assignment.principal));
    Ok(())
}
