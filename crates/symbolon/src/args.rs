//! The command line.

use clap::{Args, Parser, Subcommand};

#[cfg(feature = "authority")]
use crate::command::{
    ad, apply, audit, az, demo, demo_client, env, export, federated_credential, group, identity, role, run,
    service_account, subscription, tenant, token, trusted_issuer, up,
};
use crate::{
    command::{completions, controller, webhook},
    output::OutputFormat,
};

#[cfg(feature = "authority")]
const EXAMPLES: &str = "\
Examples:
  symbolon demo                          replay the whole story in a throw-away directory
  symbolon up                            start the authority, its API and a cluster issuer
  symbolon identity create sademo        make a managed identity
  symbolon run --service-account default/sademo -- python app.py
                                         run a program as a pod of that service account would";
#[cfg(not(feature = "authority"))]
const EXAMPLES: &str = "\
This is the build for a cluster's nodes: the webhook and the controller. The full program has the
authority too.";

/// Workload identity without secrets: an authority that speaks Microsoft Entra ID's protocol and
/// really verifies federated tokens, for laptops, CI and disconnected clusters.
#[derive(Parser)]
#[command(name = "symbolon", version, after_help = EXAMPLES, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Args, Clone)]
pub(crate) struct Global {
    /// Where data lies [env: SYMBOLON_DATA_DIR] [default: $XDG_DATA_HOME/symbolon or ~/.local/share/symbolon]
    #[cfg(feature = "authority")]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data_dir: Option<std::path::PathBuf>,
    /// Act as the administrator in this file [env: SYMBOLON_ADMINISTRATOR] [default: administrator.json of the data directory]
    #[cfg(feature = "authority")]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) administrator: Option<std::path::PathBuf>,
    /// How data is printed
    #[arg(long, short, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: OutputFormat,
}

/// Everything that can be asked of it.
#[derive(Subcommand)]
pub(crate) enum Command {
    #[cfg(feature = "authority")]
    #[command(flatten)]
    Authority(AuthorityCommand),
    /// Run the admission webhook of a cluster
    Webhook(Box<webhook::WebhookArgs>),
    /// Keep what the admission policies read, and heal what was missed
    Controller(controller::ControllerArgs),
    /// Print a completion script for a shell
    Completions(completions::CompletionsArgs),
}

/// What has to do with an authority of one's own.
#[cfg(feature = "authority")]
#[derive(Subcommand)]
pub(crate) enum AuthorityCommand {
    /// Start all parts in one process
    Up(up::UpArgs),
    /// Print the variables that a client needs
    Env(env::EnvArgs),
    /// Run the Azure CLI against this installation
    Az(az::AzArgs),
    /// Run a program as a service account
    Run(run::RunArgs),
    /// Manage user-assigned managed identities
    Identity(identity::IdentityArgs),
    /// Manage the federated credentials of an identity
    FederatedCredential(federated_credential::FederatedCredentialArgs),
    /// Manage tenants, and what the administrator's own one simulates
    Tenant(tenant::TenantArgs),
    /// Manage the subscriptions of a tenant
    Subscription(subscription::SubscriptionArgs),
    /// Manage resource groups
    Group(group::GroupArgs),
    /// Manage what is known of foreign issuers
    TrustedIssuer(trusted_issuer::TrustedIssuerArgs),
    /// Manage service accounts of the embedded cluster issuer
    ServiceAccount(service_account::ServiceAccountArgs),
    /// Manage applications, their secrets and certificates
    Ad(ad::AdArgs),
    /// Make the installation hold what a file says
    Apply(apply::ApplyArgs),
    /// Print what the installation holds, as a file for `symbolon apply`
    Export(export::ExportArgs),
    /// Manage roles and who has them
    Role(role::RoleArgs),
    /// Create, exchange and inspect tokens
    Token(token::TokenArgs),
    /// See who asked for what, and what was answered
    Audit(audit::AuditArgs),
    /// Replay the whole story in a throw-away directory
    Demo(demo::DemoArgs),
    /// The workload of the demo
    #[command(hide = true)]
    DemoClient(demo_client::DemoClientArgs),
}

#[cfg(all(test, feature = "authority"))]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn leaves(command: &clap::Command, path: &str, found: &mut Vec<(String, String)>) {
        let mut subcommands = command.get_subcommands().filter(|command| !command.is_hide_set()).peekable();
        if subcommands.peek().is_none() {
            let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            found.push((path.to_owned(), examples));
        }
        for subcommand in subcommands {
            leaves(subcommand, &format!("{path} {}", subcommand.get_name()), found);
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_s_help_has_an_example_of_that_very_command() {
        let mut found = Vec::new();
        leaves(&Cli::command(), "symbolon", &mut found);
        assert!(found.len() > 20, "{found:?}");
        for (path, examples) in found {
            assert!(examples.contains(&path), "`{path} --help` shows no example of it");
        }
    }
}
