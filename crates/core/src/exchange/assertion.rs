//! A client assertion: a JWT that was parsed, its claims still unverified.

use jiff::Timestamp;
use serde::Deserialize;
use symbolon_jose::{ParseError, Unverified};

use super::{CLOCK_SKEW_SECONDS, Refusal};
use crate::{AadError, ClientId, audit::Facts, claims_matching, difference::printable};

/// A parsed assertion. Its claims choose the credential and the key and grant nothing.
pub struct Assertion<'a> {
    token: Unverified<'a>,
    claims: Claims,
}

/// The claims that the exchange reads.
#[derive(Debug, Deserialize)]
struct Claims {
    iss: Option<String>,
    sub: Option<String>,
    aud: Option<OneOrMany>,
    exp: Option<NumericDate>,
    nbf: Option<NumericDate>,
    jti: Option<String>,
    #[serde(rename = "kubernetes.io")]
    kubernetes: Option<serde_json::Value>,
}

/// RFC 7519, section 4.1.3: one string, or an array of them.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// RFC 7519, section 2: seconds since the epoch, integer or not.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "serde_json::Number")]
struct NumericDate(i64);

impl TryFrom<serde_json::Number> for NumericDate {
    type Error = &'static str;

    /// Clamped to the years that a timestamp can show, so that no arithmetic on it can overflow.
    fn try_from(number: serde_json::Number) -> Result<Self, Self::Error> {
        const LIMIT: i64 = 253_402_207_200;
        let seconds = match number.as_i64() {
            Some(seconds) => seconds,
            #[expect(clippy::cast_possible_truncation, reason = "a float is saturated, and clamped next")]
            None => number.as_f64().ok_or("not a number")?.floor() as i64,
        };
        Ok(Self(seconds.clamp(-LIMIT, LIMIT)))
    }
}

impl<'a> Assertion<'a> {
    /// Parses a token and checks its header.
    ///
    /// # Errors
    /// Entra's code for what is wrong with it, and what exactly that is: Entra's text alone does
    /// not tell a line break at the end of a token file from a token cut short.
    pub(super) fn parse(token: &'a str) -> Result<Self, Refusal> {
        let token = Unverified::parse(token).map_err(|error| match error {
            ParseError::UnsupportedAlgorithm(algorithm) => {
                AadError::UnsupportedAlgorithm { algorithm: printable(&algorithm) }.into()
            }
            ParseError::CriticalHeader => AadError::UnsupportedHeader.into(),
            _ => malformed(&error),
        })?;
        let header = token.header();
        let typ_is_jwt =
            header.typ().is_none_or(|typ| typ.eq_ignore_ascii_case("JWT") || typ == "http://openid.net/specs/jwt/1.0");
        if !typ_is_jwt {
            return Err(AadError::WrongType.into());
        }
        let claims = token.claims().map_err(|error| malformed(&error))?;
        Ok(Self { token, claims })
    }

