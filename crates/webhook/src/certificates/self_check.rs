//! Whether an API server would accept what is served: tried as it would.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::ServerName;
use symbolon_serve::ReadyHandle;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tracing::{info, warn};

use super::reader::Published;
use super::x509::Bundle;

/// How often, once it succeeded.
const INTERVAL: Duration = Duration::from_secs(10);
/// How often before.
const AGAIN: Duration = Duration::from_millis(100);
const TIMEOUT: Duration = Duration::from_secs(5);

/// Connects to this process as the API server does.
#[derive(Debug)]
pub struct SelfCheck {
    /// Where it listens.
    pub address: SocketAddr,
    /// The name that the API server asks for.
    pub name: String,
    /// What the API server trusts.
    pub published: Published,
    /// What to set.
    pub ready: ReadyHandle,
}

impl SelfCheck {
    /// Checks for ever.
    pub async fn run(mut self) {
        let mut was_good = None;
        loop {
            self.published.mark_seen();
            let outcome = self.check().await;
            self.ready.set(outcome.is_ok());
            match &outcome {
                Ok(()) if was_good != Some(true) => info!("the API server's way to this webhook is open"),
                Err(reason) if was_good == Some(true) => {
                    warn!(reason, "an API server would not accept this webhook's certificate: not ready");
                }
                _ => {}
            }
            was_good = Some(outcome.is_ok());
            tokio::select! {
                () = sleep(if outcome.is_ok() { INTERVAL } else { AGAIN }) => {}
                () = self.published.changed() => {}
            }
        }
    }

    async fn check(&self) -> Result<(), String> {
        let bundle = self.published.bundle().filter(|bundle| !bundle.is_empty());
        let bundle = bundle.ok_or("the webhook configuration trusts nobody yet")?;
        handshake(reachable(self.address), &self.name, &bundle).await
    }
}

/// An address that listens everywhere is reached on the loopback one.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        other => other,
    };
    SocketAddr::new(ip, address.port())
}

async fn handshake(address: SocketAddr, name: &str, bundle: &Bundle) -> Result<(), String> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(bundle.store())
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).map_err(|error| error.to_string())?;
    let attempt = async {
        let stream = TcpStream::connect(address).await?;
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    };
    match timeout(TIMEOUT, attempt).await {
        Ok(outcome) => outcome.map(drop).map_err(|error| error.to_string()),
        Err(_) => Err("no answer in time".to_owned()),
    }
}
