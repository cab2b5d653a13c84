//! Instance discovery: which hosts are one and the same authority.

use axum::{
    extract::{RawQuery, State},
    response::{IntoResponse, Response},
};
use http::HeaderMap;
use serde_json::{Value, json};
use symbolon_core::AadError;
use url::Url;

use crate::{
    Authority,
    discovery::Audience,
    error::document_refusal,
    form,
    headers::{self, Ids},
};

/// `GET /common/discovery/instance?api-version=1.1&authorization_endpoint=https://…`
pub async fn instance(State(authority): State<Authority>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let query = form::parse(query.as_deref().unwrap_or_default());
    let ids = Ids::of(&headers, query.as_deref().unwrap_or_default(), &[], authority.random());
    let answer = match query {
        Ok(query) => document(&authority, &query),
        Err(_) => Err(AadError::MalformedRequest),
    };
    match answer {
        Ok(document) => {
            let mut response = axum::Json(document).into_response();
            headers::public_document(&mut response, ids, authority.urls());
            response
        }
        Err(error) => document_refusal(&error, ids, authority.clock().now(), authority.urls()),
    }
}

fn document(authority: &Authority, query: &[(String, String)]) -> Result<Value, AadError> {
    let parameter = |name: &'static str| {
        query
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
            .ok_or(AadError::MissingParameter { name })
    };
    let api_version = parameter("api-version")?;
    if !matches!(api_version, "1.0" | "1.1") {
        return Err(AadError::MalformedRequest);
    }
    let endpoint = Url::parse(parameter("authorization_endpoint")?).map_err(|_| AadError::MalformedRequest)?;
    let own = Url::parse(&authority.urls().authority).map_err(|_| AadError::UnknownInstance)?;
    let own_host = own.host_str().unwrap_or_default();
    // Python's MSAL and az leave the port out.
    let is_own = endpoint.host_str() == Some(own_host) && endpoint.port().is_none_or(|port| Some(port) == own.port());
    if endpoint.scheme() != "https" || !is_own {
        return Err(AadError::UnknownInstance);
    }
    let tenant = endpoint.path_segments().and_then(|mut segments| segments.next()).unwrap_or_default();
    Audience::find(authority, tenant)?;
    let version = if endpoint.path().contains("/v2.0/") { "/v2.0" } else { "" };
    let host = own.port().map_or_else(|| own_host.to_owned(), |port| format!("{own_host}:{port}"));
    let mut answer = json!({
        "tenant_discovery_endpoint":
            format!("{}/{tenant}{version}/.well-known/openid-configuration", authority.urls().authority),
        "api-version": api_version,
    });
    if api_version == "1.1" {
        let mut aliases = vec![host.clone()];
        if host != own_host {
            aliases.push(own_host.to_owned());
        }
        answer["metadata"] = json!([{ "preferred_network": host, "preferred_cache": host, "aliases": aliases }]);
    }
    Ok(answer)
}
