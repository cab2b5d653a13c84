//! How many fetches run at the same time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use symbolon_core::TenantId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Fetches that may run: a number in all, and fewer for one tenant. Without the second, a tenant
/// with a few dozen issuers that answer slowly would keep all others from theirs.
pub(crate) struct Slots {
    all: Arc<Semaphore>,
    per_tenant: usize,
    /// Only tenants that hold or await a slot have a live entry.
    tenants: Mutex<HashMap<TenantId, Weak<Semaphore>>>,
}

/// The right to fetch, until it is dropped.
pub(crate) struct Slot {
    _tenant: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

impl Slots {
    pub(crate) fn new(all: usize, per_tenant: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all)), per_tenant, tenants: Mutex::default() }
    }

    /// Waits for a slot. The tenant's own comes first, so that who waits for it blocks nobody else.
    pub(crate) async fn take(&self, tenant: TenantId) -> Option<Slot> {
        let of_tenant = self.of_tenant(tenant).acquire_owned().await.ok()?;
        let all = Arc::clone(&self.all).acquire_owned().await.ok()?;
        Some(Slot { _tenant: of_tenant, _all: all })
    }

    fn of_tenant(&self, tenant: TenantId) -> Arc<Semaphore> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = tenants.get(&tenant).and_then(Weak::upgrade) {
            return found;
        }
        tenants.retain(|_, semaphore| semaphore.strong_count() > 0);
        let made = Arc::new(Semaphore::new(self.per_tenant));
        tenants.insert(tenant, Arc::downgrade(&made));
        made
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn tenant(n: u128) -> TenantId {
        TenantId::new(Uuid::from_u128(n))
    }

    #[tokio::test]
    async fn a_tenant_that_waits_for_its_own_slot_leaves_the_others_theirs() {
        let slots = Arc::new(Slots::new(2, 1));
        let first = slots.take(tenant(1)).await;
        let waiting = tokio::spawn({
            let slots = Arc::clone(&slots);
            async move { slots.take(tenant(1)).await }
        });
        tokio::task::yield_now().await;
        assert!(slots.take(tenant(2)).await.is_some());
        assert!(!waiting.is_finished());
        drop(first);
        assert!(waiting.await.unwrap().is_some());
    }

    #[tokio::test]
    async fn tenants_that_hold_no_slot_are_forgotten() {
        let slots = Slots::new(2, 1);
        for n in 0..100 {
            assert!(slots.take(tenant(n)).await.is_some());
        }
        assert_eq!(slots.tenants.lock().unwrap().len(), 1);
    }
}
