//! Compares what is printed with what Azure prints, field by field.

use serde_json::{Value, json};

/// What stands in an expected shape for values that are not known beforehand.
pub(crate) struct Kind;

impl Kind {
    pub(crate) const GUID: &'static str = "<guid>";
    pub(crate) const DATE: &'static str = "<date>";
    pub(crate) const ID: &'static str = "<resource id>";
    pub(crate) const IDENTITY_ID: &'static str = "<id of an identity or below it>";
    pub(crate) const TEXT: &'static str = "<text>";
    pub(crate) const ANY: &'static str = "<any>";
}

/// Fails where `found` has a member too many, one too few, or one of another kind.
pub(crate) fn check(what: &str, found: &Value, expected: &Value) {
    let mut wrong = Vec::new();
    compare("", found, expected, &mut wrong);
    assert!(wrong.is_empty(), "`{what}` prints something else than for Azure:\n{}\n{found:#}", wrong.join("\n"));
}

fn compare(path: &str, found: &Value, expected: &Value, wrong: &mut Vec<String>) {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            for (name, value) in expected {
                match found.get(name) {
                    Some(found) => compare(&format!("{path}.{name}"), found, value, wrong),
                    None => wrong.push(format!("{path}.{name} is missing")),
                }
            }
            let known = |name: &&String| expected.contains_key(*name);
            wrong.extend(found.keys().filter(|name| !known(name)).map(|name| format!("{path}.{name} is not Azure's")));
        }
        (Value::Array(found), Value::Array(expected)) if found.len() == expected.len() => {
            for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
                compare(&format!("{path}[{at}]"), found, expected, wrong);
            }
        }
        (found, Value::String(kind)) if is_of(kind, found) => {}
        (found, expected) if found == expected => {}
        _ => wrong.push(format!("{path} is {found}, expected {expected}")),
    }
}

fn is_of(kind: &str, value: &Value) -> bool {
    let text = value.as_str();
    match kind {
        Kind::ANY => true,
        Kind::TEXT => text.is_some_and(|text| !text.is_empty()),
        Kind::ID => text.is_some_and(|text| text.starts_with('/') && !text.contains("//")),
        Kind::IDENTITY_ID => text.is_some_and(|text| {
            text.contains("/resourcegroups/")
                && text.contains("/providers/Microsoft.ManagedIdentity/userAssignedIdentities/")
        }),
        Kind::GUID => text.is_some_and(|text| text.len() == 36 && text.split('-').count() == 5),
        Kind::DATE => text.is_some_and(|text| text.len() >= 19 && text.as_bytes()[10] == b'T'),
        _ => false,
    }
}

/// An application as Graph prints it. Source: the response of `POST /v1.0/applications` in
/// azure-cli's recording `role/tests/latest/recordings/test_create_for_rbac_service_management_reference.yaml`.
pub(crate) fn application(display_name: &str) -> Value {
    json!({
        "@odata.context": Kind::TEXT,
        "addIns": [],
        "api": {
            "acceptMappedClaims": null,
            "knownClientApplications": [],
            "oauth2PermissionScopes": [],
            "preAuthorizedApplications": [],
            "requestedAccessTokenVersion": Kind::ANY,
        },
        "appId": Kind::GUID,
        "appRoles": [],
        "applicationTemplateId": null,
        "certification": null,
        "createdDateTime": Kind::DATE,
        "defaultRedirectUri": null,
        "deletedDateTime": null,
        "description": null,
        "disabledByMicrosoftStatus": null,
        "displayName": display_name,
        "groupMembershipClaims": null,
        "id": Kind::GUID,
        "identifierUris": [],
        "info": {
            "logoUrl": null,
            "marketingUrl": null,
            "privacyStatementUrl": null,
            "supportUrl": null,
            "termsOfServiceUrl": null,
        },
        "isDeviceOnlyAuthSupported": null,
        "isFallbackPublicClient": null,
        "keyCredentials": [],
        "nativeAuthenticationApisEnabled": null,
        "notes": null,
        "optionalClaims": null,
        "parentalControlSettings": { "countriesBlockedForMinors": [], "legalAgeGroupRule": "Allow" },
        "passwordCredentials": [],
        "publicClient": { "redirectUris": [] },
        "publisherDomain": Kind::TEXT,
        "requestSignatureVerification": null,
        "requiredResourceAccess": [],
        "samlMetadataUrl": null,
        "serviceManagementReference": null,
        "servicePrincipalLockConfiguration": null,
        "signInAudience": Kind::TEXT,
        "spa": { "redirectUris": [] },
        "tags": [],
        "tokenEncryptionKeyId": null,
        "uniqueName": null,
        "verifiedPublisher": { "addedDateTime": null, "displayName": null, "verifiedPublisherId": null },
        "web": {
            "homePageUrl": null,
            "implicitGrantSettings": { "enableAccessTokenIssuance": false, "enableIdTokenIssuance": false },
            "logoutUrl": null,
            "redirectUriSettings": [],
            "redirectUris": [],
        },
    })
}

/// A service principal as Graph prints it. Source: the response of `POST /v1.0/servicePrincipals`
/// in the same recording.
pub(crate) fn service_principal(display_name: &str, app_id: &str) -> Value {
    json!({
        "@odata.context": Kind::TEXT,
        "accountEnabled": true,
        "addIns": [],
        "alternativeNames": [],
        "appDescription": null,
        "appDisplayName": display_name,
        "appId": app_id,
        "appOwnerOrganizationId": Kind::GUID,
        "appRoleAssignmentRequired": false,
        "appRoles": [],
        "applicationTemplateId": null,
        "createdDateTime": Kind::DATE,
        "deletedDateTime": null,
        "description": null,
        "disabledByMicrosoftStatus": null,
        "displayName": display_name,
        "homepage": null,
        "id": Kind::GUID,
        "info": {
            "logoUrl": null,
            "marketingUrl": null,
            "privacyStatementUrl": null,
            "supportUrl": null,
            "termsOfServiceUrl": null,
        },
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
        "servicePrincipalNames": [app_id],
        "servicePrincipalType": "Application",
        "signInAudience": "AzureADMyOrg",
        "tags": [],
        "tokenEncryptionKeyId": null,
        "verifiedPublisher": { "addedDateTime": null, "displayName": null, "verifiedPublisherId": null },
    })
}
