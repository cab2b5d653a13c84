//! An installation with two tenants, and tokens for whoever is needed.

use std::{
    error::Error,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use axum::{Router, body::Body, extract::MatchedPath};
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use jiff::Timestamp;
use serde_json::{Value, json};
use symbolon_core::{
    ClientId, ObjectId, SubscriptionId, Tenant, TenantId,
    access::Access,
    application::{Application, ServicePrincipal, TokenVersion},
    audit::{AuditQuery, AuditRecord},
    issuer::TrustedIssuer,
    ports::{
        AuditLog, AuthorityKeys, Clock, PortError, Random,
        management::{ManagementStore, ResourceGroup, StoreError, Subscription},
    },
    role::{self, RoleAssignment},
    tenant::TenantSettings,
    urls::Urls,
};
use symbolon_issuer::Issuer;
use symbolon_jose::{KeyKind, SigningHeader, SigningKey, VerifyingKey};
use symbolon_management::{
    AdministratorMaker, Defaults, IssuerRegistrations, KeyListing, Management, NewAdministrator, PublishedKey,
    SimulatedTrouble, Turns, router,
};
use symbolon_store::{Options, Store};
use tower::ServiceExt;
use uuid::{Uuid, uuid};

/// 2026-06-01T12:00:00Z
pub(crate) const NOW: i64 = 1_780_315_200;
pub(crate) const AUTHORITY: &str = "https://localhost:8443";
pub(crate) const MANAGEMENT: &str = "https://localhost:8444";
pub(crate) const ISSUER: &str = "https://localhost:8447";
pub(crate) const GRAPH: &str = "https://graph.microsoft.com";
pub(crate) const TENANT: TenantId = TenantId::new(uuid!("11111111-1111-4111-8111-111111111111"));
pub(crate) const OTHER_TENANT: TenantId = TenantId::new(uuid!("22222222-2222-4222-8222-222222222222"));
pub(crate) const SUBSCRIPTION: &str = "33333333-3333-4333-8333-333333333333";
pub(crate) const GROUP: &str = "/subscriptions/33333333-3333-4333-8333-333333333333/resourceGroups/rg1";
pub(crate) const IDENTITIES: &str = "/subscriptions/33333333-3333-4333-8333-333333333333/resourceGroups/rg1/providers/Microsoft.ManagedIdentity/userAssignedIdentities";
/// The same as identities' ids have it.
pub(crate) const IDENTITY_IDS: &str = "/subscriptions/33333333-3333-4333-8333-333333333333/resourcegroups/rg1/providers/Microsoft.ManagedIdentity/userAssignedIdentities";
pub(crate) const VERSION: &str = "api-version=2025-01-31-preview";

const READER: Uuid = uuid!("acdd72a7-3385-48ef-bd42-f606fba81ae7");
pub(crate) static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(KeyKind::P256).unwrap());
static ISSUER_PKCS8: LazyLock<Vec<u8>> =
    LazyLock::new(|| SigningKey::generate(KeyKind::P256).unwrap().to_pkcs8_der().to_vec());

/// Who has which role.
#[derive(Clone, Copy)]
pub(crate) enum Who {
    Owner,
    Reader,
    Nobody,
    /// Owner in the other tenant.
    Foreigner,
}

impl Who {
    pub(crate) const fn object(self) -> ObjectId {
        ObjectId::new(match self {
            Self::Owner => uuid!("aaaaaaaa-0000-4000-8000-000000000001"),
            Self::Reader => uuid!("aaaaaaaa-0000-4000-8000-000000000002"),
            Self::Nobody => uuid!("aaaaaaaa-0000-4000-8000-000000000003"),
            Self::Foreigner => uuid!("aaaaaaaa-0000-4000-8000-000000000004"),
        })
    }

    pub(crate) const fn tenant(self) -> TenantId {
        match self {
            Self::Foreigner => OTHER_TENANT,
            Self::Owner | Self::Reader | Self::Nobody => TENANT,
        }
    }
}

pub(crate) struct FixedClock(AtomicI64);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

/// Never the same bytes twice.
struct Counter(AtomicU64);

impl Random for Counter {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let next = self.0.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            chunk.copy_from_slice(&next.to_be_bytes()[..chunk.len()]);
        }
    }
}

struct Keys;

impl AuthorityKeys for Keys {
    fn key(&self, key_id: &str) -> Option<VerifyingKey> {
        (key_id == "k1").then(|| KEY.verifying_key().clone())
    }
}

