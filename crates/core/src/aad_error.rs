//! Entra's error codes and texts, for every refusal that the token endpoint can answer.
//!
//! People search for these codes, so code and text are Entra's own. What differs from Entra, and
//! why, is said at the variant.

use thiserror::Error;

/// A refusal, with the values that its text names.
///
/// The `Display` text is Entra's without the `AADSTS<code>: ` in front; [`AadError::description`]
/// puts it there.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "code and text of each variant say what it is")]
pub enum AadError {
    #[error(
        "No matching federated identity record found for presented assertion issuer '{issuer}'. Please check your federated identity credential Subject, Audience and Issuer against the presented assertion. {DOC_FEDERATION}"
    )]
    NoMatchingIssuer { issuer: String },
    #[error(
        "No matching federated identity record found for presented assertion audience '{audience}'. Please check your federated identity credential Subject, Audience and Issuer against the presented assertion. {DOC_FEDERATION}"
    )]
    NoMatchingAudience { audience: String },
    #[error(
        "No matching federated identity record found for presented assertion subject '{subject}'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion. {DOC_FEDERATION}"
    )]
    NoMatchingSubject { subject: String },
    #[error(
        "No matching federated identity record found for presented assertion subject '{subject}'. The subject matches with case-insensitive comparison, but not with case-sensitive comparison. Check your federated identity credential Subject, Audience and Issuer against the presented assertion. See documentation at: {DOC_FEDERATION}. See breaking change notification and remediation at: https://learn.microsoft.com/en-us/entra/identity-platform/reference-breaking-changes#august-2024."
    )]
    SubjectCaseDiffers { subject: String },
    #[error("The client '{client}' has no configured federated identity credentials.")]
    NoFederatedCredentials { client: String },
    #[error("AAD-issued tokens may not be used for federated identity flows.")]
    EntraIssuer,

    #[error(
        "Client assertion is not within its valid time range. Current time: {now}, assertion valid from {not_before}, expiry time of assertion {expires}. Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials ."
    )]
    OutsideValidity { now: String, not_before: String, expires: String },
    #[error(
        "The certificate with identifier {key_id} used to sign the federated credential could not be found in the metadata of identity provider {issuer}. Please validate that your Identity Provider's metadata exposes the key used to sign the incoming token."
    )]
    UnknownKey { key_id: String, issuer: String },
    #[error("Client assertion failed signature validation.")]
    BadSignature,
    #[error(
        "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The key was not found., Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id '{app_id}'. Review the documentation at https://docs.microsoft.com/en-us/graph/deployments to determine the corresponding service endpoint and https://docs.microsoft.com/en-us/graph/api/application-get?view=graph-rest-1.0&tabs=http to build a query request URL, such as 'https://graph.microsoft.com/beta/applications/{app_id}']."
    )]
    CertificateNotRegistered { app_id: String },
    #[error("JWT token is invalid or malformed.")]
    MalformedToken,
    #[error(
        "Invalid JWT token. No certificate SHA-1 thumbprint, certificate SHA-256 thumbprint, nor keyId specified in token header."
    )]
    NoKeyIdentifier,
    #[error("Invalid JWT token. Found unsupported token header. Supported headers are runtime specific based on keys.")]
    UnsupportedHeader,
    #[error("Invalid JWT header type specified, must be 'JWT' or 'http://openid.net/specs/jwt/1.0'.")]
    WrongType,
    /// Entra's list ends at RS512; the list here names what Symbolon really accepts.
    #[error(
        "Invalid JWT token. '{algorithm}' is not a supported signature algorithm. Supported signing algorithms are: 'RS256,RS384,RS512,PS256,PS384,PS512,ES256,ES384,ES512,EdDSA'"
    )]
    UnsupportedAlgorithm { algorithm: String },
    #[error(
        "The required field '{field}' is missing from the credential. Ensure that you have all the necessary parameters for the login request."
    )]
    MissingClaim { field: &'static str },
    #[error(
        "Client assertion application identifier doesn't match 'client_id' parameter. Review the documentation at https://docs.microsoft.com/azure/active-directory/develop/active-directory-certificate-credentials ."
    )]
    AssertionNotOfClient,
    #[error(
        "Client assertion audience claim does not match Realm issuer. Review the documentation at https://docs.microsoft.com/azure/active-directory/develop/active-directory-certificate-credentials ."
    )]
    AssertionAudience,

    /// Of the discovery document.
    #[error("Request to External OIDC endpoint failed.")]
    DiscoveryFailed,
    /// Of the key set.
    #[error("Request to External OIDC endpoint failed.")]
    KeySetFailed,
    #[error("OIDC Provider Metadata missing required field '{field}'.")]
    MetadataField { field: &'static str },
    #[error("Response content length from external IdP exceeds supported limit.")]
    ResponseTooLarge,
    #[error("External ID Token has unexpected issuer: {issuer}")]
    UnexpectedIssuer { issuer: String },

    #[error(
        "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant."
    )]
    TenantNotFound { tenant: String },
    #[error(
        "Requested tenant identifier '00000000-0000-0000-0000-000000000000' is not valid. Tenant identifiers may not be an empty GUID."
    )]
    EmptyTenant,
    #[error("Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid external domain.")]
    InvalidTenant { tenant: String },
    #[error("No tenant-identifying information found in either the request or implied by any provided credentials.")]
    NoTenant,
    #[error("Invalid request. Request is malformed or invalid.")]
    MalformedRequest,
    #[error("The request is not properly formatted. The parameter '{name}' is duplicated.")]
    DuplicateParameter { name: String },
    #[error("The endpoint only accepts {accepted} requests. Received a {received} request.")]
    Method { accepted: &'static str, received: String },
    #[error("The request body must contain the following parameter: '{name}'.")]
    MissingParameter { name: &'static str },
    #[error("The 'resource' request parameter isn't supported.")]
    ResourceParameter,
    #[error("The app requested an unsupported grant type '{grant_type}'.")]
    UnsupportedGrant { grant_type: String },
    #[error("The request body must contain the following parameter: 'client_assertion' or 'client_secret'.")]
    NoClientCredential,
    #[error(
        "Request should not contain more than one client credential parameters, this includes 'client_secret', 'client_assertion' and 'request' parameters."
    )]
    SeveralClientCredentials,
    #[error(
        "Application with identifier '{client_id}' was not found in the directory '{tenant}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant."
    )]
    ApplicationNotFound { client_id: String, tenant: String },
    #[error("Application '{app_id}'({name}) is disabled.")]
    ApplicationDisabled { app_id: String, name: String },
    #[error(
        "The client application {app_id} is missing service principal in the tenant {tenant}. See instructions here: https://go.microsoft.com/fwlink/?linkid=2225119"
    )]
    NoServicePrincipal { app_id: String, tenant: String },
    #[error(
        "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope {scope} is not valid."
    )]
    InvalidScope { scope: String },
    #[error(
        "The provided value for scope {scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI)."
    )]
    ScopeWithoutDefault { scope: String },
    #[error(
        "The resource principal named {resource} was not found in the tenant named {tenant}. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant."
    )]
    ResourceNotFound { resource: String, tenant: String },
    #[error(
        "The service principal for resource '{resource}' is disabled. This indicate that a subscription within the tenant has lapsed, or that the administrator for this tenant has disabled the application, preventing tokens from being issued for it."
    )]
    ResourceDisabled { resource: String },
    #[error(
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{app_id}'."
    )]
    InvalidSecret { app_id: String },
    #[error(
        "The provided client secret keys for app '{app_id}' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds."
    )]
    SecretExpired { app_id: String },
    #[error("Unknown or invalid instance.")]
    UnknownInstance,
    #[error("A transient error has occurred. Please try again.")]
    Transient,
}

