use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use symbolon_serve::Limits;
use tokio::io::AsyncWriteExt;
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{GET, answer, ask, body, rest, start_plain, status, until};

fn small_body() -> Limits {
    Limits { body_bytes: 16, ..Limits::default() }
}

#[tokio::test]
async fn a_body_within_the_limit_is_read() {
    let server = start_plain(small_body());
    let mut stream = server.connect().await;
    let request = "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 16\r\n\r\n0123456789abcdef";
    assert_eq!(body(&ask(&mut stream, request).await), "0123456789abcdef");
}

#[tokio::test]
async fn a_body_that_announces_too_much_is_413() {
    let server = start_plain(small_body());
    let mut stream = server.connect().await;
    let request = "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 17\r\n\r\n";
    assert_eq!(status(&ask(&mut stream, request).await), "413");
}

#[tokio::test]
async fn a_body_of_unknown_length_that_grows_too_long_is_413() {
    let server = start_plain(small_body());
    let mut stream = server.connect().await;
    let request = "POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n11\r\n0123456789abcdefg\r\n";
    assert_eq!(status(&ask(&mut stream, request).await), "413");
}

#[tokio::test]
async fn a_limit_above_two_megabytes_is_not_undercut_by_the_framework() {
    let server = start_plain(Limits { body_bytes: 4 << 20, ..Limits::default() });
    let mut stream = server.connect().await;
    let length = 3 << 20;
    let head = format!("POST /echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    let (mut reader, mut writer) = stream.split();
    let send = async {
        writer.write_all(head.as_bytes()).await.unwrap();
        writer.write_all(&vec![b'x'; length]).await.unwrap();
    };
    let ((), answer) = tokio::join!(send, rest(&mut reader));
    assert_eq!((status(&answer), body(&answer).len()), ("200", length));
}

#[tokio::test]
async fn headers_that_are_too_large_are_431() {
    let server = start_plain(Limits { header_bytes: 1024, ..Limits::default() });
    let mut stream = server.connect().await;
    let fits = format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "a".repeat(900));
    assert_eq!(status(&ask(&mut stream, &fits).await), "200");
    let too_large = format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "a".repeat(1024));
    assert_eq!(status(&ask(&mut stream, &too_large).await), "431");
    assert_eq!(status(&server.get("/").await), "200");
}

#[tokio::test]
async fn a_request_that_is_no_http_is_400() {
    let server = start_plain(Limits::default());
    let mut stream = server.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nbroken header\r\n\r\n").await.unwrap();
    assert_eq!(status(&rest(&mut stream).await), "400");
}

/// The two lengths of request smuggling (RFC 9112, section 6.3): never served as two requests.
#[tokio::test]
async fn a_request_with_two_lengths_is_not_read_twice() {
    let server = start_plain(Limits::default());
    let mut stream = server.connect().await;
    let request = "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nabcdGET / HTTP/1.1\r\nhost: x\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let text = rest(&mut stream).await;
    assert_eq!((status(&text), text.matches("HTTP/1.1").count()), ("400", 1));
}

#[tokio::test]
async fn a_handler_that_is_late_is_503() {
    let limits = Limits { request_timeout: Duration::from_millis(50), ..Limits::default() };
    let server = start_plain(limits);
    let answer = server.get("/held").await;
    assert_eq!((status(&answer), body(&answer)), ("503", ""));
}

#[tokio::test]
async fn a_client_that_does_not_send_the_body_it_announced_is_408() {
    let limits = Limits { request_timeout: Duration::from_millis(50), ..Limits::default() };
    let server = start_plain(limits);
    let mut stream = server.connect().await;
    stream.write_all(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nabc").await.unwrap();
    let answer = rest(&mut stream).await;
    assert_eq!((status(&answer), body(&answer)), ("408", ""));
}

#[tokio::test]
async fn a_panic_is_an_empty_500_and_the_server_lives() {
    let server = start_plain(Limits::default());
    let mut stream = server.connect().await;
    let text = ask(&mut stream, "GET /panic HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!((status(&text), body(&text)), ("500", ""));
    assert_eq!(body(&ask(&mut stream, GET).await), "hello");
}

#[tokio::test]
async fn requests_sent_at_once_on_one_connection_are_answered_in_order() {
    let server = start_plain(Limits::default());
    let mut stream = server.connect().await;
    stream.write_all(format!("GET /items/a HTTP/1.1\r\nhost: x\r\n\r\n{GET}").as_bytes()).await.unwrap();
    let mut both = answer(&mut stream).await;
    if both.matches("HTTP/1.1").count() < 2 {
        both.push_str(&answer(&mut stream).await);
    }
    let (item, hello) = (both.find("item").unwrap(), both.find("hello").unwrap());
    assert!(item < hello);
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The log of this thread until the guard is dropped, at info level.
    fn capture(&self) -> tracing::subscriber::DefaultGuard {
        let lines = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .without_time()
            .with_ansi(false)
            .with_target(false)
            .with_writer(move || lines.make_writer())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Replaces what differs from run to run.
fn stable(line: &str) -> String {
    line.split(' ')
        .map(|word| match word.split_once('=') {
            Some((name @ ("duration_ms" | "id" | "peer"), _)) => format!("{name}=_"),
            _ => word.to_owned(),
        })
        .collect::<Vec<_>>()
        .join(" ")
}

#[tokio::test]
async fn each_request_is_one_log_line_without_anything_secret() {
    let lines = Lines::default();
    let _guard = lines.capture();
    let server = start_plain(Limits::default());
    let mut stream = server.connect().await;
    let request = "POST /echo?code=SECRET HTTP/1.1\r\nhost: SECRET\r\nauthorization: Bearer SECRET\r\ncontent-length: 6\r\n\r\nSECRET";
    ask(&mut stream, request).await;
    ask(&mut stream, "GET /items/SECRET HTTP/1.1\r\nhost: x\r\n\r\n").await;
    ask(&mut stream, "SECRET /SECRET HTTP/1.1\r\nhost: x\r\n\r\n").await;
    until(async || lines.text().lines().count() >= 3).await;
    let log = lines.text().lines().map(stable).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(log, @r#"
    INFO POST /echo answered 200 server="test" method="POST" path="/echo" status=200 duration_ms=_ bytes=6 id=_ peer=_
    INFO GET /items/{name} answered 200 server="test" method="GET" path="/items/{name}" status=200 duration_ms=_ bytes=4 id=_ peer=_
    INFO other - answered 404 server="test" method="other" path="-" status=404 duration_ms=_ bytes=0 id=_ peer=_
    "#);
    assert!(!log.contains("SECRET"));
}

#[tokio::test]
async fn a_client_that_leaves_before_the_response_is_logged_and_counted() {
    let lines = Lines::default();
    let _guard = lines.capture();
    let server = start_plain(Limits::default());
    let mut stream = server.connect().await;
    stream.write_all(b"GET /held HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    server.held_request().await;
    drop(stream);
    server.metric(r#"symbolon_http_requests_total{server="test",method="GET",path="/held",status="aborted"} 1"#).await;
    assert!(lines.text().contains("GET /held left by the client before a response"), "{}", lines.text());
}

#[tokio::test]
async fn paths_without_a_route_share_one_label() {
    let server = start_plain(Limits::default());
    server.get("/a").await;
    server.get("/b").await;
    server.metric(r#"symbolon_http_requests_total{server="test",method="GET",path="-",status="4xx"} 2"#).await;
}
