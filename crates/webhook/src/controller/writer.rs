//! Writes ConfigMaps, while this replica leads.

use std::sync::Arc;

use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tracing::{debug, info, warn};

use super::{
    config_map::{ConfigMaps, Done, is},
    metrics::WriteOutcome,
    shared::Shared,
    state::Task,
};
use crate::lease::Leadership;

/// Namespaces that are worked on at the same time.
const CONCURRENT: usize = 8;

/// Works on namespaces as they become due, for ever.
///
/// Nothing is written before both lists are complete: an account that is not known yet would look
/// like one that is gone.
pub(super) async fn run(config_maps: ConfigMaps, shared: Arc<Shared>, mut leadership: Leadership) {
    let mut work = JoinSet::new();
    loop {
        let may_write = leadership.is_held() && shared.state(|state| state.is_complete());
        while may_write && work.len() < CONCURRENT {
            let Some(namespace) = shared.queue(|queue| queue.take(Instant::now())) else { break };
            work.spawn(look_at(config_maps.clone(), Arc::clone(&shared), namespace));
        }
        let next = shared.queue(|queue| queue.next_at()).filter(|_| may_write && work.len() < CONCURRENT);
        tokio::select! {
            () = shared.wake.notified() => {}
            () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
            Some(ended) = work.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(error = &error as &dyn std::error::Error, "the work on a namespace broke off");
                }
            }
            () = leadership.changed() => {}
        }
    }
}

async fn look_at(config_maps: ConfigMaps, shared: Arc<Shared>, namespace: Box<str>) {
    let task = shared.task(&namespace);
    let size = match &task {
        Task::Create(contents) | Task::Change(contents) => {
            if contents.dropped > 0 {
                warn!(namespace = &*namespace, dropped = contents.dropped, "a ConfigMap has no room for all accounts");
            }
            contents.data.iter().map(|(name, entry)| name.len() + entry.len()).sum()
        }
        Task::Nothing | Task::Delete => 0,
    };
    let begun = Instant::now();
    let outcome = config_maps.run(&namespace, task).await;
    shared.metrics.write_seconds.observe(begun.elapsed().as_secs_f64());
    let now = Instant::now();
    match outcome {
        Ok(Done::Unchanged) => shared.queue(|queue| queue.done(&namespace, 0, now)),
        Ok(Done::Same(digest)) => {
            shared.state(|state| state.put_config_map(&namespace, digest));
            shared.queue(|queue| queue.done(&namespace, 0, now));
        }
        Ok(Done::Written(digest)) => {
            shared.metrics.write(WriteOutcome::Written);
            info!(namespace = &*namespace, bytes = size, "wrote the ConfigMap of `{namespace}`");
            shared.state(|state| state.put_config_map(&namespace, digest));
            shared.queue(|queue| queue.done(&namespace, size, now));
        }
        Ok(Done::Deleted) => {
            shared.metrics.write(WriteOutcome::Written);
            info!(namespace = &*namespace, "deleted the ConfigMap of `{namespace}`");
            shared.state(|state| state.remove_config_map(&namespace));
            shared.queue(|queue| queue.done(&namespace, 0, now));
        }
        Ok(Done::NamespaceEnds) => {
            debug!(namespace = &*namespace, "the namespace is being deleted");
            shared.queue(|queue| queue.done(&namespace, 0, now));
        }
        Err(error) => {
            let is_conflict = is(&error, 409);
            shared.metrics.write(if is_conflict { WriteOutcome::Conflict } else { WriteOutcome::Failed });
            let error = &error as &dyn std::error::Error;
            if is_conflict {
                debug!(error, namespace = &*namespace, "somebody else wrote the ConfigMap meanwhile");
            } else {
                warn!(error, namespace = &*namespace, "the ConfigMap of `{namespace}` cannot be written");
            }
            shared.queue(|queue| queue.failed(&namespace, now));
        }
    }
    let failing = shared.queue(|queue| queue.failing());
    shared.metrics.failing.set(i64::try_from(failing).unwrap_or(i64::MAX));
}
