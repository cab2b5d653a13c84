//! An ordinary program that asks for an access token with `azure_identity`.
//!
//! Arguments: the scope and the credential, `workload`.

use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use azure_core::credentials::TokenCredential as _;
use azure_identity::WorkloadIdentityCredential;
use serde_json::json;

#[tokio::main]
async fn main() -> ExitCode {
    match token().await {
        Ok(token) => {
            println!("{}", json!({ "token": token }));
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("{}", json!({ "error": format!("{error:#}") }));
            ExitCode::FAILURE
        }
    }
}

async fn token() -> Result<String> {
    let mut arguments = std::env::args().skip(1);
    let scope = arguments.next().context("the scope is missing")?;
    let name = arguments.next().context("the credential is missing")?;
    ensure!(name == "workload", "unknown credential `{name}`");
    let credential = WorkloadIdentityCredential::new(None)?;
    let token = credential.get_token(&[&scope], None).await?;
    Ok(token.token.secret().to_owned())
}
