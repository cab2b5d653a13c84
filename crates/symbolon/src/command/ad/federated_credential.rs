//! `symbolon ad app federated-credential`

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use symbolon_client::{FederatedCredential, ManagementClient, Matching};
use symbolon_core::federated_credential::DEFAULT_AUDIENCE;

use crate::{
    context::Context,
    output::{self, OutputFormat},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  symbolon ad app federated-credential create --id APP_ID --name kubernetes \\
    --issuer https://issuer.example/ --subject system:serviceaccount:default:billing
  symbolon ad app federated-credential create --id APP_ID --parameters @credential.json
  symbolon ad app federated-credential list --id APP_ID

Issuer, subject and audience are compared exactly: letter case and a trailing slash count.";

#[derive(Subcommand)]
pub(super) enum FederatedCredentialCommand {
    /// Create a credential
    #[command(after_help = EXAMPLES)]
    Create {
        /// The application's client id or object id
        #[arg(long)]
        id: String,
        /// The credential's name
        #[arg(long, required_unless_present = "parameters")]
        name: Option<String>,
        #[command(flatten)]
        fields: Fields,
    },
    /// List the credentials of an application
    #[command(after_help = "Examples:\n  symbolon ad app federated-credential list --id APP_ID")]
    List {
        /// The application's client id or object id
        #[arg(long)]
        id: String,
    },
    /// Show one credential
    #[command(
        after_help = "Examples:\n  symbolon ad app federated-credential show --id APP_ID --federated-credential-id kubernetes"
    )]
    Show(One),
    /// Change fields of a credential; those left out stay
    #[command(
        after_help = "Examples:\n  symbolon ad app federated-credential update --id APP_ID --federated-credential-id kubernetes --subject system:serviceaccount:prod:billing"
    )]
    Update {
        #[command(flatten)]
        one: One,
        #[command(flatten)]
        fields: Fields,
    },
    /// Delete a credential
    #[command(
        after_help = "Examples:\n  symbolon ad app federated-credential delete --id APP_ID --federated-credential-id kubernetes"
    )]
    Delete(One),
}

#[derive(Args)]
pub(super) struct One {
    /// The application's client id or object id
    #[arg(long)]
    id: String,
    /// The credential's id or name
    #[arg(long, value_name = "ID_OR_NAME")]
    federated_credential_id: String,
}

#[derive(Args)]
pub(super) struct Fields {
    /// The `iss` of the tokens that it accepts
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// The `sub` of the tokens that it accepts
    #[arg(long)]
    subject: Option<String>,
    /// The `aud` of the tokens that it accepts [default: api://AzureADTokenExchange]
    #[arg(long)]
    audience: Option<String>,
    /// Free text
    #[arg(long)]
    description: Option<String>,
    /// All of it as the JSON object of Microsoft Graph, or `@` and the name of a file with it
    #[arg(long, value_name = "JSON", conflicts_with_all = ["issuer", "subject", "audience", "description"])]
    parameters: Option<String>,
}

impl Fields {
    /// Graph's object, with the members that were given.
    fn object(&self) -> Result<Value> {
        if let Some(parameters) = &self.parameters {
            return parse(parameters);
        }
        let mut object = json!({});
        for (name, value) in [("issuer", &self.issuer), ("subject", &self.subject), ("description", &self.description)]
        {
            if let Some(value) = value {
                object[name] = json!(value);
            }
        }
        if let Some(audience) = &self.audience {
            object["audiences"] = json!([audience]);
        }
        Ok(object)
    }
}

fn parse(parameters: &str) -> Result<Value> {
    let text = match parameters.strip_prefix('@') {
        Some(path) => std::fs::read_to_string(path).with_context(|| format!("`{path}` cannot be read"))?,
        None => parameters.to_owned(),
    };
    let value: Value = serde_json::from_str(&text).context("--parameters is not JSON")?;
    if !value.is_object() {
        bail!("--parameters is not a JSON object");
    }
    Ok(value)
}

pub(super) async fn run(
    command: FederatedCredentialCommand,
    client: &ManagementClient,
    context: &Context,
) -> Result<()> {
    match command {
        FederatedCredentialCommand::Create { id, name, fields } => {
            let wanted = new(name, &fields)?;
            show(&client.create_application_federated_credential(&id, &wanted).await?, context)
        }
        FederatedCredentialCommand::List { id } => list(&client.application_federated_credentials(&id).await?, context),
        FederatedCredentialCommand::Show(One { id, federated_credential_id }) => {
            show(&client.application_federated_credential(&id, &federated_credential_id).await?, context)
        }
        FederatedCredentialCommand::Update { one: One { id, federated_credential_id }, fields } => {
            let wanted = fields.object()?;
            if wanted == json!({}) {
                bail!("nothing is to change: give --issuer, --subject, --audience, --description or --parameters");
            }
            let changed =
                client.update_application_federated_credential(&id, &federated_credential_id, &wanted).await?;
            show(&changed, context)
        }
        FederatedCredentialCommand::Delete(One { id, federated_credential_id }) => {
            let deleted = client.delete_application_federated_credential(&id, &federated_credential_id).await?;
            output::print_deleted("federated credential", &federated_credential_id, deleted, context.output)
        }
    }
}

/// The object of a new credential.
fn new(name: Option<String>, fields: &Fields) -> Result<Value> {
    let mut object = fields.object()?;
    if let Some(name) = name {
        object["name"] = json!(name);
    }
    if fields.parameters.is_none() {
        if fields.issuer.is_none() || fields.subject.is_none() {
            bail!("--issuer and --subject are needed, or --parameters with all of it");
        }
        if fields.audience.is_none() {
            object["audiences"] = json!([DEFAULT_AUDIENCE]);
        }
    }
    Ok(object)
}

fn object(credential: &FederatedCredential) -> Value {
    json!({
        "name": credential.name,
        "id": credential.id,
        "issuer": credential.issuer,
        "subject": credential.subject,
        "claimsMatchingExpression": credential.claims_matching_expression,
        "audiences": credential.audiences,
    })
}

fn show(credential: &FederatedCredential, context: &Context) -> Result<()> {
    if context.output == OutputFormat::Json {
        return output::print_json(&object(credential));
    }
    output::print_fields(&[
        ("name", credential.name.clone()),
        ("id", credential.id.clone()),
        ("issuer", credential.issuer.clone()),
        match credential.matching() {
            Matching::Subject(subject) => ("subject", subject.to_owned()),
            Matching::Expression(expression) => ("claims", expression.to_owned()),
        },
        ("audience", credential.audiences.join(" ")),
    ]);
    Ok(())
}

/// The subject or the expression that it accepts.
fn accepted(credential: &FederatedCredential) -> String {
    match credential.matching() {
        Matching::Subject(text) | Matching::Expression(text) => text.to_owned(),
    }
}

fn list(credentials: &[FederatedCredential], context: &Context) -> Result<()> {
    if context.output == OutputFormat::Json {
        return output::print_json(&credentials.iter().map(object).collect::<Vec<_>>());
    }
    let row = |found: &FederatedCredential| {
        vec![found.name.clone(), found.issuer.clone(), accepted(found), found.audiences.join(" ")]
    };
    let rows: Vec<_> = credentials.iter().map(row).collect();
    let nothing = "the application has no federated credential";
    output::print_table(&["name", "issuer", "subject", "audience"], &rows, nothing);
    Ok(())
}
