//! The Python libraries of the management plane, unmodified.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::{
    client::{Sdk, clean, prepared, root},
    installation::{Installation, error_text},
};

#[test]
fn the_python_management_libraries_create_page_update_and_delete() {
    let Some(python) = prepared(&Sdk::Python.needs()) else { return };
    let installation = Installation::start();
    let directory = tempfile::tempdir().unwrap();
    let (tenant, client_id, pem) = installation.administrator();
    let endpoints = std::fs::read(installation.path("data/endpoints.json")).unwrap();
    let endpoints: Value = serde_json::from_slice(&endpoints).unwrap();

    let mut command = Command::new(python);
    clean(&mut command, directory.path());
    let output = command
        .arg(root().join("python/management.py"))
        .envs(installation.environment())
        .env("MANAGEMENT", installation.variable("SYMBOLON_MANAGEMENT"))
        .env("SUBSCRIPTION", endpoints["subscriptionId"].as_str().unwrap())
        .env("TENANT", tenant)
        .env("CLIENT", client_id)
        .env("CERTIFICATE", pem)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", error_text(&output));
}
