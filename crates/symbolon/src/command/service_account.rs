//! `symbolon service-account`

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;
use symbolon_client::{CLIENT_ID_ANNOTATION, ServiceAccount};

use crate::{
    command::token::ServiceAccountName,
    context::Context,
    output::{self, OutputFormat},
};

const EXAMPLES: &str = "\
Examples:
  symbolon service-account create default/sademo --client-id 6731de76-14a6-49ae-97bc-6eba6914391e
  symbolon service-account list
  symbolon service-account delete default/sademo

These are service accounts of the embedded cluster issuer; those of a real cluster stay there.";

/// Arguments of `symbolon service-account`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ServiceAccountArgs {
    #[command(subcommand)]
    command: ServiceAccountCommand,
}

#[derive(Subcommand)]
enum ServiceAccountCommand {
    /// Create a service account
    #[command(after_help = EXAMPLES)]
    Create {
        /// NAMESPACE/NAME
        account: ServiceAccountName,
        /// The identity that it stands for: sets azure.workload.identity/client-id
        #[arg(long, value_name = "ID")]
        client_id: Option<String>,
        /// Its identity's tenant, where it is another one: sets azure.workload.identity/tenant-id
        #[arg(long, value_name = "ID")]
        tenant_id: Option<String>,
    },
    /// List the service accounts
    #[command(
        after_help = "Examples:\n  symbolon service-account list\n  symbolon service-account list --namespace default"
    )]
    List {
        /// Only those of this namespace
        #[arg(long)]
        namespace: Option<String>,
    },
    /// Show one service account
    #[command(after_help = "Examples:\n  symbolon service-account show default/sademo")]
    Show {
        /// NAMESPACE/NAME
        account: ServiceAccountName,
    },
    /// Delete a service account
    #[command(after_help = "Examples:\n  symbolon service-account delete default/sademo")]
    Delete {
        /// NAMESPACE/NAME
        account: ServiceAccountName,
    },
}

pub(crate) async fn run(args: ServiceAccountArgs, context: &Context) -> Result<()> {
    let client = context.client()?;
    match args.command {
        ServiceAccountCommand::Create { account, client_id, tenant_id } => {
            let made = client
                .create_service_account(&account.namespace, &account.name, client_id.as_deref(), tenant_id.as_deref())
                .await?;
            show(&made, context)?;
            if context.output == OutputFormat::Table && client_id.is_some() {
                outln!("\n{}", output::dim(&format!("next: symbolon run --service-account {account} -- COMMAND")));
            }
            Ok(())
        }
        ServiceAccountCommand::List { namespace } => {
            list(&client.service_accounts(namespace.as_deref()).await?, context)
        }
        ServiceAccountCommand::Show { account } => {
            show(&client.service_account(&account.namespace, &account.name).await?, context)
        }
        ServiceAccountCommand::Delete { account } => {
            let deleted = client.delete_service_account(&account.namespace, &account.name).await?;
            output::print_deleted("service account", &account.to_string(), deleted, context.output)
        }
    }
}

fn object(account: &ServiceAccount) -> serde_json::Value {
    json!({
        "namespace": account.namespace,
        "name": account.name,
        "uid": account.uid,
        "annotations": account.annotations,
        "subject": subject(account),
    })
}

fn subject(account: &ServiceAccount) -> String {
    format!("system:serviceaccount:{}:{}", account.namespace, account.name)
}

fn client_id(account: &ServiceAccount) -> String {
    account.annotations.get(CLIENT_ID_ANNOTATION).cloned().unwrap_or_else(|| "-".into())
}

fn show(account: &ServiceAccount, context: &Context) -> Result<()> {
    if context.output == OutputFormat::Json {
        return output::print_json(&object(account));
    }
    let mut fields = vec![
        ("name", format!("{}/{}", account.namespace, account.name)),
        ("subject", subject(account)),
        ("uid", account.uid.clone()),
    ];
    for (name, value) in &account.annotations {
        fields.push((name, value.clone()));
    }
    output::print_fields(&fields);
    Ok(())
}

fn list(accounts: &[ServiceAccount], context: &Context) -> Result<()> {
    if context.output == OutputFormat::Json {
        return output::print_json(&accounts.iter().map(object).collect::<Vec<_>>());
    }
    let row = |found: &ServiceAccount| vec![found.namespace.clone(), found.name.clone(), client_id(found)];
    let rows: Vec<_> = accounts.iter().map(row).collect();
    output::print_table(
        &["namespace", "name", "client id"],
        &rows,
        "there are no service accounts yet: make one with `symbolon service-account create NAMESPACE/NAME`",
    );
    Ok(())
}
