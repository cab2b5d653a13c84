//! `symbolon audit`

use std::fmt::Write as _;

use anyhow::Result;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use symbolon_core::{
    audit::{AuditEntry, Operation, Outcome},
    difference::printable,
};

use crate::{
    context::Context,
    output::{self, OutputFormat},
};

/// Seconds that the server holds a request of `--follow` open.
const WAIT_SECONDS: u32 = 20;

const EXAMPLES: &str = "\
Examples:
  symbolon audit list
  symbolon audit list --limit 20 --output json
  symbolon audit list --follow

With --output json and --follow, each entry is one line.";

/// Arguments of `symbolon audit`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Subcommand)]
enum AuditCommand {
    /// Show the newest entries, oldest first
    #[command(after_help = EXAMPLES)]
    List {
        /// The most entries to show
        #[arg(long, default_value_t = 100)]
        limit: u32,
        /// Go on as new entries come, until Ctrl-C
        #[arg(long, short)]
        follow: bool,
    },
}

pub(crate) async fn run(args: AuditArgs, context: &Context) -> Result<()> {
    let AuditCommand::List { limit, follow } = args.command;
    let client = context.client()?;
    let mut entries = client.audit(None, Some(limit), None).await?;
    if !follow {
        return print_all(&entries, context);
    }
    let mut last = 0;
    loop {
        for entry in &entries {
            print_one(entry, context)?;
            last = last.max(entry.sequence);
        }
        tokio::select! {
            next = client.audit(Some(last), None, Some(WAIT_SECONDS)) => entries = next?,
            _ = tokio::signal::ctrl_c() => return Ok(()),
        }
    }
}

fn print_all(entries: &[AuditEntry], context: &Context) -> Result<()> {
    if context.output == OutputFormat::Json {
        return output::print_json(&entries);
    }
    if entries.is_empty() {
        outln!("nothing was asked yet");
    }
    for entry in entries {
        outln!("{}", render(entry));
    }
    Ok(())
}

fn print_one(entry: &AuditEntry, context: &Context) -> Result<()> {
    match context.output {
        OutputFormat::Json => outln!("{}", serde_json::to_string(entry)?),
        OutputFormat::Table => outln!("{}", render(entry)),
    }
    Ok(())
}

/// One line for what was asked and answered; below a refusal, why and what to do.
fn render(entry: &AuditEntry) -> String {
    let record = &entry.record;
    let facts = &record.facts;
    let time = Timestamp::from_millisecond(record.time).unwrap_or_default().strftime("%Y-%m-%d %H:%M:%S").to_string();
    let outcome = match (record.outcome, record.code) {
        (Outcome::Granted, _) => output::good("granted"),
        (Outcome::Refused, Some(code)) => output::bad(&format!("refused AADSTS{code}")),
        (Outcome::Refused, None) => output::bad("refused"),
    };
    let operation = match record.operation {
        Operation::TokenExchange => "token",
        Operation::Write => "write",
        Operation::Delete => "delete",
        Operation::ServiceAccountToken => "service-account-token",
    };
    // Writing to a String cannot fail.
    let mut line = format!("{:>5}  {}  {operation}  {outcome}", entry.sequence, output::dim(&time));
    let details = [
        ("client", facts.client_name.as_ref().or(facts.client_id.as_ref())),
        ("subject", facts.subject.as_ref()),
        ("pod", facts.pod.as_ref()),
        ("resource", facts.resource.as_ref()),
    ];
    for (name, value) in details {
        if let Some(value) = value {
            let _ = write!(line, "  {}{}", output::dim(&format!("{name}=")), printable(value));
        }
    }
    for text in [&record.reason, &record.hint].into_iter().flatten() {
        let _ = write!(line, "\n         {}", output::warning(&printable(text)));
    }
    line
}
