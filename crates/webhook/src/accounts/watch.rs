//! Keeps the cache in step with the API server.

use std::sync::Arc;

use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{debug, info, warn};

use super::cache::Cache;
use super::cluster::Timing;
use super::decode::{Event, EventKind, Metadata, Page};
use crate::api::{self, ApiError};
use crate::backoff::Backoff;
use crate::metrics::Metrics;

const PATH: &str = "/api/v1/serviceaccounts";
/// Accounts of one page: a third of a megabyte in transit.
const PAGE: usize = 500;
/// One account is far smaller; a line without end must not fill the memory.
const LINE_BYTES: usize = 4 << 20;
const GONE: u16 = 410;

/// The list and watch of all service accounts.
pub(crate) struct Watch {
    pub(crate) client: Client,
    pub(crate) cache: Arc<Cache>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) timing: Timing,
    /// Up to where the cache is in step; empty before the first list.
    pub(crate) version: String,
    /// Whether the server sends a list as a watch; tried first.
    pub(crate) streams_lists: bool,
    /// Whether a list has begun and is not complete.
    pub(crate) listing: bool,
}

/// How a stream of events ended.
enum End {
    /// As it should: the server ends each after some minutes.
    Closed,
    /// The version is too old: everything has to be listed anew.
    Gone,
}

impl Watch {
    /// Lists and watches for ever. What is known stays while the server is away.
    pub(crate) async fn run(mut self) {
        let mut backoff = Backoff::new(self.timing.first_pause, self.timing.longest_pause);
        loop {
            let begun = Instant::now();
            let outcome = self.step().await;
            let lasted = begun.elapsed() > self.timing.longest_pause;
            if lasted {
                backoff.reset();
            }
            match outcome {
                Ok(End::Closed) => {
                    debug!("the watch of service accounts ended, as it does every few minutes");
                    if lasted {
                        continue;
                    }
                }
                Ok(End::Gone) => {
                    info!("the watch of service accounts fell behind: listing anew, the old list stays until then");
                    self.version.clear();
                }
                Err(error) => {
                    self.cache.set_live(false);
                    self.metrics.watch_failure();
                    let error = &error as &dyn std::error::Error;
                    warn!(error, "the watch of service accounts broke off: known accounts stay");
                }
            }
            sleep(backoff.next()).await;
        }
    }

    async fn step(&mut self) -> Result<End, ApiError> {
        if !self.version.is_empty() {
            return self.resume().await;
        }
        self.cache.set_live(false);
        if self.streams_lists {
            match self.stream_list().await {
                // Servers before 1.32, or with the feature switched off, do not know the parameter.
                Err(ApiError::Status { code: 400 | 422, message }) => {
                    debug!(message, "the API server does not stream lists: reading pages");
                    self.streams_lists = false;
                }
                other => return other,
            }
        }
        self.read_pages().await?;
        self.resume().await
    }

    /// A list whose accounts come as events, and then the changes, on one connection: no large
    /// answer stands in memory on either side.
    async fn stream_list(&mut self) -> Result<End, ApiError> {
        let path = format!(
            "{PATH}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds={}",
            self.timing.watch_seconds()
        );
        let body =
            timeout(self.timing.silence, api::open(&self.client, &path)).await.unwrap_or(Err(ApiError::Silent))?;
        self.begin();
        self.follow(body, None).await
    }

    async fn resume(&mut self) -> Result<End, ApiError> {
        let path = format!(
            "{PATH}?watch=true&allowWatchBookmarks=true&timeoutSeconds={}&resourceVersion={}",
            self.timing.watch_seconds(),
            self.version
        );
        let opened = timeout(self.timing.silence, api::open(&self.client, &path)).await;
        let body = match opened.unwrap_or(Err(ApiError::Silent)) {
            Err(error) if error.code() == Some(GONE) => return Ok(End::Gone),
            other => other?,
        };
        // What happened while nobody watched comes first; until then the cache is not trusted.
        let settled = (!self.cache.is_live()).then(|| Instant::now() + self.timing.settle);
        self.follow(body, settled).await
    }

    async fn read_pages(&mut self) -> Result<(), ApiError> {
        self.begin();
        let mut path = format!("{PATH}?limit={PAGE}");
        loop {
            let body = timeout(self.timing.silence, api::get(&self.client, &path)).await;
            let body = body.unwrap_or(Err(ApiError::Silent))?;
            let page: Page<'_> = serde_json::from_slice(&body)?;
            for item in &page.items {
                self.put(&item.metadata);
            }
            if page.metadata.next.is_empty() {
                page.metadata.resource_version.as_ref().clone_into(&mut self.version);
                break;
            }
            path = format!("{PATH}?limit={PAGE}&continue={}", page.metadata.next);
        }
        self.complete();
        Ok(())
    }

