//! Reads of single accounts at the API server.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use kube::Client;
use symbolon_admission::ServiceAccount;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::decode::Object;
use super::{AccountName, LookupError};
use crate::api::{self, ApiError};
use crate::metrics::{DirectRead, Metrics};

/// Reads at the same time.
const CONCURRENT: usize = 32;
/// A single read that takes longer is given up.
const READ_TIMEOUT: Duration = Duration::from_secs(2);
/// Beyond this many, flights that nobody waits for are forgotten.
const REMEMBERED: usize = 1024;

type Outcome = Result<ServiceAccount, LookupError>;
type Future = Shared<BoxFuture<'static, Outcome>>;

/// Reads accounts: few at the same time, and one at a time for the same account.
pub(crate) struct Direct {
    client: Client,
    permits: Arc<Semaphore>,
    flights: Mutex<HashMap<Box<str>, Flight>>,
    metrics: Arc<Metrics>,
}

struct Flight {
    started: Arc<AtomicBool>,
    outcome: WeakShared<BoxFuture<'static, Outcome>>,
}

impl fmt::Debug for Direct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Direct").finish_non_exhaustive()
    }
}

impl Direct {
    pub(crate) fn new(client: Client, metrics: Arc<Metrics>) -> Self {
        Self { client, permits: Arc::new(Semaphore::new(CONCURRENT)), flights: Mutex::default(), metrics }
    }

    /// Reads the account as it is at some moment after this call.
    ///
    /// A read that has not begun yet is shared. One that is under way may have missed what the
    /// caller waits for, so the next one begins when it has ended.
    pub(crate) fn read(&self, account: AccountName<'_>) -> Future {
        let key: Box<str> = account.to_string().into();
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        let under_way = flights.get(&key).and_then(|flight| Some((flight.outcome.upgrade()?, &flight.started)));
        let previous = match under_way {
            Some((outcome, started)) if !started.load(Ordering::Acquire) => return outcome,
            other => other.map(|(outcome, _)| outcome),
        };
        if flights.len() >= REMEMBERED {
            flights.retain(|_, flight| flight.outcome.upgrade().is_some());
        }
        let started = Arc::new(AtomicBool::new(false));
        let outcome = self.fly(account, previous, Arc::clone(&started)).shared();
        if let Some(weak) = outcome.downgrade() {
            flights.insert(key, Flight { started, outcome: weak });
        }
        outcome
    }

    fn fly(
        &self,
        account: AccountName<'_>,
        previous: Option<Future>,
        started: Arc<AtomicBool>,
    ) -> BoxFuture<'static, Outcome> {
        let (client, permits, metrics) = (self.client.clone(), Arc::clone(&self.permits), Arc::clone(&self.metrics));
        let (namespace, name) = (account.namespace.to_owned(), account.name.to_owned());
        async move {
            if let Some(previous) = previous {
                drop(previous.await);
            }
            // Nobody closes the semaphore; without it the reads would only be less bounded.
            let _permit = permits.acquire().await.ok();
            started.store(true, Ordering::Release);
            let account = AccountName { namespace: &namespace, name: &name };
            let outcome = timeout(READ_TIMEOUT, get(&client, account)).await.unwrap_or(Err(ApiError::Silent));
            metrics.direct_read(match &outcome {
                Ok(_) => DirectRead::Found,
                Err(error) if error.code() == Some(404) => DirectRead::NotFound,
                Err(_) => DirectRead::Failed,
            });
            outcome.map_err(|error| match error.code() {
                Some(404) => account.not_found(),
                _ => account.unavailable(error.chain()),
            })
        }
        .boxed()
    }
}

async fn get(client: &Client, account: AccountName<'_>) -> Result<ServiceAccount, ApiError> {
    let AccountName { namespace, name } = account;
    let body = api::get(client, &format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}")).await?;
    let object: Object<'_> = serde_json::from_slice(&body)?;
    Ok(object.metadata.account())
}
