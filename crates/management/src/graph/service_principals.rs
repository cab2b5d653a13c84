//! `/servicePrincipals`

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use symbolon_core::{
    ClientId, ObjectId, TenantId,
    application::{Application, ServicePrincipal},
    client::{Client, ClientKind},
};

use super::{
    SCOPE, application, bad_request,
    filter::Filter,
    printed::{List, PrintedServicePrincipal, WithContext},
    resource,
};
use crate::{
    Management, Shared,
    action::ManagementAction,
    caller::{Caller, Graph},
    error::Refusal,
    path::BY_APP_ID,
    request::{JsonBody, Query},
};

pub(super) async fn create(
    State(management): State<Shared>,
    caller: Caller<Graph>,
    body: JsonBody,
) -> Result<Response, Refusal> {
    let action = ManagementAction::ServicePrincipalWrite;
    let authorized = caller.authorize(&management, action, SCOPE).await?;
    let fields = body.fields();
    let app_id = fields.required_string("appId")?;
    let found = application(&management, authorized.tenant(), &format!("{BY_APP_ID}{app_id}")).await?;
    if found.service_principal.is_some() {
        return Err(Refusal::conflict(
            "Conflict",
            format!(
                "The service principal cannot be created because the application '{}' has one already.",
                found.app_id
            ),
        ));
    }
    let enabled = fields.boolean("accountEnabled")?.unwrap_or(true);
    let principal = ServicePrincipal { object_id: ObjectId::new(management.random.guid()), enabled };
    management.store.put_service_principal(authorized.tenant(), found.object_id, &principal).await?;
    caller.done(&management, action, &resource(found.object_id)).await?;
    let printed = of_application(&found, &principal);
    let printed = WithContext::new(&management.urls, "servicePrincipals/$entity", printed);
    Ok((StatusCode::CREATED, Json(printed)).into_response())
}

/// By app id, of managed identities too; or all of the tenant's applications.
pub(super) async fn list(
    State(management): State<Shared>,
    caller: Caller<Graph>,
    query: Query,
) -> Result<Response, Refusal> {
    let authorized = caller.authorize(&management, ManagementAction::ServicePrincipalRead, SCOPE).await?;
    let tenant = authorized.tenant();
    let value = match Filter::of(&query)? {
        Filter::AppId(id) => by_app_id(&management, tenant, &id).into_iter().collect(),
        Filter::None => all(&management, tenant).await?,
        Filter::DisplayName(_) => return Err(bad_request("Service principals are filtered by appId only.")),
    };
    Ok(Json(WithContext::new(&management.urls, "servicePrincipals", List { value })).into_response())
}

fn by_app_id(management: &Management, tenant: TenantId, id: &str) -> Option<PrintedServicePrincipal> {
    let id: ClientId = id.parse().ok()?;
    of_client(&*management.access.directory.client(tenant, id)?)
}

async fn all(management: &Management, tenant: TenantId) -> Result<Vec<PrintedServicePrincipal>, Refusal> {
    let applications = management.store.applications(tenant).await?;
    let printed =
        |found: &Application| found.service_principal.as_ref().map(|principal| of_application(found, principal));
    Ok(applications.iter().filter_map(printed).collect())
}

fn of_application(application: &Application, principal: &ServicePrincipal) -> PrintedServicePrincipal {
    let names = application.identifier_uris.iter().cloned();
    PrintedServicePrincipal {
        id: principal.object_id,
        account_enabled: principal.enabled,
        app_id: application.app_id,
        display_name: application.display_name.clone(),
        service_principal_names: names.chain([application.app_id.to_string()]).collect(),
        service_principal_type: "Application",
    }
}

fn of_client(client: &Client) -> Option<PrintedServicePrincipal> {
    let (id, account_enabled, service_principal_type) = match &client.kind {
        ClientKind::ManagedIdentity { principal_id, .. } => (*principal_id, true, "ManagedIdentity"),
        ClientKind::Application { principal, .. } => {
            let principal = (*principal)?;
            (principal.object_id, principal.enabled, "Application")
        }
    };
    Some(PrintedServicePrincipal {
        id,
        account_enabled,
        app_id: client.client_id,
        display_name: client.name.clone(),
        service_principal_names: vec![client.client_id.to_string()],
        service_principal_type,
    })
}
