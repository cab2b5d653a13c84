//! The arguments, under upstream's names where upstream has them.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use symbolon_ca::SubjectName;

use super::policy::PolicyArgs;
use super::values::{GoDuration, JsonObject, Listen, LogLevel, MinimumTls};
use crate::log_format::LogFormat;

const EXAMPLES: &str = "\
Examples:
  AZURE_TENANT_ID=… symbolon webhook                      in a pod of the cluster
  symbolon webhook --tenant-id … --kubeconfig admin.conf --listen 127.0.0.1:9443

It takes the flags and variables of the Azure Workload Identity webhook v1.6. To run it in
upstream's own Deployment, take `command` out, put `webhook` before the arguments, and let its
roles also patch the webhook configuration and create, get and update leases.

A pod that asks for the proxy sidecar needs an image of it: set PROXY_IMAGE and PROXY_INIT_IMAGE. Our
own comes with a later release, upstream's work; while none is set such a pod is refused with a
message that says so.";

/// Arguments of `symbolon webhook`.
#[derive(Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct WebhookArgs {
    #[command(subcommand)]
    pub(super) command: Option<WebhookCommand>,
    /// Print the version as JSON
    #[arg(long)]
    pub(super) version: bool,
    /// The file that names the cluster [default: the cluster that this runs in]
    #[arg(long, value_name = "FILE")]
    pub(super) kubeconfig: Option<PathBuf>,
    /// Where API servers are answered
    #[arg(long, value_name = "ADDRESS", default_value = ":9443")]
    pub(super) listen: Listen,
    /// Where /healthz and /readyz are
    #[arg(long, value_name = "ADDRESS", default_value = ":9440")]
    pub(super) health_addr: Listen,
    /// Where /metrics is
    #[arg(long, value_name = "ADDRESS", default_value = ":8095")]
    pub(super) metrics_addr: Listen,
    /// How metrics are given
    #[arg(long, value_enum, default_value_t)]
    metrics_backend: MetricsBackend,
    /// The oldest version of TLS: 1.2 or 1.3
    #[arg(long, value_name = "VERSION", default_value = "1.3")]
    pub(super) tls_min_version: MinimumTls,
    /// How long a service account is waited for that is not there yet
    #[arg(long, value_name = "DURATION", default_value = "1s")]
    pub(super) service_account_wait: GoDuration,
    /// How long is answered on after SIGTERM, until the news has spread
    #[arg(long, value_name = "DURATION", default_value = "10s")]
    pub(super) shutdown_delay: GoDuration,
    #[command(flatten)]
    pub(super) log: LogArgs,
    #[command(flatten)]
    pub(super) names: NameArgs,
    #[command(flatten)]
    pub(super) certificates: CertificateArgs,
    #[command(flatten)]
    pub(super) settings: SettingsArgs,
}

/// What else there is about the webhook.
#[derive(Subcommand)]
pub(super) enum WebhookCommand {
    /// Print the admission policies that do the same inside the API server
    Policy(PolicyArgs),
}

/// What the injection depends on: the webhook's as well as the policy's.
#[derive(Args)]
pub(super) struct SettingsArgs {
    /// The tenant of identities whose service account names none
    #[arg(long, value_name = "GUID", env = "AZURE_TENANT_ID")]
    pub(super) tenant_id: Option<String>,
    #[command(flatten)]
    pub(super) injection: InjectionArgs,
    #[command(flatten)]
    pub(super) endpoint: EndpointArgs,
    #[command(flatten)]
    pub(super) proxy: ProxyArgs,
    #[command(flatten)]
    pub(super) clouds: CloudArgs,
}

/// How metrics are given.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum MetricsBackend {
    /// For Prometheus to collect
    #[default]
    Prometheus,
}

/// The log.
#[derive(Args)]
#[command(next_help_heading = "Log")]
pub(super) struct LogArgs {
    /// How much: error, warn, info, debug, trace or all
    #[arg(long = "log-level", value_name = "LEVEL", default_value = "info")]
    pub(super) level: LogLevel,
    /// How the log is written
    #[arg(long = "log-format", value_enum, default_value_t = LogFormat::Json)]
    pub(super) format: LogFormat,
}

