//! `/directoryObjects/getByIds`, by which tools put names to the ids of role assignments.

use axum::{Json, extract::State};
use serde_json::{Value, json};
use symbolon_core::{ObjectId, TenantId, ports::management::StoreError};

use super::{SCOPE, applications, bad_request, printed::with_context, service_principals};
use crate::{
    Management, Shared,
    action::ManagementAction,
    caller::{Caller, Graph},
    error::Refusal,
    request::JsonBody,
};

const MAX_IDS: usize = 1000;

/// The objects with these ids; one that nobody knows is left out.
pub(super) async fn get_by_ids(
    State(management): State<Shared>,
    caller: Caller<Graph>,
    body: JsonBody,
) -> Result<Json<Value>, Refusal> {
    let tenant = caller.authorize(&management, ManagementAction::ServicePrincipalRead, SCOPE).await?.tenant();
    let fields = body.fields();
    let ids = fields.strings("ids")?.unwrap_or_default();
    let types = fields.strings("types")?.unwrap_or_default();
    if ids.len() > MAX_IDS {
        return Err(bad_request(format!("The property 'ids' has {} values, expected at most {MAX_IDS}.", ids.len())));
    }
    let wanted =
        |kind: &str| types.is_empty() || types.iter().any(|named| [kind, "directoryObject"].contains(&named.as_str()));
    // An application is more than its principal, so seeing it needs a right of its own.
    let applications = wanted("application") && caller.may(&management, ManagementAction::ApplicationRead, SCOPE);
    let mut value = Vec::new();
    for id in &ids {
        let parsed = id.parse().map_err(|_| bad_request(format!("Invalid GUID:{}", crate::shorten(id))))?;
        if wanted("servicePrincipal")
            && let Some(found) = service_principals::by_object_id(&management, tenant, parsed).await?
        {
            value.push(typed("servicePrincipal", found.printed));
        } else if applications && let Some(found) = application(&management, tenant, parsed).await? {
            value.push(typed("application", found));
        }
    }
    Ok(Json(with_context(&management.urls, "directoryObjects", json!({ "value": value }))))
}

async fn application(management: &Management, tenant: TenantId, id: ObjectId) -> Result<Option<Value>, Refusal> {
    match management.store.application(tenant, id).await {
        Ok(found) => Ok(Some(applications::print(management, &found))),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn typed(kind: &str, mut object: Value) -> Value {
    object["@odata.type"] = json!(format!("#microsoft.graph.{kind}"));
    object
}
