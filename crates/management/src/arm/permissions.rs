//! `Microsoft.Authorization/permissions`: what the caller may do.

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;
use symbolon_core::role::Permission;

use super::scope::enter;
use crate::{
    Shared,
    action::ManagementAction,
    caller::{Caller, ResourceManager},
    error::Refusal,
    path::{AUTHORIZATION, ExtendedScope},
    request::ApiVersion,
};

pub(super) fn routes() -> Router<Shared> {
    Router::new().route(&format!("{AUTHORIZATION}/permissions"), get(list))
}

/// Of each of the caller's roles there, what it allows; an action needs one that allows it.
async fn list(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    extended: ExtendedScope,
    _: ApiVersion,
) -> Result<Response, Refusal> {
    let (authorized, scope) = enter(&management, &caller, &extended, ManagementAction::PermissionRead).await?;
    let roles = management.access.roles_at(authorized.principal(), scope.id());
    let value: Vec<&Permission> = roles.iter().flat_map(|role| &role.permissions).collect();
    Ok(Json(json!({ "value": value })).into_response())
}
