//! The commands, one file each.

use std::process::ExitCode;

use anyhow::{Context as _, Result};

#[cfg(feature = "authority")]
use crate::{args::AuthorityCommand, data_dir};
use crate::{
    args::{Cli, Command},
    context::Context,
};

pub(crate) mod completions;
pub(crate) mod controller;
pub(crate) mod webhook;

#[cfg(feature = "authority")]
pub(crate) mod ad;
#[cfg(feature = "authority")]
pub(crate) mod apply;
#[cfg(feature = "authority")]
pub(crate) mod audit;
#[cfg(feature = "authority")]
pub(crate) mod az;
#[cfg(feature = "authority")]
pub(crate) mod demo;
#[cfg(feature = "authority")]
pub(crate) mod demo_client;
#[cfg(feature = "authority")]
pub(crate) mod env;
#[cfg(feature = "authority")]
pub(crate) mod export;
#[cfg(feature = "authority")]
pub(crate) mod federated_credential;
#[cfg(feature = "authority")]
pub(crate) mod group;
#[cfg(feature = "authority")]
pub(crate) mod identity;
#[cfg(feature = "authority")]
pub(crate) mod role;
#[cfg(feature = "authority")]
pub(crate) mod run;
#[cfg(feature = "authority")]
pub(crate) mod service_account;
#[cfg(feature = "authority")]
pub(crate) mod subscription;
#[cfg(feature = "authority")]
pub(crate) mod tenant;
#[cfg(feature = "authority")]
pub(crate) mod token;
#[cfg(feature = "authority")]
pub(crate) mod trusted_issuer;
#[cfg(feature = "authority")]
pub(crate) mod up;

/// Runs what the command line asks for.
pub(crate) fn run(cli: Cli) -> Result<ExitCode> {
    let context = Context {
        #[cfg(feature = "authority")]
        data_dir: cli.global.data_dir.unwrap_or_else(data_dir::default_path),
        #[cfg(feature = "authority")]
        administrator: cli.global.administrator.or_else(data_dir::administrator_from_environment),
        output: cli.global.output,
    };
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
        #[cfg(feature = "authority")]
        Command::Authority(command) => return dispatch_authority(command, context).await,
        Command::Webhook(args) => webhook::run(*args, context).await?,
        Command::Controller(args) => controller::run(args).await?,
        Command::Completions(args) => completions::run(&args),
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(feature = "authority")]
async fn dispatch_authority(command: AuthorityCommand, context: &Context) -> Result<ExitCode> {
    match command {
        AuthorityCommand::Up(args) => up::run(args, context).await?,
        AuthorityCommand::Env(args) => env::run(args, context).await?,
        AuthorityCommand::Az(args) => return az::run(&args, context),
        AuthorityCommand::Run(args) => return run::run(args, context).await,
        AuthorityCommand::Identity(args) => identity::run(args, context).await?,
        AuthorityCommand::FederatedCredential(args) => federated_credential::run(args, context).await?,
        AuthorityCommand::TrustedIssuer(args) => trusted_issuer::run(args, context).await?,
        AuthorityCommand::ServiceAccount(args) => service_account::run(args, context).await?,
        AuthorityCommand::Ad(args) => ad::run(args, context).await?,
        AuthorityCommand::Role(args) => role::run(args, context).await?,
        AuthorityCommand::Token(args) => token::run(args, context).await?,
        AuthorityCommand::Apply(args) => apply::run(args, context).await?,
        AuthorityCommand::Export(args) => export::run(args, context).await?,
        AuthorityCommand::Tenant(args) => tenant::run(args, context).await?,
        AuthorityCommand::Subscription(args) => subscription::run(args, context).await?,
        AuthorityCommand::Group(args) => group::run(args, context).await?,
        AuthorityCommand::Audit(args) => audit::run(args, context).await?,
        AuthorityCommand::Demo(args) => return demo::run(args, context).await,
        AuthorityCommand::DemoClient(args) => demo_client::run(args).await?,
    }
    Ok(ExitCode::SUCCESS)
}
