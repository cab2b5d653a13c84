//! No route shows or changes anything of another tenant.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde_json::{Value, json};
use symbolon_core::ports::management::ManagementStore;

use crate::world::{GRAPH, GROUP, IDENTITIES, MANAGEMENT, SUBSCRIPTION, TENANT, VERSION, Who, World};

/// Something to ask for that belongs to the first tenant, and what its neighbour is told.
struct Probe {
    method: &'static str,
    path: String,
    expected: Expected,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Expected {
    /// 403 or 404.
    Refused,
    /// 400, whoever asks.
    Invalid,
    /// Its own things, or what belongs to nobody; nothing of the first tenant.
    Own,
}

fn probe(method: &'static str, path: impl Into<String>, expected: Expected) -> Probe {
    Probe { method, path: path.into(), expected }
}

/// What the first tenant has in the directory.
struct Victim {
    application: String,
    app_id: String,
    principal: String,
}

/// An id that nothing has.
const NEW_ID: &str = "99999999-9999-4999-8999-999999999999";

/// Every route with every method. A route that is missing here fails the test.
fn probes(victim: &Victim) -> Vec<Probe> {
    [arm_probes(), graph_probes(victim), own_probes()].into_iter().flatten().collect()
}

fn arm_probes() -> Vec<Probe> {
    use Expected::{Own, Refused};
    let subscription = format!("/subscriptions/{SUBSCRIPTION}");
    let provider = format!("{subscription}/providers/Microsoft.ManagedIdentity");
    let identity = format!("{IDENTITIES}/victim");
    let credential = format!("{identity}/federatedIdentityCredentials/victim-fic");
    let authorization = format!("{GROUP}/providers/Microsoft.Authorization");
    let assignment = format!("{authorization}/roleAssignments/{NEW_ID}");
    let definition = format!("{authorization}/roleDefinitions/{NEW_ID}");
    vec![
        probe("GET", "/metadata/endpoints", Own),
        probe("GET", "/tenants", Own),
        probe("GET", "/subscriptions", Own),
        probe("GET", &subscription, Refused),
        probe("GET", format!("{subscription}/locations"), Refused),
        probe("GET", format!("{subscription}/providers"), Refused),
        probe("GET", &provider, Refused),
        probe("POST", format!("{provider}/register"), Refused),
        probe("GET", format!("{subscription}/resources"), Refused),
        probe("GET", format!("{subscription}/resourceGroups"), Refused),
        probe("GET", GROUP, Refused),
        probe("HEAD", GROUP, Refused),
        probe("PUT", GROUP, Refused),
        probe("PATCH", GROUP, Refused),
        probe("DELETE", GROUP, Refused),
        probe("GET", format!("{GROUP}/resources"), Refused),
        probe("GET", format!("{provider}/userAssignedIdentities"), Refused),
        probe("GET", IDENTITIES, Refused),
        probe("GET", &identity, Refused),
        probe("PUT", &identity, Refused),
        probe("PATCH", &identity, Refused),
        probe("DELETE", &identity, Refused),
        probe("GET", format!("{identity}/federatedIdentityCredentials"), Refused),
        probe("GET", &credential, Refused),
        probe("PUT", &credential, Refused),
        probe("DELETE", &credential, Refused),
        probe("GET", format!("{authorization}/permissions"), Refused),
        probe("GET", format!("{authorization}/roleAssignments"), Refused),
        probe("GET", &assignment, Refused),
        probe("PUT", &assignment, Refused),
        probe("DELETE", &assignment, Refused),
        probe("GET", format!("{authorization}/roleDefinitions"), Refused),
        probe("GET", &definition, Refused),
        probe("PUT", &definition, Refused),
        probe("DELETE", &definition, Refused),
    ]
}

fn graph_probes(Victim { application, principal, .. }: &Victim) -> Vec<Probe> {
    use Expected::{Invalid, Own, Refused};
    let graph = format!("/v1.0/applications/{application}");
    let principal = format!("/v1.0/servicePrincipals/{principal}");
    vec![
        probe("GET", "/v1.0/applications", Own),
        probe("POST", "/v1.0/applications", Own),
        probe("GET", &graph, Refused),
        probe("PATCH", &graph, Refused),
        probe("DELETE", &graph, Refused),
        probe("POST", format!("{graph}/addPassword"), Refused),
        probe("POST", format!("{graph}/removePassword"), Refused),
        probe("GET", "/v1.0/servicePrincipals", Own),
        probe("POST", "/v1.0/servicePrincipals", Invalid),
        probe("GET", format!("{graph}/owners"), Refused),
        probe("GET", format!("{graph}/federatedIdentityCredentials"), Refused),
        probe("POST", format!("{graph}/federatedIdentityCredentials"), Refused),
        probe("GET", format!("{graph}/federatedIdentityCredentials/victim-fic"), Refused),
        probe("PATCH", format!("{graph}/federatedIdentityCredentials/victim-fic"), Refused),
        probe("DELETE", format!("{graph}/federatedIdentityCredentials/victim-fic"), Refused),
        probe("GET", &principal, Refused),
        probe("PATCH", &principal, Refused),
        probe("DELETE", &principal, Refused),
        probe("POST", format!("{principal}/addPassword"), Refused),
        probe("POST", format!("{principal}/removePassword"), Refused),
        probe("GET", format!("{principal}/owners"), Refused),
        probe("POST", "/v1.0/directoryObjects/getByIds", Own),
        probe("GET", "/v1.0/organization", Own),
        probe("GET", format!("/v1.0/organization/{TENANT}"), Refused),
        probe("GET", "/v1.0/me", Invalid),
        probe("GET", "/v1.0/me/ownedObjects", Invalid),
    ]
}

fn own_probes() -> Vec<Probe> {
    use Expected::{Own, Refused};
    let account = "/symbolon/v1/namespaces/default/serviceaccounts/victim";
    let issuer = "/symbolon/v1/trusted-issuers/https%3A%2F%2Fvictim.example";
    vec![
        probe("GET", "/symbolon/v1/installation", Own),
        probe("GET", "/symbolon/v1/keys", Own),
        probe("GET", "/symbolon/v1/audit", Own),
        probe("GET", "/symbolon/v1/serviceaccounts", Refused),
        probe("POST", "/symbolon/v1/serviceaccounts", Refused),
        probe("GET", account, Refused),
        probe("PATCH", account, Refused),
        probe("DELETE", account, Refused),
        probe("POST", format!("{account}/token"), Refused),
        probe("GET", "/symbolon/v1/tenants", Refused),
        probe("POST", "/symbolon/v1/tenants", Refused),
        probe("GET", "/symbolon/v1/tenant", Own),
        probe("PATCH", "/symbolon/v1/tenant", Own),
        probe("GET", "/symbolon/v1/subscriptions", Own),
        probe("POST", "/symbolon/v1/subscriptions", Own),
        probe("GET", "/symbolon/v1/trusted-issuers", Own),
        probe("PUT", "/symbolon/v1/trusted-issuers", Own),
        probe("GET", issuer, Refused),
        probe("DELETE", issuer, Own),
    ]
}

/// A body that is good for `path`, so that nothing is refused for the wrong reason.
fn body(method: &str, path: &str, victim: &Victim) -> Option<Value> {
    if !matches!(method, "PUT" | "PATCH" | "POST") {
        return None;
    }
    Some(if path.contains("federatedIdentityCredentials") {
        json!({ "properties": { "issuer": "https://i", "subject": "s", "audiences": ["a"] } })
    } else if path.starts_with("/subscriptions") {
        json!({ "location": "local", "tags": { "taken": "over" } })
    } else if path.starts_with("/v1.0/applications") {
        json!({ "displayName": "Neighbour" })
    } else if path == "/v1.0/servicePrincipals" {
        json!({ "appId": victim.app_id })
    } else if path.ends_with("/trusted-issuers") {
        json!({ "issuer": "https://neighbour.example" })
    } else if path.ends_with("/serviceaccounts") {
        json!({ "namespace": "default", "name": "neighbour" })
    } else if path.ends_with("/token") {
        json!({ "spec": { "audiences": ["a"], "expirationSeconds": 600 } })
    } else if path.ends_with("/getByIds") {
        json!({ "ids": [victim.application, victim.principal] })
    } else if path.ends_with("/removePassword") {
        json!({ "keyId": NEW_ID })
    } else {
        json!({ "displayName": "Neighbour", "annotations": {} })
    })
}

/// Fills the first tenant.
async fn fill(world: &World) -> Victim {
    world.create_identity("victim").await;
    let credential = format!("{IDENTITIES}/victim/federatedIdentityCredentials/victim-fic?{VERSION}");
    let wanted = json!({ "properties": { "issuer": "https://victim.example", "subject": "s", "audiences": ["a"] } });
    assert_eq!(world.arm("PUT", &credential, Some(wanted)).await.status, 201);
    let account = json!({ "namespace": "default", "name": "victim" });
    assert_eq!(world.arm("POST", "/symbolon/v1/serviceaccounts", Some(account)).await.status, 201);
    let issuer = json!({ "issuer": "https://victim.example" });
    assert_eq!(world.arm("PUT", "/symbolon/v1/trusted-issuers", Some(issuer)).await.status, 201);
    let made = world.graph("POST", "/applications", Some(json!({ "displayName": "victim" }))).await;
    assert_eq!(made.status, 201);
    let text = |name: &str| made.body[name].as_str().unwrap().to_owned();
    let principal = world.graph("POST", "/servicePrincipals", Some(json!({ "appId": text("appId") }))).await;
    assert_eq!(principal.status, 201);
    let credentials = format!("/applications/{}/federatedIdentityCredentials", text("id"));
    let wanted =
        json!({ "name": "victim-fic", "issuer": "https://victim.example", "subject": "s", "audiences": ["a"] });
    assert_eq!(world.graph("POST", &credentials, Some(wanted)).await.status, 201);
    let principal = principal.body["id"].as_str().unwrap().to_owned();
    Victim { application: text("id"), app_id: text("appId"), principal }
}

/// Everything that the first tenant has, as its owner sees it.
async fn everything(world: &World) -> Vec<Value> {
    let subscription = format!("/subscriptions/{SUBSCRIPTION}");
    let mut seen = Vec::new();
    for path in [
        format!("{subscription}/resourceGroups?{VERSION}"),
        format!("{IDENTITIES}?{VERSION}"),
        format!("{IDENTITIES}/victim/federatedIdentityCredentials?{VERSION}"),
        "/symbolon/v1/serviceaccounts".into(),
        "/symbolon/v1/trusted-issuers".into(),
    ] {
        let answer = world.arm("GET", &path, None).await;
        assert_eq!(answer.status, 200, "{path}");
        seen.push(answer.body);
    }
    seen.push(world.graph("GET", "/applications", None).await.body);
    seen.push(world.graph("GET", "/servicePrincipals", None).await.body);
    seen.push(json!(world.store.tenants().await.unwrap().into_iter().find(|tenant| tenant.id == TENANT)));
    seen
}

#[tokio::test]
async fn every_route_keeps_one_tenant_from_the_other() {
    let world = World::new().await;
    let victim = fill(&world).await;
    let before = everything(&world).await;
    let marks = [
        "victim",
        &TENANT.to_string(),
        SUBSCRIPTION,
        "Contoso",
        &victim.app_id,
        &victim.application,
        &victim.principal,
    ]
    .map(str::to_owned);
    let mut walked: BTreeMap<String, (String, BTreeSet<String>)> = BTreeMap::new();
    for Probe { method, path, expected } in probes(&victim) {
        let audience = if path.starts_with("/v1.0") { GRAPH } else { MANAGEMENT };
        let body = body(method, &path, &victim);
        let answer = world.call(Who::Foreigner, audience, method, &format!("{path}?{VERSION}"), body.as_ref()).await;
        let status = answer.status.as_u16();
        match expected {
            Expected::Refused => assert!(matches!(status, 403 | 404), "{method} {path}: {status} {}", answer.body),
            Expected::Invalid => assert_eq!(status, 400, "{method} {path}: {}", answer.body),
            Expected::Own => assert!(answer.status.is_success(), "{method} {path}: {status} {}", answer.body),
        }
        is_silent(&answer.body, &path, body.as_ref(), &marks);
        let route = answer.route.unwrap_or_else(|| panic!("{method} {path} is no route"));
        walked.entry(route).or_insert((path, BTreeSet::new())).1.insert(method.to_owned());
    }
    assert_eq!(everything(&world).await, before);
    nothing_is_missing(&world, &walked).await;
}

/// Fails where the sources hold more routes than were walked, or a route more methods.
async fn nothing_is_missing(world: &World, walked: &BTreeMap<String, (String, BTreeSet<String>)>) {
    assert_eq!(walked.len(), in_sources(".route("), "a route is missing in `probes`: {:#?}", walked.keys());
    for (route, (path, methods)) in walked {
        // A method that is not there is told which ones are; `HEAD` comes with `GET`.
        let answer = world.arm("TRACE", path, None).await;
        assert_eq!(answer.status, 405, "{route}");
        let allowed = answer.header("allow").split(',').filter(|method| *method != "HEAD");
        let walked = methods.iter().map(String::as_str).filter(|method| *method != "HEAD");
        assert_eq!(walked.collect::<BTreeSet<_>>(), allowed.collect(), "{route}");
    }
}

/// Nothing of the first tenant stands in a body, but for what the neighbour itself wrote.
fn is_silent(answer: &Value, path: &str, body: Option<&Value>, marks: &[String]) {
    let text = answer.to_string();
    let said = format!("{path} {body:?}");
    for mark in marks.iter().filter(|mark| !said.contains(*mark)) {
        let shown = text.matches(mark.as_str()).count();
        // The installation names its default subscription to every administrator.
        let public = usize::from(path == "/symbolon/v1/installation" && mark == SUBSCRIPTION);
        assert!(shown <= public, "{path} shows `{mark}`: {text}");
    }
}

/// How often `word` stands in the sources of the management plane.
fn in_sources(word: &str) -> usize {
    fn walk(directory: &Path, word: &str) -> usize {
        let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        let count = |path: &Path| std::fs::read_to_string(path).unwrap().matches(word).count();
        entries.map(|path| if path.is_dir() { walk(&path, word) } else { count(&path) }).sum()
    }
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), word)
}
