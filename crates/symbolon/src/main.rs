//! Workload identity without Azure: authority, issuer and command line in one binary.

#![expect(clippy::doc_markdown, reason = "doc comments of arguments are help texts, printed as they are")]

/// Prints on standard output; where nobody reads it any more, the program ends as others do.
macro_rules! out {
    ($($argument:tt)*) => { crate::output::write(&format!($($argument)*)) };
}

/// As `out!`, with a line break at the end.
macro_rules! outln {
    ($($argument:tt)*) => { crate::output::write(&format!("{}\n", format_args!($($argument)*))) };
}

#[cfg(feature = "authority")]
mod administrator;
mod args;
#[cfg(feature = "authority")]
mod bootstrap;
mod command;
mod context;
#[cfg(feature = "authority")]
mod data_dir;
#[cfg(feature = "authority")]
mod endpoints;
mod log_format;
#[cfg_attr(not(feature = "authority"), expect(dead_code, reason = "the webhook prints less"))]
mod output;
#[cfg(feature = "authority")]
mod parts;
mod system;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match command::run(args::Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            output::print_error(&error);
            ExitCode::FAILURE
        }
    }
}
