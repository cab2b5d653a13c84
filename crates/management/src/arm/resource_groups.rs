//! `Microsoft.Resources/resourceGroups`

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde::Serialize;
use symbolon_core::{
    SubscriptionId,
    ports::management::{ResourceGroup, StoreError},
};

use super::{
    filter::{filter, wanted},
    group_not_found,
    identities::{encoded, status},
    page::PageRequest,
    subscription,
    tags::{location, same_location, tags},
};
use crate::{
    Management, Shared,
    action::ManagementAction,
    caller::{Caller, ResourceManager},
    condition::{Conditional, etag},
    error::Refusal,
    request::{ApiVersion, JsonBody, Query, Segments},
};

const MAX_NAME: usize = 90;

/// Subscription and name.
type Place = (String, String);

/// A resource group as ARM prints it.
#[derive(Serialize)]
struct Printed {
    id: String,
    name: String,
    r#type: &'static str,
    location: String,
    tags: BTreeMap<String, String>,
    properties: Properties,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    provisioning_state: &'static str,
}

impl From<ResourceGroup> for Printed {
    fn from(group: ResourceGroup) -> Self {
        Self {
            id: scope(group.subscription, &group.name),
            name: group.name,
            r#type: "Microsoft.Resources/resourceGroups",
            location: group.location,
            tags: group.tags,
            properties: Properties { provisioning_state: "Succeeded" },
        }
    }
}

fn scope(subscription: SubscriptionId, name: &str) -> String {
    format!("/subscriptions/{subscription}/resourceGroups/{name}")
}

/// The subscription of the caller's, and the right to `action` at the group.
async fn enter(
    management: &Management,
    caller: &Caller<ResourceManager>,
    (id, name): &Place,
    action: ManagementAction,
) -> Result<SubscriptionId, Refusal> {
    let subscription = subscription(management, caller, id).await?.id;
    caller.authorize(management, action, &scope(subscription, name)).await?;
    Ok(subscription)
}

async fn one(management: &Management, subscription: SubscriptionId, name: &str) -> Result<ResourceGroup, Refusal> {
    management.store.resource_group(subscription, name).await.map_err(|error| not_found_as_group(error, name))
}

fn not_found_as_group(error: StoreError, name: &str) -> Refusal {
    match error {
        StoreError::NotFound { .. } => group_not_found(name),
        other => other.into(),
    }
}

pub(super) async fn get(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    _: ApiVersion,
    Segments(place): Segments<Place>,
) -> Result<Response, Refusal> {
    let subscription = enter(&management, &caller, &place, ManagementAction::ResourceGroupRead).await?;
    let group = one(&management, subscription, &place.1).await?;
    Ok((etag(group.version), Json(Printed::from(group))).into_response())
}

/// ARM says 204 where the group is there.
pub(super) async fn head(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    _: ApiVersion,
    Segments(place): Segments<Place>,
) -> Result<Response, Refusal> {
    let subscription = enter(&management, &caller, &place, ManagementAction::ResourceGroupRead).await?;
    let group = one(&management, subscription, &place.1).await?;
    Ok((StatusCode::NO_CONTENT, etag(group.version)).into_response())
}

pub(super) async fn put(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    _: ApiVersion,
    (Conditional(condition), Segments(place)): (Conditional, Segments<Place>),
    body: JsonBody,
) -> Result<Response, Refusal> {
    let action = ManagementAction::ResourceGroupWrite;
    let subscription = enter(&management, &caller, &place, action).await?;
    check_name(&place.1)?;
    let fields = body.fields();
    let wanted = ResourceGroup {
        subscription,
        name: place.1,
        location: location(&fields)?,
        tags: tags(&fields)?.unwrap_or_default(),
        version: 0,
    };
    require_same_location(&management, &wanted).await?;
    let written = management.store.put_resource_group(&wanted, condition).await?;
    let status = status(&written);
    let group = written.into_inner();
    caller.done(&management, action, &scope(subscription, &group.name)).await?;
    Ok((status, etag(group.version), Json(Printed::from(group))).into_response())
}

