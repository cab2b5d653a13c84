//! The admission handler: a review in, a review out.

mod body;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use futures_util::FutureExt as _;
use http::{HeaderValue, Version, header};
use symbolon_admission::{Mutation, Pod, Refusal, Review, Settings};
use symbolon_serve::Quiet;
use tokio::time::Instant;

use crate::accounts::{AccountName, LookupError, ServiceAccounts};
use crate::metrics::{InFlight, Metrics, Outcome};

pub use body::LIMIT as BODY_LIMIT;

/// Where pods are sent, as upstream.
pub const PATH: &str = "/mutate-v1-pod";

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Left of the API server's own time limit for the way back.
const WAY_BACK: Duration = Duration::from_millis(300);

/// What the handler works with. Everything that can change while it runs is behind a handle.
#[derive(Debug)]
pub struct Webhook<A> {
    /// Where service accounts come from.
    pub accounts: A,
    /// What the operator decided.
    pub settings: Arc<ArcSwap<Settings>>,
    /// How long an account that is not there is waited for.
    pub account_wait: Duration,
    /// Where requests are counted.
    pub metrics: Arc<Metrics>,
    /// Set when this replica is about to end: clients are then asked to leave after each answer.
    pub leaving: Arc<AtomicBool>,
}

/// Serves reviews at [`PATH`].
///
/// The HTTP status is always 200, as upstream's: what is wrong stands in the review. Bodies are
/// bounded here, so the server's own limit has to lie above [`BODY_LIMIT`].
pub fn router<A: ServiceAccounts>(webhook: Webhook<A>) -> Router {
    Router::new().route(PATH, any(serve::<A>)).with_state(Arc::new(webhook))
}

async fn serve<A: ServiceAccounts>(State(webhook): State<Arc<Webhook<A>>>, request: Request) -> Response {
    let version = request.version();
    let _in_flight = InFlight::of(&webhook.metrics);
    let answer = AssertUnwindSafe(webhook.answer(request)).catch_unwind().await.unwrap_or_else(|_| {
        webhook.metrics.panic();
        let message = "panic: this is a bug in the webhook [recovered]".to_owned();
        refuse_request(&Refusal { code: 500, message })
    });
    let mut response = Response::new(Body::from(answer));
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    if version < Version::HTTP_2 && webhook.leaving.load(Ordering::Relaxed) {
        // A client that is told does not use this connection again. Closing it without a word
        // could meet the client's next request half-way, and that call would be lost.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response.extensions_mut().insert(Quiet);
    response
}

impl<A: ServiceAccounts> Webhook<A> {
    async fn answer(&self, request: Request) -> Vec<u8> {
        let begun = Instant::now();
        let deadline = begun + self.account_wait.min(patience(request.uri().query()));
        let held = match body::read(request).await {
            Ok(held) => held,
            Err(refusal) => {
                self.metrics.refused_request();
                return refuse_request(&refusal);
            }
        };
        let review = match Review::parse(&held.body) {
            Ok(review) => review,
            Err(invalid) => {
                self.metrics.refused_request();
                return invalid.answer();
            }
        };
        let outcome = self.review(&review, deadline).await;
        self.metrics.mutation(review.namespace(), begun.elapsed());
        self.count(outcome.as_ref());
        match &outcome {
            Ok(mutation) => review.allow(mutation),
            Err(refusal) => review.refuse(refusal),
        }
    }

    async fn review(&self, review: &Review<'_>, deadline: Instant) -> Result<Mutation, Refusal> {
        let Some(raw) = review.pod()? else { return Ok(Mutation::default()) };
        let pod = Pod::parse(raw)?;
        let account = AccountName { namespace: review.namespace(), name: pod.service_account_name() };
        if let Some(known) = self.accounts.known(account) {
            let outcome = pod.mutate(&known, &self.settings.load());
            if !is_doubtful(outcome.as_ref()) {
                return outcome;
            }
        }
        let found = self.accounts.read(account, deadline).await.map_err(|error| refusal(&error))?;
        pod.mutate(&found, &self.settings.load())
    }

    fn count(&self, outcome: Result<&Mutation, &Refusal>) {
        let Ok(mutation) = outcome else { return self.metrics.outcome(Outcome::Refused) };
        for warning in &mutation.warnings {
            self.metrics.warning(warning.reason);
        }
        self.metrics.outcome(if mutation.patch.is_empty() { Outcome::Unchanged } else { Outcome::Mutated });
    }
}

/// What a pod's author is told when the service account is not as it should be.
const ABOUT_ACCOUNT: [&str; 7] = [
    "NoClientId",
    "AccountNotLabelled",
    "MalformedClientId",
    "MalformedTenantId",
    "MalformedRoleArn",
    "MalformedTokenExpiration",
    "Misplaced",
];

/// Whether the account is worth a second look: people annotate it and create the pod in one go,
/// and the watch may lag behind.
fn is_doubtful(outcome: Result<&Mutation, &Refusal>) -> bool {
    outcome.map_or(true, |mutation| mutation.warnings.iter().any(|warning| ABOUT_ACCOUNT.contains(&warning.reason)))
}

/// The answer to a request that holds no review.
fn refuse_request(refusal: &Refusal) -> Vec<u8> {
    Review::unreadable().refuse(refusal)
}

fn refusal(error: &LookupError) -> Refusal {
    let code = match error {
        LookupError::NotFound { .. } => 400,
        LookupError::Unavailable { .. } => 503,
    };
    Refusal { code, message: error.to_string() }
}

/// How long the caller waits for the answer: the API server says so as `timeout=10s`.
fn patience(query: Option<&str>) -> Duration {
    let seconds = query
        .into_iter()
        .flat_map(|query| query.split('&'))
        .find_map(|pair| pair.strip_prefix("timeout=")?.strip_suffix('s')?.parse::<u32>().ok());
    seconds.map_or(Duration::MAX, |seconds| Duration::from_secs(seconds.into()).saturating_sub(WAY_BACK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reasons_are_those_that_there_are() {
        for reason in ABOUT_ACCOUNT {
            assert!(symbolon_admission::Warning::REASONS.contains(&reason), "{reason}");
        }
    }

    #[test]
    fn the_wait_ends_before_the_caller_gives_up() {
        assert_eq!(patience(Some("timeout=1s")), Duration::from_millis(700));
        assert_eq!(patience(Some("a=b&timeout=10s")), Duration::from_millis(9_700));
        for query in [None, Some(""), Some("timeout=x"), Some("timeout=1m"), Some("timeout=-1s")] {
            assert_eq!(patience(query), Duration::MAX, "{query:?}");
        }
    }
}
