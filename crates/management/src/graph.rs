//! Microsoft Graph, as far as applications need it.

mod applications;
mod body;
mod certificates;
mod collection;
mod directory_objects;
mod federated_credentials;
mod filter;
mod organization;
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
    const CREDENTIALS: &str = "/v1.0/applications/{application}/federatedIdentityCredentials";
    const PRINCIPAL: &str = "/v1.0/servicePrincipals/{principal}";
    Router::new()
        .route("/v1.0/applications", get(applications::list).post(applications::create))
        .route(APPLICATION, get(applications::get).patch(applications::patch).delete(applications::delete))
        .route(&format!("{APPLICATION}/addPassword"), post(passwords::add))
        .route(&format!("{APPLICATION}/removePassword"), post(passwords::remove))
        .route(&format!("{APPLICATION}/owners"), get(applications::owners))
        .route(CREDENTIALS, get(federated_credentials::list).post(federated_credentials::create))
        .route(
            &format!("{CREDENTIALS}/{{credential}}"),
            get(federated_credentials::get).patch(federated_credentials::patch).delete(federated_credentials::delete),
        )
        .route("/v1.0/servicePrincipals", get(service_principals::list).post(service_principals::create))
        .route(
            PRINCIPAL,
            get(service_principals::get).patch(service_principals::patch).delete(service_principals::delete),
        )
        .route(&format!("{PRINCIPAL}/addPassword"), post(passwords::add_by_principal))
        .route(&format!("{PRINCIPAL}/removePassword"), post(passwords::remove_by_principal))
        .route(&format!("{PRINCIPAL}/owners"), get(service_principals::owners))
        .route("/v1.0/directoryObjects/getByIds", post(directory_objects::get_by_ids))
        .route("/v1.0/organization", get(organization::list))
        .route("/v1.0/organization/{id}", get(organization::get))
        .route("/v1.0/me", get(organization::me))
        .route("/v1.0/me/ownedObjects", get(organization::me))
}

/// The application that a path names: by object id, or by app id in the key form.
async fn application(management: &Management, tenant: TenantId, segment: &str) -> Result<Application, Refusal> {
    if let Some(app_id) = segment.strip_prefix(BY_APP_ID) {
        let app_id: ClientId = app_id.parse().map_err(|_| not_found(app_id))?;
        let found = management.access.directory.resource_application(tenant, &app_id.to_string());
        let found = found.filter(|found| found.app_id == app_id).ok_or_else(|| not_found(segment))?;
        return Ok((*found).clone());
    }
    let id: ObjectId = segment.parse().map_err(|_| not_found(segment))?;
    match management.store.application(tenant, id).await {
        Ok(found) => Ok(found),
        Err(StoreError::NotFound { .. }) => Err(not_found(segment)),
        Err(error) => Err(error.into()),
    }
}

/// Nothing is at this segment of a path.
fn not_found(segment: &str) -> Refusal {
    let name = segment.strip_prefix(BY_APP_ID).unwrap_or(segment);
    Refusal::not_found(
        "ResourceNotFound",
        format!(
            "Resource '{}' does not exist or one of its queried reference-property objects are not present.",
            crate::shorten(name)
        ),
    )
}

/// The path of an application, in the audit trail.
fn resource(id: ObjectId) -> String {
    format!("/v1.0/applications/{id}")
}

fn bad_request(message: impl Into<String>) -> Refusal {
    Refusal::invalid("BadRequest", message)
}
