//! The tenant segment, the client, the request's form, and the resource.

use symbolon_core::client::{ClientKind, Principal};

use crate::case::{
    Case,
    Keys::{Asked, NotAsked},
    Row, refuses,
};
use crate::token::payload;
use crate::world::{APP, APP_OBJECT, FOREIGN_IDENTITY, OTHER_TENANT, RESOURCE_V1, RESOURCE_V2, TENANT};

#[tokio::test]
async fn a_tenant_is_named_by_id_or_domain_in_any_case() {
    let id = TENANT.to_string();
    for name in [id.as_str(), &id.to_uppercase(), "contoso.example", "Contoso.EXAMPLE"] {
        let granted = Case::federated().with(|c| c.tenant = name.into()).call().await.granted();
        assert!(payload(&granted.access_token).contains(&format!(r#""tid":"{id}""#)), "{name}");
    }
}

#[tokio::test]
async fn every_other_tenant_is_refused() {
    let rows: &[Row] = &[
        (
            "empty GUID",
            |c| c.tenant = "00000000-0000-0000-0000-000000000000".into(),
            900_021,
            "invalid_request",
            NotAsked,
        ),
        ("common", |c| c.tenant = "common".into(), 50_059, "invalid_request", NotAsked),
        ("organizations", |c| c.tenant = "organizations".into(), 50_059, "invalid_request", NotAsked),
        ("consumers", |c| c.tenant = "consumers".into(), 50_059, "invalid_request", NotAsked),
        (
            "unknown id",
            |c| c.tenant = "99999999-9999-4999-8999-999999999999".into(),
            90_002,
            "invalid_request",
            NotAsked,
        ),
        ("unknown domain", |c| c.tenant = "unknown.example".into(), 90_002, "invalid_request", NotAsked),
        ("domain with a dot more", |c| c.tenant = "contoso.example.".into(), 900_023, "invalid_request", NotAsked),
        ("one word", |c| c.tenant = "contoso".into(), 900_023, "invalid_request", NotAsked),
        (
            "GUID without hyphens",
            |c| c.tenant = TENANT.to_string().replace('-', ""),
            900_023,
            "invalid_request",
            NotAsked,
        ),
        ("GUID in braces", |c| c.tenant = format!("{{{TENANT}}}"), 900_023, "invalid_request", NotAsked),
        ("path", |c| c.tenant = "../contoso.example".into(), 900_023, "invalid_request", NotAsked),
        ("control characters", |c| c.tenant = "a.b\r\nx".into(), 900_023, "invalid_request", NotAsked),
        ("very long", |c| c.tenant = "a.".repeat(200), 900_023, "invalid_request", NotAsked),
        ("empty", |c| c.tenant.clear(), 900_023, "invalid_request", NotAsked),
    ];
    refuses(Case::federated, rows).await;
}

#[tokio::test]
async fn text_from_outside_is_escaped_and_cut_wherever_it_is_shown() {
    let hostile = "\u{1b}[2J\r\nforged log line\u{202e}";
    let put: [fn(&mut Case, &str); 7] = [
        |c, text| c.tenant = text.into(),
        |c, text| c.field("client_id", text),
        |c, text| c.field("grant_type", text),
        |c, text| c.v1(text),
        |c, text| c.field("scope", text),
        |c, text| c.token.claim("iss", text),
        |c, text| c.token.header("alg", text),
    ];
    for put in put {
        let text = format!("{hostile}{}", "x".repeat(5000));
        let answer = Case::federated().with(|c| put(c, &text)).call().await;
        let record = serde_json::to_string(&answer.record).unwrap();
        let refused = answer.refused();
        let shown = [refused.error.description(), refused.hint.unwrap_or_default(), record];
        for shown in shown {
            assert!(!shown.contains(['\u{1b}', '\r', '\n', '\u{202e}']), "{shown}");
            assert!(!shown.contains(r"\u001b") && !shown.contains(r"\r\n"), "{shown}");
            assert!(shown.len() < 8000, "{} bytes", shown.len());
        }
    }
}

#[tokio::test]
async fn a_client_must_be_known_in_the_tenant_enabled_and_with_a_service_principal() {
    let rows: &[Row] = &[
        (
            "unknown",
            |c| c.field("client_id", "99999999-9999-4999-8999-999999999999"),
            700_016,
            "unauthorized_client",
            NotAsked,
        ),
        ("no GUID", |c| c.field("client_id", "sademo"), 700_016, "unauthorized_client", NotAsked),
        ("of another tenant", |c| c.client(FOREIGN_IDENTITY), 700_016, "unauthorized_client", NotAsked),
        ("in another tenant", |c| c.tenant = OTHER_TENANT.to_string(), 700_016, "unauthorized_client", NotAsked),
        (
            "disabled",
            |c| principal(c, Some(Principal { object_id: APP_OBJECT, enabled: false })),
            7_000_112,
            "unauthorized_client",
            NotAsked,
        ),
        ("without service principal", |c| principal(c, None), 7_000_229, "invalid_client", NotAsked),
    ];
    refuses(|| Case::federated().with(|c| c.client(APP)), rows).await;
    refuses(Case::secret, rows).await;
    refuses(Case::certificate, rows).await;
}

#[tokio::test]
async fn the_request_must_be_well_formed() {
    let rows: &[Row] = &[
        ("no grant type", |c| c.without("grant_type"), 900_144, "invalid_request", NotAsked),
        ("no client id", |c| c.without("client_id"), 900_144, "invalid_request", NotAsked),
        ("no scope", |c| c.without("scope"), 900_144, "invalid_request", NotAsked),
        (
            "no resource in version 1",
            |c| {
                c.v1("x");
                c.without("resource");
            },
            900_144,
            "invalid_request",
            NotAsked,
        ),
        ("no assertion type", |c| c.without("client_assertion_type"), 900_144, "invalid_request", NotAsked),
        ("no assertion", |c| c.without("client_assertion"), 7_000_218, "invalid_client", NotAsked),
        ("empty form", |c| c.form.clear(), 900_144, "invalid_request", NotAsked),
        ("another grant type", |c| c.field("grant_type", "password"), 70_003, "unsupported_grant_type", NotAsked),
        (
            "another assertion type",
            |c| c.field("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"),
            9_002_313,
            "invalid_request",
            NotAsked,
        ),
        ("a secret beside the assertion", |c| c.field("client_secret", "s"), 9_002_324, "invalid_request", NotAsked),
        (
            "basic authentication beside the assertion",
            |c| c.basic = Some(("aaaaaaaa-0000-4000-8000-000000000001".into(), "s".into())),
            9_002_324,
            "invalid_request",
            NotAsked,
        ),
        (
            "resource in version 2",
            |c| c.field("resource", "https://vault.azure.net"),
            901_002,
            "invalid_request",
            NotAsked,
        ),
        (
            "scope without default",
            |c| c.field("scope", "https://vault.azure.net/read"),
            1_002_012,
            "invalid_scope",
            NotAsked,
        ),
        (
            "two scopes",
            |c| c.field("scope", "https://a/.default https://b/.default"),
            70_011,
            "invalid_scope",
            NotAsked,
        ),
        ("a field twice", |c| c.form.push(("client_id".into(), "x".into())), 9_000_411, "invalid_request", NotAsked),
        (
            "the assertion twice",
            |c| c.form.push(("client_assertion".into(), "x".into())),
            9_000_411,
            "invalid_request",
            NotAsked,
        ),
    ];
    refuses(Case::federated, rows).await;
}

#[tokio::test]
async fn a_resource_must_be_known_and_enabled() {
    let rows: &[Row] = &[
        ("unknown", |c| c.v2("https://unknown.example"), 500_011, "invalid_resource", Asked),
        ("unknown in version 1", |c| c.v1("https://unknown.example"), 500_011, "invalid_resource", Asked),
        ("unknown id", |c| c.v2("99999999-9999-4999-8999-999999999999"), 500_011, "invalid_resource", Asked),
        (
            "a host that only looks alike",
            |c| c.v2("https://vault.azure.net.example"),
            500_011,
            "invalid_resource",
            Asked,
        ),
        (
            "default without its slash",
            |c| c.field("scope", "https://azconfig.io.default"),
            500_011,
            "invalid_resource",
            Asked,
        ),
        (
            "of another tenant",
            |c| {
                c.world.resource_mut(RESOURCE_V1).tenant = OTHER_TENANT;
                c.v2("api://one");
            },
            500_011,
            "invalid_resource",
            Asked,
        ),
        (
            "disabled",
            |c| {
                disable(c);
                c.v2("api://one");
            },
            500_014,
            "invalid_resource",
            Asked,
        ),
        (
            "without service principal",
            |c| {
                c.world.resource_mut(RESOURCE_V1).service_principal = None;
                c.v2("api://one");
            },
            500_014,
            "invalid_resource",
            Asked,
        ),
    ];
    refuses(Case::federated, rows).await;
}

#[tokio::test]
async fn the_resource_decides_the_version_and_the_audience_at_either_endpoint() {
    let (one, two) = (RESOURCE_V1.to_string(), RESOURCE_V2.to_string());
    for (asked, audience, version) in [
        ("https://vault.azure.net", "https://vault.azure.net", "1.0"),
        ("https://management.core.windows.net/", "https://management.core.windows.net/", "1.0"),
        ("https://Management.Azure.com", "https://Management.Azure.com", "1.0"),
        ("https://graph.microsoft.com", "https://graph.microsoft.com", "1.0"),
        ("https://appconfig.azure.com", "https://appconfig.azure.com", "1.0"),
        ("https://mystore.azconfig.io", "https://mystore.azconfig.io", "1.0"),
        ("https://localhost:8446", "https://localhost:8446", "1.0"),
        ("https://storage.azure.com", "https://storage.azure.com", "1.0"),
        ("api://AzureADTokenExchange", "fb60f99c-7a34-4190-8149-302f77469936", "2.0"),
        ("api://one", "api://one", "1.0"),
        (&one, &one, "1.0"),
        ("api://two", &two, "2.0"),
        (&two, &two, "2.0"),
    ] {
        for case in [Case::federated().with(|c| c.v2(asked)), Case::federated().with(|c| c.v1(asked))] {
            let granted = case.call().await.granted();
            let claims = payload(&granted.access_token);
            assert!(claims.contains(&format!(r#""aud":"{audience}","#)), "{asked}: {claims}");
            assert!(claims.contains(&format!(r#""ver":"{version}""#)), "{asked}: {claims}");
            assert_eq!(granted.resource, asked, "the answer echoes what was asked for");
        }
    }
}

fn principal(case: &mut Case, changed: Option<Principal>) {
    if let ClientKind::Application { principal, .. } = &mut case.world.client_mut(APP).kind {
        *principal = changed;
    }
}

fn disable(case: &mut Case) {
    case.world.resource_mut(RESOURCE_V1).service_principal.as_mut().unwrap().enabled = false;
}
