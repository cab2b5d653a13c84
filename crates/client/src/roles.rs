//! Roles and who has them, through Azure Resource Manager.

use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Audience, ClientError, ManagementClient, RoleAssignment, RoleDefinition, segment};

const VERSION: &str = "2022-04-01";
const DEFINITIONS: &str = "providers/Microsoft.Authorization/roleDefinitions";
const ASSIGNMENTS: &str = "providers/Microsoft.Authorization/roleAssignments";

/// An ARM resource without a location.
#[derive(Deserialize)]
struct Resource<P> {
    id: String,
    name: String,
    properties: P,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DefinitionProperties {
    role_name: String,
    r#type: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    assignable_scopes: Vec<String>,
    #[serde(default)]
    permissions: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AssignmentProperties {
    scope: String,
    role_definition_id: String,
    principal_id: String,
    principal_type: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    created_on: String,
}

/// What Graph knows of a principal.
#[derive(Deserialize)]
struct Principals {
    value: Vec<Principal>,
}

#[derive(Deserialize)]
struct Principal {
    id: String,
}

impl From<Resource<DefinitionProperties>> for RoleDefinition {
    fn from(resource: Resource<DefinitionProperties>) -> Self {
        Self {
            id: resource.id,
            name: resource.name,
            role_name: resource.properties.role_name,
            role_type: resource.properties.r#type,
            description: resource.properties.description,
            assignable_scopes: resource.properties.assignable_scopes,
            permissions: resource.properties.permissions,
        }
    }
}

impl From<Resource<AssignmentProperties>> for RoleAssignment {
    fn from(resource: Resource<AssignmentProperties>) -> Self {
        Self {
            id: resource.id,
            name: resource.name,
            scope: resource.properties.scope,
            role_definition_id: resource.properties.role_definition_id,
            principal_id: resource.properties.principal_id,
            principal_type: resource.properties.principal_type,
            description: resource.properties.description,
            created_on: resource.properties.created_on,
        }
    }
}

impl ManagementClient {
    /// The id of the default subscription as a scope.
    #[must_use]
    pub fn subscription_scope(&self) -> String {
        format!("/subscriptions/{}", self.installation.subscription_id)
    }

    /// The id of a resource group of the default subscription as a scope.
    #[must_use]
    pub fn group_scope(&self, group: &str) -> String {
        format!("{}/resourceGroups/{group}", self.subscription_scope())
    }

    /// The object id of a principal, which may be named by the client id of an identity or an
    /// application, or by its object id, as az names it.
    ///
    /// # Errors
    /// [`ClientError`]; so for all calls here.
    pub async fn principal_id(&self, assignee: &str) -> Result<String, ClientError> {
        let filter = format!("servicePrincipalNames/any(c:c eq '{}')", assignee.replace('\'', "''"));
        let path = format!("/v1.0/servicePrincipals?$filter={}", segment(&filter));
        let found: Principals = self.call(Audience::Graph, Method::GET, &path, None).await?.json()?;
        Ok(found.value.into_iter().next().map_or_else(|| assignee.to_owned(), |principal| principal.id))
    }

    /// The roles that can be given at a scope, and those below it, that a filter of ARM lets through.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn role_definitions(&self, scope: &str, filter: &str) -> Result<Vec<RoleDefinition>, ClientError> {
        let all: Vec<Resource<DefinitionProperties>> = self.pages(list(scope, DEFINITIONS, filter)).await?;
        Ok(all.into_iter().map(Into::into).collect())
    }

    /// The role with this name, GUID or full id; none where there is none.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn find_role_definition(&self, role: &str) -> Result<Option<RoleDefinition>, ClientError> {
        let guid = role.rsplit('/').next().unwrap_or_default();
        if Uuid::try_parse(guid).is_ok() {
            let path = one("/", DEFINITIONS, guid);
            return match self.arm(Method::GET, &path, VERSION, None).await {
                Ok(answer) => Ok(Some(answer.json::<Resource<DefinitionProperties>>()?.into())),
                Err(error) if error.is_not_found() => Ok(None),
                Err(error) => Err(error),
            };
        }
        let filter = format!("atScopeAndBelow() and roleName eq '{}'", role.replace('\'', "''"));
        Ok(self.role_definitions("/", &filter).await?.into_iter().next())
    }

