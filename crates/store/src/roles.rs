//! Roles that tenants make, and who has which role where.

use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use symbolon_core::{
    ObjectId, TenantId,
    ports::management::{RecordedAssignment, RecordedRole, StoreError, Written},
    role::{OWNER, Permission, RoleAssignment, RoleDefinition, RoleType, built_in},
};
use uuid::Uuid;

use crate::{
    change::{Change, Touched},
    clients,
    database::Connection,
    error::{Failure, exists, not_found},
    load::{from_json, parse, to_json},
    resource_groups, row, tenants,
};

mod sql {
    pub(super) const OWNERS: &str =
        "SELECT COUNT(*) FROM role_assignment WHERE tenant_id = $1 AND role_id = $2 AND scope_key = ''";
    pub(super) const ALL_DEFINITIONS: &str = "SELECT tenant_id, id, name, description, definition, created, created_by \
         FROM role_definition ORDER BY name_key";
    pub(super) const DEFINITIONS: &str = "SELECT tenant_id, id, name, description, definition, created, created_by \
         FROM role_definition WHERE tenant_id = $1 ORDER BY name_key";
    pub(super) const DEFINITION: &str = "SELECT tenant_id, id, name, description, definition, created, created_by \
         FROM role_definition WHERE tenant_id = $1 AND id = $2";
    pub(super) const NAME_HOLDER: &str = "SELECT id FROM role_definition WHERE tenant_id = $1 AND name_key = $2";
    pub(super) const INSERT_DEFINITION: &str = "INSERT INTO role_definition \
         (tenant_id, id, name, name_key, description, definition, version, created, created_by) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    pub(super) const UPDATE_DEFINITION: &str = "UPDATE role_definition \
         SET name = $3, name_key = $4, description = $5, definition = $6, version = $7 \
         WHERE tenant_id = $1 AND id = $2";
    pub(super) const DELETE_DEFINITION: &str = "DELETE FROM role_definition WHERE tenant_id = $1 AND id = $2";
    pub(super) const ASSIGNED: &str = "SELECT COUNT(*) FROM role_assignment WHERE tenant_id = $1 AND role_id = $2";
    pub(super) const ASSIGNMENT: &str = "SELECT tenant_id, id, principal_id, role_id, scope, principal_type, \
         description, created, created_by FROM role_assignment WHERE tenant_id = $1 AND id = $2";
    pub(super) const ASSIGNMENTS: &str = "SELECT tenant_id, id, principal_id, role_id, scope, principal_type, \
         description, created, created_by FROM role_assignment WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3";
    pub(super) const ASSIGNMENTS_OF_ONE: &str = "SELECT tenant_id, id, principal_id, role_id, scope, principal_type, \
         description, created, created_by FROM role_assignment \
         WHERE tenant_id = $1 AND principal_id = $4 AND id > $2 ORDER BY id LIMIT $3";
    pub(super) const SAME_GRANT: &str = "SELECT id FROM role_assignment \
         WHERE tenant_id = $1 AND principal_id = $2 AND role_id = $3 AND scope_key = $4";
    pub(super) const DESCRIBE: &str = "UPDATE role_assignment SET principal_type = $3, description = $4, created = $5, \
         created_by = $6 WHERE tenant_id = $1 AND id = $2";
    pub(super) const HOLDERS_BELOW: &str = "SELECT DISTINCT principal_id FROM role_assignment \
         WHERE tenant_id = $1 AND (scope_key = $2 OR SUBSTR(scope_key, 1, LENGTH($3)) = $3)";
    pub(super) const DELETE_BELOW: &str = "DELETE FROM role_assignment \
         WHERE tenant_id = $1 AND (scope_key = $2 OR SUBSTR(scope_key, 1, LENGTH($3)) = $3)";
    pub(super) const DELETE_ASSIGNMENT: &str = "DELETE FROM role_assignment WHERE tenant_id = $1 AND id = $2";
}

/// What stands in the column `definition`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Definition {
    assignable_scopes: Vec<String>,
    permissions: Vec<Permission>,
}

#[derive(FromRow)]
struct DefinitionRow {
    tenant_id: String,
    id: String,
    name: String,
    description: String,
    definition: String,
    created: i64,
    created_by: String,
}

#[derive(FromRow)]
struct AssignmentRow {
    #[sqlx(flatten)]
    row: row::RoleRow,
    principal_type: String,
    description: Option<String>,
    created: i64,
    created_by: String,
}

impl DefinitionRow {
    fn read(self) -> Result<RecordedRole, Failure> {
        let Definition { assignable_scopes, permissions } = from_json("role definition", &self.definition)?;
        Ok(RecordedRole {
            tenant: parse("tenant id", &self.tenant_id)?,
            definition: RoleDefinition {
                id: parse("role id", &self.id)?,
                name: self.name,
                description: self.description,
                kind: RoleType::Custom,
                assignable_scopes,
                permissions,
            },
            created: self.created,
            created_by: self.created_by,
        })
    }
}

