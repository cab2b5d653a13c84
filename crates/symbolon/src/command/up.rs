//! `symbolon up`: all parts in one process.

use std::{io::Write, net::IpAddr, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use clap::Args;
use symbolon_ca::{CertificateAuthority, SubjectName};
use symbolon_core::{TenantId, ports::Clock};
use symbolon_serve::{Limits, Metrics, Readiness, Server, Servers, Tls, log, system_signals};
use symbolon_store::{Options, Store};

use crate::{
    bootstrap,
    context::Context,
    data_dir::DataDir,
    endpoints::{Endpoints, Layout, Part},
    output::{self, OutputFormat},
    parts::{self, Parts},
    system::{SystemClock, SystemEntropy},
};

/// The first port where nobody says.
const DEFAULT_PORT_BASE: u16 = 8443;
/// How long the servers' certificate is valid; it is renewed after two thirds of it.
const LEAF_VALID: Duration = Duration::from_hours(90 * 24);

/// The most bytes of a token request: an assertion of 16 KiB, form-encoded, and room for what SDKs
/// add. Everybody can send one, so more would only serve to fill the memory.
const TOKEN_REQUEST_BYTES: usize = 64 * 1024;

const EXAMPLES: &str = "\
Examples:
  symbolon up
  symbolon up --data-dir ./data --port-base 9443
  symbolon up --listen 0.0.0.0 --host symbolon.lan --san 192.0.2.10

In another shell, `eval \"$(symbolon env)\"` gives clients what they need. Ctrl-C stops taking
requests, lets those in flight finish, and ends.";

/// Arguments of `symbolon up`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct UpArgs {
    /// The tenant's id, chosen at the first start [default: a random one]
    #[arg(long, value_name = "GUID")]
    tenant: Option<TenantId>,
    /// The first of nine ports [default: that of the last start, else 8443]
    #[arg(long, value_name = "PORT")]
    port_base: Option<u16>,
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    listen: IpAddr,
    /// The host name in all URLs [default: that of the last start, else localhost]
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// A further name or address in the servers' certificate; may be repeated
    #[arg(long, value_name = "NAME")]
    san: Vec<SubjectName>,
    /// Where the key lies that encrypts secrets [default: wrapping.key in the data directory]
    #[arg(long, value_name = "FILE")]
    wrapping_key_file: Option<std::path::PathBuf>,
    /// How the log is written
    #[arg(long, value_enum, default_value_t = LogFormat::Pretty)]
    log_format: LogFormat,
    /// What is logged, as in RUST_LOG
    #[arg(long, value_name = "FILTER", env = "SYMBOLON_LOG", default_value = "info")]
    log: String,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Pretty,
    /// One JSON object a line
    Json,
}

impl From<LogFormat> for log::Format {
    fn from(format: LogFormat) -> Self {
        match format {
            LogFormat::Pretty => Self::Pretty,
            LogFormat::Json => Self::Json,
        }
    }
}

pub(crate) async fn run(args: UpArgs, context: &Context) -> Result<()> {
    let directory = DataDir::new(std::path::absolute(&context.data_dir)?);
    let _lock = directory.lock()?;
    log::init(args.log_format.into(), &args.log).context("the log cannot be set up")?;
    let layout = layout(&args, &directory)?;
    let listeners = Listeners::bind(&layout)?;

    directory.check_database()?;
    let wrapping_key = args.wrapping_key_file.clone().unwrap_or_else(|| directory.wrapping_key());
    let options = Options { database: directory.database(), wrapping_key };
    let random = Arc::new(SystemEntropy::new());
    let store = Store::open(&options, random).await?;
    let outcome = serve(&args, context, &directory, &layout, listeners, &store).await;
    store.close().await;
    outcome
}

/// The port base and host of the last start stay, so that the issuer's URL in federated
/// credentials stays true.
fn layout(args: &UpArgs, directory: &DataDir) -> Result<Layout> {
    let last = Endpoints::read(directory)?;
    let port_base = args.port_base.or(last.as_ref().map(|last| last.port_base)).unwrap_or(DEFAULT_PORT_BASE);
    let host = args.host.clone().or(last.map(|last| last.host)).unwrap_or_else(|| "localhost".into());
    let _: SubjectName = host.parse().with_context(|| format!("--host `{host}` cannot stand in a certificate"))?;
    Layout::new(host, args.listen, port_base)
}

/// The sockets of all parts, bound before anything else so that a taken port changes nothing.
struct Listeners {
    authority: std::net::TcpListener,
    management: std::net::TcpListener,
    issuer: std::net::TcpListener,
    health: std::net::TcpListener,
}

impl Listeners {
    fn bind(layout: &Layout) -> Result<Self> {
        Ok(Self {
            authority: layout.bind(Part::Authority)?,
            management: layout.bind(Part::Management)?,
            issuer: layout.bind(Part::Issuer)?,
            health: layout.bind(Part::Health)?,
        })
    }
}

