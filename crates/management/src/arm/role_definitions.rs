//! `Microsoft.Authorization/roleDefinitions`

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::StatusCode;
use serde::Serialize;
use serde_json::json;
use symbolon_core::{
    ObjectId, TenantId,
    access::Authorized,
    ports::management::{RecordedRole, StoreError},
    role::{Permission, RoleDefinition, RoleType, built_in, covers},
};
use uuid::Uuid;

use super::{
    identities::status,
    role_assignments::time,
    role_filter::{Clause, clauses, unsupported},
    scope::{Scope, enter, subscription_of},
};
use crate::{
    Management, Shared,
    action::ManagementAction,
    caller::{Caller, ResourceManager},
    error::Refusal,
    path::{AUTHORIZATION, ExtendedScope},
    request::{ApiVersion, Fields, JsonBody, Query, Segments},
};

const TYPE: &str = "Microsoft.Authorization/roleDefinitions";
const MAX_NAME: usize = 512;
const MAX_DESCRIPTION: usize = 2048;
const MAX_SCOPES: usize = 100;
const MAX_PATTERNS: usize = 2048;
const MAX_PATTERN: usize = 512;

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route(&format!("{AUTHORIZATION}/roleDefinitions"), get(list))
        .route(&format!("{AUTHORIZATION}/roleDefinitions/{{name}}"), get(one).put(put).delete(delete))
}

/// A role as ARM prints it.
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
    role_name: String,
    r#type: &'static str,
    description: String,
    assignable_scopes: Vec<String>,
    permissions: Vec<Permission>,
    created_on: Option<String>,
    updated_on: Option<String>,
    created_by: Option<String>,
    updated_by: Option<String>,
}

impl Printed {
    fn new(role: RoleDefinition, scope: &str) -> Self {
        Self {
            id: role_path(scope, role.id),
            name: role.id,
            r#type: TYPE,
            properties: Properties {
                role_name: role.name,
                r#type: type_name(role.kind),
                description: role.description,
                assignable_scopes: role.assignable_scopes,
                permissions: role.permissions,
                created_on: None,
                updated_on: None,
                created_by: None,
                updated_by: None,
            },
        }
    }

    fn recorded(role: RecordedRole, scope: &str) -> Self {
        let mut printed = Self::new(role.definition, scope);
        let (created, by) = (Some(time(role.created)), Some(role.created_by));
        let properties = &mut printed.properties;
        (properties.created_on, properties.updated_on) = (created.clone(), created);
        (properties.created_by, properties.updated_by) = (by.clone(), by);
        printed
    }
}

const fn type_name(kind: RoleType) -> &'static str {
    match kind {
        RoleType::BuiltIn => "BuiltInRole",
        RoleType::Custom => "CustomRole",
    }
}

/// The id of a role as it is seen from `scope`.
pub(super) fn role_path(scope: &str, role: Uuid) -> String {
    format!("{}/providers/{TYPE}/{role}", subscription_of(scope))
}

/// The role that a full id names, whatever scope it is written with.
pub(super) fn role_id(text: &str) -> Result<Uuid, Refusal> {
    let segments: Vec<&str> = text.split('/').collect();
    let found = match segments.as_slice() {
        [.., providers, namespace, kind, name]
            if text.starts_with('/')
                && providers.eq_ignore_ascii_case("providers")
                && namespace.eq_ignore_ascii_case("Microsoft.Authorization")
                && kind.eq_ignore_ascii_case("roleDefinitions") =>
        {
            guid(name)
        }
        _ => None,
    };
    found.ok_or_else(|| {
        Refusal::invalid(
            "InvalidRoleDefinitionId",
            format!(
                "The role definition ID '{}' is not valid, expected '/providers/{TYPE}/' and a GUID.",
                crate::shorten(text)
            ),
        )
    })
}

/// ARM writes the id without its hyphens.
pub(super) fn does_not_exist(role: Uuid) -> Refusal {
    Refusal::invalid(
        "RoleDefinitionDoesNotExist",
        format!("The specified role definition with ID '{}' does not exist.", role.simple()),
    )
}

