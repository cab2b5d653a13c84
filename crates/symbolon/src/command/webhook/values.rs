//! Values as upstream's flags take them.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    str::FromStr,
    time::Duration,
};

use anyhow::{Context as _, Result};
use symbolon_serve::TlsVersion;

/// An address to listen on: `:9443` for every address of the machine, `127.0.0.1:9443` for one,
/// `0` for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listen(Option<Host>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Host {
    Every(u16),
    One(SocketAddr),
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no address: write `:9443`, `127.0.0.1:9443`, or `0` for none");
        if matches!(text, "0" | "") {
            return Ok(Self(None));
        }
        if let Some(port) = text.strip_prefix(':') {
            return Ok(Self(Some(Host::Every(port.parse().map_err(|_| wrong())?))));
        }
        if let Some(port) = text.strip_prefix("localhost:") {
            let port = port.parse().map_err(|_| wrong())?;
            return Ok(Self(Some(Host::One(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)))));
        }
        Ok(Self(Some(Host::One(text.parse().map_err(|_| wrong())?))))
    }
}

impl Listen {
    /// Binds it, if it is an address.
    ///
    /// # Errors
    /// When it is taken, or not this machine's.
    pub(crate) fn bind(self) -> Result<Option<TcpListener>> {
        let (text, listener) = match self.0 {
            None => return Ok(None),
            Some(Host::One(address)) => (address.to_string(), TcpListener::bind(address)),
            // IPv6 takes IPv4 connections too; a machine without IPv6 listens on IPv4 alone.
            Some(Host::Every(port)) => {
                let both = TcpListener::bind((IpAddr::V6(Ipv6Addr::UNSPECIFIED), port));
                let either = both.or_else(|_| TcpListener::bind((IpAddr::V4(Ipv4Addr::UNSPECIFIED), port)));
                (format!(":{port}"), either)
            }
        };
        listener.map(Some).with_context(|| format!("cannot listen on {text}: stop what uses it, or choose another"))
    }
}

/// A duration as Go writes it: `500ms`, `1m30s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GoDuration(pub(crate) Duration);

impl FromStr for GoDuration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no duration: write `500ms`, `10s` or `1h30m`");
        if text == "0" {
            return Ok(Self(Duration::ZERO));
        }
        let signed: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
        Duration::try_from(signed).map(Self).map_err(|_| wrong())
    }
}

/// The oldest version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MinimumTls(pub(super) TlsVersion);

impl FromStr for MinimumTls {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "1.3" => Ok(Self(TlsVersion::V13)),
            "1.2" => Ok(Self(TlsVersion::V12)),
            "1.0" | "1.1" => Err(format!(
                "TLS {text} is broken (RFC 8996) and is not spoken here, and no API server needs it: write 1.2 or 1.3"
            )),
            _ => Err(format!("`{text}` is no version of TLS: write 1.2 or 1.3")),
        }
    }
}

/// How much is logged, in upstream's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogLevel(&'static str);

impl FromStr for LogLevel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(Self(match text.to_ascii_lowercase().as_str() {
            "" | "info" => "info",
            "debug" => "debug",
            "trace" | "all" => "trace",
            "warn" | "warning" => "warn",
            "error" => "error",
            _ => return Err(format!("`{text}` is no level: write error, warn, info, debug, trace or all")),
        }))
    }
}

impl LogLevel {
    pub(crate) fn filter(self) -> &'static str {
        self.0
    }
}

/// A value in JSON.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct JsonObject(pub(super) serde_json::Value);

impl FromStr for JsonObject {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match serde_json::from_str(text) {
            Ok(value @ serde_json::Value::Object(_)) => Ok(Self(value)),
            Ok(_) => Err("expected a JSON object".to_owned()),
            Err(error) => Err(format!("no JSON: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_go_reads_them() {
        assert_eq!(":9443".parse(), Ok(Listen(Some(Host::Every(9443)))));
        assert_eq!("0".parse(), Ok(Listen(None)));
        assert_eq!("127.0.0.1:80".parse(), Ok(Listen(Some(Host::One(([127, 0, 0, 1], 80).into())))));
        assert_eq!("localhost:80".parse(), Ok(Listen(Some(Host::One(([127, 0, 0, 1], 80).into())))));
        for text in [":", ":x", ":70000", "9443", "example:80"] {
            assert!(text.parse::<Listen>().is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_read_as_go_reads_them() {
        let parse = |text: &str| text.parse::<GoDuration>().map(|duration| duration.0);
        assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse("1h30m"), Ok(Duration::from_mins(90)));
        assert_eq!(parse("0"), Ok(Duration::ZERO));
        assert!(parse("-1s").is_err() && parse("5").is_err() && parse("").is_err());
    }

    #[test]
    fn old_versions_of_tls_are_refused_with_a_reason() {
        insta::assert_snapshot!("1.1".parse::<MinimumTls>().unwrap_err(), @"TLS 1.1 is broken (RFC 8996) and is not spoken here, and no API server needs it: write 1.2 or 1.3");
        assert_eq!("1.2".parse(), Ok(MinimumTls(TlsVersion::V12)));
    }
}
