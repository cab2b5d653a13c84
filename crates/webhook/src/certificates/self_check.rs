//! Whether an API server would accept what is served: tried as it would.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::ServerName;
use symbolon_serve::{ReadyHandle, Tls};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsConnector;
use tracing::{info, warn};

use super::reader::Published;
use super::x509::Bundle;

/// How often, once it succeeded.
const INTERVAL: Duration = Duration::from_secs(10);
/// How often before.
const AGAIN: Duration = Duration::from_millis(100);
/// From when on a start is no longer a quick one: it is tried less often, and the reason is told.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often then, and how often the same reason is told.
const SELDOM: Duration = Duration::from_secs(2);
const REMINDER: Duration = Duration::from_mins(1);
const TIMEOUT: Duration = Duration::from_secs(5);

/// Connects to this process as the API server does.
#[derive(Debug)]
pub struct SelfCheck {
    /// Where it listens.
    pub address: SocketAddr,
    /// The names that the certificate is for.
    pub names: Vec<String>,
    /// What is served.
    pub tls: Tls,
    /// What the API server trusts.
    pub published: Published,
    /// What to set.
    pub ready: ReadyHandle,
}

impl SelfCheck {
    /// Checks for ever.
    pub async fn run(mut self) {
        let mut log = Log::Starting { since: Instant::now() };
        loop {
            self.published.mark_seen();
            let outcome = self.check().await;
            self.ready.set(outcome.is_ok());
            let pause = match &outcome {
                Ok(()) => INTERVAL,
                Err(_) if log.is_quick_start() => AGAIN,
                Err(_) => SELDOM,
            };
            log.tell(outcome);
            tokio::select! {
                () = sleep(pause) => {}
                () = self.published.changed() => {}
            }
        }
    }

    async fn check(&self) -> Result<(), String> {
        if !self.tls.has_certificate() {
            return Err("there is no certificate yet: the Secret is empty or cannot be read".to_owned());
        }
        let bundle = self.published.bundle().filter(|bundle| !bundle.is_empty());
        let bundle = bundle.ok_or("the webhook configuration trusts nobody yet: its caBundle is empty")?;
        let mut asked = self.published.asked();
        if let Some(other) = asked.iter().find(|name| !self.names.contains(name)) {
            let names = self.names.join(", ");
            return Err(format!("the webhook configuration calls `{other}`, and the certificate is for {names}"));
        }
        let name = asked.pop().or_else(|| self.names.first().cloned()).unwrap_or_default();
        let mut outcome = Err("no address to try".to_owned());
        for address in reachable(self.address) {
            outcome = handshake(address, &name, &bundle).await;
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }
}

/// What was said of the outcomes so far.
#[derive(Debug)]
enum Log {
    /// It was never good, which is ordinary for a moment.
    Starting {
        since: Instant,
    },
    Good,
    Bad {
        reason: String,
        told: Instant,
    },
}

impl Log {
    fn is_quick_start(&self) -> bool {
        matches!(self, Self::Starting { since } if since.elapsed() < PATIENCE)
    }

    fn tell(&mut self, outcome: Result<(), String>) {
        match (outcome, &*self) {
            (Ok(()), Self::Good) => {}
            (Ok(()), _) => {
                info!("the API server's way to this webhook is open");
                *self = Self::Good;
            }
            (Err(_), Self::Starting { .. }) if self.is_quick_start() => {}
            (Err(reason), Self::Bad { reason: before, told }) if reason == *before && told.elapsed() < REMINDER => {}
            (Err(reason), _) => {
                warn!(reason, "an API server would not accept this webhook: not ready");
                *self = Self::Bad { reason, told: Instant::now() };
            }
        }
    }
}

/// An address that listens everywhere is reached on a loopback one: either, since the IPv6 one may
/// be switched off while the socket is there.
fn reachable(address: SocketAddr) -> Vec<SocketAddr> {
    let (v4, v6) = (IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST));
    let ips = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => vec![v4],
        IpAddr::V6(ip) if ip.is_unspecified() => vec![v6, v4],
        other => vec![other],
    };
    ips.into_iter().map(|ip| SocketAddr::new(ip, address.port())).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_for_every_address_is_reached_over_either_family() {
        let reached = |address: &str| {
            let all = reachable(address.parse().unwrap());
            all.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(reached("[::]:9443"), ["[::1]:9443", "127.0.0.1:9443"]);
        assert_eq!(reached("0.0.0.0:9443"), ["127.0.0.1:9443"]);
        assert_eq!(reached("192.0.2.1:9443"), ["192.0.2.1:9443"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reason_is_told_once_a_start_takes_long_and_not_at_every_attempt() {
        let mut log = Log::Starting { since: Instant::now() };
        log.tell(Err("nobody".to_owned()));
        assert!(matches!(log, Log::Starting { .. }));
        tokio::time::advance(PATIENCE).await;
        log.tell(Err("nobody".to_owned()));
        let Log::Bad { told, .. } = &log else { panic!("not told: {log:?}") };
        let first = *told;
        tokio::time::advance(SELDOM).await;
        log.tell(Err("nobody".to_owned()));
        assert!(matches!(&log, Log::Bad { told, .. } if *told == first));
        log.tell(Err("another name".to_owned()));
        assert!(matches!(&log, Log::Bad { reason, .. } if reason == "another name"));
        log.tell(Ok(()));
        assert!(matches!(log, Log::Good));
    }
}
