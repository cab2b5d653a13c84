//! `symbolon subscription`

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::{
    context::Context,
    output::{self, OutputFormat, text},
};

const EXAMPLES: &str = "\
Examples:
  symbolon subscription create Development
  symbolon subscription list --output json";

/// Arguments of `symbolon subscription`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SubscriptionArgs {
    #[command(subcommand)]
    command: SubscriptionCommand,
}

#[derive(Subcommand)]
enum SubscriptionCommand {
    /// Create a subscription in the administrator's tenant
    #[command(after_help = "Examples:\n  symbolon subscription create Development")]
    Create {
        /// What people call it
        display_name: String,
    },
    /// List the subscriptions of the administrator's tenant
    #[command(after_help = "Examples:\n  symbolon subscription list")]
    List,
}

pub(crate) async fn run(args: SubscriptionArgs, context: &Context) -> Result<()> {
    let client = context.client()?;
    let all = match args.command {
        SubscriptionCommand::Create { display_name } => {
            let made = client.create_subscription(&display_name).await?;
            if context.output == OutputFormat::Json {
                return output::print_json(&made);
            }
            vec![made]
        }
        SubscriptionCommand::List => client.subscriptions().await?,
    };
    if context.output == OutputFormat::Json {
        return output::print_json(&all);
    }
    let rows: Vec<_> =
        all.iter().map(|found| vec![text(found, "displayName"), text(found, "subscriptionId")]).collect();
    output::print_table(
        &["name", "subscription id"],
        &rows,
        "there are no subscriptions: make one with `symbolon subscription create NAME`",
    );
    Ok(())
}
