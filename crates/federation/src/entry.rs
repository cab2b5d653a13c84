//! One issuer of one tenant: its keys, its failures, and the one fetch that may be under way.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use symbolon_core::ports::{IssuerKeysError, Random};
use symbolon_jose::VerifyingKey;
use tokio::sync::watch;

use crate::Settings;
use crate::key_set::KeySet;

type Answer = Result<VerifyingKey, IssuerKeysError>;

/// Times are milliseconds of the clock that is passed in; no lock is held across I/O.
#[derive(Default)]
pub(crate) struct Entry {
    used: AtomicI64,
    keys: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    good: Option<Good>,
    failure: Option<Failing>,
    /// When an unknown key id last caused a refresh.
    unknown_at: Option<i64>,
    /// Closes when the fetch that is under way has ended, however it ended.
    flight: Option<watch::Receiver<()>>,
}

struct Good {
    keys: KeySet,
    at: i64,
}

struct Failing {
    error: IssuerKeysError,
    count: u32,
    at: i64,
    pause: Duration,
}

/// What is to be done for one request.
pub(crate) enum Plan {
    /// It is answered from memory.
    Answer(Answer),
    /// It is answered from memory, and the flight is to be started beside it.
    AnswerAndStart(VerifyingKey, Flight),
    /// The flight is to be started, and to be waited for.
    Start(Flight, Landing),
    /// A flight that is under way is to be waited for.
    Wait(Landing),
}

/// Resolves when a flight has ended.
pub(crate) struct Landing(watch::Receiver<()>);

impl Landing {
    pub(crate) async fn wait(mut self) {
        // Nothing is ever sent: an error says that the sender, part of the flight, is gone.
        while self.0.changed().await.is_ok() {}
    }
}

/// Why a fetch brought no keys.
#[derive(Debug)]
pub(crate) struct Missed {
    pub(crate) error: IssuerKeysError,
    /// Whether the issuer is to be left alone for a while. Not where the fault is our own.
    pub(crate) pause: bool,
}

/// What changed with the end of a flight, for the log.
pub(crate) enum Landed {
    Keys { count: usize, left_out: usize },
    Failed { error: IssuerKeysError, news: bool, pause: Duration },
}

impl Entry {
    pub(crate) fn touch(&self, now: i64) {
        self.used.store(now, Ordering::Relaxed);
    }

    /// The order in which entries are given up: idle ones first, then by last use.
    pub(crate) fn rank(&self) -> (bool, i64) {
        (self.lock().flight.is_some(), self.used.load(Ordering::Relaxed))
    }

    /// How many keys it holds.
    pub(crate) fn keys(&self) -> usize {
        self.keys.load(Ordering::Relaxed)
    }

    pub(crate) fn plan(self: &Arc<Self>, key_id: &str, now: i64, settings: &Settings) -> Plan {
        let mut state = self.lock();
        let usable = state.usable(now, settings);
        let found = usable.and_then(|good| good.keys.find(key_id).cloned());
        let outdated = usable.is_none_or(|good| older(now, good.at, settings.fresh_for));
        let pausing = state.failure.as_ref().is_some_and(|failing| !older(now, failing.at, failing.pause));
        let busy = state.flight.is_some();
        match found {
            Some(key) if outdated && !pausing && !busy => Plan::AnswerAndStart(key, self.start(&mut state).0),
            Some(key) => Plan::Answer(Ok(key)),
            None => {
                if let Some(flight) = &state.flight {
                    return Plan::Wait(Landing(flight.clone()));
                }
                let asked_lately = state.unknown_at.is_some_and(|at| !older(now, at, settings.refresh_interval));
                if pausing || (!outdated && asked_lately) {
                    return Plan::Answer(Err(state.refusal(key_id, now, settings)));
                }
                if !outdated {
                    state.unknown_at = Some(now);
                }
                let (flight, landing) = self.start(&mut state);
                Plan::Start(flight, landing)
            }
        }
    }

    /// The answer after a flight. It never starts another one: the caller has waited once.
    pub(crate) fn settle(&self, key_id: &str, now: i64, settings: &Settings) -> Answer {
        let state = self.lock();
        let found = state.usable(now, settings).and_then(|good| good.keys.find(key_id).cloned());
        found.ok_or_else(|| state.refusal(key_id, now, settings))
    }

    fn start(self: &Arc<Self>, state: &mut State) -> (Flight, Landing) {
        let (sender, receiver) = watch::channel(());
        state.flight = Some(receiver.clone());
        (Flight { entry: Arc::clone(self), landed: false, _sender: sender }, Landing(receiver))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn usable(&self, now: i64, settings: &Settings) -> Option<&Good> {
        self.good.as_ref().filter(|good| !older(now, good.at, settings.usable_for))
    }

    /// Why there is no such key. A failing issuer may have published it by now, so its failure is
    /// the better answer.
    fn refusal(&self, key_id: &str, now: i64, settings: &Settings) -> IssuerKeysError {
        match (&self.failure, self.usable(now, settings)) {
            (Some(failing), _) => failing.error.clone(),
            (None, Some(good)) => good.keys.unknown(key_id),
            (None, None) => interrupted(),
        }
    }
}

/// The right to fetch this issuer's keys. While it lives there is no other; when it is dropped,
/// also by a panic, the waiters go on.
pub(crate) struct Flight {
    entry: Arc<Entry>,
    landed: bool,
    _sender: watch::Sender<()>,
}

impl Flight {
    /// Ends the flight with what it brought.
    pub(crate) fn land(
        mut self,
        outcome: Result<KeySet, Missed>,
        now: i64,
        settings: &Settings,
        random: &dyn Random,
    ) -> Landed {
        self.landed = true;
        let mut state = self.entry.lock();
        match outcome {
            Ok(keys) => {
                let landed = Landed::Keys { count: keys.len(), left_out: keys.left_out() };
                self.entry.keys.store(keys.len(), Ordering::Relaxed);
                state.failure = None;
                state.good = Some(Good { keys, at: now });
                landed
            }
            Err(Missed { error, pause }) => {
                let before = state.failure.take();
                let news = before.as_ref().is_none_or(|failing| failing.error != error);
                let count = before.map_or(0, |failing| failing.count).saturating_add(1);
                let pause = if pause { backoff(count, settings, random) } else { Duration::ZERO };
                state.failure = Some(Failing { error: error.clone(), count, at: now, pause });
                Landed::Failed { error, news, pause }
            }
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut state = self.entry.lock();
        state.flight = None;
        if !self.landed {
            state.failure = Some(Failing { error: interrupted(), count: 1, at: 0, pause: Duration::ZERO });
        }
    }
}

fn interrupted() -> IssuerKeysError {
    IssuerKeysError::DiscoveryUnreachable { reason: "the fetch was interrupted; try again".into() }
}

/// Whether more than `limit` lies between the two times. A clock that was set back counts too:
/// otherwise keys would stay fresh until it has caught up.
fn older(now: i64, at: i64, limit: Duration) -> bool {
    u128::from(now.abs_diff(at)) > limit.as_millis()
}

/// The pause after `count` failures in a row. Half of it is left to chance, so that many servers
/// do not ask an issuer that comes back all at once.
fn backoff(count: u32, settings: &Settings, random: &dyn Random) -> Duration {
    let doubled = settings.first_backoff.saturating_mul(1_u32.checked_shl(count - 1).unwrap_or(u32::MAX));
    let longest = doubled.min(settings.max_backoff);
    let mut bytes = [0; 4];
    random.fill(&mut bytes);
    let chance = f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX);
    longest.mul_f64(0.5 + 0.5 * chance)
}

#[cfg(test)]
mod tests;
