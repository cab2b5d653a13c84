//! Steps, carried out.

use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::{Action, Kind, Object, Place, Step};
use crate::{
    CLIENT_ID_ANNOTATION, ClientError, ManagementClient, Matching, RoleDefinition,
    identities::{CREDENTIAL_VERSION, IDENTITY_VERSION, credential_body},
    segment,
    symbolon_api::account_path,
};

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
            Kind::RoleAssignment => self.write_grant(object, deletes).await,
        }
    }

    async fn write_identity(&self, object: &Object, deletes: bool) -> Result<(), ClientError> {
        let (group, name) = object.name.split_once('/').unwrap_or_default();
        let path = self.identity_in(group, name);
        if deletes {
            return self.arm(Method::DELETE, &path, IDENTITY_VERSION, None).await.map(drop);
        }
        let found = match self.raw_identity(&object.name).await {
            Ok(found) => Some(found),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error),
        };
        let kept = |field: &str| found.as_ref().map(|found| found[field].clone());
        let location = match object.fields.get("location").cloned().or_else(|| kept("location")) {
            Some(location) => location,
            None => json!(self.group_location(group).await?),
        };
        let tags = object.fields.get("tags").cloned().or_else(|| kept("tags")).unwrap_or_else(|| json!({}));
        let body = json!({ "location": location, "tags": tags });
        self.arm(Method::PUT, &path, IDENTITY_VERSION, Some(&body)).await.map(drop)
    }

    async fn write_credential(&self, object: &Object, deletes: bool) -> Result<(), ClientError> {
        let (identity, credential) = object.name.rsplit_once('/').unwrap_or_default();
        let (group, name) = identity.split_once('/').unwrap_or_default();
        let path = format!("{}/federatedIdentityCredentials/{}", self.identity_in(group, name), segment(credential));
        if deletes {
            return self.arm(Method::DELETE, &path, CREDENTIAL_VERSION, None).await.map(drop);
        }
        let text = |field: &str| object.text(field).unwrap_or_default();
        let matching = match object.text("claimsMatchingExpression") {
            Some(expression) => Matching::Expression(expression),
            None => Matching::Subject(text("subject")),
        };
        let body = credential_body(text("issuer"), matching, text("audience"));
        self.arm(Method::PUT, &path, CREDENTIAL_VERSION, Some(&body)).await.map(drop)
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
        let body = json!({ "annotations": { CLIENT_ID_ANNOTATION: client_id } });
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
        let found = self.find_role_definition(&object.name).await?;
        if deletes {
            let Some(found) = found else { return Ok(()) };
            return self.delete_role_definition(&found.name).await.map(drop);
        }
        let field = |name: &str| object.fields.get(name).cloned().unwrap_or_default();
        let permission = json!({
            "actions": field("actions"),
            "notActions": field("notActions"),
            "dataActions": field("dataActions"),
            "notDataActions": field("notDataActions"),
        });
        let properties = json!({
            "roleName": object.name,
            "description": field("description"),
            "type": "CustomRole",
            "permissions": [permission],
            "assignableScopes": field("assignableScopes"),
        });
        let guid = found.as_ref().map(|found| found.name.as_str());
        self.put_role_definition(&place.subscription_scope(), guid, &properties).await.map(drop)
    }

    async fn write_grant(&self, object: &Object, deletes: bool) -> Result<(), ClientError> {
        let identity = self.raw_identity(object.owner.as_deref().unwrap_or_default()).await?;
        let principal = identity["properties"]["principalId"].as_str().unwrap_or_default();
        let scope = object.text("scope").unwrap_or_default();
        let role = self.role(object.text("role").unwrap_or_default()).await?;
        if !deletes {
            let written = self.create_role_assignment(scope, &role, principal, Some("ServicePrincipal"), None).await;
            return match written {
                Err(ClientError::Api { status: 409, code, .. }) if code == "RoleAssignmentExists" => Ok(()),
                other => other.map(drop),
            };
        }
        let all = self.role_assignments(scope, &format!("principalId eq '{principal}'")).await?;
        let is_it = all.iter().find(|found| {
            found.role_definition_id.rsplit('/').next() == Some(&role.name) && found.scope.eq_ignore_ascii_case(scope)
        });
        match is_it {
            Some(found) => self.delete_role_assignment(&found.scope, &found.name).await.map(drop),
            None => Ok(()),
        }
    }

    async fn role(&self, name: &str) -> Result<RoleDefinition, ClientError> {
        self.find_role_definition(name).await?.ok_or_else(|| ClientError::Api {
            status: 404,
            code: "RoleDefinitionDoesNotExist".into(),
            message: format!("There is no role `{name}`; `symbolon role definition list` shows those that there are"),
        })
    }
}
