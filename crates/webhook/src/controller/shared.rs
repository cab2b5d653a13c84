//! What the tasks of the controller share.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::{sync::Notify, time::Instant};

use super::{
    metrics::Metrics,
    queue::Queue,
    state::{AccountFacts, State, Task},
};

pub(crate) struct Shared {
    state: Mutex<State>,
    queue: Mutex<Queue>,
    /// Something is to be done, or something has become known.
    pub(super) wake: Notify,
    pub(crate) metrics: Metrics,
}

impl Shared {
    pub(super) fn new(state: State, metrics: Metrics) -> Self {
        Self { state: Mutex::new(state), queue: Mutex::default(), wake: Notify::new(), metrics }
    }

    /// Reads or changes what is known. What is counted of it is published here, where no change
    /// can be forgotten.
    pub(super) fn state<T>(&self, with: impl FnOnce(&mut State) -> T) -> T {
        let mut state = lock(&self.state);
        let outcome = with(&mut state);
        self.metrics.accounts.set(i64::try_from(state.count()).unwrap_or(i64::MAX));
        self.metrics.dropped.set(i64::try_from(state.dropped()).unwrap_or(i64::MAX));
        outcome
    }

    pub(super) fn queue<T>(&self, with: impl FnOnce(&mut Queue) -> T) -> T {
        with(&mut lock(&self.queue))
    }

    /// Asks for namespaces to be looked at.
    pub(super) fn look_at<'a>(&self, namespaces: impl IntoIterator<Item = &'a str>) {
        let now = Instant::now();
        self.queue(|queue| namespaces.into_iter().for_each(|namespace| queue.add(namespace, now)));
        self.wake.notify_one();
    }

    pub(super) fn task(&self, namespace: &str) -> Task {
        self.state(|state| state.task(namespace))
    }

    pub(crate) fn is_excluded(&self, namespace: &str) -> bool {
        self.state(|state| state.is_excluded(namespace))
    }

    /// What is known of an account; nothing before all are known.
    pub(crate) fn account(&self, namespace: &str, name: &str) -> Option<AccountFacts> {
        self.state(|state| state.facts(namespace, name).filter(|_| state.is_complete()))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use symbolon_admission::ServiceAccount;

    use super::*;
    use crate::controller::ControllerSettings;

    #[test]
    fn the_number_of_accounts_is_published_with_each_change() {
        let metrics = Metrics::new(&mut prometheus_client::registry::Registry::default());
        let shared = Shared::new(State::new(&ControllerSettings::new("a")), metrics.clone());
        shared.state(|state| state.put_account("a", "a", &ServiceAccount::default()));
        assert_eq!(metrics.accounts.get(), 1);
        shared.state(|state| state.remove_account("a", "a"));
        assert_eq!(metrics.accounts.get(), 0);
    }
}
