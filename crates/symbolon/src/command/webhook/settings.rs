//! From arguments to what is injected.

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use symbolon_webhook::admission::{
    Settings,
    settings::{
        Aws, CustomTokenEndpoint, CustomTokenEndpointCa, DEFAULT_AUDIENCE, Gcp, Layout, Proxy, Selector,
        TrustConfigMap, authority_host, authority_host_of_cloud, authority_host_of_environment,
    },
};

use super::arguments::{CloudArgs, EndpointArgs, InjectionArgs, LayoutArg, ProxyArgs, SelectorArg, SettingsArgs};

/// The key of a trust ConfigMap where none is named.
const TRUST_KEY: &str = "ca.crt";

/// # Errors
/// In upstream's words where it has some.
pub(super) fn settings(args: &SettingsArgs, log_level: &str) -> Result<Settings> {
    let InjectionArgs { audience, trust_configmap, layout, selector, .. } = &args.injection;
    let tenant_id = args.tenant_id.as_deref().map(str::trim).unwrap_or_default();
    if tenant_id.is_empty() && args.clouds.azure {
        bail!("required key AZURE_TENANT_ID missing value");
    }
    Ok(Settings {
        tenant_id: tenant_id.to_owned(),
        authority_host: authority(&args.injection)?,
        audience: if audience.is_empty() { DEFAULT_AUDIENCE.to_owned() } else { audience.clone() },
        layout: match layout {
            LayoutArg::V16 => Layout::V16,
            LayoutArg::V15 => Layout::V15,
        },
        selector: Selector::from(*selector),
        custom_token_endpoint: custom_token_endpoint(&args.endpoint)?,
        proxy: proxy(&args.proxy, log_level)?,
        trust: trust_configmap.as_deref().map(trust).transpose()?,
        azure: args.clouds.azure,
        aws: args.clouds.aws.then(|| aws(&args.clouds)),
        gcp: args.clouds.gcp.then(|| gcp(&args.clouds)),
    })
}

impl From<SelectorArg> for Selector {
    fn from(selector: SelectorArg) -> Self {
        match selector {
            SelectorArg::PodLabel => Self::PodLabel,
            SelectorArg::ServiceAccountLabel => Self::ServiceAccountLabel,
        }
    }
}

fn authority(args: &InjectionArgs) -> Result<String> {
    if let Some(host) = &args.authority_host {
        return authority_host(host).context("--authority-host");
    }
    if !args.azure_environment.eq_ignore_ascii_case("AzureStackCloud") {
        return Ok(authority_host_of_cloud(&args.azure_environment)?.to_owned());
    }
    let Some(path) = &args.azure_environment_filepath else {
        return Ok(authority_host_of_cloud(&args.azure_environment)?.to_owned());
    };
    let text = std::fs::read_to_string(path).with_context(|| format!("`{}` cannot be read", path.display()))?;
    Ok(authority_host_of_environment(&text)?)
}

fn trust(text: &str) -> Result<TrustConfigMap> {
    let (name, key) = text.split_once('/').unwrap_or((text, TRUST_KEY));
    if name.is_empty() || key.is_empty() {
        bail!("--trust-configmap `{text}`: write NAME or NAME/KEY");
    }
    Ok(TrustConfigMap { name: name.to_owned(), key: key.to_owned() })
}

fn custom_token_endpoint(args: &EndpointArgs) -> Result<Option<CustomTokenEndpoint>> {
    let ca = CustomTokenEndpointCa::new(
        &args.azure_kubernetes_ca_data,
        &args.azure_kubernetes_ca_configmap_name,
        &args.azure_kubernetes_ca_ctb_signer_name,
        &args.azure_kubernetes_ca_ctb_label_selector,
    )?;
    Ok(CustomTokenEndpoint::new(
        &args.custom_token_endpoint_annotation_suffix,
        &args.custom_token_endpoint_audience,
        &args.azure_kubernetes_token_proxy,
        &args.azure_kubernetes_sni_name,
        ca,
    )?)
}

