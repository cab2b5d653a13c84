//! Refusals: what went wrong, before an API words it.

use std::error::Error;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use symbolon_core::{
    access::AccessError,
    causes::with_causes,
    ports::{PortError, management::StoreError},
};
use symbolon_issuer::port::ServiceAccountError;
use tracing::error;

/// What kind of refusal it is; decides the status, and Graph's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Invalid,
    Unauthenticated,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    Conflict,
    ConditionFailed,
    TooMany,
    TooLarge,
    UnsupportedMediaType,
    Unprocessable,
    Failed,
    Full,
}

/// Why a request is refused. [`crate::envelope`] renders it.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) kind: Kind,
    /// ARM's code.
    pub(crate) code: &'static str,
    /// Graph's code, where it has one of its own for this and not that of its kind.
    pub(crate) graph_code: Option<&'static str>,
    pub(crate) message: String,
    /// Seconds after which to try again, where that is known.
    pub(crate) retry_after: Option<u64>,
}

impl Kind {
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::Invalid => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict => StatusCode::CONFLICT,
            Self::ConditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Full => StatusCode::INSUFFICIENT_STORAGE,
        }
    }
}

impl Refusal {
    fn new(kind: Kind, code: &'static str, message: impl Into<String>) -> Self {
        Self { kind, code, graph_code: None, message: message.into(), retry_after: None }
    }

    pub(crate) fn invalid(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Kind::Invalid, code, message)
    }

    /// The same refusal, which Graph words with a code of its own.
    pub(crate) fn with_graph_code(self, code: &'static str) -> Self {
        Self { graph_code: Some(code), ..self }
    }

    pub(crate) fn unauthenticated(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Kind::Unauthenticated, code, message)
    }

    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(Kind::Forbidden, "AuthorizationFailed", message)
    }

    pub(crate) fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, code, message)
    }

    pub(crate) fn method_not_allowed(message: impl Into<String>) -> Self {
        Self::new(Kind::MethodNotAllowed, "MethodNotAllowed", message)
    }

    pub(crate) fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Kind::Conflict, code, message)
    }

    /// A condition of RFC 9110, section 13, that is not true.
    pub(crate) fn condition_failed(message: impl Into<String>) -> Self {
        Self::new(Kind::ConditionFailed, "PreconditionFailed", message)
    }

    /// Too many requests; `retry_after` is in seconds.
    pub(crate) fn too_many(message: impl Into<String>, retry_after: u64) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(Kind::TooMany, "TooManyRequests", message) }
    }

    pub(crate) fn too_large(message: impl Into<String>) -> Self {
        Self::new(Kind::TooLarge, "RequestContentTooLarge", message)
    }

    pub(crate) fn unsupported_media_type(message: impl Into<String>) -> Self {
        Self::new(Kind::UnsupportedMediaType, "UnsupportedMediaType", message)
    }

    pub(crate) fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(Kind::Unprocessable, "Invalid", message)
    }

    fn full() -> Self {
        Self::new(
            Kind::Full,
            "InsufficientStorage",
            "The disk that holds the data directory is full; nothing was written.",
        )
    }

    /// Our fault: the cause goes to the log, once and here, and never to the client.
    pub(crate) fn failed(cause: &(dyn Error + 'static)) -> Self {
        error!(error = cause, "a request to the management plane failed: {}", with_causes(cause));
        Self::new(Kind::Failed, "InternalServerError", "The server failed; its log says why.")
    }
}

/// The extension waits for [`crate::envelope`], which knows the API and the URLs.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.kind.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::NotFound { .. } => Self::not_found("ResourceNotFound", sentence(&error)),
            StoreError::Exists { .. } => Self::conflict("Conflict", sentence(&error)),
            StoreError::IssuerAndSubjectExist { .. } => {
                Self::invalid("BadRequest", "Issuer and subject combination already exists for this Managed Identity.")
            }
            StoreError::TooManyCredentials { limit } => Self::invalid(
                "BadRequest",
                format!(
                    "Too many federated identity credentials: this tenant allows {limit} on one identity. Delete one, or raise the tenant's limit."
                ),
            ),
            StoreError::TooManyExpressions { .. } => Self::invalid("BadRequest", sentence(&error)),
            StoreError::LastOwner => Self::conflict("LastOwnerAssignmentCannotBeDeleted", sentence(&error)),
            StoreError::AssignmentFixed => Self::conflict(
                "RoleAssignmentUpdateNotPermitted",
                "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
            ),
            StoreError::RoleAssigned { .. } => {
                Self::invalid("RoleDefinitionHasAssignments", "There are existing role assignments referencing role.")
            }
            StoreError::VersionMismatch { .. } => Self::conflict("ConcurrentUpdate", sentence(&error)),
            StoreError::ConditionFailed { .. } => Self::condition_failed(sentence(&error)),
            StoreError::Full => Self::full(),
            StoreError::Database(_) => Self::failed(&error),
        }
    }
}

impl From<ServiceAccountError> for Refusal {
    fn from(error: ServiceAccountError) -> Self {
        match error {
            ServiceAccountError::NotFound { .. } => Self::not_found("ResourceNotFound", sentence(&error)),
            ServiceAccountError::Exists { .. } => Self::conflict("Conflict", sentence(&error)),
            ServiceAccountError::Store(source) if is_full(source.as_ref()) => Self::full(),
            ServiceAccountError::Store(_) => Self::failed(&error),
        }
    }
}

impl From<PortError> for Refusal {
    fn from(error: PortError) -> Self {
        if is_full(error.source.as_ref()) { Self::full() } else { Self::failed(&error) }
    }
}

fn is_full(error: &(dyn Error + Send + Sync + 'static)) -> bool {
    error.downcast_ref::<StoreError>().is_some_and(|error| matches!(error, StoreError::Full))
}

impl From<AccessError> for Refusal {
    fn from(error: AccessError) -> Self {
        match &error {
            AccessError::Forbidden { client, object, action, scope } => Self::forbidden(format!(
                "The client '{client}' with object id '{object}' does not have authorization to perform action '{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your credentials."
            )),
            AccessError::Time { .. } => Self::unauthenticated("ExpiredAuthenticationToken", sentence(&error)),
            AccessError::Issuer(_) => Self::unauthenticated("InvalidAuthenticationTokenTenant", sentence(&error)),
            AccessError::Malformed(_) | AccessError::Signature | AccessError::Audience(_) => {
                Self::unauthenticated("InvalidAuthenticationToken", sentence(&error))
            }
        }
    }
}

/// An error's text as ARM writes messages: a capital and a full stop.
pub(crate) fn sentence(error: &dyn std::fmt::Display) -> String {
    let text = error.to_string();
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), chars.as_str()))
}
