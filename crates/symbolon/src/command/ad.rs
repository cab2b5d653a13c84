//! `symbolon ad`

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use serde_json::json;
use symbolon_client::{Application, ManagementClient};

use crate::{
    context::Context,
    output::{self, OutputFormat},
};

const EXAMPLES: &str = "\
Examples:
  symbolon ad app create --display-name billing
  symbolon ad app credential add --id APP_ID
  symbolon ad app credential add --id APP_ID --certificate-file cert.pem
  symbolon ad app list

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
    App(AppCommand),
}

#[derive(Subcommand)]
enum AppCommand {
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
    /// Delete an application with everything that hangs on it
    #[command(after_help = "Examples:\n  symbolon ad app delete --id APP_ID")]
    Delete {
        /// Its client id or object id
        #[arg(long)]
        id: String,
    },
    /// Manage its secrets and certificates
    #[command(subcommand, after_help = EXAMPLES)]
    Credential(CredentialCommand),
}

#[derive(Subcommand)]
enum CredentialCommand {
    /// Add a new client secret, printed this once, or a certificate of your own
    #[command(
        after_help = "Examples:\n  symbolon ad app credential add --id APP_ID\n  symbolon ad app credential add --id APP_ID --certificate-file cert.pem"
    )]
    Add {
        /// The application's client id or object id
        #[arg(long)]
        id: String,
        /// A certificate in PEM form, instead of a secret
        #[arg(long, value_name = "FILE")]
        certificate_file: Option<PathBuf>,
        /// What people call the credential
        #[arg(long)]
        display_name: Option<String>,
    },
    /// List the secrets (without their values) and certificates
    #[command(after_help = "Examples:\n  symbolon ad app credential list --id APP_ID")]
    List {
        /// The application's client id or object id
        #[arg(long)]
        id: String,
    },
    /// Remove a secret or a certificate
    #[command(after_help = "Examples:\n  symbolon ad app credential remove --id APP_ID --key-id KEY_ID")]
    Remove {
        /// The application's client id or object id
        #[arg(long)]
        id: String,
        /// The credential's key id
        #[arg(long)]
        key_id: String,
    },
}

pub(crate) async fn run(args: AdArgs, context: &Context) -> Result<()> {
    let client = context.client()?;
    let AdCommand::App(command) = args.command;
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
        AppCommand::Delete { id } => {
            let deleted = client.delete_application(&id).await?;
            output::print_deleted("application", &id, deleted, context.output)
        }
        AppCommand::Credential(command) => credential(command, &client, context).await,
    }
}

async fn credential(command: CredentialCommand, client: &ManagementClient, context: &Context) -> Result<()> {
    match command {
        CredentialCommand::Add { id, certificate_file: Some(path), display_name } => {
            let pem = std::fs::read_to_string(&path).with_context(|| format!("`{}` cannot be read", path.display()))?;
            let made = client.add_certificate(&id, &pem, display_name.as_deref()).await?;
            credentials(&made, context)
        }
        CredentialCommand::Add { id, certificate_file: None, display_name } => {
            let made = client.add_secret(&id, display_name.as_deref()).await?;
            match context.output {
                OutputFormat::Json => output::print_json(&json!({
                    "appId": made.app_id,
                    "keyId": made.key_id,
                    "password": made.secret,
                    "endDateTime": made.end,
                    "tenant": made.tenant_id,
                }))?,
                OutputFormat::Table => {
                    output::print_fields(&[
                        ("client id", made.app_id),
                        ("key id", made.key_id),
                        ("secret", made.secret),
                        ("expires", made.end),
                    ]);
                    outln!("\n{}", output::warning("the secret is shown this once: keep it now"));
                }
            }
            Ok(())
        }
        CredentialCommand::List { id } => credentials(&client.application(&id).await?, context),
        CredentialCommand::Remove { id, key_id } => {
            let removed = client.remove_application_credential(&id, &key_id).await?;
            output::print_deleted("credential", &key_id, removed, context.output)
        }
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

fn credentials(application: &Application, context: &Context) -> Result<()> {
    if context.output == OutputFormat::Json {
        return output::print_json(&application.credentials);
    }
    let row = |found: &symbolon_client::ApplicationCredential| {
        vec![
            found.kind.clone(),
            found.key_id.clone(),
            found.display_name.clone().unwrap_or_else(|| "-".into()),
            found.hint.clone().unwrap_or_else(|| "-".into()),
            found.end.clone(),
        ]
    };
    let rows: Vec<_> = application.credentials.iter().map(row).collect();
    output::print_table(
        &["kind", "key id", "name", "hint", "expires"],
        &rows,
        "the application has no secret and no certificate",
    );
    Ok(())
}
