//! How long the projected token lives.

use crate::{
    Key, Pod, Refusal, ServiceAccount,
    mutate::go::parse_int,
    settings::{DEFAULT_TOKEN_EXPIRATION, MAX_TOKEN_EXPIRATION, MIN_TOKEN_EXPIRATION},
};

const ANNOTATION: &str = "azure.workload.identity/service-account-token-expiration";

/// Seconds: what the pod says, else what its account says, else the default.
pub(super) fn of(pod: &Pod<'_>, account: &ServiceAccount) -> Result<i64, Refusal> {
    let said = [pod.annotation(ANNOTATION), account.get(Key::TokenExpiration)];
    let Some(text) = said.into_iter().flatten().find(|text| !text.is_empty()) else {
        return Ok(DEFAULT_TOKEN_EXPIRATION);
    };
    parse(text)
}

/// Seconds, as an annotation says them.
pub(super) fn parse(text: &str) -> Result<i64, Refusal> {
    let seconds: i64 = parse_int(text).map_err(Refusal::new)?;
    if (MIN_TOKEN_EXPIRATION..=MAX_TOKEN_EXPIRATION).contains(&seconds) {
        return Ok(seconds);
    }
    Err(Refusal::new(format!(
        "token expiration {seconds} not valid. Expected value to be between \
         {MIN_TOKEN_EXPIRATION} and {MAX_TOKEN_EXPIRATION}"
    )))
}
