//! Roles as `az role` works with them.
//!
//! The shapes are those of Azure's REST specification (`Microsoft.Authorization` 2022-04-01) and of
//! what `az` 2.91 sends; codes and texts of refusals are Azure's where it has one.

use serde_json::{Value, json};
use symbolon_core::{
    ObjectId,
    audit::{Operation, Outcome},
    ports::management::{ManagementStore, RecordedAssignment},
    role::RoleAssignment,
};
use uuid::Uuid;

use crate::world::{
    Answer, GROUP, IDENTITIES, KEY, MANAGEMENT, NOW, SUBSCRIPTION, TENANT, Who, World, claims, request, sign,
};

const VERSION: &str = "api-version=2022-04-01";
const OWNER: &str = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635";
const CONTRIBUTOR: &str = "b24988ac-6180-42a0-ab88-20f7382dd24c";
const READER: &str = "acdd72a7-3385-48ef-bd42-f606fba81ae7";
const ACCESS_ADMINISTRATOR: &str = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9";
const IDENTITY_CONTRIBUTOR: &str = "e40ec5ca-96e0-45a2-b4ff-59039f2c2b59";
const IDENTITY_OPERATOR: &str = "f1a07417-d97a-45cb-824c-7a7467783830";
const ONE: &str = "00000000-0000-4000-8000-000000000001";
const TWO: &str = "00000000-0000-4000-8000-000000000002";
const THREE: &str = "00000000-0000-4000-8000-000000000003";

/// Somebody with an identity of their own.
struct Person {
    object: ObjectId,
    token: String,
}

impl Person {
    async fn new(world: &World, name: &str) -> Self {
        let made = world.create_identity(name).await;
        let object: ObjectId = made["properties"]["principalId"].as_str().unwrap().parse().unwrap();
        let mut claims = claims(Who::Nobody, MANAGEMENT);
        claims["oid"] = json!(object);
        claims["appid"] = made["properties"]["clientId"].clone();
        Self { object, token: sign(&KEY, &claims) }
    }

    /// Has `role` at `scope`, whoever gave it.
    async fn with(world: &World, name: &str, role: &str, scope: &str) -> Self {
        let person = Self::new(world, name).await;
        let assignment = RoleAssignment {
            id: Uuid::new_v4(),
            tenant: TENANT,
            principal: person.object,
            role: role.parse().unwrap(),
            scope: scope.into(),
        };
        let recorded = RecordedAssignment {
            assignment,
            principal_type: "ServicePrincipal".into(),
            description: None,
            created: NOW,
            created_by: String::new(),
        };
        world.store.put_assignment(&recorded).await.unwrap();
        person
    }

    async fn call(&self, world: &World, method: &str, path: &str, body: Option<Value>) -> Answer {
        world.send(request(method, path, Some(&self.token), body.as_ref())).await
    }

    async fn assign(&self, world: &World, scope: &str, id: &str, role: &str, to: ObjectId) -> Answer {
        self.call(world, "PUT", &assignment(scope, id), Some(asked(role, to))).await
    }
}

fn subscription() -> String {
    format!("/subscriptions/{SUBSCRIPTION}")
}

fn assignment(scope: &str, id: &str) -> String {
    format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{id}?{VERSION}")
}

fn assignments(scope: &str, filter: &str) -> String {
    let filter = filter.replace(' ', "%20").replace('\'', "%27");
    let filter = if filter.is_empty() { filter } else { format!("&$filter={filter}") };
    format!("{scope}/providers/Microsoft.Authorization/roleAssignments?{VERSION}{filter}")
}

fn definition(scope: &str, id: &str) -> String {
    format!("{scope}/providers/Microsoft.Authorization/roleDefinitions/{id}?{VERSION}")
}

fn definitions(scope: &str, filter: &str) -> String {
    assignments(scope, filter).replace("roleAssignments", "roleDefinitions")
}

fn asked(role: &str, to: ObjectId) -> Value {
    json!({ "properties": {
        "roleDefinitionId": format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}"),
        "principalId": to,
        "principalType": "ServicePrincipal",
    } })
}

