//! Certificates of an application, written as the whole list that Graph's PATCH is.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::StatusCode;
use symbolon_core::{
    ObjectId,
    application::{Application, ClientCertificate},
};
use symbolon_jose::{Algorithm, VerifyingKey, digest};
use x509_parser::{certificate::X509Certificate, parse_x509_certificate};

use super::{SCOPE, application, bad_request, resource};
use crate::{
    Management, Shared,
    action::ManagementAction,
    caller::{Caller, Graph},
    error::Refusal,
    request::{Fields, JsonBody, Segments},
};

const MAX_CERTIFICATES: usize = 50;
const MAX_DISPLAY_NAME: usize = 120;
/// What cannot be changed here yet; taking such a PATCH without doing it would be a lie.
const UNCHANGEABLE: [&str; 5] = ["displayName", "identifierUris", "passwordCredentials", "api", "signInAudience"];

/// `keyCredentials` replaces the list: an entry with a known `keyId` and no `key` stays, one with a
/// `key` is added, and whatever is not named goes.
pub(super) async fn patch(
    State(management): State<Shared>,
    caller: Caller<Graph>,
    Segments(id): Segments<String>,
    body: JsonBody,
) -> Result<Response, Refusal> {
    let action = ManagementAction::ApplicationWrite;
    let authorized = caller.authorize(&management, action, SCOPE).await?;
    let found = application(&management, authorized.tenant(), &id).await?;
    let fields = body.fields();
    if let Some(name) = UNCHANGEABLE.iter().find(|name| fields.has(name)) {
        return Err(bad_request(format!("The property '{name}' cannot be changed here, only 'keyCredentials'.")));
    }
    let Some(entries) = fields.objects("keyCredentials")? else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let wanted = Wanted::of(&management, &found, &entries)?;
    // New ones first: if the process dies in between, nobody has lost the key that still works.
    for certificate in &wanted.added {
        management.store.add_certificate(authorized.tenant(), found.object_id, certificate).await?;
    }
    let gone = found.certificates.iter().filter(|certificate| !wanted.kept.contains(&certificate.key_id));
    for certificate in gone {
        management.store.remove_key(authorized.tenant(), found.object_id, certificate.key_id).await?;
    }
    caller.done(&management, action, &resource(found.object_id)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// What a list asks for, once all of it was found to be good.
struct Wanted {
    kept: Vec<ObjectId>,
    added: Vec<ClientCertificate>,
}

impl Wanted {
    fn of(management: &Management, found: &Application, entries: &[Fields<'_>]) -> Result<Self, Refusal> {
        if entries.len() > MAX_CERTIFICATES {
            return Err(bad_request(format!("The application would have more than {MAX_CERTIFICATES} certificates.")));
        }
        let mut wanted = Self { kept: Vec::new(), added: Vec::new() };
        for entry in entries {
            let key_id = entry.string("keyId")?;
            let known = found
                .certificates
                .iter()
                .find(|known| key_id.is_some_and(|id| known.key_id.to_string().eq_ignore_ascii_case(id)));
            match (known, entry.string("key")?) {
                (Some(known), _) => wanted.kept.push(known.key_id),
                (None, Some(key)) => wanted.added.push(certificate(management, entry, key)?),
                (None, None) => {
                    return Err(bad_request("An entry of 'keyCredentials' has neither a 'key' nor a known 'keyId'."));
                }
            }
        }
        Ok(wanted)
    }
}

fn certificate(management: &Management, entry: &Fields<'_>, key: &str) -> Result<ClientCertificate, Refusal> {
    let invalid = |why: &str| bad_request(format!("Key credential is invalid: {why}."));
    let display_name = entry.string("displayName")?;
    if display_name.is_some_and(|name| name.chars().count() > MAX_DISPLAY_NAME) {
        return Err(bad_request(format!("The display name is longer than {MAX_DISPLAY_NAME} characters.")));
    }
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
