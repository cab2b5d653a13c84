//! The access token: its claims, its times, its ids.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;
use symbolon_core::exchange::{
    Call,
    request::{Endpoint, JWT_BEARER},
};

use crate::case::{CORRELATION, Case, TRACE};
use crate::token::{Token, header, payload};
use crate::world::{APP, IDENTITY, NOW, TENANT, World};

#[tokio::test]
async fn the_token_of_a_managed_identity_in_version_1() {
    let granted = Case::federated().with(|c| c.v2("https://management.azure.com/")).call().await.granted();
    insta::assert_snapshot!(payload(&granted.access_token), @r#"{"aud":"https://management.azure.com/","iss":"https://localhost:8443/11111111-1111-4111-8111-111111111111/","iat":1780314900,"nbf":1780314900,"exp":1780401600,"aio":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAC","appid":"aaaaaaaa-0000-4000-8000-000000000001","appidacr":"2","idp":"https://localhost:8443/11111111-1111-4111-8111-111111111111/","idtyp":"app","oid":"aaaaaaaa-0000-4000-8000-00000000000f","rh":"1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAD.","sub":"aaaaaaaa-0000-4000-8000-00000000000f","tid":"11111111-1111-4111-8111-111111111111","uti":"AAAAAAAAAAAAAAAAAAAAAQ","ver":"1.0","xms_mirid":"/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/sademo"}"#);
    insta::assert_snapshot!(header(&granted.access_token), @r#"{"typ":"JWT","alg":"ES256","x5t":"authority-key","kid":"authority-key"}"#);
    assert_eq!(granted.expires_in, 86_399);
    assert_eq!(granted.expires_on, NOW + 86_400);
    assert_eq!(granted.not_before, NOW - 300);
}

#[tokio::test]
async fn the_token_of_an_application_in_version_1() {
    let granted = Case::secret().call().await.granted();
    insta::assert_snapshot!(payload(&granted.access_token), @r#"{"aud":"https://vault.azure.net","iss":"https://localhost:8443/11111111-1111-4111-8111-111111111111/","iat":1780314900,"nbf":1780314900,"exp":1780318800,"aio":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAC","appid":"bbbbbbbb-0000-4000-8000-000000000001","appidacr":"1","idp":"https://localhost:8443/11111111-1111-4111-8111-111111111111/","idtyp":"app","oid":"bbbbbbbb-0000-4000-8000-00000000000f","rh":"1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAD.","sub":"bbbbbbbb-0000-4000-8000-00000000000f","tid":"11111111-1111-4111-8111-111111111111","uti":"AAAAAAAAAAAAAAAAAAAAAQ","ver":"1.0"}"#);
    assert_eq!(granted.expires_in, 3_599);
    assert_eq!(granted.expires_on, NOW + 3_600);
    assert_eq!(granted.not_before, NOW - 300);
}

#[tokio::test]
async fn the_token_of_a_managed_identity_in_version_2() {
    let granted = Case::federated().with(|c| c.v2("api://two")).call().await.granted();
    insta::assert_snapshot!(payload(&granted.access_token), @r#"{"aud":"cccccccc-0000-4000-8000-000000000002","iss":"https://localhost:8443/11111111-1111-4111-8111-111111111111/v2.0","iat":1780314900,"nbf":1780314900,"exp":1780401600,"aio":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAC","azp":"aaaaaaaa-0000-4000-8000-000000000001","azpacr":"2","oid":"aaaaaaaa-0000-4000-8000-00000000000f","rh":"1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAD.","sub":"aaaaaaaa-0000-4000-8000-00000000000f","tid":"11111111-1111-4111-8111-111111111111","uti":"AAAAAAAAAAAAAAAAAAAAAQ","ver":"2.0","xms_mirid":"/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/sademo"}"#);
    insta::assert_snapshot!(header(&granted.access_token), @r#"{"typ":"JWT","alg":"ES256","kid":"authority-key"}"#);
}

#[tokio::test]
async fn the_token_of_an_application_in_version_2() {
    let granted = Case::secret().with(|c| c.v2("api://two")).call().await.granted();
    insta::assert_snapshot!(payload(&granted.access_token), @r#"{"aud":"cccccccc-0000-4000-8000-000000000002","iss":"https://localhost:8443/11111111-1111-4111-8111-111111111111/v2.0","iat":1780314900,"nbf":1780314900,"exp":1780318800,"aio":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAC","azp":"bbbbbbbb-0000-4000-8000-000000000001","azpacr":"1","oid":"bbbbbbbb-0000-4000-8000-00000000000f","rh":"1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAD.","sub":"bbbbbbbb-0000-4000-8000-00000000000f","tid":"11111111-1111-4111-8111-111111111111","uti":"AAAAAAAAAAAAAAAAAAAAAQ","ver":"2.0"}"#);
}

#[tokio::test]
async fn how_the_client_proved_itself_stands_in_the_token() {
    let app = |case: Case| case.with(|c| c.client(APP));
    for (case, proof) in [(Case::secret(), "1"), (Case::certificate(), "2"), (app(Case::federated()), "2")] {
        let claims: Value = serde_json::from_str(&payload(&case.call().await.granted().access_token)).unwrap();
        assert_eq!(claims["appidacr"], proof);
    }
}

#[tokio::test]
async fn the_assertion_s_expiry_does_not_bound_the_token() {
    let granted = Case::federated().with(|c| c.token.claim("exp", NOW + 1)).call().await.granted();
    assert_eq!(granted.expires_on, NOW + 86_400);
}

#[tokio::test]
async fn every_token_has_an_id_of_its_own_which_the_audit_trail_knows() {
    let world = Arc::new(World::new());
    let exchange = world.exchange();
    let assertion = Token::of_a_pod().print();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &IDENTITY.to_string()),
        ("client_assertion_type", JWT_BEARER),
        ("client_assertion", &assertion),
        ("scope", "https://vault.azure.net/.default"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let tenant = TENANT.to_string();
    let mut ids = HashSet::new();
    for _ in 0..20 {
        let call = Call {
            endpoint: Endpoint::V2,
            tenant: &tenant,
            form: &form,
            basic: None,
            trace_id: TRACE,
            correlation_id: CORRELATION,
        };
        let granted = exchange.token(call).await.unwrap();
        let claims: Value = serde_json::from_str(&payload(&granted.access_token)).unwrap();
        assert_eq!(claims["uti"].as_str(), granted.facts.token_id.as_deref());
        ids.insert(claims["uti"].clone());
    }
    assert_eq!(ids.len(), 20);
    let recorded: HashSet<_> = world
        .records
        .lock()
        .unwrap()
        .iter()
        .map(|record| Value::from(record.facts.token_id.clone().unwrap()))
        .collect();
    assert_eq!(recorded, ids);
}
