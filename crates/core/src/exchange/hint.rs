//! The hint beside a refusal: what is missing and how to add it.
//!
//! It goes to the log, the audit trail and the operator's tools, never into the answer: SDKs parse
//! that one, and a stranger must not learn what the directory holds.

use crate::{AadError, audit::Facts, difference::Nearest};

/// What an operator can do about a refusal, where there is something to say that Entra's text does
/// not.
pub(super) fn hint(error: &AadError, nearest: Option<&Nearest>, facts: &Facts) -> Option<String> {
    let identity = facts.client_name.as_deref().unwrap_or("NAME");
    match error {
        AadError::NoFederatedCredentials { .. } if nearest.is_none() => Some(format!(
            "`{identity}` has no federated credential; if this workload is yours, add one: {}",
            create(identity, facts)
        )),
        AadError::NoFederatedCredentials { .. }
        | AadError::NoMatchingIssuer { .. }
        | AadError::NoMatchingAudience { .. }
        | AadError::NoMatchingSubject { .. }
        | AadError::SubjectCaseDiffers { .. } => nearest.map(|nearest| {
            if nearest.differences.is_empty() {
                return nearest.to_string();
            }
            format!("{nearest}; if this workload is yours, mend that one or add another: {}", create(identity, facts))
        }),
        AadError::OutsideValidity { .. } => {
            Some("the workload read a stale token file, or a clock is wrong: compare the times in the message".into())
        }
        AadError::UnknownKey { .. } => Some(
            "the issuer signs with a key that it does not publish (yet): compare the token's `kid` with its key set"
                .into(),
        ),
        AadError::ApplicationNotFound { .. } => Some(
            "no identity or application of this tenant has that client id: compare it with `symbolon identity list`"
                .into(),
        ),
        AadError::SecretExpired { .. } => {
            Some("add a new secret with `symbolon ad app credential add`, or use a federated credential instead".into())
        }
        AadError::ResourceNotFound { resource, .. } => Some(format!(
            "`{resource}` is neither a well-known resource nor an identifier URI of an application of this tenant"
        )),
        _ => None,
    }
}

/// The command that would make the presented token match. Its values come from an unverified
/// token, so each is quoted: a subject must not become a command of the operator's shell.
fn create(identity: &str, facts: &Facts) -> String {
    let value = |value: &Option<String>| quote(value.as_deref().unwrap_or("VALUE"));
    format!(
        "symbolon federated-credential create --identity {} --name NAME --issuer {} --subject {} --audience {}",
        quote(identity),
        value(&facts.issuer),
        value(&facts.subject),
        value(&facts.audience)
    )
}

/// Quotes for a POSIX shell where it is needed.
fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '/' | '.' | '_' | '@' | '-');
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_credential_comes_with_the_command_that_adds_it() {
        let facts = Facts {
            client_name: Some("sademo".into()),
            issuer: Some("https://localhost:8447".into()),
            subject: Some("system:serviceaccount:default:sademo".into()),
            audience: Some("api://AzureADTokenExchange".into()),
            ..Facts::default()
        };
        let error = AadError::NoFederatedCredentials { client: "sademo".into() };
        insta::assert_snapshot!(hint(&error, None, &facts).unwrap(), @"`sademo` has no federated credential; if this workload is yours, add one: symbolon federated-credential create --identity sademo --name NAME --issuer https://localhost:8447 --subject system:serviceaccount:default:sademo --audience api://AzureADTokenExchange");
    }

    #[test]
    fn values_of_a_stranger_s_token_stay_words() {
        assert_eq!(quote("a'; rm -rf $HOME #"), r"'a'\''; rm -rf $HOME #'");
        assert_eq!(quote("--help"), "'--help'");
        assert_eq!(quote(""), "''");
    }
}
