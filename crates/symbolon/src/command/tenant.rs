//! `symbolon tenant`

use std::{
    fs::OpenOptions,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::{
    context::Context,
    output::{self, OutputFormat, text},
};

const EXAMPLES: &str = "\
Examples:
  symbolon tenant create Fabrikam --credential-file fabrikam.json
  symbolon --administrator fabrikam.json identity create sademo
  symbolon tenant update --max-federated-credentials 20 --simulate-throttling true";

/// Arguments of `symbolon tenant`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TenantArgs {
    #[command(subcommand)]
    command: TenantCommand,
}

#[derive(Subcommand)]
enum TenantCommand {
    /// Create a tenant with a subscription, a resource group and an administrator
    #[command(after_help = "Examples:\n  symbolon tenant create Fabrikam --credential-file fabrikam.json")]
    Create {
        /// What people call it
        display_name: String,
        /// Its id [default: a new one]
        #[arg(long, value_name = "GUID")]
        tenant_id: Option<String>,
        /// A DNS name that may stand for the id in URLs
        #[arg(long, value_name = "NAME")]
        domain: Vec<String>,
        /// Where the administrator's key is written, for --administrator; it must not exist yet
        #[arg(long, value_name = "PATH")]
        credential_file: PathBuf,
        #[command(flatten)]
        settings: Settings,
    },
    /// List all tenants
    #[command(after_help = "Examples:\n  symbolon tenant list --output json")]
    List,
    /// Show the administrator's own tenant
    #[command(after_help = "Examples:\n  symbolon tenant show\n  symbolon tenant show --administrator fabrikam.json")]
    Show,
    /// Change the administrator's own tenant
    #[command(
        after_help = "Examples:\n  symbolon tenant update --max-federated-credentials 20\n  symbolon tenant update --simulate-propagation-delay 30 --simulate-credential-write-conflicts true"
    )]
    Update {
        /// What people call it
        #[arg(long, value_name = "NAME")]
        display_name: Option<String>,
        #[command(flatten)]
        settings: Settings,
    },
}

#[derive(Args)]
struct Settings {
    /// The most federated credentials on one identity or application (Entra's is 20), or `none`
    #[arg(long, value_name = "N|none", value_parser = limit)]
    max_federated_credentials: Option<Limit>,
    /// Seconds after which a new federated credential accepts tokens
    #[arg(long, value_name = "SECONDS")]
    simulate_propagation_delay: Option<u32>,
    /// Refuse a write of a credential with 409 while another one of the same identity is under way
    #[arg(long, value_name = "true|false")]
    simulate_credential_write_conflicts: Option<bool>,
    /// Answer 429 above Entra's rates
    #[arg(long, value_name = "true|false")]
    simulate_throttling: Option<bool>,
}

/// A limit, or that there is none.
#[derive(Clone, Copy)]
struct Limit(Option<u32>);

fn limit(text: &str) -> Result<Limit, String> {
    if text == "none" {
        return Ok(Limit(None));
    }
    text.parse().map(|limit| Limit(Some(limit))).map_err(|_| "expected a number or `none`".to_owned())
}

impl Settings {
    /// The member `settings` of a request: only what was named.
    fn json(&self) -> Value {
        let mut simulate = Map::new();
        let named = [
            ("propagationDelaySeconds", self.simulate_propagation_delay.map(Value::from)),
            ("credentialWriteConflicts", self.simulate_credential_write_conflicts.map(Value::from)),
            ("throttling", self.simulate_throttling.map(Value::from)),
        ];
        simulate.extend(named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        let mut settings = Map::from_iter([("simulate".to_owned(), simulate.into())]);
        if let Some(Limit(limit)) = self.max_federated_credentials {
            settings.insert("maxFederatedCredentials".into(), json!(limit));
        }
        settings.into()
    }
}

pub(crate) async fn run(args: TenantArgs, context: &Context) -> Result<()> {
    let client = context.client()?;
    match args.command {
        TenantCommand::Create { display_name, tenant_id, domain, credential_file, settings } => {
            let mut wanted = json!({ "displayName": display_name, "domains": domain, "settings": settings.json() });
            if let Some(id) = tenant_id {
                wanted["tenantId"] = id.into();
            }
            create(&wanted, &credential_file, context).await
        }
        TenantCommand::List => list(&client.tenants().await?, context),
        TenantCommand::Show => show(&client.tenant().await?, context),
        TenantCommand::Update { display_name, settings } => {
            let changes = json!({ "displayName": display_name, "settings": settings.json() });
            show(&client.update_tenant(&changes).await?, context)
        }
    }
}

async fn create(wanted: &Value, path: &Path, context: &Context) -> Result<()> {
    // Before the tenant is made: its key is answered once, and there must be a place for it.
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("the credential file `{}` cannot be made", path.display()))?;
    let made = context.client()?.create_tenant(wanted).await;
    let mut made = match made {
        Ok(made) => made,
        Err(error) => {
            // An empty file would stand in the way of the next attempt.
            let _ = std::fs::remove_file(path);
            return Err(error.into());
        }
    };
    let Some(credential) = made.as_object_mut().and_then(|made| made.remove("administrator")) else {
        bail!("the answer holds no administrator");
    };
    let text = Zeroizing::new(serde_json::to_vec_pretty(&credential)?);
    file.write_all(&text)
        .and_then(|()| file.sync_all())
        .with_context(|| format!("the credential file `{}` cannot be written", path.display()))?;
    show(&made, context)?;
    if context.output == OutputFormat::Table {
        let next = format!("next: symbolon --administrator {} identity create NAME", path.display());
        outln!("\n{}", output::dim(&next));
    }
    Ok(())
}

fn show(tenant: &Value, context: &Context) -> Result<()> {
    if context.output == OutputFormat::Json {
        return output::print_json(tenant);
    }
    let settings = &tenant["settings"];
    let simulate = &settings["simulate"];
    let limit = settings["maxFederatedCredentials"].as_u64().map_or_else(|| "none".into(), |limit| limit.to_string());
    output::print_fields(&[
        ("name", text(tenant, "displayName")),
        ("tenant id", text(tenant, "tenantId")),
        ("max federated credentials", limit),
        ("simulated propagation delay", simulate["propagationDelaySeconds"].to_string()),
        ("simulated write conflicts", simulate["credentialWriteConflicts"].to_string()),
        ("simulated throttling", simulate["throttling"].to_string()),
    ]);
    Ok(())
}

fn list(tenants: &[Value], context: &Context) -> Result<()> {
    if context.output == OutputFormat::Json {
        return output::print_json(&tenants);
    }
    let rows: Vec<_> =
        tenants.iter().map(|tenant| vec![text(tenant, "displayName"), text(tenant, "tenantId")]).collect();
    output::print_table(&["name", "tenant id"], &rows, "there are no tenants");
    Ok(())
}
