//! Assertions that a client signs with the key of its own registered certificate.

use symbolon_core::{
    application::CertificateKey,
    client::{Client, ClientKind},
};
use symbolon_jose::base64url;

use crate::case::{Case, Keys::NotAsked, Row, refuses};
use crate::token::{ATTACKER_KEYS, payload};
use crate::world::{APP, AUTHORITY, IDENTITY, ISSUER, NOW, OTHER_APP, OTHER_TENANT, TENANT, certificate};

#[tokio::test]
async fn the_certificate_is_found_by_any_of_its_names() {
    let registered = certificate("app").certificate;
    let hex: String = base64url::decode(&registered.x5t).unwrap().into_iter().map(hex_digits).collect();
    for (header, value) in [
        ("x5t", registered.x5t.clone()),
        ("x5t#S256", registered.x5t_s256.clone()),
        ("kid", registered.x5t.clone()),
        ("kid", registered.x5t_s256.clone()),
        ("kid", hex.clone()),
        ("kid", hex.to_uppercase()),
    ] {
        let answer = Case::certificate()
            .with(|c| {
                c.token.without_header("x5t");
                c.token.header(header, value.clone());
            })
            .call()
            .await;
        assert_eq!((answer.code(), answer.asked.len()), (0, 0), "{header} {value}");
        let token = answer.granted().access_token;
        assert!(payload(&token).contains(r#""appidacr":"2""#));
    }
}

#[tokio::test]
async fn every_endpoint_and_issuer_of_the_tenant_is_an_audience() {
    for audience in [
        format!("{AUTHORITY}/{TENANT}/oauth2/v2.0/token"),
        format!("{AUTHORITY}/{TENANT}/oauth2/token"),
        format!("{AUTHORITY}/{TENANT}/v2.0"),
        format!("{AUTHORITY}/{TENANT}/"),
        format!("{AUTHORITY}/contoso.example/oauth2/v2.0/token"),
        format!("{AUTHORITY}/contoso.example/oauth2/token"),
    ] {
        let answer = Case::certificate()
            .with(|c| {
                c.tenant = "contoso.example".into();
                c.token.claim("aud", audience.clone());
            })
            .call()
            .await;
        assert_eq!(answer.code(), 0, "{audience}");
    }
}

/// Assertions of the application itself with one thing wrong.
const REFUSED: &[Row] = &[
    (
        "no certificate registered",
        |c| certificates(c.world.client_mut(APP)).clear(),
        700_027,
        "invalid_client",
        NotAsked,
    ),
    (
        "another certificate registered",
        |c| *certificates(c.world.client_mut(APP)) = vec![certificate("other")],
        700_027,
        "invalid_client",
        NotAsked,
    ),
    ("thumbprint of no certificate", |c| c.token.header("x5t", "AAAA"), 700_027, "invalid_client", NotAsked),
    ("no thumbprint", |c| c.token.without_header("x5t"), 5_002_723, "invalid_client", NotAsked),
    ("signed by another key", |c| c.token.signed_by = &ATTACKER_KEYS, 700_027, "invalid_client", NotAsked),
    (
        "certificate has expired",
        |c| certificates(c.world.client_mut(APP))[0].certificate.end = NOW,
        700_027,
        "invalid_client",
        NotAsked,
    ),
    (
        "certificate is not valid yet",
        |c| certificates(c.world.client_mut(APP))[0].certificate.start = NOW + 1,
        700_027,
        "invalid_client",
        NotAsked,
    ),
    ("subject is not the client", |c| c.token.claim("sub", OTHER_APP.to_string()), 700_021, "invalid_client", NotAsked),
    ("no subject", |c| c.token.without_claim("sub"), 90_014, "invalid_request", NotAsked),
    (
        "audience of another server",
        |c| c.token.claim("aud", "https://login.example/token"),
        700_023,
        "invalid_client",
        NotAsked,
    ),
    (
        "audience of another tenant",
        |c| c.token.claim("aud", format!("{AUTHORITY}/{OTHER_TENANT}/oauth2/v2.0/token")),
        700_023,
        "invalid_client",
        NotAsked,
    ),
    (
        "audience with a slash more",
        |c| c.token.claim("aud", format!("{AUTHORITY}/{TENANT}/oauth2/v2.0/token/")),
        700_023,
        "invalid_client",
        NotAsked,
    ),
    (
        "audience a domain that the request did not use",
        |c| c.token.claim("aud", format!("{AUTHORITY}/contoso.example/oauth2/v2.0/token")),
        700_023,
        "invalid_client",
        NotAsked,
    ),
    ("no audience", |c| c.token.without_claim("aud"), 90_014, "invalid_request", NotAsked),
    ("expired", |c| c.token.claim("exp", NOW - 60), 700_024, "invalid_client", NotAsked),
    ("not yet valid", |c| c.token.claim("nbf", NOW + 61), 700_024, "invalid_client", NotAsked),
    ("no expiry", |c| c.token.without_claim("exp"), 90_014, "invalid_request", NotAsked),
    ("presented by another application", |c| c.client(OTHER_APP), 700_021, "invalid_client", NotAsked),
    ("presented by an identity", |c| c.client(IDENTITY), 700_021, "invalid_client", NotAsked),
    (
        "algorithm of another family",
        |c| {
            c.token.header("alg", "ES256");
            c.token.signed_with = "ES256";
        },
        700_027,
        "invalid_client",
        NotAsked,
    ),
    ("crit", |c| c.token.header("crit", vec!["x"]), 5_002_726, "invalid_client", NotAsked),
];

#[tokio::test]
async fn every_other_assertion_of_its_own_is_refused() {
    refuses(Case::certificate, REFUSED).await;
}

#[tokio::test]
async fn the_letter_case_of_its_own_id_does_not_matter() {
    for claim in ["iss", "sub"] {
        let answer = Case::certificate().with(|c| c.token.claim(claim, APP.to_string().to_uppercase())).call().await;
        assert_eq!(answer.code(), 0, "{claim}");
    }
}

#[tokio::test]
async fn the_key_of_a_certificate_signs_no_federated_tokens() {
    let answer = Case::certificate().with(|c| c.token.claim("iss", ISSUER)).call().await;
    assert_eq!((answer.code(), answer.asked.len()), (700_212, 0));
}

#[tokio::test]
async fn of_several_certificates_the_named_one_is_used() {
    let mut second = certificate("second");
    second.key = ATTACKER_KEYS.public("rsa");
    let case = |name: &'static str| {
        let second = second.clone();
        Case::certificate().with(|c| {
            certificates(c.world.client_mut(APP)).push(second);
            c.token.signed_by = &ATTACKER_KEYS;
            c.token.header("x5t", certificate(name).certificate.x5t);
        })
    };
    assert_eq!(case("second").call().await.code(), 0);
    assert_eq!(case("app").call().await.code(), 700_027);
}

fn hex_digits(byte: u8) -> String {
    format!("{byte:02x}")
}

fn certificates(client: &mut Client) -> &mut Vec<CertificateKey> {
    match &mut client.kind {
        ClientKind::Application { certificates, .. } => certificates,
        ClientKind::ManagedIdentity { .. } => panic!("a managed identity has no certificates"),
    }
}
