//! `symbolon demo`: the story of Symbolon, replayed on this machine against a throw-away directory.
//!
//! It uses the product's public sockets only, like any client: the parts run in a process of their
//! own, and the workload is a child of `symbolon run`.

use std::{
    collections::BTreeMap,
    io::Write as _,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use serde_json::Value;
use symbolon_client::ManagementClient;
use symbolon_core::ports::Clock;
use symbolon_jose::{JwkSet, VerificationKeys};

use crate::{
    command::{demo_client::Report, token::inspect},
    context::Context,
    endpoints::Endpoints,
    output::{self, OutputFormat},
    system::SystemClock,
};

mod admission;
mod stage;
mod wire;

use stage::Stage;

const NAMESPACE: &str = "default";
const SERVICE_ACCOUNT: &str = "sademo";
const IDENTITY: &str = "sademo";
const CREDENTIAL: &str = "kubernetes";
const AUDIENCE: &str = "api://AzureADTokenExchange";
const SCOPE: &str = "https://vault.azure.net/.default";

const EXAMPLES: &str = "\
Examples:
  symbolon demo
  symbolon demo --output json

Nothing outside of a temporary directory is touched, and nothing but this machine is contacted.";

/// Arguments of `symbolon demo`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DemoArgs {
    /// Alter the credential's subject, so that the story must fail
    #[arg(long, hide = true)]
    alter_subject: bool,
}

/// How long one step took.
struct Done {
    title: &'static str,
    took: Duration,
}

/// The story while it is told.
struct Story {
    stage: Stage,
    endpoints: Endpoints,
    client: ManagementClient,
    quiet: bool,
    /// The variables that the webhook gave the pod.
    injected: BTreeMap<String, String>,
    done: Vec<Done>,
}

pub(crate) async fn run(args: DemoArgs, context: &Context) -> Result<ExitCode> {
    let quiet = context.output == OutputFormat::Json;
    let started = Instant::now();
    let stage = Stage::start().await?;
    let endpoints = stage.endpoints()?;
    let client = stage.client()?;
    let mut story = Story { stage, endpoints, client, quiet, injected: BTreeMap::new(), done: Vec::new() };
    story.say(&format!(
        "{}\n{}",
        output::heading("symbolon demo", env!("CARGO_PKG_VERSION")),
        output::dim(&format!(
            "everything runs here, in {}, and is thrown away at the end",
            story.stage.path().display()
        ))
    ));
    let outcome = story.tell(args.alter_subject).await;
    story.stage.stop().await;
    story.finish(outcome, started.elapsed(), context)
}

impl Story {
    async fn tell(&mut self, alter_subject: bool) -> Result<()> {
        let jwks = self.issuer_publishes().await?;
        let client_id = self.identity_is_created().await?;
        self.account_is_annotated(&client_id).await?;
        self.pod_is_admitted().await?;
        self.login_fails().await?;
        self.credential_is_created(alter_subject).await?;
        self.login_succeeds(&jwks, &client_id).await
    }

    async fn issuer_publishes(&mut self) -> Result<JwkSet> {
        let step = self.begin(1, "A cluster issuer publishes its discovery document and keys");
        let discovery_url = format!("{}/.well-known/openid-configuration", self.endpoints.issuer);
        let discovery = self.get(&discovery_url).await?;
        let jwks_uri = discovery["jwks_uri"].as_str().context("the discovery document names no jwks_uri")?.to_owned();
        ensure!(discovery["issuer"] == self.endpoints.issuer.as_str(), "the discovery document names another issuer");
        let document = self.get(&jwks_uri).await?;
        let set = JwkSet::parse(document.to_string().as_bytes(), 100).context("the issuer's keys cannot be used")?;
        ensure!(!set.keys.is_empty(), "the issuer publishes no key");
        self.end(step);
        Ok(set)
    }

    async fn identity_is_created(&mut self) -> Result<String> {
        let step = self.begin(2, "A managed identity is created");
        self.command(&format!("symbolon identity create {IDENTITY}"));
        let identity = self.client.create_identity(IDENTITY, None).await?;
        self.show_wire();
        let client_id = identity.client_id.clone();
        self.say(&format!("   client id {}", output::good(&client_id)));
        self.end(step);
        Ok(client_id)
    }

    async fn account_is_annotated(&mut self, client_id: &str) -> Result<()> {
        let step = self.begin(3, "A service account is annotated with that client id");
        self.command(&format!("symbolon service-account create {NAMESPACE}/{SERVICE_ACCOUNT} --client-id {client_id}"));
        self.client.create_service_account(NAMESPACE, SERVICE_ACCOUNT, Some(client_id), None).await?;
        self.show_wire();
        self.end(step);
        Ok(())
    }

    /// What an API server does when somebody creates a pod: it asks the webhook.
    async fn pod_is_admitted(&mut self) -> Result<()> {
        let step = self.begin(4, "A pod that uses it is admitted: the webhook adds the token and the variables");
        let url = format!("{}{}", self.endpoints.webhook, symbolon_webhook::handler::PATH);
        let review = admission::review(NAMESPACE, SERVICE_ACCOUNT);
        let answer = self.client.post_public(&url, &review).await?;
        let patch = admission::patch(&answer)?;
        self.say(&admission::show(&url, &review, &patch));
        self.injected = admission::variables(&patch);
        ensure!(!self.injected.is_empty(), "the webhook injected no variable");
        self.end(step);
        Ok(())
    }

