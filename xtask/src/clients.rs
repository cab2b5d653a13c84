//! The programs of `tests/clients`, made ready to run.
//!
//! Each is copied to a directory of its own below the target directory and built there, so that the
//! source tree stays as it is. A stamp of its files and tools makes a second run quick.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use crate::{cargo::root as workspace, stamp, step};

/// How a client is built.
struct Recipe {
    name: &'static str,
    /// The programs that it takes, each with the argument that prints its version.
    tools: &'static [(&'static str, &'static str)],
    /// What is there once it is built.
    product: &'static str,
    /// Commands, run in its directory.
    steps: &'static [&'static [&'static str]],
}

const VIRTUAL_ENVIRONMENT: &[&str] = &["python3", "-m", "venv", "venv"];
const REQUIREMENTS: &[&str] =
    &["venv/bin/python", "-m", "pip", "install", "--quiet", "--no-input", "--requirement", "requirements.txt"];

const RECIPES: [Recipe; 5] = [
    // The longest first.
    Recipe {
        name: "az",
        tools: &[("python3", "--version")],
        product: "venv/bin/az",
        steps: &[VIRTUAL_ENVIRONMENT, REQUIREMENTS],
    },
    Recipe {
        name: "java",
        tools: &[("java", "--version"), ("keytool", "-help"), ("mvn", "--version")],
        product: "target/client.jar",
        steps: &[&["mvn", "--quiet", "--batch-mode", "package"]],
    },
    Recipe {
        name: "go",
        tools: &[("go", "version")],
        product: "client",
        // No version stamp: a repository without a commit would fail it.
        steps: &[&["go", "build", "-buildvcs=false", "-o", "client", "."]],
    },
    Recipe {
        name: "node",
        tools: &[("node", "--version"), ("npm", "--version")],
        product: "node_modules/@azure/identity",
        steps: &[&["npm", "ci", "--no-audit", "--no-fund"]],
    },
    Recipe {
        name: "python",
        tools: &[("python3", "--version")],
        product: "venv/bin/python",
        steps: &[VIRTUAL_ENVIRONMENT, REQUIREMENTS],
    },
];

/// What became of a client.
enum State {
    Built(Duration),
    Unchanged,
    Missing(Vec<&'static str>),
    Failed(anyhow::Error),
}

/// Prepares every client whose toolchain is there, all at the same time, and prints what became of
/// each.
///
/// # Errors
/// In CI, when a client whose toolchain is there could not be prepared.
pub(crate) fn prepare_all(root: &Path) -> Result<()> {
    let states: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = RECIPES.iter().map(|recipe| scope.spawn(|| prepare(recipe, root))).collect();
        running.into_iter().map(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    report(&states);
    let failed: Vec<_> = RECIPES.iter().zip(&states).filter(|(_, state)| matches!(state, State::Failed(_))).collect();
    if !failed.is_empty() && step::in_ci() {
        let names: Vec<_> = failed.iter().map(|(recipe, _)| recipe.name).collect();
        bail!("clients whose toolchain is there could not be prepared: {}", names.join(", "));
    }
    Ok(())
}

/// Puts the client on the Rust SDK, which cargo has built with everything else, beside the others.
///
/// # Errors
/// When it was not built.
pub(crate) fn install_rust(target: &Path, root: &Path) -> Result<()> {
    let directory = root.join("rust");
    fs::create_dir_all(&directory)?;
    let built = target.join("debug/symbolon-client-rust");
    // Beside it first: one that is still running cannot be written over.
    let new = directory.join("client.new");
    fs::copy(&built, &new).with_context(|| format!("`{}` cannot be copied", built.display()))?;
    fs::rename(&new, directory.join("client"))?;
    Ok(())
}

fn report(states: &[State]) {
    eprintln!("\nreal clients:");
    for (recipe, state) in RECIPES.iter().zip(states) {
        let text = match state {
            State::Built(took) => format!("prepared in {:.1} s", took.as_secs_f64()),
            State::Unchanged => "prepared, unchanged since the last run".to_owned(),
            State::Missing(tools) => format!("skipped, missing here: {}", tools.join(", ")),
            State::Failed(error) => format!("skipped, it could not be prepared: {error:#}").replace('\n', "\n    "),
        };
        eprintln!("  {:<8}{text}", recipe.name);
    }
    eprintln!("  {:<8}built by cargo with everything else\n", "rust");
}

fn prepare(recipe: &Recipe, root: &Path) -> State {
    let missing: Vec<_> = recipe.tools.iter().map(|(tool, _)| *tool).filter(|tool| !step::on_path(tool)).collect();
    if !missing.is_empty() {
        return State::Missing(missing);
    }
    let started = Instant::now();
    match build(recipe, root) {
        Ok(true) => State::Built(started.elapsed()),
        Ok(false) => State::Unchanged,
        Err(error) => State::Failed(error),
    }
}

/// Builds a client where it changed since the last time, and says whether it did.
fn build(recipe: &Recipe, root: &Path) -> Result<bool> {
    let source = workspace().join("tests/clients").join(recipe.name);
    let directory = root.join(recipe.name);
    let stamp = stamp_of(recipe, &source)?;
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

/// Changes whenever the client must be built anew: with its files, its steps and its tools.
fn stamp_of(recipe: &Recipe, source: &Path) -> Result<String> {
    let mut settings: Vec<_> = recipe.steps.iter().map(|step| step.join(" ")).collect();
    for (tool, argument) in recipe.tools {
        settings.push(step::quiet(Command::new(tool).arg(argument))?);
    }
    stamp::of(&settings.iter().map(String::as_str).collect::<Vec<_>>(), source)
}
