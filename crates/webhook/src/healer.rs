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
//! - one at a time of each owner: a Ready pod is not evicted while another of the same owner is not
//!   Ready, nor for a day before an injected and Ready one has come of the last eviction;
//! - after pauses that double as long as none comes, or as attempts are in vain, and only so many
//!   attempts a minute in the whole cluster: it can never loop.

mod known;
mod pace;
mod pod;
mod proof;

use std::{sync::Arc, time::Duration};

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
use known::Known;
use pod::{Pod, Tracked};

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
            // Looked at anew after each attempt, which takes its time.
            loop {
                let next = self.next(&mut lock(known));
                let Some(pod) = next else { break };
                self.heal(known, &pod).await;
            }
        }
    }

    /// Reports, and gives the pod that it is to be tried to evict, if any.
    fn next(&self, known: &mut Known) -> Option<Tracked> {
        let uninjected = self.report(known);
        self.shared.metrics.uninjected.set(i64::try_from(uninjected.len()).unwrap_or(i64::MAX));
        if self.settings.heal != HealMode::Evict || !self.leadership.is_held() {
            return None;
        }
        known.choose(uninjected, self.settings.evictions_per_minute, Instant::now())
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
        uninjected
    }

    async fn heal(&self, known: &std::sync::Mutex<Known>, pod: &Tracked) {
        let Some(owner) = pod.healing_owner() else { return };
        let pause = self.settings.owner_pause;
        lock(known).pace.tried(Instant::now());
        // From before the attempt: whatever replaces the pod is younger.
        let begun = (self.clock)();
        let outcome = self.try_heal(pod).await;
        let now = Instant::now();
        let heal = match outcome {
            Ok(Some(Heal::Evicted)) => {
                lock(known).pace.evicted(owner, pause, now, begun);
                lock(known).pods.remove(&pod.about.uid);
                info!(namespace = pod.about.namespace, pod = pod.about.name, "evicted a pod that was not injected");
                self.events.tell(Note {
                    about: pod.about.clone(),
                    reason: "Healed",
                    text: "evicted, because it was not injected and a new one would be".to_owned(),
                    is_warning: false,
                });
                Heal::Evicted
            }
            Ok(Some(Heal::Unanswered)) => {
                lock(known).pace.evicted(owner, pause, now, begun);
                Heal::Unanswered
            }
            Ok(Some(heal)) => {
                lock(known).pace.refused(owner, pause, now);
                heal
            }
            Ok(None) => return,
            Err(error) => {
                lock(known).pace.refused(owner, pause, now);
                let error = &error as &dyn std::error::Error;
                warn!(error, namespace = pod.about.namespace, pod = pod.about.name, "a pod cannot be healed");
                Heal::Failed
            }
        };
        self.shared.metrics.heal(heal);
    }

    /// What became of it; nothing if another replica leads now.
    async fn try_heal(&self, pod: &Tracked) -> Result<Option<Heal>, kube::Error> {
        if !proof::is_injected_now(&self.client, &pod.about).await? {
            return Ok(Some(Heal::Unproved));
        }
        // The proof may have taken longer than the lease.
        if !self.leadership.is_held() {
            return Ok(None);
        }
        let api = Api::<Pod>::namespaced(self.client.clone(), &pod.about.namespace);
        let preconditions = Preconditions { uid: Some(pod.about.uid.clone()), resource_version: None };
        let delete_options = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
        let parameters = EvictParams { delete_options: Some(delete_options), ..EvictParams::default() };
        match api.evict(&pod.about.name, &parameters).await {
            Ok(_) => Ok(Some(Heal::Evicted)),
            Err(kube::Error::Api(status)) if status.code == 429 => Ok(Some(Heal::Budget)),
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(Some(Heal::Failed)),
            Err(error @ kube::Error::Api(_)) => Err(error),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                warn!(error, namespace = pod.about.namespace, pod = pod.about.name, "a pod was perhaps evicted");
                Ok(Some(Heal::Unanswered))
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