    /// Reads events until the stream ends. From `settled` on the cache is in step; without it,
    /// from the bookmark that ends a list on.
    async fn follow(&mut self, mut body: Body, settled: Option<Instant>) -> Result<End, ApiError> {
        let mut lines = Lines::default();
        let mut settled = settled;
        loop {
            let frame = tokio::select! {
                frame = timeout(self.timing.silence, body.frame()) => frame.map_err(|_| ApiError::Silent)?,
                () = sleep_until(settled.unwrap_or_else(Instant::now)), if settled.is_some() => {
                    settled = None;
                    self.cache.set_live(true);
                    continue;
                }
            };
            let Some(frame) = frame else { return Ok(End::Closed) };
            let Ok(data) = frame.map_err(ApiError::Connection)?.into_data() else { continue };
            let mut rest: &[u8] = &data;
            while let Some(line) = lines.next(&mut rest)? {
                if let Some(end) = self.apply(line)? {
                    return Ok(end);
                }
            }
        }
    }

    fn apply(&mut self, line: &[u8]) -> Result<Option<End>, ApiError> {
        let event: Event<'_> = serde_json::from_slice(line)?;
        let metadata = &event.object.metadata;
        match event.kind {
            EventKind::Added | EventKind::Modified => self.put(metadata),
            EventKind::Deleted => self.cache.remove(&metadata.namespace, &metadata.name),
            EventKind::Bookmark if metadata.ends_initial_events() => self.complete(),
            EventKind::Bookmark => {}
            EventKind::Error if event.object.code == Some(GONE) => return Ok(Some(End::Gone)),
            EventKind::Error => {
                let message = event.object.message.unwrap_or_default().into_owned();
                return Err(ApiError::Status { code: event.object.code.unwrap_or(500), message });
            }
        }
        // Before a streamed list is complete its versions are no place to go on from.
        if !self.listing {
            metadata.resource_version.as_ref().clone_into(&mut self.version);
        }
        self.metrics.accounts(self.cache.len());
        Ok(None)
    }

    fn put(&self, metadata: &Metadata<'_>) {
        self.cache.put(&metadata.namespace, &metadata.name, metadata.account());
    }

    fn begin(&mut self) {
        self.listing = true;
        self.cache.begin_list();
    }

    fn complete(&mut self) {
        self.listing = false;
        self.cache.end_list();
        self.cache.set_live(true);
        let accounts = self.cache.len();
        self.metrics.accounts(accounts);
        info!(accounts, "the list of service accounts is complete");
    }
}

/// Cuts a body into lines. Most lie within one piece of it and are not copied.
#[derive(Default)]
struct Lines {
    partial: Vec<u8>,
    given: bool,
}

impl Lines {
    /// The next line of what was kept and `rest`, without its end; keeps what has no end yet.
    fn next<'a, 'b: 'a>(&'a mut self, rest: &mut &'b [u8]) -> Result<Option<&'a [u8]>, ApiError> {
        if std::mem::take(&mut self.given) {
            self.partial.clear();
            self.partial.shrink_to(64 * 1024);
        }
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
            if self.partial.len() + rest.len() > LINE_BYTES {
                return Err(ApiError::Status { code: 500, message: "an event is too long".to_owned() });
            }
            self.partial.extend_from_slice(rest);
            *rest = &[];
            return Ok(None);
        };
        let line = &rest[..end];
        *rest = &rest[end + 1..];
        if self.partial.is_empty() {
            return Ok(Some(line));
        }
        self.partial.extend_from_slice(line);
        self.given = true;
        Ok(Some(&self.partial))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_wherever_the_pieces_are_cut() {
        let text = b"first\nsecond line\n\nlast\n";
        for size in 1..text.len() {
            let (mut lines, mut found) = (Lines::default(), Vec::new());
            for piece in text.chunks(size) {
                let mut rest = piece;
                while let Some(line) = lines.next(&mut rest).unwrap() {
                    found.push(String::from_utf8(line.to_vec()).unwrap());
                }
            }
            assert_eq!(found, ["first", "second line", "", "last"], "pieces of {size}");
        }
    }
}
