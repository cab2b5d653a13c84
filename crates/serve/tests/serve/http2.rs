use std::time::Duration;

use axum::body::Body;
use http::{Request, StatusCode, Version};
use http_body_util::BodyExt;
use symbolon_serve::Limits;

use crate::support::{Http2, Pair, http2, start};

fn get(path: &str) -> Request<Body> {
    Request::get(format!("https://localhost{path}")).body(Body::empty()).unwrap()
}

async fn text(client: &mut Http2, request: Request<Body>) -> (StatusCode, String) {
    let response = client.send_request(request).await.unwrap();
    assert_eq!(response.version(), Version::HTTP_2);
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn requests_share_one_connection() {
    let pair = Pair::new();
    let server = start(Some(&pair.tls()), Limits::default());
    let mut client = http2(&pair, &server).await;
    let held = tokio::spawn(client.send_request(get("/held")));
    for _ in 0..3 {
        assert_eq!(text(&mut client, get("/")).await, (StatusCode::OK, "hello".to_owned()));
    }
    server.held.add_permits(1);
    assert_eq!(held.await.unwrap().unwrap().status(), StatusCode::OK);
    server.metric(r#"symbolon_open_connections{server="test"} 1"#).await;
}

#[tokio::test]
async fn limits_hold_as_on_http1() {
    let pair = Pair::new();
    let limits = Limits { body_bytes: 16, header_bytes: 1024, ..Limits::default() };
    let server = start(Some(&pair.tls()), limits);
    let mut client = http2(&pair, &server).await;
    let large_body = Request::post("https://localhost/echo").body(Body::from("x".repeat(17))).unwrap();
    assert_eq!(text(&mut client, large_body).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    let large_head = Request::get("https://localhost/").header("x", "a".repeat(2048)).body(Body::empty()).unwrap();
    assert_eq!(text(&mut client, large_head).await.0, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert_eq!(text(&mut client, get("/panic")).await, (StatusCode::INTERNAL_SERVER_ERROR, String::new()));
    assert_eq!(text(&mut client, get("/")).await.1, "hello");
}

#[tokio::test]
async fn a_connection_without_requests_is_closed() {
    let pair = Pair::new();
    let limits = Limits { idle_timeout: Duration::from_millis(300), ..Limits::default() };
    let server = start(Some(&pair.tls()), limits);
    let mut client = http2(&pair, &server).await;
    assert_eq!(text(&mut client, get("/")).await.1, "hello");
    server.metric(r#"symbolon_open_connections{server="test"} 0"#).await;
    assert!(client.send_request(get("/")).await.is_err());
}
