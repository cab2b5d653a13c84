//! `symbolon ad app credential`

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Subcommand;
use serde_json::json;
use symbolon_client::{Application, ManagementClient};

use crate::{
    context::Context,
    output::{self, OutputFormat},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  symbolon ad app credential add --id APP_ID
  symbolon ad app credential add --id APP_ID --certificate-file cert.pem
  symbolon ad app credential list --id APP_ID";

#[derive(Subcommand)]
pub(super) enum CredentialCommand {
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

pub(super) async fn run(command: CredentialCommand, client: &ManagementClient, context: &Context) -> Result<()> {
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
