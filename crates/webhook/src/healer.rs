//! Finds pods that asked for an identity and have none, and has them made again.
//!
//! Where admission fails open, or was not there yet, such pods start and never heal by themselves.
//! They are reported; with [`HealMode::Evict`] they are evicted, so that their owner makes them
//! again, under conditions that rule out harm:
//!
//! - through the eviction API, so disruption budgets hold;
//! - only if a dry run of the same pod comes back injected at that moment: otherwise the next pod
//!   would be no better;
//! - only pods that a `ReplicaSet`, `StatefulSet`, `DaemonSet` or `ReplicationController` makes again. The
//!   work of a Job's pod would be lost and count as its failure;
//! - one at a time of each owner, after pauses that double as long as no injected pod comes of it,
//!   and only so many a minute in the whole cluster: it can never loop.

mod pace;
mod pod;
mod proof;

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use kube::{
    Api, Client,
    api::{DeleteParams, EvictParams, Preconditions},
    runtime::{watcher, watcher::Event},
};
use symbolon_admission::settings::Selector;
use tokio::time::{Instant, interval};
use tracing::{info, warn};

use crate::{
    clock::Clock,
    controller::{
        ControllerSettings, HealMode,
        events::{About, Events, Note},
        metrics::Heal,
        shared::Shared,
        watch,
    },
    lease::Leadership,
};
use pace::Pace;
use pod::{Pod, Seen, Tracked};

/// Between two looks at what is known.
const TICK: Duration = Duration::from_secs(1);

/// The healer, ready to run.
pub(crate) struct Healer {
    pub(crate) client: Client,
    pub(crate) settings: Arc<ControllerSettings>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) events: Arc<Events>,
    pub(crate) leadership: Leadership,
    pub(crate) clock: Clock,
}

/// The pods that there is something to say about, by their uids.
#[derive(Default)]
struct Known {
    pods: HashMap<String, Tracked>,
    listed: HashMap<String, Tracked>,
    is_listing: bool,
    pace: Pace,
}

impl Healer {
    /// Runs for ever.
    pub(crate) async fn run(self) {
        let known = Arc::new(std::sync::Mutex::new(Known::default()));
        tokio::join!(self.follow(&known), self.look(&known));
    }

    async fn follow(&self, known: &std::sync::Mutex<Known>) {
        let config = match self.settings.selector {
            Selector::PodLabel => watcher::Config::default().labels("azure.workload.identity/use=true"),
            Selector::ServiceAccountLabel => watcher::Config::default(),
        };
        let api = Api::<Pod>::all(self.client.clone());
        let failed = || self.shared.metrics.watch_failure("Pod");
        watch::follow(api, config, failed, |event| self.take(&mut lock(known), event)).await;
    }

    fn take(&self, known: &mut Known, event: Event<Pod>) {
        match event {
            Event::Init => {
                known.is_listing = true;
                known.listed.clear();
            }
            Event::InitApply(pod) | Event::Apply(pod) => {
                let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
                if self.shared.is_excluded(namespace) {
                    return;
                }
                known.see(&pod);
            }
            Event::Delete(pod) => {
                known.pods.remove(pod.metadata.uid.as_deref().unwrap_or_default());
            }
            Event::InitDone => {
                known.is_listing = false;
                known.pods = std::mem::take(&mut known.listed);
            }
        }
    }

    async fn look(&self, known: &std::sync::Mutex<Known>) {
        let mut ticks = interval(TICK);
        loop {
            ticks.tick().await;
            let uninjected = self.report(&mut lock(known));
            let count = i64::try_from(uninjected.len()).unwrap_or(i64::MAX);
            self.shared.metrics.uninjected.set(count);
            if self.settings.heal != HealMode::Evict {
                continue;
            }
            for pod in uninjected {
                if !self.leadership.is_held() {
                    break;
                }
                let Some(owner) = pod.healing_owner() else { continue };
                let limit = self.settings.evictions_per_minute;
                if lock(known).pace.allows(owner, limit, Instant::now()) {
                    self.heal(known, &pod, owner).await;
                }
            }
        }
    }

