//! Certificates: made, taken over, rotated, mended, and read from files.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use symbolon_webhook::certificates::Lifetimes;
use symbolon_webhook::server::Certificates;

use crate::fake::{Fake, account, account_path};
use crate::world::{
    CONFIGURATION_PATH, LEASE_PATH, Replica, SECRET_PATH, SERVICE, caller, client_id, configuration, one_replica,
    options, published, review, roots, send, until, with_times,
};

const ID: &str = "11111111-1111-1111-1111-111111111111";

fn short() -> Lifetimes {
    let seconds = Duration::from_secs;
    Lifetimes { ca: seconds(12), leaf: seconds(4), overlap: seconds(1), check: seconds(1) }
}

fn data(secret: &Value, key: &str) -> String {
    String::from_utf8(STANDARD.decode(secret["data"][key].as_str().unwrap_or_default()).unwrap()).unwrap()
}

fn ca_bundle(configuration: &Value) -> String {
    let text = configuration["webhooks"][0]["clientConfig"]["caBundle"].as_str().unwrap_or_default();
    String::from_utf8(STANDARD.decode(text).unwrap()).unwrap()
}

fn holder(fake: &Fake) -> String {
    let lease = fake.get(LEASE_PATH).unwrap_or_default();
    lease["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn the_secret_has_upstream_s_layout_and_its_ca_is_published() {
    let (fake, replica) = one_replica().await;
    let secret = fake.get(SECRET_PATH).unwrap();
    let mut keys: Vec<_> = secret["data"].as_object().unwrap().keys().cloned().collect();
    keys.sort();
    assert_eq!(keys, ["ca.crt", "ca.key", "tls.crt", "tls.key"]);
    let ca = data(&secret, "ca.crt");
    assert_eq!(ca_bundle(&fake.get(CONFIGURATION_PATH).unwrap()).replace('\r', ""), ca.replace('\r', ""));
    let client = caller(roots(ca.as_bytes()), replica.address, false);
    fake.put(&account_path("default", "sademo"), account(Some(ID)));
    assert_eq!(client_id(&send(&client, replica.address, &review("sademo")).await.unwrap()).as_deref(), Some(ID));
}

#[tokio::test]
async fn it_is_not_ready_before_its_ca_is_published() {
    let fake = Fake::start().await;
    let replica = Replica::start(fake.client(), options("first"));
    fake.until(SECRET_PATH, |_| true).await;
    until(async || replica.health("/readyz").await.1.contains("a certificate that the API server accepts")).await;
    assert_eq!(replica.health("/readyz").await.0, 503);
    assert_eq!(replica.health("/healthz").await.0, 200);
    fake.put(CONFIGURATION_PATH, configuration());
    replica.ready().await;
}

#[tokio::test]
async fn a_secret_of_upstream_is_taken_over_as_it_is() {
    // Made by upstream's library: RSA, PKCS#1, the names in CN and SAN.
    let fake = Fake::start().await;
    fake.put(CONFIGURATION_PATH, configuration());
    let ca_key = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
    let mut ca_params = rcgen::CertificateParams::default();
    ca_params.distinguished_name.push(rcgen::DnType::CommonName, "azure-workload-identity-ca");
    ca_params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca = ca_params.self_signed(&ca_key).unwrap();
    let issuer = rcgen::Issuer::new(ca_params, ca_key);
    let leaf_key = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
    let mut leaf_params = rcgen::CertificateParams::new(vec![SERVICE.to_owned(), "127.0.0.1".to_owned()]).unwrap();
    leaf_params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let leaf = leaf_params.signed_by(&leaf_key, &issuer).unwrap();
    let encode = |text: String| STANDARD.encode(text);
    let secret = json!({ "kind": "Secret", "apiVersion": "v1", "metadata": {}, "data": {
        "ca.crt": encode(ca.pem()), "ca.key": encode(pkcs1(issuer.key())),
        "tls.crt": encode(leaf.pem()), "tls.key": encode(pkcs1(&leaf_key)),
    } });
    fake.put(SECRET_PATH, secret.clone());
    let replica = Replica::start(fake.client(), options("first"));
    replica.ready().await;
    assert_eq!(fake.get(SECRET_PATH).unwrap()["data"], secret["data"]);
    assert!(
        caller(roots(ca.pem().as_bytes()), replica.address, false)
            .get(crate::world::url(replica.address))
            .send()
            .await
            .is_ok()
    );
}

/// The key as Go's `x509.MarshalPKCS1PrivateKey` writes it: what PKCS#8 wraps.
fn pkcs1(key: &rcgen::KeyPair) -> String {
    let der = key.serialize_der();
    // SEQUENCE { INTEGER 0, SEQUENCE { OID rsaEncryption, NULL }, OCTET STRING { key } }.
    let start = der.windows(4).position(|window| window[0] == 0x04 && window[1] == 0x82).unwrap();
    let body = STANDARD.encode(&der[start + 4..]);
    let lines: Vec<_> = body.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    format!("-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----\n", lines.join("\n"))
}

/// Calls a replica on new connections, trusting only what is published at that moment.
struct Stream {
    stop: Arc<AtomicBool>,
    calls: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Stream {
    fn start(fake: &Fake, address: std::net::SocketAddr) -> Self {
        let (stop, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (fake, stopped, counted) = (fake.clone(), Arc::clone(&stop), Arc::clone(&calls));
        let task = tokio::spawn(async move {
            while !stopped.load(Ordering::Relaxed) {
                let client = caller(published(&fake), address, false);
                let response = send(&client, address, &review("sademo")).await;
                let response = response.unwrap_or_else(|error| panic!("a call was refused: {error:?}"));
                assert_eq!(client_id(&response).as_deref(), Some(ID));
                counted.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        Self { stop, calls, task }
    }

    async fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap();
        assert!(self.calls.load(Ordering::Relaxed) > 100);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ca_and_leaf_are_rotated_under_a_stream_of_calls_and_none_is_refused() {
    let fake = Fake::start().await;
    fake.put(CONFIGURATION_PATH, configuration());
    fake.put(&account_path("default", "sademo"), account(Some(ID)));
    let replica = |identity| {
        let options = with_times(options(identity), short(), Duration::from_secs(3));
        Replica::start(fake.client(), options)
    };
    let (first, second) = (replica("first"), replica("second"));
    first.ready().await;
    second.ready().await;
    let streams = [Stream::start(&fake, first.address), Stream::start(&fake, second.address)];
    let mut seen = data(&fake.get(SECRET_PATH).unwrap(), "ca.crt");
    for _ in 0..2 {
        let secret = fake.until(SECRET_PATH, |secret| data(secret, "ca.crt") != seen).await;
        let next = data(&secret, "ca.crt");
        let bundle = ca_bundle(&fake.get(CONFIGURATION_PATH).unwrap());
        assert!(bundle.contains(next.trim()) && bundle.contains(seen.trim()), "old and new are trusted at the switch");
        fake.until(CONFIGURATION_PATH, |configuration| !ca_bundle(configuration).contains(seen.trim())).await;
        seen = next;
    }
    for stream in streams {
        stream.end().await;
    }
}

#[tokio::test]
async fn a_ca_bundle_that_somebody_reset_is_mended() {
    let (fake, replica) = one_replica().await;
    let good = ca_bundle(&fake.get(CONFIGURATION_PATH).unwrap());
    for drifted in [json!(null), json!(""), json!(STANDARD.encode("garbage"))] {
        let mut reset = fake.get(CONFIGURATION_PATH).unwrap();
        reset["webhooks"][0]["clientConfig"]["caBundle"] = drifted;
        reset["webhooks"][0]["timeoutSeconds"] = 7.into();
        fake.put(CONFIGURATION_PATH, reset);
        let mended = fake.until(CONFIGURATION_PATH, |configuration| ca_bundle(configuration) == good).await;
        assert_eq!(mended["webhooks"][0]["timeoutSeconds"], 7, "nothing else is touched");
    }
    replica.ready().await;
}

#[tokio::test]
async fn a_secret_that_somebody_removed_or_emptied_is_put_back() {
    let (fake, replica) = one_replica().await;
    let good = fake.get(SECRET_PATH).unwrap()["data"].clone();
    fake.delete(SECRET_PATH);
    fake.until(SECRET_PATH, |secret| secret["data"] == good).await;
    fake.put(SECRET_PATH, json!({ "kind": "Secret", "apiVersion": "v1", "metadata": {} }));
    fake.until(SECRET_PATH, |secret| secret["data"] == good).await;
    replica.ready().await;
}

#[tokio::test]
async fn one_of_two_replicas_holds_the_lease_and_the_other_takes_it_over_when_it_dies() {
    let fake = Fake::start().await;
    fake.put(CONFIGURATION_PATH, configuration());
    let start = |identity| {
        Replica::start(fake.client(), with_times(options(identity), Lifetimes::default(), Duration::from_secs(2)))
    };
    let first = start("first");
    first.ready().await;
    let second = start("second");
    second.ready().await;
    assert_eq!(holder(&fake), "first");
    assert!(second.metric("symbolon_webhook_leader").await < 0.5);
    first.kill().await;
    fake.until(LEASE_PATH, |lease| lease["spec"]["holderIdentity"] == "second").await;
    // And it does the writer's work.
    let mut reset = fake.get(CONFIGURATION_PATH).unwrap();
    reset["webhooks"][0]["clientConfig"]["caBundle"] = json!("");
    fake.put(CONFIGURATION_PATH, reset);
    fake.until(CONFIGURATION_PATH, |configuration| !ca_bundle(configuration).is_empty()).await;
}

#[tokio::test]
async fn a_leader_that_ends_in_order_hands_the_lease_over_at_once() {
    let fake = Fake::start().await;
    fake.put(CONFIGURATION_PATH, configuration());
    // So long that nobody would win it by waiting.
    let start = |identity| {
        Replica::start(fake.client(), with_times(options(identity), Lifetimes::default(), Duration::from_hours(1)))
    };
    let mut first = start("first");
    first.ready().await;
    first.terminate();
    first.ended().await;
    assert_eq!(holder(&fake), "");
    let second = start("second");
    second.ready().await;
    fake.until(LEASE_PATH, |lease| lease["spec"]["holderIdentity"] == "second").await;
}

#[tokio::test]
async fn a_leader_that_cannot_renew_its_lease_writes_no_more() {
    let fake = Fake::start().await;
    fake.put(CONFIGURATION_PATH, configuration());
    let options = with_times(options("first"), Lifetimes::default(), Duration::from_secs(2));
    let replica = Replica::start(fake.client(), options);
    replica.ready().await;
    fake.switch(|switches| switches.forbidden = Some("PUT /apis/coordination"));
    until(async || replica.metric("symbolon_webhook_leader").await < 0.5).await;
    let before = fake.requests().len();
    let mut reset = fake.get(CONFIGURATION_PATH).unwrap();
    reset["webhooks"][0]["clientConfig"]["caBundle"] = json!("");
    fake.put(CONFIGURATION_PATH, reset);
    until(async || replica.health("/readyz").await.0 == 503).await;
    let written = fake.requests()[before..].iter().filter(|line| line.starts_with("PATCH")).count();
    assert_eq!(written, 0);
    fake.switch(|switches| switches.forbidden = None);
    replica.ready().await;
}

#[tokio::test]
async fn certificates_from_files_are_served_and_reloaded() {
    let directory = tempfile::tempdir().unwrap();
    let write = || {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec![SERVICE.to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(directory.path().join("tls.key"), key.serialize_pem()).unwrap();
        std::fs::write(directory.path().join("tls.crt"), certificate.pem()).unwrap();
        roots(certificate.pem().as_bytes())
    };
    let fake = Fake::start().await;
    let mut options = options("first");
    options.certificates = Certificates::Files(directory.path().to_owned());
    let replica = Replica::start(fake.client(), options);
    until(async || replica.health("/readyz").await.1.contains("the certificate files")).await;
    let first = write();
    replica.ready().await;
    fake.put(&account_path("default", "sademo"), account(Some(ID)));
    let client = caller(first, replica.address, false);
    assert_eq!(client_id(&send(&client, replica.address, &review("sademo")).await.unwrap()).as_deref(), Some(ID));
    let second = write();
    until(async || {
        let client = caller(second.clone(), replica.address, false);
        send(&client, replica.address, &review("sademo")).await.is_ok()
    })
    .await;
    // It writes nothing: somebody else keeps the certificate.
    assert!(fake.get(SECRET_PATH).is_none() && fake.get(LEASE_PATH).is_none());
}
