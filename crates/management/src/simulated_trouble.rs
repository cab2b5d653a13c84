//! Trouble that Azure makes now and then, made on purpose where a tenant's settings ask for it:
//! conflicts of concurrent writes, and rates that are throttled.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use symbolon_core::{
    SubscriptionId, TenantId, federated_credential::FederatedCredential, ports::management::Holder,
    tenant::TenantSettings,
};

use crate::Management;

/// The settings of a tenant.
pub(crate) fn settings(management: &Management, tenant: TenantId) -> TenantSettings {
    management.access.directory.tenant(tenant).map(|tenant| tenant.settings.clone()).unwrap_or_default()
}

/// The credential with the delay after which it counts, where the tenant simulates how slowly Entra
/// spreads what is new.
pub(crate) fn delayed(
    management: &Management,
    tenant: TenantId,
    credential: FederatedCredential,
) -> FederatedCredential {
    match settings(management, tenant).simulate.propagation_delay_seconds {
        0 => credential,
        seconds => credential.effective_from(management.clock.now().as_second() + i64::from(seconds)),
    }
}

/// The most buckets that are kept: about 1 MB. Beyond it whoever was quiet longest starts afresh.
const MAX_BUCKETS: usize = 10_000;

/// What has to be remembered between requests.
#[derive(Debug, Default)]
pub struct SimulatedTrouble {
    writing: Arc<Mutex<HashSet<Holder>>>,
    buckets: Mutex<HashMap<(Counted, Request), Bucket>>,
}

/// A kind of request for federated credentials, each with rates of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Request {
    Put,
    Get,
    List,
    Delete,
}

/// For whom requests are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Counted {
    Tenant(TenantId),
    Subscription(SubscriptionId),
    Identity(Holder),
}

/// Tokens that are left, of at most one second's worth, and when that was so.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    at: i64,
}

/// A write of a federated credential that is under way; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Writing {
    holder: Holder,
    writing: Arc<Mutex<HashSet<Holder>>>,
}

impl Drop for Writing {
    fn drop(&mut self) {
        locked(&self.writing).remove(&self.holder);
    }
}

impl Request {
    /// Requests per second for one tenant, one subscription and one identity, as Entra documents
    /// them.
    const fn rates(self) -> [f64; 3] {
        match self {
            Self::Put | Self::Delete => [10.0, 2.0, 0.25],
            Self::Get => [30.0, 10.0, 0.5],
            Self::List => [15.0, 5.0, 0.25],
        }
    }
}

impl SimulatedTrouble {
    /// Begins a write for `holder`; none while another one is under way.
    pub(crate) fn begin_write(&self, holder: Holder) -> Option<Writing> {
        let is_free = locked(&self.writing).insert(holder);
        is_free.then(|| Writing { holder, writing: Arc::clone(&self.writing) })
    }

    /// Counts a request at `now`, in milliseconds.
    ///
    /// # Errors
    /// The seconds after which there is room for it; it is not counted then.
    pub(crate) fn count(
        &self,
        request: Request,
        subscription: SubscriptionId,
        holder: Holder,
        now: i64,
    ) -> Result<(), u64> {
        let counted = [Counted::Tenant(holder.tenant), Counted::Subscription(subscription), Counted::Identity(holder)];
        let mut buckets = locked(&self.buckets);
        make_room(&mut buckets, counted.len());
        let rated = counted.into_iter().zip(request.rates());
        let filled =
            rated.map(|(counted, rate)| ((counted, request), rate, refilled(&buckets, (counted, request), rate, now)));
        let filled: Vec<_> = filled.collect();
        let wait = filled.iter().map(|(_, rate, tokens)| (1.0 - tokens) / rate).fold(0.0, f64::max);
        if wait > 0.0 {
            return Err(whole_seconds(wait));
        }
        for (key, _, tokens) in filled {
            buckets.insert(key, Bucket { tokens: tokens - 1.0, at: now });
        }
        Ok(())
    }
}

/// The tokens of a bucket at `now`. It holds one second's worth, and never less than one request.
fn refilled(buckets: &HashMap<(Counted, Request), Bucket>, key: (Counted, Request), rate: f64, now: i64) -> f64 {
    let capacity = rate.max(1.0);
    let Some(bucket) = buckets.get(&key) else { return capacity };
    (bucket.tokens + seconds(bucket.at, now) * rate).min(capacity)
}

