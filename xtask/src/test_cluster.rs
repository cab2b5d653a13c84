//! The programs of `tests/cluster`, made ready to run.
//!
//! They are built in a copy below the target directory, so that the source tree stays as it is. A
//! stamp of the files and of Go's version makes a second run quick.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use crate::{cargo::root, stamp, step};

/// The package in which Kubernetes keeps its version.
const VERSION: &str = "k8s.io/component-base/version";

/// Tells tests where the program is.
pub(crate) const VARIABLE: &str = "SYMBOLON_TEST_CLUSTER_BINARY";

/// What became of the programs.
pub(crate) enum State {
    Built(PathBuf, Duration),
    Unchanged(PathBuf),
    Missing(&'static str),
    Failed(anyhow::Error),
}

/// Builds the programs where they changed since the last time.
pub(crate) fn prepare(target: &Path) -> State {
    if !cfg!(target_os = "linux") {
        return State::Missing("Linux");
    }
    if !step::on_path("go") {
        return State::Missing("go");
    }
    let started = Instant::now();
    let directory = target.join("cluster");
    let program = directory.join("cluster");
    match build(&directory) {
        Ok(true) => State::Built(program, started.elapsed()),
        Ok(false) => State::Unchanged(program),
        Err(error) => State::Failed(error),
    }
}

impl State {
    /// The program, or none; a line tells what became of it, and what its tests will skip.
    ///
    /// # Errors
    /// In CI, when Go is there and the build failed.
    pub(crate) fn report(self) -> Result<Option<PathBuf>> {
        let (text, program) = match self {
            Self::Built(program, took) => (format!("built in {:.1} s", took.as_secs_f64()), Some(program)),
            Self::Unchanged(program) => ("built, unchanged since the last run".to_owned(), Some(program)),
            Self::Missing(what) => (format!("skipped, missing here: {what}"), None),
            Self::Failed(error) if step::in_ci() => return Err(error.context("the test cluster cannot be built")),
            Self::Failed(error) => (format!("skipped, it cannot be built: {error:#}").replace('\n', "\n    "), None),
        };
        eprintln!("test cluster:\n  control plane  {text}");
        if let Some(program) = &program {
            let lacking = lacking_for_node(program)?;
            let text = if lacking.is_empty() { "can run".to_owned() } else { format!("skipped, {lacking}") };
            eprintln!("  node           {text}");
        }
        eprintln!();
        Ok(program)
    }
}

/// What the node tier lacks here, in words; empty when it can run.
///
/// # Errors
/// When the program does not say.
pub(crate) fn lacking_for_node(program: &Path) -> Result<String> {
    let output = Command::new(program).arg("check-node").output()?;
    let lines = String::from_utf8_lossy(&output.stdout);
    Ok(lines.lines().collect::<Vec<_>>().join(", "))
}

/// Builds, and says whether anything had to be.
fn build(directory: &Path) -> Result<bool> {
    let source = root().join("tests/cluster");
    let settings = settings(&source)?;
    let stamp = stamp::of(&[&step::quiet(Command::new("go").arg("version"))?, &settings], &source)?;
    let stamp_file = directory.join(".stamp");
    let programs = [("cluster", "."), ("inpod", "./inpod")];
    if programs.iter().all(|(name, _)| directory.join(name).exists())
        && fs::read_to_string(&stamp_file).is_ok_and(|old| old == stamp)
    {
        return Ok(false);
    }
    let copy = directory.join("source");
    if copy.exists() {
        fs::remove_dir_all(&copy)?;
    }
    stamp::copy(&source, &copy)?;
    for (name, package) in programs {
        // Beside it first: one that is still running cannot be written over.
        let new = directory.join(format!("{name}.new"));
        step::quiet(
            Command::new("go")
                // No version stamp: a repository without a commit would fail it.
                .args(["build", "-trimpath", "-buildvcs=false", "-ldflags", &settings, "-o"])
                .arg(&new)
                .arg(package)
                .env("CGO_ENABLED", "0")
                .current_dir(&copy),
        )?;
        fs::rename(&new, directory.join(name))?;
    }
    fs::write(&stamp_file, stamp)?;
    Ok(true)
}

/// The linker's settings: no tables for debuggers, and the version that Kubernetes says it is.
fn settings(source: &Path) -> Result<String> {
    let module = fs::read_to_string(source.join("go.mod"))?;
    let version = module
        .lines()
        .find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes "))
        .context("`tests/cluster/go.mod` does not require k8s.io/kubernetes")?;
    let mut numbers = version.trim_start_matches('v').split('.');
    let (major, minor) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    Ok(format!("-s -w -X {VERSION}.gitVersion={version} -X {VERSION}.gitMajor={major} -X {VERSION}.gitMinor={minor}"))
}
