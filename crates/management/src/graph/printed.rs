//! Objects as Graph prints them: what is kept here, and Graph's defaults for what is not.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use symbolon_core::{
    ClientId, ObjectId, Tenant,
    application::{Application, ClientCertificate, ClientSecret, ServicePrincipal, TokenVersion},
    urls::Urls,
};

/// Who may sign in to what is registered here: accounts of its own tenant.
const AUDIENCE: &str = "AzureADMyOrg";

/// An object with the address of its description.
pub(super) fn with_context(urls: &Urls, what: &str, mut object: Value) -> Value {
    object["@odata.context"] = json!(format!("{}/v1.0/$metadata#{what}", urls.management));
    object
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyCredential<'a> {
    custom_key_identifier: &'a str,
    display_name: Option<&'a str>,
    end_date_time: String,
    key: Option<()>,
    key_id: ObjectId,
    start_date_time: String,
    r#type: &'static str,
    usage: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PasswordCredential<'a> {
    custom_key_identifier: Option<()>,
    display_name: Option<&'a str>,
    end_date_time: String,
    hint: &'a str,
    key_id: ObjectId,
    /// The secret itself, in the one answer that makes it.
    secret_text: Option<&'a str>,
    start_date_time: String,
}

/// An application, of a tenant with this publisher domain.
pub(super) fn application(application: &Application, tenant: Option<&Tenant>) -> Value {
    let printed = json!({
        "id": application.object_id,
        "appId": application.app_id,
        "createdDateTime": date(application.created),
        "displayName": application.display_name,
        "identifierUris": application.identifier_uris,
        "publisherDomain": tenant.and_then(|tenant| tenant.domains.first()),
        "signInAudience": AUDIENCE,
        "api": api(application.token_version),
        "keyCredentials": key_credentials(&application.certificates),
        "passwordCredentials": password_credentials(&application.secrets),
    });
    with_defaults(printed, application_defaults())
}

/// What Graph prints of an application where nothing was set, and nothing can be set here.
fn application_defaults() -> Value {
    json!({
        "addIns": [],
        "appRoles": [],
        "applicationTemplateId": null,
        "certification": null,
        "defaultRedirectUri": null,
        "deletedDateTime": null,
        "description": null,
        "disabledByMicrosoftStatus": null,
        "groupMembershipClaims": null,
        "info": info(),
        "isDeviceOnlyAuthSupported": null,
        "isFallbackPublicClient": null,
        "nativeAuthenticationApisEnabled": null,
        "notes": null,
        "optionalClaims": null,
        "parentalControlSettings": { "countriesBlockedForMinors": [], "legalAgeGroupRule": "Allow" },
        "publicClient": { "redirectUris": [] },
        "requestSignatureVerification": null,
        "requiredResourceAccess": [],
        "samlMetadataUrl": null,
        "serviceManagementReference": null,
        "servicePrincipalLockConfiguration": null,
        "spa": { "redirectUris": [] },
        "tags": [],
        "tokenEncryptionKeyId": null,
        "uniqueName": null,
        "verifiedPublisher": verified_publisher(),
        "web": {
            "homePageUrl": null,
            "implicitGrantSettings": { "enableAccessTokenIssuance": false, "enableIdTokenIssuance": false },
            "logoutUrl": null,
            "redirectUriSettings": [],
            "redirectUris": [],
        },
    })
}

fn with_defaults(mut object: Value, defaults: Value) -> Value {
    if let (Value::Object(members), Value::Object(defaults)) = (&mut object, defaults) {
        members.extend(defaults);
    }
    object
}

fn api(version: TokenVersion) -> Value {
    let version = match version {
        TokenVersion::V1 => None,
        TokenVersion::V2 => Some(2),
    };
    json!({
        "acceptMappedClaims": null,
        "knownClientApplications": [],
        "oauth2PermissionScopes": [],
        "preAuthorizedApplications": [],
        "requestedAccessTokenVersion": version,
    })
}

fn info() -> Value {
    json!({
        "logoUrl": null,
        "marketingUrl": null,
        "privacyStatementUrl": null,
        "supportUrl": null,
        "termsOfServiceUrl": null,
    })
}

fn verified_publisher() -> Value {
    json!({ "addedDateTime": null, "displayName": null, "verifiedPublisherId": null })
}

