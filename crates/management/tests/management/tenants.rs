use serde_json::{Value, json};
use symbolon_core::{
    ports::{Directory, management::ManagementStore},
    role,
    tenant::TenantSettings,
};

use crate::world::{MANAGEMENT, TENANT, Who, World};

const TENANTS: &str = "/symbolon/v1/tenants";
const OWN: &str = "/symbolon/v1/tenant";

#[tokio::test]
async fn a_new_tenant_has_a_subscription_a_group_and_an_administrator() {
    let world = World::new().await;
    let body = json!({ "displayName": "Third", "domains": ["Third.Example"] });
    let made = world.arm("POST", TENANTS, Some(body)).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let tenant = made.body["tenantId"].as_str().unwrap().parse().unwrap();
    assert_eq!(*made.body["domains"].as_array().unwrap(), ["third.example"]);
    let credential = &made.body["administrator"];
    assert_eq!(credential["privateKey"], "once");
    assert_eq!(credential["tenantId"], made.body["tenantId"]);
    assert_eq!(credential["subscriptionId"], made.body["subscriptionId"]);

    let subscriptions = world.store.subscriptions(tenant).await.unwrap();
    assert_eq!(subscriptions.len(), 1);
    assert_eq!(json!(subscriptions[0].id), made.body["subscriptionId"]);
    assert!(world.store.resource_group(subscriptions[0].id, "symbolon").await.is_ok());
    let application = world.store.applications(tenant).await.unwrap().remove(0);
    assert_eq!(json!(application.app_id), credential["clientId"]);
    let roles = world.store.role_assignments(tenant, application.service_principal.unwrap().object_id);
    assert_eq!((roles[0].role, roles[0].scope.as_str()), (role::OWNER, "/"));
    let trail = world.trail().await;
    assert!(!serde_json::to_string(&trail).unwrap().contains("once"));

    let again = json!({ "displayName": "Again", "tenantId": tenant });
    assert_eq!(world.arm("POST", TENANTS, Some(again)).await.status, 409);
    let taken = json!({ "displayName": "Again", "domains": ["third.example"] });
    assert_eq!(world.arm("POST", TENANTS, Some(taken)).await.status, 409);
    let all = world.arm("GET", TENANTS, None).await;
    let names: Vec<_> = all.body["value"].as_array().unwrap().iter().map(|tenant| &tenant["displayName"]).collect();
    assert_eq!(names, ["Contoso", "Fabrikam", "Third"]);
}

#[tokio::test]
async fn bad_tenants_are_refused() {
    let world = World::new().await;
    for body in [
        json!({ "displayName": " " }),
        json!({ "displayName": "a", "tenantId": "x" }),
        json!({ "displayName": "a", "domains": ["nodot"] }),
        json!({ "displayName": "a", "domains": ["a..b"] }),
        json!({ "displayName": "a", "settings": { "maxFederatedCredentials": -1 } }),
        json!({ "displayName": "a", "settings": { "simulate": { "propagationDelaySeconds": 90_000 } } }),
    ] {
        let answer = world.arm("POST", TENANTS, Some(body.clone())).await;
        assert_eq!(answer.refusal(), (400, "InvalidTenant"), "{body}");
    }
}

#[tokio::test]
async fn settings_change_one_by_one() {
    let world = World::new().await;
    let patch = async |settings: Value| world.arm("PATCH", OWN, Some(json!({ "settings": settings }))).await;
    let throttled = patch(json!({ "simulate": { "throttling": true } })).await;
    assert_eq!(throttled.status, 200, "{}", throttled.body);
    patch(json!({ "simulate": { "propagationDelaySeconds": 5 } })).await;
    let settings = || world.store.tenant(TENANT).unwrap().settings.clone();
    assert_eq!(settings().max_federated_credentials, Some(2));
    assert!(settings().simulate.throttling);
    assert_eq!(settings().simulate.propagation_delay_seconds, 5);
    patch(json!({ "maxFederatedCredentials": null })).await;
    assert_eq!(settings().max_federated_credentials, None);
    patch(json!({ "maxFederatedCredentials": 20, "simulate": { "throttling": false, "propagationDelaySeconds": 0 } }))
        .await;
    assert_eq!(settings(), TenantSettings { max_federated_credentials: Some(20), ..TenantSettings::default() });
    let renamed = world.arm("PATCH", OWN, Some(json!({ "displayName": "New" }))).await;
    assert_eq!(renamed.body["displayName"], "New");
    assert_eq!(world.arm("GET", OWN, None).await.body, renamed.body);
}

#[tokio::test]
async fn an_owner_makes_subscriptions_in_its_own_tenant() {
    let world = World::new().await;
    let path = "/symbolon/v1/subscriptions";
    let body = json!({ "displayName": "Second" });
    let made = world.call(Who::Foreigner, MANAGEMENT, "POST", path, Some(&body)).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let listed = world.call(Who::Foreigner, MANAGEMENT, "GET", path, None).await;
    assert_eq!(listed.body["value"][1], made.body);
    assert_eq!(world.arm("GET", path, None).await.body["value"].as_array().unwrap().len(), 1);
    let refused = world.call(Who::Reader, MANAGEMENT, "POST", path, Some(&body)).await;
    assert_eq!(refused.refusal(), (403, "AuthorizationFailed"));
}
