//! `symbolon webhook`: the admission webhook of a cluster.

mod arguments;
mod policy;
mod settings;
mod values;

use std::sync::Arc;

use anyhow::{Context as _, Result};
use symbolon_core::ports::Clock as _;
use symbolon_serve::{Metrics, TlsSettings, log};
use symbolon_webhook::{
    accounts::Timing,
    certificates::{Lifetimes, Objects},
    cluster,
    lease::LeaseSettings,
    server::{self, Certificates, Listeners, Options, Outside},
};

pub(crate) use arguments::SelectorArg;
pub(crate) use arguments::WebhookArgs;
use arguments::{CertificateArgs, NameArgs, WebhookCommand};
pub(crate) use values::{GoDuration, Listen, LogLevel};

use crate::{context::Context, output::print_json, system::SystemClock};

pub(crate) async fn run(args: WebhookArgs, context: &Context) -> Result<()> {
    if let Some(WebhookCommand::Policy(args)) = &args.command {
        return policy::run(args, context);
    }
    if args.version {
        return print_json(&version());
    }
    let settings = settings::settings(&args.settings, args.log.level.filter())?;
    log::init(args.log.format.into(), args.log.level.filter()).context("the log cannot be set up")?;
    let listeners = Listeners {
        webhook: args.listen.bind()?.context("--listen needs an address")?,
        health: args.health_addr.bind()?,
        metrics: args.metrics_addr.bind()?,
    };
    let client = cluster::connect(args.kubeconfig.as_deref()).await?;
    let options = Options {
        settings,
        account_wait: args.service_account_wait.0,
        timing: Timing::default(),
        certificates: certificates(&args.certificates, &args.names),
        tls: TlsSettings { minimum_version: args.tls_min_version.0, http2: true },
        shutdown_delay: args.shutdown_delay.0,
    };
    let registry = prometheus_client::registry::Registry::default();
    let metrics = Arc::new(Metrics::new(registry, SystemClock.now().as_second()));
    let outside = Outside { client, metrics, clock: Arc::new(|| SystemClock.now()) };
    server::run(options, listeners, outside).await?;
    Ok(())
}

fn certificates(args: &CertificateArgs, names: &NameArgs) -> Certificates {
    if args.disable_cert_rotation {
        return Certificates::Files(args.webhook_cert_dir.clone());
    }
    let namespace = names.namespace.clone();
    let service = format!("{}.{namespace}.svc", names.service_name);
    let lease = LeaseSettings {
        namespace: namespace.clone(),
        name: names.lease_name.clone(),
        identity: identity(),
        duration: args.lease_duration.0,
    };
    let objects = Objects {
        namespace,
        secret: names.secret_name.clone(),
        webhook_configuration: names.webhook_configuration_name.clone(),
        names: std::iter::once(service).chain(args.san.iter().map(ToString::to_string)).collect(),
    };
    let lifetimes = Lifetimes {
        ca: args.ca_lifetime.0,
        leaf: args.certificate_lifetime.0,
        overlap: args.ca_overlap.0,
        ..Lifetimes::default()
    };
    Certificates::Managed { objects, lifetimes, lease }
}

/// The pod's name, and something that tells this process from one before it in the same pod.
pub(crate) fn identity() -> String {
    let host = std::env::var("POD_NAME").or_else(|_| std::env::var("HOSTNAME")).unwrap_or_else(|_| "symbolon".into());
    let mut random = [0; 4];
    symbolon_core::ports::Random::fill(&crate::system::SystemEntropy::new(), &mut random);
    format!("{host}_{:08x}", u32::from_be_bytes(random))
}

/// What upstream prints.
fn version() -> serde_json::Value {
    let commit = option_env!("SYMBOLON_GIT_COMMIT").unwrap_or_default();
    let date = option_env!("SYMBOLON_BUILD_DATE").unwrap_or_default();
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    serde_json::json!({
        "buildVersion": format!("v{}", env!("CARGO_PKG_VERSION")),
        "gitCommit": commit,
        "buildDate": date,
        "goVersion": "",
        "platform": format!("{}/{arch}", std::env::consts::OS),
    })
}
