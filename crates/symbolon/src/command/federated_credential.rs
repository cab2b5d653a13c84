//! `symbolon federated-credential`

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::json;
use symbolon_client::{FederatedCredential, ManagementClient, Matching};
use symbolon_core::{claims_matching::ClaimsMatchingExpression, federated_credential::DEFAULT_AUDIENCE};

use crate::{
    command::token::ServiceAccountName,
    context::Context,
    data_dir::DataDir,
    endpoints::Endpoints,
    output::{self, OutputFormat},
};

mod lint;
mod test_token;

const EXAMPLES: &str = r#"Examples:
  symbolon federated-credential create --identity sademo --name kubernetes \
    --issuer https://issuer.example/ --subject system:serviceaccount:default:sademo
  symbolon federated-credential create --identity sademo --name local --service-account default/sademo
  symbolon federated-credential create --identity sademo --name github \
    --issuer https://token.actions.githubusercontent.com \
    --claims-matching-expression "claims['sub'] matches 'repo:contoso/web:ref:refs/heads/release-*'"
  symbolon federated-credential list --identity sademo
  symbolon federated-credential delete --identity sademo --name kubernetes

Issuer, subject and audience are compared exactly: letter case and a trailing slash count.
What an expression reaches, `symbolon federated-credential lint` tells."#;

/// Arguments of `symbolon federated-credential`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct FederatedCredentialArgs {
    #[command(subcommand)]
    command: FederatedCredentialCommand,
}

#[derive(Subcommand)]
enum FederatedCredentialCommand {
    /// Create a credential
    #[command(after_help = EXAMPLES)]
    Create(Fields),
    /// Change fields of a credential; those left out stay
    #[command(
        after_help = "Examples:\n  symbolon federated-credential update --identity sademo --name kubernetes --subject system:serviceaccount:prod:sademo"
    )]
    Update(Fields),
    /// List the credentials of an identity
    #[command(after_help = "Examples:\n  symbolon federated-credential list --identity sademo")]
    List {
        /// The identity's name
        #[arg(long)]
        identity: String,
    },
    /// Show one credential
    #[command(after_help = "Examples:\n  symbolon federated-credential show --identity sademo --name kubernetes")]
    Show {
        /// The identity's name
        #[arg(long)]
        identity: String,
        /// The credential's name
        #[arg(long)]
        name: String,
    },
    /// Delete a credential
    #[command(after_help = "Examples:\n  symbolon federated-credential delete --identity sademo --name kubernetes")]
    Delete {
        /// The identity's name
        #[arg(long)]
        identity: String,
        /// The credential's name
        #[arg(long)]
        name: String,
    },
    /// Find expressions that reach further than they look
    Lint(lint::LintArgs),
    /// Tell which credentials accept a token, and why the others do not
    Test(test_token::TestArgs),
}

#[derive(Args)]
struct Fields {
    /// The identity's name
    #[arg(long)]
    identity: String,
    /// The credential's name
    #[arg(long)]
    name: String,
    /// The `iss` of the tokens that it accepts
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// The `sub` of the tokens that it accepts
    #[arg(long)]
    subject: Option<String>,
    /// Instead of a subject: what the claims of the tokens that it accepts must match
    #[arg(
        long,
        visible_alias = "cme-value",
        value_name = "EXPRESSION",
        conflicts_with_all = ["subject", "service_account"]
    )]
    claims_matching_expression: Option<ClaimsMatchingExpression>,
    /// Instead of issuer and subject: a service account of the embedded issuer
    #[arg(long, value_name = "NS/NAME", conflicts_with_all = ["issuer", "subject"])]
    service_account: Option<ServiceAccountName>,
    /// The `aud` of the tokens that it accepts [default: api://AzureADTokenExchange]
    #[arg(long)]
    audience: Option<String>,
}

/// What was given of issuer and subject or expression.
#[derive(Default)]
struct Given {
    issuer: Option<String>,
    subject: Option<String>,
    expression: Option<String>,
}

impl Given {
    fn matching(&self) -> Option<Matching<'_>> {
        let expression = self.expression.as_deref().map(Matching::Expression);
        expression.or(self.subject.as_deref().map(Matching::Subject))
    }
}

impl Fields {
    fn given(&self, context: &Context) -> Result<Given> {
        let Some(account) = &self.service_account else {
            let expression = self.claims_matching_expression.as_ref().map(ToString::to_string);
            return Ok(Given { issuer: self.issuer.clone(), subject: self.subject.clone(), expression });
        };
        let endpoints = Endpoints::require(&DataDir::new(context.data_dir.clone()))?;
        let subject = format!("system:serviceaccount:{}:{}", account.namespace, account.name);
        Ok(Given { issuer: Some(endpoints.issuer), subject: Some(subject), expression: None })
    }
}