/// Seconds from one time to another in milliseconds; none where the clock went back.
fn seconds(from: i64, to: i64) -> f64 {
    let milliseconds = to.saturating_sub(from).clamp(0, i64::from(i32::MAX));
    i32::try_from(milliseconds).map_or(0.0, f64::from) / 1000.0
}

/// Rounded up, and at least 1.
fn whole_seconds(wait: f64) -> u64 {
    // Never more than the four seconds in which one request comes back.
    (1_u32..60).find(|whole| f64::from(*whole) >= wait).map_or(60, u64::from)
}

/// Forgets the older half where there is no room for `more`.
fn make_room(buckets: &mut HashMap<(Counted, Request), Bucket>, more: usize) {
    if buckets.len() + more <= MAX_BUCKETS {
        return;
    }
    let mut times: Vec<i64> = buckets.values().map(|bucket| bucket.at).collect();
    times.sort_unstable();
    let middle = times.get(times.len() / 2).copied().unwrap_or_default();
    buckets.retain(|_, bucket| bucket.at > middle);
}

/// What is locked here is consistent after every statement, so a panic elsewhere does no harm to it.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use symbolon_core::ClientId;
    use uuid::Uuid;

    use super::*;

    fn holder(tenant: u128, client: u128) -> Holder {
        Holder { tenant: TenantId::new(Uuid::from_u128(tenant)), client_id: ClientId::new(Uuid::from_u128(client)) }
    }

    fn subscription(number: u128) -> SubscriptionId {
        SubscriptionId::new(Uuid::from_u128(number))
    }

    #[test]
    fn one_identity_takes_one_write_every_four_seconds() {
        let trouble = SimulatedTrouble::default();
        let put = |now| trouble.count(Request::Put, subscription(1), holder(1, 1), now);
        assert_eq!(put(0), Ok(()));
        assert_eq!(put(1), Err(4));
        assert_eq!(put(2_500), Err(2));
        assert_eq!(put(4_000), Ok(()));
        assert_eq!(put(4_001), Err(4));
    }

    #[test]
    fn a_subscription_and_a_tenant_have_rates_of_their_own() {
        let trouble = SimulatedTrouble::default();
        let put = |sub, client| trouble.count(Request::Put, subscription(sub), holder(1, client), 0);
        let in_one: Vec<bool> = (0..4).map(|client| put(1, client).is_ok()).collect();
        assert_eq!(in_one, [true, true, false, false]);
        // What was refused does not count: eight more make the ten of the tenant.
        let elsewhere = (10..30).filter(|client| put(*client, *client).is_ok()).count();
        assert_eq!(elsewhere, 8);
        assert_eq!(trouble.count(Request::Put, subscription(1), holder(2, 1), 0), Err(1));
        assert_eq!(trouble.count(Request::Put, subscription(99), holder(2, 1), 0), Ok(()));
    }

    #[test]
    fn kinds_of_requests_do_not_use_up_each_other() {
        let trouble = SimulatedTrouble::default();
        for request in [Request::Put, Request::Get, Request::List, Request::Delete] {
            assert_eq!(trouble.count(request, subscription(1), holder(1, 1), 0), Ok(()), "{request:?}");
        }
        assert_eq!(trouble.count(Request::Get, subscription(1), holder(1, 1), 0), Err(2));
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing() {
        let trouble = SimulatedTrouble::default();
        let put = |now| trouble.count(Request::Put, subscription(1), holder(1, 1), now);
        assert_eq!(put(10_000), Ok(()));
        assert_eq!(put(0), Err(4));
        assert_eq!(put(i64::MAX), Ok(()));
    }

    #[test]
    fn memory_is_bounded() {
        let trouble = SimulatedTrouble::default();
        for n in 0..20_000_u32 {
            let number = u128::from(n);
            let _ = trouble.count(Request::Get, subscription(number), holder(number, number), i64::from(n));
            assert!(locked(&trouble.buckets).len() <= MAX_BUCKETS);
        }
    }

    #[test]
    fn one_write_of_an_identity_is_under_way_at_a_time() {
        let trouble = SimulatedTrouble::default();
        let first = trouble.begin_write(holder(1, 1)).unwrap();
        assert!(trouble.begin_write(holder(1, 1)).is_none());
        assert!(trouble.begin_write(holder(1, 2)).is_some());
        drop(first);
        assert!(trouble.begin_write(holder(1, 1)).is_some());
    }
}
