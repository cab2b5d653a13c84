//! What the controller knows: the accounts, and what their ConfigMaps hold.

use std::collections::{BTreeMap, HashMap, HashSet, hash_map};

use symbolon_admission::{
    Key, ServiceAccount,
    policy::entry::{self, Unfit},
    settings::Selector,
};

use super::{
    contents::{Contents, Digest},
    settings::ControllerSettings,
};

/// Everything that is known. A hundred thousand accounts are usual: of each its name and its entry.
#[derive(Debug)]
pub(super) struct State {
    selector: Selector,
    excluded: HashSet<String>,
    namespaces: HashMap<Box<str>, Namespace>,
    accounts: Listing,
    config_maps: Listing,
    /// The sum over all namespaces, of their accounts and of those without room.
    count: usize,
    dropped: usize,
}

/// How far a list with its watch is.
#[derive(Debug, Default)]
struct Listing {
    /// Counts lists, so that what the last one did not bring can be told.
    round: u32,
    complete: bool,
}

#[derive(Debug, Default)]
struct Namespace {
    accounts: BTreeMap<Box<str>, Account>,
    stored: Option<Stored>,
    /// Accounts for which there was no room when it was last looked at.
    dropped: usize,
}

#[derive(Debug)]
struct Account {
    /// Nothing if the account cannot have one.
    entry: Option<Box<str>>,
    has_label: bool,
    round: u32,
}

#[derive(Clone, Copy, Debug)]
struct Stored {
    digest: Digest,
    round: u32,
}

/// What is to be done in a namespace.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Nothing, as far as is known.
    Nothing,
    /// The ConfigMap is to be made.
    Create(Contents),
    /// The ConfigMap is to be changed.
    Change(Contents),
    /// The ConfigMap is to go.
    Delete,
}

/// What the healer asks about an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AccountFacts {
    pub(crate) has_client_id: bool,
    pub(crate) is_selected: bool,
}

impl State {
    pub(super) fn new(settings: &ControllerSettings) -> Self {
        Self {
            selector: settings.selector,
            excluded: settings.excluded_namespaces.iter().cloned().collect(),
            namespaces: HashMap::new(),
            accounts: Listing::default(),
            // Where none are kept there is nothing to wait for.
            config_maps: Listing { round: 0, complete: !settings.keeps_config_maps },
            count: 0,
            dropped: 0,
        }
    }

    /// Whether both lists have been read; before that nothing can be told to be missing.
    pub(super) fn is_complete(&self) -> bool {
        self.accounts.complete && self.config_maps.complete
    }

    pub(super) fn is_excluded(&self, namespace: &str) -> bool {
        self.excluded.contains(namespace)
    }

    pub(super) fn begin_accounts(&mut self) {
        self.accounts.round += 1;
    }

    pub(super) fn begin_config_maps(&mut self) {
        self.config_maps.round += 1;
    }

    /// Takes an account; says why it cannot have an entry, if so.
    pub(super) fn put_account(&mut self, namespace: &str, name: &str, account: &ServiceAccount) -> Option<Unfit> {
        let (entry, unfit) = match entry::entry(account, self.selector) {
            Ok(entry) => (Some(entry.into_boxed_str()), None),
            Err(unfit) => (None, Some(unfit)),
        };
        let has_label = account.get(Key::UseLabel).is_some();
        let round = self.accounts.round;
        let before = self.namespace(namespace).accounts.insert(name.into(), Account { entry, has_label, round });
        self.count += usize::from(before.is_none());
        unfit
    }

    pub(super) fn remove_account(&mut self, namespace: &str, name: &str) {
        if let Some(found) = self.namespaces.get_mut(namespace) {
            let before = found.accounts.remove(name);
            self.count -= usize::from(before.is_some());
        }
    }

    /// Ends a list of accounts; gives all namespaces, since any may have changed.
    pub(super) fn end_accounts(&mut self) -> Vec<Box<str>> {
        let round = self.accounts.round;
        for namespace in self.namespaces.values_mut() {
            namespace.accounts.retain(|_, account| account.round == round);
        }
        self.count = self.namespaces.values().map(|namespace| namespace.accounts.len()).sum();
        self.accounts.complete = true;
        self.names()
    }

