//! The command line.

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::{bench, ci, cluster, generate, helm, image, test};

/// The project's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Prepare the real clients, run each fuzz target for 10 s, run all tests
    Test(test::TestArgs),
    /// Prepare the real clients only, for `cargo test -p symbolon --test clients`
    Clients,
    /// A real Kubernetes cluster for tests and for trying things: `up`, `down`, `test`
    #[command(subcommand, after_help = cluster::EXAMPLES)]
    Cluster(cluster::ClusterCommand),
    /// Build the documentation, without warnings
    Docs,
    /// Measure a release build: `bench exchange`, `start`, `webhook`, `policy`
    Bench(bench::BenchArgs),
    /// Build the container image as an OCI archive, without docker
    Image(image::ImageArgs),
    /// Write the files that are made from others: manifests, the chart's golden files
    Generate,
    /// Build Helm and print where it is
    Helm,
    /// Check format and lints, build the documentation, test: all that CI does
    Ci,
}

impl Cli {
    pub(crate) fn run(self) -> Result<()> {
        match self.command {
            Command::Test(args) => test::run(&args),
            Command::Clients => test::clients(),
            Command::Cluster(command) => cluster::run(&command),
            Command::Docs => ci::docs(),
            Command::Bench(args) => bench::run(&args),
            Command::Image(args) => image::run(&args),
            Command::Generate => generate::run(),
            Command::Helm => {
                println!("{}", helm::required()?.display());
                Ok(())
            }
            Command::Ci => ci::run(),
        }
    }
}
