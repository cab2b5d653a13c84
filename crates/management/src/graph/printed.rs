//! Objects as Graph prints them.

use jiff::Timestamp;
use serde::Serialize;
use symbolon_core::{
    ClientId, ObjectId,
    application::{Application, ClientCertificate, ClientSecret, TokenVersion},
    urls::Urls,
};

/// An object with the address of its description, which Graph puts first.
#[derive(Serialize)]
pub(super) struct WithContext<T> {
    #[serde(rename = "@odata.context")]
    context: String,
    #[serde(flatten)]
    object: T,
}

impl<T> WithContext<T> {
    pub(super) fn new(urls: &Urls, what: &str, object: T) -> Self {
        Self { context: format!("{}/v1.0/$metadata#{what}", urls.management), object }
    }
}

/// A list.
#[derive(Serialize)]
pub(super) struct List<T> {
    pub(super) value: Vec<T>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PrintedApplication {
    id: ObjectId,
    app_id: ClientId,
    created_date_time: String,
    display_name: String,
    identifier_uris: Vec<String>,
    sign_in_audience: &'static str,
    api: Api,
    key_credentials: Vec<KeyCredential>,
    password_credentials: Vec<PasswordCredential>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Api {
    requested_access_token_version: Option<u8>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyCredential {
    custom_key_identifier: String,
    display_name: Option<String>,
    end_date_time: String,
    key: Option<()>,
    key_id: ObjectId,
    start_date_time: String,
    r#type: &'static str,
    usage: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PasswordCredential {
    custom_key_identifier: Option<()>,
    display_name: Option<String>,
    end_date_time: String,
    hint: String,
    key_id: ObjectId,
    /// The secret itself, in the one answer that makes it.
    secret_text: Option<String>,
    start_date_time: String,
}

/// An application's service principal, or that of a managed identity.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PrintedServicePrincipal {
    pub(super) id: ObjectId,
    pub(super) account_enabled: bool,
    pub(super) app_id: ClientId,
    pub(super) display_name: String,
    pub(super) service_principal_names: Vec<String>,
    pub(super) service_principal_type: &'static str,
}

impl From<Application> for PrintedApplication {
    fn from(application: Application) -> Self {
        let version = match application.token_version {
            TokenVersion::V1 => None,
            TokenVersion::V2 => Some(2),
        };
        Self {
            id: application.object_id,
            app_id: application.app_id,
            created_date_time: date(application.created),
            display_name: application.display_name,
            identifier_uris: application.identifier_uris,
            sign_in_audience: "AzureADMyOrg",
            api: Api { requested_access_token_version: version },
            key_credentials: application.certificates.into_iter().map(KeyCredential::from).collect(),
            password_credentials: application.secrets.into_iter().map(PasswordCredential::from).collect(),
        }
    }
}

impl From<ClientCertificate> for KeyCredential {
    fn from(certificate: ClientCertificate) -> Self {
        Self {
            custom_key_identifier: certificate.x5t,
            display_name: certificate.display_name,
            end_date_time: date(certificate.end),
            key: None,
            key_id: certificate.key_id,
            start_date_time: date(certificate.start),
            r#type: "AsymmetricX509Cert",
            usage: "Verify",
        }
    }
}

impl PasswordCredential {
    /// A secret that was just made, with its text.
    pub(super) fn new(secret: ClientSecret, text: String) -> Self {
        Self { secret_text: Some(text), ..secret.into() }
    }
}

impl From<ClientSecret> for PasswordCredential {
    fn from(secret: ClientSecret) -> Self {
        Self {
            custom_key_identifier: None,
            display_name: secret.display_name,
            end_date_time: date(secret.end),
            hint: secret.hint,
            key_id: secret.key_id,
            secret_text: None,
            start_date_time: date(secret.start),
        }
    }
}

fn date(second: i64) -> String {
    Timestamp::from_second(second).unwrap_or_default().to_string()
}