impl KeyListing for Keys {
    fn published(&self) -> Vec<PublishedKey> {
        vec![PublishedKey { key_id: "k1".into(), state: "active".into(), created: NOW }]
    }
}

/// Refuses key sets that say `bad`, and remembers what it was told.
#[derive(Default)]
pub(crate) struct Registrations(pub(crate) Mutex<Vec<(TenantId, String)>>);

impl IssuerRegistrations for Registrations {
    fn validate(&self, issuer: &TrustedIssuer) -> Result<(), String> {
        let bad = serde_json::to_string(issuer).unwrap().contains("bad");
        if bad { Err("the key set holds no key".into()) } else { Ok(()) }
    }

    fn changed(&self, tenant: TenantId, issuer: &str) {
        self.0.lock().unwrap().push((tenant, issuer.to_owned()));
    }
}

/// Makes administrators without a key, which takes no time.
struct Administrators;

impl AdministratorMaker for Administrators {
    fn make(&self, tenant: TenantId) -> Result<NewAdministrator, Box<dyn Error + Send + Sync>> {
        let application = Application {
            tenant,
            object_id: ObjectId::new(Uuid::new_v4()),
            app_id: ClientId::new(Uuid::new_v4()),
            display_name: "administrator".into(),
            identifier_uris: Vec::new(),
            token_version: TokenVersion::V1,
            created: NOW,
            service_principal: Some(ServicePrincipal { object_id: ObjectId::new(Uuid::new_v4()), enabled: true }),
            secrets: Vec::new(),
            certificates: Vec::new(),
            version: 0,
        };
        let file = json!({ "tenantId": tenant, "clientId": application.app_id, "privateKey": "once" });
        Ok(NewAdministrator { application, file })
    }
}

/// A trail on a full disk.
struct FullAudit;

#[async_trait]
impl AuditLog for FullAudit {
    async fn record(&self, _: AuditRecord) -> Result<(), PortError> {
        Err(PortError { what: "writing the audit trail", source: Box::new(StoreError::Full) })
    }
}

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) registrations: Arc<Registrations>,
    pub(crate) issuer: Arc<Issuer>,
    clock: Arc<FixedClock>,
    app: Router,
    _directory: tempfile::TempDir,
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    /// The route that was taken, as the router spells it.
    pub(crate) route: Option<String>,
}

impl Answer {
    pub(crate) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    pub(crate) fn message(&self) -> &str {
        self.body["error"]["message"].as_str().unwrap_or_default()
    }

    /// Status and code, as refusals are compared.
    pub(crate) fn refusal(&self) -> (u16, &str) {
        (self.status.as_u16(), self.code())
    }

    pub(crate) fn header(&self, name: impl AsRef<str>) -> &str {
        self.headers.get(name.as_ref()).map_or("", |value| value.to_str().unwrap())
    }
}