impl AssignmentRow {
    fn read(self) -> Result<RecordedAssignment, Failure> {
        Ok(RecordedAssignment {
            assignment: self.row.read()?,
            principal_type: self.principal_type,
            description: self.description,
            created: self.created,
            created_by: self.created_by,
        })
    }
}

/// The key under which two spellings of a scope meet; `/` and the empty scope are the same one.
pub(crate) fn scope_key(scope: &str) -> String {
    scope.trim_end_matches('/').to_ascii_lowercase()
}

/// The roles that all tenants made.
pub(crate) async fn all_definitions(connection: &mut Connection) -> Result<Vec<RecordedRole>, Failure> {
    let rows: Vec<DefinitionRow> = sqlx::query_as(sql::ALL_DEFINITIONS).fetch_all(connection).await?;
    rows.into_iter().map(DefinitionRow::read).collect()
}

pub(crate) async fn definitions(connection: &mut Connection, tenant: TenantId) -> Result<Vec<RecordedRole>, Failure> {
    let rows: Vec<DefinitionRow> =
        sqlx::query_as(sql::DEFINITIONS).bind(tenant.to_string()).fetch_all(connection).await?;
    rows.into_iter().map(DefinitionRow::read).collect()
}

/// One role that the tenant made; none where there is none.
pub(crate) async fn find_definition(
    connection: &mut Connection,
    tenant: TenantId,
    id: Uuid,
) -> Result<Option<RecordedRole>, Failure> {
    let row: Option<DefinitionRow> = sqlx::query_as(sql::DEFINITION)
        .bind(tenant.to_string())
        .bind(id.to_string())
        .fetch_optional(connection)
        .await?;
    row.map(DefinitionRow::read).transpose()
}

pub(crate) async fn definition(
    connection: &mut Connection,
    tenant: TenantId,
    id: Uuid,
) -> Result<RecordedRole, Failure> {
    Ok(find_definition(connection, tenant, id).await?.ok_or_else(|| not_found("role definition", id))?)
}

pub(crate) async fn put_definition(change: &mut Change, role: &RecordedRole) -> Result<Written<RecordedRole>, Failure> {
    let (tenant, id) = (role.tenant, role.definition.id);
    tenants::require(change.connection(), tenant).await?;
    let name_key = role.definition.name.to_lowercase();
    let holder: Option<String> = sqlx::query_scalar(sql::NAME_HOLDER)
        .bind(tenant.to_string())
        .bind(&name_key)
        .fetch_optional(change.connection())
        .await?;
    if holder.is_some_and(|holder| holder != id.to_string()) {
        return Err(exists("role definition", &role.definition.name).into());
    }
    let found = find_definition(change.connection(), tenant, id).await?;
    let definition = Definition {
        assignable_scopes: role.definition.assignable_scopes.clone(),
        permissions: role.definition.permissions.clone(),
    };
    let definition = to_json("role definition", &definition)?;
    let version = change.version();
    let statement = if found.is_some() { sql::UPDATE_DEFINITION } else { sql::INSERT_DEFINITION };
    let mut query = sqlx::query(statement)
        .bind(tenant.to_string())
        .bind(id.to_string())
        .bind(&role.definition.name)
        .bind(&name_key)
        .bind(&role.definition.description)
        .bind(&definition)
        .bind(version);
    if found.is_none() {
        query = query.bind(role.created).bind(&role.created_by);
    }
    query.execute(change.connection()).await?;
    change.touch(Touched::RoleDefinition(tenant, id));
    Ok(match found {
        Some(old) => {
            Written::Updated(RecordedRole { created: old.created, created_by: old.created_by, ..role.clone() })
        }
        None => Written::Created(role.clone()),
    })
}

pub(crate) async fn delete_definition(change: &mut Change, tenant: TenantId, id: Uuid) -> Result<bool, Failure> {
    let assigned: i64 = sqlx::query_scalar(sql::ASSIGNED)
        .bind(tenant.to_string())
        .bind(id.to_string())
        .fetch_one(change.connection())
        .await?;
    if assigned > 0 {
        return Err(StoreError::RoleAssigned { assignments: assigned }.into());
    }
    let query = sqlx::query(sql::DELETE_DEFINITION).bind(tenant.to_string()).bind(id.to_string());
    let deleted = query.execute(change.connection()).await?.rows_affected() > 0;
    if deleted {
        change.touch(Touched::RoleDefinition(tenant, id));
    }
    Ok(deleted)
}

async fn find_assignment(
    connection: &mut Connection,
    tenant: TenantId,
    id: Uuid,
) -> Result<Option<RecordedAssignment>, Failure> {
    let row: Option<AssignmentRow> = sqlx::query_as(sql::ASSIGNMENT)
        .bind(tenant.to_string())
        .bind(id.to_string())
        .fetch_optional(connection)
        .await?;
    row.map(AssignmentRow::read).transpose()
}

pub(crate) async fn assignment(
    connection: &mut Connection,
    tenant: TenantId,
    id: Uuid,
) -> Result<RecordedAssignment, Failure> {
    Ok(find_assignment(connection, tenant, id).await?.ok_or_else(|| not_found("role assignment", id))?)
}

