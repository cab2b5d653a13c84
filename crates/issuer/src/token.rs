//! Service-account tokens (Kubernetes `TokenRequest`, KEP-1205).

use std::fmt;

use serde::Serialize;
use symbolon_jose::{SignError, SigningHeader};
use thiserror::Error;
use uuid::Uuid;

use crate::{
    Issuer,
    names::{InvalidName, check_name},
    port::ServiceAccount,
};

/// Seconds that a token lives where nobody says.
pub const DEFAULT_SECONDS: i64 = 3600;
/// The fewest seconds that a token lives, as in Kubernetes.
pub const MIN_SECONDS: i64 = 600;
/// The most seconds that a token lives.
pub const MAX_SECONDS: i64 = 24 * 3600;
/// The most audiences of one token.
const MAX_AUDIENCES: usize = 20;

/// What is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenRequest {
    /// Who the token is for; none means the issuer itself, as a kube-apiserver does.
    pub audiences: Vec<String>,
    /// Seconds that it lives; none means [`DEFAULT_SECONDS`].
    pub expiration_seconds: Option<i64>,
    /// The pod that it is bound to.
    pub pod: Option<BoundObject>,
    /// The pod's node.
    pub node: Option<BoundObject>,
}

/// A pod or node that a token is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BoundObject {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: Uuid,
}

/// A token that was made.
pub struct ServiceAccountToken {
    /// The token.
    pub token: String,
    /// Unix seconds.
    pub expiration: i64,
}

impl fmt::Debug for ServiceAccountToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAccountToken").field("expiration", &self.expiration).finish_non_exhaustive()
    }
}

/// Why no token is made.
#[derive(Debug, Error)]
pub enum TokenRequestError {
    /// Shorter than [`MIN_SECONDS`].
    #[error("spec.expirationSeconds: Invalid value: {0}: may not specify a duration less than 10 minutes")]
    TooShort(i64),
    /// Longer than [`MAX_SECONDS`].
    #[error("spec.expirationSeconds: Invalid value: {0}: may not specify a duration longer than 24 hours")]
    TooLong(i64),
    /// An audience is empty or too long, or there are too many.
    #[error("spec.audiences: Invalid value: expected at most {MAX_AUDIENCES} audiences of 1 to 600 characters")]
    Audiences,
    /// The pod's or node's name.
    #[error("spec.boundObjectRef: {0}")]
    BoundObject(#[from] InvalidName),
    /// The key cannot sign.
    #[error("the token cannot be signed")]
    Sign(#[from] SignError),
}

/// The claims, in the order in which a kube-apiserver prints them.
#[derive(Serialize)]
struct Claims<'a> {
    aud: &'a [String],
    exp: i64,
    iat: i64,
    iss: &'a str,
    jti: Uuid,
    #[serde(rename = "kubernetes.io")]
    kubernetes: Kubernetes<'a>,
    nbf: i64,
    sub: String,
}

#[derive(Serialize)]
struct Kubernetes<'a> {
    namespace: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<&'a BoundObject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pod: Option<&'a BoundObject>,
    serviceaccount: BoundObject,
}

impl Issuer {
    /// Makes a token for `account`, as a kube-apiserver would.
    ///
    /// `now` is in unix seconds; `jti` must be random.
    ///
    /// # Errors
    /// [`TokenRequestError`], for the first rule that the request breaks.
    pub fn sign_token(
        &self,
        account: &ServiceAccount,
        request: &TokenRequest,
        now: i64,
        jti: Uuid,
    ) -> Result<ServiceAccountToken, TokenRequestError> {
        let seconds = check(request)?;
        let own = [self.url().to_owned()];
        let expiration = now + seconds;
        let claims = Claims {
            aud: if request.audiences.is_empty() { &own } else { &request.audiences },
            exp: expiration,
            iat: now,
            iss: self.url(),
            jti,
            kubernetes: Kubernetes {
                namespace: &account.namespace,
                node: request.node.as_ref(),
                pod: request.pod.as_ref(),
                serviceaccount: BoundObject { name: account.name.clone(), uid: account.uid },
            },
            nbf: now,
            sub: format!("system:serviceaccount:{}:{}", account.namespace, account.name),
        };
        let key = self.signing_key();
        let header = SigningHeader { kid: Some(key.verifying_key().kubernetes_key_id()), ..SigningHeader::default() };
        Ok(ServiceAccountToken { token: key.sign(&header, &claims)?, expiration })
    }
}

