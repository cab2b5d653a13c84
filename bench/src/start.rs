//! Start to ready, and what an idle server holds.

use std::{path::Path, time::Duration};

use anyhow::Result;

use crate::server::{Server, free_port_base};

/// Starts the server `runs` times on one data directory, after a first start that makes it.
pub(crate) async fn measure(program: &Path, runs: usize) -> Result<()> {
    let port_base = free_port_base()?;
    let first = Server::start_in(program, tempfile::tempdir()?, port_base).await?;
    println!("first start, which makes keys and directory: {} ms", first.started_in.as_millis());
    let mut directory = first.stop_and_keep().await?;
    let mut times = Vec::new();
    let mut memory: f64 = 0.0;
    for _ in 0..runs {
        let server = Server::start_in(program, directory, port_base).await?;
        times.push(server.started_in);
        tokio::time::sleep(Duration::from_millis(500)).await;
        memory = memory.max(server.resident_megabytes()?);
        directory = server.stop_and_keep().await?;
    }
    times.sort();
    let middle = times.get(times.len() / 2).copied().unwrap_or_default();
    let slowest = times.last().copied().unwrap_or_default();
    println!("start to ready: median {} ms, slowest {} ms of {runs}", middle.as_millis(), slowest.as_millis());
    println!("idle memory: {memory:.1} MB resident");
    Ok(())
}