/// Names of objects in the cluster.
#[derive(Args)]
#[command(next_help_heading = "Names")]
pub(super) struct NameArgs {
    /// The namespace of this webhook
    #[arg(long, value_name = "NAME", env = "POD_NAMESPACE", default_value = "azure-workload-identity-system")]
    pub(super) namespace: String,
    /// The Service in front of this webhook
    #[arg(long, value_name = "NAME", default_value = "azure-wi-webhook-webhook-service")]
    pub(super) service_name: String,
    /// The Secret that holds the certificates
    #[arg(long, value_name = "NAME", default_value = "azure-wi-webhook-server-cert")]
    pub(super) secret_name: String,
    /// The MutatingWebhookConfiguration whose caBundle is kept
    #[arg(long, value_name = "NAME", default_value = "azure-wi-webhook-mutating-webhook-configuration")]
    pub(super) webhook_configuration_name: String,
    /// The lease of the replica that writes
    #[arg(long, value_name = "NAME", default_value = "azure-wi-webhook-leader")]
    pub(super) lease_name: String,
}

/// The certificate.
#[derive(Args)]
#[command(next_help_heading = "Certificates")]
pub(super) struct CertificateArgs {
    /// Take the certificate from files instead of making it: somebody else keeps it and caBundle
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = false,
        default_missing_value = "true", action = clap::ArgAction::Set)]
    pub(super) disable_cert_rotation: bool,
    /// Where tls.crt and tls.key lie, with --disable-cert-rotation
    #[arg(long, value_name = "DIR", default_value = "/certs")]
    pub(super) webhook_cert_dir: PathBuf,
    /// A further name or address in the certificate; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(super) san: Vec<SubjectName>,
    /// How long a CA lives
    #[arg(long, value_name = "DURATION", default_value = "87600h", hide = true)]
    pub(super) ca_lifetime: GoDuration,
    /// How long a certificate lives
    #[arg(long, value_name = "DURATION", default_value = "2160h", hide = true)]
    pub(super) certificate_lifetime: GoDuration,
    /// How long a new CA is published before it signs
    #[arg(long, value_name = "DURATION", default_value = "5m", hide = true)]
    pub(super) ca_overlap: GoDuration,
    /// How long the lease outlives a holder that died
    #[arg(long, value_name = "DURATION", default_value = "15s", hide = true)]
    pub(super) lease_duration: GoDuration,
}

/// What is injected.
#[derive(Args)]
#[command(next_help_heading = "Injection")]
pub(super) struct InjectionArgs {
    /// The audience of tokens [default: api://AzureADTokenExchange]
    #[arg(long, value_name = "AUDIENCE", default_value = "", hide_default_value = true)]
    pub(super) audience: String,
    /// Microsoft's cloud, which names the authority
    #[arg(long, value_name = "NAME", env = "AZURE_ENVIRONMENT", default_value = "AzurePublicCloud")]
    pub(super) azure_environment: String,
    /// The environment's file, for AzureStackCloud
    #[arg(long, value_name = "FILE", env = "AZURE_ENVIRONMENT_FILEPATH", hide = true)]
    pub(super) azure_environment_filepath: Option<PathBuf>,
    /// An authority of your own, in place of the cloud's
    #[arg(long, value_name = "URL")]
    pub(super) authority_host: Option<String>,
    /// A ConfigMap in the namespace of each pod with the CA of that authority
    #[arg(long, value_name = "NAME[/KEY]")]
    pub(super) trust_configmap: Option<String>,
    /// Where the token lies: as in v1.6 or as up to v1.5
    #[arg(long, value_enum, default_value_t)]
    pub(super) layout: LayoutArg,
    /// What makes a pod one to inject
    #[arg(long, value_enum, default_value_t)]
    pub(super) selector: SelectorArg,
}

/// Where the token lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum LayoutArg {
    /// /var/run/secrets/azure/wi/token/azure-identity-token
    #[default]
    #[value(name = "v1.6")]
    V16,
    /// /var/run/secrets/azure/tokens/azure-identity-token
    #[value(name = "v1.5")]
    V15,
}

/// What makes a pod one to inject.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum SelectorArg {
    /// The pod's label
    #[default]
    PodLabel,
    /// The service account's label
    ServiceAccountLabel,
}