/// The service principal of an application, with whose secrets and certificates it signs in.
pub(super) fn of_application(application: &Application, principal: &ServicePrincipal) -> Value {
    let names = application.identifier_uris.iter().cloned().chain([application.app_id.to_string()]);
    let mut printed = service_principal(principal.object_id, application.app_id, &application.display_name);
    printed["accountEnabled"] = json!(principal.enabled);
    printed["appDisplayName"] = json!(application.display_name);
    printed["appOwnerOrganizationId"] = json!(application.tenant);
    printed["createdDateTime"] = json!(date(application.created));
    printed["keyCredentials"] = key_credentials(&application.certificates);
    printed["passwordCredentials"] = password_credentials(&application.secrets);
    printed["servicePrincipalNames"] = names.collect();
    printed["servicePrincipalType"] = json!("Application");
    printed["signInAudience"] = json!(AUDIENCE);
    printed
}

/// The service principal of a managed identity, named by its ARM id.
pub(super) fn of_identity(principal: ObjectId, client: ClientId, name: &str, arm_id: &str) -> Value {
    let mut printed = service_principal(principal, client, name);
    printed["alternativeNames"] = json!(["isExplicit=True", arm_id]);
    printed["servicePrincipalNames"] = json!([client]);
    printed["servicePrincipalType"] = json!("ManagedIdentity");
    printed
}

fn service_principal(id: ObjectId, app_id: ClientId, display_name: &str) -> Value {
    json!({
        "id": id,
        "appId": app_id,
        "displayName": display_name,
        "accountEnabled": true,
        "addIns": [],
        "alternativeNames": [],
        "appDescription": null,
        "appDisplayName": null,
        "appOwnerOrganizationId": null,
        "appRoleAssignmentRequired": false,
        "appRoles": [],
        "applicationTemplateId": null,
        "createdDateTime": null,
        "deletedDateTime": null,
        "description": null,
        "disabledByMicrosoftStatus": null,
        "homepage": null,
        "info": info(),
        "keyCredentials": [],
        "loginUrl": null,
        "logoutUrl": null,
        "notes": null,
        "notificationEmailAddresses": [],
        "oauth2PermissionScopes": [],
        "passwordCredentials": [],
        "preferredSingleSignOnMode": null,
        "preferredTokenSigningKeyThumbprint": null,
        "replyUrls": [],
        "resourceSpecificApplicationPermissions": [],
        "samlSingleSignOnSettings": null,
        "signInAudience": null,
        "tags": [],
        "tokenEncryptionKeyId": null,
        "verifiedPublisher": verified_publisher(),
    })
}

fn key_credentials(certificates: &[ClientCertificate]) -> Value {
    let printed = |certificate: &ClientCertificate| {
        json!(KeyCredential {
            custom_key_identifier: &certificate.x5t,
            display_name: certificate.display_name.as_deref(),
            end_date_time: date(certificate.end),
            key: None,
            key_id: certificate.key_id,
            start_date_time: date(certificate.start),
            r#type: "AsymmetricX509Cert",
            usage: "Verify",
        })
    };
    certificates.iter().map(printed).collect()
}

fn password_credentials(secrets: &[ClientSecret]) -> Value {
    secrets.iter().map(|secret| password_credential(secret, None)).collect()
}

/// A secret; with its text in the one answer that makes it.
pub(super) fn password_credential(secret: &ClientSecret, text: Option<&str>) -> Value {
    json!(PasswordCredential {
        custom_key_identifier: None,
        display_name: secret.display_name.as_deref(),
        end_date_time: date(secret.end),
        hint: &secret.hint,
        key_id: secret.key_id,
        secret_text: text,
        start_date_time: date(secret.start),
    })
}

/// The tenant as an organization.
pub(super) fn organization(tenant: &Tenant) -> Value {
    let domain = |(position, name): (usize, &String)| {
        json!({
            "capabilities": "",
            "isDefault": position == 0,
            "isInitial": position == 0,
            "name": name,
            "type": "Managed",
        })
    };
    let domains: Value = tenant.domains.iter().enumerate().map(domain).collect();
    json!({
        "id": tenant.id,
        "displayName": tenant.display_name,
        "assignedPlans": [],
        "businessPhones": [],
        "countryLetterCode": null,
        "createdDateTime": null,
        "deletedDateTime": null,
        "provisionedPlans": [],
        "technicalNotificationMails": [],
        "tenantType": "AAD",
        "verifiedDomains": domains,
    })
}

fn date(second: i64) -> String {
    Timestamp::from_second(second).unwrap_or_default().to_string()
}
