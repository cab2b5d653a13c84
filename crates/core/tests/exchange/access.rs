//! The check of access tokens, and of roles.

use std::sync::Arc;

use serde_json::{Value, json};
use symbolon_core::{
    ObjectId, TenantId,
    access::{AccessError, Action, Principal},
    resource::WellKnown,
    role::{OWNER, RoleAssignment},
};
use symbolon_jose::SigningHeader;
use uuid::Uuid;

use crate::case::Case;
use crate::token::{ISSUER_KEYS, Token};
use crate::world::{
    APP, APP_OBJECT, AUTHORITY, AUTHORITY_KEY, AUTHORITY_KEY_ID, IDENTITY, IDENTITY_OBJECT, NOW, OTHER_TENANT, TENANT,
    World,
};

const VAULT: &str = "https://vault.azure.net";

fn verify_at(second: i64, token: &str, resource: WellKnown) -> Result<Principal, AccessError> {
    Arc::new(World::new().at(second)).access().verify(token, resource)
}

fn verify(token: &str) -> Result<Principal, AccessError> {
    verify_at(NOW, token, WellKnown::KeyVault)
}

/// A token that the authority's key really signed, with these claims changed.
fn signed(change: impl FnOnce(&mut Value)) -> String {
    let mut claims = json!({
        "aud": VAULT, "iss": format!("{AUTHORITY}/{TENANT}/"), "iat": NOW, "nbf": NOW, "exp": NOW + 3600,
        "appid": APP, "oid": APP_OBJECT, "sub": APP_OBJECT, "tid": TENANT, "ver": "1.0",
    });
    change(&mut claims);
    let header = SigningHeader { kid: Some(AUTHORITY_KEY_ID.into()), ..SigningHeader::default() };
    AUTHORITY_KEY.sign(&header, &claims).unwrap()
}

#[tokio::test]
async fn a_token_of_the_exchange_speaks_for_its_client() {
    let granted = Case::federated().call().await.granted();
    let principal = verify(&granted.access_token).unwrap();
    assert_eq!(principal.tenant(), TENANT);
    assert_eq!(principal.client_id(), IDENTITY);
    assert_eq!(principal.object_id(), IDENTITY_OBJECT);
}

#[tokio::test]
async fn a_version_2_token_of_the_exchange_does_too() {
    let granted = Case::federated().with(|c| c.v2("api://AzureADTokenExchange")).call().await.granted();
    let principal = verify_at(NOW, &granted.access_token, WellKnown::TokenExchange).unwrap();
    assert_eq!(principal.client_id(), IDENTITY);
}

#[tokio::test]
async fn every_alias_of_a_resource_is_its_audience_and_no_other_resource_s() {
    for audience in [VAULT, "https://vault.azure.net/", "https://localhost:8445"] {
        let token = signed(|c| c["aud"] = audience.into());
        assert!(verify(&token).is_ok(), "{audience}");
        let elsewhere = verify_at(NOW, &token, WellKnown::ResourceManager);
        assert_eq!(elsewhere, Err(AccessError::Audience(audience.into())));
    }
    let token = signed(|c| c["aud"] = "https://vault.azure.net.example".into());
    assert!(matches!(verify(&token), Err(AccessError::Audience(_))));
}

#[tokio::test]
async fn only_the_authority_s_published_keys_sign() {
    let good = signed(|_| ());
    assert!(verify(&good).is_ok());

    let mut foreign = Token::of_a_pod();
    foreign.claims = serde_json::from_str(&crate::token::payload(&good)).unwrap();
    for kid in [AUTHORITY_KEY_ID, "rsa", ""] {
        foreign.algorithm("ES256");
        foreign.header("kid", kid);
        assert_eq!(verify(&foreign.print()), Err(AccessError::Signature), "{kid}");
    }
    foreign.header("kid", AUTHORITY_KEY_ID);
    foreign.header("jwk", serde_json::to_value(ISSUER_KEYS.public("p256").to_jwk()).unwrap());
    assert_eq!(verify(&foreign.print()), Err(AccessError::Signature));
    foreign.without_header("kid");
    assert_eq!(verify(&foreign.print()), Err(AccessError::Signature));

    let (input, signature) = good.rsplit_once('.').unwrap();
    let another = signed(|c| c["oid"] = IDENTITY_OBJECT.to_string().into());
    let (_, other) = another.rsplit_once('.').unwrap();
    assert_ne!(signature, other);
    assert_eq!(verify(&format!("{input}.{other}")), Err(AccessError::Signature));
}

#[tokio::test]
async fn a_service_account_s_token_is_no_access_token() {
    let of_the_cluster = Token::of_a_pod().print();
    assert_eq!(verify(&of_the_cluster), Err(AccessError::Signature));
    let same_claims_our_key = signed(|c| *c = Token::of_a_pod().claims);
    assert!(matches!(verify(&same_claims_our_key), Err(AccessError::Malformed(_))));
}

