//! Google Cloud's workload identity federation.

use std::collections::HashSet;

use serde::Serialize;
use serde_json::json;

use super::{Draft, Refusal, Warning, go::parse_int, mounts, names, variables::Variables};
use crate::{Key, Pod, ServiceAccount, settings::Gcp};

const TOKEN_VOLUME: &str = "gcp-iam-token";
const TOKEN_MOUNT_PATH: &str = "/var/run/secrets/sts.googleapis.com/serviceaccount";
const TOKEN_FILE: &str = "/var/run/secrets/sts.googleapis.com/serviceaccount/token";
const TOKEN_PATH: &str = "token";

const CONFIGURATION_VOLUME: &str = "external-credential-config";
const CONFIGURATION_MOUNT_PATH: &str = "/var/run/secrets/workload-identity";
const CONFIGURATION_FILE: &str = "/var/run/secrets/workload-identity/federation.json";
const CONFIGURATION_PATH: &str = "federation.json";

const SKIP: &str = "cloud.google.com/skip-containers";
const TOKEN_EXPIRATION: &str = "cloud.google.com/token-expiration";
const CONFIGURATION: &str = "cloud.google.com/external-credentials-json";

const MIN_TOKEN_EXPIRATION: i64 = 3600;

pub(super) fn inject<'p>(draft: &mut Draft<'p>, account: &'p ServiceAccount, settings: &'p Gcp) -> Result<(), Refusal> {
    let pod = draft.pod;
    let Some(federation) = Federation::of(account, settings)? else { return Ok(()) };
    let expiration = expiration(pod, account, settings)?;
    let audience = federation.token_audience(account, settings);
    let mut variables = Variables::default();
    variables.push("GOOGLE_APPLICATION_CREDENTIALS", CONFIGURATION_FILE);
    variables.push("CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE", CONFIGURATION_FILE);
    variables.push("CLOUDSDK_CORE_PROJECT", federation.project());

    let skip: HashSet<_> = pod.annotation(SKIP).map(|list| names(list, ',').collect()).unwrap_or_default();
    for slot in 0..draft.slots.len() {
        let name = &*draft.slots[slot].container.name;
        if !skip.contains(&name) && !mounts::is_proxy(name) {
            variables.give(draft, slot);
            mounts::give(draft, slot, TOKEN_VOLUME, TOKEN_MOUNT_PATH);
            mounts::give(draft, slot, CONFIGURATION_VOLUME, CONFIGURATION_MOUNT_PATH);
        }
    }
    match pod.volumes().iter().find(|volume| &*volume.name == TOKEN_VOLUME) {
        None => draft.add_volume(json!({ "name": TOKEN_VOLUME, "projected": { "sources": [{
            "serviceAccountToken": { "audience": audience, "expirationSeconds": expiration, "path": TOKEN_PATH }
        }] } })),
        Some(volume) if !volume.holds_token_for(TOKEN_PATH, &audience) => {
            draft.warn(Warning::token_audience_differs(TOKEN_VOLUME, &audience));
        }
        Some(_) => {}
    }
    if pod.volumes().iter().all(|volume| &*volume.name != CONFIGURATION_VOLUME) {
        let field = json!({ "fieldPath": format!("metadata.annotations['{CONFIGURATION}']") });
        let items = json!([{ "path": CONFIGURATION_PATH, "fieldRef": field }]);
        draft.add_volume(json!({ "name": CONFIGURATION_VOLUME, "downwardAPI": { "items": items } }));
    }
    let configuration = federation.configuration();
    if pod.annotation(CONFIGURATION) != Some(&configuration) {
        draft.annotate(CONFIGURATION, configuration);
    }
    Ok(())
}

/// Who a pod is at Google.
#[derive(Debug)]
struct Federation<'s> {
    provider: &'s str,
    /// The Google service account that is impersonated, or nothing where the pod acts for itself.
    email: &'s str,
}

