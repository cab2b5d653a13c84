//! `symbolon controller`: what stands beside the admission policy, off the pods' path.

use std::{path::PathBuf, sync::Arc};

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use symbolon_core::ports::Clock as _;
use symbolon_serve::{Metrics, Readiness, Servers, log, system_signals};
use symbolon_webhook::{
    admission::settings::Selector,
    cluster,
    controller::{self, Controller, ControllerSettings, HealMode},
    lease::{Candidate, LeaseSettings},
};
use tokio_util::sync::CancellationToken;

use super::webhook::{GoDuration, Listen, LogLevel, SelectorArg, identity};
use crate::{log_format::LogFormat, system::SystemClock};

const EXAMPLES: &str = "\
Examples:
  symbolon controller                                       in a pod of the cluster
  symbolon controller --heal evict
  symbolon controller --kubeconfig admin.conf --health-addr 127.0.0.1:9440

It keeps the ConfigMaps that the policies of `symbolon webhook policy` read, writes Events about
annotations and labels that do not do what they seem to, and finds pods that were not injected.";

/// Arguments of `symbolon controller`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ControllerArgs {
    /// The file that names the cluster [default: the cluster that this runs in]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Where /healthz, /readyz and /metrics are
    #[arg(long, value_name = "ADDRESS", default_value = ":9440")]
    health_addr: Listen,
    /// The ConfigMap of each namespace, as the policy names it
    #[arg(long, value_name = "NAME", default_value = "symbolon-workload-identity")]
    config_map: String,
    /// Keep no ConfigMaps: the webhook alone injects
    #[arg(long)]
    no_config_maps: bool,
    /// A namespace that is left alone; may be repeated
    #[arg(long, value_name = "NAME", default_values = ["kube-system"])]
    exclude_namespace: Vec<String>,
    /// What makes a pod one to inject
    #[arg(long, value_enum, default_value_t)]
    selector: SelectorArg,
    /// How much is logged: error, warn, info, debug, trace or all
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log_level: LogLevel,
    /// How the log is written
    #[arg(long, value_enum, default_value_t = LogFormat::Json)]
    log_format: LogFormat,
    #[command(flatten)]
    heal: HealArgs,
    #[command(flatten)]
    lease: LeaseArgs,
}

/// Pods that were not injected.
#[derive(Args)]
#[command(next_help_heading = "Healing")]
struct HealArgs {
    /// What is done about pods that should have been injected and were not
    #[arg(long, value_enum, default_value_t)]
    heal: HealArg,
    /// Attempts to evict a pod in one minute, in the whole cluster
    #[arg(long, value_name = "COUNT", default_value_t = 6)]
    heal_per_minute: u32,
    /// How old a pod is before it is looked at
    #[arg(long, value_name = "DURATION", default_value = "1m")]
    heal_after: GoDuration,
    /// The shortest pause between two evictions of the same owner's pods
    #[arg(long, value_name = "DURATION", default_value = "1m")]
    heal_owner_pause: GoDuration,
    /// Between two searches for labels in the wrong place; 0 for none
    #[arg(long, value_name = "DURATION", default_value = "10m")]
    advice_interval: GoDuration,
}

/// What is done about a pod that was not injected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum HealArg {
    /// Nothing
    Off,
    /// Count it and write an Event
    #[default]
    Report,
    /// Evict it too, where that helps
    Evict,
}

/// Which of several replicas writes.
#[derive(Args)]
#[command(next_help_heading = "Lease")]
struct LeaseArgs {
    /// The namespace of this controller
    #[arg(long, value_name = "NAME", env = "POD_NAMESPACE", default_value = "azure-workload-identity-system")]
    namespace: String,
    /// The lease of the replica that writes
    #[arg(long, value_name = "NAME", default_value = "symbolon-controller")]
    lease_name: String,
    /// How long the lease outlives a holder that died
    #[arg(long, value_name = "DURATION", default_value = "15s", hide = true)]
    lease_duration: GoDuration,
}

pub(crate) async fn run(args: ControllerArgs) -> Result<()> {
    log::init(args.log_format.into(), args.log_level.filter()).context("the log cannot be set up")?;
    let listener = args.health_addr.bind()?;
    let client = cluster::connect(args.kubeconfig.as_deref()).await?;
    let metrics =
        Arc::new(Metrics::new(prometheus_client::registry::Registry::default(), SystemClock.now().as_second()));
    let readiness = Readiness::new();
    let ready = readiness.register("service accounts");
    let clock: symbolon_webhook::clock::Clock = Arc::new(|| SystemClock.now());
    let lease = LeaseSettings {
        namespace: args.lease.namespace.clone(),
        name: args.lease.lease_name.clone(),
        identity: identity(),
        duration: args.lease.lease_duration.0,
    };
    let (candidate, leadership) = Candidate::new(client.clone(), lease.clone(), Arc::clone(&clock));
    let controller = Controller {
        settings: settings(&args, lease.identity),
        client,
        leadership,
        clock,
        metrics: metrics.registry_mut(controller::Metrics::new),
    };
    let mut servers = Servers::new(metrics);
    if let Some(listener) = listener {
        servers.add_health(listener, readiness);
    }
    let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
    let signals = system_signals();
    let work = {
        let (stop, ended) = (stop.clone(), ended.clone().drop_guard());
        tokio::spawn(async move {
            // Also when a part of it panics: a process without its work must not look well.
            let _ended = ended;
            controller.run(ready, stop).await;
        })
    };
    // The lease goes back only when nothing is written any more.
    let competition = tokio::spawn(candidate.run(async { drop(work.await) }));
    let shutdown = async {
        tokio::select! {
            () = signals => {}
            () = ended.cancelled() => {}
        }
    };
    let served = servers.run(shutdown).await;
    let broke_off = ended.is_cancelled();
    stop.cancel();
    competition.await.context("the lease could not be given back")?;
    served.context("the health server ended")?;
    anyhow::ensure!(!broke_off, "a part of the controller ended: the log says why");
    Ok(())
}

fn settings(args: &ControllerArgs, identity: String) -> ControllerSettings {
    let advice = args.heal.advice_interval.0;
    ControllerSettings {
        config_map: args.config_map.clone(),
        excluded_namespaces: args.exclude_namespace.clone(),
        selector: Selector::from(args.selector),
        keeps_config_maps: !args.no_config_maps,
        heal: match args.heal.heal {
            HealArg::Off => HealMode::Off,
            HealArg::Report => HealMode::Report,
            HealArg::Evict => HealMode::Evict,
        },
        evictions_per_minute: args.heal.heal_per_minute,
        heal_after: args.heal.heal_after.0,
        owner_pause: args.heal.heal_owner_pause.0,
        advice_interval: (!advice.is_zero()).then_some(advice),
        identity,
    }
}
