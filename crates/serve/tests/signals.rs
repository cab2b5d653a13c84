//! Signals reach the whole process, so this test has one of its own.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use prometheus_client::registry::Registry;
use rustix::process::{Signal, getpid, kill_process};
use symbolon_serve::{Limits, Metrics, Server, Servers, system_signals};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;

#[tokio::test]
async fn the_first_signal_drains_and_the_second_cuts_what_is_left() {
    let entered = Arc::new(Notify::new());
    let never = {
        let entered = Arc::clone(&entered);
        move || async move {
            entered.notify_one();
            std::future::pending::<()>().await;
        }
    };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let limits = Limits {
        drain: Duration::MAX,
        request_timeout: Duration::MAX,
        idle_timeout: Duration::MAX,
        header_read_timeout: Duration::MAX,
        ..Limits::default()
    };
    let router = Router::new().route("/never", get(never));
    let mut servers = Servers::new(Arc::new(Metrics::new(Registry::default(), 0)));
    servers.add(Server { name: "test", listener, tls: None, router, limits });
    let running = tokio::spawn(servers.run(system_signals()));

    let mut busy = TcpStream::connect(address).await.unwrap();
    busy.write_all(b"GET /never HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    entered.notified().await;

    kill_process(getpid(), Signal::TERM).unwrap();
    while TcpStream::connect(address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!running.is_finished());

    kill_process(getpid(), Signal::INT).unwrap();
    running.await.unwrap().unwrap();
    assert_eq!(busy.read(&mut [0; 1]).await.unwrap_or(0), 0);
}
