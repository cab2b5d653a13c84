//! `symbolon role definition`

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use serde_json::{Map, Value, json};
use symbolon_client::{ManagementClient, RoleDefinition};

use crate::{
    context::Context,
    output::{self, OutputFormat},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  symbolon role definition list --name \"Key Vault Secrets User\" --output json
  symbolon role definition create --role-definition @role.json
  symbolon role definition delete --name \"Identity Tagger\"";

#[derive(Subcommand)]
pub(super) enum DefinitionCommand {
    /// List the roles
    #[command(
        after_help = "Examples:\n  symbolon role definition list\n  symbolon role definition list --name Reader --output json\n  symbolon role definition list --custom-role-only"
    )]
    List {
        /// Only the one of this name
        #[arg(long)]
        name: Option<String>,
        /// Only those that were made here
        #[arg(long)]
        custom_role_only: bool,
    },
    /// Show what a role allows
    #[command(after_help = "Examples:\n  symbolon role definition show --name Contributor --output json")]
    Show {
        /// Its name or id
        #[arg(long)]
        name: String,
    },
    /// Create a role, from the JSON that az takes
    #[command(
        after_help = "Examples:\n  symbolon role definition create --role-definition @role.json\n  symbolon role definition create --role-definition '{\"Name\":\"Identity Tagger\",\"Actions\":[\"Microsoft.ManagedIdentity/userAssignedIdentities/write\"],\"AssignableScopes\":[\"/subscriptions/SUBSCRIPTION_ID\"]}'"
    )]
    Create {
        /// JSON, or a file that holds it (`@role.json` or `role.json`)
        #[arg(long, value_name = "JSON")]
        role_definition: String,
    },
    /// Delete a role that was made here and that nobody has
    #[command(after_help = "Examples:\n  symbolon role definition delete --name \"Identity Tagger\"")]
    Delete {
        /// Its name or id
        #[arg(long)]
        name: String,
    },
}

pub(super) async fn run(command: DefinitionCommand, client: &ManagementClient, context: &Context) -> Result<()> {
    match command {
        DefinitionCommand::List { name, custom_role_only } => {
            let mut filter = vec!["atScopeAndBelow()".to_owned()];
            filter.extend(name.map(|name| format!("roleName eq '{}'", name.replace('\'', "''"))));
            filter.extend(custom_role_only.then(|| "type eq 'CustomRole'".to_owned()));
            list(&client.role_definitions("/", &filter.join(" and ")).await?, context)
        }
        DefinitionCommand::Show { name } => show(&require(client, &name).await?, context),
        DefinitionCommand::Create { role_definition } => create(&role_definition, client, context).await,
        DefinitionCommand::Delete { name } => {
            let deleted = match client.find_role_definition(&name).await? {
                Some(found) => client.delete_role_definition(&found.name).await?,
                None => false,
            };
            output::print_deleted("role definition", &name, deleted, context.output)
        }
    }
}

/// The role with this name or id.
pub(super) async fn require(client: &ManagementClient, role: &str) -> Result<RoleDefinition> {
    match client.find_role_definition(role).await? {
        Some(found) => Ok(found),
        None => bail!("role `{role}` was not found: `symbolon role definition list` shows all of them"),
    }
}

async fn create(text: &str, client: &ManagementClient, context: &Context) -> Result<()> {
    let json = if text.trim_start().starts_with('{') {
        text.to_owned()
    } else {
        let path = text.strip_prefix('@').unwrap_or(text);
        std::fs::read_to_string(path).with_context(|| format!("`{path}` cannot be read"))?
    };
    let members: Map<String, Value> =
        serde_json::from_str(&json).context("the role definition is not a JSON object")?;
    let properties = properties(&members);
    let name = properties["roleName"].as_str().unwrap_or_default();
    if name.is_empty() {
        bail!("the role definition has no `Name`");
    }
    // ARM's PUT under a new id would be refused for its name alone, which says less.
    if client.find_role_definition(name).await?.is_some() {
        bail!("role `{name}` exists already");
    }
    let Some(scope) = properties["assignableScopes"][0].as_str() else {
        bail!("the role definition has no `AssignableScopes`, which say where it may be given");
    };
    show(&client.put_role_definition(scope, None, &properties).await?, context)
}

/// ARM's properties of what az takes: names in any letter case, and the actions beside the name or in
/// `permissions`, as `role definition list` prints them.
fn properties(members: &Map<String, Value>) -> Value {
    let get = |name: &str| {
        let found = members.iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone()).filter(|value| !value.is_null())
    };
    let list = |name: &str| get(name).unwrap_or_else(|| json!([]));
    let permissions = get("permissions").unwrap_or_else(|| {
        json!([{
            "actions": list("actions"),
            "notActions": list("notActions"),
            "dataActions": list("dataActions"),
            "notDataActions": list("notDataActions"),
        }])
    });
    json!({
        "roleName": get("roleName").or_else(|| get("name")),
        "description": get("description"),
        "type": "CustomRole",
        "assignableScopes": list("assignableScopes"),
        "permissions": permissions,
    })
}

fn list(roles: &[RoleDefinition], context: &Context) -> Result<()> {
    if context.output == OutputFormat::Json {
        return output::print_json(&roles);
    }
    let row = |role: &RoleDefinition| vec![role.role_name.clone(), role.role_type.clone(), role.name.clone()];
    let rows: Vec<_> = roles.iter().map(row).collect();
    output::print_table(&["role", "type", "name"], &rows, "there is no such role");
    Ok(())
}

fn show(role: &RoleDefinition, context: &Context) -> Result<()> {
    if context.output == OutputFormat::Json {
        return output::print_json(role);
    }
    let patterns = |name: &str| {
        let permissions = role.permissions.as_array().into_iter().flatten();
        let patterns = permissions.flat_map(|permission| permission[name].as_array().into_iter().flatten());
        patterns.filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
    };
    output::print_fields(&[
        ("role", role.role_name.clone()),
        ("description", role.description.clone()),
        ("type", role.role_type.clone()),
        ("actions", patterns("actions")),
        ("not actions", patterns("notActions")),
        ("data actions", patterns("dataActions")),
        ("not data actions", patterns("notDataActions")),
        ("scopes", role.assignable_scopes.join(" ")),
        ("id", role.id.clone()),
    ]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_az_are_understood() {
        let read = |text: &str| properties(&serde_json::from_str(text).unwrap());
        let flat = read(r#"{"Name":"A","Actions":["*/read"],"AssignableScopes":["/"],"IsCustom":true}"#);
        let nested = read(
            r#"{"roleName":"A","name":"guid","permissions":[{"actions":["*/read"],"notActions":[],"dataActions":[],"notDataActions":[]}],"assignableScopes":["/"]}"#,
        );
        assert_eq!(flat, nested);
        assert_eq!(flat["permissions"][0]["actions"], json!(["*/read"]));
    }
}
