//! `symbolon group`

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::Value;

use crate::{
    context::Context,
    output::{self, OutputFormat, text},
};

const EXAMPLES: &str = "\
Examples:
  symbolon group create --name rg1 --location westeurope
  symbolon group list
  symbolon group delete --name rg1";

/// Arguments of `symbolon group`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct GroupArgs {
    #[command(subcommand)]
    command: GroupCommand,
}

#[derive(Args)]
struct Name {
    /// Its name
    #[arg(long, short)]
    name: String,
}

#[derive(Subcommand)]
enum GroupCommand {
    /// Create a resource group, or update the one of that name
    #[command(after_help = "Examples:\n  symbolon group create --name rg1 --location westeurope")]
    Create {
        #[command(flatten)]
        name: Name,
        /// Its region, which cannot be changed later
        #[arg(long, short)]
        location: String,
    },
    /// List the resource groups
    #[command(after_help = "Examples:\n  symbolon group list --output json")]
    List,
    /// Show one resource group
    #[command(after_help = "Examples:\n  symbolon group show --name rg1")]
    Show(Name),
    /// Delete a resource group with everything in it
    #[command(after_help = "Examples:\n  symbolon group delete --name rg1")]
    Delete(Name),
    /// Print `true` where there is such a resource group, `false` where there is none
    #[command(after_help = "Examples:\n  symbolon group exists --name rg1")]
    Exists(Name),
}

pub(crate) async fn run(args: GroupArgs, context: &Context) -> Result<()> {
    let client = context.client()?;
    match args.command {
        GroupCommand::Create { name, location } => show(&client.put_group(&name.name, &location).await?, context),
        GroupCommand::List => list(&client.groups().await?, context),
        GroupCommand::Show(Name { name }) => show(&client.group(&name).await?, context),
        GroupCommand::Delete(Name { name }) => {
            let deleted = client.delete_group(&name).await?;
            output::print_deleted("resource group", &name, deleted, context.output)
        }
        GroupCommand::Exists(Name { name }) => {
            let exists = match client.group(&name).await {
                Ok(_) => true,
                Err(error) if error.is_not_found() => false,
                Err(error) => return Err(error.into()),
            };
            output::print_json(&exists)
        }
    }
}

fn show(group: &Value, context: &Context) -> Result<()> {
    if context.output == OutputFormat::Json {
        return output::print_json(group);
    }
    output::print_fields(&[
        ("name", text(group, "name")),
        ("location", text(group, "location")),
        ("id", text(group, "id")),
    ]);
    Ok(())
}

fn list(groups: &[Value], context: &Context) -> Result<()> {
    if context.output == OutputFormat::Json {
        return output::print_json(&groups);
    }
    let rows: Vec<_> = groups.iter().map(|group| vec![text(group, "name"), text(group, "location")]).collect();
    output::print_table(
        &["name", "location"],
        &rows,
        "there are no resource groups: make one with `symbolon group create --name NAME --location REGION`",
    );
    Ok(())
}
