//! Rule 5: the access token, with the claims of Entra's.

use jiff::Timestamp;
use serde::Serialize;
use symbolon_jose::base64url;

use super::{Exchange, Proof};
use crate::{
    ObjectId, TenantId,
    application::TokenVersion,
    client::{Client, ClientKind},
    ports::PortError,
    resource::Requested,
};

/// Seconds that a managed identity's token lives, as Entra's does.
const MANAGED_IDENTITY_SECONDS: i64 = 24 * 3600;
/// Seconds that an application's token lives; Entra's vary between 60 and 90 minutes.
const APPLICATION_SECONDS: i64 = 3600;
/// Seconds by which `iat` and `nbf` are back-dated, so that a resource whose clock is behind
/// accepts the token at once. Entra does the same.
const BACK_DATED_SECONDS: i64 = 300;

/// A signed access token.
pub(super) struct Minted {
    pub(super) token: String,
    pub(super) token_id: String,
    pub(super) expires_in: i64,
    pub(super) expires_on: i64,
    pub(super) not_before: i64,
    pub(super) resource: String,
}

/// The claims, in the order in which Entra prints them.
#[derive(Serialize)]
struct Claims<'a> {
    aud: &'a str,
    iss: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    aio: String,
    #[serde(flatten)]
    client: ClientClaims,
    oid: ObjectId,
    rh: String,
    sub: ObjectId,
    tid: TenantId,
    uti: &'a str,
    ver: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    xms_mirid: Option<&'a str>,
}

/// The claims whose names differ between the versions.
#[derive(Serialize)]
#[serde(untagged)]
enum ClientClaims {
    V1 { appid: String, appidacr: &'static str, idp: String, idtyp: &'static str },
    V2 { azp: String, azpacr: &'static str },
}

pub(super) fn mint(
    exchange: &Exchange,
    client: &Client,
    requested: &Requested,
    proof: Proof,
    now: Timestamp,
) -> Result<Minted, PortError> {
    let (object_id, mirid, seconds) = match &client.kind {
        ClientKind::ManagedIdentity { principal_id, mirid } => {
            (*principal_id, Some(mirid.as_str()), MANAGED_IDENTITY_SECONDS)
        }
        ClientKind::Application { principal, .. } => {
            let principal = principal.ok_or_else(|| PortError {
                what: "looking up the service principal",
                source: "the client has none".into(),
            })?;
            (principal.object_id, None, APPLICATION_SECONDS)
        }
    };
    let urls = &exchange.urls;
    let (iss, ver) = match requested.version {
        TokenVersion::V1 => (urls.issuer_v1(client.tenant), "1.0"),
        TokenVersion::V2 => (urls.issuer_v2(client.tenant), "2.0"),
    };
    let token_id = opaque::<16>(exchange);
    let not_before = now.as_second() - BACK_DATED_SECONDS;
    let expires_on = now.as_second() + seconds;
    let claims = Claims {
        aud: &requested.audience,
        client: client_claims(client, requested.version, proof, &iss),
        iss,
        iat: not_before,
        nbf: not_before,
        exp: expires_on,
        aio: opaque::<24>(exchange),
        oid: object_id,
        rh: format!("1.{}.", opaque::<24>(exchange)),
        sub: object_id,
        tid: client.tenant,
        uti: &token_id,
        ver,
        xms_mirid: mirid,
    };
    let payload = serde_json::to_vec(&claims)
        .map_err(|source| PortError { what: "printing the claims", source: Box::new(source) })?;
    let token = exchange.signer.sign(requested.version, &payload)?;
    let resource = requested.name.clone();
    Ok(Minted { token, token_id, expires_in: seconds - 1, expires_on, not_before, resource })
}

fn client_claims(client: &Client, version: TokenVersion, proof: Proof, iss: &str) -> ClientClaims {
    let id = client.client_id.to_string();
    let proof = match proof {
        Proof::Secret => "1",
        Proof::Assertion => "2",
    };
    match version {
        TokenVersion::V1 => ClientClaims::V1 { appid: id, appidacr: proof, idp: iss.to_owned(), idtyp: "app" },
        TokenVersion::V2 => ClientClaims::V2 { azp: id, azpacr: proof },
    }
}

/// Random bytes in base64url: clients treat `aio`, `rh` and `uti` as opaque.
fn opaque<const N: usize>(exchange: &Exchange) -> String {
    let mut bytes = [0; N];
    exchange.random.fill(&mut bytes);
    base64url::encode(bytes)
}
