//! What authors should know, as Events on the objects that they wrote.

use std::{
    collections::{HashSet, VecDeque},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use k8s_openapi::{
    api::{core::v1::ObjectReference, events::v1::Event},
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};
use kube::{Api, Client, api::PostParams};
use symbolon_admission::{ServiceAccount, Warning, mutate::advise, policy::entry::Unfit};
use tokio::{sync::mpsc, time::Instant};
use tracing::warn;

use super::{config_map::is, metrics::Metrics};
use crate::{clock::Clock, lease::Leadership};

/// Events that wait to be written; more are dropped, and come again with the next list.
const MOST_WAITING: usize = 1024;
/// What waited longer for this replica to lead has been told by who led, or is no longer true.
const FRESH: Duration = Duration::from_mins(5);
/// Events that are remembered as told; with so many nothing new is told until the oldest is forgotten.
const REMEMBERED: usize = 16_384;
/// Events live for an hour, after [`FRESH`] at most. What is still true then is told again.
const TOLD_FOR: Duration = Duration::from_mins(70);
/// Between two Events: a cluster full of mistakes must not fill etcd with Events about them.
const PACE: Duration = Duration::from_millis(100);
/// A note may have 1 KiB.
const NOTE_BYTES: usize = 1000;
/// A name may have 253 characters, of which 17 are taken by the hash and its dot.
const NAME_BYTES: usize = 230;

/// The object that an Event is about.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) uid: String,
}

impl About {
    pub(crate) fn new(api_version: &str, kind: &str, metadata: &ObjectMeta) -> Self {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let (namespace, name, uid) = (text(&metadata.namespace), text(&metadata.name), text(&metadata.uid));
        Self { api_version: api_version.to_owned(), kind: kind.to_owned(), namespace, name, uid }
    }

    pub(super) fn account(metadata: &ObjectMeta) -> Self {
        Self::new("v1", "ServiceAccount", metadata)
    }
}

/// One thing to tell.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) about: About,
    pub(crate) reason: &'static str,
    pub(crate) text: String,
    pub(crate) is_warning: bool,
}

/// A note, and since when it waits.
pub(crate) type Waiting = (Instant, Note);

/// Takes what is to be told; each thing is told once, as long as its Event lives.
pub(crate) struct Events {
    notes: mpsc::Sender<Waiting>,
    told: Mutex<Told>,
}

/// What was told, the oldest first.
#[derive(Default)]
struct Told {
    hashes: HashSet<u64>,
    since: VecDeque<(Instant, u64)>,
}

impl Told {
    fn may_tell(&mut self, hash: u64, now: Instant) -> bool {
        while let Some((_, forgotten)) = self.since.pop_front_if(|(since, _)| now.duration_since(*since) >= TOLD_FOR) {
            self.hashes.remove(&forgotten);
        }
        self.hashes.len() < REMEMBERED && !self.hashes.contains(&hash)
    }

    fn told(&mut self, hash: u64, now: Instant) {
        self.hashes.insert(hash);
        self.since.push_back((now, hash));
    }
}

impl Events {
    /// A place for notes, and the end from which [`write`] takes them.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Waiting>) {
        let (notes, receiver) = mpsc::channel(MOST_WAITING);
        (Self { notes, told: Mutex::default() }, receiver)
    }

    /// Tells, unless it was told already or too much waits to be told.
    pub(crate) fn tell(&self, note: Note) {
        self.tell_at(note, Instant::now());
    }

    fn tell_at(&self, note: Note, now: Instant) {
        let hash = hash(&note);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.may_tell(hash, now) && self.notes.try_send((now, note)).is_ok() {
            told.told(hash, now);
        }
    }

    pub(crate) fn warn(&self, about: &About, reason: &'static str, text: String) {
        self.tell(Note { about: about.clone(), reason, text, is_warning: true });
    }

    /// Tells what is wrong with an account.
    pub(super) fn account(&self, about: &About, account: &ServiceAccount, unfit: Option<Unfit>) {
        for Warning { reason, message } in advise(account) {
            self.warn(about, reason, message);
        }
        if let Some(unfit) = unfit {
            let text = format!(
                "{unfit}: the admission policy does not know this account, its pods are refused or left to the webhook"
            );
            self.warn(about, "NoEntry", text);
        }
    }
}

fn hash(note: &Note) -> u64 {
    let mut hasher = DefaultHasher::new();
    note.hash(&mut hasher);
    hasher.finish()
}