async fn serve(
    args: &UpArgs,
    context: &Context,
    directory: &DataDir,
    layout: &Layout,
    listeners: Listeners,
    store: &Store,
) -> Result<()> {
    let installation = bootstrap::complete(store, directory, args.tenant).await?;
    let names = bootstrap::leaf_names(&layout.host, layout.listen, &args.san)?;
    let ca = bootstrap::certificate_authority(store, &names).await?;
    bootstrap::write_trust(directory, &ca)?;
    let tls = leaf(&ca, &names)?;
    let endpoints = endpoints(layout, directory, &installation);
    endpoints.write(directory)?;

    let metrics =
        Arc::new(Metrics::new(prometheus_client::registry::Registry::default(), SystemClock.now().as_second()));
    let Parts { authority, management, issuer } = parts::build(store, installation, layout, &metrics)?;
    let readiness = Readiness::new();
    let ready = readiness.register("start");
    let mut servers = Servers::new(metrics);
    for (name, listener, router, body_bytes) in [
        ("authority", listeners.authority, authority, TOKEN_REQUEST_BYTES),
        ("management", listeners.management, management, Limits::default().body_bytes),
        ("issuer", listeners.issuer, issuer, 0),
    ] {
        let limits = Limits { body_bytes, ..Limits::default() };
        servers.add(Server { name, listener, tls: Some(tls.clone()), router, limits });
    }
    servers.add_health(listeners.health, readiness);
    let renewal = tokio::spawn(renew(ca, names, tls));
    // Before `ready` is said: whoever waits for it may send a signal in the same moment.
    let shutdown = system_signals();
    announce(&endpoints, context)?;
    ready.set(true);
    let outcome = servers.run(shutdown).await;
    renewal.abort();
    outcome.context("the servers ended")
}

fn leaf(ca: &CertificateAuthority, names: &[SubjectName]) -> Result<Tls> {
    let leaf = ca.issue_leaf(names, SystemClock.now().as_second(), LEAF_VALID)?;
    Tls::from_pem(&leaf.chain_pem, &leaf.key_pem).context("the servers' certificate cannot be used")
}

/// Issues the servers' certificate anew after two thirds of its life, without a restart.
async fn renew(ca: CertificateAuthority, names: Vec<SubjectName>, tls: Tls) {
    loop {
        tokio::time::sleep(LEAF_VALID * 2 / 3).await;
        let renewed = ca
            .issue_leaf(&names, SystemClock.now().as_second(), LEAF_VALID)
            .map_err(anyhow::Error::from)
            .and_then(|leaf| Ok(tls.reload_pem(&leaf.chain_pem, &leaf.key_pem)?));
        match renewed {
            Ok(_) => tracing::info!("renewed the servers' certificate"),
            Err(error) => tracing::error!("the servers' certificate cannot be renewed: {error:#}"),
        }
    }
}

fn endpoints(layout: &Layout, directory: &DataDir, installation: &bootstrap::Installation) -> Endpoints {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    Endpoints {
        authority: layout.url(Part::Authority),
        management: layout.url(Part::Management),
        vault: layout.url(Part::Vault),
        app_configuration: layout.url(Part::AppConfiguration),
        issuer: layout.url(Part::Issuer),
        health: layout.url(Part::Health),
        tenant_id: installation.tenant.id,
        subscription_id: installation.subscription,
        resource_group: installation.resource_group.clone(),
        ca_file: text(&directory.ca()),
        ca_bundle_file: text(&directory.ca_bundle()),
        host: layout.host.clone(),
        port_base: layout.port_base,
    }
}

/// Prints the table of endpoints and then the line `ready`, on standard output; the log goes to
/// standard error.
fn announce(endpoints: &Endpoints, context: &Context) -> Result<()> {
    let mut out = std::io::stdout().lock();
    if context.output == OutputFormat::Json {
        writeln!(out, "{}", serde_json::to_string(endpoints)?)?;
    } else {
        let rows = [
            ("authority", &endpoints.authority, "tokens, discovery, keys"),
            ("management", &endpoints.management, "Azure Resource Manager, Microsoft Graph, Symbolon's own API"),
            ("issuer", &endpoints.issuer, "the embedded cluster issuer"),
            ("health", &endpoints.health, "/healthz /readyz /metrics"),
        ];
        writeln!(out, "{}", output::heading("symbolon", env!("CARGO_PKG_VERSION")))?;
        for (name, url, what) in rows {
            writeln!(out, "  {name:<12}{url:<26}{}", output::dim(what))?;
        }
        writeln!(out, "  {:<12}{}", "tenant", endpoints.tenant_id)?;
        writeln!(out, "  {:<12}{}", "trust", endpoints.ca_file)?;
    }
    writeln!(out, "ready")?;
    out.flush()?;
    Ok(())
}
