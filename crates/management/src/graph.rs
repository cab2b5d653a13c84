//! Microsoft Graph, as far as applications need it.

mod applications;
mod certificates;
mod filter;
mod passwords;
mod printed;
mod service_principals;

use axum::{
    Router,
    routing::{get, post},
};
use symbolon_core::{ClientId, ObjectId, TenantId, application::Application, ports::management::StoreError};

use crate::{Management, Shared, error::Refusal, path::BY_APP_ID};

/// Where the directory's actions are authorised: Graph knows no narrower scope for them here.
const SCOPE: &str = "/";

pub(crate) fn routes() -> Router<Shared> {
    const APPLICATION: &str = "/v1.0/applications/{application}";
    Router::new()
        .route("/v1.0/applications", get(applications::list).post(applications::create))
        .route(APPLICATION, get(applications::get).patch(certificates::patch).delete(applications::delete))
        .route(&format!("{APPLICATION}/addPassword"), post(passwords::add))
        .route(&format!("{APPLICATION}/removePassword"), post(passwords::remove))
        .route("/v1.0/servicePrincipals", get(service_principals::list).post(service_principals::create))
}

/// The application that a path names: by object id, or by app id in the key form.
async fn application(management: &Management, tenant: TenantId, segment: &str) -> Result<Application, Refusal> {
    let not_found = || {
        let name = segment.strip_prefix(BY_APP_ID).unwrap_or(segment);
        Refusal::not_found(
            "ResourceNotFound",
            format!(
                "Resource '{}' does not exist or one of its queried reference-property objects are not present.",
                crate::shorten(name)
            ),
        )
    };
    if let Some(app_id) = segment.strip_prefix(BY_APP_ID) {
        let app_id: ClientId = app_id.parse().map_err(|_| not_found())?;
        let all = management.store.applications(tenant).await?;
        return all.into_iter().find(|found| found.app_id == app_id).ok_or_else(not_found);
    }
    let id: ObjectId = segment.parse().map_err(|_| not_found())?;
    match management.store.application(tenant, id).await {
        Ok(found) => Ok(found),
        Err(StoreError::NotFound { .. }) => Err(not_found()),
        Err(error) => Err(error.into()),
    }
}

/// The path of an application, in the audit trail.
fn resource(id: ObjectId) -> String {
    format!("/v1.0/applications/{id}")
}

fn bad_request(message: impl Into<String>) -> Refusal {
    Refusal::invalid("BadRequest", message)
}
