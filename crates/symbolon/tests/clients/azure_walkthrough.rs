//! The walkthrough that people know from Azure, as real `az` commands, and what each prints.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    azure_cli,
    client::clean,
    installation::{Installation, error_text},
    shape::{self, Kind},
};

const CLOUD: &str = "Symbolon";
const GROUP: &str = "walkthrough";
const IDENTITY: &str = "sademo";
const READER: &str = "acdd72a7-3385-48ef-bd42-f606fba81ae7";
const SERVICE_ACCOUNT: &str = "default/sademo";

/// `az` in a session of its own.
struct Session<'a> {
    program: &'a Path,
    installation: &'a Installation,
    home: TempDir,
}

impl<'a> Session<'a> {
    /// A session in which the installation is registered as a cloud, by its metadata alone.
    fn registered(program: &'a Path, installation: &'a Installation) -> Self {
        let session = Self { program, installation, home: tempfile::tempdir().unwrap() };
        let management = installation.variable("SYMBOLON_MANAGEMENT");
        session.az(&["cloud", "register", "--name", CLOUD, "--endpoint-resource-manager", management]);
        session.az(&["cloud", "set", "--name", CLOUD]);
        session
    }

    /// Runs a command that must succeed and returns what it prints, `null` where that is nothing.
    fn az(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments);
        assert!(output.status.success(), "`az {}` failed: {}", arguments.join(" "), error_text(&output));
        let text = String::from_utf8(output.stdout).unwrap();
        if text.trim().is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
    }

    /// Runs a command that must be refused, and returns what it says.
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(!output.status.success(), "`az {}` was not refused", arguments.join(" "));
        error_text(&output)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(self.program);
        clean(&mut command, self.home.path());
        command
            .args(arguments)
            .args(["--only-show-errors", "--output", "json"])
            .env("AZURE_CONFIG_DIR", self.home.path().join("az"))
            .env("AZURE_CORE_INSTANCE_DISCOVERY", "false")
            .env("AZURE_CORE_COLLECT_TELEMETRY", "0")
            .env("REQUESTS_CA_BUNDLE", self.installation.variable("REQUESTS_CA_BUNDLE"))
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    fn log_in_as_administrator(&self) {
        let (tenant, client_id, pem) = self.installation.administrator();
        let login = [
            ["login", "--service-principal"],
            ["--username", &client_id],
            ["--tenant", &tenant],
            ["--certificate", pem.to_str().unwrap()],
        ];
        self.az(&login.concat());
    }

    /// Logs in with a token of the embedded issuer.
    fn log_in_with_federated_token(&self, client_id: &str) -> Output {
        let token = self.installation.symbolon(["token", "create", "--service-account", SERVICE_ACCOUNT]);
        let tenant = self.installation.variable("AZURE_TENANT_ID");
        self.run(&[
            "login",
            "--service-principal",
            "--username",
            client_id,
            "--tenant",
            tenant,
            "--federated-token",
            token.trim_end(),
            "--allow-no-subscriptions",
        ])
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no `{name}` in {value}"))
}

/// Source: the response of `PUT …/resourcegroups/…` in azure-cli's recordings (for example
/// `identity/tests/latest/recordings/test_federated_identity_credential.yaml`), as `az group
/// create` documents its output.
fn group_shape() -> Value {
    json!({
        "id": Kind::ID,
        "location": Kind::TEXT,
        "managedBy": null,
        "name": Kind::TEXT,
        "properties": { "provisioningState": "Succeeded" },
        "tags": Kind::ANY,
        "type": "Microsoft.Resources/resourceGroups",
    })
}

/// Source: the response of `PUT …/userAssignedIdentities/ide` in azure-cli's recording
/// `identity/tests/latest/recordings/test_federated_identity_credential.yaml`; az flattens
/// `properties` and adds the resource group of the id.
fn identity_shape() -> Value {
    json!({
        "clientId": Kind::GUID,
        // Azure writes `resourcegroups` in lower case here and nowhere else.
        "id": Kind::IDENTITY_ID,
        "location": Kind::TEXT,
        "name": IDENTITY,
        "principalId": Kind::GUID,
        "resourceGroup": GROUP,
        "tags": {},
        "tenantId": Kind::GUID,
        "type": "Microsoft.ManagedIdentity/userAssignedIdentities",
    })
}

/// Source: the responses of `…/federatedIdentityCredentials/fic1` in the same recording.
fn credential_shape(issuer: &str, subject: &str) -> Value {
    json!({
        "audiences": ["api://AzureADTokenExchange"],
        "id": Kind::IDENTITY_ID,
        "issuer": issuer,
        "name": "fic1",
        "resourceGroup": GROUP,
        "subject": subject,
        "type": "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials",
    })
}

