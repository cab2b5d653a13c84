//! What CI checks besides the tests.

use anyhow::Result;

use crate::{cargo::cargo, step, test};

/// All that CI does.
pub(crate) fn run() -> Result<()> {
    step::show(&mut cargo(&["fmt", "--all", "--check"]))?;
    step::show(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    docs()?;
    test::run(&test::TestArgs::default())
}

/// The documentation of all crates; a broken link fails it.
pub(crate) fn docs() -> Result<()> {
    step::show(cargo(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
}
