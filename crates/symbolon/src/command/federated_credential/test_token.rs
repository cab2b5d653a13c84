//! `symbolon federated-credential test`: which credentials accept a token, and why the others do not.

use std::{fmt::Write as _, path::PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;
use serde::Serialize;
use serde_json::Value;
use symbolon_client::{ManagementClient, Matching};
use symbolon_core::{
    claims_matching::Claims,
    difference::{Difference, differences, printable},
    federated_credential::{self, FederatedCredential, Presented},
};

use crate::{
    command::token::{inspect, read_token},
    context::Context,
    output::{self, OutputFormat},
};

const EXAMPLES: &str = "\
Examples:
  symbolon federated-credential test --token /var/run/secrets/azure/wi/token/azure-identity-token
  symbolon token create --service-account default/sademo | symbolon federated-credential test --token -
  symbolon federated-credential test --token token.jwt --identity sademo

Only the claims are compared: neither the signature nor the times are checked. The token is never printed.";

/// Arguments of `symbolon federated-credential test`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TestArgs {
    /// The file that holds the token, or - for standard input
    #[arg(long, value_name = "FILE")]
    token: PathBuf,
    /// Only the credentials of this identity
    #[arg(long, value_name = "NAME")]
    identity: Option<String>,
}

/// The claims that choose a credential.
#[derive(Serialize)]
struct Shown {
    issuer: String,
    subject: String,
    audiences: Vec<String>,
}

/// What became of one credential.
#[derive(Serialize)]
struct Compared {
    identity: String,
    credential: String,
    accepts: bool,
    differences: Vec<Difference>,
}

#[derive(Serialize)]
struct Report {
    token: Shown,
    #[serde(rename = "signatureChecked")]
    signature_checked: bool,
    credentials: Vec<Compared>,
}

pub(super) async fn run(args: TestArgs, client: &ManagementClient, context: &Context) -> Result<()> {
    let (_, claims) = inspect::decode(&read_token(&args.token)?).context("the token cannot be read")?;
    let token = shown(&claims)?;
    let claims = Claims::from(claims);
    let presented =
        Presented { issuer: &token.issuer, audiences: &token.audiences, subject: &token.subject, claims: &claims };
    let identities = match args.identity {
        Some(identity) => vec![identity],
        None => client.identities().await?.into_iter().map(|identity| identity.name).collect(),
    };
    let mut credentials = Vec::new();
    for identity in identities {
        for found in client.federated_credentials(&identity).await? {
            credentials.push(compare(&identity, &found, presented)?);
        }
    }
    let report = Report { token, signature_checked: false, credentials };
    match context.output {
        OutputFormat::Json => output::print_json(&report),
        OutputFormat::Table => {
            out!("{}", render(&report));
            Ok(())
        }
    }
}

fn shown(claims: &Value) -> Result<Shown> {
    let text = |name: &str| {
        let found = claims.get(name).and_then(Value::as_str).map(str::to_owned);
        found.with_context(|| format!("the token has no claim `{name}` that is a string"))
    };
    let audiences = match claims.get("aud") {
        Some(Value::String(audience)) => vec![audience.clone()],
        Some(Value::Array(all)) => all.iter().filter_map(|entry| entry.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    };
    Ok(Shown { issuer: text("iss")?, subject: text("sub")?, audiences })
}

fn compare(identity: &str, found: &symbolon_client::FederatedCredential, presented: Presented<'_>) -> Result<Compared> {
    let matching = match found.matching() {
        Matching::Subject(subject) => federated_credential::Matching::Subject(subject.into()),
        Matching::Expression(expression) => federated_credential::Matching::Expression(expression.parse()?),
    };
    let credential = FederatedCredential::with_matching(&found.name, &found.issuer, matching, &found.audiences, None)
        .with_context(|| format!("federated credential `{}` cannot be understood", found.name))?;
    Ok(Compared {
        identity: identity.into(),
        credential: found.name.clone(),
        accepts: credential.accepts(presented),
        differences: differences(&credential, presented),
    })
}

/// The report for people.
fn render(report: &Report) -> String {
    let mut text = String::new();
    let token = &report.token;
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{} {}", output::heading("token", ""), output::warning("(its signature was not checked)"));
    for (name, value) in
        [("issuer", &token.issuer), ("subject", &token.subject), ("audience", &token.audiences.join(" "))]
    {
        let _ = writeln!(text, "  {}  {}", output::dim(&format!("{name:<8}")), printable(value));
    }
    let _ = writeln!(text, "{}", output::heading("credentials", ""));
    if report.credentials.is_empty() {
        let _ = writeln!(text, "  there are none");
    }
    for compared in &report.credentials {
        let name = format!("{}/{}", printable(&compared.identity), printable(&compared.credential));
        let verdict = if compared.accepts { output::good("accepts it") } else { output::bad("does not") };
        let _ = writeln!(text, "  {name}  {verdict}");
        for difference in &compared.differences {
            let _ = writeln!(text, "    {} {}", difference.field, difference.how);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn stored(name: &str, issuer: &str, matching: Matching<'_>) -> symbolon_client::FederatedCredential {
        let (subject, expression) = match matching {
            Matching::Subject(subject) => (Some(subject.into()), None),
            Matching::Expression(expression) => (None, Some(expression.into())),
        };
        symbolon_client::FederatedCredential {
            name: name.into(),
            id: String::new(),
            issuer: issuer.into(),
            subject,
            claims_matching_expression: expression,
            audiences: vec!["a".into()],
        }
    }

    #[test]
    fn each_credential_says_why_it_does_not_accept_the_token() {
        let claims = json!({ "iss": "https://i.example", "sub": "ns:dev:web", "aud": ["a", "b"], "team": 1 });
        let token = shown(&claims).unwrap();
        let claims = Claims::from(claims);
        let presented =
            Presented { issuer: &token.issuer, audiences: &token.audiences, subject: &token.subject, claims: &claims };
        let credentials = [
            stored("exact", "https://i.example", Matching::Subject("ns:dev:web")),
            stored("slash", "https://i.example/", Matching::Subject("ns:dev:Web")),
            stored("wide", "https://i.example", Matching::Expression("claims['sub'] matches 'ns:*'")),
            stored("team", "https://i.example", Matching::Expression("claims['team'] eq 'red'")),
        ];
        let credentials = credentials.iter().map(|found| compare("one", found, presented).unwrap()).collect();
        insta::assert_snapshot!(render(&Report { token, signature_checked: false, credentials }), @r"
        token (its signature was not checked)
          issuer    https://i.example
          subject   ns:dev:web
          audience  a b
        credentials
          one/exact  accepts it
          one/slash  does not
            issuer differs by a trailing slash, which only the credential has
            subject differs only in letter case, first at character 8: the token has `w`, the credential `W`
          one/wide  accepts it
          one/team  does not
            claims do not fit `claims['team'] eq 'red'`: the claim is a number, not a string
        ");
    }

    #[test]
    fn a_token_without_a_subject_is_told() {
        let error = shown(&json!({ "iss": "https://i.example" })).err().unwrap();
        assert_eq!(error.to_string(), "the token has no claim `sub` that is a string");
    }
}
