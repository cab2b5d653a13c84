//! The published keys.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::HeaderMap;
use symbolon_core::application::TokenVersion;

use crate::{
    Authority,
    discovery::Audience,
    error::document_refusal,
    headers::{self, Ids},
    segment::Segment,
};

/// `GET /{tenant}/discovery/v2.0/keys`
pub async fn v2(State(authority): State<Authority>, Segment(tenant): Segment, headers: HeaderMap) -> Response {
    answer(&authority, &tenant, &headers, TokenVersion::V2)
}

/// `GET /{tenant}/discovery/keys`
pub async fn v1(State(authority): State<Authority>, Segment(tenant): Segment, headers: HeaderMap) -> Response {
    answer(&authority, &tenant, &headers, TokenVersion::V1)
}

/// The keys are the same for all tenants; version 2 says of each which issuer it signs for.
fn answer(authority: &Authority, tenant: &str, headers: &HeaderMap, version: TokenVersion) -> Response {
    let ids = Ids::of(headers, &[], &[], authority.random());
    let audience = match Audience::find(authority, tenant) {
        Ok(audience) => audience,
        Err(error) => return document_refusal(&error, ids, authority.clock().now(), authority.urls()),
    };
    let issuer = match version {
        TokenVersion::V1 => None,
        TokenVersion::V2 => Some(format!("{}/{}/v2.0", authority.urls().authority, audience.issuer_segment())),
    };
    let mut response = axum::Json(authority.signing_keys.key_set(issuer.as_deref())).into_response();
    headers::public_document(&mut response, ids, authority.urls());
    response
}
