//! The only place where an access token is verified and an action authorised.
//!
//! A resource sees no token: it asks for an [`Authorized`] action and gets one, or a refusal.

use std::sync::Arc;

use serde::Deserialize;
use symbolon_jose::Unverified;
use thiserror::Error;

use crate::{
    ClientId, ObjectId, TenantId,
    exchange::CLOCK_SKEW_SECONDS,
    ports::{AuthorityKeys, Clock, Directory},
    resource::WellKnown,
    role::{self, ActionKind, RoleDefinition, Wanted},
    urls::Urls,
};

/// Verifies access tokens of this authority and authorises actions.
#[derive(Clone)]
pub struct Access {
    /// Tenants and role assignments.
    pub directory: Arc<dyn Directory>,
    /// The authority's published keys.
    pub keys: Arc<dyn AuthorityKeys>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The URLs of this installation.
    pub urls: Urls,
}

/// Who an access token speaks for. Only [`Access::verify`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    tenant: TenantId,
    object_id: ObjectId,
    client_id: ClientId,
}

impl Principal {
    /// The tenant that it belongs to, and the only one that it can see.
    #[must_use]
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Its object id.
    #[must_use]
    pub const fn object_id(&self) -> ObjectId {
        self.object_id
    }

    /// Its client id.
    #[must_use]
    pub const fn client_id(&self) -> ClientId {
        self.client_id
    }
}

/// Something that a principal may do, by the name that roles know it under.
pub trait Action: Copy {
    /// `Provider/type/verb`
    fn name(self) -> &'static str;

    /// Whether it is an action on data, which no management role allows.
    fn kind(self) -> ActionKind {
        ActionKind::Management
    }
}

/// Proof that a principal may take an action at a scope. Only [`Access::authorize`] makes one.
#[derive(Clone, Debug)]
pub struct Authorized<A> {
    principal: Principal,
    action: A,
    scope: String,
}

impl<A: Copy> Authorized<A> {
    /// Who.
    #[must_use]
    pub const fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The tenant that the action stays in.
    #[must_use]
    pub const fn tenant(&self) -> TenantId {
        self.principal.tenant
    }

    /// What.
    #[must_use]
    pub const fn action(&self) -> A {
        self.action
    }

    /// Where.
    #[must_use]
    pub fn scope(&self) -> &str {
        &self.scope
    }
}

/// Why an access token or an action was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AccessError {
    /// Not a JWT, or claims are missing or of the wrong type.
    #[error("the access token is malformed: {0}")]
    Malformed(String),
    /// Signed by no published key of this authority, or the signature is wrong.
    #[error("the access token was not signed by this authority")]
    Signature,
    /// Of another issuer or tenant.
    #[error("the access token was issued by `{0}`, which is not this authority")]
    Issuer(String),
    /// For another resource.
    #[error("the access token is for audience `{0}`, not for this resource")]
    Audience(String),
    /// Expired or not yet valid.
    #[error("the access token is not within its validity, unix seconds {not_before} to {expires}")]
    Time {
        /// `nbf`
        not_before: i64,
        /// `exp`
        expires: i64,
    },
    /// No role of the principal allows it.
    #[error(
        "the client `{client}` with object id `{object}` does not have authorization to perform action `{action}` over scope `{scope}`"
    )]
    Forbidden {
        /// The principal's client id.
        client: ClientId,
        /// The principal's object id.
        object: ObjectId,
        /// The action.
        action: &'static str,
        /// The scope.
        scope: String,
    },
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    exp: i64,
    nbf: i64,
    tid: TenantId,
    oid: ObjectId,
    #[serde(alias = "azp")]
    appid: ClientId,
}

impl Access {
    /// Verifies an access token for `resource`: signature first, then issuer, tenant, audience and
    /// times.
    ///
    /// # Errors
    /// [`AccessError`], for the first check that fails.
    pub fn verify(&self, token: &str, resource: WellKnown) -> Result<Principal, AccessError> {
        let parsed = Unverified::parse(token).map_err(|error| AccessError::Malformed(error.to_string()))?;
        let key = parsed.header().kid().and_then(|kid| self.keys.key(kid)).ok_or(AccessError::Signature)?;
        let verified = parsed.verify(&key).map_err(|_| AccessError::Signature)?;
        let claims: Claims = verified.claims().map_err(|error| AccessError::Malformed(error.to_string()))?;
        let issuers = [self.urls.issuer_v1(claims.tid), self.urls.issuer_v2(claims.tid)];
        if !issuers.contains(&claims.iss) || self.directory.tenant(claims.tid).is_none() {
            return Err(AccessError::Issuer(claims.iss));
        }
        if WellKnown::find(&claims.aud, &self.urls) != Some(resource) {
            return Err(AccessError::Audience(claims.aud));
        }
        let now = self.clock.now().as_second();
        if now >= claims.exp.saturating_add(CLOCK_SKEW_SECONDS) || now < claims.nbf.saturating_sub(CLOCK_SKEW_SECONDS) {
            return Err(AccessError::Time { not_before: claims.nbf, expires: claims.exp });
        }
        Ok(Principal { tenant: claims.tid, object_id: claims.oid, client_id: claims.appid })
    }

    /// Authorises `action` at `scope` by the principal's roles.
    ///
    /// # Errors
    /// [`AccessError::Forbidden`].
    pub fn authorize<A: Action>(
        &self,
        principal: &Principal,
        action: A,
        scope: &str,
    ) -> Result<Authorized<A>, AccessError> {
        let assignments = self.directory.role_assignments(principal.tenant, principal.object_id);
        let custom = |id| self.directory.role_definition(principal.tenant, id);
        if role::allows(&assignments, custom, Wanted { action: action.name(), kind: action.kind(), scope }) {
            return Ok(Authorized { principal: principal.clone(), action, scope: scope.to_owned() });
        }
        Err(AccessError::Forbidden {
            client: principal.client_id,
            object: principal.object_id,
            action: action.name(),
            scope: scope.to_owned(),
        })
    }

    /// The roles that the principal has at `scope`, from there or from above.
    #[must_use]
    pub fn roles_at(&self, principal: &Principal, scope: &str) -> Vec<Arc<RoleDefinition>> {
        let custom = |id| self.directory.role_definition(principal.tenant, id);
        let assignments = self.directory.role_assignments(principal.tenant, principal.object_id);
        let covering = assignments.iter().filter(|assignment| role::covers(&assignment.scope, scope));
        covering.filter_map(|assignment| role::definition(assignment, custom)).collect()
    }
}
