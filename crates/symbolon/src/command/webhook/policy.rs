//! `symbolon webhook policy`: the same injection as objects for the API server.

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use symbolon_webhook::admission::policy::{Missing, Mode, PolicySettings, render};

use super::{arguments::SettingsArgs, settings};
use crate::{
    context::Context,
    output::{OutputFormat, print_json},
};

const EXAMPLES: &str = "\
Examples:
  symbolon webhook policy --tenant-id … | kubectl apply -f -
  symbolon webhook policy --mode policy --missing deny --tenant-id … --output json

It takes the settings of the webhook that are about the injection; give both the same.
Kubernetes 1.36 or later evaluates the policies itself, and `symbolon controller` keeps the
ConfigMaps that they read. When you take them away again, leave the two that are named
symbolon-configmap-parameters: without them the API server would go on with the ConfigMaps of
today until it restarts.";

/// Arguments of `symbolon webhook policy`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct PolicyArgs {
    /// What injects pods
    #[arg(long, value_enum, default_value_t)]
    mode: ModeArg,
    /// What becomes of a pod whose service account the controller has not written down yet
    /// [default: webhook, or deny in mode policy]
    #[arg(long, value_enum)]
    missing: Option<MissingArg>,
    /// The name of the policies
    #[arg(long, value_name = "NAME", default_value = "symbolon-workload-identity")]
    policy_name: String,
    /// The ConfigMap that is looked up in the namespace of each pod
    #[arg(long, value_name = "NAME", default_value = "symbolon-workload-identity")]
    config_map: String,
    /// A namespace whose pods are left alone; may be repeated
    #[arg(long, value_name = "NAME", default_values = ["kube-system"])]
    exclude_namespace: Vec<String>,
    /// The service account of the controller
    #[arg(long, value_name = "NS/NAME", default_value = "azure-workload-identity-system/symbolon-controller")]
    controller: String,
    #[command(flatten)]
    settings: SettingsArgs,
}

/// What injects pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum ModeArg {
    /// The policy alone
    Policy,
    /// The policy, and the webhook for what it cannot do
    #[default]
    Both,
}

/// What becomes of a pod whose account is not known yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum MissingArg {
    /// It is refused, unless the webhook injects it
    Deny,
    /// It is left to the webhook
    Webhook,
}

pub(super) fn run(args: &PolicyArgs, context: &Context) -> Result<()> {
    let objects = render(&settings::settings(&args.settings, "info")?, &policy_settings(args)?)?;
    if context.output == OutputFormat::Json {
        return print_json(&json!({"apiVersion": "v1", "kind": "List", "items": objects}));
    }
    out!("{}", yaml(&objects)?);
    Ok(())
}

fn policy_settings(args: &PolicyArgs) -> Result<PolicySettings> {
    let (namespace, name) = args
        .controller
        .split_once('/')
        .with_context(|| format!("--controller `{}`: write NAMESPACE/NAME", args.controller))?;
    let mode = match args.mode {
        ModeArg::Policy => Mode::Policy,
        ModeArg::Both => Mode::Both,
    };
    let missing = match (args.missing, mode) {
        (Some(MissingArg::Deny), _) | (None, Mode::Policy) => Missing::Deny,
        (Some(MissingArg::Webhook), _) | (None, Mode::Both) => Missing::Webhook,
    };
    Ok(PolicySettings {
        mode,
        missing,
        name: args.policy_name.clone(),
        config_map: args.config_map.clone(),
        excluded_namespaces: args.exclude_namespace.clone(),
        controller_namespace: namespace.to_owned(),
        controller_account: name.to_owned(),
    })
}

/// The objects as one YAML stream.
fn yaml(objects: &[Value]) -> Result<String> {
    let mut text = String::new();
    for object in objects {
        text.push_str("---\n");
        text.push_str(&serde_saphyr::to_string(object)?);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_says_the_same_as_json() {
        let objects =
            [json!({"a": "x: y\nz", "b": ["- 1", "true", "'"], "c": {"d": 1, "e": null}}), json!({"f": "<a> ? b : c"})];
        let text = yaml(&objects).unwrap();
        let read: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
        assert_eq!(read, objects);
    }
}
