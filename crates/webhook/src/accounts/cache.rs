//! What the watch has brought.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use symbolon_admission::ServiceAccount;

use super::AccountName;

/// All accounts of the cluster, as far as they are known.
///
/// A hundred thousand of them are usual, so an account costs its name and what is read of it.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    state: RwLock<State>,
    /// Whether the watch runs and has caught up. While it does not, what is here may be old.
    live: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    accounts: HashMap<Box<str>, Entry>,
    /// Which list brings accounts now.
    list: List,
}

#[derive(Debug)]
struct Entry {
    account: ServiceAccount,
    list: List,
}

/// Tells the accounts of one list from those of the list before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct List(bool);

impl Cache {
    pub(crate) fn get(&self, account: AccountName<'_>) -> Option<ServiceAccount> {
        let key = key(account.namespace, account.name);
        self.read().accounts.get(&*key).map(|entry| entry.account.clone())
    }

    pub(crate) fn len(&self) -> usize {
        self.read().accounts.len()
    }

    pub(crate) fn is_live(&self) -> bool {
        self.live.load(Ordering::Acquire)
    }

    pub(crate) fn set_live(&self, live: bool) {
        self.live.store(live, Ordering::Release);
    }

    pub(crate) fn put(&self, namespace: &str, name: &str, account: ServiceAccount) {
        let key = key(namespace, name);
        let mut state = self.write();
        let list = state.list;
        state.accounts.insert(key, Entry { account, list });
    }

    pub(crate) fn remove(&self, namespace: &str, name: &str) {
        self.write().accounts.remove(&*key(namespace, name));
    }

    /// Begins a list: what is known from before stays until the list is complete.
    ///
    /// A list that was broken off leaves accounts of two lists behind, so all are counted as of
    /// the one before.
    pub(crate) fn begin_list(&self) {
        let mut state = self.write();
        let before = state.list;
        for entry in state.accounts.values_mut() {
            entry.list = before;
        }
        state.list = List(!before.0);
    }

    /// Ends a list: accounts that it did not bring are gone.
    pub(crate) fn end_list(&self) {
        let mut state = self.write();
        let list = state.list;
        state.accounts.retain(|_, entry| entry.list == list);
        if state.accounts.capacity() > 4 * state.accounts.len().max(1024) {
            state.accounts.shrink_to_fit();
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A slash cannot stand in either name.
fn key(namespace: &str, name: &str) -> Box<str> {
    let mut key = String::with_capacity(namespace.len() + 1 + name.len());
    key.push_str(namespace);
    key.push('/');
    key.push_str(name);
    key.into_boxed_str()
}

#[cfg(test)]
mod tests {
    use symbolon_admission::Key;

    use super::*;

    fn put(cache: &Cache, name: &str, client_id: &str) {
        let annotations = [("azure.workload.identity/client-id", client_id)];
        cache.put("default", name, ServiceAccount::new([], annotations));
    }

    fn client_id(cache: &Cache, name: &str) -> Option<String> {
        let account = cache.get(AccountName { namespace: "default", name })?;
        account.get(Key::ClientId).map(ToOwned::to_owned)
    }

    #[test]
    fn a_new_list_keeps_the_old_accounts_until_it_is_complete() {
        let cache = Cache::default();
        cache.begin_list();
        put(&cache, "stays", "1");
        put(&cache, "goes", "2");
        cache.end_list();
        cache.begin_list();
        put(&cache, "stays", "3");
        assert_eq!(client_id(&cache, "goes"), Some("2".into()));
        cache.end_list();
        assert_eq!(client_id(&cache, "goes"), None);
        assert_eq!(client_id(&cache, "stays"), Some("3".into()));
    }

    #[test]
    fn a_list_that_was_broken_off_proves_nothing() {
        let cache = Cache::default();
        cache.begin_list();
        put(&cache, "gone-since", "1");
        cache.begin_list();
        cache.begin_list();
        put(&cache, "there", "2");
        cache.end_list();
        assert_eq!(client_id(&cache, "gone-since"), None);
        assert_eq!(client_id(&cache, "there"), Some("2".into()));
        assert_eq!(cache.len(), 1);
    }
}
