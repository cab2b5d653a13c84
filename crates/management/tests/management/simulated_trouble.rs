use serde_json::{Value, json};
use symbolon_core::{
    ports::Directory,
    tenant::{SimulatedTrouble, TenantSettings},
};

use crate::world::{IDENTITIES, NOW, TENANT, VERSION, World};

const CREDENTIALS: &str = "/federatedIdentityCredentials";

fn path(name: &str) -> String {
    format!("{IDENTITIES}/one{CREDENTIALS}/{name}?{VERSION}")
}

fn body(subject: &str) -> Value {
    json!({ "properties": { "issuer": "https://i.example", "subject": subject, "audiences": ["a"] } })
}

async fn world(simulate: SimulatedTrouble) -> World {
    let world = World::new().await;
    world.settings(TenantSettings { max_federated_credentials: None, simulate }).await;
    world.create_identity("one").await;
    world
}

#[tokio::test]
async fn a_credential_counts_after_the_delay_that_the_tenant_asks_for() {
    let world = world(SimulatedTrouble { propagation_delay_seconds: 30, ..SimulatedTrouble::default() }).await;
    let identity = world.arm("GET", &format!("{IDENTITIES}/one?{VERSION}"), None).await;
    let client = identity.body["properties"]["clientId"].as_str().unwrap().parse().unwrap();
    assert_eq!(world.arm("PUT", &path("fic"), Some(body("s"))).await.status, 201);
    let effective = || world.store.client(TENANT, client).unwrap().federated_credentials.as_slice()[0].effective_at();
    assert_eq!(effective(), NOW + 30);
    world.settings(TenantSettings::default()).await;
    assert_eq!(world.arm("PUT", &path("fic"), Some(body("s"))).await.status, 200);
    assert_eq!(effective(), 0);
}

#[tokio::test]
async fn above_entra_s_rates_it_is_429_and_says_when_to_come_back() {
    let world = world(SimulatedTrouble { throttling: true, ..SimulatedTrouble::default() }).await;
    assert_eq!(world.arm("PUT", &path("fic"), Some(body("s"))).await.status, 201);
    let refused = world.arm("PUT", &path("fic"), Some(body("s"))).await;
    assert_eq!(refused.refusal(), (429, "TooManyRequests"));
    assert_eq!(refused.header("retry-after"), "4");
    // Each kind of request has its own rates.
    assert_eq!(world.arm("GET", &path("fic"), None).await.status, 200);
    assert_eq!(world.arm("GET", &path("fic"), None).await.header("retry-after"), "2");
    let list = format!("{IDENTITIES}/one{CREDENTIALS}?{VERSION}");
    assert_eq!(world.arm("GET", &list, None).await.status, 200);
    assert_eq!(world.arm("GET", &list, None).await.status, 429);
    world.at(NOW + 4);
    assert_eq!(world.arm("PUT", &path("fic"), Some(body("s"))).await.status, 200);
    assert_eq!(world.arm("DELETE", &path("fic"), None).await.status, 200);
    assert_eq!(world.arm("DELETE", &path("fic"), None).await.status, 429);
    world.settings(TenantSettings::default()).await;
    assert_eq!(world.arm("DELETE", &path("fic"), None).await.status, 204);
}
