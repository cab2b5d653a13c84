//! The router over a world in memory, requests, and answers read to the end.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::response::Response;
use http::{HeaderMap, Method, Request, StatusCode, header};
use prometheus_client::registry::Registry;
use serde_json::Value;
use symbolon_authority::{Authority, SigningKeys, TokenMetrics, router, signing_keys::generate};
use symbolon_core::{
    exchange::request::JWT_BEARER,
    ports::keys::{SigningKeyState, StoredSigningKey},
};
use tower::ServiceExt;

use crate::token::Token;
use crate::world::{IDENTITY, TENANT, World};

/// A retiring, an active and a next key, in this order.
static STORED: LazyLock<[StoredSigningKey; 3]> = LazyLock::new(|| {
    let world = World::new();
    [SigningKeyState::Retiring, SigningKeyState::Active, SigningKeyState::Next]
        .map(|state| generate(state, world.now, &world).unwrap())
});

/// The `kid` of the key that signs.
pub(crate) fn active_key_id() -> String {
    STORED[1].key_id.clone()
}

pub(crate) struct App {
    pub(crate) router: Router,
    pub(crate) registry: Registry,
    pub(crate) world: Arc<World>,
}

impl App {
    pub(crate) fn new() -> Self {
        Self::over(World::new(), None)
    }

    /// `authority` is the authority's URL where it is not localhost.
    pub(crate) fn over(world: World, authority: Option<&str>) -> Self {
        let world = Arc::new(world);
        let signing_keys = Arc::new(SigningKeys::new(STORED.as_slice()).unwrap());
        let mut exchange = world.exchange();
        exchange.signer = signing_keys.clone();
        if let Some(url) = authority {
            exchange.urls.authority = url.into();
        }
        let mut registry = Registry::default();
        let metrics = TokenMetrics::new(&mut registry);
        let router = router(Authority { exchange: Arc::new(exchange), signing_keys, metrics });
        Self { router, registry, world }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        Reply::of(self.router.clone().oneshot(request).await.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// Presents the token of a pod at the version 2 endpoint.
    pub(crate) async fn exchange(&self, change: impl FnOnce(&mut Token)) -> Reply {
        self.send(post(&v2_path(), &form(change))).await
    }
}

pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    async fn of(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        Self { status: parts.status, headers: parts.headers, text }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The status and the AADSTS code; 0 where there is none.
    pub(crate) fn outcome(&self) -> (u16, u64) {
        (self.status.as_u16(), self.json()["error_codes"][0].as_u64().unwrap_or_default())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// All headers, sorted, one in a line.
    pub(crate) fn header_lines(&self) -> String {
        let mut lines: Vec<_> =
            self.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        lines.retain(|line| !line.starts_with("content-length"));
        lines.sort();
        lines.join("\n")
    }
}

pub(crate) fn v2_path() -> String {
    format!("/{TENANT}/oauth2/v2.0/token")
}

pub(crate) fn v1_path() -> String {
    format!("/{TENANT}/oauth2/token")
}

/// The version 2 form with which the managed identity presents its pod's token.
pub(crate) fn form(change: impl FnOnce(&mut Token)) -> String {
    let mut token = Token::of_a_pod();
    change(&mut token);
    format!(
        "grant_type=client_credentials&client_id={IDENTITY}&client_assertion_type={}&client_assertion={}&scope=https%3A%2F%2Fvault.azure.net%2F.default",
        JWT_BEARER.replace(':', "%3A"),
        token.print()
    )
}

pub(crate) fn post(path: &str, form: &str) -> Request<Body> {
    Request::post(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(form.to_owned()))
        .unwrap()
}

pub(crate) fn with_method(method: Method, path: &str) -> Request<Body> {
    Request::builder().method(method).uri(path).body(Body::empty()).unwrap()
}
