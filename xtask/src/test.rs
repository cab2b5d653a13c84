//! `cargo xtask test`

use anyhow::Result;
use clap::Args;

use crate::{
    cargo::{cargo, target_directory},
    clients, fuzz, helm, image, step,
    test_cluster::{self, lacking_for_node},
};

/// Arguments of `cargo xtask test`.
#[derive(Args, Default)]
pub(crate) struct TestArgs {
    /// Passed on to `cargo test`, for example `-- --test-threads 1`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Prepares the real clients and the test cluster while cargo builds, smoke-runs the fuzz targets, runs all tests.
///
/// `cargo test` comes last, so that its summary is the last thing to be read.
pub(crate) fn run(args: &TestArgs) -> Result<()> {
    let target = target_directory()?;
    let root = target.join("clients");
    let (helm, state) = std::thread::scope(|scope| {
        let preparing = scope.spawn(|| {
            clients::prepare_all(&root)?;
            helm::prepare(&target)
        });
        let cluster = scope.spawn(|| test_cluster::prepare(&target));
        let built = step::show(&mut cargo(&["build", "--workspace", "--bins", "--tests"]));
        let prepared = preparing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let cluster = cluster.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // A build that failed says more than a client that did.
        built.and(prepared).map(|helm| (helm, cluster))
    })?;
    let cluster = state.report()?;
    let images = match &cluster {
        Some(program) if lacking_for_node(program)?.is_empty() => Some(image::for_tests(&target, &root)?),
        _ => None,
    };
    clients::install_rust(&target, &root)?;
    fuzz::smoke(&target)?;
    let mut tests = cargo(&["test", "--workspace"]);
    tests.args(&args.arguments).env("SYMBOLON_TEST_CLIENTS", &root);
    if let Some(program) = cluster {
        tests.env(test_cluster::VARIABLE, program);
    }
    if let Some(images) = images {
        tests.env("SYMBOLON_TEST_IMAGES", images);
    }
    if let Some(program) = helm {
        tests.env(helm::VARIABLE, program);
    }
    step::show(&mut tests)
}

/// Prepares the real clients and nothing else.
pub(crate) fn clients() -> Result<()> {
    let target = target_directory()?;
    let root = target.join("clients");
    clients::prepare_all(&root)?;
    step::show(&mut cargo(&["build", "--package", "symbolon-client-rust"]))?;
    clients::install_rust(&target, &root)
}
