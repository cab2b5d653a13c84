//! One call of the token endpoint: a good one, changed in one place, and what came of it.

use std::sync::Arc;

use symbolon_core::{
    ClientId,
    audit::{AuditRecord, Outcome},
    exchange::{
        Call, Granted, Refused,
        request::{Endpoint, JWT_BEARER},
    },
};
use uuid::{Uuid, uuid};

use crate::token::Token;
use crate::world::{APP, AUTHORITY, Asked, IDENTITY, NOW, SECRET, TENANT, World};

pub(crate) const TRACE: Uuid = uuid!("eeeeeeee-0000-4000-8000-000000000001");
pub(crate) const CORRELATION: Uuid = uuid!("eeeeeeee-0000-4000-8000-000000000002");
/// Where the printed token goes.
const PLACEHOLDER: &str = "<assertion>";

pub(crate) struct Case {
    pub(crate) world: World,
    pub(crate) token: Token,
    /// Instead of the printed token.
    pub(crate) assertion: Option<String>,
    pub(crate) endpoint: Endpoint,
    pub(crate) tenant: String,
    pub(crate) form: Vec<(String, String)>,
    pub(crate) basic: Option<(String, String)>,
}

/// What came of a call.
pub(crate) struct Answer {
    pub(crate) result: Result<Granted, Box<Refused>>,
    pub(crate) asked: Vec<Asked>,
    pub(crate) record: AuditRecord,
}

impl Case {
    fn new(client: ClientId, credential: &[(&str, &str)]) -> Self {
        let mut case = Self {
            world: World::new(),
            token: Token::of_a_pod(),
            assertion: None,
            endpoint: Endpoint::V2,
            tenant: TENANT.to_string(),
            form: vec![],
            basic: None,
        };
        case.field("grant_type", "client_credentials");
        case.field("client_id", client.to_string());
        case.field("scope", "https://vault.azure.net/.default");
        for (name, value) in credential {
            case.field(name, *value);
        }
        case
    }

    /// The managed identity presents the token of its pod.
    pub(crate) fn federated() -> Self {
        Self::new(IDENTITY, &[("client_assertion_type", JWT_BEARER), ("client_assertion", PLACEHOLDER)])
    }

    /// The application presents its secret.
    pub(crate) fn secret() -> Self {
        Self::new(APP, &[("client_secret", SECRET)])
    }

    /// The application presents an assertion that it signed with the key of its certificate.
    pub(crate) fn certificate() -> Self {
        let mut case = Self::new(APP, &[("client_assertion_type", JWT_BEARER), ("client_assertion", PLACEHOLDER)]);
        let registered = crate::world::certificate("app").certificate;
        case.token.without_header("kid");
        case.token.header("typ", "JWT");
        case.token.header("x5t", registered.x5t);
        case.token.claims = serde_json::json!({
            "iss": APP, "sub": APP, "jti": "own-1", "iat": NOW, "nbf": NOW, "exp": NOW + 600,
            "aud": format!("{AUTHORITY}/{TENANT}/oauth2/v2.0/token"),
        });
        case
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Sets a field of the form.
    pub(crate) fn field(&mut self, name: &str, value: impl Into<String>) {
        self.without(name);
        self.form.push((name.into(), value.into()));
    }

    pub(crate) fn without(&mut self, name: &str) {
        self.form.retain(|(found, _)| found != name);
    }

    pub(crate) fn client(&mut self, id: ClientId) {
        self.field("client_id", id.to_string());
    }

    /// Asks for `resource` at the version 1 endpoint.
    pub(crate) fn v1(&mut self, resource: &str) {
        self.endpoint = Endpoint::V1;
        self.without("scope");
        self.field("resource", resource);
    }

    /// Asks for `resource` at the version 2 endpoint.
    pub(crate) fn v2(&mut self, resource: &str) {
        self.field("scope", format!("{resource}/.default"));
    }

    /// Calls the exchange, and checks what holds for every call: one audit record, with the
    /// outcome that was answered and without anything that could be presented again.
    pub(crate) async fn call(mut self) -> Answer {
        let assertion = self.assertion.take().unwrap_or_else(|| self.token.print());
        for (_, value) in self.form.iter_mut().filter(|(_, value)| value == PLACEHOLDER) {
            value.clone_from(&assertion);
        }
        let world = Arc::new(self.world);
        let call = Call {
            endpoint: self.endpoint,
            tenant: &self.tenant,
            form: &self.form,
            basic: self.basic.as_ref().map(|(id, secret)| (id.as_str(), secret.as_str())),
            trace_id: TRACE,
            correlation_id: CORRELATION,
        };
        let result = world.exchange().token(call).await;
        let mut records = std::mem::take(&mut *world.records.lock().unwrap());
        assert_eq!(records.len(), 1, "each call leaves one record");
        let record = records.remove(0);
        if !world.audit_fails {
            let outcome = if result.is_ok() { Outcome::Granted } else { Outcome::Refused };
            assert_eq!(record.outcome, outcome);
            assert_eq!(record.code, result.as_ref().err().map(|refused| refused.error.code()));
        }
        let presented =
            self.form.iter().filter(|(name, _)| matches!(name.as_str(), "client_assertion" | "client_secret"));
        let mut confidential: Vec<_> = presented.flat_map(|(_, value)| value.split('.')).collect();
        confidential.extend(self.basic.iter().map(|(_, secret)| secret.as_str()));
        confidential.extend(result.iter().flat_map(|granted| granted.access_token.split('.').skip(1)));
        assert_none_of(&confidential, &serde_json::to_string(&record).unwrap());
        assert_none_of(&confidential, &format!("{result:?}"));
        let asked = std::mem::take(&mut *world.asked.lock().unwrap());
        Answer { result, asked, record }
    }
}

/// Parts that are too short to mean anything are left out.
fn assert_none_of(confidential: &[&str], text: &str) {
    for part in confidential.iter().filter(|part| part.len() >= 12) {
        assert!(!text.contains(part), "{part} stands in {text}");
    }
}

impl Answer {
    pub(crate) fn granted(self) -> Granted {
        self.result.unwrap()
    }

    pub(crate) fn refused(self) -> Box<Refused> {
        self.result.unwrap_err()
    }

    /// The code, 0 for a grant.
    pub(crate) fn code(&self) -> u32 {
        self.result.as_ref().err().map_or(0, |refused| refused.error.code())
    }
}

/// Whether an issuer's key was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    Asked,
    NotAsked,
}

/// One row of a table of refusals: what is changed in a good call, the code and the `error` that
/// answer it, and whether an issuer's key was asked for.
pub(crate) type Row = (&'static str, fn(&mut Case), u32, &'static str, Keys);

/// Runs each row from the same good call, which is granted before anything is changed.
pub(crate) async fn refuses(good: fn() -> Case, rows: &[Row]) {
    good().call().await.granted();
    for (name, change, code, error, keys) in rows {
        let answer = good().with(change).call().await;
        let asked = if answer.asked.is_empty() { Keys::NotAsked } else { Keys::Asked };
        let refused = answer.result.err().unwrap_or_else(|| panic!("{name} was granted"));
        let found = (refused.error.code(), refused.error.oauth_error().as_str(), asked);
        assert_eq!(found, (*code, *error, *keys), "{name}: {}", refused.error);
    }
}
