//! `symbolon run`: a local command as a service account, with what a pod would have.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io::IsTerminal,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{ExitCode, ExitStatus},
    time::Duration,
};

use anyhow::{Context as _, Result};
use clap::Args;
use rustix::process::{Pid, Signal, kill_process};
use symbolon_client::CLIENT_ID_ANNOTATION;
use symbolon_core::{federated_credential::DEFAULT_AUDIENCE, ports::Clock};
use tokio::{
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    time::Instant,
};

use crate::{
    command::token::{ServiceAccountName, TokenOptions, request_token},
    context::Context,
    data_dir::DataDir,
    endpoints::Endpoints,
    output,
    system::SystemClock,
};

pub(crate) mod token_file;

use token_file::TokenFile;

/// The share of a token's life after which the kubelet refreshes it, in percent; the same here.
const REFRESH_PERCENT: i64 = 80;
/// How long to wait after a refresh that failed.
const RETRY: Duration = Duration::from_secs(15);
/// The service account's annotation that names another tenant.
const TENANT_ID_ANNOTATION: &str = "azure.workload.identity/tenant-id";

/// What shells report for a command that is not there, and for one that cannot be run.
pub(crate) const NOT_FOUND: u8 = 127;
const NOT_EXECUTABLE: u8 = 126;

/// Variables that a pod would not have: credentials of the person at the keyboard, which
/// `DefaultAzureCredential` would take first, and the way to the administrator's credential.
const REMOVED: [&str; 15] = [
    "SYMBOLON_DATA_DIR",
    "AZURE_CLIENT_SECRET",
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    "AZURE_USERNAME",
    "AZURE_PASSWORD",
    "AZURE_POD_IDENTITY_AUTHORITY_HOST",
    "AZURE_KUBERNETES_TOKEN_PROXY",
    "AZURE_TOKEN_CREDENTIALS",
    "IDENTITY_ENDPOINT",
    "IDENTITY_HEADER",
    "IDENTITY_SERVER_THUMBPRINT",
    "IMDS_ENDPOINT",
    "MSI_ENDPOINT",
    "MSI_SECRET",
];

const EXAMPLES: &str = "\
Examples:
  symbolon run --service-account default/sademo -- python app.py
  symbolon run --service-account default/sademo --pod web-0 -- env

The command gets AZURE_CLIENT_ID, AZURE_TENANT_ID, AZURE_FEDERATED_TOKEN_FILE, AZURE_AUTHORITY_HOST
and trust for the local CA through SSL_CERT_FILE, REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE and
NODE_EXTRA_CA_CERTS. The token file is readable by you alone, refreshed while the command runs, and
removed when it ends. Credentials of your own shell (AZURE_CLIENT_SECRET and its like) are taken
out. Signals and the exit code pass through.";

/// Arguments of `symbolon run`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RunArgs {
    /// The service account, as NAMESPACE/NAME
    #[arg(long, value_name = "NS/NAME")]
    service_account: ServiceAccountName,
    /// Bind the token to a pod of this name
    #[arg(long, value_name = "NAME")]
    pod: Option<String>,
    /// The audience of the token
    #[arg(long, value_name = "AUDIENCE", default_value = DEFAULT_AUDIENCE)]
    audience: String,
    /// Seconds that each token lives, 600 to 86400
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    expires_in: i64,
    /// The command and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

pub(crate) async fn run(args: RunArgs, context: &Context) -> Result<ExitCode> {
    let endpoints = Endpoints::require(&DataDir::new(context.data_dir.clone()))?;
    let client = context.client()?;
    let account = client.service_account(&args.service_account.namespace, &args.service_account.name).await?;
    let options = TokenOptions {
        audiences: vec![args.audience.clone()],
        expires_in: args.expires_in,
        pod: args.pod.clone(),
        node: None,
    };
    let token = request_token(&client, &args.service_account, &options).await?;
    let file = TokenFile::create(&token.token)?;
    let variables = variables(&endpoints, &account.annotations, &file, &args.service_account)?;
    // Before the child starts: a signal that came in between would end this program alone, and leave
    // the child and its token behind.
    let mut signals = forwarded_signals()?;
    let mut child = match spawn(&args.command, variables) {
        Ok(child) => child,
        Err(failure) => return Ok(failure),
    };
    let mut refresh_at = Instant::now() + refresh_in(token.expiration, now());
    let mut warned = false;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status.context("the command cannot be waited for")?,
            Some(signal) = signals.recv() => forward(&child, signal),
            () = tokio::time::sleep_until(refresh_at) => {
                let refreshed = match request_token(&client, &args.service_account, &options).await {
                    Ok(token) => file.replace(&token.token).map(|()| token.expiration),
                    Err(error) => Err(error),
                };
                refresh_at = Instant::now() + match refreshed {
                    Ok(expiration) => { warned = false; refresh_in(expiration, now()) }
                    Err(error) => {
                        if !warned {
                            eprintln!("symbolon: the token cannot be refreshed, the old one stays while it is valid: {error:#}");
                        }
                        warned = true;
                        RETRY
                    }
                };
            }
        }
    };
    Ok(exit_code(status))
}