    /// Creates a role, or replaces the one with this GUID; `properties` are those of ARM.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn put_role_definition(
        &self,
        scope: &str,
        guid: Option<&str>,
        properties: &Value,
    ) -> Result<RoleDefinition, ClientError> {
        let path = one(scope, DEFINITIONS, &guid.map_or_else(new_guid, str::to_owned));
        let answer = self.arm(Method::PUT, &path, VERSION, Some(&json!({ "properties": properties }))).await?;
        Ok(answer.json::<Resource<DefinitionProperties>>()?.into())
    }

    /// Deletes a role that the tenant made; false where there was none.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn delete_role_definition(&self, guid: &str) -> Result<bool, ClientError> {
        let answer = self.arm(Method::DELETE, &one("/", DEFINITIONS, guid), VERSION, None).await?;
        Ok(answer.status != StatusCode::NO_CONTENT)
    }

    /// The role assignments at, above and below a scope that a filter of ARM lets through.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn role_assignments(&self, scope: &str, filter: &str) -> Result<Vec<RoleAssignment>, ClientError> {
        let all: Vec<Resource<AssignmentProperties>> = self.pages(list(scope, ASSIGNMENTS, filter)).await?;
        Ok(all.into_iter().map(Into::into).collect())
    }

    /// Gives the role with a full id to a principal.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn create_role_assignment(
        &self,
        scope: &str,
        role: &RoleDefinition,
        principal_id: &str,
        principal_type: Option<&str>,
        description: Option<&str>,
    ) -> Result<RoleAssignment, ClientError> {
        let body = json!({ "properties": {
            "roleDefinitionId": role.id,
            "principalId": principal_id,
            "principalType": principal_type,
            "description": description,
        } });
        let answer = self.arm(Method::PUT, &one(scope, ASSIGNMENTS, &new_guid()), VERSION, Some(&body)).await?;
        Ok(answer.json::<Resource<AssignmentProperties>>()?.into())
    }

    /// Takes a role away, by the assignment's scope and GUID; false where there was none.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn delete_role_assignment(&self, scope: &str, guid: &str) -> Result<bool, ClientError> {
        let answer = self.arm(Method::DELETE, &one(scope, ASSIGNMENTS, guid), VERSION, None).await?;
        Ok(answer.status != StatusCode::NO_CONTENT)
    }
}

fn new_guid() -> String {
    Uuid::new_v4().to_string()
}

/// A scope with its segments percent-encoded; nothing for the root.
fn encoded(scope: &str) -> String {
    let segments = scope.trim_end_matches('/').split('/').skip(1);
    segments.fold(String::new(), |path, part| path + "/" + &segment(part))
}

fn one(scope: &str, kind: &str, name: &str) -> String {
    format!("{}/{kind}/{}", encoded(scope), segment(name))
}

fn list(scope: &str, kind: &str, filter: &str) -> String {
    let path = format!("{}/{kind}?api-version={VERSION}", encoded(scope));
    if filter.is_empty() { path } else { format!("{path}&$filter={}", segment(filter)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_hold_the_scope_and_nothing_that_leads_elsewhere() {
        let guid = "8e3af657";
        assert_eq!(one("/", "k", guid), "/k/8e3af657");
        assert_eq!(one("/subscriptions/s/", "k", guid), "/subscriptions/s/k/8e3af657");
        assert_eq!(one("/subscriptions/a b?c", "k", "x/y"), "/subscriptions/a%20b%3Fc/k/x%2Fy");
        assert_eq!(list("/", "k", "roleName eq 'A'"), "/k?api-version=2022-04-01&$filter=roleName%20eq%20%27A%27");
    }
}
