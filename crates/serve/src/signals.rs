use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Completes at the first SIGTERM or SIGINT (Ctrl-C) after this call.
///
/// The handlers are installed before this returns, so a signal between the call and the first
/// poll is not lost; from then on these signals no longer end the process by themselves. If they
/// cannot be installed, that is logged and the future never completes.
///
/// # Panics
///
/// Outside of a tokio runtime.
pub fn system_signals() -> impl Future<Output = ()> + Send + 'static {
    let installed = install();
    async move {
        match installed {
            Ok((mut terminate, mut interrupt)) => {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
            }
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "SIGTERM and SIGINT cannot be handled: the process will end without a drain"
                );
                std::future::pending::<()>().await;
            }
        }
    }
}

fn install() -> io::Result<(Signal, Signal)> {
    Ok((signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?))
}
