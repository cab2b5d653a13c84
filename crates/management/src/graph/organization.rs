//! `/organization`, the tenant; and `/me`, which only people have.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::{
    SCOPE, bad_request, not_found,
    printed::{organization, with_context},
};
use crate::{
    Shared,
    action::ManagementAction,
    caller::{Caller, Graph},
    error::Refusal,
    request::Segments,
};

/// The caller's tenant, as the only one.
pub(super) async fn list(State(management): State<Shared>, caller: Caller<Graph>) -> Result<Json<Value>, Refusal> {
    let authorized = caller.authorize(&management, ManagementAction::ServicePrincipalRead, SCOPE).await?;
    let tenant = management.access.directory.tenant(authorized.tenant());
    let value: Vec<_> = tenant.iter().map(|tenant| organization(tenant)).collect();
    Ok(Json(with_context(&management.urls, "organization", json!({ "value": value }))))
}

pub(super) async fn get(
    State(management): State<Shared>,
    caller: Caller<Graph>,
    Segments(id): Segments<String>,
) -> Result<Json<Value>, Refusal> {
    let authorized = caller.authorize(&management, ManagementAction::ServicePrincipalRead, SCOPE).await?;
    let tenant = management.access.directory.tenant(authorized.tenant());
    let tenant =
        tenant.filter(|tenant| tenant.id.to_string().eq_ignore_ascii_case(&id)).ok_or_else(|| not_found(&id))?;
    Ok(Json(with_context(&management.urls, "organization/$entity", organization(&tenant))))
}

/// Every caller is a service principal.
pub(super) async fn me(_: Caller<Graph>) -> Refusal {
    bad_request("/me request is only valid with delegated authentication flow.")
}