/// Azure allows letters of all scripts. Here they are those of ASCII: whoever compares two ids
/// without regard to letter case must never come to another result than whoever else does.
fn check_name(name: &str) -> Result<(), Refusal> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '(' | ')');
    if (1..=MAX_NAME).contains(&name.len()) && name.chars().all(plain) && !name.ends_with('.') {
        return Ok(());
    }
    Err(Refusal::invalid(
        "InvalidResourceGroup",
        format!(
            "The provided resource group name '{}' is invalid. Expected 1 to {MAX_NAME} letters, digits, hyphens, underscores, periods or parentheses, not ending with a period.",
            crate::shorten(name)
        ),
    ))
}

/// A resource group does not move, in Azure as here.
async fn require_same_location(management: &Management, wanted: &ResourceGroup) -> Result<(), Refusal> {
    let found = match management.store.resource_group(wanted.subscription, &wanted.name).await {
        Ok(found) => found,
        Err(StoreError::NotFound { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if same_location(&found.location, &wanted.location) {
        return Ok(());
    }
    Err(Refusal::conflict(
        "InvalidResourceGroupLocation",
        format!(
            "Invalid resource group location '{}'. The resource group already exists in location '{}'.",
            wanted.location, found.location
        ),
    ))
}

pub(super) async fn patch(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    _: ApiVersion,
    (Conditional(condition), Segments(place)): (Conditional, Segments<Place>),
    body: JsonBody,
) -> Result<Response, Refusal> {
    let action = ManagementAction::ResourceGroupWrite;
    let subscription = enter(&management, &caller, &place, action).await?;
    let found = one(&management, subscription, &place.1).await?;
    let Some(tags) = tags(&body.fields())? else {
        condition.check("resource group", Some(found.version))?;
        return Ok((etag(found.version), Json(Printed::from(found))).into_response());
    };
    let changed = management.store.set_resource_group_tags(subscription, &place.1, &tags, condition).await;
    let group = changed.map_err(|error| not_found_as_group(error, &place.1))?;
    caller.done(&management, action, &scope(subscription, &group.name)).await?;
    Ok((etag(group.version), Json(Printed::from(group))).into_response())
}

/// Done when it answers, with 200; Azure says 202 and lets clients poll, and they take 200 for an end.
pub(super) async fn delete(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    _: ApiVersion,
    Conditional(condition): Conditional,
    Segments(place): Segments<Place>,
) -> Result<Response, Refusal> {
    let action = ManagementAction::ResourceGroupDelete;
    let subscription = enter(&management, &caller, &place, action).await?;
    if !management.store.delete_resource_group(subscription, &place.1, condition).await? {
        return Err(group_not_found(&place.1));
    }
    caller.done(&management, action, &scope(subscription, &place.1)).await?;
    Ok(StatusCode::OK.into_response())
}

/// Shows what the caller may read; 403 only where that is nothing at all.
pub(super) async fn list(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    version: ApiVersion,
    query: Query,
    Segments(id): Segments<String>,
) -> Result<Response, Refusal> {
    let action = ManagementAction::ResourceGroupRead;
    let subscription = subscription(&management, &caller, &id).await?.id;
    let request = PageRequest::new(&query, version)?;
    let filter = filter(&query, &["tagName", "tagValue"])?;
    let mut groups = management.store.resource_groups(subscription).await?;
    groups.retain(|group| caller.may(&management, action, &scope(subscription, &group.name)));
    if groups.is_empty() {
        caller.authorize(&management, action, &format!("/subscriptions/{subscription}")).await?;
    }
    groups.retain(|group| has_tag(group, wanted(&filter, "tagName"), wanted(&filter, "tagValue")));
    let path = encoded(&format!("/subscriptions/{subscription}/resourceGroups"));
    let page = request.of_all(groups, |group| group.name.to_lowercase(), Printed::from, (&management.urls, &path));
    Ok(Json(page).into_response())
}

/// Tag names compare without regard to letter case, values do not.
fn has_tag(group: &ResourceGroup, name: Option<&str>, value: Option<&str>) -> bool {
    if name.is_none() && value.is_none() {
        return true;
    }
    group.tags.iter().any(|(found_name, found_value)| {
        name.is_none_or(|name| name.eq_ignore_ascii_case(found_name)) && value.is_none_or(|value| value == found_value)
    })
}