    async fn login_fails(&mut self) -> Result<()> {
        let step = self.begin(5, "The workload logs in, and is refused: no federated credential matches");
        let report = self.workload().await?;
        let error = report.error.as_deref().context("the login succeeded, though no federated credential exists")?;
        ensure!(error.contains("AADSTS70025"), "expected AADSTS70025, the SDK said: {error}");
        let first = error.lines().next().unwrap_or_default();
        self.say(&format!("   azure_identity says: {}", output::bad(first)));
        let hint = self.stage.last_hint().await?.context("the audit trail holds no hint")?;
        self.say(&format!("   the log and the audit trail say: {}", output::warning(&hint)));
        self.end(step);
        Ok(())
    }

    async fn credential_is_created(&mut self, alter_subject: bool) -> Result<()> {
        let step = self.begin(6, "The federated credential is created: issuer, subject, audience");
        let mut subject = format!("system:serviceaccount:{NAMESPACE}:{SERVICE_ACCOUNT}");
        if alter_subject {
            subject.push_str("-altered");
        }
        let issuer = self.endpoints.issuer.clone();
        self.command(&format!(
            "symbolon federated-credential create --identity {IDENTITY} --name {CREDENTIAL} --issuer {issuer} --subject {subject}"
        ));
        self.client.put_federated_credential(IDENTITY, CREDENTIAL, &issuer, &subject, AUDIENCE).await?;
        self.show_wire();
        self.end(step);
        Ok(())
    }

    async fn login_succeeds(&mut self, issuer_keys: &JwkSet, client_id: &str) -> Result<()> {
        let step = self.begin(7, "The same login succeeds: an access token, and no secret anywhere");
        let report = self.workload().await?;
        let Some(token) = &report.token else {
            if let Ok(Some(hint)) = self.stage.last_hint().await {
                self.say(&format!("   {}", output::warning(&hint)));
            }
            bail!("the login was refused: {}", report.error.unwrap_or_default());
        };
        let (header, claims) = inspect::decode(token)?;
        let keys_url = format!("{}/{}/discovery/v2.0/keys", self.endpoints.authority, self.endpoints.tenant_id);
        let document = self.client.get_public(&keys_url).await?;
        let keys = VerificationKeys::new(&JwkSet::parse(&document, 100)?);
        let signature = inspect::verify(token, &keys, keys_url);
        self.say(&indent(&inspect::render(&header, &claims, &signature, SystemClock.now())));
        ensure!(matches!(signature, inspect::Signature::Valid { .. }), "the token's signature is not valid");
        ensure!(claims["appid"] == client_id, "the token is for another client");
        ensure!(!issuer_keys.keys.is_empty(), "the issuer publishes no key");
        self.end(step);
        Ok(())
    }

    /// Runs the workload as the service account and shows what went over the wire.
    async fn workload(&self) -> Result<Report> {
        self.command(&format!(
            "symbolon run --service-account {NAMESPACE}/{SERVICE_ACCOUNT} --pod sademo-0 -- <the workload>"
        ));
        let report = self.stage.workload(&format!("{NAMESPACE}/{SERVICE_ACCOUNT}"), SCOPE).await?;
        admission::check(&self.injected, &report.variables)?;
        for (name, value) in report.variables.iter().filter(|(name, _)| name.starts_with("AZURE_")) {
            self.say(&output::dim(&format!("   {name}={value}")));
        }
        ensure!(
            !report.wire.is_empty(),
            "nothing went over the wire: {}",
            report.error.as_deref().unwrap_or("no reason was given")
        );
        for exchange in &report.wire {
            self.say(&wire::show_form(exchange));
        }
        Ok(report)
    }

    async fn get(&self, url: &str) -> Result<Value> {
        let document = self.client.get_public(url).await?;
        let value: Value = serde_json::from_slice(&document).with_context(|| format!("`{url}` is not JSON"))?;
        self.say(&wire::show("GET", url, None, 200, Some(&value)));
        Ok(value)
    }

    /// Shows what the management client sent and got since the last time.
    fn show_wire(&self) {
        for exchange in self.stage.take_wire() {
            self.say(&wire::show(
                &exchange.method,
                &exchange.url,
                exchange.request.as_ref(),
                exchange.status,
                exchange.response.as_ref(),
            ));
        }
    }

    fn say(&self, text: &str) {
        if !self.quiet {
            // A reader that has gone must not end the demo before it has cleaned up.
            let _ = writeln!(std::io::stdout(), "{text}");
        }
    }

    fn command(&self, line: &str) {
        self.say(&format!("   $ {line}"));
    }

    fn begin(&self, number: usize, title: &'static str) -> (&'static str, Instant) {
        self.say(&format!("\n{}", output::heading(&format!("{number}."), title)));
        (title, Instant::now())
    }

    fn end(&mut self, (title, started): (&'static str, Instant)) {
        let took = started.elapsed();
        self.say(&output::good(&format!("   done in {} ms", took.as_millis())));
        self.done.push(Done { title, took });
    }

    fn finish(&self, outcome: Result<()>, total: Duration, context: &Context) -> Result<ExitCode> {
        if context.output == OutputFormat::Json {
            let steps: Vec<_> = self
                .done
                .iter()
                .map(|done| serde_json::json!({ "title": done.title, "milliseconds": done.took.as_secs_f64() * 1e3 }))
                .collect();
            output::print_json(&serde_json::json!({ "ok": outcome.is_ok(), "steps": steps }))?;
        }
        match outcome {
            Ok(()) => {
                self.say(&format!(
                    "\n{}",
                    output::good(&format!(
                        "All {} steps did what they say, in {:.1} s.",
                        self.done.len(),
                        total.as_secs_f64()
                    ))
                ));
                Ok(ExitCode::SUCCESS)
            }
            Err(error) => Err(error.context(format!("step {} did not do what it says", self.done.len() + 1))),
        }
    }
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("   {line}")).collect::<Vec<_>>().join("\n")
}
