//! Where the parts of an installation are reached.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr, TcpListener},
};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use symbolon_core::{SubscriptionId, TenantId, urls::Urls};

use crate::data_dir::{DataDir, write_atomically};

/// The parts that listen, by the distance of their port from the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Authority = 0,
    Management = 1,
    Vault = 2,
    AppConfiguration = 3,
    Issuer = 4,
    Webhook = 6,
    Health = 8,
}

/// The highest distance of a part's port from the base.
const LAST_OFFSET: u16 = 8;

/// What `endpoints.json` says: everything that a client of this installation needs, no secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Endpoints {
    pub(crate) authority: String,
    pub(crate) management: String,
    pub(crate) vault: String,
    pub(crate) app_configuration: String,
    pub(crate) issuer: String,
    /// Empty in what an older version wrote.
    #[serde(default)]
    pub(crate) webhook: String,
    pub(crate) health: String,
    pub(crate) tenant_id: TenantId,
    pub(crate) subscription_id: SubscriptionId,
    pub(crate) resource_group: String,
    pub(crate) ca_file: String,
    pub(crate) ca_bundle_file: String,
    /// The name in the URLs.
    pub(crate) host: String,
    /// The first port.
    pub(crate) port_base: u16,
}

/// The address book of one start.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) host: String,
    pub(crate) listen: IpAddr,
    pub(crate) port_base: u16,
}

impl Layout {
    /// Checks that every part has a port.
    ///
    /// # Errors
    /// When the last port would lie beyond 65535.
    pub(crate) fn new(host: String, listen: IpAddr, port_base: u16) -> Result<Self> {
        if port_base == 0 || port_base.checked_add(LAST_OFFSET).is_none() {
            bail!("--port-base `{port_base}` leaves no room for all parts, expected 1 to {}", u16::MAX - LAST_OFFSET);
        }
        Ok(Self { host, listen, port_base })
    }

    pub(crate) fn port(&self, part: Part) -> u16 {
        self.port_base + part as u16
    }

    pub(crate) fn url(&self, part: Part) -> String {
        let scheme = if part == Part::Health { "http" } else { "https" };
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        format!("{scheme}://{host}:{}", self.port(part))
    }

    pub(crate) fn urls(&self) -> Urls {
        Urls {
            authority: self.url(Part::Authority),
            management: self.url(Part::Management),
            vault: self.url(Part::Vault),
            app_configuration: self.url(Part::AppConfiguration),
        }
    }

    /// Binds the port of `part`.
    ///
    /// # Errors
    /// When it is taken, or the address is not this machine's.
    pub(crate) fn bind(&self, part: Part) -> Result<TcpListener> {
        let address = SocketAddr::new(self.listen, self.port(part));
        TcpListener::bind(address).with_context(|| {
            format!("cannot listen on {address}: stop what uses it, or choose other ports with --port-base")
        })
    }
}

impl Endpoints {
    /// What the last start wrote, if there was one.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub(crate) fn read(directory: &DataDir) -> Result<Option<Self>> {
        let path = directory.endpoints();
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("`{}` cannot be read", path.display())),
        };
        let endpoints = serde_json::from_slice(&text).with_context(|| {
            format!("`{}` is damaged: remove it, and the next `symbolon up` writes it anew", path.display())
        })?;
        Ok(Some(endpoints))
    }

    /// What the last start wrote.
    ///
    /// # Errors
    /// When there was none.
    pub(crate) fn require(directory: &DataDir) -> Result<Self> {
        Self::read(directory)?.with_context(|| {
            format!(
                "the data directory `{}` holds no installation: start one with `symbolon up`",
                directory.path().display()
            )
        })
    }

    pub(crate) fn write(&self, directory: &DataDir) -> Result<()> {
        let path = directory.endpoints();
        let text = serde_json::to_vec_pretty(self)?;
        write_atomically(&path, &text, 0o644).with_context(|| format!("`{}` cannot be written", path.display()))
    }

    /// The variables that keep an inherited proxy from being asked for what listens on this machine.
    pub(crate) fn no_proxy(&self) -> BTreeMap<&'static str, String> {
        let without_proxy = |name: &str, other: &str| {
            let old = std::env::var(name).or_else(|_| std::env::var(other)).unwrap_or_default();
            let separator = if old.is_empty() { "" } else { "," };
            format!("{old}{separator}localhost,127.0.0.1,::1,{}", self.host)
        };
        BTreeMap::from([
            ("NO_PROXY", without_proxy("NO_PROXY", "no_proxy")),
            ("no_proxy", without_proxy("no_proxy", "NO_PROXY")),
        ])
    }

    /// The variables of `symbolon env`: all that a client needs, and no secret.
    pub(crate) fn variables(&self) -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            ("SYMBOLON_AUTHORITY", self.authority.clone()),
            ("SYMBOLON_MANAGEMENT", self.management.clone()),
            ("SYMBOLON_ISSUER", self.issuer.clone()),
            ("SYMBOLON_WEBHOOK", self.webhook.clone()),
            ("SYMBOLON_CA_FILE", self.ca_file.clone()),
            ("AZURE_AUTHORITY_HOST", format!("{}/", self.authority)),
            ("AZURE_TENANT_ID", self.tenant_id.to_string()),
            ("SSL_CERT_FILE", self.ca_bundle_file.clone()),
            ("REQUESTS_CA_BUNDLE", self.ca_bundle_file.clone()),
            ("CURL_CA_BUNDLE", self.ca_bundle_file.clone()),
            ("NODE_EXTRA_CA_CERTS", self.ca_file.clone()),
        ])
    }
}
