//! `cargo xtask bench`: measurements of release builds, never part of the tests.

use anyhow::Result;
use clap::Args;

use crate::{
    cargo::{cargo, target_directory},
    step,
};

/// Arguments of `cargo xtask bench`.
#[derive(Args)]
pub(crate) struct BenchArgs {
    /// What to measure and how: `exchange`, `start`, `webhook`; `--help` tells more
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    arguments: Vec<String>,
}

/// Builds server and load in release mode and measures.
pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    step::show(&mut cargo(&["build", "--release", "--package", "symbolon", "--package", "symbolon-bench"]))?;
    let release = target_directory()?.join("release");
    let mut bench = std::process::Command::new(release.join("symbolon-bench"));
    step::show(bench.arg("--program").arg(release.join("symbolon")).args(&args.arguments))
}
