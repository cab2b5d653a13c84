//! Certificates that somebody else puts into files, such as cert-manager.

use std::sync::Arc;
use std::time::Duration;

use symbolon_serve::{ReadyHandle, Tls, TlsError};
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tracing::{info, warn};

use super::x509::not_after_of;
use crate::metrics::Metrics;

/// How often files that are not there yet are looked for.
const AGAIN: Duration = Duration::from_millis(500);
/// After how many attempts a line is written.
const PATIENCE: u32 = 20;
/// How often the end of the certificate is looked up.
const INTERVAL: Duration = Duration::from_secs(10);

/// Waits for the first certificate. From then on the server itself reads the files again and says
/// why it cannot; this says when the certificate ends.
pub(crate) async fn watch_files(tls: Tls, metrics: Arc<Metrics>, ready: ReadyHandle) {
    let mut attempts = 0_u32;
    loop {
        let again = tls.clone();
        let outcome = spawn_blocking(move || again.reload_files()).await;
        match outcome {
            Ok(Ok(_)) => break,
            Ok(Err(error)) if attempts.is_multiple_of(PATIENCE) => complain(&error),
            Ok(Err(_)) => {}
            Err(_) => return,
        }
        attempts += 1;
        sleep(AGAIN).await;
    }
    info!("serving the certificate of the files");
    ready.set(true);
    loop {
        // Of the one that is served: what is in the files may be a pair that TLS does not take.
        metrics.certificate_expires(tls.leaf().and_then(|leaf| not_after_of(&leaf)).unwrap_or_default());
        sleep(INTERVAL).await;
    }
}

fn complain(error: &TlsError) {
    let error = error as &dyn std::error::Error;
    warn!(error, "there is no usable certificate in the files yet: not ready");
}
