//! AWS roles for service accounts.

use std::collections::HashSet;

use serde_json::json;

use super::{Draft, Warning, go::parse_int, mounts, names};
use crate::{Key, Pod, ServiceAccount, pod::Container, settings::Aws};

const VOLUME: &str = "aws-iam-token";
const MOUNT_PATH: &str = "/var/run/secrets/eks.amazonaws.com/serviceaccount";
const TOKEN_FILE: &str = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token";
const WINDOWS_TOKEN_FILE: &str = r"C:\var\run\secrets\eks.amazonaws.com\serviceaccount\token";
const TOKEN_PATH: &str = "token";

const SKIP: &str = "eks.amazonaws.com/skip-containers";
const TOKEN_EXPIRATION: &str = "eks.amazonaws.com/token-expiration";

/// What the API server takes at least.
const MIN_TOKEN_EXPIRATION: i64 = 600;

/// Of these, one that is set keeps both away, as upstream.
const ROLE: [&str; 2] = ["AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"];
const REGION: [&str; 2] = ["AWS_DEFAULT_REGION", "AWS_REGION"];
const REGIONAL_STS: &str = "AWS_STS_REGIONAL_ENDPOINTS";

/// What AWS's SDKs try before a token.
const PREFERRED: &str = "AWS_ACCESS_KEY_ID";

pub(super) fn inject<'p>(draft: &mut Draft<'p>, account: &'p ServiceAccount, settings: &'p Aws) {
    let pod = draft.pod;
    let Some(arn) = account.get(Key::AwsRoleArn).filter(|arn| !arn.is_empty()) else { return };
    if !is_role_arn(arn) {
        draft.warn(Warning::malformed_role_arn(arn));
    }
    let role = Role {
        arn,
        token_file: if pod.selects_windows() { WINDOWS_TOKEN_FILE } else { TOKEN_FILE },
        region: &settings.region,
        regional_sts: account.get(Key::AwsRegionalSts).and_then(parse_bool).unwrap_or(settings.regional_sts),
    };
    let audience = account.get(Key::AwsAudience).unwrap_or(&settings.audience);
    let expiration = expiration(draft, account, settings);
    let skip: HashSet<_> = pod.annotation(SKIP).map(|list| names(list, ',').collect()).unwrap_or_default();
    for slot in 0..draft.slots.len() {
        let name = &*draft.slots[slot].container.name;
        if !skip.contains(&name) && !mounts::is_proxy(name) {
            role.give(draft, slot);
        }
    }
    match pod.volumes().iter().find(|volume| &*volume.name == VOLUME) {
        None => draft.add_first_volume(json!({ "name": VOLUME, "projected": { "sources": [{
            "serviceAccountToken": { "audience": audience, "expirationSeconds": expiration, "path": TOKEN_PATH }
        }] } })),
        Some(volume) if !volume.holds_token_for(TOKEN_PATH, audience) => {
            draft.warn(Warning::token_audience_differs(VOLUME, audience));
        }
        Some(_) => {}
    }
}

/// What containers get.
#[derive(Debug)]
struct Role<'s> {
    arn: &'s str,
    token_file: &'static str,
    region: &'s str,
    regional_sts: bool,
}

impl<'p> Role<'p> {
    fn give(&self, draft: &mut Draft<'p>, slot: usize) {
        let container = draft.slots[slot].container;
        let sets = |name: &str| container.variable(name).is_some();
        let (sets_role, sets_region) = (ROLE.into_iter().any(sets), REGION.into_iter().any(sets));
        self.warn(draft, container, sets_role);
        // As upstream: a container that says all of it itself may not want the token either.
        if sets_role && sets_region && sets(REGIONAL_STS) {
            return;
        }
        let additions = &mut draft.slots[slot].additions;
        if self.regional_sts && !sets(REGIONAL_STS) {
            additions.variable(REGIONAL_STS, "regional");
        }
        if !self.region.is_empty() && !sets_region {
            for name in REGION {
                additions.variable(name, self.region);
            }
        }
        if !sets_role {
            additions.variable(ROLE[0], self.arn);
            additions.variable(ROLE[1], self.token_file);
        }
        mounts::give(draft, slot, VOLUME, MOUNT_PATH);
    }

    fn warn(&self, draft: &mut Draft<'_>, container: &Container<'_>, sets_role: bool) {
        let differs = |name: &str, value: &str| sets_role && !container.variable(name).is_some_and(|own| own.is(value));
        for (name, value) in [(ROLE[0], self.arn), (ROLE[1], self.token_file)] {
            if differs(name, value) {
                draft.warn(Warning::variable_already_set(&container.name, name));
            }
        }
        if container.variable(PREFERRED).is_some() {
            draft.warn(Warning::secret_preferred(&container.name, PREFERRED));
        }
    }
}

/// What the pod says, else what its account says, else the setting. As upstream, what is no number
/// is passed over and what is too short is lengthened.
fn expiration(draft: &mut Draft<'_>, account: &ServiceAccount, settings: &Aws) -> i64 {
    let pod: &Pod<'_> = draft.pod;
    for text in [pod.annotation(TOKEN_EXPIRATION), account.get(Key::AwsTokenExpiration)].into_iter().flatten() {
        match parse_int::<i64>(text) {
            Ok(seconds) => return seconds.max(MIN_TOKEN_EXPIRATION),
            Err(_) => draft.warn(Warning::malformed_token_expiration(TOKEN_EXPIRATION, text)),
        }
    }
    settings.token_expiration
}

/// `strconv.ParseBool`.
fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// `arn:{partition}:iam::{account}:role/{path and name}`.
fn is_role_arn(arn: &str) -> bool {
    let mut parts = arn.splitn(6, ':');
    let mut next = || parts.next().unwrap_or_default();
    let (prefix, partition, service, region, account, role) = (next(), next(), next(), next(), next(), next());
    let is_partition = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_role = |byte: u8| byte.is_ascii_alphanumeric() || b"_-/.@+=,".contains(&byte);
    prefix == "arn"
        && partition.starts_with("aws")
        && partition.bytes().all(is_partition)
        && service == "iam"
        && region.is_empty()
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && role.strip_prefix("role/").is_some_and(|name| !name.is_empty() && name.bytes().all(is_role))
}

#[cfg(test)]
mod tests {
    use super::is_role_arn;

    #[test]
    fn a_role_arn_names_a_partition_an_account_and_a_role() {
        assert!(is_role_arn("arn:aws:iam::111122223333:role/s3-reader"));
        assert!(is_role_arn("arn:aws-us-gov:iam::111122223333:role/path/to/s3_reader+=,.@-"));
        for arn in [
            "",
            "s3-reader",
            "arn:aws:iam::11112222333:role/a",
            "arn:aws:iam:eu-west-1:111122223333:role/a",
            "arn:aws:iam::111122223333:user/a",
            "arn:aws:iam::111122223333:role/",
            "arn:aws:iam::111122223333:role/a b",
            "arn:gcp:iam::111122223333:role/a",
        ] {
            assert!(!is_role_arn(arn), "{arn}");
        }
    }
}
