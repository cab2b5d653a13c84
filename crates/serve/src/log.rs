//! The process log: to standard error, for people or as JSON.

use std::io::{self, IsTerminal};
use std::panic::{self, PanicHookInfo};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people: with colours on a terminal, unless `NO_COLOR` is set.
    #[default]
    Pretty,
    /// One JSON object per line.
    Json,
}

/// Why the log could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The filter is not a list of directives.
    #[error(
        "`{filter}` is not a log filter: write a level (`info`) or a list such as `info,symbolon_federation=debug`"
    )]
    Filter {
        /// The text as it was given.
        filter: String,
        /// What the parser says.
        source: tracing_subscriber::filter::ParseError,
    },
    /// Something in the process has set up a log before.
    #[error("the log is already set up")]
    AlreadySet(#[from] TryInitError),
}

/// Sets up the log of the whole process, and logs panics through it.
///
/// # Errors
///
/// [`LogError::Filter`] if `filter` cannot be parsed, [`LogError::AlreadySet`] the second time.
pub fn init(format: Format, filter: &str) -> Result<(), LogError> {
    let filter = EnvFilter::try_new(filter).map_err(|source| LogError::Filter { filter: filter.to_owned(), source })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        Format::Pretty => builder.with_ansi(colours()).finish().try_init()?,
        Format::Json => builder.json().flatten_event(true).with_ansi(false).finish().try_init()?,
    }
    panic::set_hook(Box::new(log_panic));
    Ok(())
}

fn colours() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// The only place where a panic is logged: the layer that turns it into a 500 stays silent.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map(ToString::to_string);
    let message = panic.payload_as_str().unwrap_or("a value that is no text");
    tracing::error!(location, panic = message, "a task panicked: this is a bug in the server");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_cannot_be_parsed_is_shown_with_the_form_it_should_have() {
        let error = init(Format::Json, "symbolon=loud").unwrap_err();
        insta::assert_snapshot!(error, @"`symbolon=loud` is not a log filter: write a level (`info`) or a list such as `info,symbolon_federation=debug`");
    }

    #[test]
    fn the_log_is_set_up_once() {
        init(Format::Pretty, "warn").unwrap();
        assert!(matches!(init(Format::Json, "info"), Err(LogError::AlreadySet(_))));
    }
}
