//! What a process costs, from `/proc`.

use anyhow::{Context as _, Result};

/// Clock ticks a second in `/proc`, fixed on Linux.
const TICKS: f64 = 100.0;

fn read(pid: u32, file: &str) -> Result<String> {
    Ok(std::fs::read_to_string(format!("/proc/{pid}/{file}"))?)
}

/// CPU seconds, user and system, of the whole process so far.
pub(crate) fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = read(pid, "stat")?;
    // The program's name may hold spaces; the fields are counted after its closing bracket.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|text| text.parse::<f64>().ok()).context("no CPU time");
    Ok((ticks(11)? + ticks(12)?) / TICKS)
}

/// Resident memory: its own, and pages of the program's file.
pub(crate) fn resident_megabytes(pid: u32) -> Result<f64> {
    status(pid, "VmRSS:")
}

/// Resident memory without pages of files, which the system shares and takes back.
pub(crate) fn anonymous_megabytes(pid: u32) -> Result<f64> {
    status(pid, "RssAnon:")
}

fn status(pid: u32, name: &str) -> Result<f64> {
    let status = read(pid, "status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name}"))?;
    let kilobytes: f64 = line.split_whitespace().next().with_context(|| format!("no {name}"))?.parse()?;
    Ok(kilobytes / 1024.0)
}
