//! Measurements of a running Symbolon, from outside.
//!
//! The server is a release build in a process of its own; what it costs is read from `/proc`. The
//! load comes from this process on the same machine, so rates are lower than on two machines; the
//! CPU figures of the server are not touched by that.

mod bare;
mod load;
mod management;
mod policy;
mod proc;
mod server;
mod start;
mod webhook;

use std::{path::PathBuf, time::Duration};

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Measures a release build of `symbolon`.
#[derive(Parser)]
struct Cli {
    /// The `symbolon` program
    #[arg(long, default_value = "target/release/symbolon")]
    program: PathBuf,
    #[command(subcommand)]
    measure: Measure,
}

#[derive(Subcommand)]
enum Measure {
    /// Exchanges per second, latency, server CPU and memory, and what bare cryptography costs
    Exchange {
        /// Seconds of each measurement
        #[arg(long, default_value_t = 8)]
        seconds: u64,
        /// Client connections at the same time
        #[arg(long, default_value_t = 32)]
        connections: usize,
    },
    /// Reviews per second of the admission webhook, latency, CPU, memory and its start, with a real
    /// API server
    Webhook(webhook::WebhookMeasure),
    /// What the admission policy adds to the creation of a pod, at a real API server
    Policy(policy::PolicyArgs),
    /// Writes per second of the management plane, and how long it lists many identities
    Management(management::ManagementMeasure),
    /// Start to ready, and idle memory
    Start {
        /// How often to start
        #[arg(long, default_value_t = 7)]
        runs: usize,
    },
}

#[tokio::main]
async fn main() -> Result<()> {
    let cli = Cli::parse();
    match cli.measure {
        Measure::Exchange { seconds, connections } => {
            exchange(&cli.program, Duration::from_secs(seconds), connections).await
        }
        Measure::Webhook(args) => webhook::measure(&cli.program, &args).await,
        Measure::Management(args) => management::measure(&cli.program, &args).await,
        Measure::Policy(args) => policy::measure(&args).await,
        Measure::Start { runs } => start::measure(&cli.program, runs).await,
    }
}

async fn exchange(program: &std::path::Path, duration: Duration, connections: usize) -> Result<()> {
    let server = server::Server::start(program).await?;
    let target = server.prepare().await?;
    println!("one exchange: RS256 assertion, RS256 access token, TLS, audit record on disk; {connections} connections");
    println!(
        "{:<24}{:>12}{:>10}{:>10}{:>10}{:>16}{:>10}",
        "", "exchanges/s", "p50 ms", "p99 ms", "p99.9 ms", "CPU s per 1000", "RSS MB"
    );
    let mut best = f64::INFINITY;
    for mode in [load::Mode::KeptAlive, load::Mode::NewConnection] {
        // Warm up: caches, the connections' TLS, the CPU's clock.
        load::run(&target, mode, connections, Duration::from_secs(1)).await?;
        let before = server.cpu_seconds()?;
        let result = load::run(&target, mode, connections, duration).await?;
        let cpu = (server.cpu_seconds()? - before) / result.count() * 1000.0;
        println!(
            "{:<24}{:>12.0}{:>10.2}{:>10.2}{:>10.2}{:>16.3}{:>10.1}",
            mode.name(),
            result.rate(),
            result.percentile(0.5),
            result.percentile(0.99),
            result.percentile(0.999),
            cpu,
            server.resident_megabytes()?
        );
        best = best.min(cpu);
    }
    let bare = bare::measure(&target.assertion)?;
    println!("bare cryptography: RS256 verify {:.1} µs, RS256 sign {:.1} µs", bare.verify_micros, bare.sign_micros);
    let bare_cpu = (bare.verify_micros + bare.sign_micros) / 1000.0;
    println!(
        "bare cryptography per 1000: {bare_cpu:.3} s; share of the server's CPU, kept alive: {:.2}",
        bare_cpu / best
    );
    server.stop().await
}
