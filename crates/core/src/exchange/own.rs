//! Rule 3, not federated: the client's own secret, or an assertion signed by its own certificate.

use jiff::Timestamp;

use super::{CLOCK_SKEW_SECONDS, Refusal, assertion::Assertion};
use crate::{AadError, client::Client};

/// Checks a client secret against the hashes that the directory holds.
pub(super) fn check_secret(client: &Client, secret: &str, now: Timestamp) -> Result<(), AadError> {
    let app_id = client.client_id.to_string();
    let second = now.as_second();
    let mut expired = false;
    // A secret that another replica has just made starts in this one's future by the skew at most.
    let started = |start: i64| second >= start.saturating_sub(CLOCK_SKEW_SECONDS);
    for known in client.secrets().iter().filter(|known| started(known.start) && known.hash.matches(secret)) {
        if second < known.end {
            return Ok(());
        }
        expired = true;
    }
    Err(if expired { AadError::SecretExpired { app_id } } else { AadError::InvalidSecret { app_id } })
}

/// Checks an assertion that the client signed itself (RFC 7523, section 3): its certificate is
/// registered and valid, `iss` and `sub` are the client, the audience is this authority.
pub(super) fn check_certificate(
    client: &Client,
    assertion: Assertion<'_>,
    audiences: &[String],
    now: Timestamp,
) -> Result<(), Refusal> {
    let not_registered = || AadError::CertificateNotRegistered { app_id: client.client_id.to_string() };
    let header = assertion.token().header();
    assertion.key_id()?;
    let registered = client.certificates().iter().find(|known| {
        let certificate = &known.certificate;
        header.x5t_s256().is_some_and(|found| is_thumbprint(found, &certificate.x5t_s256))
            || header.x5t().is_some_and(|found| is_thumbprint(found, &certificate.x5t))
            || header.kid().is_some_and(|found| names(found, &certificate.x5t, &certificate.x5t_s256))
    });
    let registered = registered.ok_or_else(not_registered)?;
    if assertion.subject()?.parse() != Ok(client.client_id) {
        return Err(AadError::AssertionNotOfClient.into());
    }
    if !assertion.audiences()?.iter().any(|audience| audiences.contains(audience)) {
        return Err(AadError::AssertionAudience.into());
    }
    assertion.check_time(now)?;
    let second = now.as_second();
    if !(registered.certificate.start..registered.certificate.end).contains(&second) {
        return Err(Refusal::because(not_registered(), "the registered certificate is not within its validity"));
    }
    let verified = assertion.into_token().verify(&registered.key);
    verified.map(drop).map_err(|error| Refusal::because(AadError::BadSignature, error))
}

/// MSAL for Python, and so az, pads the thumbprint, which RFC 7515 section 2 does not; Entra takes both.
fn is_thumbprint(found: &str, registered: &str) -> bool {
    found.trim_end_matches('=') == registered
}

/// Whether a `kid` names the certificate: clients put a thumbprint there, in base64url or in hex.
fn names(kid: &str, x5t: &str, x5t_s256: &str) -> bool {
    let hex = || symbolon_jose::base64url::decode(x5t).ok().map(|bytes| hex(&bytes));
    kid == x5t || kid == x5t_s256 || hex().is_some_and(|hex| kid.eq_ignore_ascii_case(&hex))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02X}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::is_thumbprint;

    #[test]
    fn a_thumbprint_is_known_with_and_without_padding() {
        assert!(is_thumbprint("n7lHgKwCjOOLoYZg2rNssoKHsqY", "n7lHgKwCjOOLoYZg2rNssoKHsqY"));
        assert!(is_thumbprint("n7lHgKwCjOOLoYZg2rNssoKHsqY=", "n7lHgKwCjOOLoYZg2rNssoKHsqY"));
        assert!(!is_thumbprint("=", "n7lHgKwCjOOLoYZg2rNssoKHsqY"));
    }
}
