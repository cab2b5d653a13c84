//! A short run of each fuzz target.
//!
//! Stable Rust suffices: the coverage counters that guide libFuzzer are a pass of LLVM. Only the
//! address sanitizer needs nightly, and there is no unsafe code of ours for it to watch.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    cargo::{cargo, host, root},
    step,
};

/// Seconds that each target runs.
const SECONDS: u32 = 10;
/// Any of these compiles libFuzzer.
const COMPILERS: [&str; 3] = ["c++", "g++", "clang++"];
/// What guides libFuzzer, as `cargo fuzz` sets it, and checks that a release build leaves out.
const FLAGS: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Ccodegen-units=1 -Cdebug-assertions -Coverflow-checks --cfg fuzzing";

/// Builds and runs every target of `fuzz/`, or says why not.
///
/// # Errors
/// When a target cannot be built or finds something.
pub(crate) fn smoke(target: &Path) -> Result<()> {
    if !COMPILERS.iter().any(|compiler| step::on_path(compiler)) {
        eprintln!("skipped: the fuzz targets, no C++ compiler is here");
        return Ok(());
    }
    let target = target.join("fuzz");
    let host = host()?;
    // With a target named, the flags reach neither build scripts nor macros, which could not link.
    step::show(
        cargo(&["build", "--release", "--bins", "--manifest-path", "fuzz/Cargo.toml", "--target", &host])
            .env("CARGO_TARGET_DIR", &target)
            .env("RUSTFLAGS", FLAGS),
    )?;
    for name in targets()? {
        run(&name, &target, &host)?;
    }
    Ok(())
}

fn targets() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root().join("fuzz/fuzz_targets"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    ensure!(!names.is_empty(), "no fuzz target was found");
    Ok(names)
}

fn run(name: &str, target: &Path, host: &str) -> Result<()> {
    let corpus = target.join("corpus").join(name);
    let findings = target.join("findings").join(name);
    fs::create_dir_all(&corpus)?;
    fs::create_dir_all(&findings)?;
    let mut command = Command::new(target.join(host).join("release").join(name));
    command.arg(format!("-max_total_time={SECONDS}")).arg(format!("-artifact_prefix={}/", findings.display()));
    command.arg(&corpus);
    let seeds = root().join("fuzz/seeds").join(name);
    if seeds.is_dir() {
        command.arg(seeds);
    }
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("fuzz target `{name}` cannot run"))?;
    // libFuzzer reports on standard error.
    let report = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "fuzz target `{name}` found something, see `{}`:\n{report}", findings.display());
    let done = report.lines().rev().find(|line| line.starts_with("Done")).unwrap_or("done");
    eprintln!("fuzz target {name}: {done}");
    Ok(())
}
