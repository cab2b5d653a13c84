use prometheus_client::metrics::counter::Counter;
use symbolon_serve::Limits;

use crate::support::{body, start_plain, status};

#[tokio::test]
async fn the_process_answers_before_it_is_ready() {
    let server = start_plain(Limits::default());
    let _waiting = server.readiness.register("signing keys");
    assert_eq!(status(&server.get_health("/healthz").await), "200");
}

#[tokio::test]
async fn readiness_names_what_is_waited_for() {
    let server = start_plain(Limits::default());
    let (store, keys) = (server.readiness.register("store"), server.readiness.register("signing keys"));
    let answer = server.get_health("/readyz").await;
    assert_eq!((status(&answer), body(&answer)), ("503", "not ready: store, signing keys\n"));
    store.set(true);
    assert_eq!(body(&server.get_health("/readyz").await), "not ready: signing keys\n");
    keys.set(true);
    let answer = server.get_health("/readyz").await;
    assert_eq!((status(&answer), body(&answer)), ("200", "ready\n"));
    keys.set(false);
    assert_eq!(status(&server.get_health("/readyz").await), "503");
}

#[tokio::test]
async fn metrics_are_open_metrics_text() {
    let server = start_plain(Limits::default());
    let issued = Counter::<u64>::default();
    server.metrics.registry_mut(|registry| registry.register("tokens_issued", "Tokens", issued.clone()));
    issued.inc();
    server.get("/items/one").await;
    let line = r#"symbolon_http_requests_total{server="test",method="GET",path="/items/{name}",status="2xx"} 1"#;
    server.metric(line).await;
    server.metric(r#"symbolon_open_connections{server="test"} 0"#).await;
    let answer = server.get_health("/metrics").await;
    assert!(answer.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"));
    let stable: Vec<_> = body(&answer)
        .lines()
        .filter(|line| !["_bucket{", "_sum{", "server=\"health\""].iter().any(|part| line.contains(part)))
        .collect();
    insta::assert_snapshot!(stable.join("\n"), @r#"
    # HELP process_start_time_seconds Start of the process in unix seconds.
    # TYPE process_start_time_seconds gauge
    process_start_time_seconds 1795500000
    # HELP tokens_issued Tokens.
    # TYPE tokens_issued counter
    tokens_issued_total 1
    # HELP symbolon_http_requests Requests that were answered or given up.
    # TYPE symbolon_http_requests counter
    symbolon_http_requests_total{server="test",method="GET",path="/items/{name}",status="2xx"} 1
    # HELP symbolon_http_request_duration_seconds Time from the headers of a request to the end of its response.
    # TYPE symbolon_http_request_duration_seconds histogram
    symbolon_http_request_duration_seconds_count{server="test",method="GET",path="/items/{name}",status="2xx"} 1
    # HELP symbolon_open_connections Connections that are open now.
    # TYPE symbolon_open_connections gauge
    symbolon_open_connections{server="test"} 0
    # EOF
    "#);
}
