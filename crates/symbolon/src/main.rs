//! Workload identity without Azure: authority, issuer and command line in one binary.

#![expect(clippy::doc_markdown, reason = "doc comments of arguments are help texts, printed as they are")]

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
