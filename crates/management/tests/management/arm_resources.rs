use std::collections::BTreeMap;

use serde_json::{Value, json};
use symbolon_core::{
    audit::{Operation, Outcome},
    ports::Directory,
    role::{self, RoleAssignment},
};
use uuid::Uuid;

use crate::world::{
    AUTHORITY, GRAPH, GROUP, IDENTITIES, MANAGEMENT, SUBSCRIPTION, TENANT, VERSION, Who, World, request,
};

const GROUPS: &str = "/subscriptions/33333333-3333-4333-8333-333333333333/resourceGroups";

fn group(name: &str) -> String {
    format!("{GROUPS}/{name}?{VERSION}")
}

fn names(answer: &Value) -> Vec<&str> {
    answer["value"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

async fn give(world: &World, who: Who, role: Uuid, scope: &str) {
    let assignment =
        RoleAssignment { id: Uuid::new_v4(), tenant: TENANT, principal: who.object(), role, scope: scope.into() };
    symbolon_core::ports::management::ManagementStore::add_role_assignment(&world.store, &assignment).await.unwrap();
}

#[tokio::test]
async fn the_cloud_s_metadata_is_public_and_made_of_configuration() {
    let world = World::new().await;
    let mut asked = request("GET", "/Metadata/endpoints?api-version=2022-09-01", None, None);
    asked.headers_mut().insert("host", "evil.example".parse().unwrap());
    let document = world.send(asked).await;
    assert_eq!(document.status, 200);
    insta::assert_snapshot!(document.body, @r#"{"activeDirectoryDataLake":"https://localhost:8444/","authentication":{"audiences":["https://localhost:8444/","https://management.core.windows.net/","https://management.azure.com/"],"identityProvider":"AAD","loginEndpoint":"https://localhost:8443","tenant":"common"},"batch":"https://localhost:8444/","gallery":"https://localhost:8444/","graph":"https://localhost:8444/graph/","graphAudience":"https://localhost:8444/graph/","media":"https://localhost:8444/","microsoftGraphResourceId":"https://localhost:8444/graph/","name":"Symbolon","portal":"https://localhost:8444/","resourceManager":"https://localhost:8444/","sqlManagement":"https://localhost:8444/","suffixes":{"acrLoginServer":"azurecr.io","azureAppConfiguration":"localhost:8446","azureDataLakeAnalyticsCatalogAndJob":"azuredatalakeanalytics.net","azureDataLakeStoreFileSystem":"azuredatalakestore.net","keyVaultDns":"localhost:8445","sqlServerHostname":"database.windows.net","storage":"core.windows.net"},"vmImageAliasDoc":"https://localhost:8444/"}"#);
    assert_eq!(document.body["authentication"]["loginEndpoint"], AUTHORITY);
    let list = world.send(request("GET", "/metadata/endpoints?api-version=2019-05-01", None, None)).await;
    assert_eq!(list.body, json!([document.body]));
    let oldest = world.send(request("GET", "/metadata/endpoints?api-version=2015-01-01", None, None)).await;
    insta::assert_snapshot!(oldest.body, @r#"{"authentication":{"audiences":["https://localhost:8444/"],"loginEndpoint":"https://localhost:8443"},"galleryEndpoint":"https://localhost:8444/","graphAudience":"https://localhost:8444/graph/","graphEndpoint":"https://localhost:8444/graph/","portalEndpoint":"https://localhost:8444/"}"#);
    let without = world.send(request("GET", "/metadata/endpoints", None, None)).await;
    assert_eq!(without.refusal(), (400, "MissingApiVersionParameter"));
}

#[tokio::test]
async fn graph_is_reached_where_the_metadata_says_with_a_token_for_that_url() {
    let world = World::new().await;
    let graph = format!("{MANAGEMENT}/graph");
    for audience in [GRAPH, &graph, &format!("{graph}/")] {
        let answer = world.call(Who::Owner, audience, "GET", "/graph/v1.0/applications", None).await;
        assert_eq!(answer.status, 200, "{audience}");
    }
    let answer = world.call(Who::Owner, MANAGEMENT, "GET", "/graph/v1.0/applications", None).await;
    assert_eq!(answer.refusal(), (401, "InvalidAuthenticationToken"));
}

#[tokio::test]
async fn a_caller_sees_its_own_tenant_and_no_other() {
    let world = World::new().await;
    let own = world.call(Who::Nobody, MANAGEMENT, "GET", &format!("/tenants?{VERSION}"), None).await;
    insta::assert_snapshot!(own.body, @r#"{"value":[{"defaultDomain":"contoso.example","displayName":"Contoso","domains":["contoso.example"],"id":"/tenants/11111111-1111-4111-8111-111111111111","tenantCategory":"Home","tenantId":"11111111-1111-4111-8111-111111111111","tenantType":"AAD"}]}"#);
}

#[tokio::test]
async fn subscriptions_have_locations_and_providers() {
    let world = World::new().await;
    let subscription = format!("/subscriptions/{SUBSCRIPTION}");
    let locations = world.arm("GET", &format!("{subscription}/locations?{VERSION}"), None).await;
    assert_eq!(names(&locations.body), ["local"]);
    let providers = world.arm("GET", &format!("{subscription}/providers?{VERSION}"), None).await;
    let namespaces: Vec<_> =
        providers.body["value"].as_array().unwrap().iter().map(|found| found["namespace"].as_str().unwrap()).collect();
    assert_eq!(
        namespaces,
        [
            "Microsoft.AppConfiguration",
            "Microsoft.Authorization",
            "Microsoft.KeyVault",
            "Microsoft.ManagedIdentity",
            "Microsoft.Resources"
        ]
    );
    let path = format!("{subscription}/providers/microsoft.managedidentity");
    let one = world.arm("GET", &format!("{path}?{VERSION}"), None).await;
    assert_eq!(one.body, providers.body["value"][3]);
    assert_eq!(one.body["registrationState"], "Registered");
    let registered = world.arm("POST", &format!("{path}/Register?{VERSION}"), None).await;
    assert_eq!((registered.status.as_u16(), &registered.body), (200, &one.body));
    let unknown = world.arm("GET", &format!("{subscription}/providers/Microsoft.Compute?{VERSION}"), None).await;
    assert_eq!(unknown.refusal(), (404, "InvalidResourceNamespace"));
}

#[tokio::test]
async fn a_resource_group_is_created_updated_and_looked_for() {
    let world = World::new().await;
    assert_eq!(world.arm("HEAD", &group("new"), None).await.status, 404);
    let body = json!({ "location": "West Europe", "tags": { "team": "a" } });
    let created = world.arm("PUT", &group("New"), Some(body)).await;
    assert_eq!(created.status, 201);
    insta::assert_snapshot!(created.body, @r#"{"id":"/subscriptions/33333333-3333-4333-8333-333333333333/resourceGroups/New","location":"West Europe","name":"New","properties":{"provisioningState":"Succeeded"},"tags":{"team":"a"},"type":"Microsoft.Resources/resourceGroups"}"#);
    let updated = world.arm("PUT", &group("NEW"), Some(json!({ "location": "westeurope" }))).await;
    assert_eq!((updated.status.as_u16(), &updated.body["name"]), (200, &json!("New")));
    assert_eq!(updated.body["tags"], json!({}));
    let moved = world.arm("PUT", &group("new"), Some(json!({ "location": "eastus" }))).await;
    assert_eq!(moved.refusal(), (409, "InvalidResourceGroupLocation"));
    let patched = world.arm("PATCH", &group("new"), Some(json!({ "tags": { "a": "b" } }))).await;
    assert_eq!((patched.status.as_u16(), &patched.body["tags"]), (200, &json!({ "a": "b" })));
    assert_eq!(world.arm("PATCH", &group("new"), Some(json!({}))).await.body, patched.body);
    assert_eq!(world.arm("GET", &group("new"), None).await.body, patched.body);
    assert_eq!(world.arm("HEAD", &group("new"), None).await.status, 204);
    assert_eq!(world.arm("PATCH", &group("missing"), Some(json!({}))).await.refusal(), (404, "ResourceGroupNotFound"));
}

#[tokio::test]
async fn bad_resource_groups_are_refused() {
    let world = World::new().await;
    let put = async |name: &str, body: Value| world.arm("PUT", &group(name), Some(body)).await;
    let good = json!({ "location": "local" });
    for name in ["a.", "a%20b", "a%2Fb", "%C3%A9", &"a".repeat(91)] {
        assert_eq!(put(name, good.clone()).await.refusal(), (400, "InvalidResourceGroup"), "{name}");
    }
    assert_eq!(put("a", json!({})).await.refusal(), (400, "LocationRequired"));
    assert_eq!(put("a", json!({ "location": "x", "tags": { "": "" } })).await.refusal(), (400, "InvalidTags"));
    for name in ["a", "(a)_b.c-d", &"a".repeat(90)] {
        assert_eq!(put(name, good.clone()).await.status, 201, "{name}");
    }
}

#[tokio::test]
async fn a_deleted_resource_group_takes_everything_in_it_along() {
    let world = World::new().await;
    let identity = world.create_identity("one").await;
    let client = identity["properties"]["clientId"].as_str().unwrap().parse().unwrap();
    give(&world, Who::Nobody, role::OWNER, GROUP).await;
    give(&world, Who::Nobody, role::OWNER, &format!("{IDENTITIES}/one")).await;
    let deleted = world.arm("DELETE", &group("RG1"), None).await;
    assert_eq!(deleted.status, 200, "{}", deleted.body);
    assert!(world.store.client(TENANT, client).is_none());
    assert_eq!(world.store.role_assignments(TENANT, Who::Nobody.object()), []);
    assert_eq!(world.arm("DELETE", &group("rg1"), None).await.refusal(), (404, "ResourceGroupNotFound"));
    let trail = world.trail().await;
    let deletion = trail.last().unwrap();
    assert_eq!((deletion.operation, deletion.outcome), (Operation::Delete, Outcome::Granted));
    // One that is made again is empty.
    assert_eq!(world.arm("PUT", &group("rg1"), Some(json!({ "location": "local" }))).await.status, 201);
    let list = world.arm("GET", &format!("{IDENTITIES}?{VERSION}"), None).await;
    assert_eq!(list.body, json!({ "value": [] }));
}

#[tokio::test]
async fn resource_groups_are_listed_in_pages_and_by_tag() {
    let world = World::new().await;
    for (name, tag) in [("b", "x"), ("C", "y"), ("a", "x")] {
        let body = json!({ "location": "local", "tags": { "Team": tag } });
        assert_eq!(world.arm("PUT", &group(name), Some(body)).await.status, 201);
    }
    let list = async |query: &str| world.arm("GET", &format!("{GROUPS}?{VERSION}{query}"), None).await;
    let first = list("&$top=2").await;
    assert_eq!(names(&first.body), ["a", "b"]);
    let next = first.body["nextLink"].as_str().unwrap().strip_prefix(MANAGEMENT).unwrap().to_owned();
    let second = world.arm("GET", &next, None).await;
    assert_eq!(names(&second.body), ["C", "rg1"]);
    assert_eq!(second.body["nextLink"], Value::Null);
    assert_eq!(names(&list("&$filter=tagName%20eq%20'team'%20and%20tagValue%20eq%20'x'").await.body), ["a", "b"]);
    assert_eq!(names(&list("&$filter=tagName%20eq%20'team'").await.body), ["a", "b", "C"]);
    let wrong = list("&$filter=name%20eq%20'a'").await;
    assert_eq!(wrong.refusal(), (400, "InvalidFilterInQueryString"));
}

#[tokio::test]
async fn lists_show_what_the_caller_may_read() {
    let world = World::new().await;
    world.create_identity("one").await;
    world.create_identity("two").await;
    let body = json!({ "location": "local" });
    assert_eq!(world.arm("PUT", &group("rg2"), Some(body)).await.status, 201);
    let subscription = format!("/subscriptions/{SUBSCRIPTION}");
    let lists = [
        format!("{IDENTITIES}?{VERSION}"),
        format!("{subscription}/resources?{VERSION}"),
        format!("{GROUP}/resources?{VERSION}"),
        format!("{GROUPS}?{VERSION}"),
    ];
    let list = async |path: &str| world.call(Who::Nobody, MANAGEMENT, "GET", path, None).await;
    for path in &lists {
        assert_eq!(list(path).await.refusal(), (403, "AuthorizationFailed"), "{path}");
    }
    give(&world, Who::Nobody, role::OWNER, &format!("{IDENTITIES}/two")).await;
    for path in &lists[..3] {
        assert_eq!(names(&list(path).await.body), ["two"], "{path}");
    }
    give(&world, Who::Nobody, role::OWNER, GROUP).await;
    assert_eq!(names(&list(&lists[3]).await.body), ["rg1"]);
    assert_eq!(names(&list(&lists[0]).await.body), ["one", "two"]);
}

#[tokio::test]
async fn resources_are_the_identities_filtered_by_type() {
    let world = World::new().await;
    world.create_identity("one").await;
    let list = async |query: &str| world.arm("GET", &format!("{GROUP}/Resources?{VERSION}{query}"), None).await;
    insta::assert_snapshot!(list("").await.body, @r#"{"value":[{"id":"/subscriptions/33333333-3333-4333-8333-333333333333/resourceGroups/rg1/providers/Microsoft.ManagedIdentity/userAssignedIdentities/one","location":"local","name":"one","tags":{},"type":"Microsoft.ManagedIdentity/userAssignedIdentities"}]}"#);
    let kind = "&$filter=resourceType%20eq%20'microsoft.managedidentity/userassignedidentities'";
    assert_eq!(names(&list(kind).await.body), ["one"]);
    let other = list("&$filter=resourceType%20eq%20'Microsoft.KeyVault/vaults'").await;
    assert_eq!(other.body, json!({ "value": [] }));
    let missing = world.arm("GET", &format!("{GROUPS}/rg2/resources?{VERSION}"), None).await;
    assert_eq!(missing.refusal(), (404, "ResourceGroupNotFound"));
}

#[tokio::test]
async fn two_hundred_and_fifty_identities_come_in_pages_each_of_them_once() {
    let world = World::new().await;
    for number in 0..250 {
        world.create_identity(&format!("id-{number}")).await;
    }
    let mut seen = BTreeMap::new();
    let mut sizes = Vec::new();
    let mut next = Some(format!("{IDENTITIES}?{VERSION}&$top=40"));
    while let Some(path) = next {
        let page = world.arm("GET", &path, None).await;
        sizes.push(names(&page.body).len());
        for name in names(&page.body) {
            *seen.entry(name.to_owned()).or_insert(0) += 1;
        }
        next = page.body["nextLink"].as_str().map(|link| link.strip_prefix(MANAGEMENT).unwrap().to_owned());
    }
    assert_eq!(sizes, [40, 40, 40, 40, 40, 40, 10]);
    assert_eq!(seen.len(), 250);
    assert!(seen.values().all(|times| *times == 1));
}
