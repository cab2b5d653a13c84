//! `symbolon demo-client`, hidden: the workload of the demo.
//!
//! An ordinary program as anybody would write it with the official `azure_identity` crate. It knows
//! nothing of Symbolon but the variables of a pod. Its transport only notes what goes over the wire.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use azure_core::{
    credentials::TokenCredential,
    http::{AsyncRawResponse, Body, ClientOptions, HttpClient, Request, Transport, new_http_client},
};
use azure_identity::{ClientAssertionCredentialOptions, WorkloadIdentityCredential, WorkloadIdentityCredentialOptions};
use clap::Args;
use serde::{Deserialize, Serialize};

/// Arguments of `symbolon demo-client`.
#[derive(Args)]
pub(crate) struct DemoClientArgs {
    /// What the access token is for
    #[arg(long)]
    scope: String,
    /// Where to write what happened
    #[arg(long)]
    report: PathBuf,
}

/// What happened, for the demo to show.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    /// What went over the wire.
    pub(crate) wire: Vec<Wire>,
    /// The access token, where there is one.
    pub(crate) token: Option<String>,
    /// What the SDK said, where there is none.
    pub(crate) error: Option<String>,
    /// The variables that the program saw.
    pub(crate) variables: Vec<(String, String)>,
}

/// One request and its answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Wire {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) request: String,
    pub(crate) status: u16,
    pub(crate) response: String,
}

/// The default transport of the SDK, with a note of what it carried.
#[derive(Debug)]
struct Noting {
    inner: Arc<dyn HttpClient>,
    wire: Mutex<Vec<Wire>>,
}

#[async_trait]
impl HttpClient for Noting {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let response = self.inner.execute_request(request).await?;
        let (status, headers, body) = response.deconstruct();
        let bytes = body.collect().await?;
        let body = match request.body() {
            Body::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Body::SeekableStream(_) => String::new(),
        };
        self.wire.lock().unwrap_or_else(PoisonError::into_inner).push(Wire {
            method: request.method().to_string(),
            url: request.url().to_string(),
            request: body,
            status: u16::from(status),
            response: String::from_utf8_lossy(&bytes).into_owned(),
        });
        Ok(AsyncRawResponse::from_bytes(status, headers, bytes))
    }
}

pub(crate) async fn run(args: DemoClientArgs) -> Result<()> {
    let transport = Arc::new(Noting { inner: new_http_client(None), wire: Mutex::default() });
    let options = WorkloadIdentityCredentialOptions {
        credential_options: ClientAssertionCredentialOptions {
            client_options: ClientOptions {
                transport: Some(Transport::new(Arc::clone(&transport) as Arc<dyn HttpClient>)),
                ..ClientOptions::default()
            },
        },
        ..WorkloadIdentityCredentialOptions::default()
    };
    let outcome = match WorkloadIdentityCredential::new(Some(options)) {
        Ok(credential) => credential.get_token(&[&args.scope], None).await,
        Err(error) => Err(error),
    };
    let mut report = Report { variables: variables(), ..Report::default() };
    match outcome {
        Ok(token) => report.token = Some(token.token.secret().to_owned()),
        Err(error) => report.error = Some(error.to_string()),
    }
    report.wire.clone_from(&transport.wire.lock().unwrap_or_else(PoisonError::into_inner));
    crate::data_dir::write_atomically(&args.report, &serde_json::to_vec(&report)?, 0o600)
        .with_context(|| format!("`{}` cannot be written", args.report.display()))
}

fn variables() -> Vec<(String, String)> {
    std::env::vars().filter(|(name, _)| name.starts_with("AZURE_") || name == "SSL_CERT_FILE").collect()
}