#[test]
fn the_walkthrough_of_identities_and_federated_credentials_prints_what_azure_prints() {
    let Some(program) = azure_cli::prepared() else { return };
    let installation = Installation::start();
    let az = Session::registered(&program, &installation);
    az.log_in_as_administrator();

    let group = az.az(&["group", "create", "--name", GROUP, "--location", "westeurope"]);
    shape::check("az group create", &group, &group_shape());
    let identity = az.az(&["identity", "create", "--name", IDENTITY, "--resource-group", GROUP]);
    shape::check("az identity create", &identity, &identity_shape());
    assert_eq!(az.az(&["identity", "show", "--name", IDENTITY, "--resource-group", GROUP]), identity);
    assert_eq!(az.az(&["identity", "list", "--resource-group", GROUP]), json!([identity]));
    assert_eq!(az.az(&["identity", "list"]), json!([identity]));

    let client_id = text(&identity, "clientId");
    installation.symbolon(["service-account", "create", SERVICE_ACCOUNT, "--client-id", client_id]);
    let workload = Session::registered(&program, &installation);
    let refused = workload.log_in_with_federated_token(client_id);
    assert!(error_text(&refused).contains("AADSTS70025"), "{}", error_text(&refused));

    let issuer = installation.variable("SYMBOLON_ISSUER");
    let subject = "system:serviceaccount:default:sademo";
    let place = ["--name", "fic1", "--identity-name", IDENTITY, "--resource-group", GROUP];
    let credential =
        |verb: &str, rest: &[&str]| az.az(&[&["identity", "federated-credential", verb], &place[..], rest].concat());
    let wrong = credential("create", &["--issuer", issuer, "--subject", "system:serviceaccount:other:sademo"]);
    shape::check(
        "az identity federated-credential create",
        &wrong,
        &credential_shape(issuer, "system:serviceaccount:other:sademo"),
    );
    let refused = workload.log_in_with_federated_token(client_id);
    assert!(error_text(&refused).contains("AADSTS700213"), "{}", error_text(&refused));
    let right = credential("update", &["--issuer", issuer, "--subject", subject]);
    shape::check("az identity federated-credential update", &right, &credential_shape(issuer, subject));
    assert_eq!(credential("show", &[]), right);
    let list = ["identity", "federated-credential", "list", "--identity-name", IDENTITY, "--resource-group", GROUP];
    assert_eq!(az.az(&list), json!([right]));
    let accepted = workload.log_in_with_federated_token(client_id);
    assert!(accepted.status.success(), "{}", error_text(&accepted));

    credential("delete", &["--yes"]);
    assert_eq!(az.az(&list), json!([]));
    az.az(&["identity", "delete", "--name", IDENTITY, "--resource-group", GROUP]);
    let gone = az.refused(&["identity", "show", "--name", IDENTITY, "--resource-group", GROUP]);
    assert!(gone.contains("ResourceNotFound"), "{gone}");
    az.az(&["group", "delete", "--name", GROUP, "--yes"]);
    assert_eq!(az.az(&["group", "exists", "--name", GROUP]), json!(false));
}

/// Source: `az role assignment create` in azure-cli's recordings
/// (`role/tests/latest/recordings/test_role_assignment_create_update.yaml`) and the examples of
/// `Microsoft.Authorization` 2022-04-01 in the REST specifications.
fn assignment_shape(scope: &str, principal: &str) -> Value {
    json!({
        "condition": null,
        "conditionVersion": null,
        "createdBy": Kind::ANY,
        "createdOn": Kind::DATE,
        "delegatedManagedIdentityResourceId": null,
        "description": null,
        "id": Kind::ID,
        "name": Kind::GUID,
        "principalId": principal,
        "principalType": "ServicePrincipal",
        "resourceGroup": GROUP,
        "roleDefinitionId": Kind::ID,
        "scope": scope,
        // Added by the library that az 2.91 brings.
        "systemData": null,
        "type": "Microsoft.Authorization/roleAssignments",
        "updatedBy": Kind::ANY,
        "updatedOn": Kind::DATE,
    })
}

/// Source: `az role definition list` in azure-cli's recording
/// `role/tests/latest/recordings/test_built_in_role_definition_scenario.yaml`.
fn definition_shape() -> Value {
    json!({
        "assignableScopes": ["/"],
        "createdBy": null,
        // Azure's built-in roles have dates; here they have none.
        "createdOn": null,
        "description": Kind::TEXT,
        "id": Kind::ID,
        "name": READER,
        "permissions": [{
            "actions": ["*/read"],
            "condition": null,
            "conditionVersion": null,
            "dataActions": [],
            "notActions": [],
            "notDataActions": [],
        }],
        "roleName": "Reader",
        "roleType": "BuiltInRole",
        // Added by the library that az 2.91 brings.
        "systemData": null,
        "type": "Microsoft.Authorization/roleDefinitions",
        "updatedBy": null,
        "updatedOn": null,
    })
}

