//! Steps, carried out.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Action, Kind, Object, Place, Step};
use crate::{ClientError, ManagementClient, segment, symbolon_api::account_path};

const IDENTITIES: &str = "2025-05-31-preview";
const CREDENTIALS: &str = "2025-01-31-preview";
const ROLES: &str = "2022-04-01";
const CLIENT_ID: &str = "azure.workload.identity/client-id";

impl ManagementClient {
    /// Carries out one step. It can be repeated: what is there already stays, what is gone is gone.
    ///
    /// # Errors
    /// [`ClientError`]; the steps before it stand.
    pub async fn carry_out(&self, step: &Step, place: &Place) -> Result<(), ClientError> {
        let object = &step.object;
        let deletes = step.action == Action::Delete;
        match object.kind {
            Kind::TrustedIssuer if deletes => self.delete_trusted_issuer(&object.name).await.map(drop),
            Kind::TrustedIssuer => {
                let allow_private = object.fields.get("allowPrivate") == Some(&json!(true));
                let (jwks, ca_pem) = (object.text("jwks"), object.text("caPem"));
                self.put_trusted_issuer(&object.name, jwks, ca_pem, allow_private).await.map(drop)
            }
            Kind::RoleDefinition => self.write_role(object, place, deletes).await,
            Kind::Identity => self.write_identity(object, deletes).await,
            Kind::FederatedCredential => self.write_credential(object, deletes).await,
            Kind::ServiceAccount => self.write_account(object, step.action).await,
            Kind::RoleAssignment => self.write_grant(object, place, deletes).await,
        }
    }

