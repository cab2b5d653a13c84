//! `symbolon identity`

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;
use symbolon_client::Identity;

use crate::{
    context::Context,
    output::{self, OutputFormat},
};

const EXAMPLES: &str = "\
Examples:
  symbolon identity create sademo
  symbolon identity list
  symbolon identity show sademo --output json
  symbolon identity delete sademo";

/// Arguments of `symbolon identity`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct IdentityArgs {
    #[command(subcommand)]
    command: IdentityCommand,
}

#[derive(Subcommand)]
enum IdentityCommand {
    /// Create an identity, or update the one of that name
    #[command(
        after_help = "Examples:\n  symbolon identity create sademo\n  symbolon identity create sademo --location westeurope --output json"
    )]
    Create {
        /// Its name
        name: String,
        /// Its region [default: that of the resource group]
        #[arg(long)]
        location: Option<String>,
    },
    /// List the identities
    #[command(after_help = "Examples:\n  symbolon identity list\n  symbolon identity list --output json")]
    List,
    /// Show one identity
    #[command(after_help = "Examples:\n  symbolon identity show sademo")]
    Show {
        /// Its name
        name: String,
    },
    /// Delete an identity with its federated credentials
    #[command(after_help = "Examples:\n  symbolon identity delete sademo")]
    Delete {
        /// Its name
        name: String,
    },
}

pub(crate) async fn run(args: IdentityArgs, context: &Context) -> Result<()> {
    let client = context.client()?;
    match args.command {
        IdentityCommand::Create { name, location } => {
            let identity = client.create_identity(&name, location.as_deref()).await?;
            show(&identity, context)?;
            if context.output == OutputFormat::Table {
                outln!(
                    "\n{}",
                    output::dim(&format!(
                        "next: symbolon service-account create default/{name} --client-id {}",
                        identity.client_id
                    ))
                );
            }
            Ok(())
        }
        IdentityCommand::List => list(&client.identities().await?, context),
        IdentityCommand::Show { name } => show(&client.identity(&name).await?, context),
        IdentityCommand::Delete { name } => {
            let deleted = client.delete_identity(&name).await?;
            output::print_deleted("identity", &name, deleted, context.output)
        }
    }
}

fn object(identity: &Identity) -> serde_json::Value {
    json!({
        "name": identity.name,
        "id": identity.id,
        "clientId": identity.client_id,
        "principalId": identity.principal_id,
        "tenantId": identity.tenant_id,
        "location": identity.location,
        "tags": identity.tags,
    })
}

fn show(identity: &Identity, context: &Context) -> Result<()> {
    if context.output == OutputFormat::Json {
        return output::print_json(&object(identity));
    }
    output::print_fields(&[
        ("name", identity.name.clone()),
        ("client id", identity.client_id.clone()),
        ("principal id", identity.principal_id.clone()),
        ("tenant id", identity.tenant_id.clone()),
        ("id", identity.id.clone()),
    ]);
    Ok(())
}

fn list(identities: &[Identity], context: &Context) -> Result<()> {
    if context.output == OutputFormat::Json {
        return output::print_json(&identities.iter().map(object).collect::<Vec<_>>());
    }
    let row =
        |identity: &Identity| vec![identity.name.clone(), identity.client_id.clone(), identity.principal_id.clone()];
    let rows: Vec<_> = identities.iter().map(row).collect();
    output::print_table(
        &["name", "client id", "principal id"],
        &rows,
        "there are no identities yet: make one with `symbolon identity create NAME`",
    );
    Ok(())
}