fn check(request: &TokenRequest) -> Result<i64, TokenRequestError> {
    let seconds = request.expiration_seconds.unwrap_or(DEFAULT_SECONDS);
    if seconds < MIN_SECONDS {
        return Err(TokenRequestError::TooShort(seconds));
    }
    if seconds > MAX_SECONDS {
        return Err(TokenRequestError::TooLong(seconds));
    }
    let fits = |audience: &String| (1..=600).contains(&audience.chars().count());
    if request.audiences.len() > MAX_AUDIENCES || !request.audiences.iter().all(fits) {
        return Err(TokenRequestError::Audiences);
    }
    if let Some(pod) = &request.pod {
        check_name("pod", &pod.name)?;
    }
    if let Some(node) = &request.node {
        check_name("node", &node.name)?;
    }
    Ok(seconds)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use symbolon_jose::{KeyKind, SigningKey, Unverified, VerificationKeys};

    use super::*;

    const UID: Uuid = Uuid::from_u128(0x0d46_91ed_659b_4935_a832_355f_77ee_47cc);

    fn issuer() -> Issuer {
        Issuer::new("https://issuer.example".into(), vec![SigningKey::generate(KeyKind::Rsa2048).unwrap()]).unwrap()
    }

    fn account() -> ServiceAccount {
        ServiceAccount {
            namespace: "default".into(),
            name: "sademo".into(),
            uid: UID,
            annotations: BTreeMap::new(),
            created: 0,
            version: 0,
        }
    }

    fn claims(token: &str) -> serde_json::Value {
        Unverified::parse(token).unwrap().claims().unwrap()
    }

    #[test]
    fn a_token_is_what_a_kube_apiserver_makes() {
        let issuer = issuer();
        let bound = |name: &str| Some(BoundObject { name: name.into(), uid: UID });
        let request = TokenRequest {
            audiences: vec!["api://AzureADTokenExchange".into()],
            expiration_seconds: None,
            pod: bound("web-0"),
            node: bound("node-1"),
        };
        let made = issuer.sign_token(&account(), &request, 1_700_000_000, UID).unwrap();
        assert_eq!(made.expiration, 1_700_003_600);
        let parsed = Unverified::parse(&made.token).unwrap();
        assert_eq!(parsed.header().typ(), None);
        let payload = String::from_utf8(parsed.payload().to_vec()).unwrap();
        insta::assert_snapshot!(payload, @r#"{"aud":["api://AzureADTokenExchange"],"exp":1700003600,"iat":1700000000,"iss":"https://issuer.example","jti":"0d4691ed-659b-4935-a832-355f77ee47cc","kubernetes.io":{"namespace":"default","node":{"name":"node-1","uid":"0d4691ed-659b-4935-a832-355f77ee47cc"},"pod":{"name":"web-0","uid":"0d4691ed-659b-4935-a832-355f77ee47cc"},"serviceaccount":{"name":"sademo","uid":"0d4691ed-659b-4935-a832-355f77ee47cc"}},"nbf":1700000000,"sub":"system:serviceaccount:default:sademo"}"#);
        let keys = VerificationKeys::new(&issuer.key_set());
        let key = keys.get(parsed.header().kid().unwrap()).unwrap().clone();
        assert!(parsed.verify(&key).is_ok());
    }

    #[test]
    fn without_audiences_a_token_is_for_the_issuer_itself() {
        let issuer = issuer();
        let made = issuer.sign_token(&account(), &TokenRequest::default(), 0, UID).unwrap();
        assert_eq!(claims(&made.token)["aud"], serde_json::json!(["https://issuer.example"]));
        assert!(claims(&made.token)["kubernetes.io"].get("pod").is_none());
    }

    #[test]
    fn lifetimes_are_between_ten_minutes_and_a_day() {
        let issuer = issuer();
        let make = |seconds: i64| {
            let request = TokenRequest { expiration_seconds: Some(seconds), ..TokenRequest::default() };
            issuer.sign_token(&account(), &request, 0, UID).map(|made| made.expiration)
        };
        assert_eq!(make(600).unwrap(), 600);
        assert_eq!(make(86_400).unwrap(), 86_400);
        let message = make(599).unwrap_err().to_string();
        assert!(message.contains("may not specify a duration less than 10 minutes"), "{message}");
        assert!(make(86_401).is_err());
        assert!(make(i64::MIN).is_err());
        assert!(make(i64::MAX).is_err());
    }

    #[test]
    fn bad_audiences_and_pod_names_are_refused() {
        let issuer = issuer();
        let audience = |audience: &str| TokenRequest { audiences: vec![audience.into()], ..TokenRequest::default() };
        assert!(issuer.sign_token(&account(), &audience(""), 0, UID).is_err());
        assert!(issuer.sign_token(&account(), &audience(&"a".repeat(601)), 0, UID).is_err());
        let pod = Some(BoundObject { name: "No Pod".into(), uid: UID });
        let request = TokenRequest { pod, ..TokenRequest::default() };
        let message = issuer.sign_token(&account(), &request, 0, UID).unwrap_err().to_string();
        assert!(message.contains("pod `No Pod` is invalid"), "{message}");
    }
}
