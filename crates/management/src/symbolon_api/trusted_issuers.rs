//! What administrators say of foreign issuers.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde::Serialize;
use serde_json::json;
use symbolon_core::{
    TenantId,
    issuer::{IssuerKeySource, TrustedIssuer, check_issuer},
    ports::management::{StoreError, Written},
};

use super::{SCOPE, is_home};
use crate::{
    Shared,
    action::ManagementAction,
    caller::{Caller, ResourceManager},
    error::{Refusal, sentence},
    request::{Fields, JsonBody, Segments},
};

/// A registration as it is printed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Printed {
    issuer: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca_pem: Option<String>,
    allow_private: bool,
}

impl From<TrustedIssuer> for Printed {
    fn from(trusted: TrustedIssuer) -> Self {
        let issuer = trusted.issuer;
        match trusted.keys {
            IssuerKeySource::Discovery { ca_pem, allow_private } => Self { issuer, jwks: None, ca_pem, allow_private },
            IssuerKeySource::Registered { jwks } => {
                Self { issuer, jwks: Some(jwks), ca_pem: None, allow_private: false }
            }
        }
    }
}

fn resource(issuer: &str) -> String {
    format!("/symbolon/v1/trusted-issuers/{issuer}")
}

pub(super) async fn list(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
) -> Result<Response, Refusal> {
    let authorized = caller.authorize(&management, ManagementAction::TrustedIssuerShow, SCOPE).await?;
    let all = management.store.trusted_issuers(authorized.tenant()).await?;
    let all: Vec<Printed> = all.into_iter().map(Printed::from).collect();
    Ok(Json(json!({ "value": all })).into_response())
}

pub(super) async fn get(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    Segments(issuer): Segments<String>,
) -> Result<Response, Refusal> {
    let authorized = caller.authorize(&management, ManagementAction::TrustedIssuerShow, SCOPE).await?;
    match management.store.trusted_issuer(authorized.tenant(), &issuer).await {
        Ok(found) => Ok(Json(Printed::from(found)).into_response()),
        Err(StoreError::NotFound { .. }) => Err(Refusal::not_found(
            "ResourceNotFound",
            format!("The issuer '{}' is not registered.", crate::shorten(&issuer)),
        )),
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn put(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    body: JsonBody,
) -> Result<Response, Refusal> {
    let action = ManagementAction::TrustedIssuerWrite;
    let authorized = caller.authorize(&management, action, SCOPE).await?;
    let wanted = wanted(authorized.tenant(), &body.fields())?;
    if wanted.issuer == management.issuer.url() && is_home(&management, &caller) {
        return Err(invalid("this is the embedded issuer, whose keys are known without a registration"));
    }
    management.registrations.validate(&wanted).map_err(|reason| invalid(&reason))?;
    let written = management.store.put_trusted_issuer(&wanted).await?;
    management.registrations.changed(wanted.tenant, &wanted.issuer);
    caller.done(&management, action, &resource(&wanted.issuer)).await?;
    let status = match written {
        Written::Created(()) => StatusCode::CREATED,
        Written::Updated(()) => StatusCode::OK,
    };
    Ok((status, Json(Printed::from(wanted))).into_response())
}

pub(super) async fn delete(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    Segments(issuer): Segments<String>,
) -> Result<Response, Refusal> {
    let action = ManagementAction::TrustedIssuerDelete;
    let authorized = caller.authorize(&management, action, SCOPE).await?;
    if !management.store.delete_trusted_issuer(authorized.tenant(), &issuer).await? {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    management.registrations.changed(authorized.tenant(), &issuer);
    caller.done(&management, action, &resource(&issuer)).await?;
    Ok(StatusCode::OK.into_response())
}

fn invalid(reason: &str) -> Refusal {
    Refusal::invalid("InvalidTrustedIssuer", format!("The issuer cannot be registered: {reason}."))
}

fn wanted(tenant: TenantId, fields: &Fields<'_>) -> Result<TrustedIssuer, Refusal> {
    let issuer = fields.required_string("issuer")?;
    check_issuer(issuer).map_err(|error| Refusal::invalid("InvalidTrustedIssuer", sentence(&error)))?;
    let ca_pem = fields.string("caPem")?.map(str::to_owned);
    let allow_private = fields.boolean("allowPrivate")?.unwrap_or_default();
    let keys = match fields.string("jwks")? {
        Some(_) if ca_pem.is_some() || allow_private => {
            return Err(invalid("with a key set nothing is fetched, so a CA and private addresses mean nothing"));
        }
        Some(jwks) => IssuerKeySource::Registered { jwks: jwks.to_owned() },
        None => IssuerKeySource::Discovery { ca_pem, allow_private },
    };
    Ok(TrustedIssuer { tenant, issuer: issuer.to_owned(), keys, version: 0 })
}