#[test]
fn roles_are_assigned_listed_and_deleted_as_in_azure_and_decide_what_a_workload_may_do() {
    let Some(program) = azure_cli::prepared() else { return };
    let installation = Installation::start();
    let az = Session::registered(&program, &installation);
    az.log_in_as_administrator();
    let scope = text(&az.az(&["group", "create", "--name", GROUP, "--location", "westeurope"]), "id").to_owned();
    let identity = az.az(&["identity", "create", "--name", IDENTITY, "--resource-group", GROUP]);
    let (client_id, principal) = (text(&identity, "clientId"), text(&identity, "principalId"));
    installation.symbolon(["service-account", "create", SERVICE_ACCOUNT, "--client-id", client_id]);
    let issuer = installation.variable("SYMBOLON_ISSUER");
    az.az(&[
        &["identity", "federated-credential", "create", "--name", "fic1", "--identity-name", IDENTITY][..],
        &["--resource-group", GROUP, "--issuer", issuer, "--subject", "system:serviceaccount:default:sademo"],
    ]
    .concat());

    let definitions = az.az(&["role", "definition", "list", "--name", "Reader"]);
    shape::check("az role definition list", &definitions[0], &definition_shape());

    let workload = Session::registered(&program, &installation);
    let login = workload.log_in_with_federated_token(client_id);
    assert!(login.status.success(), "{}", error_text(&login));
    let subscription = az.az(&["account", "show"])["id"].as_str().unwrap().to_owned();
    let show = ["identity", "show", "--name", IDENTITY, "--resource-group", GROUP, "--subscription", &subscription];
    // Without any role in it, the subscription is not there at all.
    let refused = workload.refused(&show);
    assert!(refused.contains(&format!("Subscription '{subscription}' not found")), "{refused}");

    // By object id and role name.
    let assign = |who: &[&str], role: &str| {
        az.az(&[&["role", "assignment", "create", "--scope", &scope, "--role", role], who].concat())
    };
    let by_object = ["--assignee-object-id", principal, "--assignee-principal-type", "ServicePrincipal"];
    let assignment = assign(&by_object, "Reader");
    shape::check("az role assignment create", &assignment, &assignment_shape(&scope, principal));
    // Again, by app id and role id: az finds the one that is there.
    let again = assign(&["--assignee", client_id], READER);
    assert_eq!(text(&again, "id"), text(&assignment, "id"));
    let listed = az.az(&["role", "assignment", "list", "--scope", &scope, "--assignee", client_id]);
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    assert_eq!(text(&listed[0], "roleDefinitionName"), "Reader");
    assert_eq!(text(&listed[0], "principalName"), client_id);

    let login = workload.log_in_with_federated_token(client_id);
    assert!(login.status.success(), "{}", error_text(&login));
    assert_eq!(text(&workload.az(&show), "clientId"), client_id);
    let refused = workload.refused(&["identity", "create", "--name", "other", "--resource-group", GROUP]);
    for part in ["AuthorizationFailed", "Microsoft.ManagedIdentity/userAssignedIdentities/write", &scope] {
        assert!(refused.contains(part), "`{part}` is not in: {refused}");
    }

    // By role name and app id, by its own id, by role id and object id, and by object id alone.
    az.az(&["role", "assignment", "delete", "--assignee", client_id, "--role", "Reader", "--scope", &scope]);
    let assignment = assign(&["--assignee", principal], READER);
    az.az(&["role", "assignment", "delete", "--ids", text(&assignment, "id")]);
    assign(&by_object, "Reader");
    az.az(&["role", "assignment", "delete", "--assignee", principal, "--role", READER, "--scope", &scope]);
    let assignment = assign(&by_object, "Contributor");
    az.az(&["role", "assignment", "delete", "--assignee", principal, "--scope", &scope]);
    let listed = az.az(&["role", "assignment", "list", "--scope", &scope, "--assignee", client_id]);
    assert_eq!(listed, json!([]), "{assignment} was to be deleted");
}

/// Source: azure-cli's recording `role/tests/latest/recordings/test_app_federated_credential.yaml`.
fn application_credential_shape() -> Value {
    json!({
        "audiences": ["api://AzureADTokenExchange"],
        "description": "Testing",
        "id": Kind::GUID,
        "issuer": "https://token.actions.githubusercontent.com/",
        "name": "Testing",
        "subject": "repo:octo-org/octo-repo:environment:Production",
    })
}

