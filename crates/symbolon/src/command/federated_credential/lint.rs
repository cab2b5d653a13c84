//! `symbolon federated-credential lint`: expressions that reach further than they look.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;
use symbolon_client::Matching;
use symbolon_core::{
    claims_matching::{
        ClaimsMatchingExpression,
        lint::{Finding, Severity, lint},
    },
    difference::printable,
};

use crate::{
    context::Context,
    output::{self, OutputFormat},
};

const EXAMPLES: &str = r#"Examples:
  symbolon federated-credential lint "claims['sub'] matches 'repo:contoso*'"
  symbolon federated-credential lint "claims['sub'] matches '*:main'" --issuer https://gitlab.com
  symbolon federated-credential lint --identity sademo --strict

Nothing is changed. With --strict the command fails where there is a warning; notes never fail it."#;

/// Arguments of `symbolon federated-credential lint`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct LintArgs {
    /// The expression
    #[arg(required_unless_present = "identity")]
    expression: Option<ClaimsMatchingExpression>,
    /// Instead of an expression: all those of this identity
    #[arg(long, value_name = "NAME", conflicts_with_all = ["expression", "issuer"])]
    identity: Option<String>,
    /// The issuer whose tokens the expression is for
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// Fail where there is a warning
    #[arg(long)]
    strict: bool,
}

/// An expression with what was found.
#[derive(Serialize)]
struct Report {
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<String>,
    expression: ClaimsMatchingExpression,
    findings: Vec<Finding>,
}

pub(super) async fn run(args: LintArgs, context: &Context) -> Result<()> {
    let reports = match (args.expression, &args.identity) {
        (Some(expression), _) => {
            let findings = lint(&expression, args.issuer.as_deref());
            vec![Report { credential: None, expression, findings }]
        }
        (None, identity) => of_identity(identity.as_deref().unwrap_or_default(), context).await?,
    };
    match context.output {
        OutputFormat::Json => output::print_json(&reports)?,
        OutputFormat::Table if reports.is_empty() => outln!("the identity has no expression: nothing to look at"),
        OutputFormat::Table => out!("{}", reports.iter().map(render).collect::<Vec<_>>().join("\n")),
    }
    let all = reports.iter().flat_map(|report| &report.findings);
    let warnings = all.filter(|found| found.severity == Severity::Warning).count();
    if args.strict && warnings > 0 {
        bail!("--strict was given, and there is something to warn of ({warnings} in all)");
    }
    Ok(())
}

async fn of_identity(identity: &str, context: &Context) -> Result<Vec<Report>> {
    let mut reports = Vec::new();
    for credential in context.client()?.federated_credentials(identity).await? {
        let Matching::Expression(text) = credential.matching() else { continue };
        let expression: ClaimsMatchingExpression = text.parse()?;
        let findings = lint(&expression, Some(&credential.issuer));
        reports.push(Report { credential: Some(credential.name), expression, findings });
    }
    Ok(reports)
}

/// A report for people.
fn render(report: &Report) -> String {
    let mut text = String::new();
    let beside = report.credential.as_deref().map(printable).unwrap_or_default();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{}", output::heading("expression", &beside));
    let _ = writeln!(text, "  {}", printable(report.expression.as_str()));
    if report.findings.is_empty() {
        let _ = writeln!(text, "{} nothing found: it reaches no further than it looks", output::good("ok"));
    }
    for found in &report.findings {
        let label = match found.severity {
            Severity::Warning => output::warning("warning"),
            Severity::Note => output::dim("note"),
        };
        let _ = writeln!(text, "{label}: {}", printable(&found.reaches));
        let lines = [("in", &found.clause), ("accepts", &found.example), ("instead", &Some(found.instead.clone()))];
        for (name, value) in lines.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
            let _ = writeln!(text, "  {}  {}", output::dim(&format!("{name:<7}")), printable(value));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_shows_what_it_lets_in_and_what_to_write_instead() {
        let expression: ClaimsMatchingExpression = "claims['sub'] matches 'repo:contoso*'".parse().unwrap();
        let findings = lint(&expression, None);
        insta::assert_snapshot!(render(&Report { credential: None, expression, findings }), @r"
        expression
          claims['sub'] matches 'repo:contoso*'
        warning: the star stands inside of a name: `contoso` and every longer name that begins so
          in       claims['sub'] matches 'repo:contoso*'
          accepts  repo:contoso-evil/anything
          instead  end the name first: `repo:contoso/*`
        warning: anybody can have a workload at `token.actions.githubusercontent.com`, and no clause names your organisation
          instead  begin the pattern of `sub` with `repo:ORGANISATION/`, or add claims['repository_owner_id'] eq 'ID'
        ");
    }
}