const DOC_FEDERATION: &str = "https://learn.microsoft.com/entra/workload-id/workload-identity-federation";

/// The `error` member of the answer (RFC 6749, section 5.2, and Entra's additions).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the variants are the protocol's own words")]
pub enum OAuthError {
    InvalidClient,
    InvalidRequest,
    UnauthorizedClient,
    UnsupportedGrantType,
    InvalidScope,
    InvalidResource,
    InvalidInstance,
    TemporarilyUnavailable,
}

impl OAuthError {
    /// The protocol's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidClient => "invalid_client",
            Self::InvalidRequest => "invalid_request",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidResource => "invalid_resource",
            Self::InvalidInstance => "invalid_instance",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
        }
    }
}

impl AadError {
    /// The number after `AADSTS`, and the `error` that goes with it.
    const fn facts(&self) -> (u32, OAuthError) {
        use OAuthError::{
            InvalidClient, InvalidInstance, InvalidRequest, InvalidResource, InvalidScope, TemporarilyUnavailable,
            UnauthorizedClient, UnsupportedGrantType,
        };
        match self {
            Self::NoMatchingIssuer { .. } => (700_211, InvalidClient),
            Self::NoMatchingAudience { .. } => (700_212, InvalidClient),
            Self::NoMatchingSubject { .. } => (700_213, InvalidClient),
            Self::SubjectCaseDiffers { .. } => (7_002_138, InvalidClient),
            Self::NoFederatedCredentials { .. } => (70_025, InvalidClient),
            Self::EntraIssuer => (700_222, InvalidClient),
            Self::OutsideValidity { .. } => (700_024, InvalidClient),
            Self::UnknownKey { .. } => (7_000_272, InvalidClient),
            Self::BadSignature | Self::CertificateNotRegistered { .. } => (700_027, InvalidClient),
            Self::MalformedToken => (50_027, InvalidRequest),
            Self::NoKeyIdentifier => (5_002_723, InvalidClient),
            Self::UnsupportedHeader => (5_002_726, InvalidClient),
            Self::WrongType => (5_002_727, InvalidRequest),
            Self::UnsupportedAlgorithm { .. } => (5_002_738, InvalidClient),
            Self::MissingClaim { .. } => (90_014, InvalidRequest),
            Self::AssertionNotOfClient => (700_021, InvalidClient),
            Self::AssertionAudience => (700_023, InvalidClient),
            Self::DiscoveryFailed => (50_166, InvalidRequest),
            Self::KeySetFailed => (501_661, InvalidRequest),
            Self::MetadataField { .. } => (70_024, InvalidRequest),
            Self::ResponseTooLarge => (90_050, InvalidRequest),
            Self::UnexpectedIssuer { .. } => (500_277, InvalidRequest),
            Self::TenantNotFound { .. } => (90_002, InvalidRequest),
            Self::EmptyTenant => (900_021, InvalidRequest),
            Self::InvalidTenant { .. } => (900_023, InvalidRequest),
            Self::NoTenant => (50_059, InvalidRequest),
            Self::MalformedRequest => (9_002_313, InvalidRequest),
            Self::DuplicateParameter { .. } => (9_000_411, InvalidRequest),
            Self::Method { .. } => (900_561, InvalidRequest),
            Self::MissingParameter { .. } => (900_144, InvalidRequest),
            Self::ResourceParameter => (901_002, InvalidRequest),
            Self::UnsupportedGrant { .. } => (70_003, UnsupportedGrantType),
            Self::NoClientCredential => (7_000_218, InvalidClient),
            Self::SeveralClientCredentials => (9_002_324, InvalidRequest),
            Self::ApplicationNotFound { .. } => (700_016, UnauthorizedClient),
            Self::ApplicationDisabled { .. } => (7_000_112, UnauthorizedClient),
            Self::NoServicePrincipal { .. } => (7_000_229, InvalidClient),
            Self::InvalidScope { .. } => (70_011, InvalidScope),
            Self::ScopeWithoutDefault { .. } => (1_002_012, InvalidScope),
            Self::ResourceNotFound { .. } => (500_011, InvalidResource),
            Self::ResourceDisabled { .. } => (500_014, InvalidResource),
            Self::InvalidSecret { .. } => (7_000_215, InvalidClient),
            Self::SecretExpired { .. } => (7_000_222, InvalidClient),
            Self::UnknownInstance => (50_049, InvalidInstance),
            Self::Transient => (90_033, TemporarilyUnavailable),
        }
    }

    /// The number after `AADSTS`.
    #[must_use]
    pub const fn code(&self) -> u32 {
        self.facts().0
    }

    /// The `error` member of the answer.
    #[must_use]
    pub const fn oauth_error(&self) -> OAuthError {
        self.facts().1
    }

    /// The text as people search for it: `AADSTS70025: The client …`.
    #[must_use]
    pub fn description(&self) -> String {
        format!("AADSTS{}: {self}", self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_starts_with_the_code_that_people_search_for() {
        let error = AadError::NoFederatedCredentials { client: "sademo".into() };
        assert_eq!(
            error.description(),
            "AADSTS70025: The client 'sademo' has no configured federated identity credentials."
        );
        assert_eq!(error.oauth_error().as_str(), "invalid_client");
    }
}
