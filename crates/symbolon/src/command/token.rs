//! `symbolon token`

use std::{fmt, io::Read as _, path::PathBuf, str::FromStr};

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use serde_json::json;
use symbolon_client::ManagementClient;
use zeroize::Zeroizing;

use crate::{
    context::Context,
    output::{self, OutputFormat},
};

mod exchange;
pub(crate) mod inspect;

/// Arguments of `symbolon token`.
#[derive(Args)]
pub(crate) struct TokenArgs {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Subcommand)]
enum TokenCommand {
    /// Print a service-account token, as `kubectl create token` does
    Create(CreateArgs),
    /// Exchange a service-account token for an access token
    Exchange(exchange::ExchangeArgs),
    /// Decode a token, verify it where its keys can be found, and explain it
    Inspect(inspect::InspectArgs),
}

const CREATE_EXAMPLES: &str = "\
Examples:
  symbolon token create --service-account default/sademo
  symbolon token create --service-account default/sademo --audience https://example.org --expires-in 600
  symbolon token create --service-account default/sademo | symbolon token inspect -";

#[derive(Args)]
#[command(after_help = CREATE_EXAMPLES)]
struct CreateArgs {
    /// The service account, as NAMESPACE/NAME
    #[arg(long, value_name = "NS/NAME")]
    service_account: ServiceAccountName,
    /// Who the token is for; may be repeated [default: api://AzureADTokenExchange]
    #[arg(long, value_name = "AUDIENCE")]
    audience: Vec<String>,
    /// Seconds that it lives, 600 to 86400
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    expires_in: i64,
    /// Bind it to a pod of this name
    #[arg(long, value_name = "NAME")]
    pod: Option<String>,
    /// Say that the pod runs on this node
    #[arg(long, value_name = "NAME", requires = "pod")]
    node: Option<String>,
}

/// A service account on the command line, `NAMESPACE/NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServiceAccountName {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl FromStr for ServiceAccountName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('/') {
            Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => {
                Ok(Self { namespace: namespace.into(), name: name.into() })
            }
            _ => Err("expected NAMESPACE/NAME, for example default/sademo".into()),
        }
    }
}

impl fmt::Display for ServiceAccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What is asked of the issuer.
#[derive(Clone, Debug)]
pub(crate) struct TokenOptions {
    pub(crate) audiences: Vec<String>,
    pub(crate) expires_in: i64,
    pub(crate) pod: Option<String>,
    pub(crate) node: Option<String>,
}

/// A service-account token.
pub(crate) struct ServiceAccountToken {
    pub(crate) token: Zeroizing<String>,
    /// Unix seconds.
    pub(crate) expiration: i64,
}

/// Asks the embedded issuer for a token.
///
/// # Errors
/// When the management plane refuses or cannot be reached.
pub(crate) async fn request_token(
    client: &ManagementClient,
    account: &ServiceAccountName,
    options: &TokenOptions,
) -> Result<ServiceAccountToken> {
    let answer = client
        .create_service_account_token(
            &account.namespace,
            &account.name,
            &symbolon_client::TokenRequest {
                audiences: options.audiences.clone(),
                expiration_seconds: options.expires_in,
                pod: options.pod.clone(),
                node: options.node.clone(),
            },
        )
        .await?;
    Ok(ServiceAccountToken { token: Zeroizing::new(answer.token), expiration: answer.expiration })
}

pub(crate) async fn run(args: TokenArgs, context: &Context) -> Result<()> {
    match args.command {
        TokenCommand::Create(args) => create(args, context).await,
        TokenCommand::Exchange(args) => exchange::run(args, context).await,
        TokenCommand::Inspect(args) => inspect::run(args, context).await,
    }
}

async fn create(args: CreateArgs, context: &Context) -> Result<()> {
    let client = context.client()?;
    let default = || vec![symbolon_core::federated_credential::DEFAULT_AUDIENCE.to_owned()];
    let options = TokenOptions {
        audiences: if args.audience.is_empty() { default() } else { args.audience },
        expires_in: args.expires_in,
        pod: args.pod,
        node: args.node,
    };
    let made = request_token(&client, &args.service_account, &options).await?;
    match context.output {
        OutputFormat::Json => {
            let expiration = jiff::Timestamp::from_second(made.expiration).unwrap_or_default();
            output::print_json(&json!({ "token": made.token.as_str(), "expirationTimestamp": expiration.to_string() }))
        }
        OutputFormat::Table => {
            outln!("{}", made.token.as_str());
            Ok(())
        }
    }
}

/// Reads a token from a file, or from standard input where the name is `-`, without the line break
/// that shells and editors put at its end.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn read_token(path: &PathBuf) -> Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    if path.as_os_str() == "-" {
        std::io::stdin().lock().read_to_string(&mut text).context("standard input cannot be read")?;
    } else {
        *text = std::fs::read_to_string(path).with_context(|| format!("`{}` cannot be read", path.display()))?;
    }
    Ok(Zeroizing::new(text.trim().to_owned()))
}
