//! Tenants and their subscriptions.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde_json::{Value, json};
use symbolon_core::{
    SubscriptionId, Tenant, TenantId,
    access::Authorized,
    ports::{
        PortError,
        management::{NewTenant, ResourceGroup, Subscription},
    },
    role::{self, RoleAssignment},
    tenant::{SimulatedTrouble, TenantSettings},
};

use super::{SCOPE, at_home};
use crate::{
    Management, NewAdministrator, Shared,
    action::ManagementAction,
    caller::{Caller, ResourceManager},
    error::Refusal,
    request::{Fields, JsonBody},
};

const MAX_NAME: usize = 256;
const MAX_DOMAINS: usize = 100;
const MAX_DELAY_SECONDS: i64 = 24 * 3600;
/// What every tenant begins with.
const RESOURCE_GROUP: &str = "symbolon";
const LOCATION: &str = "local";

fn printed(tenant: &Tenant) -> Value {
    json!({
        "tenantId": tenant.id,
        "displayName": tenant.display_name,
        "domains": tenant.domains,
        "settings": tenant.settings,
    })
}

fn resource(id: TenantId) -> String {
    format!("/symbolon/v1/tenants/{id}")
}

/// Authorises what concerns all tenants.
async fn over_all(
    management: &Management,
    caller: &Caller<ResourceManager>,
    action: ManagementAction,
) -> Result<Authorized<ManagementAction>, Refusal> {
    let message = "Only an administrator of the installation's first tenant lists and makes tenants.";
    at_home(management, caller, action, message).await
}

pub(super) async fn list(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
) -> Result<Response, Refusal> {
    over_all(&management, &caller, ManagementAction::TenantShow).await?;
    let all: Vec<Value> = management.store.tenants().await?.iter().map(printed).collect();
    Ok(Json(json!({ "value": all })).into_response())
}

/// Makes a tenant with a subscription, a resource group and an administrator, whose key is in this
/// answer and nowhere else.
pub(super) async fn create(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    body: JsonBody,
) -> Result<Response, Refusal> {
    let action = ManagementAction::TenantWrite;
    over_all(&management, &caller, action).await?;
    let tenant = wanted(&management, &body.fields())?;
    let made = administrator(&management, tenant.id).await?;
    let new = new_tenant(&management, tenant, &made)?;
    management.store.create_tenant(&new).await?;
    caller.done(&management, action, &resource(new.tenant.id)).await?;
    let mut body = printed(&new.tenant);
    let mut credential = made.file;
    for place in [&mut body, &mut credential] {
        place["subscriptionId"] = json!(new.subscription.id);
        place["resourceGroup"] = json!(new.resource_group.name);
    }
    body["administrator"] = credential;
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

/// A key takes a while to make, and other requests share the thread.
async fn administrator(management: &Management, tenant: TenantId) -> Result<NewAdministrator, Refusal> {
    let maker = Arc::clone(&management.administrators);
    let failed = |source| Refusal::from(PortError { what: "making an administrator", source });
    match tokio::task::spawn_blocking(move || maker.make(tenant)).await {
        Ok(made) => made.map_err(failed),
        Err(error) => Err(failed(error.into())),
    }
}

fn new_tenant(management: &Management, tenant: Tenant, made: &NewAdministrator) -> Result<NewTenant, Refusal> {
    let subscription = SubscriptionId::new(management.random.guid());
    let principal = made.application.service_principal.as_ref().map(|principal| principal.object_id);
    let principal = principal.ok_or_else(|| {
        let source = "the administrator has no service principal".into();
        Refusal::from(PortError { what: "making an administrator", source })
    })?;
    Ok(NewTenant {
        subscription: Subscription { id: subscription, tenant: tenant.id, display_name: tenant.display_name.clone() },
        resource_group: ResourceGroup {
            subscription,
            name: RESOURCE_GROUP.into(),
            location: LOCATION.into(),
            tags: std::collections::BTreeMap::new(),
            version: 0,
        },
        administrator: made.application.clone(),
        role: RoleAssignment {
            id: management.random.guid(),
            tenant: tenant.id,
            principal,
            role: role::OWNER,
            scope: SCOPE.into(),
        },
        tenant,
    })
}

fn wanted(management: &Management, fields: &Fields<'_>) -> Result<Tenant, Refusal> {
    let id = match fields.string("tenantId")? {
        Some(text) => text.parse().map_err(|_| invalid("'tenantId' is not a GUID."))?,
        None => TenantId::new(management.random.guid()),
    };
    Ok(Tenant {
        id,
        display_name: display_name(fields.required_string("displayName")?)?,
        domains: domains(fields.strings("domains")?.unwrap_or_default())?,
        settings: settings(TenantSettings::default(), fields)?,
    })
}

fn display_name(text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    if !(1..=MAX_NAME).contains(&text.chars().count()) || text.chars().any(char::is_control) {
        return Err(invalid("'displayName' has 1 to 256 characters, none of them a control character."));
    }
    Ok(text.to_owned())
}

/// DNS names: what stands for a tenant in a URL must not look like an id or like another path.
fn domains(names: Vec<String>) -> Result<Vec<String>, Refusal> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let name = |name: &String| name.len() <= 253 && name.contains('.') && name.split('.').all(label);
    if names.len() > MAX_DOMAINS || !names.iter().all(name) {
        return Err(invalid("'domains' holds at most 100 DNS names with at least two labels each."));
    }
    Ok(names.into_iter().map(|name| name.to_ascii_lowercase()).collect())
}

