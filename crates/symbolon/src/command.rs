//! The commands, one file each.

use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::{
    args::{Cli, Command},
    context::Context,
    data_dir,
};

pub(crate) mod ad;
pub(crate) mod audit;
pub(crate) mod completions;
pub(crate) mod controller;
pub(crate) mod demo;
pub(crate) mod demo_client;
pub(crate) mod env;
pub(crate) mod federated_credential;
pub(crate) mod identity;
pub(crate) mod run;
pub(crate) mod service_account;
pub(crate) mod token;
pub(crate) mod trusted_issuer;
pub(crate) mod up;
pub(crate) mod webhook;

/// Runs what the command line asks for.
pub(crate) fn run(cli: Cli) -> Result<ExitCode> {
    let context =
        Context { data_dir: cli.global.data_dir.unwrap_or_else(data_dir::default_path), output: cli.global.output };
    // The servers share two threads: signatures are short, and idle memory counts.
    let workers = std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 16));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .context("the runtime cannot be started")?;
    let outcome = runtime.block_on(dispatch(cli.command, &context));
    // A reader of standard input or a name look-up may still sit in a blocking thread.
    runtime.shutdown_background();
    outcome
}

async fn dispatch(command: Command, context: &Context) -> Result<ExitCode> {
    match command {
        Command::Up(args) => up::run(args, context).await?,
        Command::Webhook(args) => webhook::run(*args, context).await?,
        Command::Controller(args) => controller::run(args).await?,
        Command::Env(args) => env::run(args, context).await?,
        Command::Run(args) => return run::run(args, context).await,
        Command::Identity(args) => identity::run(args, context).await?,
        Command::FederatedCredential(args) => federated_credential::run(args, context).await?,
        Command::TrustedIssuer(args) => trusted_issuer::run(args, context).await?,
        Command::ServiceAccount(args) => service_account::run(args, context).await?,
        Command::Ad(args) => ad::run(args, context).await?,
        Command::Token(args) => token::run(args, context).await?,
        Command::Audit(args) => audit::run(args, context).await?,
        Command::Demo(args) => return demo::run(args, context).await,
        Command::DemoClient(args) => demo_client::run(args).await?,
        Command::Completions(args) => completions::run(&args),
    }
    Ok(ExitCode::SUCCESS)
}
