//! Rule 1: the request is well-formed.

use std::collections::HashSet;

use crate::{AadError, difference::printable};

/// The assertion type of RFC 7523, section 2.2.
pub const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Which token endpoint was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `/oauth2/token`, with `resource`.
    V1,
    /// `/oauth2/v2.0/token`, with `scope`.
    V2,
}

/// A well-formed request for a token.
#[derive(Debug)]
pub struct TokenRequest<'a> {
    /// `client_id`, not yet looked up.
    pub client_id: &'a str,
    /// How the client proves itself.
    pub credential: Credential<'a>,
    /// The resource: `resource`, or `scope` without `/.default`.
    pub resource: String,
}

/// The client credential of a request.
pub enum Credential<'a> {
    /// `client_assertion`
    Assertion(&'a str),
    /// `client_secret`
    Secret(&'a str),
}

impl std::fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Assertion(_) => "Assertion(..)",
            Self::Secret(_) => "Secret(..)",
        })
    }
}

impl<'a> TokenRequest<'a> {
    /// Parses a form. Unknown parameters are ignored, as SDKs send many; a known one that stands
    /// twice is refused, since two readers could take different ones (RFC 6749, section 3.2).
    ///
    /// # Errors
    /// The [`AadError`] of the first rule that is broken.
    pub fn parse(
        endpoint: Endpoint,
        form: &'a [(String, String)],
        basic: Option<(&'a str, &'a str)>,
    ) -> Result<Self, AadError> {
        refuse_duplicates(form)?;
        let field = |name: &str| {
            form.iter()
                .find(|(found, _)| found == name)
                .map(|(_, value)| value.as_str())
                .filter(|value| !value.is_empty())
        };
        let required = |name: &'static str| field(name).ok_or(AadError::MissingParameter { name });
        let grant_type = required("grant_type")?;
        if grant_type != "client_credentials" {
            return Err(AadError::UnsupportedGrant { grant_type: printable(grant_type) });
        }
        let client_id = client_id(field("client_id"), basic)?;
        let secret = match (field("client_secret"), basic.map(|(_, secret)| secret)) {
            // RFC 6749, section 2.3: one way of authentication in each request.
            (Some(_), Some(_)) => return Err(AadError::SeveralClientCredentials),
            (one, other) => one.or(other),
        };
        let credential = credential(field("client_assertion"), field("client_assertion_type"), secret)?;
        let resource = match endpoint {
            Endpoint::V1 => resource_parameter(required("resource")?)?,
            Endpoint::V2 if field("resource").is_some() => return Err(AadError::ResourceParameter),
            Endpoint::V2 => resource_of_scope(required("scope")?)?,
        };
        Ok(Self { client_id, credential, resource })
    }
}

fn refuse_duplicates(form: &[(String, String)]) -> Result<(), AadError> {
    const KNOWN: [&str; 7] =
        ["grant_type", "client_id", "client_secret", "client_assertion", "client_assertion_type", "scope", "resource"];
    let mut seen = HashSet::new();
    let names = form.iter().map(|(name, _)| name.as_str()).filter(|name| KNOWN.contains(name));
    for name in names {
        if !seen.insert(name) {
            return Err(AadError::DuplicateParameter { name: name.to_owned() });
        }
    }
    Ok(())
}

/// The client id of the form or of HTTP Basic authentication; where both are given they must agree.
fn client_id<'a>(field: Option<&'a str>, basic: Option<(&'a str, &'a str)>) -> Result<&'a str, AadError> {
    match (field, basic.map(|(id, _)| id)) {
        (Some(field), Some(basic)) if field != basic => Err(AadError::MalformedRequest),
        (Some(id), _) | (None, Some(id)) => Ok(id),
        (None, None) => Err(AadError::MissingParameter { name: "client_id" }),
    }
}

fn credential<'a>(
    assertion: Option<&'a str>,
    assertion_type: Option<&str>,
    secret: Option<&'a str>,
) -> Result<Credential<'a>, AadError> {
    match (assertion, secret) {
        (Some(_), Some(_)) => Err(AadError::SeveralClientCredentials),
        (None, Some(secret)) => Ok(Credential::Secret(secret)),
        (None, None) => Err(AadError::NoClientCredential),
        (Some(assertion), None) => match assertion_type {
            Some(JWT_BEARER) => Ok(Credential::Assertion(assertion)),
            Some(_) => Err(AadError::MalformedRequest),
            None => Err(AadError::MissingParameter { name: "client_assertion_type" }),
        },
    }
}

/// The resource of version 1. It becomes `aud` and stands in the log, so like a scope it is printable.
fn resource_parameter(resource: &str) -> Result<String, AadError> {
    if resource.chars().all(|c| c.is_ascii_graphic()) {
        return Ok(resource.to_owned());
    }
    Err(AadError::ResourceNotFound { resource: printable(resource), tenant: String::new() })
}

