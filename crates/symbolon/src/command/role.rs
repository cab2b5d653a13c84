//! `symbolon role`

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::context::Context;

mod assignment;
mod definition;

const EXAMPLES: &str = "\
Examples:
  symbolon role assignment create --assignee CLIENT_ID --role \"Key Vault Secrets User\" --resource-group default
  symbolon role assignment list --all
  symbolon role definition list --name Reader

A role holds at its scope and at everything below it.";

/// Arguments of `symbolon role`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RoleArgs {
    #[command(subcommand)]
    command: RoleCommand,
}

#[derive(Subcommand)]
enum RoleCommand {
    /// Manage who has which role
    #[command(subcommand, after_help = assignment::EXAMPLES)]
    Assignment(assignment::AssignmentCommand),
    /// Manage what roles allow
    #[command(subcommand, after_help = definition::EXAMPLES)]
    Definition(definition::DefinitionCommand),
}

pub(crate) async fn run(args: RoleArgs, context: &Context) -> Result<()> {
    let client = context.client()?;
    match args.command {
        RoleCommand::Assignment(command) => assignment::run(command, &client, context).await,
        RoleCommand::Definition(command) => definition::run(command, &client, context).await,
    }
}
