//! The audit trail.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use serde_json::json;
use symbolon_core::audit::AuditQuery;
use tokio::time::{Instant, sleep};

use super::{SCOPE, is_home};
use crate::{
    Shared,
    action::ManagementAction,
    caller::{Caller, ResourceManager},
    error::Refusal,
    request::Query,
};

const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: i64 = 1000;
/// Seconds that a request may wait for entries; below every server's and client's own limit.
const MAX_WAIT: i64 = 20;
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Entries oldest first. With `after` and `wait` the answer comes as soon as there is an entry, or
/// empty when the time is over.
pub(super) async fn list(
    State(management): State<Shared>,
    caller: Caller<ResourceManager>,
    query: Query,
) -> Result<Response, Refusal> {
    let authorized = caller.authorize(&management, ManagementAction::AuditShow, SCOPE).await?;
    let after = query.number("after", 0, i64::MAX)?;
    let limit = query.number("limit", 1, MAX_LIMIT)?.and_then(|limit| u32::try_from(limit).ok());
    let wait = query.number("wait", 0, MAX_WAIT)?.filter(|_| after.is_some()).unwrap_or_default();
    let deadline = Instant::now() + Duration::from_secs(wait.unsigned_abs());
    let wanted = AuditQuery {
        after,
        limit: Some(limit.unwrap_or(DEFAULT_LIMIT)),
        // Requests that named no known tenant are for whoever runs the installation.
        include_unknown_tenants: is_home(&management, &caller),
    };
    loop {
        let entries = management.store.audit(authorized.tenant(), &wanted).await?;
        if !entries.is_empty() || Instant::now() >= deadline {
            return Ok(Json(json!({ "value": entries })).into_response());
        }
        sleep(LOOK_EVERY).await;
    }
}
