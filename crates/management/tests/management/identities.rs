use serde_json::{Value, json};
use symbolon_core::audit::{Operation, Outcome};

use crate::world::{GROUP, IDENTITIES, IDENTITY_IDS, MANAGEMENT, SUBSCRIPTION, TENANT, VERSION, World};

fn path(name: &str) -> String {
    format!("{IDENTITIES}/{name}?{VERSION}")
}

#[tokio::test]
async fn an_identity_is_created_once_and_then_updated_with_the_same_ids() {
    let world = World::new().await;
    let body = json!({ "location": "West Europe", "tags": { "team": "a" } });
    let created = world.arm("PUT", &path("one"), Some(body)).await;
    assert_eq!(created.status, 201);
    let ids = created.body["properties"].clone();
    assert_eq!(ids["tenantId"], TENANT.to_string());
    assert_ne!(ids["clientId"], ids["principalId"]);
    assert_eq!(
        created.body,
        json!({
            "id": format!("{IDENTITY_IDS}/one"),
            "name": "one",
            "type": "Microsoft.ManagedIdentity/userAssignedIdentities",
            "location": "West Europe",
            "tags": { "team": "a" },
            "properties": ids,
        })
    );
    let updated = world.arm("PUT", &path("ONE"), Some(json!({ "location": "westeurope" }))).await;
    assert_eq!(updated.status, 200);
    assert_eq!(updated.body["properties"], ids);
    assert_eq!(updated.body["tags"], json!({}));
    assert_eq!(world.arm("GET", &path("one"), None).await.body, updated.body);
}

#[tokio::test]
async fn patch_replaces_the_tags_and_nothing_else() {
    let world = World::new().await;
    let created = world.create_identity("one").await;
    let patched = world.arm("PATCH", &path("one"), Some(json!({ "tags": { "a": "b" } }))).await;
    assert_eq!(patched.status, 200);
    assert_eq!(patched.body["tags"], json!({ "a": "b" }));
    assert_eq!(patched.body["properties"], created["properties"]);
    let untouched = world.arm("PATCH", &path("one"), Some(json!({}))).await;
    assert_eq!(untouched.body, patched.body);
    assert_eq!(world.arm("PATCH", &path("two"), Some(json!({}))).await.refusal(), (404, "ResourceNotFound"));
}

#[tokio::test]
async fn deleting_is_200_and_then_204() {
    let world = World::new().await;
    world.create_identity("one").await;
    assert_eq!(world.arm("DELETE", &path("One"), None).await.status, 200);
    assert_eq!(world.arm("DELETE", &path("one"), None).await.status, 204);
    let gone = world.arm("GET", &path("one"), None).await;
    assert_eq!(gone.refusal(), (404, "ResourceNotFound"));
    assert_eq!(
        gone.message(),
        "The Resource 'Microsoft.ManagedIdentity/userAssignedIdentities/one' under resource group 'rg1' was not found."
    );
}

#[tokio::test]
async fn bad_identities_are_refused() {
    let world = World::new().await;
    let put = async |name: &str, body: Value| world.arm("PUT", &path(name), Some(body)).await;
    assert_eq!(put("one", json!({})).await.refusal(), (400, "LocationRequired"));
    assert_eq!(put("one", json!({ "location": " " })).await.refusal(), (400, "LocationRequired"));
    for name in ["ab", "-ab", "a%20b", "a.b", "a%2Fb", &"a".repeat(129)] {
        assert_eq!(put(name, json!({ "location": "a" })).await.refusal(), (400, "InvalidResourceName"), "{name}");
    }
    let tags: serde_json::Map<_, _> = (0..51).map(|n| (format!("t{n}"), json!(""))).collect();
    assert_eq!(put("one", json!({ "location": "a", "tags": tags })).await.refusal(), (400, "InvalidTags"));
    assert_eq!(world.arm("GET", &path("one"), None).await.status, 404);
}

#[tokio::test]
async fn an_identity_does_not_move_to_another_region() {
    let world = World::new().await;
    world.create_identity("one").await;
    let moved = world.arm("PUT", &path("one"), Some(json!({ "location": "elsewhere" }))).await;
    assert_eq!(moved.refusal(), (409, "InvalidResourceLocation"));
}

