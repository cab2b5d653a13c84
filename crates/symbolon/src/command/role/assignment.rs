//! `symbolon role assignment`

use std::collections::HashMap;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use symbolon_client::{ManagementClient, RoleAssignment, RoleDefinition};

use super::definition::require;
use crate::{
    context::Context,
    output::{self, OutputFormat},
};

pub(super) const EXAMPLES: &str = "\
Examples:
  symbolon role assignment create --assignee CLIENT_ID --role Reader --resource-group default
  symbolon role assignment list --assignee CLIENT_ID --all
  symbolon role assignment delete --assignee CLIENT_ID --role Reader --resource-group default

--assignee takes the client id or the object id of an identity or an application.";

#[derive(Subcommand)]
pub(super) enum AssignmentCommand {
    /// Give a role to a principal
    #[command(
        after_help = "Examples:\n  symbolon role assignment create --assignee CLIENT_ID --role Reader --resource-group default\n  symbolon role assignment create --assignee-object-id OBJECT_ID --assignee-principal-type ServicePrincipal \\\n    --role \"Key Vault Secrets User\" --scope /subscriptions/SUBSCRIPTION_ID"
    )]
    Create(Create),
    /// List who has which role
    #[command(
        after_help = "Examples:\n  symbolon role assignment list\n  symbolon role assignment list --all --output json\n  symbolon role assignment list --assignee CLIENT_ID --scope /subscriptions/SUBSCRIPTION_ID"
    )]
    List(List),
    /// Take roles away
    #[command(
        after_help = "Examples:\n  symbolon role assignment delete --ids ASSIGNMENT_ID\n  symbolon role assignment delete --assignee CLIENT_ID --role Reader --resource-group default"
    )]
    Delete(Delete),
}

/// Where a role holds.
#[derive(Args)]
struct Place {
    /// `/`, or the id of a subscription, resource group or resource
    #[arg(long)]
    scope: Option<String>,
    /// Instead of a scope: a resource group of the default subscription
    #[arg(long, short = 'g', value_name = "NAME", conflicts_with = "scope")]
    resource_group: Option<String>,
}

