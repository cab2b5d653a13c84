//! The discovery document of an issuer (OpenID Connect Discovery 1.0).

use serde::Deserialize;
use serde_json::Value;
use symbolon_core::difference::printable;
use symbolon_core::issuer::check_issuer;
use symbolon_core::ports::IssuerKeysError;
use symbolon_jose::json;
use url::Url;

/// The name of the document in errors.
pub(crate) const NAME: &str = "discovery document";

const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// The longest `jwks_uri`, in bytes.
const MAX_JWKS_URI_BYTES: usize = 2048;

/// What is used of a discovery document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    jwks_uri: Url,
}

impl Discovery {
    /// Where the keys are: an http or https URL with a host and without user information.
    #[must_use]
    pub fn jwks_uri(&self) -> &Url {
        &self.jwks_uri
    }
}

#[derive(Deserialize)]
struct Raw {
    issuer: Option<Value>,
    jwks_uri: Option<Value>,
}

/// Reads a discovery document and holds it against the issuer that it was fetched for.
///
/// Its `issuer` must be the same text to the character (section 4.3): otherwise whoever controls
/// one path of a host could publish keys for another issuer.
///
/// # Errors
/// [`IssuerKeysError`] when it is not strict JSON, a field is missing or of the wrong type, or it
/// names another issuer.
pub fn parse(bytes: &[u8], expected_issuer: &str) -> Result<Discovery, IssuerKeysError> {
    let raw: Raw = json::from_slice(bytes).map_err(|error| malformed(error.to_string()))?;
    let issuer = text(raw.issuer, "issuer")?;
    if issuer != expected_issuer {
        return Err(IssuerKeysError::UnexpectedIssuer { found: printable(&issuer), expected: expected_issuer.into() });
    }
    let jwks_uri = text(raw.jwks_uri, "jwks_uri")?;
    if jwks_uri.len() > MAX_JWKS_URI_BYTES {
        return Err(malformed(format!("`jwks_uri` has more than {MAX_JWKS_URI_BYTES} bytes")));
    }
    let wrong = |how| malformed(format!("`jwks_uri` is `{}`, which {how}", printable(&jwks_uri)));
    let url = Url::parse(&jwks_uri).map_err(|_| wrong("is not a URL"))?;
    match check_url(&url) {
        Ok(()) => Ok(Discovery { jwks_uri: url }),
        Err(how) => Err(wrong(how)),
    }
}

/// Where the discovery document of `issuer` is: the well-known path is appended after a trailing
/// slash was removed (section 4.1).
///
/// # Errors
/// [`IssuerKeysError::Refused`] when the issuer is no URL that one can be fetched from.
pub fn url(issuer: &str) -> Result<Url, IssuerKeysError> {
    let refused = |reason| IssuerKeysError::Refused { reason };
    check_issuer(issuer).map_err(|error| refused(error.to_string()))?;
    let text = format!("{}{WELL_KNOWN}", issuer.strip_suffix('/').unwrap_or(issuer));
    let url = Url::parse(&text).map_err(|error| refused(format!("issuer is not a URL: {error}")))?;
    check_url(&url).map_err(|how| refused(format!("issuer is a URL that {how}")))?;
    Ok(url)
}

fn check_url(url: &Url) -> Result<(), &'static str> {
    if !matches!(url.scheme(), "https" | "http") {
        return Err("is neither https nor http");
    }
    if !url.has_host() {
        return Err("has no host");
    }
    // It would be sent along as credentials, and makes people misread the host.
    if !url.username().is_empty() || url.password().is_some() {
        return Err("has user information, which is not allowed");
    }
    Ok(())
}

fn text(value: Option<Value>, field: &'static str) -> Result<String, IssuerKeysError> {
    match value {
        Some(Value::String(text)) => Ok(text),
        None | Some(Value::Null) => Err(IssuerKeysError::MissingField { field }),
        Some(_) => Err(malformed(format!("`{field}` is not a string"))),
    }
}

fn malformed(reason: String) -> IssuerKeysError {
    IssuerKeysError::Malformed { document: NAME, reason }
}

#[cfg(test)]
mod tests;
