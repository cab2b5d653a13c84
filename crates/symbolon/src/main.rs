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

mod args;
mod bootstrap;
mod command;
mod context;
mod data_dir;
mod endpoints;
mod output;
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