/// Another token endpoint, such as AKS identity bindings.
#[derive(Args)]
#[command(next_help_heading = "Custom token endpoint")]
pub(super) struct EndpointArgs {
    /// What comes after azure.workload.identity/use- in the annotation of pods that want it
    #[arg(long, value_name = "SUFFIX", default_value = "", hide_default_value = true)]
    pub(super) custom_token_endpoint_annotation_suffix: String,
    /// The audience of its tokens
    #[arg(long, value_name = "AUDIENCE", default_value = "", hide_default_value = true)]
    pub(super) custom_token_endpoint_audience: String,
    /// Its URL
    #[arg(
        long,
        value_name = "URL",
        env = "AZURE_KUBERNETES_TOKEN_PROXY",
        default_value = "",
        hide_default_value = true
    )]
    pub(super) azure_kubernetes_token_proxy: String,
    /// The name that its certificate has
    #[arg(long, value_name = "NAME", env = "AZURE_KUBERNETES_SNI_NAME", default_value = "", hide_default_value = true)]
    pub(super) azure_kubernetes_sni_name: String,
    /// Its CA
    #[arg(long, value_name = "PEM", env = "AZURE_KUBERNETES_CA_DATA", default_value = "", hide_default_value = true)]
    pub(super) azure_kubernetes_ca_data: String,
    /// A ConfigMap in the namespace of each pod with its CA
    #[arg(
        long,
        value_name = "NAME",
        env = "AZURE_KUBERNETES_CA_CONFIGMAP_NAME",
        default_value = "",
        hide_default_value = true
    )]
    pub(super) azure_kubernetes_ca_configmap_name: String,
    /// The signer of ClusterTrustBundles with its CA
    #[arg(
        long,
        value_name = "NAME",
        env = "AZURE_KUBERNETES_CA_CTB_SIGNER_NAME",
        default_value = "",
        hide_default_value = true
    )]
    pub(super) azure_kubernetes_ca_ctb_signer_name: String,
    /// Which of them, as a label selector in JSON
    #[arg(
        long,
        value_name = "JSON",
        env = "AZURE_KUBERNETES_CA_CTB_LABEL_SELECTOR",
        default_value = "",
        hide_default_value = true
    )]
    pub(super) azure_kubernetes_ca_ctb_label_selector: String,
}

/// The proxy sidecar.
#[derive(Args)]
#[command(next_help_heading = "Proxy sidecar")]
#[expect(clippy::struct_field_names, reason = "the fields are named as the flags")]
pub(super) struct ProxyArgs {
    /// Its image; while there is none, pods that ask for the proxy are refused
    #[arg(long, value_name = "IMAGE", env = "PROXY_IMAGE", default_value = "", hide_default_value = true)]
    pub(super) proxy_image: String,
    /// The image that redirects the traffic to it
    #[arg(long, value_name = "IMAGE", env = "PROXY_INIT_IMAGE", default_value = "", hide_default_value = true)]
    pub(super) proxy_init_image: String,
    /// Its resources, as a container has them
    #[arg(long, value_name = "JSON")]
    pub(super) proxy_resources: Option<JsonObject>,
    /// The resources of the container that redirects
    #[arg(long, value_name = "JSON")]
    pub(super) proxy_init_resources: Option<JsonObject>,
    /// The seccomp profile of both: RuntimeDefault, Unconfined, or JSON
    #[arg(long, value_name = "PROFILE")]
    pub(super) proxy_seccomp_profile: Option<String>,
}

/// Other clouds.
#[derive(Args)]
#[command(next_help_heading = "Clouds")]
#[expect(clippy::struct_excessive_bools, reason = "switches of the command line")]
pub(super) struct CloudArgs {
    /// Read Azure's labels and annotations
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true,
        default_missing_value = "true", action = clap::ArgAction::Set)]
    pub(super) azure: bool,
    /// Read eks.amazonaws.com/role-arn and its companions
    #[arg(long)]
    pub(super) aws: bool,
    /// The audience of tokens for AWS
    #[arg(long, value_name = "AUDIENCE", default_value = "sts.amazonaws.com", requires = "aws")]
    pub(super) aws_audience: String,
    /// AWS_REGION of injected containers
    #[arg(long, value_name = "REGION", default_value = "", hide_default_value = true, requires = "aws")]
    pub(super) aws_region: String,
    /// Ask for regional endpoints of STS
    #[arg(long, requires = "aws")]
    pub(super) aws_sts_regional_endpoints: bool,
    /// Seconds that tokens for AWS live
    #[arg(long, value_name = "SECONDS", default_value_t = 86400, requires = "aws")]
    pub(super) aws_token_expiration: i64,
    /// Read cloud.google.com/workload-identity-provider and its companions
    #[arg(long)]
    pub(super) gcp: bool,
    /// The provider of accounts that name none
    #[arg(long, value_name = "PROVIDER", default_value = "", hide_default_value = true, requires = "gcp")]
    pub(super) gcp_workload_identity_provider: String,
    /// The audience of tokens for Google Cloud
    #[arg(long, value_name = "AUDIENCE", default_value = "sts.googleapis.com", requires = "gcp")]
    pub(super) gcp_audience: String,
    /// Seconds that tokens for Google Cloud live
    #[arg(long, value_name = "SECONDS", default_value_t = 86400, requires = "gcp")]
    pub(super) gcp_token_expiration: i64,
}
