//! An installation with the identities that the clients act as.

use serde_json::Value;

use crate::{
    access_token,
    identity::{Identity, create_credential, create_identity},
    installation::Installation,
    issuer::{Issuer, SUBJECT, URL, token_id},
    refusals::{Presenter, REFUSALS, Refusal},
};

/// What every client asks for.
pub(crate) const SCOPE: &str = "https://vault.azure.net/.default";
/// The `aud` of what it gets.
const RESOURCE: &str = "https://vault.azure.net";
/// The service account of the installation's own issuer that stands for [`Stage::local`].
pub(crate) const SERVICE_ACCOUNT: &str = "default/local";
/// The name of the federated credential of [`Stage::web`].
const CREDENTIAL: &str = "foreign-cluster";

/// What a client tells its caller about a refusal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// The authority's code.
    Code,
    /// That there was one.
    Refusal,
}

/// A running installation, a foreign issuer, and three identities.
pub(crate) struct Stage {
    pub(crate) installation: Installation,
    issuer: Issuer,
    /// Has a federated credential for the foreign issuer.
    web: Identity,
    /// Has a federated credential for the installation's own issuer.
    pub(crate) local: Identity,
    /// Has none.
    bare: Identity,
}

impl Stage {
    /// Sets everything up through the command line.
    pub(crate) fn start() -> Self {
        let installation = Installation::start();
        let issuer = Issuer::new();
        let key_set = installation.path("keys.json");
        std::fs::write(&key_set, issuer.key_set()).unwrap();
        installation.symbolon(["trusted-issuer", "register", URL, "--jwks-file", key_set.to_str().unwrap()]);

        let web = create_identity(&installation, "web");
        create_credential(&installation, "web", CREDENTIAL, URL, SUBJECT);

        let local = create_identity(&installation, "local");
        installation.symbolon(["service-account", "create", SERVICE_ACCOUNT, "--client-id", &local.client_id]);
        let own_issuer = installation.variable("SYMBOLON_ISSUER");
        create_credential(&installation, "local", "own-issuer", own_issuer, "system:serviceaccount:default:local");

        let bare = create_identity(&installation, "bare");
        Self { installation, issuer, web, local, bare }
    }

    /// A token of the foreign issuer is exchanged, and the audit trail says so.
    pub(crate) fn check_success(&self, what: &str, client: impl Fn(&Identity, &str) -> Result<String, String>) {
        let before = self.last_sequence();
        let assertion = self.issuer.token();
        let token = client(&self.web, &assertion).unwrap_or_else(|error| panic!("{what} was refused: {error}"));
        self.verify(&token, &self.web);
        let entries = self.exchanges_after(before);
        assert!(!entries.is_empty(), "the audit trail has no entry");
        for entry in entries {
            assert_eq!(entry["outcome"], "granted", "{entry}");
            assert_eq!(entry["federatedCredential"], CREDENTIAL, "{entry}");
            assert_eq!(entry["subject"], SUBJECT, "{entry}");
            assert_eq!(entry["assertionId"], token_id(&assertion), "{entry}");
        }
    }

    /// A token of `symbolon token create` is exchanged.
    pub(crate) fn check_own_issuer(&self, client: impl Fn(&Identity, &str) -> Result<String, String>) {
        let assertion = self.installation.symbolon(["token", "create", "--service-account", SERVICE_ACCOUNT]);
        let token = client(&self.local, assertion.trim_end())
            .unwrap_or_else(|error| panic!("a token of the installation's own issuer was refused: {error}"));
        self.verify(&token, &self.local);
    }

    /// Every token of the table is refused with its code, which the audit trail has too; all that went wrong is told at once.
    pub(crate) fn check_refusals(&self, told: Told, client: impl Fn(&Identity, &str) -> Result<String, String>) {
        let wrong: Vec<String> = REFUSALS
            .iter()
            .filter_map(|refusal| {
                let failed = self.check_refusal(refusal, told, &client).err()?;
                Some(format!("{}: {failed}", refusal.name))
            })
            .collect();
        assert!(wrong.is_empty(), "{} of {} refusals:\n{}", wrong.len(), REFUSALS.len(), wrong.join("\n"));
    }

    /// The signature fits the published keys and the claims are those of `identity`.
    pub(crate) fn verify(&self, token: &str, identity: &Identity) {
        access_token::verify(&self.installation, token, identity, RESOURCE);
    }

    fn check_refusal(
        &self,
        refusal: &Refusal,
        told: Told,
        client: impl Fn(&Identity, &str) -> Result<String, String>,
    ) -> Result<(), String> {
        let identity = match refusal.presenter {
            Presenter::Web => &self.web,
            Presenter::Bare => &self.bare,
        };
        let before = self.last_sequence();
        let Err(error) = client(identity, &(refusal.assertion)(&self.issuer)) else {
            return Err("the client got a token".into());
        };
        // The colon: one code is the beginning of another.
        if told == Told::Code && !error.contains(&format!("AADSTS{}:", refusal.code)) {
            return Err(format!("expected AADSTS{}, the client said: {error}", refusal.code));
        }
        let entries = self.exchanges_after(before);
        if entries.is_empty() {
            return Err("the audit trail has no entry".into());
        }
        entries.iter().try_for_each(|entry| self.check_entry(entry, refusal, identity))
    }

    fn check_entry(&self, entry: &Value, refusal: &Refusal, identity: &Identity) -> Result<(), String> {
        let expected = entry["outcome"] == "refused"
            && entry["code"] == refusal.code
            && entry["clientId"] == identity.client_id.as_str();
        if !expected {
            return Err(format!("the audit trail says otherwise: {entry}"));
        }
        let Some((field, how)) = refusal.nearest else {
            return if entry["nearest"].is_null() { Ok(()) } else { Err(format!("a nearest credential: {entry}")) };
        };
        let nearest = &entry["nearest"];
        let [difference] = nearest["differences"].as_array().map(Vec::as_slice).unwrap_or_default() else {
            return Err(format!("expected one differing field in the audit trail: {entry}"));
        };
        if nearest["credential"] != CREDENTIAL || difference["field"] != field || difference["how"] != how {
            return Err(format!("expected `{CREDENTIAL}` with {field} that {how}, the audit trail says: {nearest}"));
        }
        let line = format!("federated credential `{CREDENTIAL}` came closest: {field} {how}");
        if self.installation.log().contains(&line) { Ok(()) } else { Err(format!("the server's log lacks: {line}")) }
    }

    fn last_sequence(&self) -> i64 {
        self.audit().last().map_or(0, |entry| entry["sequence"].as_i64().unwrap())
    }

    fn exchanges_after(&self, sequence: i64) -> Vec<Value> {
        let mut entries = self.audit();
        // The administrator's own logins are exchanges too.
        let ours = |entry: &Value| {
            [&self.web, &self.local, &self.bare].iter().any(|identity| entry["clientId"] == identity.client_id.as_str())
        };
        entries.retain(|entry| {
            entry["operation"] == "token-exchange" && entry["sequence"].as_i64().unwrap() > sequence && ours(entry)
        });
        entries
    }

    fn audit(&self) -> Vec<Value> {
        let entries = self.installation.json(["audit", "list", "--limit", "100", "--output", "json"]);
        entries.as_array().unwrap().clone()
    }
}
