use serde_json::{Value, json};
use symbolon_core::{
    ports::{Directory, management::ManagementStore},
    role::{self, RoleAssignment},
};
use uuid::Uuid;

use crate::world::{GRAPH, TENANT, Who, World};

const UNKNOWN: &str = "0d4691ed-659b-4935-a832-355f77ee47cc";

async fn create(world: &World, name: &str) -> Value {
    let body = json!({ "displayName": name, "identifierUris": [format!("api://{name}")] });
    let application = world.graph("POST", "/applications", Some(body)).await.body;
    let body = json!({ "appId": application["appId"], "accountEnabled": true });
    let made = world.graph("POST", "/servicePrincipals", Some(body)).await;
    assert_eq!(made.status, 201, "{}", made.body);
    made.body
}

fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object[name].as_str().unwrap()
}

async fn find(world: &World, filter: &str) -> Vec<Value> {
    let path = format!("/servicePrincipals?$filter={}", filter.replace(' ', "%20"));
    world.graph("GET", &path, None).await.body["value"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_service_principal_is_made_once_and_found_by_each_of_its_names() {
    let world = World::new().await;
    let made = create(&world, "billing").await;
    assert_eq!(made["servicePrincipalType"], "Application");
    assert_eq!(made["appOwnerOrganizationId"], TENANT.to_string());
    let app_id = text(&made, "appId");
    for filter in [
        format!("appId eq '{app_id}'"),
        format!("servicePrincipalNames/any(c:c eq '{app_id}')"),
        "servicePrincipalNames/any(c:c eq 'api://billing')".into(),
        "displayName eq 'billing'".into(),
        "startswith(displayName,'bill') and accountEnabled eq true".into(),
        format!("id in ('{}')", text(&made, "id")),
    ] {
        let found = find(&world, &filter).await;
        assert_eq!(found.len(), 1, "{filter}");
        assert_eq!(found[0]["id"], made["id"]);
    }
    assert_eq!(find(&world, &format!("appId eq '{UNKNOWN}'")).await, [] as [Value; 0]);
    for path in [format!("/servicePrincipals/{}", text(&made, "id")), format!("/servicePrincipals(appId='{app_id}')")] {
        assert_eq!(world.graph("GET", &path, None).await.body, made, "{path}");
    }
    let twice = world.graph("POST", "/servicePrincipals", Some(json!({ "appId": app_id }))).await;
    assert_eq!(twice.refusal(), (409, "Request_MultipleObjectsWithSameKeyValue"));
}

#[tokio::test]
async fn bad_service_principals_are_refused() {
    let world = World::new().await;
    for body in [json!({ "appId": UNKNOWN }), json!({ "appId": "billing" }), json!({})] {
        let answer = world.graph("POST", "/servicePrincipals", Some(body.clone())).await;
        assert_eq!(answer.refusal(), (400, "Request_BadRequest"), "{body}");
    }
    let made = create(&world, "billing").await;
    let path = format!("/servicePrincipals/{}", text(&made, "id"));
    for body in [json!({ "displayName": "other" }), json!({ "accountEnabled": "no" }), json!({ "appRoles": [{}] })] {
        let answer = world.graph("PATCH", &path, Some(body.clone())).await;
        assert_eq!(answer.refusal(), (400, "Request_BadRequest"), "{body}");
    }
    for name in [UNKNOWN, "billing"] {
        for method in ["GET", "DELETE"] {
            let answer = world.graph(method, &format!("/servicePrincipals/{name}"), None).await;
            assert_eq!(answer.refusal(), (404, "Request_ResourceNotFound"), "{method} {name}");
        }
    }
}

#[tokio::test]
async fn a_service_principal_is_switched_off_and_deleted_with_its_roles() {
    let world = World::new().await;
    let made = create(&world, "billing").await;
    let path = format!("/servicePrincipals/{}", text(&made, "id"));
    let principal = text(&made, "id").parse().unwrap();
    let assignment =
        RoleAssignment { id: Uuid::new_v4(), tenant: TENANT, principal, role: role::OWNER, scope: "/".into() };
    world.store.add_role_assignment(&assignment).await.unwrap();

    assert_eq!(world.graph("PATCH", &path, Some(json!({ "accountEnabled": false }))).await.status, 204);
    assert_eq!(world.graph("GET", &path, None).await.body["accountEnabled"], false);
    assert_eq!(world.store.role_assignments(TENANT, principal).len(), 1);

    assert_eq!(world.graph("DELETE", &path, None).await.status, 204);
    assert_eq!(world.graph("GET", &path, None).await.status, 404);
    assert_eq!(world.store.role_assignments(TENANT, principal), []);
    let application = format!("/applications(appId='{}')", text(&made, "appId"));
    assert_eq!(world.graph("GET", &application, None).await.status, 200);
}

#[tokio::test]
async fn a_managed_identity_is_a_service_principal_that_only_arm_changes() {
    let world = World::new().await;
    let identity = world.create_identity("one").await;
    let properties = &identity["properties"];
    let found = find(&world, &format!("servicePrincipalNames/any(c:c eq '{}')", text(properties, "clientId"))).await;
    assert_eq!(found[0]["id"], properties["principalId"]);
    assert_eq!(found[0]["servicePrincipalType"], "ManagedIdentity");
    let arm_id = text(&identity, "id").replace("/resourceGroups/", "/resourcegroups/");
    assert_eq!(found[0]["alternativeNames"], json!(["isExplicit=True", arm_id]));
    assert_eq!(find(&world, "servicePrincipalType eq 'ManagedIdentity'").await, found);
    let path = format!("/servicePrincipals/{}", text(&found[0], "id"));
    for (method, path, body) in [
        ("DELETE", path.clone(), None),
        ("PATCH", path.clone(), Some(json!({ "accountEnabled": false }))),
        ("POST", format!("{path}/addPassword"), Some(json!({}))),
    ] {
        let answer = world.graph(method, &path, body).await;
        assert_eq!(answer.refusal(), (403, "Authorization_RequestDenied"), "{method} {path}");
    }
}

#[tokio::test]
async fn a_service_principal_has_the_secrets_of_its_application() {
    let world = World::new().await;
    let made = create(&world, "billing").await;
    let path = format!("/servicePrincipals/{}", text(&made, "id"));
    let secret = world.graph("POST", &format!("{path}/addPassword"), Some(json!({}))).await.body;
    let application = format!("/applications(appId='{}')", text(&made, "appId"));
    for path in [&path, &application] {
        assert_eq!(world.graph("GET", path, None).await.body["passwordCredentials"][0]["keyId"], secret["keyId"]);
    }
    let body = json!({ "keyId": secret["keyId"] });
    assert_eq!(world.graph("POST", &format!("{path}/removePassword"), Some(body)).await.status, 204);
    assert_eq!(world.graph("GET", &application, None).await.body["passwordCredentials"], json!([]));
    assert_eq!(world.graph("GET", &format!("{path}/owners"), None).await.body["value"], json!([]));
}

#[tokio::test]
async fn objects_are_found_by_ids_of_any_kind_and_unknown_ones_are_left_out() {
    let world = World::new().await;
    let made = create(&world, "billing").await;
    let application = world.graph("GET", &format!("/applications(appId='{}')", text(&made, "appId")), None).await.body;
    let identity = world.create_identity("one").await;
    let ids = json!([made["id"], application["id"], identity["properties"]["principalId"], UNKNOWN]);
    let types = async |types: Value| {
        let body = json!({ "ids": ids, "types": types });
        let answer = world.graph("POST", "/directoryObjects/getByIds", Some(body)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let value = answer.body["value"].as_array().unwrap().clone();
        value.iter().map(|found| text(found, "@odata.type").replace("#microsoft.graph.", "")).collect::<Vec<_>>()
    };
    let principal = "servicePrincipal";
    assert_eq!(types(json!(["user", "group", "servicePrincipal"])).await, [principal, principal]);
    assert_eq!(types(json!(["application"])).await, ["application"]);
    assert_eq!(types(json!([])).await, [principal, "application", principal]);
    assert_eq!(types(json!(["user"])).await, [] as [&str; 0]);
    for ids in [json!(["x"]), json!(vec![UNKNOWN; 1001])] {
        let answer = world.graph("POST", "/directoryObjects/getByIds", Some(json!({ "ids": ids }))).await;
        assert_eq!(answer.refusal(), (400, "Request_BadRequest"));
    }
}

#[tokio::test]
async fn the_tenant_is_the_organization_and_nobody_is_me() {
    let world = World::new().await;
    let list = world.graph("GET", "/organization", None).await.body;
    assert_eq!(list["value"][0]["id"], TENANT.to_string());
    assert_eq!(list["value"][0]["displayName"], "Contoso");
    assert_eq!(list["value"][0]["verifiedDomains"][0]["name"], "contoso.example");
    assert_eq!(world.graph("GET", &format!("/organization/{TENANT}"), None).await.status, 200);
    assert_eq!(world.graph("GET", &format!("/organization/{UNKNOWN}"), None).await.status, 404);
    for path in ["/me", "/me/ownedObjects"] {
        assert_eq!(world.graph("GET", path, None).await.refusal(), (400, "Request_BadRequest"), "{path}");
    }
}

#[tokio::test]
async fn a_reader_of_resources_sees_nothing_of_the_directory() {
    let world = World::new().await;
    let made = create(&world, "billing").await;
    let id = text(&made, "id");
    let (ids, nothing) = (json!({ "ids": [id] }), json!({}));
    for (method, path, body) in [
        ("GET", "/v1.0/servicePrincipals".to_owned(), None),
        ("GET", format!("/v1.0/servicePrincipals/{id}"), None),
        ("GET", format!("/v1.0/servicePrincipals/{id}/owners"), None),
        ("PATCH", format!("/v1.0/servicePrincipals/{id}"), Some(&nothing)),
        ("DELETE", format!("/v1.0/servicePrincipals/{id}"), None),
        ("POST", format!("/v1.0/servicePrincipals/{id}/addPassword"), Some(&nothing)),
        ("POST", "/v1.0/directoryObjects/getByIds".to_owned(), Some(&ids)),
        ("GET", "/v1.0/organization".to_owned(), None),
    ] {
        let answer = world.call(Who::Reader, GRAPH, method, &path, body).await;
        assert_eq!(answer.refusal(), (403, "Authorization_RequestDenied"), "{method} {path}");
    }
    let foreign = world.call(Who::Foreigner, GRAPH, "GET", &format!("/v1.0/servicePrincipals/{id}"), None).await;
    assert_eq!(foreign.refusal(), (404, "Request_ResourceNotFound"));
}
