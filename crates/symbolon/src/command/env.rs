//! `symbolon env`

use std::{collections::BTreeMap, fmt::Write as _, path::PathBuf};

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use symbolon_client::CLIENT_ID_ANNOTATION;
use symbolon_core::federated_credential::DEFAULT_AUDIENCE;

use crate::{
    command::{
        az,
        token::{ServiceAccountName, TokenOptions, request_token},
    },
    context::Context,
    data_dir::{DataDir, write_atomically},
    endpoints::Endpoints,
    output::OutputFormat,
};

/// Seconds that the token file of `--service-account` is valid: a working day and more, since
/// nothing refreshes it.
const TOKEN_SECONDS: i64 = 24 * 3600;

const EXAMPLES: &str = "\
Examples:
  eval \"$(symbolon env)\"                 trust the local CA and know the endpoints in this shell
  eval \"$(symbolon env --service-account default/sademo)\"
                                         also be that service account for 24 hours
  eval \"$(symbolon env --az)\"            also lead the Azure CLI here, logged in as the administrator
  symbolon env --format dotenv > .env
  symbolon env --format json

The administrator's credential is never part of it. With --az it lies in a directory of az's own
inside the data directory, which AZURE_CONFIG_DIR names, readable by you alone.";

/// Arguments of `symbolon env`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct EnvArgs {
    /// Also the variables that a pod of this service account would get
    #[arg(long, value_name = "NS/NAME")]
    service_account: Option<ServiceAccountName>,
    /// Also the variables with which `az` works on this installation as the administrator
    #[arg(long)]
    az: bool,
    /// The Azure CLI that --az logs in
    #[arg(long, value_name = "PATH", default_value = "az", requires = "az")]
    az_program: PathBuf,
    /// The form [default: shell, or json with --output json]
    #[arg(long, value_enum)]
    format: Option<Format>,
}

/// The form in which variables are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// `export NAME='value'`, for eval
    Shell,
    /// `NAME="value"`
    Dotenv,
    /// One JSON object
    Json,
}

pub(crate) async fn run(args: EnvArgs, context: &Context) -> Result<()> {
    let directory = DataDir::new(context.data_dir.clone());
    let endpoints = Endpoints::require(&directory)?;
    let mut variables = endpoints.variables();
    if let Some(account) = &args.service_account {
        variables.extend(as_service_account(account, context, &directory).await?);
    }
    if args.az {
        variables.extend(az::prepare(context, &args.az_program)?);
    }
    let default = if context.output == OutputFormat::Json { Format::Json } else { Format::Shell };
    out!("{}", render(&variables, args.format.unwrap_or(default))?);
    Ok(())
}

/// The client id, and a token file in the data directory that is valid for a day.
async fn as_service_account(
    account: &ServiceAccountName,
    context: &Context,
    directory: &DataDir,
) -> Result<BTreeMap<&'static str, String>> {
    let client = context.client()?;
    let found = client.service_account(&account.namespace, &account.name).await?;
    let client_id = found.annotations.get(CLIENT_ID_ANNOTATION).with_context(|| {
        format!("service account `{account}` has no annotation {CLIENT_ID_ANNOTATION}, so it stands for no identity")
    })?;
    let options =
        TokenOptions { audiences: vec![DEFAULT_AUDIENCE.into()], expires_in: TOKEN_SECONDS, pod: None, node: None };
    let token = request_token(&client, account, &options).await?;
    let path = directory.path().join(format!("token-{}-{}", account.namespace, account.name));
    write_atomically(&path, token.token.as_bytes(), 0o600)
        .with_context(|| format!("`{}` cannot be written", path.display()))?;
    let path = std::path::absolute(&path)?;
    eprintln!(
        "symbolon: the token in `{}` is valid for 24 hours and is not refreshed; `symbolon run` refreshes its own",
        path.display()
    );
    Ok(BTreeMap::from([
        ("AZURE_CLIENT_ID", client_id.clone()),
        ("AZURE_FEDERATED_TOKEN_FILE", path.to_string_lossy().into_owned()),
    ]))
}

fn render(variables: &BTreeMap<&'static str, String>, format: Format) -> Result<String> {
    let mut text = String::new();
    match format {
        Format::Json => {
            text = serde_json::to_string_pretty(variables)?;
            text.push('\n');
        }
        Format::Shell => {
            for (name, value) in variables {
                writeln!(text, "export {name}='{}'", value.replace('\'', "'\\''"))?;
            }
        }
        Format::Dotenv => {
            for (name, value) in variables {
                writeln!(text, "{name}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))?;
            }
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_the_shell() {
        let variables = BTreeMap::from([("A", "it's $HOME".to_owned()), ("B", "x\"y".to_owned())]);
        insta::assert_snapshot!(render(&variables, Format::Shell).unwrap(), @r#"
        export A='it'\''s $HOME'
        export B='x"y'
        "#);
        insta::assert_snapshot!(render(&variables, Format::Dotenv).unwrap(), @r#"
        A="it's $HOME"
        B="x\"y"
        "#);
    }
}
