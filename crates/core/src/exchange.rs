//! The token exchange, rule by rule; the first rule that fails answers.
//!
//! 1. The request is well-formed ([`request`]).
//! 2. The tenant is known, the client is known in it and enabled.
//! 3. The client proves itself: by a federated assertion ([`federated`]), or by a secret or a
//!    certificate of its own ([`own`]).
//! 4. The resource is known.
//! 5. The token is minted ([`mint`]), the exchange recorded, the answer sent.
//!
//! The order inside of [`federated`] is a security property: the claims that are still unverified
//! choose a federated credential *before* any key is fetched, so the only issuers ever contacted
//! are those that somebody with the right to write this tenant's credentials named.

use std::{fmt, sync::Arc};

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    AadError, ClientId, Tenant, TenantId,
    application::TokenVersion,
    audit::{AuditRecord, Facts, Operation, Outcome},
    client::{Client, ClientKind},
    difference::{Nearest, printable},
    ports::{AuditLog, Clock, Directory, IssuerKeys, PortError, Random, Signer},
    resource,
    urls::Urls,
};

pub mod assertion;
pub mod federated;
mod hint;
pub mod mint;
pub mod own;
pub mod request;

use request::{Credential, Endpoint, TokenRequest};

/// Seconds by which clocks may differ when `exp` and `nbf` are checked.
pub const CLOCK_SKEW_SECONDS: i64 = 60;

/// The exchange with everything that it needs from outside.
#[derive(Clone)]
pub struct Exchange {
    /// Tenants and clients.
    pub directory: Arc<dyn Directory>,
    /// Keys of foreign issuers.
    pub issuer_keys: Arc<dyn IssuerKeys>,
    /// The authority's signature.
    pub signer: Arc<dyn Signer>,
    /// The audit trail.
    pub audit: Arc<dyn AuditLog>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// The URLs of this installation.
    pub urls: Urls,
}

/// One call of the token endpoint.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// Which token endpoint.
    pub endpoint: Endpoint,
    /// The tenant segment of the path, decoded.
    pub tenant: &'a str,
    /// The form's fields in their order, decoded.
    pub form: &'a [(String, String)],
    /// Client id and secret of HTTP Basic authentication (RFC 6749, section 2.3.1).
    pub basic: Option<(&'a str, &'a str)>,
    /// Our id of the request.
    pub trace_id: Uuid,
    /// The client's id of the request.
    pub correlation_id: Uuid,
}

/// A token that was issued and recorded.
pub struct Granted {
    /// The access token. It goes into the answer and nowhere else.
    pub access_token: String,
    /// Seconds until it expires.
    pub expires_in: i64,
    /// Unix seconds.
    pub expires_on: i64,
    /// Unix seconds.
    pub not_before: i64,
    /// The resource as it was asked for.
    pub resource: String,
    /// What was recorded.
    pub facts: Facts,
}

impl fmt::Debug for Granted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Granted")
            .field("expires_in", &self.expires_in)
            .field("facts", &self.facts)
            .finish_non_exhaustive()
    }
}

/// A refusal: what the client is told, and what only the operator is.
#[derive(Debug)]
pub struct Refused {
    /// The answer.
    pub error: AadError,
    /// When.
    pub time: Timestamp,
    /// The credential that came closest.
    pub nearest: Option<Box<Nearest>>,
    /// The cause in more detail than Entra's text has.
    pub cause: Option<String>,
    /// What an operator can do.
    pub hint: Option<String>,
    /// What was recorded.
    pub facts: Facts,
    /// A failure of ours behind a transient error.
    pub failure: Option<Box<PortError>>,
}

/// A rule that said no.
#[derive(Debug)]
pub(crate) struct Refusal {
    error: AadError,
    nearest: Option<Box<Nearest>>,
    cause: Option<String>,
    failure: Option<Box<PortError>>,
}

impl From<AadError> for Refusal {
    fn from(error: AadError) -> Self {
        Self { error, nearest: None, cause: None, failure: None }
    }
}

impl From<PortError> for Refusal {
    fn from(failure: PortError) -> Self {
        Self { failure: Some(Box::new(failure)), ..AadError::Transient.into() }
    }
}

impl Refusal {
    fn because(error: AadError, cause: impl fmt::Display) -> Self {
        Self { cause: Some(cause.to_string()), ..error.into() }
    }
}

