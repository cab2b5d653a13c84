//! Applications, through Microsoft Graph.

use reqwest::Method;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    Application, ApplicationCredential, ApplicationUpdate, Audience, ClientError, ManagementClient, NewSecret, segment,
    transport::Answer,
};

/// An application as Graph prints it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GraphApplication {
    id: String,
    app_id: String,
    display_name: String,
    #[serde(default)]
    identifier_uris: Vec<String>,
    #[serde(default)]
    password_credentials: Vec<GraphCredential>,
    #[serde(default)]
    key_credentials: Vec<GraphCredential>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GraphCredential {
    key_id: String,
    #[serde(default)]
    display_name: Option<String>,
    #[serde(default)]
    hint: Option<String>,
    #[serde(default)]
    end_date_time: String,
    #[serde(default)]
    secret_text: Option<String>,
}

/// A Graph list.
#[derive(Deserialize)]
struct List<T> {
    value: Vec<T>,
    #[serde(rename = "@odata.nextLink", default)]
    next_link: Option<String>,
}

impl GraphCredential {
    fn into_credential(self, kind: &str) -> ApplicationCredential {
        ApplicationCredential {
            kind: kind.to_owned(),
            key_id: self.key_id,
            display_name: self.display_name,
            hint: self.hint,
            end: self.end_date_time,
        }
    }
}

impl From<GraphApplication> for Application {
    fn from(found: GraphApplication) -> Self {
        let secrets = found.password_credentials.into_iter().map(|credential| credential.into_credential("secret"));
        let certificates =
            found.key_credentials.into_iter().map(|credential| credential.into_credential("certificate"));
        Self {
            id: found.id,
            app_id: found.app_id,
            display_name: found.display_name,
            identifier_uris: found.identifier_uris,
            credentials: secrets.chain(certificates).collect(),
        }
    }
}

impl ManagementClient {
    pub(crate) async fn graph(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, ClientError> {
        self.call(Audience::Graph, method, &format!("/v1.0{path}"), body).await
    }

    /// Creates an application and its service principal.
    ///
    /// # Errors
    /// [`ClientError`]; so for all calls here.
    pub async fn create_application(
        &self,
        display_name: &str,
        identifier_uris: &[String],
    ) -> Result<Application, ClientError> {
        let body = json!({ "displayName": display_name, "identifierUris": identifier_uris });
        let made: GraphApplication = self.graph(Method::POST, "/applications", Some(&body)).await?.json()?;
        self.graph(Method::POST, "/servicePrincipals", Some(&json!({ "appId": made.app_id }))).await?;
        Ok(made.into())
    }

    /// All applications.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn applications(&self) -> Result<Vec<Application>, ClientError> {
        let all: Vec<GraphApplication> = self.graph_pages("/applications").await?;
        Ok(all.into_iter().map(Application::from).collect())
    }

    /// All objects of a Graph list.
    pub(crate) async fn graph_pages<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, ClientError> {
        let mut all = Vec::new();
        let mut next = Some(path.to_owned());
        while let Some(path) = next {
            let page: List<T> = self.graph(Method::GET, &path, None).await?.json()?;
            all.extend(page.value);
            // The token goes to the management plane only, so of a link just what follows counts.
            next = page.next_link.and_then(|link| link.split_once("/v1.0").map(|(_, path)| path.to_owned()));
        }
        Ok(all)
    }

