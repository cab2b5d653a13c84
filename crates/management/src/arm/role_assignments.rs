//! `Microsoft.Authorization/roleAssignments`

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use symbolon_core::{
    ObjectId, TenantId,
    ports::management::{RecordedAssignment, StoreError},
    role::{RoleAssignment, built_in, covers},
};
use uuid::Uuid;

use super::{
    group_not_found,
    identities::{encoded, status},
    page::PageRequest,
    role_definitions::{does_not_exist, guid, role_id, role_path},
    role_filter::{Clause, clauses, unsupported},
    scope::{Scope, enter, prefix},
};
use crate::{
    Management, Shared,
    action::ManagementAction,
    caller::{Caller, ResourceManager},
    error::Refusal,
    path::{AUTHORIZATION, ExtendedScope},
    request::{ApiVersion, Fields, JsonBody, Query, Segments},
};

const TYPE: &str = "Microsoft.Authorization/roleAssignments";
/// What all principals here are: there are no users and no groups.
const PRINCIPAL_TYPE: &str = "ServicePrincipal";
const MAX_DESCRIPTION: usize = 2048;
/// How many assignments are looked at together.
const BATCH: u32 = 500;

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route(&format!("{AUTHORIZATION}/roleAssignments"), get(list))
        .route(&format!("{AUTHORIZATION}/roleAssignments/{{name}}"), get(one).put(put).delete(delete))
}

/// An assignment as ARM prints it.
#[derive(Serialize)]
struct Printed {
    id: String,
    name: Uuid,
    r#type: &'static str,
    properties: Properties,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    role_definition_id: String,
    principal_id: ObjectId,
    principal_type: String,
    scope: String,
    description: Option<String>,
    condition: Option<()>,
    condition_version: Option<()>,
    delegated_managed_identity_resource_id: Option<()>,
    created_on: String,
    updated_on: String,
    created_by: String,
    updated_by: String,
}

impl From<RecordedAssignment> for Printed {
    fn from(found: RecordedAssignment) -> Self {
        let RoleAssignment { id, principal, role, scope, .. } = found.assignment;
        Self {
            id: path(&scope, id),
            name: id,
            r#type: TYPE,
            properties: Properties {
                role_definition_id: role_path(&scope, role),
                principal_id: principal,
                principal_type: found.principal_type,
                scope,
                description: found.description,
                condition: None,
                condition_version: None,
                delegated_managed_identity_resource_id: None,
                created_on: time(found.created),
                updated_on: time(found.created),
                created_by: found.created_by.clone(),
                updated_by: found.created_by,
            },
        }
    }
}

/// A second as ARM prints it.
pub(super) fn time(second: i64) -> String {
    Timestamp::from_second(second).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%S.0000000Z").to_string()
}

fn path(scope: &str, id: Uuid) -> String {
    format!("{}/providers/{TYPE}/{id}", prefix(scope))
}

async fn one(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    extended: ExtendedScope,
    _: ApiVersion,
    Segments(name): Segments<String>,
) -> Result<Response, Refusal> {
    let (authorized, scope) = enter(&management, &caller, &extended, ManagementAction::RoleAssignmentRead).await?;
    let found = find(&management, authorized.tenant(), &scope, id(&name)?).await?.ok_or_else(|| {
        Refusal::not_found(
            "RoleAssignmentNotFound",
            format!("The role assignment '{}' is not found.", crate::shorten(&name)),
        )
    })?;
    Ok(Json(Printed::from(found)).into_response())
}

async fn put(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    extended: ExtendedScope,
    _: ApiVersion,
    Segments(name): Segments<String>,
    body: JsonBody,
) -> Result<Response, Refusal> {
    let action = ManagementAction::RoleAssignmentWrite;
    let (authorized, scope) = enter(&management, &caller, &extended, action).await?;
    let body = body.fields();
    let wanted = RecordedAssignment {
        created: management.clock.now().as_second(),
        created_by: authorized.principal().object_id().to_string(),
        ..wanted(authorized.tenant(), id(&name)?, &scope, &body)?
    };
    require_assignable(&management, &wanted.assignment)?;
    let written = match management.store.put_assignment(&wanted).await {
        Ok(written) => written,
        Err(error) => return Err(refused(&error, &wanted.assignment).unwrap_or_else(|| error.into())),
    };
    let status = status(&written);
    let stored = written.into_inner();
    caller.done(&management, action, &path(scope.id(), stored.assignment.id)).await?;
    Ok((status, Json(Printed::from(stored))).into_response())
}

