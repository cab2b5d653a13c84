//! Real clients, unmodified: the official SDKs and the Azure CLI against a running `symbolon up`.
//!
//! The programs are in `tests/clients`; `cargo xtask test` prepares them. Each test goes through
//! the whole table of refusals with one client and one of its credentials. A client that is not
//! prepared is skipped with a line that says why; under `CI=true` that is a failure where its
//! toolchain is installed.

#![recursion_limit = "256"]
#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod azure_cli;
mod azure_walkthrough;
mod client;
mod management_sdks;
mod refusals;
mod shape;
mod stage;

#[path = "../support/access_token.rs"]
mod access_token;
#[path = "../support/identity.rs"]
mod identity;
#[expect(dead_code, reason = "the tests on a cluster start it elsewhere")]
#[path = "../support/installation.rs"]
mod installation;
#[path = "../support/issuer.rs"]
mod issuer;

use client::{Client, Credential, Sdk};
use stage::{SERVICE_ACCOUNT, Stage, Told};

#[test]
fn python_workload_identity_credential_gets_a_token_or_the_right_code() {
    check(Sdk::Python, Credential::Workload);
}

#[test]
fn python_default_azure_credential_gets_a_token_or_the_right_code() {
    check(Sdk::Python, Credential::Default);
}

#[test]
fn node_workload_identity_credential_gets_a_token_or_the_right_code() {
    check(Sdk::Node, Credential::Workload);
}

#[test]
fn node_default_azure_credential_gets_a_token_or_the_right_code() {
    check(Sdk::Node, Credential::Default);
}

#[test]
fn go_workload_identity_credential_gets_a_token_or_the_right_code() {
    check(Sdk::Go, Credential::Workload);
}

#[test]
fn go_default_azure_credential_gets_a_token_or_the_right_code() {
    check(Sdk::Go, Credential::Default);
}

#[test]
fn java_workload_identity_credential_gets_a_token_or_a_refusal() {
    check(Sdk::Java, Credential::Workload);
}

#[test]
fn java_default_azure_credential_gets_a_token_or_a_refusal() {
    check(Sdk::Java, Credential::Default);
}

#[test]
fn java_client_assertion_credential_gets_a_token_or_the_right_code() {
    check(Sdk::Java, Credential::Assertion);
}

#[test]
fn rust_workload_identity_credential_gets_a_token_or_the_right_code() {
    check(Sdk::Rust, Credential::Workload);
}

#[test]
fn azure_cli_login_with_a_federated_token_gets_a_token_or_the_right_code() {
    let Some(program) = azure_cli::prepared() else { return };
    let stage = Stage::start();
    let cli = azure_cli::AzureCli::new(program, &stage);
    stage.check_success("a foreign issuer's token", |identity, assertion| cli.token(identity, assertion));
    stage.check_own_issuer(|identity, assertion| cli.token(identity, assertion));
    stage.check_refusals(Told::Code, |identity, assertion| cli.token(identity, assertion));
}

fn check(sdk: Sdk, credential: Credential) {
    let Some(client) = Client::prepared(sdk, credential) else { return };
    let stage = Stage::start();
    let client = client.trusting(&stage);
    stage.check_success("a foreign issuer's token", |identity, assertion| client.token(&stage, identity, assertion));
    stage.check_own_issuer(|identity, assertion| client.token(&stage, identity, assertion));
    let token = client.token_through_run(&stage, SERVICE_ACCOUNT).unwrap();
    stage.verify(&token, &stage.local);
    stage.check_refusals(client.told(), |identity, assertion| client.token(&stage, identity, assertion));
}