    /// Tells what there is to tell, and gives the pods that should have been injected.
    fn report(&self, known: &mut Known) -> Vec<Tracked> {
        let now = (self.clock)();
        let mut uninjected = Vec::new();
        for pod in known.pods.values_mut() {
            let Some(account) = self.shared.account(&pod.about.namespace, &pod.account) else { continue };
            if pod.lacks_client_id && !account.has_client_id && account.is_selected {
                pod.lacks_client_id = false;
                self.events.warn(pod.owner_or_self(), "NoClientId", no_client_id(&pod.account));
            }
            if pod.is_injected || !account.is_selected || !is_older(pod, self.settings.heal_after, now) {
                continue;
            }
            let text = "this pod asked for an identity and was not injected: no admission saw it, or the one that did let it pass";
            self.events.warn(&pod.about, "NotInjected", text.to_owned());
            uninjected.push(pod.clone());
        }
        uninjected.sort_by_key(|pod| pod.created);
        uninjected
    }

    async fn heal(&self, known: &std::sync::Mutex<Known>, pod: &Tracked, owner: &str) {
        let outcome = self.try_heal(pod).await;
        let now = Instant::now();
        match &outcome {
            Ok(Heal::Evicted) => {
                lock(known).pace.evicted(owner, self.settings.owner_pause, now, (self.clock)());
                lock(known).pods.remove(&pod.about.uid);
                info!(namespace = pod.about.namespace, pod = pod.about.name, "evicted a pod that was not injected");
                self.events.tell(Note {
                    about: pod.about.clone(),
                    reason: "Healed",
                    text: "evicted, because it was not injected and a new one would be".to_owned(),
                    is_warning: false,
                });
            }
            Ok(_) => lock(known).pace.put_off(owner, self.settings.owner_pause, now),
            Err(error) => {
                lock(known).pace.put_off(owner, self.settings.owner_pause, now);
                let error = error as &dyn std::error::Error;
                warn!(error, namespace = pod.about.namespace, pod = pod.about.name, "a pod cannot be healed");
            }
        }
        self.shared.metrics.heal(outcome.unwrap_or(Heal::Failed));
    }

    async fn try_heal(&self, pod: &Tracked) -> Result<Heal, kube::Error> {
        if !proof::is_injected_now(&self.client, &pod.about).await? {
            return Ok(Heal::Unproved);
        }
        let api = Api::<Pod>::namespaced(self.client.clone(), &pod.about.namespace);
        let preconditions = Preconditions { uid: Some(pod.about.uid.clone()), resource_version: None };
        let delete_options = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
        let parameters = EvictParams { delete_options: Some(delete_options), ..EvictParams::default() };
        match api.evict(&pod.about.name, &parameters).await {
            Ok(_) => Ok(Heal::Evicted),
            Err(kube::Error::Api(status)) if status.code == 429 => Ok(Heal::Budget),
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(Heal::Failed),
            Err(error) => Err(error),
        }
    }
}

impl Known {
    fn see(&mut self, pod: &Pod) {
        let uid = pod.metadata.uid.clone().unwrap_or_default();
        let pods = if self.is_listing { &mut self.listed } else { &mut self.pods };
        match pod::look_at(pod) {
            Seen::Over => {
                pods.remove(&uid);
            }
            Seen::Running(tracked) => {
                if tracked.is_injected
                    && let Some(owner) = tracked.healing_owner()
                {
                    self.pace.succeeded(owner, tracked.created);
                }
                if tracked.is_injected && !tracked.lacks_client_id {
                    pods.remove(&uid);
                } else if let Some(known) = pods.get_mut(&uid) {
                    known.is_injected = tracked.is_injected;
                } else {
                    pods.insert(uid, *tracked);
                }
            }
        }
    }
}

fn no_client_id(account: &str) -> String {
    format!(
        "service account {account} has no annotation azure.workload.identity/client-id: AZURE_CLIENT_ID is not set, \
         and SDKs fall back to other credentials"
    )
}

fn is_older(pod: &Tracked, age: Duration, now: Timestamp) -> bool {
    let age = i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
    now.as_second().saturating_sub(pod.created.as_second()) >= age
}

fn lock(known: &std::sync::Mutex<Known>) -> std::sync::MutexGuard<'_, Known> {
    known.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Tracked {
    fn owner_or_self(&self) -> &About {
        self.owner.as_ref().unwrap_or(&self.about)
    }
}
