use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::Limits;

/// How long a connection that was asked to leave may take, once nothing is in flight on it.
const FAREWELL: Duration = Duration::from_secs(5);
/// A connection this young may still be about to send its request, so it is not shed.
const SETTLED: Duration = Duration::from_secs(1);

/// What a connection is busy with, from which its next deadline follows.
///
/// hyper has one timer for headers that also runs while a kept-alive connection is idle, and none
/// for a client that stops reading; so the three are told apart here.
#[derive(Debug)]
pub(crate) struct Activity {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    in_flight: usize,
    /// When the connection was last without a request.
    idle_since: Instant,
    /// When the first byte of a request came whose headers are not complete. Only for HTTP/1.1:
    /// on HTTP/2 bytes come for other reasons, so there only the idle time counts.
    head_since: Option<Instant>,
    /// Since when the client takes no more bytes.
    stalled_since: Option<Instant>,
    /// When the connection was asked to leave.
    leaving_since: Option<Instant>,
}

/// What a deadline ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expiry {
    /// No request for too long: the connection is asked to leave.
    Idle,
    /// The client is too slow, or did not leave when asked: the connection is cut.
    Cut(&'static str),
}

impl Activity {
    pub(crate) fn new() -> Arc<Self> {
        let state = State {
            in_flight: 0,
            idle_since: Instant::now(),
            head_since: None,
            stalled_since: None,
            leaving_since: None,
        };
        Arc::new(Self { state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request as in flight until the returned value is dropped.
    pub(crate) fn request(self: &Arc<Self>) -> InFlight {
        let mut state = self.state();
        state.in_flight += 1;
        state.head_since = None;
        InFlight(Arc::clone(self))
    }

    /// Whether the connection could be closed without disturbing anybody.
    pub(crate) fn is_settled_and_idle(&self) -> bool {
        let state = self.state();
        state.in_flight == 0 && state.idle_since.elapsed() >= SETTLED
    }

    pub(crate) fn leave(&self) {
        self.state().leaving_since.get_or_insert_with(Instant::now);
    }

    pub(crate) fn is_leaving(&self) -> bool {
        self.state().leaving_since.is_some()
    }

    /// The next deadline and what it ends. It may move later without notice, so whoever waits for
    /// it asks again when it has come.
    pub(crate) fn deadline(&self, limits: &Limits) -> (Instant, Expiry) {
        let state = self.state();
        let stalled = state
            .stalled_since
            .map(|since| (after(since, limits.idle_timeout), Expiry::Cut("the client takes no more bytes")));
        let waiting = if state.in_flight > 0 {
            // A request has a timer of its own; on HTTP/2 it may end without waking this task.
            (after(Instant::now(), limits.idle_timeout), Expiry::Idle)
        } else if let Some(leaving) = state.leaving_since {
            let since = leaving.max(state.idle_since);
            (after(since, FAREWELL), Expiry::Cut("the client did not leave"))
        } else if let Some(since) = state.head_since {
            let reason = "the headers came too slowly";
            (after(since, limits.header_read_timeout), Expiry::Cut(reason))
        } else {
            (after(state.idle_since, limits.idle_timeout), Expiry::Idle)
        };
        match stalled {
            Some(stalled) if stalled.0 < waiting.0 => stalled,
            _ => waiting,
        }
    }

    fn note_read(&self) {
        let mut state = self.state();
        if state.in_flight == 0 {
            state.head_since.get_or_insert_with(Instant::now);
        }
    }

    fn note_write<T>(&self, progress: &Poll<T>) {
        let mut state = self.state();
        match progress {
            Poll::Pending => {
                state.stalled_since.get_or_insert_with(Instant::now);
            }
            Poll::Ready(_) => state.stalled_since = None,
        }
    }
}

/// A moment later; limits such as [`Duration::MAX`] lie beyond what the clock can count and mean never.
fn after(moment: Instant, duration: Duration) -> Instant {
    const NEVER: Duration = Duration::from_hours(24 * 365);
    moment.checked_add(duration).unwrap_or(moment + NEVER)
}

/// A request in flight on a connection.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<Activity>);

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.in_flight -= 1;
        if state.in_flight == 0 {
            state.idle_since = Instant::now();
        }
    }
}

/// A stream that tells its [`Activity`] about reads and writes.
#[derive(Debug)]
pub(crate) struct Noted<S> {
    stream: S,
    activity: Arc<Activity>,
    reads: bool,
}

impl<S> Noted<S> {
    /// Notes writes, and with `reads` also reads, of decrypted bytes.
    pub(crate) fn new(stream: S, activity: Arc<Activity>, reads: bool) -> Self {
        Self { stream, activity, reads }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Noted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        if self.reads && buf.filled().len() > before {
            self.activity.note_read();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Noted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.activity.note_write(&progress);
        progress
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.activity.note_write(&progress);
        progress
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let progress = Pin::new(&mut self.stream).poll_flush(cx);
        self.activity.note_write(&progress);
        progress
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
