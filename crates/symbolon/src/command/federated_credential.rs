//! `symbolon federated-credential`

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::json;
use symbolon_client::{FederatedCredential, ManagementClient};
use symbolon_core::federated_credential::DEFAULT_AUDIENCE;

use crate::{
    command::token::ServiceAccountName,
    context::Context,
    data_dir::DataDir,
    endpoints::Endpoints,
    output::{self, OutputFormat},
};

const EXAMPLES: &str = "\
Examples:
  symbolon federated-credential create --identity sademo --name kubernetes \\
    --issuer https://issuer.example/ --subject system:serviceaccount:default:sademo
  symbolon federated-credential create --identity sademo --name local --service-account default/sademo
  symbolon federated-credential list --identity sademo
  symbolon federated-credential delete --identity sademo --name kubernetes

Issuer, subject and audience are compared exactly: letter case and a trailing slash count.";

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
    /// Instead of issuer and subject: a service account of the embedded issuer
    #[arg(long, value_name = "NS/NAME", conflicts_with_all = ["issuer", "subject"])]
    service_account: Option<ServiceAccountName>,
    /// The `aud` of the tokens that it accepts [default: api://AzureADTokenExchange]
    #[arg(long)]
    audience: Option<String>,
}

impl Fields {
    /// Issuer and subject, as far as they were given.
    fn issuer_and_subject(&self, context: &Context) -> Result<(Option<String>, Option<String>)> {
        let Some(account) = &self.service_account else {
            return Ok((self.issuer.clone(), self.subject.clone()));
        };
        let endpoints = Endpoints::require(&DataDir::new(context.data_dir.clone()))?;
        let subject = format!("system:serviceaccount:{}:{}", account.namespace, account.name);
        Ok((Some(endpoints.issuer), Some(subject)))
    }
}

pub(crate) async fn run(args: FederatedCredentialArgs, context: &Context) -> Result<()> {
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
    }
}

async fn create(fields: &Fields, client: &ManagementClient, context: &Context) -> Result<()> {
    let (Some(issuer), Some(subject)) = fields.issuer_and_subject(context)? else {
        bail!("--issuer and --subject are needed, or --service-account for one of the embedded issuer");
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
    let made = client.put_federated_credential(&fields.identity, &fields.name, &issuer, &subject, audience).await?;
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
    let (issuer, subject) = fields.issuer_and_subject(context)?;
    let issuer = issuer.unwrap_or(old.issuer);
    let subject = subject.unwrap_or(old.subject);
    let audience = fields.audience.clone().or_else(|| old.audiences.first().cloned()).unwrap_or_default();
    let made = client.put_federated_credential(&fields.identity, &fields.name, &issuer, &subject, &audience).await?;
    show(&made, context)
}

fn object(credential: &FederatedCredential) -> serde_json::Value {
    json!({
        "name": credential.name,
        "id": credential.id,
        "issuer": credential.issuer,
        "subject": credential.subject,
        "audiences": credential.audiences,
    })
}

fn show(credential: &FederatedCredential, context: &Context) -> Result<()> {
    if context.output == OutputFormat::Json {
        return output::print_json(&object(credential));
    }
    output::print_fields(&[
        ("name", credential.name.clone()),
        ("issuer", credential.issuer.clone()),
        ("subject", credential.subject.clone()),
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
        vec![found.name.clone(), found.issuer.clone(), found.subject.clone(), found.audiences.join(" ")]
    };
    let rows: Vec<_> = credentials.iter().map(row).collect();
    let nothing = format!(
        "identity `{identity}` has no federated credential yet: make one with `symbolon federated-credential create --identity {identity} …`"
    );
    output::print_table(&["name", "issuer", "subject", "audience"], &rows, &nothing);
    Ok(())
}
