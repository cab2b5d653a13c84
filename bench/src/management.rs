//! Writes of the management plane, and how long its lists take.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Result;
use clap::Args;
use symbolon_client::ManagementClient;
use symbolon_core::federated_credential::DEFAULT_AUDIENCE;

use crate::server::Server;

/// Arguments of the measurement.
#[derive(Args)]
pub(crate) struct ManagementMeasure {
    /// How many identities to make
    #[arg(long, default_value_t = 100_000)]
    identities: usize,
    /// Writes under way at the same time
    #[arg(long, default_value_t = 32)]
    writers: usize,
    /// Seconds of each other measurement
    #[arg(long, default_value_t = 8)]
    seconds: u64,
}

pub(crate) async fn measure(program: &Path, args: &ManagementMeasure) -> Result<()> {
    let server = Server::start(program).await?;
    let client = Arc::new(server.client()?);
    println!("{:<44}{:>12}{:>16}{:>10}", "", "per second", "CPU s per 1000", "RSS MB");
    let duration = Duration::from_secs(args.seconds);
    for writers in [1, args.writers] {
        let before = server.cpu_seconds()?;
        let (count, elapsed) = writes(&client, writers, Limit::Time(duration), &format!("w{writers}")).await?;
        report(&server, &format!("identities written, {writers} at a time"), count, elapsed, before)?;
    }
    let before = server.cpu_seconds()?;
    let (count, elapsed) = credentials(&client, args.writers, duration).await?;
    report(&server, &format!("credentials of one identity, {} at a time", args.writers), count, elapsed, before)?;
    let before = server.cpu_seconds()?;
    let (count, elapsed) = writes(&client, args.writers, Limit::Count(args.identities), "many").await?;
    report(&server, &format!("{} identities, {} at a time", args.identities, args.writers), count, elapsed, before)?;
    let (before, started) = (server.cpu_seconds()?, Instant::now());
    let found = client.identities().await?.len();
    report(&server, &format!("identities listed, {found} in pages of 100"), found, started.elapsed(), before)?;
    println!("the whole list took {:.2} s", started.elapsed().as_secs_f64());
    server.stop().await
}

/// When writing ends.
#[derive(Clone, Copy)]
enum Limit {
    Time(Duration),
    Count(usize),
}

impl Limit {
    fn reached(self, started: Instant, number: usize) -> bool {
        match self {
            Self::Time(duration) => started.elapsed() >= duration,
            Self::Count(count) => number >= count,
        }
    }
}

async fn writes(
    client: &Arc<ManagementClient>,
    writers: usize,
    limit: Limit,
    prefix: &str,
) -> Result<(usize, Duration)> {
    let (started, next) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    let tasks: Vec<_> = (0..writers)
        .map(|_| {
            let (client, next, prefix) = (Arc::clone(client), Arc::clone(&next), prefix.to_owned());
            tokio::spawn(async move {
                let mut done = 0;
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if limit.reached(started, number) {
                        return Ok::<_, anyhow::Error>(done);
                    }
                    client.create_identity(&format!("{prefix}-{number:07}"), Some("local")).await?;
                    done += 1;
                }
            })
        })
        .collect();
    let mut count = 0;
    for task in tasks {
        count += task.await??;
    }
    Ok((count, started.elapsed()))
}

async fn credentials(client: &Arc<ManagementClient>, writers: usize, duration: Duration) -> Result<(usize, Duration)> {
    client.create_identity("holder", Some("local")).await?;
    let started = Instant::now();
    let tasks: Vec<_> = (0..writers)
        .map(|writer| {
            let client = Arc::clone(client);
            tokio::spawn(async move {
                let mut done = 0;
                while started.elapsed() < duration {
                    let name = format!("fic-{writer}-{done}");
                    client
                        .put_federated_credential("holder", &name, "https://issuer.example", &name, DEFAULT_AUDIENCE)
                        .await?;
                    done += 1;
                }
                Ok::<_, anyhow::Error>(done)
            })
        })
        .collect();
    let mut count = 0;
    for task in tasks {
        count += task.await??;
    }
    Ok((count, started.elapsed()))
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below what a float holds exactly")]
fn report(server: &Server, what: &str, count: usize, elapsed: Duration, cpu_before: f64) -> Result<()> {
    let cpu = (server.cpu_seconds()? - cpu_before) / count as f64 * 1000.0;
    let rate = count as f64 / elapsed.as_secs_f64();
    println!("{what:<44}{rate:>12.0}{cpu:>16.3}{:>10.1}", server.resident_megabytes()?);
    Ok(())
}