    /// The token itself, to be verified.
    #[must_use]
    pub fn into_token(self) -> Unverified<'a> {
        self.token
    }

    /// The parsed token.
    #[must_use]
    pub fn token(&self) -> &Unverified<'a> {
        &self.token
    }

    /// The client that claims to have issued it; none for the token of an issuer, which is a URL.
    #[must_use]
    pub fn issuing_client(&self) -> Option<ClientId> {
        self.claims.iss.as_ref()?.parse().ok()
    }

    /// `iss`
    ///
    /// # Errors
    /// [`AadError::MissingClaim`]; so for `sub` and `aud`.
    pub fn issuer(&self) -> Result<&str, AadError> {
        self.claims.iss.as_deref().ok_or(AadError::MissingClaim { field: "iss" })
    }

    /// `sub`
    ///
    /// # Errors
    /// [`AadError::MissingClaim`].
    pub fn subject(&self) -> Result<&str, AadError> {
        self.claims.sub.as_deref().ok_or(AadError::MissingClaim { field: "sub" })
    }

    /// `aud`, at least one.
    ///
    /// # Errors
    /// [`AadError::MissingClaim`].
    pub fn audiences(&self) -> Result<&[String], AadError> {
        match &self.claims.aud {
            Some(OneOrMany::One(audience)) => Ok(std::slice::from_ref(audience)),
            Some(OneOrMany::Many(audiences)) if !audiences.is_empty() => Ok(audiences),
            Some(OneOrMany::Many(_)) | None => Err(AadError::MissingClaim { field: "aud" }),
        }
    }

    /// All claims, for those credentials that match by an expression.
    pub(super) fn all_claims(&self) -> claims_matching::Claims<'_> {
        claims_matching::Claims::new(self.token.payload())
    }

    /// The id of the key that signed it: `kid`, or where there is none a thumbprint.
    ///
    /// # Errors
    /// [`AadError::NoKeyIdentifier`].
    pub fn key_id(&self) -> Result<&str, AadError> {
        let header = self.token.header();
        header.kid().or(header.x5t()).or(header.x5t_s256()).ok_or(AadError::NoKeyIdentifier)
    }

    /// Checks `exp`, which must be there, and `nbf`, each with [`CLOCK_SKEW_SECONDS`].
    ///
    /// # Errors
    /// [`AadError::OutsideValidity`] or [`AadError::MissingClaim`].
    pub fn check_time(&self, now: Timestamp) -> Result<(), AadError> {
        let NumericDate(expires) = self.claims.exp.ok_or(AadError::MissingClaim { field: "exp" })?;
        let not_before = self.claims.nbf.map_or(0, |NumericDate(seconds)| seconds);
        let second = now.as_second();
        if second < expires.saturating_add(CLOCK_SKEW_SECONDS)
            && second >= not_before.saturating_sub(CLOCK_SKEW_SECONDS)
        {
            return Ok(());
        }
        Err(AadError::OutsideValidity {
            now: seven_decimals(now),
            not_before: seven_decimals(Timestamp::from_second(not_before).unwrap_or_default()),
            expires: seven_decimals(Timestamp::from_second(expires).unwrap_or_default()),
        })
    }

    /// Notes who it says it is, for the audit trail.
    pub fn note(&self, facts: &mut Facts) {
        let claims = &self.claims;
        facts.issuer = claims.iss.as_deref().map(printable);
        facts.subject = claims.sub.as_deref().map(printable);
        facts.audience = self.audiences().ok().map(|audiences| printable(&audiences.join(" ")));
        facts.assertion_id = claims.jti.as_deref().map(printable);
        let bound_to = |kind: &str| {
            let name = claims.kubernetes.as_ref()?.get(kind)?.get("name")?.as_str()?;
            Some(printable(name))
        };
        facts.pod = bound_to("pod");
        facts.node = bound_to("node");
    }
}

/// The refusal of a malformed token, with the whole chain of causes. The causes name members and
/// positions and quote no signature, so the token cannot be put together from them.
fn malformed(error: &dyn std::error::Error) -> Refusal {
    let mut cause = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        cause = format!("{cause}: {source}");
        next = source.source();
    }
    Refusal::because(AadError::MalformedToken, cause)
}

/// ISO 8601 with seven decimals, as Entra prints times in AADSTS700024.
fn seven_decimals(time: Timestamp) -> String {
    format!("{}.{:07}Z", time.strftime("%Y-%m-%dT%H:%M:%S"), time.subsec_nanosecond().max(0) / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_printed_as_entra_prints_them() {
        let time: Timestamp = "2024-06-04T11:40:28.3451933Z".parse().unwrap();
        assert_eq!(seven_decimals(time), "2024-06-04T11:40:28.3451933Z");
        assert_eq!(seven_decimals(Timestamp::from_second(0).unwrap()), "1970-01-01T00:00:00.0000000Z");
    }

    #[test]
    fn dates_beyond_all_years_are_clamped() {
        for text in ["1e300", "-1e300", "99999999999999999999", "1.5"] {
            let date: NumericDate = serde_json::from_str(text).unwrap();
            assert!(Timestamp::from_second(date.0).is_ok(), "{text}");
        }
        assert!(serde_json::from_str::<NumericDate>("\"1\"").is_err());
    }
}
