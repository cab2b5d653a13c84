//! Other programs as steps of a command.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};

/// Lines of a failed program's output that are worth reading.
const TAIL: usize = 20;

/// Runs a program that prints for itself.
///
/// # Errors
/// When it cannot be started or fails.
pub(crate) fn show(command: &mut Command) -> Result<()> {
    let name = name(command);
    eprintln!("$ {name}");
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("`{name}` cannot be started"))?;
    ensure!(status.success(), "`{name}` failed: {status}");
    Ok(())
}

/// Runs a program in silence and returns what it printed on standard output.
///
/// # Errors
/// When it cannot be started, or fails; then with the end of what it printed.
pub(crate) fn quiet(command: &mut Command) -> Result<String> {
    let name = name(command);
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("`{name}` cannot be started"))?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let all = format!("{printed}\n{}", String::from_utf8_lossy(&output.stderr));
        let lines: Vec<_> = all.lines().filter(|line| !line.trim().is_empty()).collect();
        bail!("`{name}` failed: {}\n{}", output.status, lines[lines.len().saturating_sub(TAIL)..].join("\n"));
    }
    Ok(printed)
}

/// Whether a program of this name is on the search path.
pub(crate) fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

/// Whether this is CI, where whatever could run must run.
pub(crate) fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

fn name(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let arguments = command.get_args().map(|argument| argument.to_string_lossy());
    std::iter::once(program.to_string_lossy()).chain(arguments).collect::<Vec<_>>().join(" ")
}
