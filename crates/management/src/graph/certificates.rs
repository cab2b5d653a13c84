//! Certificates of an application, written as the whole list that Graph's PATCH is.

use base64::{Engine, engine::general_purpose::STANDARD};
use symbolon_core::{ObjectId, application::ClientCertificate};
use symbolon_jose::{Algorithm, VerifyingKey, digest};
use x509_parser::{certificate::X509Certificate, parse_x509_certificate};

use super::bad_request;
use crate::{Management, error::Refusal, request::Fields};

const MAX_CERTIFICATES: usize = 50;
const MAX_DISPLAY_NAME: usize = 120;

/// The certificates that `keyCredentials` asks for, none where it is not there. An entry with a
/// known `keyId` stays as it is, one with a `key` is added, and whatever is not named goes.
pub(super) fn wanted(
    management: &Management,
    found: &[ClientCertificate],
    fields: &Fields<'_>,
) -> Result<Option<Vec<ClientCertificate>>, Refusal> {
    let Some(entries) = fields.objects("keyCredentials")? else { return Ok(None) };
    if entries.len() > MAX_CERTIFICATES {
        return Err(bad_request(format!("The application would have more than {MAX_CERTIFICATES} certificates.")));
    }
    let one = |entry: &Fields<'_>| {
        let key_id = entry.string("keyId")?;
        let known =
            found.iter().find(|known| key_id.is_some_and(|id| known.key_id.to_string().eq_ignore_ascii_case(id)));
        match (known, entry.string("key")?) {
            (Some(known), _) => Ok(known.clone()),
            (None, Some(key)) => certificate(management, entry, key),
            (None, None) => Err(bad_request("An entry of 'keyCredentials' has neither a 'key' nor a known 'keyId'.")),
        }
    };
    entries.iter().map(one).collect::<Result<_, _>>().map(Some)
}

fn certificate(management: &Management, entry: &Fields<'_>, key: &str) -> Result<ClientCertificate, Refusal> {
    let invalid = |why: &str| bad_request(format!("Key credential is invalid: {why}."));
    let display_name = entry.string("displayName")?;
    if display_name.is_some_and(|name| name.chars().count() > MAX_DISPLAY_NAME) {
        return Err(bad_request(format!("The display name is longer than {MAX_DISPLAY_NAME} characters.")));
    }
    // az sends the lines of a PEM file.
    let key: String = key.split_ascii_whitespace().collect();
    let der = STANDARD.decode(key).map_err(|_| invalid("the key is not base64"))?;
    let (rest, parsed) =
        parse_x509_certificate(&der).map_err(|_| invalid("the key is not a certificate in DER form"))?;
    // The thumbprint covers all bytes, so what follows the certificate would make another of it.
    if !rest.is_empty() {
        return Err(invalid("there is something behind the certificate"));
    }
    let public = VerifyingKey::from_certificate_der(&der).map_err(|error| invalid(&error.to_string()))?;
    if ![Algorithm::Rs256, Algorithm::Es256].into_iter().any(|algorithm| public.allows(algorithm)) {
        return Err(invalid("the certificate's key is neither RSA nor P-256"));
    }
    let (start, end) = (parsed.validity().not_before.timestamp(), parsed.validity().not_after.timestamp());
    if end <= management.clock.now().as_second() {
        return Err(invalid("the certificate has expired"));
    }
    Ok(ClientCertificate {
        key_id: ObjectId::new(management.random.guid()),
        // Otherwise a list of certificates would have nothing that people know them by.
        display_name: display_name.map_or_else(|| subject(&parsed), |name| Some(name.to_owned())),
        start,
        end,
        certificate: STANDARD.encode(&der),
        x5t: digest::sha1_base64url(&der),
        x5t_s256: digest::sha256_base64url(&der),
    })
}

fn subject(certificate: &X509Certificate<'_>) -> Option<String> {
    let subject: String = certificate.subject().to_string().chars().take(MAX_DISPLAY_NAME).collect();
    (!subject.is_empty()).then_some(subject)
}