pub(crate) async fn assignments(
    connection: &mut Connection,
    tenant: TenantId,
    principal: Option<ObjectId>,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Vec<RecordedAssignment>, Failure> {
    let statement = if principal.is_some() { sql::ASSIGNMENTS_OF_ONE } else { sql::ASSIGNMENTS };
    let mut query = sqlx::query_as(statement)
        .bind(tenant.to_string())
        .bind(after.map(|after| after.to_string()).unwrap_or_default())
        .bind(i64::from(limit));
    if let Some(principal) = principal {
        query = query.bind(principal.to_string());
    }
    let rows: Vec<AssignmentRow> = query.fetch_all(connection).await?;
    rows.into_iter().map(AssignmentRow::read).collect()
}

pub(crate) async fn put_assignment(
    change: &mut Change,
    wanted: &RecordedAssignment,
) -> Result<Written<RecordedAssignment>, Failure> {
    let RoleAssignment { id, tenant, principal, role, scope } = &wanted.assignment;
    clients::require_principal(change.connection(), *tenant, *principal).await?;
    require_group(change, *tenant, scope).await?;
    if built_in::find(*role).is_none() {
        definition(change.connection(), *tenant, *role).await?;
    }
    if let Some(found) = find_assignment(change.connection(), *tenant, *id).await? {
        let is_same = found.assignment.principal == *principal
            && found.assignment.role == *role
            && scope_key(&found.assignment.scope) == scope_key(scope);
        if !is_same {
            return Err(StoreError::AssignmentFixed.into());
        }
        let kept = RecordedAssignment { description: wanted.description.clone(), ..found };
        describe(change, &kept).await?;
        return Ok(Written::Updated(kept));
    }
    let same: Option<String> = sqlx::query_scalar(sql::SAME_GRANT)
        .bind(tenant.to_string())
        .bind(principal.to_string())
        .bind(role.to_string())
        .bind(scope_key(scope))
        .fetch_optional(change.connection())
        .await?;
    if let Some(same) = same {
        return Err(exists("role assignment", same).into());
    }
    clients::add_role(change, &wanted.assignment).await?;
    describe(change, wanted).await?;
    Ok(Written::Created(wanted.clone()))
}

async fn describe(change: &mut Change, wanted: &RecordedAssignment) -> Result<(), Failure> {
    sqlx::query(sql::DESCRIBE)
        .bind(wanted.assignment.tenant.to_string())
        .bind(wanted.assignment.id.to_string())
        .bind(&wanted.principal_type)
        .bind(&wanted.description)
        .bind(wanted.created)
        .bind(&wanted.created_by)
        .execute(change.connection())
        .await?;
    change.touch(Touched::Roles(wanted.assignment.tenant, wanted.assignment.principal));
    Ok(())
}

/// The resource group of a scope must be there in the same transaction: a role that outlived it would
/// count in a later group of that name.
async fn require_group(change: &mut Change, tenant: TenantId, scope: &str) -> Result<(), Failure> {
    let segments: Vec<_> = scope.split('/').collect();
    if let ["", subscriptions, subscription, groups, name, ..] = segments.as_slice()
        && subscriptions.eq_ignore_ascii_case("subscriptions")
        && groups.eq_ignore_ascii_case("resourceGroups")
    {
        resource_groups::require(change.connection(), tenant, parse("subscription id", subscription)?, name).await?;
    }
    Ok(())
}

pub(crate) async fn delete_assignment(change: &mut Change, tenant: TenantId, id: Uuid) -> Result<bool, Failure> {
    let Some(found) = find_assignment(change.connection(), tenant, id).await? else { return Ok(false) };
    let is_owner = |found: &RoleAssignment| found.role == OWNER && scope_key(&found.scope).is_empty();
    if is_owner(&found.assignment) {
        let owners: i64 = sqlx::query_scalar(sql::OWNERS)
            .bind(tenant.to_string())
            .bind(OWNER.to_string())
            .fetch_one(change.connection())
            .await?;
        if owners <= 1 {
            return Err(StoreError::LastOwner.into());
        }
    }
    let query = sqlx::query(sql::DELETE_ASSIGNMENT).bind(tenant.to_string()).bind(id.to_string());
    query.execute(change.connection()).await?;
    change.touch(Touched::Roles(tenant, found.assignment.principal));
    Ok(true)
}

/// Takes away all roles at a resource and below it.
pub(crate) async fn delete_at_and_below(change: &mut Change, tenant: TenantId, scope: &str) -> Result<(), Failure> {
    let key = scope_key(scope);
    let (tenant_text, below) = (tenant.to_string(), format!("{key}/"));
    let holders: Vec<String> = sqlx::query_scalar(sql::HOLDERS_BELOW)
        .bind(&tenant_text)
        .bind(&key)
        .bind(&below)
        .fetch_all(change.connection())
        .await?;
    sqlx::query(sql::DELETE_BELOW).bind(&tenant_text).bind(&key).bind(&below).execute(change.connection()).await?;
    for holder in holders {
        change.touch(Touched::Roles(tenant, parse("principal id", &holder)?));
    }
    Ok(())
}