#[tokio::test]
async fn unsigned_and_hmac_tokens_are_malformed() {
    for algorithm in ["none", "HS256"] {
        let mut token = Token::of_a_pod();
        token.algorithm(algorithm);
        token.header("kid", AUTHORITY_KEY_ID);
        assert!(matches!(verify(&token.print()), Err(AccessError::Malformed(_))), "{algorithm}");
    }
    for text in ["", "..", "not-a-token"] {
        assert!(matches!(verify(text), Err(AccessError::Malformed(_))), "{text}");
    }
}

#[tokio::test]
async fn issuer_and_tenant_belong_together_and_to_this_authority() {
    let issuer = |iss: String, tid: TenantId| {
        verify(&signed(|c| {
            c["iss"] = iss.clone().into();
            c["tid"] = tid.to_string().into();
        }))
    };
    let other = |iss: &str| Err(AccessError::Issuer(iss.to_owned()));
    assert!(issuer(format!("{AUTHORITY}/{TENANT}/"), TENANT).is_ok());
    assert!(issuer(format!("{AUTHORITY}/{TENANT}/v2.0"), TENANT).is_ok());
    for iss in [
        format!("{AUTHORITY}/{TENANT}"),
        format!("{AUTHORITY}/{TENANT}/v2.0/"),
        format!("{AUTHORITY}/{OTHER_TENANT}/"),
        format!("https://sts.windows.net/{TENANT}/"),
        "https://localhost:8447".to_owned(),
    ] {
        assert_eq!(issuer(iss.clone(), TENANT), other(&iss));
    }
    let unknown = TenantId::new(Uuid::from_u128(1));
    let iss = format!("{AUTHORITY}/{unknown}/");
    assert_eq!(issuer(iss.clone(), unknown), other(&iss), "a tenant that was deleted");
    assert_eq!(issuer(format!("{AUTHORITY}/{OTHER_TENANT}/"), OTHER_TENANT).unwrap().tenant(), OTHER_TENANT);
}

#[tokio::test]
async fn a_token_is_valid_from_nbf_to_exp_with_sixty_seconds_of_skew() {
    let token = signed(|c| {
        c["nbf"] = NOW.into();
        c["exp"] = (NOW + 600).into();
    });
    for (second, valid) in [(-61, false), (-60, true), (0, true), (659, true), (660, false)] {
        let found = verify_at(NOW + second, &token, WellKnown::KeyVault);
        assert_eq!(found.is_ok(), valid, "{second}");
        if let Err(error) = found {
            assert_eq!(error, AccessError::Time { not_before: NOW, expires: NOW + 600 });
        }
    }
}

#[tokio::test]
async fn a_token_without_a_needed_claim_is_malformed() {
    for claim in ["iss", "aud", "exp", "nbf", "tid", "oid", "appid"] {
        let token = signed(|c| {
            c.as_object_mut().unwrap().remove(claim);
        });
        assert!(matches!(verify(&token), Err(AccessError::Malformed(_))), "{claim}");
    }
}

#[derive(Clone, Copy, Debug)]
struct ReadSecret;

impl Action for ReadSecret {
    fn name(self) -> &'static str {
        "Microsoft.KeyVault/vaults/secrets/read"
    }
}

fn owner(tenant: TenantId, principal: ObjectId, scope: &str) -> RoleAssignment {
    RoleAssignment { id: Uuid::from_u128(7), tenant, principal, role: OWNER, scope: scope.into() }
}

#[tokio::test]
async fn an_action_is_authorised_by_a_role_at_or_above_the_scope() {
    let mut world = World::new();
    world.roles = vec![owner(TENANT, APP_OBJECT, "/subscriptions/s")];
    let access = Arc::new(world).access();
    let principal = access.verify(&signed(|_| ()), WellKnown::KeyVault).unwrap();
    let scope = "/subscriptions/s/resourceGroups/g";
    let authorized = access.authorize(&principal, ReadSecret, scope).unwrap();
    assert_eq!(authorized.principal(), &principal);
    assert_eq!(authorized.tenant(), TENANT);
    assert_eq!(authorized.scope(), scope);
    assert_eq!(authorized.action().name(), ReadSecret.name());
}

#[tokio::test]
async fn without_a_role_of_its_own_in_its_own_tenant_and_scope_nothing_is_authorised() {
    for role in [
        None,
        Some(owner(TENANT, IDENTITY_OBJECT, "/")),
        Some(owner(OTHER_TENANT, APP_OBJECT, "/")),
        Some(owner(TENANT, APP_OBJECT, "/subscriptions/other")),
        Some(RoleAssignment { role: Uuid::from_u128(9), ..owner(TENANT, APP_OBJECT, "/") }),
    ] {
        let mut world = World::new();
        world.roles = role.into_iter().collect();
        let access = Arc::new(world).access();
        let principal = access.verify(&signed(|_| ()), WellKnown::KeyVault).unwrap();
        let refused = access.authorize(&principal, ReadSecret, "/subscriptions/s").unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the client `bbbbbbbb-0000-4000-8000-000000000001` with object id `bbbbbbbb-0000-4000-8000-00000000000f` does not have authorization to perform action `Microsoft.KeyVault/vaults/secrets/read` over scope `/subscriptions/s`"
        );
    }
}
