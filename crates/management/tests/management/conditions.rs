use serde_json::{Value, json};

use crate::world::{Answer, GROUP, IDENTITIES, MANAGEMENT, VERSION, Who, World, request, token};

struct Resource {
    path: String,
    body: Value,
}

/// One resource of each kind that has versions, in the order in which they can be made.
fn resources() -> [Resource; 3] {
    let credential = json!({ "properties": { "issuer": "https://i", "subject": "s", "audiences": ["a"] } });
    let located = json!({ "location": "local", "tags": {} });
    [
        Resource { path: format!("{GROUP}2?{VERSION}"), body: located.clone() },
        Resource { path: format!("{IDENTITIES}/one?{VERSION}"), body: located },
        Resource { path: format!("{IDENTITIES}/one/federatedIdentityCredentials/fic?{VERSION}"), body: credential },
    ]
}

async fn send(world: &World, method: &str, resource: &Resource, condition: (&str, &str)) -> Answer {
    let body = matches!(method, "PUT" | "PATCH").then_some(&resource.body);
    let mut request = request(method, &resource.path, Some(&token(Who::Owner, MANAGEMENT)), body);
    request.headers_mut().insert(http::HeaderName::try_from(condition.0).unwrap(), condition.1.parse().unwrap());
    world.send(request).await
}

#[tokio::test]
async fn a_version_is_answered_and_wins_once() {
    let world = World::new().await;
    for resource in resources() {
        let path = &resource.path;
        let created = send(&world, "PUT", &resource, ("if-none-match", "*")).await;
        assert_eq!(created.status, 201, "{path}: {}", created.body);
        let first = created.header("etag").to_owned();
        assert!(first.starts_with('"') && first.ends_with('"'), "{path}: {first}");
        assert_eq!(world.arm("GET", path, None).await.header("etag"), first, "{path}");

        let updated = send(&world, "PUT", &resource, ("if-match", &first)).await;
        assert_eq!(updated.status, 200, "{path}: {}", updated.body);
        let second = updated.header("etag").to_owned();
        assert_ne!(first, second);
        for method in ["PUT", "DELETE"] {
            let stale = send(&world, method, &resource, ("if-match", &first)).await;
            assert_eq!(stale.refusal(), (412, "PreconditionFailed"), "{method} {path}");
            let weak = send(&world, method, &resource, ("if-match", &format!("W/{second}"))).await;
            assert_eq!(weak.refusal(), (412, "PreconditionFailed"), "{method} {path}");
            let malformed = send(&world, method, &resource, ("if-match", "x")).await;
            assert_eq!(malformed.refusal(), (400, "InvalidConditionHeader"), "{method} {path}");
        }
        let again = send(&world, "PUT", &resource, ("if-none-match", "*")).await;
        assert_eq!(again.refusal(), (412, "PreconditionFailed"), "{path}");
        let either = send(&world, "PUT", &resource, ("if-match", &format!("{first}, {second}"))).await;
        assert_eq!(either.status, 200, "{path}: {}", either.body);
    }
    for resource in resources().iter().rev() {
        let current = world.arm("GET", &resource.path, None).await.header("etag").to_owned();
        assert_eq!(send(&world, "DELETE", resource, ("if-match", &current)).await.status, 200, "{}", resource.path);
        let gone = send(&world, "DELETE", resource, ("if-match", "*")).await;
        assert_eq!(gone.refusal(), (412, "PreconditionFailed"), "{}", resource.path);
    }
}

#[tokio::test]
async fn a_patch_of_tags_takes_conditions_as_well() {
    let world = World::new().await;
    for resource in &resources()[..2] {
        let created = world.arm("PUT", &resource.path, Some(resource.body.clone())).await;
        let first = created.header("etag").to_owned();
        let patched = send(&world, "PATCH", resource, ("if-match", &first)).await;
        assert_eq!(patched.status, 200, "{}", resource.path);
        assert_ne!(patched.header("etag"), first);
        let stale = send(&world, "PATCH", resource, ("if-match", &first)).await;
        assert_eq!(stale.refusal(), (412, "PreconditionFailed"), "{}", resource.path);
        let nothing = Resource { path: resource.path.clone(), body: json!({}) };
        let stale = send(&world, "PATCH", &nothing, ("if-match", &first)).await;
        assert_eq!(stale.refusal(), (412, "PreconditionFailed"), "{}", resource.path);
    }
}
