//! The limit of open files holds for the whole process, so this test has one of its own.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test")]

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use prometheus_client::registry::Registry;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use symbolon_serve::{Limits, Metrics, Server, Servers};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

#[tokio::test]
async fn a_server_without_file_descriptors_waits_and_then_serves_again() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/", get(async || "hello"));
    let mut servers = Servers::new(Arc::new(Metrics::new(Registry::default(), 0)));
    servers.add(Server { name: "test", listener, tls: None, router, limits: Limits::default() });
    let running = tokio::spawn(servers.run(std::future::pending()));
    assert!(ask(TcpStream::connect(address).await.unwrap()).await.ends_with("hello"));

    // Sockets of clients first: connecting them then leaves none for the server's side.
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: Some(64), maximum }).unwrap();
    let mut clients: Vec<TcpSocket> = std::iter::from_fn(|| TcpSocket::new_v4().ok()).collect();
    let last = clients.pop().unwrap().connect(address).await.unwrap();
    let served = tokio::spawn(ask(last));
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert!(!served.is_finished() && !running.is_finished());

    drop(clients);
    assert!(served.await.unwrap().ends_with("hello"));
}

async fn ask(mut stream: TcpStream) -> String {
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}