async fn one(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    extended: ExtendedScope,
    _: ApiVersion,
    Segments(name): Segments<String>,
) -> Result<Response, Refusal> {
    let id = id(&name)?;
    // Azure's own roles are the same everywhere, and no secret: they are read without a role at `/`.
    if let Some(role) = built_in::find(id) {
        let scope = Scope::read(&management, &caller, &extended.0).await?;
        return Ok(Json(Printed::new(RoleDefinition::clone(&role), scope.id())).into_response());
    }
    let (authorized, scope) = enter(&management, &caller, &extended, ManagementAction::RoleDefinitionRead).await?;
    let found = find(&management, authorized.tenant(), id).await?.filter(|found| is_seen(&found.definition, &scope));
    let found = found.ok_or_else(|| {
        let Refusal { code, message, .. } = does_not_exist(id);
        Refusal::not_found(code, message)
    })?;
    Ok(Json(Printed::recorded(found, scope.id())).into_response())
}

async fn list(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    extended: ExtendedScope,
    _: ApiVersion,
    query: Query,
) -> Result<Response, Refusal> {
    let (authorized, scope) = enter(&management, &caller, &extended, ManagementAction::RoleDefinitionRead).await?;
    let wanted = Wanted::of(&query)?;
    let built_in = built_in::all().iter().filter(|role| wanted.shows(role, &scope));
    let mut value: Vec<Printed> = built_in.map(|role| Printed::new(RoleDefinition::clone(role), scope.id())).collect();
    for role in management.store.custom_roles(authorized.tenant()).await? {
        if wanted.shows(&role.definition, &scope) {
            value.push(Printed::recorded(role, scope.id()));
        }
    }
    Ok(Json(json!({ "value": value })).into_response())
}

/// What a list shows.
#[derive(Default)]
struct Wanted {
    name: Option<String>,
    kind: Option<String>,
    below: bool,
}

impl Wanted {
    fn of(query: &Query) -> Result<Self, Refusal> {
        let mut wanted = Self::default();
        for clause in clauses(query)? {
            match clause {
                Clause::AtScope => {}
                Clause::AtScopeAndBelow => wanted.below = true,
                Clause::Equals(name, value) if name == "rolename" => wanted.name = Some(value),
                Clause::Equals(name, value) if name == "type" => wanted.kind = Some(value),
                Clause::Equals(..) | Clause::AssignedTo(_) => {
                    return Err(unsupported(query.get("$filter").unwrap_or_default()));
                }
            }
        }
        Ok(wanted)
    }

    fn shows(&self, role: &RoleDefinition, scope: &Scope) -> bool {
        let same = |wanted: &Option<String>, found: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted.to_lowercase() == found.to_lowercase())
        };
        let placed = if self.below { is_seen(role, scope) } else { role.is_assignable_at(scope.id()) };
        placed && same(&self.name, &role.name) && same(&self.kind, type_name(role.kind))
    }
}

/// Whether the role may be given at the scope, above it or below.
fn is_seen(role: &RoleDefinition, scope: &Scope) -> bool {
    role.is_assignable_at(scope.id()) || role.assignable_scopes.iter().any(|below| covers(scope.id(), below))
}

async fn put(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    extended: ExtendedScope,
    _: ApiVersion,
    Segments(name): Segments<String>,
    body: JsonBody,
) -> Result<Response, Refusal> {
    let action = ManagementAction::RoleDefinitionWrite;
    let (authorized, scope) = enter(&management, &caller, &extended, action).await?;
    let id = custom_id(&name)?;
    let wanted = wanted(id, &body.fields())?;
    let definition = RoleDefinition { assignable_scopes: settled(&management, &caller, &wanted).await?, ..wanted };
    // What the role allowed so far is taken away where it was meant for, so that its old places count
    // as much as the new ones.
    let old = find(&management, authorized.tenant(), id).await?;
    let old_scopes = old.iter().flat_map(|old| &old.definition.assignable_scopes);
    require_everywhere(&management, &caller, action, definition.assignable_scopes.iter().chain(old_scopes)).await?;
    let role = recorded(&management, &authorized, definition);
    let written = match management.store.put_custom_role(&role).await {
        Ok(written) => written,
        Err(StoreError::Exists { .. }) => return Err(name_is_taken()),
        Err(error) => return Err(error.into()),
    };
    // ARM answers 201 in both cases; clients take 200 as well, and it says more.
    let status = status(&written);
    let stored = written.into_inner();
    caller.done(&management, action, &role_path(scope.id(), id)).await?;
    Ok((status, Json(Printed::recorded(stored, scope.id()))).into_response())
}

