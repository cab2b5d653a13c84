//! What an operator decides about the injection.

use serde_json::Value;

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
    /// Where the volume is mounted.
    pub(crate) fn mount_path(self) -> &'static str {
        match self {
            Self::V16 => "/var/run/secrets/azure/wi",
            Self::V15 => "/var/run/secrets/azure/tokens",
        }
    }

    /// Where the token lies in the volume.
    pub(crate) fn token_path(self) -> &'static str {
        match self {
            Self::V16 => "token/azure-identity-token",
            Self::V15 => "azure-identity-token",
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

/// Identity bindings: another token endpoint for pods that ask for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomTokenEndpoint {
    /// The part after `azure.workload.identity/use-` in the pod's annotation.
    pub annotation_suffix: String,
    /// The audience of the tokens.
    pub audience: String,
    /// `AZURE_KUBERNETES_TOKEN_PROXY`.
    pub token_proxy: String,
    /// `AZURE_KUBERNETES_SNI_NAME`.
    pub sni_name: String,
    /// Where the endpoint's CA comes from.
    pub ca: CustomTokenEndpointCa,
}

/// Where the CA of a custom token endpoint comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CustomTokenEndpointCa {
    /// Nothing was given.
    #[default]
    None,
    /// The certificate itself, for `AZURE_KUBERNETES_CA_DATA`.
    Data(String),
    /// A ConfigMap with the key `ca.crt` in the pod's namespace.
    ConfigMap(String),
    /// A ClusterTrustBundle.
    ClusterTrustBundle {
        /// The signer.
        signer_name: String,
        /// A label selector as Kubernetes writes it.
        label_selector: Option<Value>,
    },
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

