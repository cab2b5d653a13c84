//! `symbolon trusted-issuer`

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use serde_json::json;
use symbolon_client::TrustedIssuer;

use crate::{
    context::Context,
    output::{self, OutputFormat},
};

const EXAMPLES: &str = "\
Examples:
  symbolon trusted-issuer register https://issuer.internal --ca-file ca.pem --allow-private
  symbolon trusted-issuer register https://disconnected.example --jwks-file keys.json
  symbolon trusted-issuer list

A public https issuer needs no registration: a federated credential that names it is enough. With a
JWKS file nothing is ever fetched.";

/// Arguments of `symbolon trusted-issuer`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TrustedIssuerArgs {
    #[command(subcommand)]
    command: TrustedIssuerCommand,
}

#[derive(Subcommand)]
enum TrustedIssuerCommand {
    /// Say where an issuer's keys come from, replacing what was said before
    #[command(after_help = EXAMPLES)]
    Register {
        /// The issuer, exactly as it stands in the tokens' `iss`
        url: String,
        /// Its keys, a JWKS; nothing is fetched then
        #[arg(long, value_name = "FILE", conflicts_with_all = ["ca_file", "allow_private"])]
        jwks_file: Option<PathBuf>,
        /// Certificates in PEM form that alone are trusted for it
        #[arg(long, value_name = "FILE")]
        ca_file: Option<PathBuf>,
        /// Allow plain http, and addresses that are private, loopback or link-local
        #[arg(long)]
        allow_private: bool,
    },
    /// List the registrations
    #[command(after_help = "Examples:\n  symbolon trusted-issuer list")]
    List,
    /// Show one registration
    #[command(after_help = "Examples:\n  symbolon trusted-issuer show https://issuer.internal")]
    Show {
        /// The issuer
        url: String,
    },
    /// Delete a registration
    #[command(after_help = "Examples:\n  symbolon trusted-issuer delete https://issuer.internal")]
    Delete {
        /// The issuer
        url: String,
    },
}

pub(crate) async fn run(args: TrustedIssuerArgs, context: &Context) -> Result<()> {
    let client = context.client()?;
    match args.command {
        TrustedIssuerCommand::Register { url, jwks_file, ca_file, allow_private } => {
            let jwks = jwks_file.as_deref().map(read).transpose()?;
            let ca = ca_file.as_deref().map(read).transpose()?;
            let made = client.put_trusted_issuer(&url, jwks.as_deref(), ca.as_deref(), allow_private).await?;
            show(&made, context)
        }
        TrustedIssuerCommand::List => list(&client.trusted_issuers().await?, context),
        TrustedIssuerCommand::Show { url } => show(&client.trusted_issuer(&url).await?, context),
        TrustedIssuerCommand::Delete { url } => {
            let deleted = client.delete_trusted_issuer(&url).await?;
            output::print_deleted("registration of", &url, deleted, context.output)
        }
    }
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("`{}` cannot be read", path.display()))
}

fn object(issuer: &TrustedIssuer) -> serde_json::Value {
    json!({
        "issuer": issuer.issuer,
        "jwks": issuer.jwks,
        "caPem": issuer.ca_pem,
        "allowPrivate": issuer.allow_private,
    })
}

fn source(issuer: &TrustedIssuer) -> &'static str {
    match (&issuer.jwks, &issuer.ca_pem) {
        (Some(_), _) => "the registered JWKS",
        (None, Some(_)) => "its discovery document, by its own CA",
        (None, None) => "its discovery document, by public CAs",
    }
}

fn addresses(issuer: &TrustedIssuer) -> &'static str {
    match (&issuer.jwks, issuer.allow_private) {
        (Some(_), _) => "none",
        (None, true) => "any",
        (None, false) => "public",
    }
}

fn show(issuer: &TrustedIssuer, context: &Context) -> Result<()> {
    if context.output == OutputFormat::Json {
        return output::print_json(&object(issuer));
    }
    output::print_fields(&[
        ("issuer", issuer.issuer.clone()),
        ("keys from", source(issuer).into()),
        ("addresses", addresses(issuer).into()),
    ]);
    Ok(())
}

fn list(issuers: &[TrustedIssuer], context: &Context) -> Result<()> {
    if context.output == OutputFormat::Json {
        return output::print_json(&issuers.iter().map(object).collect::<Vec<_>>());
    }
    let row = |issuer: &TrustedIssuer| vec![issuer.issuer.clone(), source(issuer).into(), addresses(issuer).into()];
    let rows: Vec<_> = issuers.iter().map(row).collect();
    output::print_table(
        &["issuer", "keys from", "addresses"],
        &rows,
        "no issuer is registered; the embedded one and public https ones need no registration",
    );
    Ok(())
}