/// The variables that a pod with this service account would have, and trust for the local CA.
fn variables(
    endpoints: &Endpoints,
    annotations: &BTreeMap<String, String>,
    file: &TokenFile,
    account: &ServiceAccountName,
) -> Result<BTreeMap<&'static str, OsString>> {
    let client_id = annotations.get(CLIENT_ID_ANNOTATION).with_context(|| {
        format!(
            "service account `{account}` names no identity: set its annotation {CLIENT_ID_ANNOTATION}, for example with `symbolon service-account create {account} --client-id ID`"
        )
    })?;
    let mut variables: BTreeMap<_, OsString> =
        endpoints.variables().into_iter().map(|(name, value)| (name, value.into())).collect();
    variables.insert("AZURE_CLIENT_ID", client_id.into());
    if let Some(tenant) = annotations.get(TENANT_ID_ANNOTATION) {
        variables.insert("AZURE_TENANT_ID", tenant.into());
    }
    variables.insert("AZURE_FEDERATED_TOKEN_FILE", file.path().into());
    variables.extend(endpoints.no_proxy().into_iter().map(|(name, value)| (name, value.into())));
    Ok(variables)
}

/// Starts the command; where it cannot be run, the code is the one that shells have for that.
fn spawn(command: &[OsString], variables: BTreeMap<&'static str, OsString>) -> Result<Child, ExitCode> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(ExitCode::FAILURE);
    };
    let mut builder = Command::new(program);
    builder.args(arguments);
    for name in REMOVED {
        builder.env_remove(name);
    }
    builder.envs(variables);
    builder.spawn().map_err(|error| cannot_run(program.as_ref(), error))
}

/// Says why a program cannot be run, and returns the code that shells have for that.
pub(crate) fn cannot_run(program: &Path, error: std::io::Error) -> ExitCode {
    let code = if error.kind() == std::io::ErrorKind::NotFound { NOT_FOUND } else { NOT_EXECUTABLE };
    output::print_error(&anyhow::Error::new(error).context(format!("`{}` cannot be run", program.display())));
    ExitCode::from(code)
}

/// From `now` until 80 % of what is left of the token's life is over; both in unix seconds.
fn refresh_in(expiration: i64, now: i64) -> Duration {
    let left = expiration - now;
    let seconds = (left * REFRESH_PERCENT / 100).max(1);
    Duration::from_secs(seconds.unsigned_abs())
}

fn now() -> i64 {
    SystemClock.now().as_second()
}

/// Signals that are passed on. At a terminal the child stands in the same foreground group and
/// gets Ctrl-C and Ctrl-\ itself; passing them on too would deliver them twice.
fn forwarded_signals() -> Result<mpsc::Receiver<Signal>> {
    let at_terminal = std::io::stdin().is_terminal();
    let (sender, receiver) = mpsc::channel(16);
    for (kind, out) in [
        (SignalKind::terminate(), Some(Signal::TERM)),
        (SignalKind::hangup(), Some(Signal::HUP)),
        (SignalKind::user_defined1(), Some(Signal::USR1)),
        (SignalKind::user_defined2(), Some(Signal::USR2)),
        (SignalKind::interrupt(), (!at_terminal).then_some(Signal::INT)),
        (SignalKind::quit(), (!at_terminal).then_some(Signal::QUIT)),
    ] {
        let mut stream = signal(kind).context("signals cannot be received")?;
        let sender = sender.clone();
        tokio::spawn(async move {
            while stream.recv().await.is_some() {
                if let Some(out) = out
                    && sender.send(out).await.is_err()
                {
                    return;
                }
            }
        });
    }
    Ok(receiver)
}

fn forward(child: &Child, signal: Signal) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // It may have ended in this moment; its exit code is then what counts.
        let _ = kill_process(pid, signal);
    }
}

/// The child's own code, or 128 and the signal's number as shells have it.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    ExitCode::from(u8::try_from(code & 0xff).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_refreshed_when_four_fifths_of_its_life_are_over() {
        assert_eq!(refresh_in(1_000, 0), Duration::from_secs(800));
        assert_eq!(refresh_in(3_700, 100), Duration::from_mins(48));
        assert_eq!(refresh_in(100, 100), Duration::from_secs(1));
        assert_eq!(refresh_in(0, 100), Duration::from_secs(1));
    }
}
