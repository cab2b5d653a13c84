use std::time::Duration;

use symbolon_serve::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

use crate::support::{GET, ask, body, rest, start_plain, until};

#[tokio::test]
async fn a_client_that_sends_headers_too_slowly_is_cut_while_another_is_served() {
    let limits = Limits { header_read_timeout: Duration::from_millis(200), ..Limits::default() };
    let server = start_plain(limits);
    let mut slow = server.connect().await;
    slow.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nx-slow: ").await.unwrap();
    assert_eq!(body(&server.get("/").await), "hello");
    assert_eq!(rest(&mut slow).await, "");
    assert_eq!(body(&server.get("/").await), "hello");
}

#[tokio::test]
async fn a_byte_now_and_then_does_not_keep_a_slow_client_alive() {
    let limits = Limits { header_read_timeout: Duration::from_millis(200), ..Limits::default() };
    let server = start_plain(limits);
    let mut slow = server.connect().await;
    slow.write_all(b"GET / HTTP/1.1\r\nx: ").await.unwrap();
    while slow.write_all(b"y").await.is_ok() {
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_kept_connection_outlives_the_time_for_headers() {
    let limits = Limits { header_read_timeout: Duration::from_millis(50), ..Limits::default() };
    let server = start_plain(limits);
    let mut stream = server.connect().await;
    assert_eq!(body(&ask(&mut stream, GET).await), "hello");
    sleep(Duration::from_millis(200)).await;
    assert_eq!(body(&ask(&mut stream, GET).await), "hello");
}

#[tokio::test]
async fn a_connection_without_requests_is_closed() {
    let limits = Limits { idle_timeout: Duration::from_millis(100), ..Limits::default() };
    let server = start_plain(limits);
    let mut silent = server.connect().await;
    let mut used = server.connect().await;
    assert_eq!(body(&ask(&mut used, GET).await), "hello");
    assert_eq!(rest(&mut used).await, "");
    assert_eq!(rest(&mut silent).await, "");
}

#[tokio::test]
async fn a_request_in_flight_outlives_the_idle_time() {
    let limits = Limits { idle_timeout: Duration::from_millis(50), ..Limits::default() };
    let server = start_plain(limits);
    let mut stream = server.connect().await;
    stream.write_all(b"GET /held HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    sleep(Duration::from_millis(250)).await;
    server.held.add_permits(1);
    assert!(rest(&mut stream).await.ends_with("held"));
}

#[tokio::test]
async fn a_client_that_stops_reading_is_cut() {
    let limits = Limits { idle_timeout: Duration::from_millis(200), ..Limits::default() };
    let server = start_plain(limits);
    let mut stream = server.connect().await;
    stream.write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    server.metric(r#"symbolon_open_connections{server="test"} 1"#).await;
    server.metric(r#"symbolon_open_connections{server="test"} 0"#).await;
    let mut received = Vec::new();
    let _ = stream.read_to_end(&mut received).await;
    assert!(received.len() < 64 << 20);
}

#[tokio::test]
async fn beyond_the_limit_a_client_waits_for_the_place_of_a_busy_one() {
    let server = start_plain(Limits { max_connections: 1, ..Limits::default() });
    let mut busy = server.connect().await;
    busy.write_all(b"GET /held HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    server.metric(r#"symbolon_open_connections{server="test"} 1"#).await;
    let mut waiting = server.connect().await;
    waiting.write_all(GET.as_bytes()).await.unwrap();
    sleep(Duration::from_millis(100)).await;
    server.metric(r#"symbolon_open_connections{server="test"} 1"#).await;
    server.held.add_permits(1);
    assert!(rest(&mut busy).await.ends_with("held"));
    assert_eq!(body(&crate::support::answer(&mut waiting).await), "hello");
}

#[tokio::test]
async fn beyond_the_limit_a_kept_connection_makes_room() {
    let server = start_plain(Limits { max_connections: 1, ..Limits::default() });
    let mut kept = server.connect().await;
    assert_eq!(body(&ask(&mut kept, GET).await), "hello");
    assert_eq!(body(&server.get("/").await), "hello");
    assert_eq!(rest(&mut kept).await, "");
}

#[tokio::test]
async fn connections_are_counted_while_they_are_open() {
    let server = start_plain(Limits::default());
    let streams = [server.connect().await, server.connect().await];
    server.metric(r#"symbolon_open_connections{server="test"} 2"#).await;
    drop(streams);
    until(async || server.metrics.encode().unwrap().contains(r#"open_connections{server="test"} 0"#)).await;
}