#[tokio::test]
async fn an_unknown_resource_group_is_named_as_such() {
    let world = World::new().await;
    let other = path("one").replace("rg1", "rg2");
    for (method, body) in [("GET", None), ("PUT", Some(json!({ "location": "a" }))), ("DELETE", None)] {
        let answer = world.arm(method, &other, body).await;
        assert_eq!(answer.refusal(), (404, "ResourceGroupNotFound"), "{method}");
    }
    let list = format!("{IDENTITIES}?{VERSION}").replace("rg1", "rg2");
    assert_eq!(world.arm("GET", &list, None).await.refusal(), (404, "ResourceGroupNotFound"));
    let group = format!("{GROUP}?{VERSION}").replace("rg1", "rg2");
    assert_eq!(world.arm("GET", &group, None).await.refusal(), (404, "ResourceGroupNotFound"));
}

#[tokio::test]
async fn lists_come_in_pages_of_the_size_that_is_asked() {
    let world = World::new().await;
    for name in ["id1", "id2", "id3", "id4", "id5"] {
        world.create_identity(name).await;
    }
    let in_subscription =
        format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.ManagedIdentity/userAssignedIdentities");
    for list in [IDENTITIES, &in_subscription] {
        let mut names = Vec::new();
        let mut sizes = Vec::new();
        let mut next = Some(format!("{list}?{VERSION}&$top=2"));
        while let Some(path) = next {
            let page = world.arm("GET", &path, None).await;
            assert_eq!(page.status, 200, "{}", page.body);
            let value = page.body["value"].as_array().unwrap();
            sizes.push(value.len());
            names.extend(value.iter().map(|item| item["name"].as_str().unwrap().to_owned()));
            next = page.body["nextLink"].as_str().map(|link| link.strip_prefix(MANAGEMENT).unwrap().to_owned());
        }
        assert_eq!(names, ["id1", "id2", "id3", "id4", "id5"]);
        assert_eq!(sizes, [2, 2, 1]);
    }
    for query in ["$top=0", "$top=x", "$top=1001"] {
        let answer = world.arm("GET", &format!("{IDENTITIES}?{VERSION}&{query}"), None).await;
        assert_eq!(answer.refusal(), (400, "InvalidQueryParameter"), "{query}");
    }
    let answer = world.arm("GET", &format!("{IDENTITIES}?{VERSION}&$skiptoken=!"), None).await;
    assert_eq!(answer.refusal(), (400, "InvalidSkipToken"));
}

#[tokio::test]
async fn every_write_stands_in_the_audit_trail() {
    let world = World::new().await;
    world.create_identity("one").await;
    world.arm("PATCH", &path("one"), Some(json!({ "tags": {} }))).await;
    world.arm("DELETE", &path("one"), None).await;
    // Nothing was there any more, so nothing was done.
    world.arm("DELETE", &path("one"), None).await;
    let trail = world.trail().await;
    let operations: Vec<_> = trail.iter().map(|record| (record.operation, record.outcome)).collect();
    assert_eq!(
        operations,
        [
            (Operation::Write, Outcome::Granted),
            (Operation::Write, Outcome::Granted),
            (Operation::Delete, Outcome::Granted)
        ]
    );
    assert!(trail.iter().all(|record| record.facts.resource == Some(format!("{IDENTITIES}/one"))));
}

#[tokio::test]
async fn az_finds_subscription_and_resource_group() {
    let world = World::new().await;
    let list = world.arm("GET", "/subscriptions?api-version=2022-12-01", None).await;
    insta::assert_snapshot!(list.body, @r#"{"value":[{"authorizationSource":"RoleBased","displayName":"Main","id":"/subscriptions/33333333-3333-4333-8333-333333333333","managedByTenants":[],"state":"Enabled","subscriptionId":"33333333-3333-4333-8333-333333333333","tenantId":"11111111-1111-4111-8111-111111111111"}]}"#);
    let one = world.arm("GET", &format!("/subscriptions/{SUBSCRIPTION}?api-version=2022-12-01"), None).await;
    assert_eq!(one.body, list.body["value"][0]);
    let group = world.arm("GET", &format!("{GROUP}?api-version=2024-11-01").to_lowercase(), None).await;
    insta::assert_snapshot!(group.body, @r#"{"id":"/subscriptions/33333333-3333-4333-8333-333333333333/resourceGroups/rg1","location":"local","name":"rg1","properties":{"provisioningState":"Succeeded"},"tags":{},"type":"Microsoft.Resources/resourceGroups"}"#);
}
