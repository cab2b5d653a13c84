//! Rule 3, federated: the assertion was signed by an issuer that the client's directory names.

use jiff::Timestamp;

use super::{Refusal, assertion::Assertion};
use crate::{
    AadError,
    client::Client,
    difference::{nearest, printable},
    federated_credential::{Mismatch, Presented},
    issuer,
    ports::{IssuerKeys, IssuerKeysError, KEY_SET},
    urls::Urls,
};

/// Checks a federated assertion and returns the name of the credential that it matched.
///
/// Matching comes before fetching: until issuer, audience and subject fit a credential, no key is
/// looked up, so a stranger's token cannot make the authority contact a host of the stranger's
/// choice.
pub(super) async fn check(
    client: &Client,
    parsed: Result<Assertion<'_>, Refusal>,
    issuer_keys: &dyn IssuerKeys,
    urls: &Urls,
    now: Timestamp,
) -> Result<String, Refusal> {
    if client.federated_credentials.is_empty() {
        return Err(AadError::NoFederatedCredentials { client: client.name.clone() }.into());
    }
    let assertion = parsed?;
    let key_id = assertion.key_id()?.to_owned();
    let issuer = assertion.issuer()?.to_owned();
    let claims = assertion.all_claims();
    let presented = Presented {
        issuer: &issuer,
        audiences: assertion.audiences()?,
        subject: assertion.subject()?,
        claims: &claims,
    };
    // A token of the authority itself would let one identity's token stand for another identity.
    if issuer::is_entra(&issuer) || issuer.starts_with(&format!("{}/", urls.authority)) {
        return Err(AadError::EntraIssuer.into());
    }
    let second = now.as_second();
    let found = client.federated_credentials.find(presented, second);
    let name = found.map_err(|mismatch| no_match(client, presented, mismatch, second))?.name().to_owned();
    assertion.check_time(now)?;
    let key = issuer_keys.key(client.tenant, &issuer, &key_id).await.map_err(|error| keys_refusal(&issuer, error))?;
    let verified = assertion.into_token().verify(&key);
    verified.map_err(|error| Refusal::because(AadError::BadSignature, error))?;
    Ok(name)
}

fn no_match(client: &Client, presented: Presented<'_>, mismatch: Mismatch, now: i64) -> Refusal {
    let subject = || printable(presented.subject);
    let error = match mismatch {
        Mismatch::NoneYet => AadError::NoFederatedCredentials { client: client.name.clone() },
        Mismatch::Issuer => AadError::NoMatchingIssuer { issuer: printable(presented.issuer) },
        Mismatch::Audience => AadError::NoMatchingAudience { audience: printable(&presented.audiences.join(" ")) },
        Mismatch::Subject => AadError::NoMatchingSubject { subject: subject() },
        Mismatch::SubjectCase => AadError::SubjectCaseDiffers { subject: subject() },
    };
    Refusal { nearest: nearest(&client.federated_credentials, presented, now).map(Box::new), ..error.into() }
}

fn keys_refusal(issuer: &str, error: IssuerKeysError) -> Refusal {
    let aad = match &error {
        IssuerKeysError::UnknownKey { key_id, .. } => {
            AadError::UnknownKey { key_id: printable(key_id), issuer: printable(issuer) }
        }
        IssuerKeysError::KeysUnreachable { .. } | IssuerKeysError::Malformed { document: KEY_SET, .. } => {
            AadError::KeySetFailed
        }
        IssuerKeysError::Refused { .. }
        | IssuerKeysError::DiscoveryUnreachable { .. }
        | IssuerKeysError::Malformed { .. } => AadError::DiscoveryFailed,
        IssuerKeysError::MissingField { field } => AadError::MetadataField { field },
        IssuerKeysError::TooLarge { .. } => AadError::ResponseTooLarge,
        IssuerKeysError::UnexpectedIssuer { found, .. } => AadError::UnexpectedIssuer { issuer: printable(found) },
    };
    Refusal::because(aad, error)
}
