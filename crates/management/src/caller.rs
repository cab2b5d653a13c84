//! Who asks: the bearer token, what its owner may do, and the record of what was done.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use http::{header, request::Parts};
use symbolon_core::{
    TenantId,
    access::{Authorized, Principal},
    audit::{AuditRecord, Facts, Outcome},
    difference::printable,
    resource::WellKnown,
    role,
};

use crate::{Management, Shared, action::ManagementAction, envelope::Ids, error::Refusal};

/// An API, by the resource that its tokens are for.
pub(crate) trait Api: Send + Sync {
    const RESOURCE: WellKnown;
}

/// Azure Resource Manager, and Symbolon's own API.
pub(crate) struct ResourceManager;
/// Microsoft Graph.
pub(crate) struct Graph;

impl Api for ResourceManager {
    const RESOURCE: WellKnown = WellKnown::ResourceManager;
}

impl Api for Graph {
    const RESOURCE: WellKnown = WellKnown::Graph;
}

/// Whoever presented a valid token for this API. As the first extractor of each handler it comes
/// before anything of the request is read: a stranger learns nothing from how a body fails.
pub(crate) struct Caller<A> {
    principal: Principal,
    ids: Ids,
    api: PhantomData<A>,
}

impl<A: Api> FromRequestParts<Shared> for Caller<A> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, management: &Shared) -> Result<Self, Refusal> {
        let token = bearer(parts)?;
        let principal = management.access.verify(token, A::RESOURCE)?;
        let ids = parts.extensions.get::<Ids>().copied().unwrap_or_else(|| Ids::random(management.random.as_ref()));
        Ok(Self { principal, ids, api: PhantomData })
    }
}

fn bearer(parts: &Parts) -> Result<&str, Refusal> {
    let missing = || {
        Refusal::unauthenticated(
            "AuthenticationFailed",
            "Authentication failed. The 'Authorization' header is missing.",
        )
    };
    let value = parts.headers.get(header::AUTHORIZATION).ok_or_else(missing)?;
    let token = value.to_str().ok().and_then(|value| value.split_once(' '));
    match token {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => Ok(token.trim()),
        _ => Err(Refusal::unauthenticated(
            "AuthenticationFailedInvalidHeader",
            "Authentication failed. The 'Authorization' header is provided in an invalid format; expected 'Bearer' and a token.",
        )),
    }
}

impl<A> Caller<A> {
    /// The tenant that the caller belongs to, and the only one that it sees.
    pub(crate) const fn tenant(&self) -> TenantId {
        self.principal.tenant()
    }

    /// Whether its roles allow `action` at `scope`; for lists that show only what may be seen.
    pub(crate) fn may(&self, management: &Management, action: ManagementAction, scope: &str) -> bool {
        management.access.authorize(&self.principal, action, scope).is_ok()
    }

    /// Whether it has a role on something at `scope` or below.
    pub(crate) fn has_role_below(&self, management: &Management, scope: &str) -> bool {
        let all = management.access.directory.role_assignments(self.principal.tenant(), self.principal.object_id());
        all.iter().any(|assignment| role::covers(scope, &assignment.scope))
    }

    /// Proves that the caller may take `action` at `scope`. An attempt to change something without
    /// the right to stands in the audit trail.
    pub(crate) async fn authorize(
        &self,
        management: &Management,
        action: ManagementAction,
        scope: &str,
    ) -> Result<Authorized<ManagementAction>, Refusal> {
        match management.access.authorize(&self.principal, action, scope) {
            Ok(authorized) => Ok(authorized),
            Err(error) => {
                let refusal = Refusal::from(error);
                self.record(management, action, scope, None, Some(&refusal)).await?;
                Err(refusal)
            }
        }
    }

    /// Refuses something that no role can allow, and records the attempt.
    pub(crate) async fn forbid(
        &self,
        management: &Management,
        action: ManagementAction,
        scope: &str,
        message: &str,
    ) -> Refusal {
        let refusal = Refusal::forbidden(message);
        self.record(management, action, scope, None, Some(&refusal)).await.err().unwrap_or(refusal)
    }

    /// Records what was done, before it is answered.
    pub(crate) async fn done(
        &self,
        management: &Management,
        action: ManagementAction,
        resource: &str,
    ) -> Result<(), Refusal> {
        self.record(management, action, resource, None, None).await
    }

    /// As [`Self::done`], for what concerns the subject of tokens.
    pub(crate) async fn done_for(
        &self,
        management: &Management,
        action: ManagementAction,
        resource: &str,
        subject: &str,
    ) -> Result<(), Refusal> {
        self.record(management, action, resource, Some(subject), None).await
    }

    async fn record(
        &self,
        management: &Management,
        action: ManagementAction,
        resource: &str,
        subject: Option<&str>,
        refusal: Option<&Refusal>,
    ) -> Result<(), Refusal> {
        let Some(operation) = action.operation() else { return Ok(()) };
        let client = management.access.directory.client(self.principal.tenant(), self.principal.client_id());
        let record = AuditRecord {
            time: management.clock.now().as_millisecond(),
            operation,
            outcome: if refusal.is_some() { Outcome::Refused } else { Outcome::Granted },
            tenant: Some(self.principal.tenant()),
            trace_id: self.ids.trace.to_string(),
            correlation_id: self.ids.correlation.to_string(),
            code: None,
            reason: refusal.map(|refusal| printable(&refusal.message)),
            nearest: None,
            hint: None,
            facts: Facts {
                client_id: Some(self.principal.client_id().to_string()),
                client_name: client.map(|client| printable(&client.name)),
                subject: subject.map(printable),
                resource: Some(printable(&crate::shorten(resource))),
                ..Facts::default()
            },
        };
        Ok(management.audit.record(record).await?)
    }
}