fn urls() -> Urls {
    Urls {
        authority: AUTHORITY.into(),
        management: MANAGEMENT.into(),
        vault: "https://localhost:8445".into(),
        app_configuration: "https://localhost:8446".into(),
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::build(false).await
    }

    pub(crate) async fn with_full_audit() -> Self {
        Self::build(true).await
    }

    async fn build(full: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let random = Arc::new(Counter(AtomicU64::new(1)));
        let options = Options { database: directory.path().join("db"), wrapping_key: directory.path().join("key") };
        let store = Store::open(&options, random.clone()).await.unwrap();
        fill(&store).await;
        let clock = Arc::new(FixedClock(AtomicI64::new(NOW)));
        let registrations = Arc::new(Registrations::default());
        let key = SigningKey::from_pkcs8_der(&ISSUER_PKCS8).unwrap();
        let issuer = Arc::new(Issuer::new(ISSUER.into(), vec![key]).unwrap());
        let access =
            Access { directory: Arc::new(store.clone()), keys: Arc::new(Keys), clock: clock.clone(), urls: urls() };
        let audit: Arc<dyn AuditLog> = if full { Arc::new(FullAudit) } else { Arc::new(store.clone()) };
        let app = router(Management {
            store: Arc::new(store.clone()),
            accounts: Arc::new(store.clone()),
            issuer: issuer.clone(),
            access,
            audit,
            clock: clock.clone(),
            random,
            urls: urls(),
            defaults: Defaults {
                tenant: TENANT,
                subscription: SUBSCRIPTION.parse().unwrap(),
                resource_group: "rg1".into(),
            },
            keys: Arc::new(Keys),
            registrations: registrations.clone(),
            trouble: SimulatedTrouble::default(),
            administrators: Arc::new(Administrators),
            turns: Turns::default(),
        });
        Self { store, registrations, issuer, clock, app, _directory: directory }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.app.clone().oneshot(request).await.unwrap().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        let route = parts.extensions.get::<MatchedPath>().map(|route| route.as_str().to_owned());
        Answer { status: parts.status, headers: parts.headers, body, route }
    }

    /// Calls as `who`, with a token for `audience`.
    pub(crate) async fn call(
        &self,
        who: Who,
        audience: &str,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Answer {
        self.send(request(method, path, Some(&token(who, audience)), body)).await
    }

    /// Calls ARM or Symbolon's own API as the owner.
    pub(crate) async fn arm(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.call(Who::Owner, MANAGEMENT, method, path, body.as_ref()).await
    }

    /// Calls Graph as the owner.
    pub(crate) async fn graph(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.call(Who::Owner, GRAPH, method, &format!("/v1.0{path}"), body.as_ref()).await
    }

    pub(crate) async fn create_identity(&self, name: &str) -> Value {
        let answer =
            self.arm("PUT", &format!("{IDENTITIES}/{name}?{VERSION}"), Some(json!({ "location": "local" }))).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.body
    }

    pub(crate) async fn trail(&self) -> Vec<AuditRecord> {
        let query = AuditQuery { limit: Some(1000), ..AuditQuery::default() };
        self.store.audit(TENANT, &query).await.unwrap().into_iter().map(|entry| entry.record).collect()
    }

    /// Gives the first tenant other settings.
    pub(crate) async fn settings(&self, settings: TenantSettings) {
        let mut tenants = self.store.tenants().await.unwrap().into_iter();
        let tenant = tenants.find(|tenant| tenant.id == TENANT).unwrap();
        self.store.put_tenant(&Tenant { settings, ..tenant }).await.unwrap();
    }

    pub(crate) fn at(&self, second: i64) {
        self.clock.0.store(second, Ordering::Relaxed);
    }
}

async fn fill(store: &Store) {
    for (id, name, domain) in [(TENANT, "Contoso", "contoso.example"), (OTHER_TENANT, "Fabrikam", "fabrikam.example")] {
        let settings = TenantSettings { max_federated_credentials: Some(2), ..TenantSettings::default() };
        let tenant = Tenant { id, display_name: name.into(), domains: vec![domain.into()], settings };
        store.put_tenant(&tenant).await.unwrap();
    }
    for (id, tenant) in [(SUBSCRIPTION, TENANT), ("44444444-4444-4444-8444-444444444444", OTHER_TENANT)] {
        let id: SubscriptionId = id.parse().unwrap();
        store.put_subscription(&Subscription { id, tenant, display_name: "Main".into() }).await.unwrap();
        let group = ResourceGroup {
            subscription: id,
            name: "rg1".into(),
            location: "local".into(),
            tags: std::collections::BTreeMap::new(),
            version: 0,
        };
        store.put_resource_group(&group, symbolon_core::ports::management::Condition::Always).await.unwrap();
    }
    for (who, role) in [(Who::Owner, role::OWNER), (Who::Reader, READER), (Who::Foreigner, role::OWNER)] {
        let assignment = RoleAssignment {
            id: Uuid::new_v4(),
            tenant: who.tenant(),
            principal: who.object(),
            role,
            scope: "/".into(),
        };
        store.add_role_assignment(&assignment).await.unwrap();
    }
}

/// The claims of a good token.
pub(crate) fn claims(who: Who, audience: &str) -> Value {
    json!({
        "iss": format!("{AUTHORITY}/{}/", who.tenant()),
        "aud": audience,
        "exp": NOW + 3600,
        "nbf": NOW,
        "tid": who.tenant(),
        "oid": who.object(),
        "appid": who.object().guid(),
    })
}

pub(crate) fn sign(key: &SigningKey, claims: &Value) -> String {
    key.sign(&SigningHeader { kid: Some("k1".into()), ..SigningHeader::default() }, claims).unwrap()
}

pub(crate) fn token(who: Who, audience: &str) -> String {
    sign(&KEY, &claims(who, audience))
}

pub(crate) fn request(method: &str, path: &str, token: Option<&str>, body: Option<&Value>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    match body {
        Some(body) => {
            request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_string())).unwrap()
        }
        None => request.body(Body::empty()).unwrap(),
    }
}
