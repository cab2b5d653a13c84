//! Client secrets: made here, shown once, kept as hashes.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use jiff::Timestamp;
use serde_json::Value;
use symbolon_core::{
    ObjectId,
    application::{Application, ClientSecret, SecretHash},
    ports::Random,
};
use symbolon_jose::base64url;

use super::{
    SCOPE, application, bad_request,
    printed::{password_credential, with_context},
    resource, service_principals,
};
use crate::{
    Management, Shared,
    action::ManagementAction,
    caller::{Caller, Graph},
    error::Refusal,
    request::{Fields, JsonBody, Segments},
};

/// Two years, as in Entra.
const DEFAULT_SECONDS: i64 = 2 * 365 * 24 * 3600;
const MAX_DISPLAY_NAME: usize = 120;
/// Bytes of randomness of a secret: 240 bits, as [`SecretHash`] counts on.
const SECRET_BYTES: usize = 30;
const SALT_BYTES: usize = 16;
/// The characters before Entra's mark, by which people tell secrets apart.
const HINT_CHARS: usize = 3;
/// The mark by which secret scanners know a secret of Entra's form.
const MARK: &str = "8Q~";

pub(super) async fn add(
    State(management): State<Shared>,
    caller: Caller<Graph>,
    Segments(id): Segments<String>,
    body: JsonBody,
) -> Result<Json<Value>, Refusal> {
    let authorized = caller.authorize(&management, ManagementAction::ApplicationWrite, SCOPE).await?;
    let found = application(&management, authorized.tenant(), &id).await?;
    add_to(&management, &caller, &found, &body.fields()).await
}

/// A service principal has its application's secrets.
pub(super) async fn add_by_principal(
    State(management): State<Shared>,
    caller: Caller<Graph>,
    Segments(id): Segments<String>,
    body: JsonBody,
) -> Result<Json<Value>, Refusal> {
    let authorized = caller.authorize(&management, ManagementAction::ApplicationWrite, SCOPE).await?;
    let found = service_principals::application_of(&management, authorized.tenant(), &id).await?;
    add_to(&management, &caller, &found, &body.fields()).await
}

async fn add_to(
    management: &Management,
    caller: &Caller<Graph>,
    application: &Application,
    fields: &Fields<'_>,
) -> Result<Json<Value>, Refusal> {
    let (secret, text) = secret(management, fields.object("passwordCredential")?.as_ref())?;
    management.store.add_secret(application.tenant, application.object_id, &secret).await?;
    caller.done(management, ManagementAction::ApplicationWrite, &resource(application.object_id)).await?;
    let printed = password_credential(&secret, Some(&text));
    Ok(Json(with_context(&management.urls, "microsoft.graph.passwordCredential", printed)))
}

pub(super) async fn remove(
    State(management): State<Shared>,
    caller: Caller<Graph>,
    Segments(id): Segments<String>,
    body: JsonBody,
) -> Result<Response, Refusal> {
    let authorized = caller.authorize(&management, ManagementAction::ApplicationWrite, SCOPE).await?;
    let found = application(&management, authorized.tenant(), &id).await?;
    remove_from(&management, &caller, &found, &body.fields()).await
}

pub(super) async fn remove_by_principal(
    State(management): State<Shared>,
    caller: Caller<Graph>,
    Segments(id): Segments<String>,
    body: JsonBody,
) -> Result<Response, Refusal> {
    let authorized = caller.authorize(&management, ManagementAction::ApplicationWrite, SCOPE).await?;
    let found = service_principals::application_of(&management, authorized.tenant(), &id).await?;
    remove_from(&management, &caller, &found, &body.fields()).await
}

async fn remove_from(
    management: &Management,
    caller: &Caller<Graph>,
    application: &Application,
    fields: &Fields<'_>,
) -> Result<Response, Refusal> {
    let key = fields.required_string("keyId")?;
    // A certificate has a key id too, and this is not the way to remove one.
    let secret = application.secrets.iter().find(|secret| secret.key_id.to_string().eq_ignore_ascii_case(key));
    let secret = secret
        .ok_or_else(|| bad_request(format!("No password credential found with keyId '{}'.", crate::shorten(key))))?;
    management.store.remove_key(application.tenant, application.object_id, secret.key_id).await?;
    caller.done(management, ManagementAction::ApplicationWrite, &resource(application.object_id)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A new secret with its text.
fn secret(management: &Management, wanted: Option<&Fields<'_>>) -> Result<(ClientSecret, String), Refusal> {
    let now = management.clock.now().as_second();
    let (mut display_name, mut start, mut end) = (None, now, None);
    if let Some(wanted) = wanted {
        display_name = wanted.string("displayName")?.map(str::to_owned);
        start = time(wanted, "startDateTime")?.unwrap_or(now);
        end = time(wanted, "endDateTime")?;
    }
    let end = end.unwrap_or_else(|| start.saturating_add(DEFAULT_SECONDS));
    if end <= start || end <= now {
        return Err(bad_request(
            "The secret would never be valid: endDateTime is in the past or before startDateTime.",
        ));
    }
    if display_name.as_ref().is_some_and(|name| name.chars().count() > MAX_DISPLAY_NAME) {
        return Err(bad_request(format!("The display name is longer than {MAX_DISPLAY_NAME} characters.")));
    }
    let text = text(management.random.as_ref());
    let mut salt = [0; SALT_BYTES];
    management.random.fill(&mut salt);
    let secret = ClientSecret {
        key_id: ObjectId::new(management.random.guid()),
        display_name,
        hint: text.chars().take(HINT_CHARS).collect(),
        start,
        end,
        hash: SecretHash::new(&text, &base64url::encode(salt)),
    };
    Ok((secret, text))
}

fn time(fields: &Fields<'_>, name: &str) -> Result<Option<i64>, Refusal> {
    let Some(text) = fields.string(name)? else { return Ok(None) };
    let parsed = text.parse::<Timestamp>();
    let time = parsed.map_err(|_| {
        bad_request(format!("The value of '{name}' is not a time, expected one like 2026-01-31T00:00:00Z."))
    })?;
    Ok(Some(time.as_second()))
}

/// 40 random characters of 6 bits each, with Entra's mark among them. A hyphen never comes first:
/// command lines would take the secret for an option.
fn text(random: &dyn Random) -> String {
    let mut bytes = [0; SECRET_BYTES];
    random.fill(&mut bytes);
    let characters = base64url::encode(bytes).replacen('-', "~", 1);
    let (hint, rest) = characters.split_at(HINT_CHARS);
    format!("{hint}{MARK}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(u8);

    impl Random for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn a_secret_looks_like_one_of_entra_and_never_like_an_option() {
        assert_eq!(text(&Fixed(0)), format!("AAA8Q~{}", "A".repeat(37)));
        // 0xfb repeated starts with `-` in base64url.
        assert!(text(&Fixed(0xfb)).starts_with('~'));
    }
}