impl<'s> Federation<'s> {
    fn of(account: &'s ServiceAccount, settings: &'s Gcp) -> Result<Option<Self>, Refusal> {
        let said = |key| account.get(key).filter(|value| !value.is_empty());
        let (provider, email) = (said(Key::GcpProvider), said(Key::GcpServiceAccountEmail));
        if provider.is_none() && email.is_none() {
            return Ok(None);
        }
        let provider = provider.unwrap_or(&settings.workload_identity_provider);
        if !is_provider(provider) {
            return Err(Refusal::new(format!(
                "cloud.google.com/workload-identity-provider is {provider:?}, not \
                 projects/NUMBER/locations/LOCATION/workloadIdentityPools/POOL/providers/PROVIDER"
            )));
        }
        let email = email.unwrap_or_default();
        // It becomes a part of a URL.
        if !email.is_empty() && !is_email(email) {
            return Err(Refusal::new(format!(
                "cloud.google.com/service-account-email is {email:?}, no e-mail address"
            )));
        }
        Ok(Some(Self { provider, email }))
    }

    fn token_audience(&self, account: &ServiceAccount, settings: &Gcp) -> String {
        match account.get(Key::GcpAudience).unwrap_or(&settings.audience) {
            "" => format!("https://iam.googleapis.com/{}", self.provider),
            audience => audience.to_owned(),
        }
    }

    /// The project of the impersonated account, as its address tells it.
    fn project(&self) -> &'s str {
        let domain = self.email.split_once('@').map_or("", |(_, domain)| domain);
        domain.strip_suffix(".iam.gserviceaccount.com").unwrap_or_default()
    }

    /// A credential configuration as Google's libraries read it.
    fn configuration(&self) -> String {
        let impersonation = (!self.email.is_empty()).then(|| {
            let email = self.email;
            format!("https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{email}:generateAccessToken")
        });
        let configuration = Configuration {
            r#type: "external_account",
            audience: &format!("//iam.googleapis.com/{}", self.provider),
            subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
            token_url: "https://sts.googleapis.com/v1/token",
            service_account_impersonation_url: impersonation,
            credential_source: CredentialSource { file: TOKEN_FILE, format: Format { r#type: "text" } },
        };
        // A structure of texts always has a JSON form.
        serde_json::to_string(&configuration).unwrap_or_default()
    }
}

#[derive(Serialize)]
struct Configuration<'a> {
    r#type: &'static str,
    audience: &'a str,
    subject_token_type: &'static str,
    token_url: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_account_impersonation_url: Option<String>,
    credential_source: CredentialSource,
}

#[derive(Serialize)]
struct CredentialSource {
    file: &'static str,
    format: Format,
}

#[derive(Serialize)]
struct Format {
    r#type: &'static str,
}

/// What the pod says, else what its account says, else the setting; what is too short is lengthened.
fn expiration(pod: &Pod<'_>, account: &ServiceAccount, settings: &Gcp) -> Result<i64, Refusal> {
    let said = pod.annotation(TOKEN_EXPIRATION).or_else(|| account.get(Key::GcpTokenExpiration));
    let seconds = match said {
        None => settings.token_expiration,
        Some(text) => {
            parse_int(text).map_err(|problem| Refusal::new(format!("{TOKEN_EXPIRATION} is no number: {problem}")))?
        }
    };
    Ok(seconds.max(MIN_TOKEN_EXPIRATION))
}

fn is_provider(text: &str) -> bool {
    let parts: Vec<&str> = text.split('/').collect();
    let ["projects", project, "locations", location, "workloadIdentityPools", pool, "providers", provider] = *parts
    else {
        return false;
    };
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte))
    };
    [project, location, pool, provider].into_iter().all(is_name)
}

fn is_email(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
    };
    text.split_once('@').is_some_and(|(user, domain)| is_part(user) && is_part(domain))
}
