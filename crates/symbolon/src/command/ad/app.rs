//! `symbolon ad app`

use anyhow::{Result, bail};
use clap::Subcommand;
use serde_json::json;
use symbolon_client::{Application, ApplicationUpdate};

use super::{
    credential::{self, CredentialCommand},
    federated_credential,
};
use crate::{
    context::Context,
    output::{self, OutputFormat},
};

#[derive(Subcommand)]
pub(super) enum AppCommand {
    /// Create an application and its service principal
    #[command(
        after_help = "Examples:\n  symbolon ad app create --display-name billing\n  symbolon ad app create --display-name orders --identifier-uri api://orders --output json"
    )]
    Create {
        /// What people call it
        #[arg(long)]
        display_name: String,
        /// A name under which tokens for it are asked; may be repeated
        #[arg(long, value_name = "URI")]
        identifier_uri: Vec<String>,
    },
    /// List the applications
    #[command(after_help = "Examples:\n  symbolon ad app list")]
    List,
    /// Show one application
    #[command(after_help = "Examples:\n  symbolon ad app show --id APP_ID")]
    Show {
        /// Its client id or object id
        #[arg(long)]
        id: String,
    },
    /// Change what is named; the rest stays
    #[command(
        after_help = "Examples:\n  symbolon ad app update --id APP_ID --display-name orders\n  symbolon ad app update --id APP_ID --identifier-uri api://orders --token-version 2 --output json"
    )]
    Update {
        /// Its client id or object id
        #[arg(long)]
        id: String,
        /// What people call it
        #[arg(long)]
        display_name: Option<String>,
        /// A name under which tokens for it are asked, in place of those it has; may be repeated
        #[arg(long, value_name = "URI")]
        identifier_uri: Vec<String>,
        /// The version of the tokens that it wants as a resource
        #[arg(long, value_parser = clap::value_parser!(u8).range(1..=2))]
        token_version: Option<u8>,
    },
    /// Delete an application with everything that hangs on it
    #[command(after_help = "Examples:\n  symbolon ad app delete --id APP_ID")]
    Delete {
        /// Its client id or object id
        #[arg(long)]
        id: String,
    },
    /// Manage its secrets and certificates
    #[command(subcommand, after_help = credential::EXAMPLES)]
    Credential(CredentialCommand),
    /// Manage its federated credentials
    #[command(subcommand, after_help = federated_credential::EXAMPLES)]
    FederatedCredential(federated_credential::FederatedCredentialCommand),
}

pub(super) async fn run(command: AppCommand, context: &Context) -> Result<()> {
    let client = context.client()?;
    match command {
        AppCommand::Create { display_name, identifier_uri } => {
            let made = client.create_application(&display_name, &identifier_uri).await?;
            show(&made, context)?;
            if context.output == OutputFormat::Table {
                let next = format!("next: symbolon ad app credential add --id {}", made.app_id);
                outln!("\n{}", output::dim(&next));
            }
            Ok(())
        }
        AppCommand::List => list(&client.applications().await?, context),
        AppCommand::Show { id } => show(&client.application(&id).await?, context),
        AppCommand::Update { id, display_name, identifier_uri, token_version } => {
            let identifier_uris = Some(identifier_uri).filter(|uris| !uris.is_empty());
            let update = ApplicationUpdate { display_name, identifier_uris, token_version };
            if update == ApplicationUpdate::default() {
                bail!("nothing is to change: give --display-name, --identifier-uri or --token-version");
            }
            show(&client.update_application(&id, &update).await?, context)
        }
        AppCommand::Delete { id } => {
            let deleted = client.delete_application(&id).await?;
            output::print_deleted("application", &id, deleted, context.output)
        }
        AppCommand::Credential(command) => credential::run(command, &client, context).await,
        AppCommand::FederatedCredential(command) => federated_credential::run(command, &client, context).await,
    }
}

fn object(application: &Application) -> serde_json::Value {
    json!({
        "appId": application.app_id,
        "id": application.id,
        "displayName": application.display_name,
        "identifierUris": application.identifier_uris,
    })
}

fn show(application: &Application, context: &Context) -> Result<()> {
    if context.output == OutputFormat::Json {
        return output::print_json(&object(application));
    }
    output::print_fields(&[
        ("display name", application.display_name.clone()),
        ("client id", application.app_id.clone()),
        ("object id", application.id.clone()),
        ("identifiers", application.identifier_uris.join(" ")),
    ]);
    Ok(())
}

fn list(applications: &[Application], context: &Context) -> Result<()> {
    if context.output == OutputFormat::Json {
        return output::print_json(&applications.iter().map(object).collect::<Vec<_>>());
    }
    let row = |found: &Application| vec![found.display_name.clone(), found.app_id.clone(), found.id.clone()];
    let rows: Vec<_> = applications.iter().map(row).collect();
    output::print_table(&["display name", "client id", "object id"], &rows, "there are no applications");
    Ok(())
}
