//! What a resource would check about an access token.

use reqwest::{Certificate, Client};
use serde_json::Value;
use symbolon_jose::{JwkSet, Unverified, VerificationKeys};

use crate::{identity::Identity, installation::Installation};

/// Seconds that a managed identity's token lives, with the five minutes by which it is back-dated.
const LIFETIME: i64 = 24 * 3600 + 300;

/// Checks the signature against the published keys, and the claims.
pub(crate) fn verify(installation: &Installation, token: &str, identity: &Identity, audience: &str) {
    let tenant = installation.variable("AZURE_TENANT_ID");
    let authority = format!("{}{tenant}", installation.variable("AZURE_AUTHORITY_HOST"));
    let keys = get(installation, &format!("{authority}/discovery/v2.0/keys"));
    let keys = VerificationKeys::new(&JwkSet::parse(&keys, 100).unwrap());
    let unverified = Unverified::parse(token).unwrap();
    let kid = unverified.header().kid().unwrap().to_owned();
    let key = keys.get(&kid).unwrap_or_else(|| panic!("the key `{kid}` is not published"));
    let claims: Value = unverified.verify(key).unwrap().claims().unwrap();

    let discovery = get(installation, &format!("{authority}/.well-known/openid-configuration"));
    let discovery: Value = serde_json::from_slice(&discovery).unwrap();
    let client_id = claims.get("appid").or_else(|| claims.get("azp")).unwrap_or(&Value::Null);
    assert_eq!(claims["iss"], discovery["issuer"], "{claims}");
    assert_eq!(claims["aud"], audience, "{claims}");
    assert_eq!(claims["tid"], tenant, "{claims}");
    assert_eq!(client_id, identity.client_id.as_str(), "{claims}");
    assert_eq!(claims["oid"], identity.principal_id.as_str(), "{claims}");
    assert_eq!(claims["sub"], identity.principal_id.as_str(), "{claims}");
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), LIFETIME, "{claims}");
}

/// Gets a public document, with trust for the local CA alone.
fn get(installation: &Installation, url: &str) -> Vec<u8> {
    let pem = std::fs::read(installation.variable("SYMBOLON_CA_FILE")).unwrap();
    let client = Client::builder()
        .tls_certs_only(Certificate::from_pem_bundle(&pem).unwrap())
        .no_proxy()
        .https_only(true)
        .build()
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let response = client.get(url).send().await.unwrap().error_for_status().unwrap();
        response.bytes().await.unwrap().to_vec()
    })
}
