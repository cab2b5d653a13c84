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

    /// Reads or changes what is known.
    pub(super) fn state<T>(&self, with: impl FnOnce(&mut State) -> T) -> T {
        with(&mut lock(&self.state))
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
