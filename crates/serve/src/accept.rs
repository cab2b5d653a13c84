use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::connection::{self, Shared};

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How often idle connections are asked to leave while there is no room.
const CROWD_INTERVAL: Duration = Duration::from_millis(250);

/// Accepts connections until the server stops.
///
/// A place is taken before a connection is accepted, so beyond the limit clients wait in the
/// kernel's queue instead of taking memory here.
pub(crate) async fn accept(
    listener: TcpListener,
    shared: &Arc<Shared>,
    connections: &TaskTracker,
    abort: &CancellationToken,
) {
    let places = Arc::new(Semaphore::new(shared.limits.max_connections));
    loop {
        let next = async {
            let place = place(&places, shared).await?;
            Some((place, next_connection(&listener, shared).await))
        };
        let Some(Some((place, (stream, peer)))) = shared.stop.run_until_cancelled(next).await else {
            return;
        };
        let (shared, abort) = (Arc::clone(shared), abort.clone());
        connections.spawn(async move {
            let _place = place;
            abort.run_until_cancelled(connection::serve(shared, stream, peer)).await
        });
    }
}

/// Waits for room; `None` only if the semaphore was closed, which nobody does.
async fn place(places: &Arc<Semaphore>, shared: &Shared) -> Option<OwnedSemaphorePermit> {
    if let Ok(place) = Arc::clone(places).try_acquire_owned() {
        return Some(place);
    }
    warn!(
        server = shared.name,
        limit = shared.limits.max_connections,
        "no room for another connection: idle ones are closed, new ones wait"
    );
    loop {
        shared.crowded.notify_waiters();
        if let Ok(place) = timeout(CROWD_INTERVAL, Arc::clone(places).acquire_owned()).await {
            return place.ok();
        }
    }
}

/// The next connection. Errors never end a server: those of one connection are passed over, and
/// while the system is out of file descriptors or memory there is a growing pause, since the
/// waiting connection would otherwise wake this task without end.
async fn next_connection(listener: &TcpListener, shared: &Shared) -> (TcpStream, SocketAddr) {
    let mut pause = FIRST_PAUSE;
    loop {
        let error = match listener.accept().await {
            Ok(connection) => return connection,
            Err(error) => error,
        };
        if concerns_one_connection(&error) {
            continue;
        }
        warn!(server = shared.name, %error, "no connection can be accepted for now");
        shared.crowded.notify_waiters();
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
