use std::time::Duration;

use rustls::ProtocolVersion;
use symbolon_serve::{Limits, Tls, TlsError};
use tokio::io::AsyncWriteExt;

use crate::support::{ANY_VERSION, GET, Pair, Running, TlsClient, ask, body, leaf_of, rest, start, status, until};

async fn assert_serves(server: &Running, pair: &Pair) {
    let mut stream = TlsClient::new(&[pair], ANY_VERSION).connect(server).await;
    assert_eq!(body(&ask(&mut stream, GET).await), "hello");
}

#[tokio::test]
async fn clients_of_both_tls_versions_are_served() {
    let pair = Pair::new();
    let server = start(Some(&pair.tls()), Limits::default());
    for (version, expected) in
        [(&rustls::version::TLS12, ProtocolVersion::TLSv1_2), (&rustls::version::TLS13, ProtocolVersion::TLSv1_3)]
    {
        let mut stream = TlsClient::new(&[&pair], &[version]).connect(&server).await;
        assert_eq!(body(&ask(&mut stream, GET).await), "hello");
        assert_eq!(stream.get_ref().1.protocol_version(), Some(expected));
    }
}

#[tokio::test]
async fn plain_http_on_a_tls_port_is_told_to_use_https() {
    let pair = Pair::new();
    let server = start(Some(&pair.tls()), Limits::default());
    let answer = server.get("/").await;
    assert_eq!(status(&answer), "400");
    insta::assert_snapshot!(body(&answer), @"this port speaks https, the request came as http: use an https:// address");
    server.metric(r#"symbolon_tls_handshake_failures_total{server="test",reason="plain_http"} 1"#).await;
    assert_serves(&server, &pair).await;
}

#[tokio::test]
async fn bytes_that_are_no_handshake_end_only_their_own_connection() {
    let pair = Pair::new();
    let server = start(Some(&pair.tls()), Limits::default());
    for bytes in [&[0_u8; 64][..], &[0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5], &[0x80; 32]] {
        let mut stream = server.connect().await;
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        let _ = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answer).await;
        assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    }
    server.metric(r#"symbolon_tls_handshake_failures_total{server="test",reason="protocol"} 3"#).await;
    assert_serves(&server, &pair).await;
}

#[tokio::test]
async fn a_client_that_does_not_trust_the_certificate_is_counted() {
    let (pair, other) = (Pair::new(), Pair::new());
    let server = start(Some(&pair.tls()), Limits::default());
    let refused = TlsClient::new(&[&other], ANY_VERSION).try_connect(&server).await;
    assert!(refused.is_err());
    server.metric(r#"symbolon_tls_handshake_failures_total{server="test",reason="protocol"} 1"#).await;
}

#[tokio::test]
async fn a_client_that_never_shakes_hands_is_cut_while_others_are_served() {
    let pair = Pair::new();
    let limits = Limits { tls_handshake_timeout: Duration::from_millis(200), ..Limits::default() };
    let server = start(Some(&pair.tls()), limits);
    let mut silent = server.connect().await;
    let mut half = server.connect().await;
    half.write_all(&[0x16, 3, 1, 2, 0, 1]).await.unwrap();
    assert_serves(&server, &pair).await;
    assert_eq!(rest(&mut silent).await, "");
    assert_eq!(rest(&mut half).await, "");
    server.metric(r#"symbolon_tls_handshake_failures_total{server="test",reason="timeout"} 2"#).await;
}

#[tokio::test]
async fn a_new_certificate_serves_new_connections_and_open_ones_stay() {
    let (old, new) = (Pair::new(), Pair::new());
    let tls = old.tls();
    let server = start(Some(&tls), Limits::default());
    let client = TlsClient::new(&[&old, &new], ANY_VERSION);
    let mut kept = client.connect(&server).await;
    assert_eq!(leaf_of(&kept), old.der());
    assert_eq!(body(&ask(&mut kept, GET).await), "hello");

    assert!(tls.reload_pem(&new.certificate, &new.key).unwrap());
    assert_eq!(leaf_of(&client.connect(&server).await), new.der());
    assert_eq!(body(&ask(&mut kept, GET).await), "hello");
    assert!(!tls.reload_pem(&new.certificate, &new.key).unwrap());
}

#[tokio::test]
async fn a_pair_that_does_not_match_leaves_the_old_certificate_in_use() {
    let (old, new) = (Pair::new(), Pair::new());
    let tls = old.tls();
    let server = start(Some(&tls), Limits::default());
    for (certificate, key) in
        [(&new.certificate, &old.key), (&String::new(), &new.key), (&new.certificate, &String::new())]
    {
        tls.reload_pem(certificate, key).unwrap_err();
    }
    let stream = TlsClient::new(&[&old, &new], ANY_VERSION).connect(&server).await;
    assert_eq!(leaf_of(&stream), old.der());
}

#[tokio::test]
async fn changed_files_are_noticed_and_broken_ones_are_not_used() {
    let (old, new) = (Pair::new(), Pair::new());
    let directory = tempfile::tempdir().unwrap();
    let (certificate, key) = (directory.path().join("tls.crt"), directory.path().join("tls.key"));
    let write = |pair: &Pair| {
        std::fs::write(&certificate, &pair.certificate).unwrap();
        std::fs::write(&key, &pair.key).unwrap();
    };
    write(&old);
    let tls = Tls::from_files(&certificate, &key).unwrap().reload_every(Duration::from_millis(20));
    let server = start(Some(&tls), Limits::default());
    let client = TlsClient::new(&[&old, &new], ANY_VERSION);

    std::fs::write(&certificate, "broken").unwrap();
    let failed = r#"symbolon_tls_certificate_reloads_total{server="test",outcome="failed"}"#;
    until(async || server.metrics.encode().unwrap().contains(failed)).await;
    assert_eq!(leaf_of(&client.connect(&server).await), old.der());
    assert_eq!(tls.leaf().unwrap(), leaf_of(&client.connect(&server).await), "what is served, not what the files hold");

    write(&new);
    server.metric(r#"symbolon_tls_certificate_reloads_total{server="test",outcome="replaced"} 1"#).await;
    assert_eq!(leaf_of(&client.connect(&server).await), new.der());
    assert_eq!(tls.leaf().unwrap(), leaf_of(&client.connect(&server).await));
}

#[test]
fn a_file_that_is_missing_is_named() {
    let error = Tls::from_files("/nowhere/tls.crt".as_ref(), "/nowhere/tls.key".as_ref()).unwrap_err();
    insta::assert_snapshot!(error, @"`/nowhere/tls.crt` cannot be read");
}

#[test]
fn a_pair_that_cannot_be_used_is_refused_for_its_reason() {
    let (pair, other) = (Pair::new(), Pair::new());
    assert!(matches!(Tls::from_pem("", &pair.key), Err(TlsError::Certificate)));
    assert!(matches!(Tls::from_pem(&pair.certificate, "x"), Err(TlsError::Key)));
    assert!(matches!(Tls::from_pem(&pair.certificate, &other.key), Err(TlsError::Pair(_))));
    assert!(matches!(pair.tls().reload_files(), Err(TlsError::NotFromFiles)));
}