pub(crate) async fn run(args: FederatedCredentialArgs, context: &Context) -> Result<()> {
    // An expression on the command line is judged without an installation.
    if let FederatedCredentialCommand::Lint(args) = args.command {
        return lint::run(args, context).await;
    }
    let client = context.client()?;
    match args.command {
        FederatedCredentialCommand::Create(fields) => create(&fields, &client, context).await,
        FederatedCredentialCommand::Update(fields) => update(&fields, &client, context).await,
        FederatedCredentialCommand::List { identity } => list(&identity, &client, context).await,
        FederatedCredentialCommand::Show { identity, name } => {
            show(&client.federated_credential(&identity, &name).await?, context)
        }
        FederatedCredentialCommand::Delete { identity, name } => {
            let deleted = client.delete_federated_credential(&identity, &name).await?;
            output::print_deleted("federated credential", &name, deleted, context.output)
        }
        FederatedCredentialCommand::Lint(args) => lint::run(args, context).await,
        FederatedCredentialCommand::Test(args) => test_token::run(args, &client, context).await,
    }
}

async fn create(fields: &Fields, client: &ManagementClient, context: &Context) -> Result<()> {
    let given = fields.given(context)?;
    let (Some(issuer), Some(matching)) = (&given.issuer, given.matching()) else {
        bail!(
            "--issuer and one of --subject and --claims-matching-expression are needed, or --service-account for one of the embedded issuer"
        );
    };
    // ARM's PUT would replace an existing one without a word.
    if client
        .federated_credentials(&fields.identity)
        .await?
        .iter()
        .any(|found| found.name.eq_ignore_ascii_case(&fields.name))
    {
        bail!(
            "federated credential `{}` exists already: change it with `symbolon federated-credential update`",
            fields.name
        );
    }
    let audience = fields.audience.as_deref().unwrap_or(DEFAULT_AUDIENCE);
    let made = client.put_federated_credential(&fields.identity, &fields.name, issuer, matching, audience).await?;
    show(&made, context)?;
    if context.output == OutputFormat::Table {
        let next = match &fields.service_account {
            Some(account) => {
                format!("symbolon run --service-account {}/{} -- COMMAND", account.namespace, account.name)
            }
            None => "symbolon audit list --follow".to_owned(),
        };
        outln!("\n{}", output::dim(&format!("next: {next}")));
    }
    Ok(())
}

async fn update(fields: &Fields, client: &ManagementClient, context: &Context) -> Result<()> {
    let old = client.federated_credential(&fields.identity, &fields.name).await?;
    let given = fields.given(context)?;
    let issuer = given.issuer.as_ref().unwrap_or(&old.issuer);
    let matching = given.matching().unwrap_or_else(|| old.matching());
    let audience = fields.audience.clone().or_else(|| old.audiences.first().cloned()).unwrap_or_default();
    let made = client.put_federated_credential(&fields.identity, &fields.name, issuer, matching, &audience).await?;
    show(&made, context)
}

fn object(credential: &FederatedCredential) -> serde_json::Value {
    let mut object = json!({
        "name": credential.name,
        "id": credential.id,
        "issuer": credential.issuer,
        "audiences": credential.audiences,
    });
    match credential.matching() {
        Matching::Subject(subject) => object["subject"] = json!(subject),
        Matching::Expression(expression) => object["claimsMatchingExpression"] = json!(expression),
    }
    object
}

fn show(credential: &FederatedCredential, context: &Context) -> Result<()> {
    if context.output == OutputFormat::Json {
        return output::print_json(&object(credential));
    }
    let matching = match credential.matching() {
        Matching::Subject(subject) => ("subject", subject.to_owned()),
        Matching::Expression(expression) => ("expression", expression.to_owned()),
    };
    output::print_fields(&[
        ("name", credential.name.clone()),
        ("issuer", credential.issuer.clone()),
        matching,
        ("audience", credential.audiences.join(" ")),
    ]);
    Ok(())
}

async fn list(identity: &str, client: &ManagementClient, context: &Context) -> Result<()> {
    let credentials = client.federated_credentials(identity).await?;
    if context.output == OutputFormat::Json {
        return output::print_json(&credentials.iter().map(object).collect::<Vec<_>>());
    }
    let row = |found: &FederatedCredential| {
        let (Matching::Subject(matching) | Matching::Expression(matching)) = found.matching();
        vec![found.name.clone(), found.issuer.clone(), matching.to_owned(), found.audiences.join(" ")]
    };
    let rows: Vec<_> = credentials.iter().map(row).collect();
    let nothing = format!(
        "identity `{identity}` has no federated credential yet: make one with `symbolon federated-credential create --identity {identity} …`"
    );
    output::print_table(&["name", "issuer", "subject or expression", "audience"], &rows, &nothing);
    Ok(())
}
