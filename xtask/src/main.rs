//! The project's own commands: the same on a laptop and in CI.

mod bench;
mod cargo;
mod ci;
mod cli;
mod clients;
mod cluster;
mod fuzz;
mod stamp;
mod step;
mod test;
mod test_cluster;

use clap::Parser as _;

fn main() -> anyhow::Result<()> {
    cli::Cli::parse().run()
}
