//! What is known of each issuer, by tenant.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use symbolon_core::TenantId;

use crate::entry::Entry;

type Issuers = HashMap<Box<str>, Arc<Entry>>;

/// The entries of all tenants, bounded in number and in keys.
pub(crate) struct Cache {
    max_issuers: usize,
    max_keys: usize,
    tenants: RwLock<HashMap<TenantId, Issuers>>,
}

impl Cache {
    pub(crate) fn new(max_issuers: usize, max_keys: usize) -> Self {
        Self { max_issuers, max_keys, tenants: RwLock::default() }
    }

    /// The entry of `(tenant, issuer)`, an empty one if there was none; used at `now`.
    pub(crate) fn entry(&self, tenant: TenantId, issuer: &str, now: i64) -> Arc<Entry> {
        let found = self.find(tenant, issuer).unwrap_or_else(|| self.insert(tenant, issuer));
        found.touch(now);
        found
    }

    /// Forgets an entry. A fetch that is under way still answers those that wait for it, and nobody else.
    pub(crate) fn forget(&self, tenant: TenantId, issuer: &str) {
        let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(issuers) = tenants.get_mut(&tenant) {
            issuers.remove(issuer);
            if issuers.is_empty() {
                tenants.remove(&tenant);
            }
        }
    }

    fn find(&self, tenant: TenantId, issuer: &str) -> Option<Arc<Entry>> {
        let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
        tenants.get(&tenant)?.get(issuer).cloned()
    }

    fn insert(&self, tenant: TenantId, issuer: &str) -> Arc<Entry> {
        let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = tenants.get(&tenant).and_then(|issuers| issuers.get(issuer)) {
            return Arc::clone(found);
        }
        let issuers: usize = tenants.values().map(HashMap::len).sum();
        let keys: usize = tenants.values().flat_map(HashMap::values).map(|entry| entry.keys()).sum();
        if issuers >= self.max_issuers || keys >= self.max_keys {
            evict(&mut tenants);
        }
        let entry = Arc::new(Entry::default());
        tenants.entry(tenant).or_default().insert(issuer.into(), Arc::clone(&entry));
        entry
    }
}

/// Makes room at the cost of the tenant that has most, so that no tenant can push out the others'
/// keys. A sixteenth of its own goes at once: a full cache is not sorted for every new issuer.
fn evict(tenants: &mut HashMap<TenantId, Issuers>) {
    let Some((&tenant, issuers)) = tenants.iter_mut().max_by_key(|(_, issuers)| weight(issuers)) else { return };
    let enough = (weight(issuers) / 16).max(1);
    let mut by_use: Vec<_> = issuers.iter().map(|(issuer, entry)| (entry.rank(), issuer.clone())).collect();
    by_use.sort_unstable();
    let mut gone = 0;
    for (_, issuer) in by_use {
        if gone >= enough {
            break;
        }
        gone += issuers.remove(&issuer).map_or(0, |entry| 1 + entry.keys());
    }
    if issuers.is_empty() {
        tenants.remove(&tenant);
    }
}

fn weight(issuers: &Issuers) -> usize {
    issuers.values().map(|entry| 1 + entry.keys()).sum()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn tenant(n: u128) -> TenantId {
        TenantId::new(Uuid::from_u128(n))
    }

    #[test]
    fn two_tenants_have_entries_of_their_own_for_one_issuer() {
        let cache = Cache::new(10, 100);
        let one = cache.entry(tenant(1), "https://issuer.example", 0);
        let two = cache.entry(tenant(2), "https://issuer.example", 0);
        assert!(!Arc::ptr_eq(&one, &two));
        assert!(Arc::ptr_eq(&one, &cache.entry(tenant(1), "https://issuer.example", 0)));
    }

    #[test]
    fn a_full_cache_forgets_what_was_not_used_for_longest() {
        let cache = Cache::new(3, 100);
        for (n, issuer) in ["a", "b", "c"].into_iter().enumerate() {
            cache.entry(tenant(1), issuer, i64::try_from(n).unwrap());
        }
        cache.entry(tenant(1), "a", 10);
        cache.entry(tenant(1), "d", 11);
        assert!(cache.find(tenant(1), "b").is_none());
        for kept in ["a", "c", "d"] {
            assert!(cache.find(tenant(1), kept).is_some(), "{kept}");
        }
    }

    #[test]
    fn a_tenant_with_many_issuers_pushes_out_its_own_only() {
        let cache = Cache::new(20, 100);
        cache.entry(tenant(1), "https://issuer.example", 0);
        for n in 0..500 {
            cache.entry(tenant(2), &format!("https://{n}.example"), n);
        }
        assert!(cache.find(tenant(1), "https://issuer.example").is_some());
        let tenants = cache.tenants.read().unwrap();
        assert!(tenants[&tenant(2)].len() <= 19);
    }

    #[test]
    fn a_forgotten_entry_is_made_anew() {
        let cache = Cache::new(10, 100);
        let before = cache.entry(tenant(1), "a", 0);
        cache.forget(tenant(1), "a");
        assert!(!Arc::ptr_eq(&before, &cache.entry(tenant(1), "a", 0)));
        assert_eq!(cache.tenants.read().unwrap().len(), 1);
        cache.forget(tenant(1), "a");
        assert!(cache.tenants.read().unwrap().is_empty());
    }
}