/// How a client proved itself; decides the claim `appidacr`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A client secret.
    Secret,
    /// An assertion, federated or of its own certificate.
    Assertion,
}

impl Exchange {
    /// Answers one call of the token endpoint. The audit record is on disk before this returns.
    ///
    /// # Errors
    /// [`Refused`], with Entra's error. A failure of a port is [`AadError::Transient`]; a grant
    /// whose record cannot be written is refused, so no token is ever handed out unrecorded.
    pub async fn token(&self, call: Call<'_>) -> Result<Granted, Box<Refused>> {
        let now = self.clock.now();
        let mut facts = Facts::default();
        let mut tenant = None;
        let decided = self.decide(&call, now, &mut tenant, &mut facts).await;
        let record = record(&call, now, tenant, &facts, &decided);
        let decided = match self.audit.record(record).await {
            Ok(()) => decided,
            Err(failure) => Err(failure.into()),
        };
        match decided {
            Ok(minted) => Ok(Granted {
                access_token: minted.token,
                expires_in: minted.expires_in,
                expires_on: minted.expires_on,
                not_before: minted.not_before,
                resource: minted.resource,
                facts,
            }),
            Err(Refusal { error, nearest, cause, failure }) => {
                let hint = hint::hint(&error, nearest.as_deref(), &facts);
                Err(Box::new(Refused { error, time: now, nearest, cause, hint, facts, failure }))
            }
        }
    }

    async fn decide(
        &self,
        call: &Call<'_>,
        now: Timestamp,
        known_tenant: &mut Option<TenantId>,
        facts: &mut Facts,
    ) -> Result<mint::Minted, Refusal> {
        let request = TokenRequest::parse(call.endpoint, call.form, call.basic)?;
        facts.client_id = Some(printable(request.client_id));
        facts.resource = Some(printable(&request.resource));
        let tenant = find_tenant(self.directory.as_ref(), call.tenant)?;
        *known_tenant = Some(tenant.id);
        let client = self.find_client(&tenant, request.client_id)?;
        facts.client_name = Some(printable(&client.name));
        let proof = match request.credential {
            Credential::Secret(secret) => {
                facts.credential_type = Some("client secret".into());
                own::check_secret(&client, secret, now)?;
                Proof::Secret
            }
            Credential::Assertion(token) => {
                self.check_assertion(&tenant, call.tenant, &client, token, now, facts).await?;
                Proof::Assertion
            }
        };
        let requested =
            resource::find(&request.resource, &tenant, self.directory.as_ref(), &self.urls).ok_or_else(|| {
                let resource = printable(&request.resource);
                AadError::ResourceNotFound { resource, tenant: tenant.display_name.clone() }
            })?;
        check_resource(&requested)?;
        let minted = mint::mint(self, &client, &requested, proof, now)?;
        facts.token_id = Some(minted.token_id.clone());
        Ok(minted)
    }

    /// The client in the tenant, enabled and with a service principal.
    fn find_client(&self, tenant: &Tenant, client_id: &str) -> Result<Arc<Client>, AadError> {
        let found = client_id.parse::<ClientId>().ok().and_then(|id| self.directory.client(tenant.id, id));
        let client = found.ok_or_else(|| AadError::ApplicationNotFound {
            client_id: printable(client_id),
            tenant: tenant.display_name.clone(),
        })?;
        match &client.kind {
            ClientKind::Application { principal: None, .. } => Err(AadError::NoServicePrincipal {
                app_id: client.client_id.to_string(),
                tenant: tenant.id.to_string(),
            }),
            ClientKind::Application { principal: Some(principal), .. } if !principal.enabled => {
                Err(AadError::ApplicationDisabled { app_id: client.client_id.to_string(), name: client.name.clone() })
            }
            ClientKind::Application { .. } | ClientKind::ManagedIdentity { .. } => Ok(client),
        }
    }

