//! The admission webhook before a real API server: reviews a second, latency, CPU, memory, start.

mod cluster;
mod load;
mod process;
mod review;

use std::{
    hint::black_box,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use clap::Args;
use symbolon_webhook::admission::{Pod, Review, ServiceAccount, Settings};

use cluster::Cluster;
use process::Webhook;

/// What is measured.
#[derive(Args)]
pub(crate) struct WebhookMeasure {
    /// Service accounts in the cluster; may be repeated
    #[arg(long, default_values_t = [100, 10_000, 100_000])]
    accounts: Vec<usize>,
    /// Client connections at the same time; may be repeated
    #[arg(long, default_values_t = [1, 32])]
    connections: Vec<usize>,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// The program built from tests/cluster
    #[arg(long, env = "SYMBOLON_TEST_CLUSTER_BINARY")]
    cluster: PathBuf,
}

/// Measures with growing numbers of accounts, in one cluster.
pub(crate) async fn measure(program: &Path, args: &WebhookMeasure) -> Result<()> {
    let cluster = Cluster::start(&args.cluster).await?;
    println!("the rules alone, from the body to the answer's bytes: {:.1} µs of one core", rules_alone()?);
    println!("one review: HTTP/1.1 over kept-alive TLS, a labelled pod with two containers and one init container");
    println!(
        "{:>9}{:>13}{:>11}{:>9}{:>9}{:>10}{:>16}{:>9}{:>9}",
        "accounts", "connections", "reviews/s", "p50 ms", "p99 ms", "p99.9 ms", "CPU s per 1000", "RSS MB", "anon MB"
    );
    let mut counts = args.accounts.clone();
    counts.sort_unstable();
    let mut present = 0;
    for accounts in counts {
        cluster.create_accounts(present, accounts).await?;
        present = present.max(accounts);
        one(program, &cluster, accounts, args).await?;
    }
    cluster.stop().await
}

/// Microseconds that a review takes without TLS, HTTP and the look for its account.
fn rules_alone() -> Result<f64> {
    const TIMES: u32 = 20_000;
    let settings = Settings::new("72f988bf-86f1-41af-91ab-2d7cd011db47", "https://login.microsoftonline.com/");
    let id = "11111111-2222-3333-4444-555555555555";
    let account = ServiceAccount::new([], [("azure.workload.identity/client-id", id)]);
    let body = review::body("default", "sademo");
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let begun = Instant::now();
        for _ in 0..TIMES {
            let review = Review::parse(black_box(body.as_bytes()))?;
            let raw = review.pod().ok().flatten().context("the review has no pod")?;
            let mutation = Pod::parse(raw).and_then(|pod| pod.mutate(&account, &settings));
            black_box(review.allow(&mutation.ok().context("the pod is refused")?));
        }
        best = best.min(begun.elapsed() / TIMES);
    }
    Ok(best.as_secs_f64() * 1e6)
}

async fn one(program: &Path, cluster: &Cluster, accounts: usize, args: &WebhookMeasure) -> Result<()> {
    // The first start makes the certificates.
    let first = Webhook::start(program, cluster)?;
    first.until_ready().await?;
    first.stop().await?;
    let trust = cluster.published_ca().await?;
    let webhook = Webhook::start(program, cluster)?;
    let answered = webhook.first_answer(&trust).await?;
    webhook.until_accounts(accounts).await?;
    let complete = webhook.since_start();
    tokio::time::sleep(Duration::from_secs(1)).await;
    println!(
        "{accounts:>9} exec to first answer {} ms, list complete after {} ms, RSS before load {:.1} MB, of it anonymous {:.1}",
        answered.as_millis(),
        complete.as_millis(),
        webhook.resident_megabytes()?,
        webhook.anonymous_megabytes()?
    );
    for &connections in &args.connections {
        let target = load::Target::new(webhook.address, &trust, accounts)?;
        target.run(connections, Duration::from_secs(1)).await?;
        let before = webhook.cpu_seconds()?;
        let result = target.run(connections, Duration::from_secs(args.seconds)).await?;
        let cpu = (webhook.cpu_seconds()? - before) / result.count() * 1000.0;
        println!(
            "{accounts:>9}{connections:>13}{:>11.0}{:>9.2}{:>9.2}{:>10.2}{cpu:>16.4}{:>9.1}{:>9.1}",
            result.rate(),
            result.percentile(0.5),
            result.percentile(0.99),
            result.percentile(0.999),
            webhook.resident_megabytes()?,
            webhook.anonymous_megabytes()?
        );
    }
    webhook.stop().await
}
