use std::time::Duration;

use axum::body::Body;
use http::Request;
use http_body_util::BodyExt;
use symbolon_serve::Limits;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::{GET, Pair, ask, body, http2, rest, start, start_plain, status, until};

const HELD: &[u8] = b"GET /held HTTP/1.1\r\nhost: x\r\n\r\n";

#[tokio::test]
async fn requests_in_flight_finish_and_new_connections_are_refused() {
    let mut server = start_plain(Limits::default());
    let mut busy = server.connect().await;
    busy.write_all(HELD).await.unwrap();
    server.held_request().await;
    server.begin_shutdown();
    until(async || TcpStream::connect(server.address).await.is_err()).await;
    assert!(!server.task.is_finished());
    server.held.add_permits(1);
    assert!(rest(&mut busy).await.ends_with("held"));
    server.task.await.unwrap().unwrap();
}

#[tokio::test]
async fn readiness_ends_at_once_and_the_health_port_stays_until_the_end() {
    let mut server = start_plain(Limits::default());
    assert_eq!(status(&server.get_health("/readyz").await), "200");
    let mut busy = server.connect().await;
    busy.write_all(HELD).await.unwrap();
    server.held_request().await;
    server.begin_shutdown();
    until(async || TcpStream::connect(server.address).await.is_err()).await;
    let answer = server.get_health("/readyz").await;
    assert_eq!((status(&answer), body(&answer)), ("503", "not ready: shutdown\n"));
    assert_eq!(status(&server.get_health("/healthz").await), "200");
    server.held.add_permits(1);
    let health = server.health;
    server.task.await.unwrap().unwrap();
    assert!(TcpStream::connect(health).await.is_err());
}

#[tokio::test]
async fn kept_connections_are_closed() {
    let mut server = start_plain(Limits::default());
    let mut kept = server.connect().await;
    assert_eq!(body(&ask(&mut kept, GET).await), "hello");
    server.begin_shutdown();
    assert_eq!(rest(&mut kept).await, "");
    server.task.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_client_in_the_middle_of_its_handshake_does_not_hold_up_the_end() {
    let mut server = start(Some(&Pair::new().tls()), Limits::default());
    let mut silent = server.connect().await;
    server.metric(r#"symbolon_open_connections{server="test"} 1"#).await;
    server.begin_shutdown();
    assert_eq!(rest(&mut silent).await, "");
    server.task.await.unwrap().unwrap();
}

#[tokio::test]
async fn requests_in_flight_on_http2_finish() {
    let pair = Pair::new();
    let mut server = start(Some(&pair.tls()), Limits::default());
    let mut client = http2(&pair, &server).await;
    let request = Request::get("https://localhost/held").body(Body::empty()).unwrap();
    let response = tokio::spawn(client.send_request(request));
    server.held_request().await;
    server.begin_shutdown();
    until(async || TcpStream::connect(server.address).await.is_err()).await;
    server.held.add_permits(1);
    let response = response.await.unwrap().unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "held");
    server.task.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_request_that_takes_longer_than_the_drain_is_cut() {
    let mut server = start_plain(Limits { drain: Duration::from_millis(100), ..Limits::default() });
    let mut busy = server.connect().await;
    busy.write_all(HELD).await.unwrap();
    server.metric(r#"symbolon_open_connections{server="test"} 1"#).await;
    server.begin_shutdown();
    server.task.await.unwrap().unwrap();
    assert_eq!(rest(&mut busy).await, "");
}

#[tokio::test]
async fn dropping_the_group_closes_everything() {
    let server = start_plain(Limits::default());
    let mut kept = server.connect().await;
    assert_eq!(body(&ask(&mut kept, GET).await), "hello");
    server.task.abort();
    assert_eq!(rest(&mut kept).await, "");
    until(async || TcpStream::connect(server.address).await.is_err()).await;
}
