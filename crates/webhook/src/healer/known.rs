//! The pods that the healer keeps in mind.

use std::collections::{HashMap, HashSet};

use tokio::time::Instant;

use super::{
    pace::Pace,
    pod::{self, Pod, Seen, Tracked},
};

/// The pods that there is something to say about, by their uids.
///
/// These are those without an identity, and of the others those that are not Ready: few.
#[derive(Default)]
pub(super) struct Known {
    pub(super) pods: HashMap<String, Tracked>,
    pub(super) listed: HashMap<String, Tracked>,
    pub(super) is_listing: bool,
    pub(super) pace: Pace,
}

impl Known {
    pub(super) fn see(&mut self, pod: &Pod) {
        let uid = pod.metadata.uid.clone().unwrap_or_default();
        let pods = if self.is_listing { &mut self.listed } else { &mut self.pods };
        let Seen::Running(tracked) = pod::look_at(pod) else {
            pods.remove(&uid);
            return;
        };
        let owner = tracked.healing_owner();
        if tracked.is_injected
            && tracked.is_ready
            && let Some(owner) = owner
        {
            self.pace.succeeded(owner, tracked.created);
        }
        if tracked.is_injected && !tracked.lacks_client_id && (tracked.is_ready || owner.is_none()) {
            pods.remove(&uid);
        } else if let Some(known) = pods.get_mut(&uid) {
            // What it lacks may have been told.
            known.is_injected = tracked.is_injected;
            known.is_ready = tracked.is_ready;
        } else {
            pods.insert(uid, *tracked);
        }
    }

    /// The pod that it is to be tried next to evict.
    ///
    /// Those come first of whose owners it was tried least often in vain: what cannot be healed
    /// must not use up what may be tried in a minute.
    pub(super) fn choose(&mut self, mut uninjected: Vec<Tracked>, per_minute: u32, now: Instant) -> Option<Tracked> {
        let Self { pods, pace, .. } = self;
        let unready = Unready::of(pods.values());
        uninjected.sort_by_key(|pod| (pod.healing_owner().map_or(0, |owner| pace.refusals(owner)), pod.created));
        uninjected.into_iter().find(|pod| {
            pod.healing_owner().is_some_and(|owner| {
                unready.permit(owner, pod.is_ready) && pace.allows(owner, pod.is_ready, per_minute, now)
            })
        })
    }
}

/// The owners of pods that are not Ready.
///
/// Seen from the pods alone, so that a replica that has just begun to lead knows it too.
struct Unready<'a> {
    any: HashSet<&'a str>,
    injected: HashSet<&'a str>,
}

impl<'a> Unready<'a> {
    fn of(pods: impl Iterator<Item = &'a Tracked> + Clone) -> Self {
        let unready = pods.filter(|pod| !pod.is_ready);
        let injected = unready.clone().filter(|pod| pod.is_injected).filter_map(Tracked::healing_owner);
        Self { injected: injected.collect(), any: unready.filter_map(Tracked::healing_owner).collect() }
    }

    /// Whether a pod can go without its owner losing one that works.
    ///
    /// A Ready one goes only while all others of its owner are Ready too. One that is not may go
    /// at any time, but would hardly be replaced by a better one while an injected one is not Ready.
    fn permit(&self, owner: &str, is_ready: bool) -> bool {
        let holding_back = if is_ready { &self.any } else { &self.injected };
        !holding_back.contains(owner)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;

    const PAUSE: std::time::Duration = std::time::Duration::from_mins(1);

    fn see(known: &mut Known, name: &str, is_injected: bool, is_ready: bool) {
        see_of(known, name, "app", is_injected, is_ready);
    }

    fn see_of(known: &mut Known, name: &str, owner: &str, is_injected: bool, is_ready: bool) {
        let path = if is_injected { "azure-identity-token" } else { "token" };
        let owner =
            json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner, "uid": owner, "controller": true});
        let pod = json!({
            "metadata": {
                "name": name, "uid": name, "ownerReferences": [owner], "creationTimestamp": "2026-01-01T00:00:00Z",
                "annotations": {"azure.workload.identity/client-id": "1"},
            },
            "spec": {"volumes": [{"projected": {"sources": [{"serviceAccountToken": {"path": path}}]}}]},
            "status": {"conditions": [{"type": "Ready", "status": if is_ready { "True" } else { "False" }}]},
        });
        known.see(&serde_json::from_value(pod).unwrap());
    }

    fn chosen(known: &mut Known, now: Instant) -> Option<String> {
        let uninjected = known.pods.values().filter(|pod| !pod.is_injected).cloned().collect();
        known.choose(uninjected, 100, now).map(|pod| pod.about.name)
    }

    fn evict(known: &mut Known, name: &str, now: Instant) {
        let time: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        known.pods.remove(name);
        known.pace.evicted("app", PAUSE, now, time);
    }

    #[test]
    fn a_ready_pod_stays_until_the_replacement_of_the_last_one_is_ready() {
        let (mut known, now) = (Known::default(), Instant::now());
        see(&mut known, "a", false, true);
        see(&mut known, "b", false, true);
        let first = chosen(&mut known, now).unwrap();
        evict(&mut known, &first, now);
        see(&mut known, "new", true, false);
        assert_eq!(chosen(&mut known, now + PAUSE * 600), None, "the new one is not Ready");
        see(&mut known, "new", true, true);
        assert!(chosen(&mut known, now + PAUSE).is_some());
        assert!(!known.pods.contains_key("new"), "there is nothing more to say about it");
    }

    #[test]
    fn a_ready_pod_stays_if_no_replacement_comes_at_all() {
        let (mut known, now) = (Known::default(), Instant::now());
        see(&mut known, "a", false, true);
        see(&mut known, "b", false, true);
        evict(&mut known, "a", now);
        assert_eq!(chosen(&mut known, now + PAUSE * 600), None);
    }

    #[test]
    fn a_new_leader_sees_that_a_replacement_is_not_ready() {
        let (mut known, now) = (Known::default(), Instant::now());
        see(&mut known, "a", false, true);
        see(&mut known, "new", true, false);
        assert_eq!(chosen(&mut known, now), None);
        see(&mut known, "new", false, false);
        assert_eq!(chosen(&mut known, now).as_deref(), Some("new"), "it has no work to lose");
    }

    #[test]
    fn what_cannot_be_healed_waits_behind_the_rest() {
        let (mut known, now) = (Known::default(), Instant::now());
        see_of(&mut known, "a", "odd", false, true);
        known.pace.refused("odd", PAUSE, now);
        see_of(&mut known, "b", "app", false, true);
        assert_eq!(chosen(&mut known, now + PAUSE).as_deref(), Some("b"));
    }
}
