//! What a kube-apiserver publishes of its issuer.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderValue, header};
use serde::Serialize;

use crate::Issuer;

const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("public, max-age=3600");

/// The document, in the order in which a kube-apiserver prints it (OpenID Connect Discovery 1.0, section 3).
#[derive(Serialize)]
struct Discovery<'a> {
    issuer: &'a str,
    jwks_uri: String,
    response_types_supported: [&'a str; 1],
    subject_types_supported: [&'a str; 1],
    id_token_signing_alg_values_supported: Vec<String>,
}

/// The routes of `issuer`: its discovery document and its keys, for everybody.
pub fn router(issuer: Arc<Issuer>) -> Router {
    Router::new()
        .route("/.well-known/openid-configuration", get(discovery))
        .route("/openid/v1/jwks", get(jwks))
        .with_state(issuer)
}

async fn discovery(State(issuer): State<Arc<Issuer>>) -> Response {
    let mut algorithms: Vec<String> = issuer.key_set().keys.into_iter().filter_map(|key| key.alg).collect();
    algorithms.sort();
    algorithms.dedup();
    let document = Discovery {
        issuer: issuer.url(),
        jwks_uri: format!("{}/openid/v1/jwks", issuer.url().trim_end_matches('/')),
        response_types_supported: ["id_token"],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: algorithms,
    };
    let document = serde_json::to_string(&document).unwrap_or_default();
    answer("application/json", document)
}

async fn jwks(State(issuer): State<Arc<Issuer>>) -> Response {
    let document = serde_json::to_string(&issuer.key_set()).unwrap_or_default();
    answer("application/jwk-set+json", document)
}

fn answer(content_type: &'static str, body: String) -> Response {
    let headers =
        [(header::CONTENT_TYPE, HeaderValue::from_static(content_type)), (header::CACHE_CONTROL, CACHE_CONTROL)];
    (headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::{Request, StatusCode};
    use http_body_util::BodyExt;
    use symbolon_jose::{JwkSet, KeyKind, SigningKey};
    use tower::ServiceExt;

    use super::*;

    fn issuer(url: &str) -> Arc<Issuer> {
        let keys = [KeyKind::Rsa2048, KeyKind::P256].map(|kind| SigningKey::generate(kind).unwrap());
        Arc::new(Issuer::new(url.into(), keys.into()).unwrap())
    }

    async fn get(issuer: &Arc<Issuer>, path: &str) -> (StatusCode, String, String, String) {
        let request = Request::get(path).header("host", "evil.example").body(Body::empty()).unwrap();
        let response = router(Arc::clone(issuer)).oneshot(request).await.unwrap();
        let header = |name| response.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        let (kind, cache) = (header(header::CONTENT_TYPE), header(header::CACHE_CONTROL));
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, kind, cache, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn the_discovery_document_is_a_kube_apiserver_s() {
        let (status, kind, cache, body) =
            get(&issuer("https://issuer.example/"), "/.well-known/openid-configuration").await;
        assert_eq!(status, 200);
        assert_eq!((kind.as_str(), cache.as_str()), ("application/json", "public, max-age=3600"));
        insta::assert_snapshot!(body, @r#"{"issuer":"https://issuer.example/","jwks_uri":"https://issuer.example/openid/v1/jwks","response_types_supported":["id_token"],"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["ES256","RS256"]}"#);
    }

    #[tokio::test]
    async fn the_key_set_holds_all_public_keys_and_nothing_private() {
        let issuer = issuer("https://issuer.example");
        let (status, kind, cache, body) = get(&issuer, "/openid/v1/jwks").await;
        assert_eq!(status, 200);
        assert_eq!((kind.as_str(), cache.as_str()), ("application/jwk-set+json", "public, max-age=3600"));
        let set = JwkSet::parse(body.as_bytes(), 10).unwrap();
        assert_eq!((set.keys.len(), set.skipped.len()), (2, 0));
        for (key, published) in issuer.keys.iter().zip(&set.keys) {
            assert_eq!(published.kid, Some(key.verifying_key().kubernetes_key_id()));
            assert_eq!(published.use_.as_deref(), Some("sig"));
        }
        let document: serde_json::Value = serde_json::from_str(&body).unwrap();
        for private in ["d", "p", "q", "dp", "dq", "qi"] {
            assert!(document["keys"].as_array().unwrap().iter().all(|key| key.get(private).is_none()), "{private}");
        }
    }

    #[test]
    fn an_issuer_without_a_key_is_none() {
        assert!(Issuer::new("https://issuer.example".into(), Vec::new()).is_err());
    }
}
