//! A program that is not built by cargo: how, and whether it must be built again.
//!
//! It is copied to a directory of its own below the target directory and built there, so that the
//! source tree stays as it is. A stamp of its files and tools makes a second run quick.

use std::{
    fmt, fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use crate::{cargo::root as workspace, stamp, step};

/// How a program is built.
pub(crate) struct Recipe {
    pub(crate) name: &'static str,
    /// Its directory in the workspace.
    pub(crate) source: &'static str,
    /// The programs that it takes, each with the argument that prints its version.
    pub(crate) tools: &'static [(&'static str, &'static str)],
    /// What is there once it is built.
    pub(crate) product: &'static str,
    /// Commands, run in its directory.
    pub(crate) steps: &'static [&'static [&'static str]],
}

/// What became of a program.
pub(crate) enum State {
    Built(Duration),
    Unchanged,
    Missing(Vec<&'static str>),
    Failed(anyhow::Error),
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Built(took) => write!(f, "prepared in {:.1} s", took.as_secs_f64()),
            Self::Unchanged => f.write_str("prepared, unchanged since the last run"),
            Self::Missing(tools) => write!(f, "skipped, missing here: {}", tools.join(", ")),
            Self::Failed(error) => {
                f.write_str(&format!("skipped, it could not be prepared: {error:#}").replace('\n', "\n    "))
            }
        }
    }
}

impl Recipe {
    /// Builds it in a directory of its name below `root`, where that is needed and possible.
    pub(crate) fn prepare(&self, root: &Path) -> State {
        let missing: Vec<_> = self.tools.iter().map(|(tool, _)| *tool).filter(|tool| !step::on_path(tool)).collect();
        if !missing.is_empty() {
            return State::Missing(missing);
        }
        let started = Instant::now();
        match build(self, root) {
            Ok(true) => State::Built(started.elapsed()),
            Ok(false) => State::Unchanged,
            Err(error) => State::Failed(error),
        }
    }
}

/// Builds a program where it changed since the last time, and says whether it did.
fn build(recipe: &Recipe, root: &Path) -> Result<bool> {
    let source = workspace().join(recipe.source);
    let directory = root.join(recipe.name);
    let stamp = stamp(recipe, &source)?;
    let stamp_file = directory.join(".stamp");
    let product = directory.join(recipe.product);
    if product.exists() && fs::read_to_string(&stamp_file).is_ok_and(|old| old == stamp) {
        return Ok(false);
    }
    if directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    stamp::copy(&source, &directory)?;
    for step in recipe.steps {
        let Some((program, arguments)) = step.split_first() else { continue };
        // A relative program would be looked up from this process's own directory.
        let local = directory.join(program);
        let mut command = if local.exists() { Command::new(local) } else { Command::new(program) };
        step::quiet(command.args(arguments).current_dir(&directory))?;
    }
    if !product.exists() {
        bail!("it was built, but `{}` is not there", product.display());
    }
    fs::write(&stamp_file, stamp)?;
    Ok(true)
}

/// Changes whenever the program must be built anew: with its files, its steps and its tools.
fn stamp(recipe: &Recipe, source: &Path) -> Result<String> {
    let mut settings: Vec<_> = recipe.steps.iter().map(|step| step.join(" ")).collect();
    for (tool, argument) in recipe.tools {
        settings.push(step::quiet(Command::new(tool).arg(argument))?);
    }
    stamp::of(&settings.iter().map(String::as_str).collect::<Vec<_>>(), source)
}