#[derive(Args)]
pub(super) struct Create {
    /// Who gets the role: a client id or an object id
    #[arg(long, value_name = "ID", required_unless_present = "assignee_object_id")]
    assignee: Option<String>,
    /// Who gets the role, by the object id alone
    #[arg(long, value_name = "ID", conflicts_with = "assignee")]
    assignee_object_id: Option<String>,
    /// What kind of principal that is: ServicePrincipal
    #[arg(long, value_name = "TYPE")]
    assignee_principal_type: Option<String>,
    /// The role's name or id
    #[arg(long)]
    role: String,
    /// What people shall know of it
    #[arg(long)]
    description: Option<String>,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(super) struct List {
    /// Only of this principal: a client id or an object id
    #[arg(long, value_name = "ID")]
    assignee: Option<String>,
    /// Only of this role: its name or id
    #[arg(long)]
    role: Option<String>,
    /// At all scopes, instead of those that hold for the subscription
    #[arg(long, conflicts_with_all = ["scope", "resource_group"])]
    all: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(super) struct Delete {
    /// Full ids of assignments
    #[arg(long, value_name = "ID", num_args = 1.., conflicts_with_all = ["assignee", "role", "scope", "resource_group"])]
    ids: Vec<String>,
    /// Of this principal: a client id or an object id
    #[arg(long, value_name = "ID")]
    assignee: Option<String>,
    /// Of this role: its name or id
    #[arg(long)]
    role: Option<String>,
    #[command(flatten)]
    place: Place,
}

impl Place {
    fn scope(&self, client: &ManagementClient) -> Option<String> {
        self.scope.clone().or_else(|| self.resource_group.as_ref().map(|group| client.group_scope(group)))
    }
}

pub(super) async fn run(command: AssignmentCommand, client: &ManagementClient, context: &Context) -> Result<()> {
    match command {
        AssignmentCommand::Create(args) => create(&args, client, context).await,
        AssignmentCommand::List(args) => list(&args, client, context).await,
        AssignmentCommand::Delete(args) => delete(&args, client, context).await,
    }
}

async fn create(args: &Create, client: &ManagementClient, context: &Context) -> Result<()> {
    let Some(scope) = args.place.scope(client) else {
        bail!("--scope or --resource-group is needed: a role holds at a scope and below");
    };
    let principal = match (&args.assignee, &args.assignee_object_id) {
        (Some(assignee), _) => client.principal_id(assignee).await?,
        (None, id) => id.clone().unwrap_or_default(),
    };
    let role = require(client, &args.role).await?;
    let kind = args.assignee_principal_type.as_deref();
    let made = client.create_role_assignment(&scope, &role, &principal, kind, args.description.as_deref()).await?;
    if context.output == OutputFormat::Json {
        return output::print_json(&object(&made, &names(&[role])));
    }
    output::print_fields(&[
        ("role", role.role_name),
        ("principal id", made.principal_id),
        ("scope", made.scope),
        ("id", made.id),
    ]);
    Ok(())
}

async fn list(args: &List, client: &ManagementClient, context: &Context) -> Result<()> {
    let scope = args.place.scope(client);
    let at_scope = if args.all { None } else { Some("atScope()".to_owned()) };
    let scope = if args.all { "/".to_owned() } else { scope.unwrap_or_else(|| client.subscription_scope()) };
    let principal = of_principal(args.assignee.as_deref(), client).await?;
    let filter: Vec<String> = at_scope.into_iter().chain(principal).collect();
    let names = names(&client.role_definitions("/", "atScopeAndBelow()").await?);
    let mut found = client.role_assignments(&scope, &filter.join(" and ")).await?;
    if let Some(role) = &args.role {
        let role = require(client, role).await?;
        found.retain(|found| guid(&found.role_definition_id) == role.name);
    }
    if context.output == OutputFormat::Json {
        return output::print_json(&found.iter().map(|found| object(found, &names)).collect::<Vec<_>>());
    }
    let row = |found: &RoleAssignment| {
        vec![role_name(found, &names), found.principal_id.clone(), found.scope.clone(), found.name.clone()]
    };
    let rows: Vec<_> = found.iter().map(row).collect();
    output::print_table(&["role", "principal id", "scope", "name"], &rows, "there is no such role assignment");
    Ok(())
}

async fn delete(args: &Delete, client: &ManagementClient, context: &Context) -> Result<()> {
    if !args.ids.is_empty() {
        for id in &args.ids {
            let Some((scope, name)) = split(id) else {
                bail!(
                    "`{id}` is not the id of a role assignment, expected SCOPE/providers/Microsoft.Authorization/roleAssignments/GUID"
                );
            };
            let deleted = client.delete_role_assignment(scope, name).await?;
            output::print_deleted("role assignment", id, deleted, context.output)?;
        }
        return Ok(());
    }
    if args.assignee.is_none() && args.role.is_none() {
        bail!("--ids, --assignee or --role is needed to say which assignments are meant");
    }
    let scope = args.place.scope(client).unwrap_or_else(|| client.subscription_scope());
    let filter = of_principal(args.assignee.as_deref(), client).await?.unwrap_or_default();
    let role = match &args.role {
        Some(role) => Some(require(client, role).await?),
        None => None,
    };
    let meant = |found: &RoleAssignment| {
        // What is inherited belongs to another scope, where it is deleted by naming that.
        found.scope.trim_end_matches('/').eq_ignore_ascii_case(scope.trim_end_matches('/'))
            && role.as_ref().is_none_or(|role| guid(&found.role_definition_id) == role.name)
    };
    let found: Vec<_> = client.role_assignments(&scope, &filter).await?.into_iter().filter(meant).collect();
    if found.is_empty() {
        bail!("there is no such role assignment at scope `{scope}`");
    }
    for found in found {
        let deleted = client.delete_role_assignment(&found.scope, &found.name).await?;
        output::print_deleted("role assignment", &found.id, deleted, context.output)?;
    }
    Ok(())
}

async fn of_principal(assignee: Option<&str>, client: &ManagementClient) -> Result<Option<String>> {
    let Some(assignee) = assignee else { return Ok(None) };
    Ok(Some(format!("principalId eq '{}'", client.principal_id(assignee).await?)))
}

/// Scope and GUID of a full id.
fn split(id: &str) -> Option<(&str, &str)> {
    const BETWEEN: &str = "/providers/microsoft.authorization/roleassignments/";
    let at = id.to_ascii_lowercase().rfind(BETWEEN)?;
    Some((if at == 0 { "/" } else { &id[..at] }, &id[at + BETWEEN.len()..]))
}

fn guid(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or_default()
}

fn names(roles: &[RoleDefinition]) -> HashMap<String, String> {
    roles.iter().map(|role| (role.name.clone(), role.role_name.clone())).collect()
}

fn role_name(found: &RoleAssignment, names: &HashMap<String, String>) -> String {
    let guid = guid(&found.role_definition_id);
    names.get(guid).map_or(guid, String::as_str).to_owned()
}

fn object(found: &RoleAssignment, names: &HashMap<String, String>) -> Value {
    json!({
        "id": found.id,
        "name": found.name,
        "scope": found.scope,
        "principalId": found.principal_id,
        "principalType": found.principal_type,
        "roleDefinitionId": found.role_definition_id,
        "roleDefinitionName": role_name(found, names),
        "description": found.description,
        "createdOn": found.created_on,
    })
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn a_full_id_is_scope_and_guid() {
        let id = "/subscriptions/s/providers/Microsoft.Authorization/roleAssignments/g";
        assert_eq!(split(id), Some(("/subscriptions/s", "g")));
        assert_eq!(split("/providers/Microsoft.Authorization/RoleAssignments/g"), Some(("/", "g")));
        assert_eq!(split("g"), None);
    }
}