    pub(super) fn put_config_map(&mut self, namespace: &str, digest: Digest) {
        let round = self.config_maps.round;
        self.namespace(namespace).stored = Some(Stored { digest, round });
    }

    pub(super) fn remove_config_map(&mut self, namespace: &str) {
        if let Some(found) = self.namespaces.get_mut(namespace) {
            found.stored = None;
        }
    }

    pub(super) fn end_config_maps(&mut self) -> Vec<Box<str>> {
        let round = self.config_maps.round;
        for namespace in self.namespaces.values_mut() {
            namespace.stored = namespace.stored.filter(|stored| stored.round == round);
        }
        self.config_maps.complete = true;
        self.names()
    }

    /// What is to be done in a namespace. Forgets namespaces of which nothing is left.
    pub(super) fn task(&mut self, name: &str) -> Task {
        let is_excluded = self.is_excluded(name);
        let hash_map::Entry::Occupied(mut found) = self.namespaces.entry(name.into()) else { return Task::Nothing };
        let namespace = found.get_mut();
        let stored = namespace.stored.map(|stored| stored.digest);
        self.dropped -= std::mem::take(&mut namespace.dropped);
        if is_excluded || namespace.accounts.is_empty() {
            if namespace.accounts.is_empty() && stored.is_none() {
                found.remove();
            }
            return if stored.is_some() { Task::Delete } else { Task::Nothing };
        }
        let contents = namespace.contents();
        namespace.dropped = contents.dropped;
        self.dropped += contents.dropped;
        match stored {
            None => Task::Create(contents),
            Some(stored) if stored == contents.digest() => Task::Nothing,
            Some(_) => Task::Change(contents),
        }
    }

    pub(super) fn facts(&self, namespace: &str, name: &str) -> Option<AccountFacts> {
        let account = self.namespaces.get(namespace)?.accounts.get(name)?;
        let entry = account.entry.as_deref().unwrap_or_default();
        let client_id = entry.split(';').next().unwrap_or_default();
        let is_selected = entry != entry::UNSELECTED;
        Some(AccountFacts { has_client_id: is_selected && !client_id.is_empty(), is_selected })
    }

    /// Accounts that carry the label which only pods should carry, and a client id.
    pub(super) fn labelled(&self) -> Vec<(Box<str>, Box<str>)> {
        let mut found = Vec::new();
        let namespaces = self.namespaces.iter().filter(|(name, _)| !self.is_excluded(name));
        for (namespace, known) in namespaces {
            let labelled = known.accounts.iter().filter(|(_, account)| account.has_label);
            found.extend(labelled.map(|(name, _)| (namespace.clone(), name.clone())));
        }
        found.retain(|(namespace, name)| self.facts(namespace, name).is_some_and(|facts| facts.has_client_id));
        found
    }

    /// How many accounts are known.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// How many accounts had no room, in all namespaces that were looked at.
    pub(super) fn dropped(&self) -> usize {
        self.dropped
    }

    fn names(&self) -> Vec<Box<str>> {
        self.namespaces.keys().cloned().collect()
    }

    fn namespace(&mut self, name: &str) -> &mut Namespace {
        if !self.namespaces.contains_key(name) {
            self.namespaces.insert(name.into(), Namespace::default());
        }
        self.namespaces.entry(name.into()).or_default()
    }
}

