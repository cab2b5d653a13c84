//! The programs of `tests/clients`, made ready to run.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail};

use crate::{
    recipe::{Recipe, State},
    step,
};

const VIRTUAL_ENVIRONMENT: &[&str] = &["python3", "-m", "venv", "venv"];
const REQUIREMENTS: &[&str] =
    &["venv/bin/python", "-m", "pip", "install", "--quiet", "--no-input", "--requirement", "requirements.txt"];

const RECIPES: [Recipe; 5] = [
    // The longest first.
    Recipe {
        name: "az",
        source: "tests/clients/az",
        tools: &[("python3", "--version")],
        product: "venv/bin/az",
        steps: &[VIRTUAL_ENVIRONMENT, REQUIREMENTS],
    },
    Recipe {
        name: "java",
        source: "tests/clients/java",
        tools: &[("java", "--version"), ("keytool", "-help"), ("mvn", "--version")],
        product: "target/client.jar",
        steps: &[&["mvn", "--quiet", "--batch-mode", "package"]],
    },
    Recipe {
        name: "go",
        source: "tests/clients/go",
        tools: &[("go", "version")],
        product: "client",
        // Static, so that it runs in an empty image too. No version stamp: a repository without a
        // commit would fail it.
        steps: &[&["env", "CGO_ENABLED=0", "go", "build", "-buildvcs=false", "-o", "client", "."]],
    },
    Recipe {
        name: "node",
        source: "tests/clients/node",
        tools: &[("node", "--version"), ("npm", "--version")],
        product: "node_modules/@azure/identity",
        steps: &[&["npm", "ci", "--no-audit", "--no-fund"]],
    },
    Recipe {
        name: "python",
        source: "tests/clients/python",
        tools: &[("python3", "--version")],
        product: "venv/bin/python",
        steps: &[VIRTUAL_ENVIRONMENT, REQUIREMENTS],
    },
];

/// Prepares every client whose toolchain is there, all at the same time, and prints what became of
/// each.
///
/// # Errors
/// In CI, when a client whose toolchain is there could not be prepared.
pub(crate) fn prepare_all(root: &Path) -> Result<()> {
    let states: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = RECIPES.iter().map(|recipe| scope.spawn(|| recipe.prepare(root))).collect();
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
        eprintln!("  {:<8}{state}", recipe.name);
    }
    eprintln!("  {:<8}built by cargo with everything else\n", "rust");
}