#[test]
fn applications_and_service_principals_are_managed_as_in_azure() {
    let Some(program) = azure_cli::prepared() else { return };
    let installation = Installation::start();
    let az = Session::registered(&program, &installation);
    az.log_in_as_administrator();

    let application = az.az(&["ad", "app", "create", "--display-name", "billing"]);
    shape::check("az ad app create", &application, &crate::shape::application("billing"));
    let app_id = text(&application, "appId");
    assert_eq!(az.az(&["ad", "app", "show", "--id", app_id])["id"], application["id"]);
    assert_eq!(az.az(&["ad", "app", "list", "--display-name", "billing"]).as_array().map(Vec::len), Some(1));

    let parameters = json!({
        "name": "Testing",
        "issuer": "https://token.actions.githubusercontent.com/",
        "subject": "repo:octo-org/octo-repo:environment:Production",
        "description": "Testing",
        "audiences": ["api://AzureADTokenExchange"],
    });
    let credential = |verb: &str, rest: &[&str]| {
        az.az(&[&["ad", "app", "federated-credential", verb, "--id", app_id], rest].concat())
    };
    let made = credential("create", &["--parameters", &parameters.to_string()]);
    shape::check("az ad app federated-credential create", &without_context(&made), &application_credential_shape());
    let name = ["--federated-credential-id", "Testing"];
    assert_eq!(without_context(&credential("show", &name)), without_context(&made));
    assert_eq!(credential("list", &[]).as_array().map(Vec::len), Some(1));
    let changed = json!({ "subject": "repo:octo-org/octo-repo:ref:refs/heads/main", "issuer": parameters["issuer"],
        "audiences": parameters["audiences"] });
    credential("update", &[&name[..], &["--parameters", &changed.to_string()]].concat());
    assert_eq!(text(&credential("show", &name), "subject"), "repo:octo-org/octo-repo:ref:refs/heads/main");
    credential("delete", &name);
    assert_eq!(credential("list", &[]), json!([]));

    let principal = az.az(&["ad", "sp", "create", "--id", app_id]);
    shape::check("az ad sp create", &principal, &crate::shape::service_principal("billing", app_id));
    assert_eq!(az.az(&["ad", "sp", "show", "--id", app_id])["id"], principal["id"]);
    let reset = az.az(&["ad", "app", "credential", "reset", "--id", app_id]);
    assert!(text(&reset, "password").contains("8Q~"), "not a secret of Entra's form");
    assert_eq!(az.az(&["ad", "app", "credential", "list", "--id", app_id]).as_array().map(Vec::len), Some(1));
    az.az(&["ad", "app", "delete", "--id", app_id]);
    let gone = az.refused(&["ad", "app", "show", "--id", app_id]);
    assert!(gone.contains("does not exist"), "{gone}");
}

/// What az leaves of the envelope.
fn without_context(value: &Value) -> Value {
    let mut value = value.clone();
    value.as_object_mut().unwrap().remove("@odata.context");
    value
}

#[test]
fn symbolon_az_and_symbolon_env_lead_az_to_the_installation() {
    let Some(program) = azure_cli::prepared() else { return };
    let installation = Installation::start();
    let home = tempfile::tempdir().unwrap();
    let program = program.to_str().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = installation.command(arguments);
        clean(&mut command, home.path());
        command.output().unwrap()
    };
    for _ in 0..2 {
        let output = run(&["az", "--program", program, "--", "group", "list", "--output", "json"]);
        assert!(output.status.success(), "{}", error_text(&output));
        let groups: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(groups[0]["name"], "symbolon");
    }
    let failed = run(&["az", "--program", program, "--", "identity", "show", "-n", "none", "-g", "symbolon"]);
    assert_eq!(failed.status.code(), Some(3), "az's own code for what is not there");
    let missing = run(&["az", "--program", "/nowhere/az", "--", "version"]);
    assert_ne!(missing.status.code(), Some(0));

    let output = run(&["env", "--az", "--az-program", program, "--format", "json"]);
    assert!(output.status.success(), "{}", error_text(&output));
    let variables: std::collections::BTreeMap<String, String> = serde_json::from_slice(&output.stdout).unwrap();
    assert!(!String::from_utf8_lossy(&output.stdout).contains("PRIVATE KEY"));
    let mut command = Command::new(program);
    clean(&mut command, home.path());
    let output = command.args(["account", "show", "--output", "json"]).envs(&variables).output().unwrap();
    let account: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(account["tenantId"], installation.variable("AZURE_TENANT_ID"));
    assert!(!home.path().join(".azure").exists(), "az wrote into the user's own directory");
}