    async fn write_identity(&self, object: &Object, deletes: bool) -> Result<(), ClientError> {
        let (group, name) = object.name.split_once('/').unwrap_or_default();
        let path = self.identity_url(group, name);
        if deletes {
            return self.arm(Method::DELETE, &path, IDENTITIES, None).await.map(drop);
        }
        let found = match self.raw_identity(&object.name).await {
            Ok(found) => Some(found),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error),
        };
        let kept = |field: &str| found.as_ref().map(|found| found[field].clone());
        let location = match object.fields.get("location").cloned().or_else(|| kept("location")) {
            Some(location) => location,
            None => self.region_of(group).await?,
        };
        let tags = object.fields.get("tags").cloned().or_else(|| kept("tags")).unwrap_or_else(|| json!({}));
        let body = json!({ "location": location, "tags": tags });
        self.arm(Method::PUT, &path, IDENTITIES, Some(&body)).await.map(drop)
    }

    async fn region_of(&self, group: &str) -> Result<Value, ClientError> {
        let subscription = segment(&self.installation.subscription_id);
        let path = format!("/subscriptions/{subscription}/resourceGroups/{}", segment(group));
        let found: Value = self.arm(Method::GET, &path, "2024-11-01", None).await?.json()?;
        Ok(found["location"].clone())
    }

    async fn write_credential(&self, object: &Object, deletes: bool) -> Result<(), ClientError> {
        let (identity, credential) = object.name.rsplit_once('/').unwrap_or_default();
        let (group, name) = identity.split_once('/').unwrap_or_default();
        let path = format!("{}/federatedIdentityCredentials/{}", self.identity_url(group, name), segment(credential));
        if deletes {
            return self.arm(Method::DELETE, &path, CREDENTIALS, None).await.map(drop);
        }
        let mut properties = json!({ "issuer": object.text("issuer"), "audiences": [object.text("audience")] });
        match object.text("claimsMatchingExpression") {
            Some(expression) => {
                properties["claimsMatchingExpression"] = json!({ "languageVersion": 1, "value": expression });
            }
            None => properties["subject"] = json!(object.text("subject")),
        }
        let body = json!({ "properties": properties });
        self.arm(Method::PUT, &path, CREDENTIALS, Some(&body)).await.map(drop)
    }

    async fn write_account(&self, object: &Object, action: Action) -> Result<(), ClientError> {
        let (namespace, name) = object.name.split_once('/').unwrap_or_default();
        if action == Action::Delete {
            return self.delete_service_account(namespace, name).await.map(drop);
        }
        // The identity may have been made a step ago, so its client id is known only now.
        let client_id = match object.text("identity") {
            Some(identity) => Some(self.client_id_of(identity).await?),
            None => None,
        };
        if action == Action::Create {
            return self.create_service_account(namespace, name, client_id.as_deref(), None).await.map(drop);
        }
        let body = json!({ "annotations": { CLIENT_ID: client_id } });
        self.own(Method::PATCH, &account_path(namespace, name), Some(&body)).await.map(drop)
    }

    /// The client id of an identity by its path; what is no path is a client id already.
    async fn client_id_of(&self, identity: &str) -> Result<String, ClientError> {
        if Uuid::try_parse(identity.rsplit('/').next().unwrap_or_default()).is_ok() {
            return Ok(identity.rsplit('/').next().unwrap_or_default().to_owned());
        }
        let found = self.raw_identity(identity).await?;
        Ok(found["properties"]["clientId"].as_str().unwrap_or_default().to_owned())
    }

    async fn write_role(&self, object: &Object, place: &Place, deletes: bool) -> Result<(), ClientError> {
        let scope = place.subscription_scope();
        let found = self.role_id(&object.name, &scope).await?;
        if deletes {
            let Some(id) = found else { return Ok(()) };
            return self.arm(Method::DELETE, &id, ROLES, None).await.map(drop);
        }
        let new = || format!("{scope}/providers/Microsoft.Authorization/roleDefinitions/{}", Uuid::new_v4());
        let field = |name: &str| object.fields.get(name).cloned().unwrap_or_default();
        let permission = json!({
            "actions": field("actions"),
            "notActions": field("notActions"),
            "dataActions": field("dataActions"),
            "notDataActions": field("notDataActions"),
        });
        let body = json!({ "properties": {
            "roleName": object.name,
            "description": field("description"),
            "type": "CustomRole",
            "permissions": [permission],
            "assignableScopes": field("assignableScopes"),
        } });
        self.arm(Method::PUT, &found.unwrap_or_else(new), ROLES, Some(&body)).await.map(drop)
    }

    async fn write_grant(&self, object: &Object, place: &Place, deletes: bool) -> Result<(), ClientError> {
        let identity = self.raw_identity(object.owner.as_deref().unwrap_or_default()).await?;
        let principal = identity["properties"]["principalId"].as_str().unwrap_or_default();
        let (role, scope) = (object.text("role").unwrap_or_default(), object.text("scope").unwrap_or_default());
        let definition = self.role_id(role, &place.subscription_scope()).await?.ok_or_else(|| ClientError::Api {
            status: 404,
            code: "RoleDefinitionDoesNotExist".into(),
            message: format!("There is no role `{role}`; `symbolon role definition list` shows those that there are"),
        })?;
        let base = format!("{}/providers/Microsoft.Authorization/roleAssignments", scope.trim_end_matches('/'));
        if !deletes {
            let body = json!({ "properties": {
                "roleDefinitionId": definition,
                "principalId": principal,
                "principalType": "ServicePrincipal",
            } });
            let written = self.arm(Method::PUT, &format!("{base}/{}", Uuid::new_v4()), ROLES, Some(&body)).await;
            return match written {
                Err(ClientError::Api { status: 409, code, .. }) if code == "RoleAssignmentExists" => Ok(()),
                other => other.map(drop),
            };
        }
        let all: Vec<Value> = self.all_pages(&base, ROLES).await?;
        let is_it = |found: &&Value| {
            let text = |name: &str| found["properties"][name].as_str().unwrap_or_default();
            let same_role = text("roleDefinitionId").rsplit('/').next() == definition.rsplit('/').next();
            text("principalId") == principal && same_role && text("scope").eq_ignore_ascii_case(scope)
        };
        match all.iter().find(is_it).and_then(|found| found["id"].as_str()) {
            Some(id) => self.arm(Method::DELETE, id, ROLES, None).await.map(drop),
            None => Ok(()),
        }
    }

    /// The id of the role with this name.
    async fn role_id(&self, name: &str, scope: &str) -> Result<Option<String>, ClientError> {
        let path = format!("{scope}/providers/Microsoft.Authorization/roleDefinitions");
        let all: Vec<Value> = self.all_pages(&path, ROLES).await?;
        let named = |role: &&Value| {
            role["properties"]["roleName"].as_str().is_some_and(|found| found.eq_ignore_ascii_case(name))
        };
        Ok(all.iter().find(named).and_then(|role| role["id"].as_str()).map(str::to_owned))
    }
}
