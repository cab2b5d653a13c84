//! `symbolon ad sp`

use anyhow::Result;
use clap::Subcommand;
use symbolon_client::ServicePrincipal;

use crate::{
    context::Context,
    output::{self, OutputFormat},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  symbolon ad sp create --id APP_ID
  symbolon ad sp list
  symbolon ad sp delete --id APP_ID

`symbolon ad app create` makes the service principal along with the application.";

#[derive(Subcommand)]
pub(super) enum SpCommand {
    /// Create the service principal of an application
    #[command(after_help = "Examples:\n  symbolon ad sp create --id APP_ID")]
    Create {
        /// The application's client id or object id
        #[arg(long)]
        id: String,
    },
    /// List the service principals, of applications and of managed identities
    #[command(after_help = "Examples:\n  symbolon ad sp list\n  symbolon ad sp list --output json")]
    List,
    /// Show one service principal
    #[command(after_help = "Examples:\n  symbolon ad sp show --id APP_ID")]
    Show {
        /// Its client id or object id
        #[arg(long)]
        id: String,
    },
    /// Delete the service principal of an application, with its role assignments
    #[command(after_help = "Examples:\n  symbolon ad sp delete --id APP_ID")]
    Delete {
        /// Its client id or object id
        #[arg(long)]
        id: String,
    },
}

pub(super) async fn run(command: SpCommand, context: &Context) -> Result<()> {
    let client = context.client()?;
    match command {
        SpCommand::Create { id } => show(&client.create_service_principal(&id).await?, context),
        SpCommand::List => list(&client.service_principals().await?, context),
        SpCommand::Show { id } => show(&client.service_principal(&id).await?, context),
        SpCommand::Delete { id } => {
            let deleted = client.delete_service_principal(&id).await?;
            output::print_deleted("service principal", &id, deleted, context.output)
        }
    }
}

fn show(found: &ServicePrincipal, context: &Context) -> Result<()> {
    if context.output == OutputFormat::Json {
        return output::print_json(found);
    }
    output::print_fields(&[
        ("display name", found.display_name.clone()),
        ("client id", found.app_id.clone()),
        ("object id", found.id.clone()),
        ("kind", found.service_principal_type.clone()),
        ("enabled", found.account_enabled.to_string()),
        ("names", found.service_principal_names.join(" ")),
    ]);
    Ok(())
}

fn list(found: &[ServicePrincipal], context: &Context) -> Result<()> {
    if context.output == OutputFormat::Json {
        return output::print_json(&found);
    }
    let row = |found: &ServicePrincipal| {
        let enabled = if found.account_enabled { "yes" } else { "no" };
        vec![
            found.display_name.clone(),
            found.service_principal_type.clone(),
            found.app_id.clone(),
            found.id.clone(),
            enabled.to_owned(),
        ]
    };
    let rows: Vec<_> = found.iter().map(row).collect();
    let header = ["display name", "kind", "client id", "object id", "enabled"];
    output::print_table(&header, &rows, "there are no service principals");
    Ok(())
}
