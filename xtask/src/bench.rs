//! `cargo xtask bench`: measurements of release builds, never part of the tests.

use anyhow::Result;
use clap::Args;

use crate::{
    cargo::{cargo, target_directory},
    cluster, image, step,
};

/// Arguments of `cargo xtask bench`.
#[derive(Args)]
pub(crate) struct BenchArgs {
    /// What to measure and how: `exchange`, `start`, `management`, `webhook`, `policy`; `--help` tells more
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    arguments: Vec<String>,
}

/// Builds server and load in release mode and measures. The webhook is measured as it runs in a
/// cluster, as the program of the image, and before the test cluster's API server.
pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    let target = target_directory()?;
    let release = target.join("release");
    let is_of_the_webhook = args.arguments.first().is_some_and(|what| what == "webhook");
    let packages: &[&str] = if is_of_the_webhook { &["symbolon-bench"] } else { &["symbolon", "symbolon-bench"] };
    let packages = packages.iter().flat_map(|package| ["--package", package]);
    step::show(cargo(&["build", "--release"]).args(packages))?;
    let mut bench = std::process::Command::new(release.join("symbolon-bench"));
    if is_of_the_webhook {
        bench.env("SYMBOLON_TEST_CLUSTER_BINARY", cluster::program(&target)?);
        bench.arg("--program").arg(image::program()?);
    } else {
        bench.arg("--program").arg(release.join("symbolon"));
    }
    step::show(bench.args(&args.arguments))
}
