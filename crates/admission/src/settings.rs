//! What an operator decides about the injection.

mod authority;
mod custom_token_endpoint;

use serde_json::Value;

pub use authority::{
    InvalidAuthorityHost, UnknownCloud, authority_host, authority_host_of_cloud, authority_host_of_environment,
};
pub use custom_token_endpoint::{CustomTokenEndpoint, CustomTokenEndpointCa, InvalidCustomTokenEndpoint};

/// The audience of projected tokens, unless another one is set.
pub const DEFAULT_AUDIENCE: &str = "api://AzureADTokenExchange";

/// Seconds that a token lives where neither pod nor account says anything.
pub const DEFAULT_TOKEN_EXPIRATION: i64 = 3600;

/// The shortest life of a token that can be asked for, in seconds.
pub const MIN_TOKEN_EXPIRATION: i64 = 3600;

/// The longest life of a token that can be asked for, in seconds.
pub const MAX_TOKEN_EXPIRATION: i64 = 86400;

/// Everything that the injection depends on besides the pod and its service account.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The tenant of identities whose service account names none. Required, as upstream.
    pub tenant_id: String,
    /// The authority's base URL, with a slash at its end.
    pub authority_host: String,
    /// The audience of projected tokens.
    pub audience: String,
    /// Where the token lies in the container, and under which volume.
    pub layout: Layout,
    /// What makes a pod one to inject.
    pub selector: Selector,
    /// Identity bindings: another token endpoint for pods that ask for it.
    pub custom_token_endpoint: Option<CustomTokenEndpoint>,
    /// The proxy sidecar.
    pub proxy: Proxy,
    /// A CA that pods shall trust.
    pub trust: Option<TrustConfigMap>,
    /// Whether Azure's labels and annotations are read; they are by default.
    pub azure: bool,
    /// AWS roles for service accounts, off by default.
    pub aws: Option<Aws>,
    /// Google Cloud's workload identity federation, off by default.
    pub gcp: Option<Gcp>,
}

impl Settings {
    /// What upstream does without any flag, for a tenant and an authority.
    #[must_use]
    pub fn new(tenant_id: impl Into<String>, authority_host: impl Into<String>) -> Self {
        Self {
            tenant_id: tenant_id.into(),
            authority_host: authority_host.into(),
            audience: DEFAULT_AUDIENCE.to_owned(),
            layout: Layout::default(),
            selector: Selector::default(),
            custom_token_endpoint: None,
            proxy: Proxy::default(),
            trust: None,
            azure: true,
            aws: None,
            gcp: None,
        }
    }
}

/// Where the token lies in the container, and under which volume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// `/var/run/secrets/azure/wi/token/azure-identity-token`, as upstream since v1.6.0.
    #[default]
    V16,
    /// `/var/run/secrets/azure/tokens/azure-identity-token`, as upstream up to v1.5.1.
    V15,
}

impl Layout {
    /// The CA of a custom token endpoint, below the mount.
    pub(crate) const CA_PATH: &str = "ca-cert/ca.crt";

    pub(crate) const fn mount_path(self) -> &'static str {
        match self {
            Self::V16 => "/var/run/secrets/azure/wi",
            Self::V15 => "/var/run/secrets/azure/tokens",
        }
    }

    /// The token, below the mount.
    pub(crate) const fn token_path(self) -> &'static str {
        match self {
            Self::V16 => "token/azure-identity-token",
            Self::V15 => "azure-identity-token",
        }
    }

    pub(crate) const fn token_file(self) -> &'static str {
        match self {
            Self::V16 => "/var/run/secrets/azure/wi/token/azure-identity-token",
            Self::V15 => "/var/run/secrets/azure/tokens/azure-identity-token",
        }
    }

    pub(crate) const fn ca_file(self) -> &'static str {
        match self {
            Self::V16 => "/var/run/secrets/azure/wi/ca-cert/ca.crt",
            Self::V15 => "/var/run/secrets/azure/tokens/ca-cert/ca.crt",
        }
    }
}

/// What makes a pod one to inject.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Selector {
    /// The pod's label `azure.workload.identity/use: "true"`, as upstream since v1.0.
    #[default]
    PodLabel,
    /// The service account's label (or annotation) of that name, as upstream before v1.0.
    ServiceAccountLabel,
}

/// The proxy sidecar that stands in for the instance metadata service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxy {
    /// The sidecar's image.
    pub image: String,
    /// The image of the init container that redirects the traffic.
    pub init_image: String,
    /// `--log-level` of the sidecar.
    pub log_level: String,
    /// Whether sidecars are init containers that restart: Kubernetes 1.32 and later.
    pub native_sidecar: bool,
    /// `resources` of the sidecar.
    pub resources: Option<Value>,
    /// `resources` of the init container.
    pub init_resources: Option<Value>,
    /// `seccompProfile` of both.
    pub seccomp_profile: Option<Value>,
}

/// A CA in a ConfigMap of the pod's namespace, mounted and named in the SDKs' trust variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustConfigMap {
    /// The ConfigMap's name.
    pub name: String,
    /// The key that holds certificates in PEM form.
    pub key: String,
}

/// AWS roles for service accounts (`eks.amazonaws.com/role-arn` and its companions).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aws {
    /// The audience of tokens whose account names none.
    pub audience: String,
    /// The region, for `AWS_REGION` and `AWS_DEFAULT_REGION`, unless empty.
    pub region: String,
    /// Whether regional STS endpoints are asked for where the account says nothing.
    pub regional_sts: bool,
    /// Seconds that tokens live whose account says nothing.
    pub token_expiration: i64,
}

/// Google Cloud's workload identity federation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gcp {
    /// The provider of accounts that name none, as `projects/…/providers/…`; may be empty.
    pub workload_identity_provider: String,
    /// The audience of tokens whose account names none; empty for the provider's own.
    pub audience: String,
    /// Seconds that tokens live whose account says nothing.
    pub token_expiration: i64,
}

impl Default for Aws {
    fn default() -> Self {
        Self {
            audience: "sts.amazonaws.com".to_owned(),
            region: String::new(),
            regional_sts: false,
            token_expiration: 86400,
        }
    }
}

impl Default for Gcp {
    fn default() -> Self {
        Self {
            workload_identity_provider: String::new(),
            audience: "sts.googleapis.com".to_owned(),
            token_expiration: 86400,
        }
    }
}
