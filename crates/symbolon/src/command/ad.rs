//! `symbolon ad`

mod app;
mod credential;
mod federated_credential;
mod sp;

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::context::Context;

const EXAMPLES: &str = "\
Examples:
  symbolon ad app create --display-name billing
  symbolon ad app credential add --id APP_ID
  symbolon ad app federated-credential create --id APP_ID --name kubernetes \\
    --issuer https://issuer.example/ --subject system:serviceaccount:default:billing
  symbolon ad sp list

--id takes the application's client id or its object id.";

/// Arguments of `symbolon ad`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AdArgs {
    #[command(subcommand)]
    command: AdCommand,
}

#[derive(Subcommand)]
enum AdCommand {
    /// Manage applications
    #[command(subcommand, after_help = EXAMPLES)]
    App(app::AppCommand),
    /// Manage service principals
    #[command(subcommand, after_help = sp::EXAMPLES)]
    Sp(sp::SpCommand),
}

pub(crate) async fn run(args: AdArgs, context: &Context) -> Result<()> {
    match args.command {
        AdCommand::App(command) => app::run(command, context).await,
        AdCommand::Sp(command) => sp::run(command, context).await,
    }
}
