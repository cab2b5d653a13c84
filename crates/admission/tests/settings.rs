//! What an operator may write, and what we say where not. The words are upstream's where it has some.

use serde_json::json;
use symbolon_admission::settings::{
    CustomTokenEndpoint, CustomTokenEndpointCa, authority_host, authority_host_of_cloud, authority_host_of_environment,
};

fn endpoint(suffix: &str, audience: &str) -> Result<Option<CustomTokenEndpoint>, String> {
    CustomTokenEndpoint::new(suffix, audience, "https://proxy", "sni", CustomTokenEndpointCa::None)
        .map_err(|error| error.to_string())
}

#[test]
fn a_custom_token_endpoint_has_a_suffix_and_an_audience_or_neither() {
    assert_eq!(endpoint("", ""), Ok(None));
    let endpoint_of_both = endpoint("identity-binding", "api://AKSIdentityBinding").unwrap().unwrap();
    assert_eq!(endpoint_of_both.annotation_suffix, "identity-binding");
    assert_eq!(endpoint_of_both.audience, "api://AKSIdentityBinding");
    assert_eq!(endpoint_of_both.token_proxy, "https://proxy");
    assert_eq!(endpoint_of_both.sni_name, "sni");
    assert_eq!(
        endpoint("", "a").unwrap_err(),
        "custom token endpoint annotation suffix cannot be empty when audience is set"
    );
    assert_eq!(
        endpoint("a", "").unwrap_err(),
        "custom token endpoint audience cannot be empty when annotation suffix is set"
    );
    assert_eq!(
        endpoint("a", "API://azureadtokenexchange").unwrap_err(),
        "custom token endpoint audience cannot be equal to default audience \"api://AzureADTokenExchange\""
    );
}

#[test]
fn the_suffix_makes_the_name_of_an_annotation() {
    for suffix in ["a", "A", "0", "a.b_c-d", &"a".repeat(59)] {
        assert!(endpoint(suffix, "a").is_ok(), "{suffix}");
    }
    for (suffix, problem) in [
        ("a/b", "a qualified name has at most one slash"),
        (
            "a b",
            "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
        ),
        (
            "a-",
            "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
        ),
        (
            "\u{e4}",
            "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
        ),
        (&*"a".repeat(60), "name part must be no more than 63 characters"),
    ] {
        assert_eq!(
            endpoint(suffix, "a").unwrap_err(),
            format!(
                "custom token endpoint annotation key \"azure.workload.identity/use-{suffix}\" is not valid: {problem}"
            )
        );
    }
}

#[test]
fn a_custom_token_endpoint_has_one_ca_at_most() {
    let ca = |data, config_map, signer, selector| {
        CustomTokenEndpointCa::new(data, config_map, signer, selector).map_err(|error| error.to_string())
    };
    assert_eq!(ca("", "", "", ""), Ok(CustomTokenEndpointCa::None));
    assert_eq!(ca("PEM", "", "", ""), Ok(CustomTokenEndpointCa::Data("PEM".to_owned())));
    assert_eq!(ca("", "cm", "", " "), Ok(CustomTokenEndpointCa::ConfigMap("cm".to_owned())));
    assert_eq!(
        ca("", "", "s", r#"{"matchLabels":{"a":"b"},"matchExpressions":[{"key":"k","operator":"Exists"}]}"#),
        Ok(CustomTokenEndpointCa::ClusterTrustBundle {
            signer_name: "s".to_owned(),
            label_selector: Some(
                json!({ "matchLabels": { "a": "b" }, "matchExpressions": [{ "key": "k", "operator": "Exists" }] })
            ),
        })
    );
    let several = "only one of AZURE_KUBERNETES_CA_DATA, AZURE_KUBERNETES_CA_CONFIGMAP_NAME or \
                   AZURE_KUBERNETES_CA_CTB_SIGNER_NAME can be set";
    for (data, config_map, signer) in [("a", "b", ""), ("a", "", "c"), ("", "b", "c"), ("a", "b", "c")] {
        assert_eq!(ca(data, config_map, signer, "").unwrap_err(), several);
    }
    assert_eq!(
        ca("", "b", "", "{}").unwrap_err(),
        "AZURE_KUBERNETES_CA_CTB_SIGNER_NAME needs to be set when AZURE_KUBERNETES_CA_CTB_LABEL_SELECTOR is set"
    );
    for selector in ["x", "[]", r#"{"matchlabels":{}}"#, r#"{"matchLabels":{"a":1}}"#] {
        assert!(ca("", "", "s", selector).unwrap_err().starts_with("failed to decode LabelSelector: "), "{selector}");
    }
}

#[test]
fn microsofts_clouds_have_an_authority_each() {
    for (name, host) in [
        ("", "https://login.microsoftonline.com/"),
        ("AzurePublicCloud", "https://login.microsoftonline.com/"),
        ("azurepubliccloud", "https://login.microsoftonline.com/"),
        ("AZUREUSGOVERNMENTCLOUD", "https://login.microsoftonline.us/"),
        ("AzureChinaCloud", "https://login.chinacloudapi.cn/"),
        ("AzureGermanCloud", "https://login.microsoftonline.de/"),
    ] {
        assert_eq!(authority_host_of_cloud(name), Ok(host));
    }
    assert_eq!(
        authority_host_of_cloud("AzureMoonCloud").unwrap_err().to_string(),
        "failed to get AAD endpoint: autorest/azure: There is no cloud environment matching the name \"AZUREMOONCLOUD\""
    );
    assert_eq!(
        authority_host_of_cloud("AzureStackCloud").unwrap_err().to_string(),
        "failed to get AAD endpoint: AzureStackCloud needs the file that AZURE_ENVIRONMENT_FILEPATH names"
    );
    assert_eq!(
        authority_host_of_environment(
            r#"{"name":"HybridEnvironment","activeDirectoryEndpoint":"https://adfs.local/"}"#
        ),
        Ok("https://adfs.local/".to_owned())
    );
    assert!(authority_host_of_environment("{}").is_err());
}

#[test]
fn an_authority_of_ones_own_is_a_base_url_over_tls() {
    for (text, expected) in [
        ("https://login.example.com", "https://login.example.com/"),
        (" https://login.example.com:8443/ ", "https://login.example.com:8443/"),
        ("https://login.example.com/base", "https://login.example.com/base/"),
    ] {
        assert_eq!(authority_host(text).unwrap(), expected);
    }
    for (text, expected) in [
        ("login.example.com", "authority host `login.example.com` is no URL: relative URL without a base"),
        ("http://login.example.com/", "authority host `http://login.example.com/` has to begin with https://"),
        ("https://u@host/", "authority host `https://u@host/` has user information, a query or a fragment"),
        ("https://host/?a", "authority host `https://host/?a` has user information, a query or a fragment"),
        ("https://host/#a", "authority host `https://host/#a` has user information, a query or a fragment"),
    ] {
        assert_eq!(authority_host(text).unwrap_err().to_string(), expected);
    }
}
