//! Where tokens are exchanged.

use serde::Deserialize;
use url::Url;

/// Why an authority host cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAuthorityHost {
    /// Not a URL.
    #[error("authority host `{0}` is no URL: {1}")]
    NotAUrl(String, url::ParseError),
    /// Not over TLS: the token would travel in the open, and SDKs refuse it.
    #[error("authority host `{0}` has to begin with https://")]
    NotHttps(String),
    /// More than a base URL.
    #[error("authority host `{0}` has user information, a query or a fragment")]
    NotABase(String),
}

/// Why a cloud has no authority host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownCloud {
    /// The words are upstream's.
    #[error("failed to get AAD endpoint: autorest/azure: There is no cloud environment matching the name \"{0}\"")]
    Name(String),
    /// Its authority host stands in a file: see [`authority_host_of_environment`].
    #[error("failed to get AAD endpoint: AzureStackCloud needs the file that AZURE_ENVIRONMENT_FILEPATH names")]
    AzureStack,
    /// That file says nothing.
    #[error("failed to get AAD endpoint: the environment file has no `activeDirectoryEndpoint`: {0}")]
    EnvironmentFile(String),
}

/// An authority's base URL in the form that SDKs expect: https, with a slash at its end.
///
/// # Errors
///
/// If it is no base URL over https.
pub fn authority_host(text: &str) -> Result<String, InvalidAuthorityHost> {
    let text = text.trim();
    let url = Url::parse(text).map_err(|error| InvalidAuthorityHost::NotAUrl(text.to_owned(), error))?;
    if url.scheme() != "https" {
        return Err(InvalidAuthorityHost::NotHttps(text.to_owned()));
    }
    let has_more = url.query().is_some() || url.fragment().is_some();
    if has_more || !url.username().is_empty() || url.password().is_some() {
        return Err(InvalidAuthorityHost::NotABase(text.to_owned()));
    }
    let mut host = url.to_string();
    if !host.ends_with('/') {
        host.push('/');
    }
    Ok(host)
}

/// The authority host of one of Microsoft's clouds, by the name that `AZURE_ENVIRONMENT` has.
///
/// # Errors
///
/// If there is no such cloud, or its authority stands in a file.
pub fn authority_host_of_cloud(name: &str) -> Result<&'static str, UnknownCloud> {
    match name.to_ascii_uppercase().as_str() {
        "" | "AZUREPUBLICCLOUD" | "AZURECLOUD" => Ok("https://login.microsoftonline.com/"),
        "AZUREUSGOVERNMENTCLOUD" | "AZUREUSGOVERNMENT" => Ok("https://login.microsoftonline.us/"),
        "AZURECHINACLOUD" => Ok("https://login.chinacloudapi.cn/"),
        "AZUREGERMANCLOUD" => Ok("https://login.microsoftonline.de/"),
        "AZURESTACKCLOUD" => Err(UnknownCloud::AzureStack),
        name => Err(UnknownCloud::Name(name.to_owned())),
    }
}

/// The authority host in the file that `AZURE_ENVIRONMENT_FILEPATH` names.
///
/// # Errors
///
/// If the text is no JSON object with `activeDirectoryEndpoint`.
pub fn authority_host_of_environment(json: &str) -> Result<String, UnknownCloud> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Environment {
        active_directory_endpoint: String,
    }
    serde_json::from_str::<Environment>(json.trim_start_matches('\u{feff}'))
        .map(|environment| environment.active_directory_endpoint)
        .map_err(|error| UnknownCloud::EnvironmentFile(error.to_string()))
}