/// Writes what is told, while this replica is the one to do so.
pub(crate) async fn write(
    client: Client,
    mut notes: mpsc::Receiver<Waiting>,
    metrics: Metrics,
    mut leadership: Leadership,
    instance: String,
    clock: Clock,
) {
    loop {
        leadership.acquired().await;
        let Some((since, note)) = notes.recv().await else { return };
        if since.elapsed() > FRESH || !leadership.is_held() {
            continue;
        }
        let api = Api::<Event>::namespaced(client.clone(), &note.about.namespace);
        let event = event(&note, &instance, MicroTime(clock()));
        let made = api.create(&PostParams::default(), &event).await;
        match &made {
            Ok(_) => metrics.event(note.reason),
            // Its name is made of what it says: it has been told, by whomever, within the hour that Events live.
            Err(error) if is(error, 409) => {}
            Err(error) => {
                warn!(error = error as &dyn std::error::Error, reason = note.reason, "an Event cannot be written");
            }
        }
        tokio::time::sleep(PACE).await;
    }
}

fn event(note: &Note, instance: &str, time: MicroTime) -> Event {
    let about = &note.about;
    let prefix = cut(&about.name, NAME_BYTES);
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{prefix}.{:016x}", hash(note))),
            namespace: Some(about.namespace.clone()),
            ..ObjectMeta::default()
        },
        action: Some("Admission".to_owned()),
        event_time: Some(time),
        note: Some(cut(&note.text, NOTE_BYTES).to_owned()),
        reason: Some(note.reason.to_owned()),
        regarding: Some(ObjectReference {
            api_version: Some(about.api_version.clone()),
            kind: Some(about.kind.clone()),
            name: Some(about.name.clone()),
            namespace: Some(about.namespace.clone()),
            uid: Some(about.uid.clone()).filter(|uid| !uid.is_empty()),
            ..ObjectReference::default()
        }),
        reporting_controller: Some("symbolon.dev/controller".to_owned()),
        reporting_instance: Some(cut(instance, 128).to_owned()),
        type_: Some(if note.is_warning { "Warning" } else { "Normal" }.to_owned()),
        ..Event::default()
    }
}

fn cut(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or_default()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(name: &str) -> About {
        About {
            api_version: "v1".to_owned(),
            kind: "ServiceAccount".to_owned(),
            namespace: "default".to_owned(),
            name: name.to_owned(),
            uid: "1".to_owned(),
        }
    }

    #[test]
    fn a_thing_is_told_once_and_never_more_than_fits() {
        let (events, mut notes) = Events::new();
        for _ in 0..3 {
            events.warn(&about("a"), "Misplaced", "text".to_owned());
        }
        assert!(notes.try_recv().is_ok());
        assert!(notes.try_recv().is_err());
        for index in 0..2 * MOST_WAITING {
            events.warn(&about(&index.to_string()), "Misplaced", String::new());
        }
        assert_eq!(std::iter::from_fn(|| notes.try_recv().ok()).count(), MOST_WAITING);
    }

    #[test]
    fn what_is_still_true_is_told_again_when_its_event_has_gone() {
        let (events, mut notes) = Events::new();
        let note = Note { about: about("a"), reason: "NotInjected", text: String::new(), is_warning: true };
        let now = Instant::now();
        for (minutes, is_told) in [(0, true), (69, false), (70, true), (71, false), (140, true)] {
            events.tell_at(note.clone(), now + Duration::from_mins(minutes));
            assert_eq!(notes.try_recv().is_ok(), is_told, "{minutes}");
        }
    }

    #[test]
    fn with_too_much_to_remember_nothing_is_told_twice() {
        let (mut told, now) = (Told::default(), Instant::now());
        for hash in 0..REMEMBERED as u64 {
            assert!(told.may_tell(hash, now));
            told.told(hash, now);
        }
        assert!(!told.may_tell(0, now));
        assert!(!told.may_tell(u64::MAX, now));
        assert!(told.may_tell(u64::MAX, now + TOLD_FOR));
    }

    #[test]
    fn what_an_account_s_author_should_know() {
        let (events, mut notes) = Events::new();
        let account = ServiceAccount::new([], [("azure.workload.identity/client-id", "a;b")]);
        events.account(&about("a"), &account, Some(Unfit::ClientId));
        let reasons: Vec<_> = std::iter::from_fn(|| notes.try_recv().ok()).map(|(_, note)| note.reason).collect();
        assert_eq!(reasons, ["MalformedClientId", "NoEntry"]);
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut("aé", 2), "a");
        assert_eq!(cut("aé", 3), "aé");
        assert_eq!(cut("", 3), "");
    }
}
