//! Helm, a tool of the tests, from the Go module in `tests/helm`.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::{
    cargo::target_directory,
    recipe::{Recipe, State},
    step,
};

/// Tells tests where the program is.
pub(crate) const VARIABLE: &str = "SYMBOLON_TEST_HELM";

const HELM: Recipe = Recipe {
    name: "helm",
    source: "tests/helm",
    tools: &[("go", "version")],
    product: "helm",
    // The toolchain that go.mod asks for may be newer than the one that is installed.
    steps: &[&[
        "env",
        "CGO_ENABLED=0",
        "GOTOOLCHAIN=auto",
        "go",
        "build",
        "-buildvcs=false",
        "-trimpath",
        "-ldflags=-s -w",
        "-o",
        "helm",
        "helm.sh/helm/v4/cmd/helm",
    ]],
};

/// Builds Helm where that is possible and says what became of it; the path where it is there.
///
/// # Errors
/// In CI, when Go is there and Helm could not be built.
pub(crate) fn prepare(target: &Path) -> Result<Option<PathBuf>> {
    let state = HELM.prepare(target);
    eprintln!("helm: {state}");
    match state {
        State::Built(_) | State::Unchanged => Ok(Some(target.join(HELM.name).join(HELM.product))),
        State::Failed(_) if step::in_ci() => bail!("Go is here, but Helm could not be built"),
        State::Missing(_) | State::Failed(_) => Ok(None),
    }
}

/// Helm's path, for what cannot be done without it.
///
/// # Errors
/// When it is not there and cannot be built.
pub(crate) fn required() -> Result<PathBuf> {
    match prepare(&target_directory()?)? {
        Some(helm) => Ok(helm),
        None => bail!("Helm is needed here, and Go builds it"),
    }
}
