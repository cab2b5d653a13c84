//! What this cloud consists of, for clients that ask before they sign in.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use symbolon_core::urls::Urls;

use crate::{Shared, request::ApiVersion};

/// The cloud's name, under which `ARM_CLOUD_METADATA_URL` makes it known to `az`.
const NAME: &str = "Symbolon";
/// The first version with a list of clouds, and the first with one document again.
const LIST_VERSION: &str = "2019-05-01";
const DOCUMENT_VERSION: &str = "2022-09-01";

/// `az cloud register` reads the single document of 2022-09-01; Terraform and `ARM_CLOUD_METADATA_URL`
/// take the list of the versions before. It asks for no token: it says where to get one.
pub(super) async fn endpoints(State(management): State<Shared>, version: ApiVersion) -> Response {
    let date = version.0.as_str();
    let body = if date < LIST_VERSION {
        oldest(&management.urls)
    } else if date < DOCUMENT_VERSION {
        json!([document(&management.urls)])
    } else {
        document(&management.urls)
    };
    Json(body).into_response()
}

/// The URLs are configuration, never of a `Host` header: clients send secrets to them. Services
/// that Symbolon does not have are not named, except for those whose absence clients stumble over;
/// they are empty or point back here.
fn document(urls: &Urls) -> Value {
    let management = format!("{}/", urls.management);
    json!({
        "name": NAME,
        "portal": management,
        "authentication": {
            "loginEndpoint": urls.authority,
            "audiences": [management, "https://management.core.windows.net/", "https://management.azure.com/"],
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "graph": format!("{}/", urls.graph()),
        "graphAudience": format!("{}/", urls.graph()),
        "microsoftGraphResourceId": format!("{}/", urls.graph()),
        "resourceManager": management,
        "gallery": management,
        "batch": management,
        "media": management,
        "sqlManagement": management,
        "vmImageAliasDoc": management,
        "activeDirectoryDataLake": management,
        "suffixes": {
            "keyVaultDns": host(&urls.vault),
            "azureAppConfiguration": host(&urls.app_configuration),
            "storage": "core.windows.net",
            "sqlServerHostname": "database.windows.net",
            "acrLoginServer": "azurecr.io",
            "azureDataLakeStoreFileSystem": "azuredatalakestore.net",
            "azureDataLakeAnalyticsCatalogAndJob": "azuredatalakeanalytics.net",
        },
    })
}

/// The form of 2015-01-01.
fn oldest(urls: &Urls) -> Value {
    let management = format!("{}/", urls.management);
    json!({
        "galleryEndpoint": management,
        "graphEndpoint": format!("{}/", urls.graph()),
        "graphAudience": format!("{}/", urls.graph()),
        "portalEndpoint": management,
        "authentication": { "loginEndpoint": urls.authority, "audiences": [management] },
    })
}

/// Host and port of a URL.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}