async fn delete(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    extended: ExtendedScope,
    _: ApiVersion,
    Segments(name): Segments<String>,
) -> Result<Response, Refusal> {
    let action = ManagementAction::RoleAssignmentDelete;
    let (authorized, scope) = enter(&management, &caller, &extended, action).await?;
    let id = id(&name)?;
    let Some(found) = find(&management, authorized.tenant(), &scope, id).await? else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    if !management.store.delete_assignment(authorized.tenant(), id).await? {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    caller.done(&management, action, &path(scope.id(), id)).await?;
    Ok(Json(Printed::from(found)).into_response())
}

async fn list(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    extended: ExtendedScope,
    version: ApiVersion,
    query: Query,
) -> Result<Response, Refusal> {
    let (authorized, scope) = enter(&management, &caller, &extended, ManagementAction::RoleAssignmentRead).await?;
    let wanted = Wanted::of(&query)?;
    let request = PageRequest::new(&query, version)?;
    let found = collect(&management, authorized.tenant(), &scope, &wanted, &request).await?;
    let link = format!("{}/providers/{TYPE}", encoded(scope.prefix()));
    let page = request.of(found, |found| found.assignment.id.to_string(), Printed::from, (&management.urls, &link));
    Ok(Json(page).into_response())
}

/// What a list shows.
struct Wanted {
    /// Only what holds at the scope, and not what holds below it alone.
    at_scope: bool,
    principal: Option<ObjectId>,
}

impl Wanted {
    fn of(query: &Query) -> Result<Self, Refusal> {
        let mut wanted = Self { at_scope: false, principal: None };
        for clause in clauses(query)? {
            match clause {
                Clause::AtScope => wanted.at_scope = true,
                // Groups there are none, so that this is the same question.
                Clause::AssignedTo(id) => wanted.narrow(&id)?,
                Clause::Equals(name, id) if name == "principalid" => wanted.narrow(&id)?,
                Clause::Equals(..) | Clause::AtScopeAndBelow => {
                    return Err(unsupported(query.get("$filter").unwrap_or_default()));
                }
            }
        }
        Ok(wanted)
    }

    fn narrow(&mut self, text: &str) -> Result<(), Refusal> {
        let id = text.parse().map_err(|_| unsupported(text))?;
        if self.principal.replace(id).is_some_and(|other| other != id) {
            return Err(unsupported("two principals"));
        }
        Ok(())
    }

    fn shows(&self, scope: &str, found: &RecordedAssignment) -> bool {
        covers(&found.assignment.scope, scope) || !self.at_scope && covers(scope, &found.assignment.scope)
    }
}

/// The assignments of one page, and one more where there is one.
async fn collect(
    management: &Management,
    tenant: TenantId,
    scope: &Scope,
    wanted: &Wanted,
    request: &PageRequest,
) -> Result<Vec<RecordedAssignment>, Refusal> {
    let limit = request.limit() as usize;
    let mut after = request.after.as_deref().map(id).transpose()?;
    let mut shown = Vec::new();
    loop {
        let batch = management.store.assignments(tenant, wanted.principal, after, BATCH).await?;
        let is_last = batch.len() < BATCH as usize;
        after = batch.last().map(|found| found.assignment.id);
        shown.extend(batch.into_iter().filter(|found| wanted.shows(scope.id(), found)));
        if is_last || shown.len() >= limit {
            shown.truncate(limit);
            return Ok(shown);
        }
    }
}

/// The assignment of that id at exactly this scope: the right to this scope is none to another.
async fn find(
    management: &Management,
    tenant: TenantId,
    scope: &Scope,
    id: Uuid,
) -> Result<Option<RecordedAssignment>, Refusal> {
    match management.store.assignment(tenant, id).await {
        Ok(found) => {
            Ok(Some(found).filter(|found| prefix(&found.assignment.scope).eq_ignore_ascii_case(scope.prefix())))
        }
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn id(text: &str) -> Result<Uuid, Refusal> {
    guid(text).ok_or_else(|| {
        Refusal::invalid(
            "InvalidRoleAssignmentId",
            format!("The role assignment ID '{}' is not valid. It must be a GUID.", crate::shorten(text)),
        )
    })
}

/// What a PUT asks for; who asks and when is for the caller to fill in.
fn wanted(tenant: TenantId, id: Uuid, scope: &Scope, body: &Fields<'_>) -> Result<RecordedAssignment, Refusal> {
    let missing = || Refusal::invalid("InvalidRequestContent", "The request has no 'properties'.");
    let properties = body.object("properties")?.ok_or_else(missing)?;
    // Taking the assignment without its condition would grant more than was meant.
    for name in ["condition", "delegatedManagedIdentityResourceId"] {
        if properties.has(name) {
            return Err(Refusal::invalid(
                "UnsupportedProperty",
                format!("The property '{name}' of a role assignment is not supported; leave it out."),
            ));
        }
    }
    let principal = properties.required_string("principalId")?;
    let principal: ObjectId = principal.parse().map_err(|_| principal_not_found(principal, tenant))?;
    if let Some(kind) = properties.string("principalType")?.filter(|kind| !kind.eq_ignore_ascii_case(PRINCIPAL_TYPE)) {
        return Err(Refusal::invalid(
            "UnmatchedPrincipalType",
            format!(
                "The PrincipalId '{principal}' has type '{PRINCIPAL_TYPE}', which is different from specified PrincipalType '{}'.",
                crate::shorten(kind)
            ),
        ));
    }
    let description = properties.string("description")?.map(str::to_owned);
    if description.as_ref().is_some_and(|text| text.chars().count() > MAX_DESCRIPTION) {
        let message = format!("The description is longer than {MAX_DESCRIPTION} characters.");
        return Err(Refusal::invalid("InvalidRequestContent", message));
    }
    let role = role_id(properties.required_string("roleDefinitionId")?)?;
    Ok(RecordedAssignment {
        assignment: RoleAssignment { id, tenant, principal, role, scope: scope.id().to_owned() },
        principal_type: PRINCIPAL_TYPE.to_owned(),
        description,
        created: 0,
        created_by: String::new(),
    })
}

/// Refuses a role that is not there, or not for this scope.
fn require_assignable(management: &Management, wanted: &RoleAssignment) -> Result<(), Refusal> {
    let custom = || management.access.directory.role_definition(wanted.tenant, wanted.role);
    let role = built_in::find(wanted.role).or_else(custom).ok_or_else(|| does_not_exist(wanted.role))?;
    if role.is_assignable_at(&wanted.scope) {
        return Ok(());
    }
    Err(Refusal::invalid(
        "RoleDefinitionDoesNotExist",
        format!(
            "The role definition '{}' cannot be assigned at scope '{}': it is not within its assignable scopes.",
            role.id, wanted.scope
        ),
    ))
}

/// What the store says, in ARM's words.
fn refused(error: &StoreError, wanted: &RoleAssignment) -> Option<Refusal> {
    match error {
        StoreError::NotFound { what: "principal", .. } => {
            Some(principal_not_found(&wanted.principal.to_string(), wanted.tenant))
        }
        StoreError::NotFound { what: "role definition", .. } => Some(does_not_exist(wanted.role)),
        // Deleted between the look and the write.
        StoreError::NotFound { what: "resource group", name } => Some(group_not_found(name)),
        StoreError::Exists { name, .. } => Some(Refusal::conflict(
            "RoleAssignmentExists",
            format!(
                "The role assignment already exists. The ID of the conflicting role assignment is {}.",
                name.replace('-', "")
            ),
        )),
        _ => None,
    }
}

fn principal_not_found(principal: &str, tenant: TenantId) -> Refusal {
    Refusal::invalid(
        "PrincipalNotFound",
        format!(
            "Principal {} does not exist in the directory {tenant}. Check that you have the correct principal ID.",
            crate::shorten(&principal.replace('-', ""))
        ),
    )
}
