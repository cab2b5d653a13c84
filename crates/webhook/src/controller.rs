//! Tells the admission policy about service accounts, and their authors about mistakes.
//!
//! In every namespace it keeps one ConfigMap with an entry for each service account, see
//! [`symbolon_admission::policy::entry`]: an account without an entry is one that it does not know
//! yet. It writes only what differs, on condition that nobody wrote in between, and repairs what
//! others change. All replicas watch; the one that holds the lease writes. It stands on no pod's
//! path: while it is away, pods of known accounts are injected as before.
//!
//! # What it needs
//!
//! | API group | resource | verbs | for |
//! |---|---|---|---|
//! | | serviceaccounts | list, watch | always |
//! | | configmaps, by name | get, list, watch, patch, delete | keeping ConfigMaps |
//! | | configmaps | create | keeping ConfigMaps; a role cannot restrict it to a name, the guard does |
//! | events.k8s.io | events | create | always |
//! | coordination.k8s.io | leases, in its own namespace | create; by name: get, update | always |
//! | | pods | list, watch | healing, other than `off` |
//! | | pods | list | advice |
//! | apps | deployments, statefulsets, daemonsets | list | advice |
//! | batch | jobs, cronjobs | list | advice |
//! | | pods | create | healing `evict`: dry runs only, the guard sees to that |
//! | | pods | get | healing `evict` |
//! | | pods/eviction | create | healing `evict` |

mod advice;
mod config_map;
mod contents;
pub(crate) mod events;
pub(crate) mod metrics;
mod queue;
pub(crate) mod settings;
pub(crate) mod shared;
mod state;
pub(crate) mod watch;
mod writer;

use std::sync::Arc;

use kube::Client;
use symbolon_serve::ReadyHandle;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::error;

pub use metrics::Metrics;
pub use settings::{ControllerSettings, HealMode};

use crate::{clock::Clock, healer, lease::Leadership};
use config_map::ConfigMaps;
use events::Events;
use shared::Shared;
use state::State;

/// The controller, ready to run.
pub struct Controller {
    /// What an operator decided.
    pub settings: ControllerSettings,
    /// The API server.
    pub client: Client,
    /// Whether this replica is the one that writes.
    pub leadership: Leadership,
    /// The time, for Events.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Metrics,
}

impl Controller {
    /// Runs until `stop`. `ready` is set once all accounts and ConfigMaps are known.
    pub async fn run(self, ready: ReadyHandle, stop: CancellationToken) {
        let Self { settings, client, leadership, clock, metrics } = self;
        let settings = Arc::new(settings);
        let state = State::new(&settings);
        let shared = Arc::new(Shared::new(state, metrics.clone()));
        let (events, notes) = Events::new();
        let events = Arc::new(events);

        let mut tasks = JoinSet::new();
        tasks.spawn(events::write(
            client.clone(),
            notes,
            metrics.clone(),
            leadership.clone(),
            settings.identity.clone(),
            Arc::clone(&clock),
        ));
        tasks.spawn(watch::accounts(client.clone(), Arc::clone(&shared), Arc::clone(&events)));
        if settings.keeps_config_maps {
            let config_maps = ConfigMaps::new(client.clone(), settings.config_map.clone());
            tasks.spawn(watch::config_maps(config_maps.clone(), Arc::clone(&shared)));
            tasks.spawn(writer::run(config_maps, Arc::clone(&shared), leadership.clone()));
        }
        if settings.heal != HealMode::Off {
            let healer = healer::Healer {
                client: client.clone(),
                settings: Arc::clone(&settings),
                shared: Arc::clone(&shared),
                events: Arc::clone(&events),
                leadership: leadership.clone(),
                clock,
            };
            tasks.spawn(healer.run());
        }
        if let Some(interval) = settings.search_interval() {
            let advice = advice::Advice { client, shared: Arc::clone(&shared), events, leadership: leadership.clone() };
            tasks.spawn(advice.run(interval));
        }
        tasks.spawn(say_ready(shared, leadership, ready));
        tokio::select! {
            () = stop.cancelled() => {}
            ended = tasks.join_next() => {
                // All of them run for ever; one that does not has panicked, and its panic was logged.
                error!(?ended, "a part of the controller ended");
            }
        }
        tasks.shutdown().await;
    }
}

/// Ready is who knows everything, whether it leads or waits to.
async fn say_ready(shared: Arc<Shared>, leadership: Leadership, ready: ReadyHandle) {
    let mut seconds = tokio::time::interval(std::time::Duration::from_millis(200));
    loop {
        seconds.tick().await;
        ready.set(shared.state(|state| state.is_complete()));
        shared.metrics.leader.set(i64::from(leadership.is_held()));
    }
}
