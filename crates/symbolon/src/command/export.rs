//! `symbolon export`

use anyhow::Result;
use clap::Args;

use crate::{
    context::Context,
    output::{self, OutputFormat},
};

const EXAMPLES: &str = "\
Examples:
  symbolon export > symbolon.yaml
  symbolon export --output json

What is printed holds no secret. It can be applied to another installation: the embedded issuer, the
subscription and the resource group of this one stand in it by their role, not by their value.
Applications, tokens and keys are no part of it.";

/// Arguments of `symbolon export`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ExportArgs {}

pub(crate) async fn run(_: ExportArgs, context: &Context) -> Result<()> {
    let client = context.client()?;
    let document = client.found().await?.document(&client.place());
    match context.output {
        OutputFormat::Json => output::print_json(&document),
        OutputFormat::Table => {
            out!("{}", serde_saphyr::to_string(&document)?);
            Ok(())
        }
    }
}