/// Scopes of OpenID Connect that MSAL for Go and Java adds to every request; they name no resource.
const OPENID_SCOPES: [&str; 3] = ["openid", "offline_access", "profile"];

/// The resource of `<resource>/.default`: exactly one such scope, and a slash before it stays.
fn resource_of_scope(scope: &str) -> Result<String, AadError> {
    let mut scopes = scope.split(' ').filter(|scope| !scope.is_empty() && !OPENID_SCOPES.contains(scope));
    let (Some(one), None) = (scopes.next(), scopes.next()) else {
        return Err(AadError::InvalidScope { scope: printable(scope) });
    };
    if !one.chars().all(|c| c.is_ascii_graphic()) {
        return Err(AadError::InvalidScope { scope: printable(one) });
    }
    match one.strip_suffix("/.default") {
        Some("") => Err(AadError::InvalidScope { scope: printable(one) }),
        Some(resource) => Ok(resource.to_owned()),
        // `https://azconfig.io.default`: an SDK put audience and `.default` together without the
        // slash. 500011 is the code that SDKs turn into a hint about the audience.
        None if one.ends_with(".default") => Ok(one.to_owned()),
        None => Err(AadError::ScopeWithoutDefault { scope: printable(one) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(endpoint: Endpoint, fields: &[(&str, &str)]) -> Result<String, u32> {
        let form: Vec<_> = fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        TokenRequest::parse(endpoint, &form, None)
            .map(|request| format!("{} {:?} {}", request.client_id, request.credential, request.resource))
            .map_err(|error| error.code())
    }

    const GOOD: [(&str, &str); 5] = [
        ("grant_type", "client_credentials"),
        ("client_id", "c"),
        ("client_assertion_type", JWT_BEARER),
        ("client_assertion", "a.b.c"),
        ("scope", "https://vault.azure.net/.default"),
    ];

    fn with(name: &'static str, value: &'static str) -> Vec<(&'static str, &'static str)> {
        let mut fields: Vec<_> = GOOD.into_iter().filter(|(found, _)| *found != name).collect();
        fields.push((name, value));
        fields
    }

    #[test]
    fn a_complete_request_is_understood_and_unknown_parameters_are_ignored() {
        let mut fields = GOOD.to_vec();
        fields.extend([("x-client-SKU", "msal"), ("x-client-SKU", "msal"), ("claims", "{}"), ("client_info", "1")]);
        assert_eq!(parse(Endpoint::V2, &fields).unwrap(), "c Assertion(..) https://vault.azure.net");
    }

    #[test]
    fn the_slash_before_default_stays_with_the_resource() {
        let fields = with("scope", "https://management.core.windows.net//.default");
        assert_eq!(parse(Endpoint::V2, &fields).unwrap(), "c Assertion(..) https://management.core.windows.net/");
    }

    #[test]
    fn scopes_of_openid_connect_beside_the_resource_are_passed_over() {
        let fields = with("scope", "https://vault.azure.net/.default openid offline_access profile");
        assert_eq!(parse(Endpoint::V2, &fields).unwrap(), "c Assertion(..) https://vault.azure.net");
        assert_eq!(parse(Endpoint::V2, &with("scope", "openid profile")), Err(70_011));
    }

    #[test]
    fn each_missing_parameter_is_named() {
        for missing in ["grant_type", "client_id", "scope", "client_assertion_type"] {
            assert_eq!(parse(Endpoint::V2, &with(missing, "")), Err(900_144), "{missing}");
        }
        assert_eq!(parse(Endpoint::V2, &with("client_assertion", "")), Err(7_000_218));
        assert_eq!(parse(Endpoint::V1, &GOOD), Err(900_144));
    }

    #[test]
    fn wrong_values_have_their_own_codes() {
        for (name, value, code) in [
            ("grant_type", "authorization_code", 70_003),
            ("client_assertion_type", "urn:x", 9_002_313),
            ("client_secret", "s", 9_002_324),
            ("scope", "https://a/.default https://b/.default", 70_011),
            ("scope", "/.default", 70_011),
            ("scope", "https://a/é/.default", 70_011),
            ("scope", "https://vault.azure.net", 1_002_012),
            ("resource", "https://a", 901_002),
        ] {
            assert_eq!(parse(Endpoint::V2, &with(name, value)), Err(code), "{name}={value}");
        }
    }

    #[test]
    fn a_secret_in_the_form_beside_one_in_the_header_is_refused() {
        let form: Vec<_> =
            [("grant_type", "client_credentials"), ("scope", "https://a/.default"), ("client_secret", "s")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into();
        let code = TokenRequest::parse(Endpoint::V2, &form, Some(("c", "s"))).unwrap_err().code();
        assert_eq!(code, 9_002_324);
    }

    #[test]
    fn a_known_parameter_that_stands_twice_is_refused() {
        let mut fields = GOOD.to_vec();
        fields.push(("client_id", "other"));
        assert_eq!(parse(Endpoint::V2, &fields), Err(9_000_411));
    }
}
