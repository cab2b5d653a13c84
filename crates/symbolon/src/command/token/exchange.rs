//! `symbolon token exchange`

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use serde_json::json;

use super::read_token;
use crate::{
    context::Context,
    data_dir::DataDir,
    endpoints::Endpoints,
    output::{self, OutputFormat},
};

const EXAMPLES: &str = "\
Examples:
  symbolon token exchange --client-id ID --assertion-file token.jwt --scope https://vault.azure.net/.default
  symbolon token create --service-account default/sademo |
    symbolon token exchange --client-id ID --assertion-file - --scope https://vault.azure.net/.default

Prints the access token alone, so that it can be piped into `symbolon token inspect -`.";

/// Arguments of `symbolon token exchange`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ExchangeArgs {
    /// The client id of the identity
    #[arg(long, value_name = "ID")]
    client_id: String,
    /// The file with the federated token, or - for standard input
    #[arg(long, value_name = "FILE")]
    assertion_file: PathBuf,
    /// What the access token is for, a resource with /.default behind it
    #[arg(long, value_name = "SCOPE")]
    scope: String,
    /// The tenant [default: that of the installation]
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
}

pub(super) async fn run(args: ExchangeArgs, context: &Context) -> Result<()> {
    let endpoints = Endpoints::require(&DataDir::new(context.data_dir.clone()))?;
    let assertion = read_token(&args.assertion_file)?;
    let client = context.client()?;
    let tenant = args.tenant.unwrap_or_else(|| endpoints.tenant_id.to_string());
    match client.exchange(&tenant, &args.client_id, &assertion, &args.scope).await? {
        Ok(answer) => match context.output {
            OutputFormat::Json => output::print_json(&json!({
                "token_type": answer.token_type,
                "expires_in": answer.expires_in,
                "access_token": answer.access_token,
            })),
            OutputFormat::Table => {
                outln!("{}", answer.access_token);
                Ok(())
            }
        },
        Err(refusal) => {
            bail!("{}\nwhat came closest, and where it differs: `symbolon audit list`", refusal.error_description)
        }
    }
}