fn proxy(args: &ProxyArgs, log_level: &str) -> Result<Proxy> {
    let seccomp_profile = match args.proxy_seccomp_profile.as_deref() {
        None | Some("") => None,
        Some(profile @ ("RuntimeDefault" | "Unconfined")) => Some(json!({ "type": profile })),
        Some(text) => Some(serde_json::from_str::<Value>(text).with_context(|| {
            format!("--proxy-seccomp-profile `{text}`: write RuntimeDefault, Unconfined or a profile in JSON")
        })?),
    };
    Ok(Proxy {
        image: args.proxy_image.clone(),
        init_image: args.proxy_init_image.clone(),
        // Upstream's proxy knows no less than this, and ends at a level that it does not know.
        log_level: if matches!(log_level, "debug" | "trace") { log_level } else { "info" }.to_owned(),
        // Until the API server's version is known; older ones than 1.32 are no longer supported.
        native_sidecar: true,
        resources: args.proxy_resources.clone().map(|object| object.0),
        init_resources: args.proxy_init_resources.clone().map(|object| object.0),
        seccomp_profile,
    })
}

fn aws(args: &CloudArgs) -> Aws {
    Aws {
        audience: args.aws_audience.clone(),
        region: args.aws_region.clone(),
        regional_sts: args.aws_sts_regional_endpoints,
        token_expiration: args.aws_token_expiration,
    }
}

fn gcp(args: &CloudArgs) -> Gcp {
    Gcp {
        workload_identity_provider: args.gcp_workload_identity_provider.clone(),
        audience: args.gcp_audience.clone(),
        token_expiration: args.gcp_token_expiration,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::{super::arguments::WebhookArgs, *};

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        args: WebhookArgs,
    }

    fn parse(arguments: &[&str]) -> Result<Settings> {
        let all = ["webhook"].iter().chain(arguments);
        settings(&Cli::try_parse_from(all)?.args.settings, "info")
    }

    fn refused(arguments: &[&str]) -> String {
        format!("{:#}", parse(arguments).unwrap_err())
    }

    #[test]
    fn the_defaults_are_upstream_s() {
        let settings = parse(&["--tenant-id", "t"]).unwrap();
        assert_eq!(settings.authority_host, "https://login.microsoftonline.com/");
        assert_eq!(settings.audience, "api://AzureADTokenExchange");
        assert!(settings.azure && settings.aws.is_none() && settings.gcp.is_none() && settings.trust.is_none());
        assert_eq!((settings.layout, settings.selector), (Layout::V16, Selector::PodLabel));
    }

    #[test]
    fn what_is_missing_or_wrong_is_said_in_upstream_s_words() {
        assert_eq!(refused(&["--tenant-id", ""]), "required key AZURE_TENANT_ID missing value");
        insta::assert_snapshot!(refused(&["--tenant-id", "t", "--azure-environment", "X"]), @r#"failed to get AAD endpoint: autorest/azure: There is no cloud environment matching the name "X""#);
        insta::assert_snapshot!(refused(&["--tenant-id", "t", "--custom-token-endpoint-audience", "a"]), @"custom token endpoint annotation suffix cannot be empty when audience is set");
    }

    #[test]
    fn an_authority_and_the_trust_in_it_can_be_one_s_own() {
        let own =
            ["--tenant-id", "t", "--authority-host", "https://login.example:8443", "--trust-configmap", "ca/root.pem"];
        let settings = parse(&own).unwrap();
        assert_eq!(settings.authority_host, "https://login.example:8443/");
        assert_eq!(settings.trust, Some(TrustConfigMap { name: "ca".into(), key: "root.pem".into() }));
        let trust = trust("ca").unwrap();
        assert_eq!(trust.key, "ca.crt");
        assert!(refused(&["--tenant-id", "t", "--trust-configmap", "/x"]).contains("NAME/KEY"));
    }

    #[test]
    fn switches_are_written_as_go_writes_them() {
        let parse = |flag| Cli::try_parse_from(["webhook", flag]).unwrap().args.certificates.disable_cert_rotation;
        assert!(parse("--disable-cert-rotation") && parse("--disable-cert-rotation=true"));
        assert!(!parse("--disable-cert-rotation=false"));
    }

    #[test]
    fn without_azure_no_tenant_is_needed() {
        let settings = parse(&["--tenant-id", "", "--azure=false", "--aws", "--aws-region", "eu-central-1"]).unwrap();
        assert_eq!(settings.aws.unwrap().region, "eu-central-1");
        assert!(!settings.azure);
    }
}