    /// An assertion whose `iss` is the client itself is checked against the client's certificates;
    /// one whose `iss` is another client proves nothing here; every other one is federated.
    async fn check_assertion(
        &self,
        tenant: &Tenant,
        tenant_segment: &str,
        client: &Client,
        token: &str,
        now: Timestamp,
        facts: &mut Facts,
    ) -> Result<(), Refusal> {
        let parsed = assertion::Assertion::parse(token);
        if let Ok(assertion) = &parsed {
            assertion.note(facts);
        }
        let issuing_client = parsed.as_ref().ok().and_then(assertion::Assertion::issuing_client);
        if let Some(issuing_client) = issuing_client {
            facts.credential_type = Some("client certificate".into());
            if issuing_client != client.client_id {
                return Err(AadError::AssertionNotOfClient.into());
            }
            let audiences = self.own_audiences(tenant, tenant_segment);
            return own::check_certificate(client, parsed?, &audiences, now);
        }
        facts.credential_type = Some("federated credential".into());
        let issuer_keys = self.issuer_keys.as_ref();
        let name = federated::check(client, parsed, issuer_keys, &self.urls, now).await?;
        facts.federated_credential = Some(name);
        Ok(())
    }

    /// What the client's own assertion may name as its audience (RFC 7523, section 3, rule 3): this
    /// authority's token endpoints and issuers for the tenant, and nothing else, so that an
    /// assertion made for another server cannot be replayed here.
    fn own_audiences(&self, tenant: &Tenant, segment: &str) -> Vec<String> {
        let id = tenant.id.to_string();
        let mut audiences = vec![self.urls.issuer_v1(tenant.id), self.urls.issuer_v2(tenant.id)];
        for name in [id.as_str(), segment] {
            audiences.push(self.urls.token_endpoint_v1(name));
            audiences.push(self.urls.token_endpoint_v2(name));
        }
        audiences
    }
}

fn check_resource(requested: &resource::Requested) -> Result<(), AadError> {
    match &requested.resource {
        resource::Resource::Application(application)
            if application.service_principal.as_ref().is_none_or(|principal| !principal.enabled) =>
        {
            Err(AadError::ResourceDisabled { resource: printable(&requested.name) })
        }
        resource::Resource::Application(_) | resource::Resource::WellKnown(_) => Ok(()),
    }
}

/// The tenant that a path segment names, by id or by domain.
///
/// # Errors
/// Entra's: 50059 for `common` and its like (a client has no home tenant of its own here), 900021
/// for the empty GUID, 900023 for what can be neither GUID nor DNS name, 90002 for the unknown.
pub fn find_tenant(directory: &dyn Directory, segment: &str) -> Result<Arc<Tenant>, AadError> {
    if matches!(segment, "common" | "organizations" | "consumers") {
        return Err(AadError::NoTenant);
    }
    let not_found = || AadError::TenantNotFound { tenant: printable(segment) };
    if let Ok(id) = segment.parse::<TenantId>() {
        if id.guid().is_nil() {
            return Err(AadError::EmptyTenant);
        }
        return directory.tenant(id).ok_or_else(not_found);
    }
    let is_dns_name = segment.len() <= 253
        && segment.contains('.')
        && segment
            .split('.')
            .all(|label| !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'));
    if !is_dns_name {
        return Err(AadError::InvalidTenant { tenant: printable(segment) });
    }
    directory.tenant_by_domain(&segment.to_ascii_lowercase()).ok_or_else(not_found)
}

fn record(
    call: &Call<'_>,
    now: Timestamp,
    tenant: Option<TenantId>,
    facts: &Facts,
    decided: &Result<mint::Minted, Refusal>,
) -> AuditRecord {
    let refusal = decided.as_ref().err();
    let reason = refusal.map(|refusal| match &refusal.cause {
        Some(cause) => printable(&format!("{} ({cause})", refusal.error)),
        None => printable(&refusal.error.to_string()),
    });
    AuditRecord {
        time: now.as_millisecond(),
        operation: Operation::TokenExchange,
        outcome: if refusal.is_some() { Outcome::Refused } else { Outcome::Granted },
        tenant,
        trace_id: call.trace_id.to_string(),
        correlation_id: call.correlation_id.to_string(),
        code: refusal.map(|refusal| refusal.error.code()),
        reason,
        nearest: refusal.and_then(|refusal| refusal.nearest.as_deref().cloned()),
        hint: refusal.and_then(|refusal| hint::hint(&refusal.error, refusal.nearest.as_deref(), facts)),
        facts: facts.clone(),
    }
}

/// The version of the tokens that an endpoint's clients ask for is the resource's choice; this is
/// only which request form is spoken.
impl Endpoint {
    /// The version by which discovery documents name it.
    #[must_use]
    pub const fn version(self) -> TokenVersion {
        match self {
            Self::V1 => TokenVersion::V1,
            Self::V2 => TokenVersion::V2,
        }
    }
}
