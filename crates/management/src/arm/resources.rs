//! All resources of a subscription or resource group: the managed identities.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use symbolon_core::managed_identity::ManagedIdentity;

use super::{
    filter::{filter, wanted},
    identities::{Place, TYPE, encoded, found_in},
    page::PageRequest,
    require_group, subscription,
};
use crate::{
    Management, Shared,
    action::ManagementAction,
    caller::{Caller, ResourceManager},
    error::Refusal,
    request::{ApiVersion, Query, Segments},
};

/// A resource as ARM prints it in lists: without its properties.
#[derive(Serialize)]
struct Printed {
    id: String,
    name: String,
    r#type: &'static str,
    location: String,
    tags: BTreeMap<String, String>,
}

impl From<ManagedIdentity> for Printed {
    fn from(identity: ManagedIdentity) -> Self {
        Self {
            id: identity.path.to_string(),
            name: identity.path.name,
            r#type: TYPE,
            location: identity.location,
            tags: identity.tags,
        }
    }
}

pub(super) async fn list_in_subscription(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    version: ApiVersion,
    query: Query,
    Segments(id): Segments<String>,
) -> Result<Response, Refusal> {
    let subscription = subscription(&management, &caller, &id).await?.id;
    let place = Place { subscription, group: None };
    list(&management, &caller, &place, (&query, version)).await
}

pub(super) async fn list_in_group(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    version: ApiVersion,
    query: Query,
    Segments((id, group)): Segments<(String, String)>,
) -> Result<Response, Refusal> {
    let subscription = subscription(&management, &caller, &id).await?.id;
    let place = Place { subscription, group: Some(group) };
    list(&management, &caller, &place, (&query, version)).await
}

async fn list(
    management: &Management,
    caller: &Caller<ResourceManager>,
    place: &Place,
    (query, version): (&Query, ApiVersion),
) -> Result<Response, Refusal> {
    let request = PageRequest::new(query, version)?;
    let filter = filter(query, &["resourceType"])?;
    let path = format!("{}/resources", encoded(&place.scope()));
    let kind = wanted(&filter, "resourceType");
    let found = found_in(management, caller, place, (ManagementAction::ResourceRead, &request)).await?;
    if let Some(group) = &place.group {
        require_group(management, place.subscription, group).await?;
    }
    let shown = if kind.is_none_or(|kind| kind.eq_ignore_ascii_case(TYPE)) { found } else { Vec::new() };
    let page = request.of(shown, |identity| identity.path.key(), Printed::from, (&management.urls, &path));
    Ok(Json(page).into_response())
}
