//! Instance discovery.

use crate::support::App;
use crate::world::{TENANT, World};

fn path(api_version: &str, endpoint: &str) -> String {
    let endpoint = endpoint.replace(':', "%3A").replace('/', "%2F");
    format!("/common/discovery/instance?api-version={api_version}&authorization_endpoint={endpoint}")
}

fn authorize(host: &str) -> String {
    format!("https://{host}/{TENANT}/oauth2/v2.0/authorize")
}

#[tokio::test]
async fn version_1_1_says_where_to_discover_and_which_hosts_are_one() {
    let reply = App::new().get(&path("1.1", &authorize("localhost:8443"))).await;
    assert_eq!(reply.status, 200);
    insta::assert_snapshot!(serde_json::to_string_pretty(&reply.json()).unwrap(), @r#"
    {
      "api-version": "1.1",
      "metadata": [
        {
          "aliases": [
            "localhost:8443",
            "localhost"
          ],
          "preferred_cache": "localhost:8443",
          "preferred_network": "localhost:8443"
        }
      ],
      "tenant_discovery_endpoint": "https://localhost:8443/11111111-1111-4111-8111-111111111111/v2.0/.well-known/openid-configuration"
    }
    "#);
}

#[tokio::test]
async fn version_1_0_says_where_to_discover_even_if_the_port_is_left_out() {
    let reply = App::new().get(&path("1.0", &authorize("localhost"))).await;
    assert_eq!(reply.status, 200);
    insta::assert_snapshot!(serde_json::to_string_pretty(&reply.json()).unwrap(), @r#"
    {
      "api-version": "1.0",
      "tenant_discovery_endpoint": "https://localhost:8443/11111111-1111-4111-8111-111111111111/v2.0/.well-known/openid-configuration"
    }
    "#);
}

#[tokio::test]
async fn the_discovery_document_that_is_named_is_served() {
    let app = App::new();
    for endpoint in [
        authorize("localhost:8443"),
        "https://localhost:8443/common/oauth2/v2.0/authorize".into(),
        "https://localhost:8443/contoso.example/oauth2/authorize".into(),
    ] {
        let document = app.get(&path("1.1", &endpoint)).await.json();
        let url = document["tenant_discovery_endpoint"].as_str().unwrap().to_owned();
        let found = app.get(url.strip_prefix("https://localhost:8443").unwrap()).await.json();
        assert_eq!(found["authorization_endpoint"].as_str().unwrap().contains("/v2.0/"), endpoint.contains("/v2.0/"));
    }
}

#[tokio::test]
async fn an_authority_on_the_https_port_has_one_name() {
    let app = App::over(World::new(), Some("https://login.contoso.example"));
    for host in ["login.contoso.example", "login.contoso.example:443", "LOGIN.contoso.example"] {
        let document = app.get(&path("1.1", &authorize(host))).await.json();
        assert_eq!(document["metadata"][0]["aliases"], serde_json::json!(["login.contoso.example"]), "{host}");
    }
    assert_eq!(app.get(&path("1.1", &authorize("login.contoso.example:8443"))).await.outcome(), (400, 50_049));
}

#[tokio::test]
async fn every_other_host_is_an_invalid_instance() {
    let app = App::new();
    for endpoint in [
        authorize("login.example"),
        authorize("localhost:9999"),
        authorize("localhost.example:8443"),
        authorize("localhost:8443@attacker.example"),
        format!("http://localhost:8443/{TENANT}/oauth2/v2.0/authorize"),
    ] {
        let reply = app.get(&path("1.1", &endpoint)).await;
        assert_eq!(reply.outcome(), (400, 50_049), "{endpoint}");
        assert_eq!(reply.json()["error"], "invalid_instance");
    }
}

#[tokio::test]
async fn a_missing_or_malformed_parameter_is_refused() {
    let app = App::new();
    let endpoint = authorize("localhost:8443");
    for (path, expected) in [
        ("/common/discovery/instance".to_owned(), (400, 900_144)),
        (format!("/common/discovery/instance?authorization_endpoint={endpoint}"), (400, 900_144)),
        ("/common/discovery/instance?api-version=1.1".to_owned(), (400, 900_144)),
        (path("2.0", &endpoint), (400, 9_002_313)),
        (path("1.1", "not a url").replace(' ', "+"), (400, 9_002_313)),
        (path("1.1", "%FF"), (400, 9_002_313)),
        (path("1.1", "https://localhost:8443/"), (400, 900_023)),
        (path("1.1", "https://localhost:8443/unknown.example/oauth2/v2.0/authorize"), (400, 90_002)),
    ] {
        assert_eq!(app.get(&path).await.outcome(), expected, "{path}");
    }
}
