//! Tests that cannot run here.

use std::io::Write as _;

/// Says why a test does not run. The test harness keeps what `eprintln!` prints in a test that
/// passes; this goes past it.
pub(crate) fn skip(why: &str) {
    // In one piece, since other tests print at the same time. Nobody reading it fails no test.
    let line = format!("skipped: the test cluster, {why}\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// Whether this is CI, where whatever could run must run.
pub(crate) fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// Whether a program of this name is on the search path.
pub(crate) fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}