/// `found` with what the member `settings` changes of it. A limit that is `null` goes away.
fn settings(found: TenantSettings, fields: &Fields<'_>) -> Result<TenantSettings, Refusal> {
    let Some(changes) = fields.object("settings")? else { return Ok(found) };
    let limit = changes.integer("maxFederatedCredentials")?.map(|limit| {
        u32::try_from(limit)
            .map_err(|_| invalid("'settings.maxFederatedCredentials' is a number from 0 to 4294967295, or null."))
    });
    let max_federated_credentials = match limit {
        Some(limit) => Some(limit?),
        None if changes.is_null("maxFederatedCredentials") => None,
        None => found.max_federated_credentials,
    };
    let simulate = match changes.object("simulate")? {
        Some(changes) => simulate(found.simulate, &changes)?,
        None => found.simulate,
    };
    Ok(TenantSettings { max_federated_credentials, simulate })
}

fn simulate(found: SimulatedTrouble, changes: &Fields<'_>) -> Result<SimulatedTrouble, Refusal> {
    let propagation_delay_seconds = match changes.integer("propagationDelaySeconds")? {
        None => found.propagation_delay_seconds,
        Some(delay) => u32::try_from(delay)
            .ok()
            .filter(|delay| i64::from(*delay) <= MAX_DELAY_SECONDS)
            .ok_or_else(|| invalid("'settings.simulate.propagationDelaySeconds' is a number from 0 to 86400."))?,
    };
    let conflicts = changes.boolean("credentialWriteConflicts")?.unwrap_or(found.credential_write_conflicts);
    let throttling = changes.boolean("throttling")?.unwrap_or(found.throttling);
    Ok(SimulatedTrouble { propagation_delay_seconds, credential_write_conflicts: conflicts, throttling })
}

fn invalid(message: &str) -> Refusal {
    Refusal::invalid("InvalidTenant", message)
}

fn own(management: &Management, caller: &Caller<ResourceManager>) -> Result<Tenant, Refusal> {
    let found = management.access.directory.tenant(caller.tenant());
    found.map(|tenant| (*tenant).clone()).ok_or_else(|| {
        Refusal::not_found("TenantNotFound", format!("The tenant '{}' could not be found.", caller.tenant()))
    })
}

pub(super) async fn get(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
) -> Result<Response, Refusal> {
    caller.authorize(&management, ManagementAction::TenantShow, SCOPE).await?;
    Ok(Json(printed(&own(&management, &caller)?)).into_response())
}

pub(super) async fn patch(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    body: JsonBody,
) -> Result<Response, Refusal> {
    let action = ManagementAction::TenantWrite;
    caller.authorize(&management, action, SCOPE).await?;
    let fields = body.fields();
    // Two changes at once would each write what it read, and one of them would be lost.
    let _turn = management.turns.settings.lock().await;
    let found = own(&management, &caller)?;
    let display_name = fields.string("displayName")?.map_or(Ok(found.display_name), display_name)?;
    let changed = Tenant { display_name, settings: settings(found.settings, &fields)?, ..found };
    management.store.put_tenant(&changed).await?;
    caller.done(&management, action, &resource(changed.id)).await?;
    Ok(Json(printed(&changed)).into_response())
}

fn printed_subscription(subscription: &Subscription) -> Value {
    json!({ "subscriptionId": subscription.id, "displayName": subscription.display_name })
}

pub(super) async fn subscriptions(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
) -> Result<Response, Refusal> {
    let authorized = caller.authorize(&management, ManagementAction::TenantShow, SCOPE).await?;
    let all = management.store.subscriptions(authorized.tenant()).await?;
    let all: Vec<Value> = all.iter().map(printed_subscription).collect();
    Ok(Json(json!({ "value": all })).into_response())
}

pub(super) async fn create_subscription(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    body: JsonBody,
) -> Result<Response, Refusal> {
    let action = ManagementAction::SubscriptionWrite;
    let authorized = caller.authorize(&management, action, SCOPE).await?;
    let subscription = Subscription {
        id: SubscriptionId::new(management.random.guid()),
        tenant: authorized.tenant(),
        display_name: display_name(body.fields().required_string("displayName")?)?,
    };
    management.store.put_subscription(&subscription).await?;
    caller.done(&management, action, &format!("/subscriptions/{}", subscription.id)).await?;
    Ok((StatusCode::CREATED, Json(printed_subscription(&subscription))).into_response())
}