    /// The application with this client id or object id.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn application(&self, id: &str) -> Result<Application, ClientError> {
        Ok(self.graph_application(id).await?.into())
    }

    async fn graph_application(&self, id: &str) -> Result<GraphApplication, ClientError> {
        let by_app_id = format!("/applications(appId='{}')", segment(id));
        match self.graph(Method::GET, &by_app_id, None).await {
            Ok(answer) => answer.json(),
            Err(error) if error.is_not_found() => {
                self.graph(Method::GET, &format!("/applications/{}", segment(id)), None).await?.json()
            }
            Err(error) => Err(error),
        }
    }

    /// Changes an application.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn update_application(&self, id: &str, update: &ApplicationUpdate) -> Result<Application, ClientError> {
        let found = self.application(id).await?;
        let mut body = json!({});
        if let Some(name) = &update.display_name {
            body["displayName"] = json!(name);
        }
        if let Some(uris) = &update.identifier_uris {
            body["identifierUris"] = json!(uris);
        }
        if let Some(version) = update.token_version {
            body["api"] = json!({ "requestedAccessTokenVersion": version });
        }
        self.graph(Method::PATCH, &format!("/applications/{}", found.id), Some(&body)).await?;
        self.application(&found.id).await
    }

    /// Deletes an application; false where there was none.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn delete_application(&self, id: &str) -> Result<bool, ClientError> {
        let found = match self.application(id).await {
            Ok(found) => found,
            Err(error) if error.is_not_found() => return Ok(false),
            Err(error) => return Err(error),
        };
        self.graph(Method::DELETE, &format!("/applications/{}", found.id), None).await?;
        Ok(true)
    }

    /// Adds a new client secret.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn add_secret(&self, id: &str, display_name: Option<&str>) -> Result<NewSecret, ClientError> {
        let found = self.application(id).await?;
        let body = json!({ "passwordCredential": { "displayName": display_name } });
        let path = format!("/applications/{}/addPassword", found.id);
        let made: GraphCredential = self.graph(Method::POST, &path, Some(&body)).await?.json()?;
        Ok(NewSecret {
            app_id: found.app_id,
            tenant_id: self.installation.tenant_id.clone(),
            key_id: made.key_id,
            secret: made.secret_text.unwrap_or_default(),
            end: made.end_date_time,
        })
    }

    /// Adds a certificate, given in PEM form.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn add_certificate(
        &self,
        id: &str,
        pem: &str,
        display_name: Option<&str>,
    ) -> Result<Application, ClientError> {
        let found = self.application(id).await?;
        let mut keys = kept_certificates(&found, None);
        keys.push(json!({
            "type": "AsymmetricX509Cert",
            "usage": "Verify",
            "displayName": display_name,
            "key": certificate_base64(pem),
        }));
        self.set_certificates(&found, keys).await?;
        self.application(&found.id).await
    }

    /// Removes a secret or a certificate; false where there was none.
    ///
    /// # Errors
    /// [`ClientError`]
    pub async fn remove_application_credential(&self, id: &str, key_id: &str) -> Result<bool, ClientError> {
        let found = self.application(id).await?;
        let Some(credential) = found.credentials.iter().find(|credential| credential.key_id == key_id) else {
            return Ok(false);
        };
        if credential.kind == "certificate" {
            self.set_certificates(&found, kept_certificates(&found, Some(key_id))).await?;
        } else {
            let path = format!("/applications/{}/removePassword", found.id);
            self.graph(Method::POST, &path, Some(&json!({ "keyId": key_id }))).await?;
        }
        Ok(true)
    }

    /// Graph replaces the whole list of certificates.
    async fn set_certificates(&self, application: &Application, keys: Vec<Value>) -> Result<(), ClientError> {
        let path = format!("/applications/{}", application.id);
        self.graph(Method::PATCH, &path, Some(&json!({ "keyCredentials": keys }))).await.map(drop)
    }
}

/// The certificates that stay, each named by its key id.
fn kept_certificates(application: &Application, without: Option<&str>) -> Vec<Value> {
    let certificates = application.credentials.iter().filter(|credential| credential.kind == "certificate");
    let kept = certificates.filter(|credential| Some(credential.key_id.as_str()) != without);
    kept.map(|credential| json!({ "keyId": credential.key_id, "type": "AsymmetricX509Cert", "usage": "Verify" }))
        .collect()
}

/// The body of the first certificate of a PEM text; the server says what is wrong with others.
fn certificate_base64(pem: &str) -> String {
    let body = pem.split("-----BEGIN CERTIFICATE-----").nth(1).unwrap_or(pem);
    let body = body.split("-----END").next().unwrap_or_default();
    body.split_whitespace().collect()
}