fn role(name: &str, actions: &[&str], scopes: &[&str]) -> Value {
    json!({ "properties": {
        "roleName": name,
        "description": "for tests",
        "type": "CustomRole",
        "assignableScopes": scopes,
        "permissions": [{ "actions": actions, "notActions": [], "dataActions": [], "notDataActions": [] }],
    } })
}

fn names(answer: &Answer) -> Vec<&str> {
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["value"].as_array().unwrap().iter().map(|found| found["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_assignment_is_printed_as_azure_s_rest_specification_says() {
    let world = World::new().await;
    let person = Person::new(&world, "one").await;
    let made = world.arm("PUT", &assignment(GROUP, ONE), Some(asked(READER, person.object))).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(
        made.body,
        json!({
            "id": format!("{GROUP}/providers/Microsoft.Authorization/roleAssignments/{ONE}"),
            "name": ONE,
            "type": "Microsoft.Authorization/roleAssignments",
            "properties": {
                "roleDefinitionId": format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{READER}"),
                "principalId": person.object,
                "principalType": "ServicePrincipal",
                "scope": GROUP,
                "description": null,
                "condition": null,
                "conditionVersion": null,
                "delegatedManagedIdentityResourceId": null,
                "createdOn": "2026-06-01T12:00:00.0000000Z",
                "updatedOn": "2026-06-01T12:00:00.0000000Z",
                "createdBy": Who::Owner.object(),
                "updatedBy": Who::Owner.object(),
            },
        })
    );
    assert_eq!(world.arm("GET", &assignment(GROUP, ONE), None).await.body, made.body);
    let again = world.arm("PUT", &assignment(GROUP, ONE), Some(asked(READER, person.object))).await;
    assert_eq!((again.status.as_u16(), again.body), (200, made.body));
}

#[tokio::test]
async fn a_role_that_is_given_works_at_once_and_ends_with_its_assignment() {
    let world = World::new().await;
    let person = Person::new(&world, "one").await;
    let identity = format!("{IDENTITIES}/one?{VERSION}");
    assert_eq!(person.call(&world, "GET", &identity, None).await.refusal(), (403, "AuthorizationFailed"));
    world.arm("PUT", &assignment(GROUP, ONE), Some(asked(IDENTITY_OPERATOR, person.object))).await;
    assert_eq!(person.call(&world, "GET", &identity, None).await.status, 200);
    let body = json!({ "location": "local" });
    assert_eq!(person.call(&world, "PUT", &identity, Some(body)).await.status, 403);
    let deleted = world.arm("DELETE", &assignment(GROUP, ONE), None).await;
    assert_eq!((deleted.status.as_u16(), deleted.body["name"].as_str()), (200, Some(ONE)));
    assert_eq!(person.call(&world, "GET", &identity, None).await.status, 403);
    assert_eq!(world.arm("DELETE", &assignment(GROUP, ONE), None).await.status, 204);
    assert_eq!(world.arm("GET", &assignment(GROUP, ONE), None).await.refusal(), (404, "RoleAssignmentNotFound"));
}

#[tokio::test]
async fn a_managed_identity_contributor_manages_identities_and_gives_no_access() {
    let world = World::new().await;
    let person = Person::with(&world, "one", IDENTITY_CONTRIBUTOR, GROUP).await;
    let body = json!({ "location": "local" });
    let made = person.call(&world, "PUT", &format!("{IDENTITIES}/two?{VERSION}"), Some(body)).await;
    assert_eq!(made.status, 201);
    let refused = person.assign(&world, GROUP, ONE, OWNER, person.object).await;
    assert_eq!(refused.refusal(), (403, "AuthorizationFailed"));
    assert_eq!(person.call(&world, "GET", &assignments(GROUP, ""), None).await.status, 200);
}

#[tokio::test]
async fn the_same_grant_twice_is_a_conflict_that_names_the_first() {
    let world = World::new().await;
    let person = Person::new(&world, "one").await;
    world.arm("PUT", &assignment(GROUP, ONE), Some(asked(READER, person.object))).await;
    let shouted = GROUP.replace("resourceGroups/rg1", "RESOURCEGROUPS/RG1");
    let again = world.arm("PUT", &assignment(&shouted, TWO), Some(asked(READER, person.object))).await;
    assert_eq!(again.refusal(), (409, "RoleAssignmentExists"));
    assert_eq!(
        again.message(),
        "The role assignment already exists. The ID of the conflicting role assignment is 00000000000040008000000000000001."
    );
    for (scope, role) in [(GROUP.to_owned(), CONTRIBUTOR), (subscription(), READER)] {
        let other = world.arm("PUT", &assignment(&scope, ONE), Some(asked(role, person.object))).await;
        assert_eq!(other.refusal(), (409, "RoleAssignmentUpdateNotPermitted"));
    }
}

#[tokio::test]
async fn what_an_assignment_needs_is_checked() {
    let world = World::new().await;
    let person = Person::new(&world, "one").await;
    let good = asked(READER, person.object);
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body["properties"][name] = value;
        body
    };
    let unknown = format!("/providers/Microsoft.Authorization/roleDefinitions/{ONE}");
    for (body, code) in [
        (json!({}), "InvalidRequestContent"),
        (with("principalId", json!(null)), "InvalidRequestContent"),
        (with("principalId", json!(TWO)), "PrincipalNotFound"),
        (with("principalId", json!("me")), "PrincipalNotFound"),
        (with("principalId", json!(Who::Foreigner.object())), "PrincipalNotFound"),
        (with("principalType", json!("User")), "UnmatchedPrincipalType"),
        (with("roleDefinitionId", json!(unknown)), "RoleDefinitionDoesNotExist"),
        (with("roleDefinitionId", json!("Reader")), "InvalidRoleDefinitionId"),
        (with("condition", json!("@Resource[x] StringEquals 'y'")), "UnsupportedProperty"),
        (with("delegatedManagedIdentityResourceId", json!("/x")), "UnsupportedProperty"),
    ] {
        let refused = world.arm("PUT", &assignment(GROUP, ONE), Some(body)).await;
        assert_eq!(refused.refusal(), (400, code), "{}", refused.body);
    }
    let refused = world.arm("PUT", &assignment(GROUP, "mine"), Some(good)).await;
    assert_eq!(refused.refusal(), (400, "InvalidRoleAssignmentId"));
    assert_eq!(
        names(&world.arm("GET", &assignments(GROUP, &format!("principalId eq '{}'", person.object)), None).await),
        [""; 0]
    );
}

#[tokio::test]
async fn a_list_shows_what_holds_at_above_and_below_the_scope_or_less() {
    let world = World::new().await;
    let (person, other) = (Person::new(&world, "one").await, Person::new(&world, "two").await);
    let identity = format!("{IDENTITIES}/one");
    for (scope, id) in [(subscription(), ONE), (GROUP.to_owned(), TWO), (identity.clone(), THREE)] {
        let made = world.arm("PUT", &assignment(&scope, id), Some(asked(READER, person.object))).await;
        assert_eq!(made.status, 201, "{}", made.body);
    }
    let of = |who: &Person, filter: &str| format!("{filter}principalId eq '{}'", who.object);
    let mine = async |scope: &str, filter: &str| {
        let answer = world.arm("GET", &assignments(scope, &of(&person, filter)), None).await;
        names(&answer).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(mine(GROUP, "").await, [ONE, TWO, THREE]);
    assert_eq!(mine(GROUP, "atScope() and ").await, [ONE, TWO]);
    assert_eq!(mine(&identity, "").await, [ONE, TWO, THREE]);
    assert_eq!(mine(&subscription(), "atScope() and ").await, [ONE]);
    assert_eq!(mine("", "").await, [ONE, TWO, THREE]);
    let beside = format!("{IDENTITIES}/one2");
    assert_eq!(mine(&beside, "").await, [ONE, TWO]);
    let assigned_to = format!("atScope() and assignedTo('{}')", person.object);
    assert_eq!(names(&world.arm("GET", &assignments(GROUP, &assigned_to), None).await), [ONE, TWO]);
    assert_eq!(names(&world.arm("GET", &assignments(GROUP, &of(&other, "")), None).await), [""; 0]);
    // Those of the world at `/` are seen from everywhere.
    assert_eq!(names(&world.arm("GET", &assignments(GROUP, ""), None).await).len(), 5);
    for filter in ["roleName eq 'Reader'", "principalId eq 'me'", "atScope() or atScope()", "createdBy eq 'x'"] {
        let refused = world.arm("GET", &assignments(GROUP, filter), None).await;
        assert_eq!(refused.refusal(), (400, "UnsupportedQuery"), "{filter}");
    }
}

#[tokio::test]
async fn a_list_comes_in_pages_that_keep_their_filter() {
    let world = World::new().await;
    let person = Person::new(&world, "one").await;
    for (role, id) in [(READER, ONE), (CONTRIBUTOR, TWO), (IDENTITY_OPERATOR, THREE)] {
        world.arm("PUT", &assignment(GROUP, id), Some(asked(role, person.object))).await;
    }
    let filter = format!("principalId eq '{}'", person.object);
    let first = world.arm("GET", &format!("{}&$top=2", assignments(GROUP, &filter)), None).await;
    assert_eq!(names(&first), [ONE, TWO]);
    let next = first.body["nextLink"].as_str().unwrap().strip_prefix(MANAGEMENT).unwrap();
    let second = world.arm("GET", next, None).await;
    assert_eq!(names(&second), [THREE]);
    assert_eq!(second.body["nextLink"], Value::Null);
}

#[tokio::test]
async fn built_in_roles_are_found_by_name_type_and_id() {
    let world = World::new().await;
    let found = world.arm("GET", &definitions(&subscription(), "roleName eq 'Key Vault Secrets User'"), None).await;
    assert_eq!(
        found.body["value"][0],
        json!({
            "id": format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/4633458b-17de-408a-b874-0445c86b69e6"),
            "name": "4633458b-17de-408a-b874-0445c86b69e6",
            "type": "Microsoft.Authorization/roleDefinitions",
            "properties": {
                "roleName": "Key Vault Secrets User",
                "type": "BuiltInRole",
                "description": "Read secret contents. Only works for key vaults that use the 'Azure role-based access control' permission model.",
                "assignableScopes": ["/"],
                "permissions": [{
                    "actions": [],
                    "notActions": [],
                    "dataActions": [
                        "Microsoft.KeyVault/vaults/secrets/getSecret/action",
                        "Microsoft.KeyVault/vaults/secrets/readMetadata/action",
                    ],
                    "notDataActions": [],
                }],
                "createdOn": null,
                "updatedOn": null,
                "createdBy": null,
                "updatedBy": null,
            },
        })
    );
    assert_eq!(names(&found).len(), 1);
    assert_eq!(names(&world.arm("GET", &definitions("", "roleName eq 'owner'"), None).await), [OWNER]);
    assert_eq!(names(&world.arm("GET", &definitions(GROUP, "type eq 'BuiltInRole'"), None).await).len(), 16);
    assert_eq!(names(&world.arm("GET", &definitions(GROUP, "type eq 'CustomRole'"), None).await).len(), 0);
    // A role of Azure's is public, so that it is read without a role at `/`.
    let nobody = Person::new(&world, "one").await;
    let read = nobody.call(&world, "GET", &definition("", OWNER), None).await;
    assert_eq!(read.body["id"], format!("/providers/Microsoft.Authorization/roleDefinitions/{OWNER}"));
    assert_eq!(nobody.call(&world, "GET", &definitions("", ""), None).await.status, 403);
    assert_eq!(world.arm("GET", &definition("", ONE), None).await.refusal(), (404, "RoleDefinitionDoesNotExist"));
}

#[tokio::test]
async fn a_custom_role_allows_what_it_says_where_it_is_meant_for() {
    let world = World::new().await;
    let person = Person::new(&world, "one").await;
    let body = role("Tagger", &["Microsoft.ManagedIdentity/userAssignedIdentities/write"], &[GROUP]);
    let made = world.arm("PUT", &definition(GROUP, ONE), Some(body.clone())).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(made.body["properties"]["type"], "CustomRole");
    assert_eq!(made.body["properties"]["createdBy"], json!(Who::Owner.object()));
    assert_eq!(world.arm("PUT", &definition(GROUP, ONE), Some(body)).await.status, 200);
    assert_eq!(names(&world.arm("GET", &definitions(GROUP, "type eq 'CustomRole'"), None).await), [ONE]);
    assert_eq!(names(&world.arm("GET", &definitions(&subscription(), "type eq 'CustomRole'"), None).await), [""; 0]);
    let below = "atScopeAndBelow() and type eq 'CustomRole'";
    assert_eq!(names(&world.arm("GET", &definitions(&subscription(), below), None).await), [ONE]);

    let elsewhere = world.arm("PUT", &assignment(&subscription(), TWO), Some(asked(ONE, person.object))).await;
    assert_eq!(elsewhere.refusal(), (400, "RoleDefinitionDoesNotExist"));
    assert_eq!(world.arm("PUT", &assignment(GROUP, TWO), Some(asked(ONE, person.object))).await.status, 201);
    let identity = format!("{IDENTITIES}/one?{VERSION}");
    let tags = json!({ "tags": { "a": "b" } });
    assert_eq!(person.call(&world, "PATCH", &identity, Some(tags)).await.status, 200);
    assert_eq!(person.call(&world, "DELETE", &identity, None).await.status, 403);

    let in_use = world.arm("DELETE", &definition(GROUP, ONE), None).await;
    assert_eq!(in_use.refusal(), (400, "RoleDefinitionHasAssignments"));
    world.arm("DELETE", &assignment(GROUP, TWO), None).await;
    assert_eq!(world.arm("DELETE", &definition(GROUP, ONE), None).await.status, 200);
    assert_eq!(world.arm("DELETE", &definition(GROUP, ONE), None).await.status, 204);
}

#[tokio::test]
async fn what_a_custom_role_needs_is_checked() {
    let world = World::new().await;
    world.arm("PUT", &definition(GROUP, ONE), Some(role("Mine", &["*/read"], &[GROUP]))).await;
    let mut condition = role("New", &["*/read"], &[GROUP]);
    condition["properties"]["permissions"][0]["condition"] = json!("x");
    let other_tenant = "/subscriptions/44444444-4444-4444-8444-444444444444";
    let missing_group = format!("{}/resourceGroups/none", subscription());
    for (body, expected) in [
        (json!({}), (400, "InvalidRoleDefinition")),
        (role("", &["*/read"], &[GROUP]), (400, "InvalidRoleDefinition")),
        (role("New", &["*/read"], &[]), (400, "InvalidRoleDefinition")),
        (role("New", &["read everything"], &[GROUP]), (400, "InvalidActionOrNotAction")),
        (role("MINE", &["*/read"], &[GROUP]), (409, "RoleDefinitionWithSameNameExists")),
        (role("Owner", &["*/read"], &[GROUP]), (409, "RoleDefinitionWithSameNameExists")),
        (role("New", &["*/read"], &[other_tenant]), (404, "SubscriptionNotFound")),
        (role("New", &["*/read"], &[&missing_group]), (404, "ResourceGroupNotFound")),
        (role("New", &["*/read"], &[&format!("{GROUP}/../rg2")]), (400, "InvalidScope")),
        (condition, (400, "InvalidRoleDefinition")),
    ] {
        let refused = world.arm("PUT", &definition(GROUP, TWO), Some(body)).await;
        assert_eq!(refused.refusal(), expected, "{}", refused.body);
    }
    for (method, body) in [("PUT", Some(role("New", &["*"], &[GROUP]))), ("DELETE", None)] {
        let refused = world.arm(method, &definition(GROUP, READER), body).await;
        assert_eq!(refused.refusal(), (400, "InvalidRoleDefinitionId"));
    }
}

#[tokio::test]
async fn who_may_give_access_in_a_group_gives_none_outside_of_it_however_the_path_is_spelt() {
    let world = World::new().await;
    let person = Person::with(&world, "one", ACCESS_ADMINISTRATOR, GROUP).await;
    let inside = person.assign(&world, &format!("{IDENTITIES}/one"), ONE, OWNER, person.object).await;
    assert_eq!(inside.status, 201, "{}", inside.body);
    let outside = subscription();
    for scope in [
        String::new(),
        outside.clone(),
        format!("{outside}/resourceGroups/rg10"),
        format!("{outside}/resourceGroups/rg1."),
        format!("{GROUP}/.."),
        format!("{GROUP}/../rg2"),
        format!("{GROUP}/%2e%2e"),
        format!("{GROUP}/%2e%2e/rg2"),
        format!("{GROUP}%2f..%2f.."),
        format!("{GROUP}/"),
        format!("{GROUP}//"),
        format!("{GROUP}%00"),
        format!("{GROUP}%20"),
        format!("{GROUP}/providers"),
        format!("{GROUP}/providers/Microsoft.Authorization/roleAssignments/{ONE}"),
        format!("{outside}/./resourceGroups/rg1"),
        format!("{outside}//resourceGroups/rg1"),
        format!("/{outside}/resourceGroups/rg1"),
        format!("{outside}/resourceGroups/rg1/providers/Microsoft.X/a/b/providers/Microsoft.Y/c/d"),
        "/subscriptions/44444444-4444-4444-8444-444444444444/resourceGroups/rg1".to_owned(),
        "/-authorization".to_owned(),
    ] {
        let refused = person.assign(&world, &scope, TWO, OWNER, person.object).await;
        assert!((400..405).contains(&refused.status.as_u16()), "{scope}: {}", refused.body);
    }
    let direct = person
        .call(
            &world,
            "PUT",
            &format!("/-authorization/roleAssignments/{TWO}?{VERSION}"),
            Some(asked(OWNER, person.object)),
        )
        .await;
    assert_eq!(direct.refusal(), (404, "NotFound"));
    let held = world.store.assignments(TENANT, Some(person.object), None, 10).await.unwrap();
    let scopes: Vec<&str> = held.iter().map(|found| found.assignment.scope.as_str()).collect();
    assert!(scopes.iter().all(|scope| scope.starts_with(GROUP)), "{scopes:?}");
    assert_eq!(scopes.len(), 2);
}

#[tokio::test]
async fn who_may_give_access_in_a_group_neither_reads_nor_deletes_assignments_of_other_scopes() {
    let world = World::new().await;
    let person = Person::with(&world, "one", ACCESS_ADMINISTRATOR, GROUP).await;
    let other = Person::new(&world, "two").await;
    world.arm("PUT", &assignment(&subscription(), ONE), Some(asked(READER, other.object))).await;
    assert_eq!(person.call(&world, "DELETE", &assignment(&subscription(), ONE), None).await.status, 403);
    assert_eq!(person.call(&world, "DELETE", &assignment(GROUP, ONE), None).await.status, 204);
    assert_eq!(person.call(&world, "GET", &assignment(GROUP, ONE), None).await.status, 404);
    assert_eq!(world.arm("GET", &assignment(&subscription(), ONE), None).await.status, 200);
}

#[tokio::test]
async fn a_role_is_changed_by_those_alone_who_may_change_it_everywhere() {
    let world = World::new().await;
    let person = Person::with(&world, "one", ACCESS_ADMINISTRATOR, GROUP).await;
    let wide = subscription();
    world.arm("PUT", &definition("", ONE), Some(role("Wide", &["*/read"], &[&wide, GROUP]))).await;
    let everything = role("Wide", &["*"], &[GROUP]);
    let taken = person.call(&world, "PUT", &definition(GROUP, ONE), Some(everything)).await;
    assert_eq!(taken.refusal(), (403, "AuthorizationFailed"));
    let new = role("New", &["*"], &[GROUP, &wide]);
    assert_eq!(person.call(&world, "PUT", &definition(GROUP, TWO), Some(new)).await.status, 403);
    assert_eq!(person.call(&world, "DELETE", &definition(GROUP, ONE), None).await.status, 403);
    let own = role("Own", &["*"], &[GROUP]);
    assert_eq!(person.call(&world, "PUT", &definition(GROUP, TWO), Some(own)).await.status, 201);
    let kept = world.arm("GET", &definition(&wide, ONE), None).await;
    assert_eq!(kept.body["properties"]["permissions"][0]["actions"], json!(["*/read"]));
}

#[tokio::test]
async fn no_wildcard_reaches_service_accounts_or_the_directory() {
    let world = World::new().await;
    let account = json!({ "namespace": "default", "name": "sademo" });
    world.arm("POST", "/symbolon/v1/serviceaccounts", Some(account)).await;
    let token = "/symbolon/v1/namespaces/default/serviceaccounts/sademo/token";
    world.arm("PUT", &definition("", ONE), Some(role("Everything", &["*", "*/token/action"], &["/"]))).await;
    world
        .arm("PUT", &definition("", TWO), Some(role("Tokens", &["Symbolon/serviceAccounts/token/action"], &["/"])))
        .await;
    for (name, role, status) in
        [("one", CONTRIBUTOR, 403), ("two", ONE, 403), ("three", TWO, 201), ("four", OWNER, 201)]
    {
        let person = Person::with(&world, name, role, "/").await;
        let answer = person.call(&world, "POST", token, Some(json!({}))).await;
        assert_eq!(answer.status.as_u16() == 403, status == 403, "{role}: {}", answer.body);
    }
}

#[tokio::test]
async fn the_caller_s_permissions_are_those_of_its_roles() {
    let world = World::new().await;
    let person = Person::with(&world, "one", READER, GROUP).await;
    let path = |scope: &str| format!("{scope}/providers/Microsoft.Authorization/permissions?{VERSION}");
    let found = person.call(&world, "GET", &path(GROUP), None).await;
    let reads = json!([{ "actions": ["*/read"], "notActions": [], "dataActions": [], "notDataActions": [] }]);
    assert_eq!(found.body, json!({ "value": reads }));
    assert_eq!(person.call(&world, "GET", &path(&subscription()), None).await.status, 403);
}

#[tokio::test]
async fn a_refusal_is_in_azure_s_words_and_writes_stand_in_the_audit_trail() {
    let world = World::new().await;
    let person = Person::with(&world, "one", READER, GROUP).await;
    let before = world.trail().await.len();
    let refused = person.assign(&world, GROUP, ONE, OWNER, person.object).await;
    let message = refused.message();
    assert!(message.starts_with("The client '"), "{message}");
    let rest = format!(
        "' with object id '{}' does not have authorization to perform action 'Microsoft.Authorization/roleAssignments/write' over scope '{GROUP}' or the scope is invalid. If access was recently granted, please refresh your credentials.",
        person.object
    );
    assert!(message.ends_with(&rest), "{message}");
    world.arm("PUT", &assignment(GROUP, ONE), Some(asked(READER, Person::new(&world, "two").await.object))).await;
    world.arm("DELETE", &assignment(GROUP, ONE), None).await;
    let trail = world.trail().await;
    let told: Vec<_> = trail[before..]
        .iter()
        .filter(|record| record.facts.resource.as_deref().is_some_and(|resource| !resource.contains("ManagedIdentity")))
        .map(|record| (record.operation, record.outcome))
        .collect();
    assert_eq!(
        told,
        [
            (Operation::Write, Outcome::Refused),
            (Operation::Write, Outcome::Granted),
            (Operation::Delete, Outcome::Granted)
        ]
    );
}

#[tokio::test]
async fn another_tenant_sees_none_of_it() {
    let world = World::new().await;
    world.arm("PUT", &definition("", ONE), Some(role("Mine", &["*/read"], &["/"]))).await;
    let foreign = async |method: &str, path: &str| world.call(Who::Foreigner, MANAGEMENT, method, path, None).await;
    assert_eq!(foreign("GET", &definition("", ONE)).await.status, 404);
    assert_eq!(foreign("DELETE", &definition("", ONE)).await.status, 204);
    assert_eq!(names(&foreign("GET", &definitions("", "type eq 'CustomRole'")).await), [""; 0]);
    assert_eq!(names(&foreign("GET", &assignments("", "")).await).len(), 1);
    assert_eq!(foreign("GET", &assignments(GROUP, "")).await.refusal(), (404, "SubscriptionNotFound"));
    assert_eq!(world.arm("GET", &definition("", ONE), None).await.status, 200);
}

#[tokio::test]
async fn a_role_on_something_in_a_subscription_shows_the_subscription_and_nothing_beside_it() {
    let world = World::new().await;
    let nobody = Person::new(&world, "nobody").await;
    let path = format!("/subscriptions?{VERSION}");
    assert_eq!(nobody.call(&world, "GET", &path, None).await.body["value"], json!([]));
    let reader = Person::with(&world, "reader", READER, GROUP).await;
    let listed = reader.call(&world, "GET", &path, None).await;
    assert_eq!(listed.body["value"][0]["subscriptionId"], SUBSCRIPTION, "{}", listed.body);
    assert_eq!(listed.body["value"].as_array().unwrap().len(), 1);
    let other = format!("{}/resourceGroups/other?{VERSION}", subscription());
    assert_eq!(reader.call(&world, "GET", &other, None).await.status, 403);
}