async fn delete(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    extended: ExtendedScope,
    _: ApiVersion,
    Segments(name): Segments<String>,
) -> Result<Response, Refusal> {
    let action = ManagementAction::RoleDefinitionDelete;
    let (authorized, scope) = enter(&management, &caller, &extended, action).await?;
    let id = custom_id(&name)?;
    let Some(found) = find(&management, authorized.tenant(), id).await? else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    require_everywhere(&management, &caller, action, found.definition.assignable_scopes.iter()).await?;
    if !management.store.delete_custom_role(authorized.tenant(), id).await? {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    caller.done(&management, action, &role_path(scope.id(), id)).await?;
    Ok(Json(Printed::recorded(found, scope.id())).into_response())
}

fn recorded(
    management: &Management,
    authorized: &Authorized<ManagementAction>,
    definition: RoleDefinition,
) -> RecordedRole {
    RecordedRole {
        tenant: authorized.tenant(),
        definition,
        created: management.clock.now().as_second(),
        created_by: authorized.principal().object_id().to_string(),
    }
}

/// Whoever changes a role changes it for everybody who has it, wherever that is.
async fn require_everywhere(
    management: &Management,
    caller: &Caller<ResourceManager>,
    action: ManagementAction,
    scopes: impl Iterator<Item = &String>,
) -> Result<(), Refusal> {
    for scope in scopes {
        caller.authorize(management, action, scope).await?;
    }
    Ok(())
}

async fn find(management: &Management, tenant: TenantId, id: Uuid) -> Result<Option<RecordedRole>, Refusal> {
    match management.store.custom_role(tenant, id).await {
        Ok(found) => Ok(Some(found)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A GUID in the one form that ids have here, hyphenated.
pub(super) fn guid(text: &str) -> Option<Uuid> {
    text.parse().ok().map(ObjectId::guid)
}

fn id(text: &str) -> Result<Uuid, Refusal> {
    guid(text).ok_or_else(|| {
        Refusal::invalid(
            "InvalidRoleDefinitionId",
            format!("The role definition ID '{}' is not valid. It must be a GUID.", crate::shorten(text)),
        )
    })
}

fn custom_id(text: &str) -> Result<Uuid, Refusal> {
    let id = id(text)?;
    if built_in::find(id).is_some() {
        let message = format!("The role '{id}' is built in and cannot be changed or deleted.");
        return Err(Refusal::invalid("InvalidRoleDefinitionId", message));
    }
    Ok(id)
}

fn name_is_taken() -> Refusal {
    Refusal::conflict(
        "RoleDefinitionWithSameNameExists",
        "A custom role with the same name already exists in this directory. Use a different name.",
    )
}

/// What a PUT asks for, with its scopes as they were written.
fn wanted(id: Uuid, body: &Fields<'_>) -> Result<RoleDefinition, Refusal> {
    let properties = body.object("properties")?.ok_or_else(|| invalid("the request has no 'properties'"))?;
    let name = properties.required_string("roleName")?.trim();
    let description = properties.string("description")?.unwrap_or_default();
    let is_text = |text: &str, max: usize| text.chars().count() <= max && !text.chars().any(char::is_control);
    if name.is_empty() || !is_text(name, MAX_NAME) {
        return Err(invalid("'roleName' is empty, longer than 512 characters, or holds a control character"));
    }
    if description.chars().count() > MAX_DESCRIPTION {
        return Err(invalid("'description' is longer than 2048 characters"));
    }
    if built_in::all().iter().any(|role| role.name.to_lowercase() == name.to_lowercase()) {
        return Err(name_is_taken());
    }
    if properties.string("type")?.is_some_and(|kind| !kind.eq_ignore_ascii_case("CustomRole")) {
        return Err(invalid("'type' is not 'CustomRole'"));
    }
    let permissions = properties.objects("permissions")?.unwrap_or_default();
    let permissions: Vec<Permission> = permissions.iter().map(permission).collect::<Result<_, _>>()?;
    let patterns = |part: &Permission| {
        part.actions.len() + part.not_actions.len() + part.data_actions.len() + part.not_data_actions.len()
    };
    if permissions.is_empty() || permissions.iter().map(patterns).sum::<usize>() > MAX_PATTERNS {
        return Err(invalid("'permissions' is empty, or holds more than 2048 actions"));
    }
    Ok(RoleDefinition {
        id,
        name: name.to_owned(),
        description: description.to_owned(),
        kind: RoleType::Custom,
        assignable_scopes: properties.strings("assignableScopes")?.unwrap_or_default(),
        permissions,
    })
}

fn permission(fields: &Fields<'_>) -> Result<Permission, Refusal> {
    // Taking the actions without their condition would allow more than was meant.
    if fields.has("condition") {
        return Err(invalid("'condition' of a permission is not supported; leave it out"));
    }
    let patterns = |name: &str| {
        let found = fields.strings(name)?.unwrap_or_default();
        match found.iter().find(|pattern| !is_pattern(pattern)) {
            Some(bad) => Err(Refusal::invalid(
                "InvalidActionOrNotAction",
                format!(
                    "'{}' in '{name}' is no action, expected a form like 'Provider/type/read'.",
                    crate::shorten(bad)
                ),
            )),
            None => Ok(found),
        }
    };
    Ok(Permission {
        actions: patterns("actions")?,
        not_actions: patterns("notActions")?,
        data_actions: patterns("dataActions")?,
        not_data_actions: patterns("notDataActions")?,
    })
}

fn is_pattern(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "./*_-".contains(c);
    (text == "*" || text.contains('/')) && text.len() <= MAX_PATTERN && text.chars().all(is_plain)
}

/// The assignable scopes in the one spelling of each; their resource groups must exist.
async fn settled(
    management: &Management,
    caller: &Caller<ResourceManager>,
    wanted: &RoleDefinition,
) -> Result<Vec<String>, Refusal> {
    if wanted.assignable_scopes.is_empty() || wanted.assignable_scopes.len() > MAX_SCOPES {
        return Err(invalid("'assignableScopes' is empty, or holds more than 100 scopes"));
    }
    let mut settled = Vec::with_capacity(wanted.assignable_scopes.len());
    for text in &wanted.assignable_scopes {
        let scope = Scope::read(management, caller, text).await?;
        caller.authorize(management, ManagementAction::RoleDefinitionWrite, scope.id()).await?;
        scope.require(management).await?;
        settled.push(scope.id().to_owned());
    }
    Ok(settled)
}

fn invalid(why: &str) -> Refusal {
    Refusal::invalid("InvalidRoleDefinition", format!("The role definition is not valid: {why}."))
}

#[cfg(test)]
mod tests {
    use super::{is_pattern, role_id};

    #[test]
    fn a_role_is_named_by_its_id_in_any_scope() {
        let guid = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635";
        for scope in ["", "/subscriptions/s", "/subscriptions/s/resourceGroups/g"] {
            let text = format!("{scope}/providers/microsoft.authorization/RoleDefinitions/{guid}");
            assert_eq!(role_id(&text).unwrap().to_string(), guid, "{text}");
        }
        for bad in [guid, "Owner", "/providers/Microsoft.Authorization/roleDefinitions/Owner", ""] {
            assert!(role_id(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_pattern_is_an_action_with_stars() {
        for good in ["*", "*/read", "Microsoft.KeyVault/vaults/*", "Symbolon/serviceAccounts/token/action"] {
            assert!(is_pattern(good), "{good}");
        }
        for bad in ["", "read", "a/b c", "a/b?", "a/\u{e9}", "**", "a/b\n"] {
            assert!(!is_pattern(bad), "{bad}");
        }
    }
}