impl Namespace {
    fn contents(&self) -> Contents {
        Contents::of(self.accounts.iter().filter_map(|(name, account)| Some((&**name, account.entry.as_deref()?))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        let mut state = State::new(&ControllerSettings::new("test"));
        state.begin_accounts();
        state.begin_config_maps();
        state
    }

    fn account(client_id: &str) -> ServiceAccount {
        ServiceAccount::new([], [("azure.workload.identity/client-id", client_id)])
    }

    fn data(pairs: &[(&str, &str)]) -> Contents {
        Contents::of(pairs.iter().copied())
    }

    #[test]
    fn a_namespace_gets_a_config_map_with_all_its_accounts() {
        let mut state = state();
        state.put_account("a", "default", &ServiceAccount::default());
        state.put_account("a", "sademo", &account("1"));
        assert_eq!(state.task("a"), Task::Create(data(&[("default", ""), ("sademo", "1")])));
        state.put_config_map("a", data(&[("default", ""), ("sademo", "1")]).digest());
        assert_eq!(state.task("a"), Task::Nothing);
        state.remove_account("a", "sademo");
        assert_eq!(state.task("a"), Task::Change(data(&[("default", "")])));
    }

    #[test]
    fn what_a_new_list_does_not_bring_is_gone() {
        let mut state = state();
        state.put_account("a", "old", &account("1"));
        state.put_config_map("a", data(&[("old", "1")]).digest());
        state.end_accounts();
        state.end_config_maps();
        assert!(state.is_complete());
        state.begin_accounts();
        state.put_account("b", "new", &account("2"));
        assert_eq!(state.task("a"), Task::Nothing, "until the list is complete");
        assert_eq!(state.end_accounts().len(), 2);
        assert_eq!(state.task("a"), Task::Delete);
        state.remove_config_map("a");
        assert_eq!(state.task("a"), Task::Nothing);
        assert_eq!(state.names(), [Box::from("b")]);
    }

    #[test]
    fn excluded_namespaces_have_none() {
        let mut state = state();
        state.put_account("kube-system", "default", &account("1"));
        assert_eq!(state.task("kube-system"), Task::Nothing);
        state.put_config_map("kube-system", Digest::FOREIGN);
        assert_eq!(state.task("kube-system"), Task::Delete);
    }

    #[test]
    fn accounts_are_counted_as_they_come_and_go() {
        let mut state = state();
        for name in ["a", "b", "b"] {
            state.put_account("a", name, &account("1"));
        }
        assert_eq!(state.count(), 2);
        state.remove_account("a", "b");
        state.remove_account("a", "b");
        assert_eq!(state.count(), 1);
        state.begin_accounts();
        state.end_accounts();
        assert_eq!(state.count(), 0);
    }

    #[test]
    fn accounts_without_room_are_counted_over_all_namespaces_until_they_go() {
        let mut state = state();
        for index in 0..25_003 {
            state.put_account("full", &format!("a{index}"), &ServiceAccount::default());
            if index < 25_001 {
                state.put_account("other", &format!("a{index}"), &ServiceAccount::default());
            }
        }
        state.put_account("small", "a", &ServiceAccount::default());
        let Task::Create(contents) = state.task("full") else { panic!("it has none") };
        assert_eq!(state.dropped(), 3);
        state.put_config_map("full", contents.digest());
        for name in ["other", "small", "full", "other"] {
            state.task(name);
        }
        assert_eq!(state.task("full"), Task::Nothing);
        assert_eq!(state.dropped(), 4, "also where nothing is to be written, as after a restart");
        for index in 0..25_003 {
            state.remove_account("full", &format!("a{index}"));
        }
        state.remove_config_map("full");
        state.task("full");
        assert_eq!(state.dropped(), 1);
    }

    #[test]
    fn accounts_of_excluded_namespaces_need_no_advice() {
        let mut state = state();
        let labelled = ServiceAccount::new(
            [("azure.workload.identity/use", "true")],
            [("azure.workload.identity/client-id", "1")],
        );
        state.put_account("kube-system", "a", &labelled);
        state.put_account("a", "a", &labelled);
        assert_eq!(state.labelled(), [(Box::from("a"), Box::from("a"))]);
    }

    #[test]
    fn an_account_that_cannot_have_an_entry_is_left_out_and_reported() {
        let mut state = state();
        state.put_account("a", "default", &ServiceAccount::default());
        assert_eq!(state.put_account("a", "odd", &account("1;tenant=2")), Some(Unfit::ClientId));
        assert_eq!(state.task("a"), Task::Create(data(&[("default", "")])));
    }
}
