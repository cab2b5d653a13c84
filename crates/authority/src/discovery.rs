//! OpenID Connect discovery documents (OpenID Connect Discovery 1.0, section 3, with Entra's additions).

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::HeaderMap;
use serde_json::{Value, json};
use symbolon_core::{AadError, Tenant, application::TokenVersion, exchange::find_tenant};

use crate::{
    Authority,
    error::document_refusal,
    headers::{self, Ids},
    segment::Segment,
};

/// Whom a document is for: one tenant, or any (`common`, `organizations`).
pub enum Audience {
    /// One tenant.
    Tenant(Arc<Tenant>),
    /// Any tenant, under this name.
    Any(&'static str),
}

impl Audience {
    /// The audience that a path segment names.
    ///
    /// # Errors
    /// As [`find_tenant`].
    pub fn find(authority: &Authority, segment: &str) -> Result<Self, AadError> {
        match segment {
            "common" => Ok(Self::Any("common")),
            "organizations" => Ok(Self::Any("organizations")),
            _ => find_tenant(authority.directory(), segment).map(Self::Tenant),
        }
    }

    /// The tenant's place in an issuer: its id, or the literal placeholder.
    #[must_use]
    pub fn issuer_segment(&self) -> String {
        match self {
            Self::Tenant(tenant) => tenant.id.to_string(),
            Self::Any(_) => "{tenantid}".into(),
        }
    }

    /// The tenant's place in an endpoint's URL.
    fn path_segment(&self) -> String {
        match self {
            Self::Tenant(tenant) => tenant.id.to_string(),
            Self::Any(name) => (*name).to_owned(),
        }
    }
}

/// `GET /{tenant}/v2.0/.well-known/openid-configuration`
pub async fn v2(State(authority): State<Authority>, Segment(tenant): Segment, headers: HeaderMap) -> Response {
    answer(&authority, &tenant, &headers, TokenVersion::V2)
}

/// `GET /{tenant}/.well-known/openid-configuration`
pub async fn v1(State(authority): State<Authority>, Segment(tenant): Segment, headers: HeaderMap) -> Response {
    answer(&authority, &tenant, &headers, TokenVersion::V1)
}

fn answer(authority: &Authority, tenant: &str, headers: &HeaderMap, version: TokenVersion) -> Response {
    let ids = Ids::of(headers, &[], &[], authority.random());
    match Audience::find(authority, tenant) {
        Ok(audience) => {
            let base = &authority.urls().authority;
            let document = match version {
                TokenVersion::V1 => document_v1(base, &audience),
                TokenVersion::V2 => document_v2(base, &audience),
            };
            let mut response = axum::Json(document).into_response();
            headers::public_document(&mut response, ids, authority.urls());
            response
        }
        Err(error) => document_refusal(&error, ids, authority.clock().now(), authority.urls()),
    }
}

/// Members and values are Entra's, because SDKs refuse what they do not expect: there are no
/// interactive flows here, but MSAL refuses a document without an authorization endpoint.
fn document_v2(base: &str, audience: &Audience) -> Value {
    let tenant = audience.path_segment();
    json!({
        "token_endpoint": format!("{base}/{tenant}/oauth2/v2.0/token"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": format!("{base}/{tenant}/discovery/v2.0/keys"),
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": format!("{base}/{}/v2.0", audience.issuer_segment()),
        "request_uri_parameter_supported": false,
        "authorization_endpoint": format!("{base}/{tenant}/oauth2/v2.0/authorize"),
        "claims_supported": [
            "sub", "iss", "aud", "exp", "iat", "nbf", "tid", "ver", "oid", "azp", "azpacr", "uti"
        ],
        "tenant_region_scope": "WW",
        "cloud_instance_name": host(base),
    })
}

fn document_v1(base: &str, audience: &Audience) -> Value {
    let tenant = audience.path_segment();
    json!({
        "token_endpoint": format!("{base}/{tenant}/oauth2/token"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": format!("{base}/{tenant}/discovery/keys"),
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "token id_token", "token"],
        "scopes_supported": ["openid"],
        "issuer": format!("{base}/{}/", audience.issuer_segment()),
        "microsoft_multi_refresh_token": true,
        "authorization_endpoint": format!("{base}/{tenant}/oauth2/authorize"),
        "claims_supported": [
            "sub", "iss", "aud", "exp", "iat", "nbf", "tid", "ver", "oid", "appid", "appidacr", "idp", "uti"
        ],
        "tenant_region_scope": "WW",
        "cloud_instance_name": host(base),
    })
}

fn host(base: &str) -> &str {
    base.strip_prefix("https://").unwrap_or(base)
}
