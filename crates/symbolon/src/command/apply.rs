//! `symbolon apply`

use std::{fs, io::Read as _, path::PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;
use serde_json::{Value, json};
use symbolon_client::{Action, Document, Step, plan};
use symbolon_core::difference::printable;

use crate::{
    context::Context,
    output::{self, OutputFormat},
};

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 8 * 1024 * 1024;

const EXAMPLES: &str = "\
Examples:
  symbolon export > symbolon.yaml
  symbolon apply -f symbolon.yaml --dry-run     show what would change
  symbolon apply -f symbolon.yaml
  symbolon apply -f symbolon.yaml --prune       also delete what the file's sections do not name

A file:
  identities:
    - name: sademo
      federatedCredentials:
        - name: local
          serviceAccount: default/sademo        # or issuer with subject, or claimsMatchingExpression
      roles:
        - role: Reader
          scope: resourceGroups/symbolon        # or subscription, or an id in full
  serviceAccounts:
    - name: default/sademo
      identity: sademo

trustedIssuers and roleDefinitions are the other sections. A section that is not in the file is left
alone, and so is a field that an identity's or a service account's entry does not have; other entries
are whole. Applying twice changes nothing the second time.";

/// Arguments of `symbolon apply`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ApplyArgs {
    /// The file, `-` for standard input
    #[arg(long, short, value_name = "FILE")]
    file: PathBuf,
    /// Only show what would change
    #[arg(long)]
    dry_run: bool,
    /// Delete what is there and not named in a section that the file has
    #[arg(long)]
    prune: bool,
}

pub(crate) async fn run(args: ApplyArgs, context: &Context) -> Result<()> {
    let document = read(&args.file)?;
    let client = context.client()?;
    let place = client.place();
    let found = client.found().await?;
    let steps = plan(&document, &found, &place, args.prune)?;
    if context.output == OutputFormat::Table {
        out!("{}", render(&steps));
    }
    let mut done = 0;
    if !args.dry_run {
        for step in &steps {
            client.carry_out(step, &place).await.with_context(|| {
                let left = steps.len() - done;
                format!(
                    "{} `{}` could not be {}; {done} of {} steps are done, apply again for the other {left}",
                    step.object.kind,
                    step.object.name,
                    past(step.action),
                    steps.len()
                )
            })?;
            done += 1;
        }
    }
    match context.output {
        OutputFormat::Json => output::print_json(&json!({
            "applied": !args.dry_run,
            "steps": steps.iter().map(object).collect::<Vec<_>>(),
        })),
        OutputFormat::Table => {
            outln!("{}", summary(&steps, args.dry_run));
            Ok(())
        }
    }
}

fn read(path: &PathBuf) -> Result<Document> {
    let mut text = String::new();
    let shown = if path.as_os_str() == "-" { "standard input".into() } else { format!("`{}`", path.display()) };
    let unreadable = || format!("{shown} cannot be read");
    if path.as_os_str() == "-" {
        std::io::stdin().take(MAX_BYTES).read_to_string(&mut text).with_context(unreadable)?;
    } else {
        fs::File::open(path)
            .and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text))
            .with_context(unreadable)?;
    }
    if text.trim().is_empty() {
        return Ok(Document::default());
    }
    serde_saphyr::from_str(&text).with_context(|| format!("{shown} is not what `symbolon apply` reads"))
}

const fn past(action: Action) -> &'static str {
    match action {
        Action::Create => "created",
        Action::Update => "changed",
        Action::Delete => "deleted",
    }
}

fn object(step: &Step) -> Value {
    json!({
        "action": step.action,
        "kind": step.object.kind,
        "name": step.object.name,
        "changes": step.changes,
    })
}

/// The steps as a diff: a line for each, and below it the fields that change.
fn render(steps: &[Step]) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for step in steps {
        let line = format!("{} `{}`", step.object.kind, printable(&step.object.name));
        let line = match step.action {
            Action::Create => output::good(&format!("+ {line}")),
            Action::Update => output::warning(&format!("~ {line}")),
            Action::Delete => output::bad(&format!("- {line}")),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{line}");
        for change in &step.changes {
            let (old, new) = (short(&change.old), short(&change.new));
            let _ = match step.action {
                Action::Create if new.is_empty() => Ok(()),
                Action::Create => writeln!(text, "    {}: {new}", change.field),
                _ => writeln!(text, "    {}: {old} -> {new}", change.field),
            };
        }
    }
    text
}

/// A value in one line, without what would make it long.
fn short(value: &Value) -> String {
    const LONGEST: usize = 100;
    let text = match value {
        Value::Null | Value::Bool(false) => return String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => return String::new(),
        other => other.to_string(),
    };
    let cut: String = text.chars().take(LONGEST).collect();
    let more = if cut.len() < text.len() { "…" } else { "" };
    format!("{}{more}", printable(&cut))
}

fn summary(steps: &[Step], dry_run: bool) -> String {
    if steps.is_empty() {
        return "nothing to change".into();
    }
    let count = |action: Action| steps.iter().filter(|step| step.action == action).count();
    let counts = [Action::Create, Action::Update, Action::Delete].map(count);
    let [created, changed, deleted] = counts;
    if dry_run {
        format!("{created} to create, {changed} to change, {deleted} to delete; nothing was done")
    } else {
        format!("{created} created, {changed} changed, {deleted} deleted")
    }
}
