//! Resources that tokens are asked for, and every name under which real SDKs ask for them.

use std::sync::Arc;

use crate::{
    Tenant,
    application::{Application, TokenVersion},
    ports::Directory,
    urls::Urls,
};

/// A resource of Microsoft's own whose tokens the authority issues in every tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WellKnown {
    /// Azure Resource Manager.
    ResourceManager,
    /// Microsoft Graph.
    Graph,
    /// Key Vault.
    KeyVault,
    /// App Configuration.
    AppConfiguration,
    /// Azure Storage.
    Storage,
    /// Azure SQL Database.
    Sql,
    /// Azure Database for PostgreSQL and MySQL.
    OpenSourceDatabases,
    /// Service Bus.
    ServiceBus,
    /// Event Hubs.
    EventHubs,
    /// Container Registry.
    ContainerRegistry,
    /// Token exchange into another tenant or cloud.
    TokenExchange,
}

/// A resource that a token is asked for.
#[derive(Clone, Debug)]
pub enum Resource {
    /// One of Microsoft's own.
    WellKnown(WellKnown),
    /// An application of the tenant.
    Application(Arc<Application>),
}

/// A resource, found under the name that the client used.
#[derive(Clone, Debug)]
pub struct Requested {
    /// The resource.
    pub resource: Resource,
    /// The name that the client used.
    pub name: String,
    /// The `aud` of its token.
    pub audience: String,
    /// The version of its token.
    pub version: TokenVersion,
}

/// The application id of Entra's token exchange endpoint, the same in every tenant.
const TOKEN_EXCHANGE_APP_ID: &str = "fb60f99c-7a34-4190-8149-302f77469936";

/// The fixed names, without trailing slash, lower case; and the GUIDs that stand for them.
const NAMES: [(WellKnown, &[&str]); 11] = [
    (
        WellKnown::ResourceManager,
        &[
            "https://management.azure.com",
            "https://management.core.windows.net",
            "https://management.usgovcloudapi.net",
            "https://management.core.usgovcloudapi.net",
            "https://management.chinacloudapi.cn",
            "https://management.core.chinacloudapi.cn",
            "797f4846-ba00-4fd7-ba43-dac1f8f63013",
        ],
    ),
    (
        WellKnown::Graph,
        &[
            "https://graph.microsoft.com",
            "https://graph.microsoft.us",
            "https://microsoftgraph.chinacloudapi.cn",
            "00000003-0000-0000-c000-000000000000",
        ],
    ),
    (
        WellKnown::KeyVault,
        &[
            "https://vault.azure.net",
            "https://vault.usgovcloudapi.net",
            "https://vault.azure.cn",
            "cfa8b339-82a2-471a-a3c9-0fc0be7a4093",
        ],
    ),
    (
        WellKnown::AppConfiguration,
        &[
            "https://appconfig.azure.com",
            "https://appconfig.azure.us",
            "https://appconfig.azure.cn",
            "https://appconfig.sovcloud-api.fr",
            "https://azconfig.io",
            "https://azconfig.azure.us",
            "https://azconfig.azure.cn",
        ],
    ),
    (WellKnown::Storage, &["https://storage.azure.com", "e406a681-f3d4-42a8-90b6-c2b029497af1"]),
    (WellKnown::Sql, &["https://database.windows.net"]),
    (WellKnown::OpenSourceDatabases, &["https://ossrdbms-aad.database.windows.net"]),
    (WellKnown::ServiceBus, &["https://servicebus.azure.net"]),
    (WellKnown::EventHubs, &["https://eventhubs.azure.net"]),
    (WellKnown::ContainerRegistry, &["https://containerregistry.azure.net"]),
    (
        WellKnown::TokenExchange,
        &[
            "api://azureadtokenexchange",
            "api://azureadtokenexchangeusgov",
            "api://azureadtokenexchangechina",
            TOKEN_EXCHANGE_APP_ID,
        ],
    ),
];

/// Names of single stores and accounts: SDKs ask for the host that they talk to.
const SUFFIXES: [(WellKnown, &str); 5] = [
    (WellKnown::AppConfiguration, ".azconfig.io"),
    (WellKnown::AppConfiguration, ".appconfig.azure.com"),
    (WellKnown::Storage, ".blob.core.windows.net"),
    (WellKnown::Storage, ".queue.core.windows.net"),
    (WellKnown::ServiceBus, ".servicebus.windows.net"),
];

impl WellKnown {
    /// The well-known resource that `name` stands for: a fixed name, a store's own host, or where
    /// this installation serves it. Compared without regard to letter case and trailing slashes.
    #[must_use]
    pub fn find(name: &str, urls: &Urls) -> Option<Self> {
        let name = name.trim_end_matches('/').to_ascii_lowercase();
        if let Some((found, _)) = NAMES.iter().find(|(_, names)| names.contains(&name.as_str())) {
            return Some(*found);
        }
        let local = [
            (Self::ResourceManager, &urls.management),
            (Self::Graph, &urls.graph()),
            (Self::KeyVault, &urls.vault),
            (Self::AppConfiguration, &urls.app_configuration),
        ];
        if let Some((found, _)) = local.iter().find(|(_, url)| url.eq_ignore_ascii_case(&name)) {
            return Some(*found);
        }
        let host = name.strip_prefix("https://")?;
        let label = |host: &str, suffix: &str| {
            let is_label = |l: &str| !l.is_empty() && l.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
            host.strip_suffix(suffix).is_some_and(is_label)
        };
        SUFFIXES.iter().find(|(_, suffix)| label(host, suffix)).map(|(found, _)| *found)
    }
}

/// Finds the resource that `name` stands for in `tenant`.
///
/// A well-known resource gets version 1 tokens whose `aud` is the name as it was asked for, as
/// Entra does; an application gets the version that it registered, with its id as `aud` in
/// version 2.
#[must_use]
pub fn find(name: &str, tenant: &Tenant, directory: &dyn Directory, urls: &Urls) -> Option<Requested> {
    if let Some(known) = WellKnown::find(name, urls) {
        let version = if known == WellKnown::TokenExchange { TokenVersion::V2 } else { TokenVersion::V1 };
        let resource = Resource::WellKnown(known);
        // A version 2 token carries the id of the application, under whatever name it was asked for.
        let audience = if known == WellKnown::TokenExchange { TOKEN_EXCHANGE_APP_ID } else { name };
        return Some(Requested { resource, name: name.to_owned(), audience: audience.to_owned(), version });
    }
    let application = directory.resource_application(tenant.id, name)?;
    let audience = match application.token_version {
        TokenVersion::V1 => name.to_owned(),
        TokenVersion::V2 => application.app_id.to_string(),
    };
    let version = application.token_version;
    Some(Requested { resource: Resource::Application(application), name: name.to_owned(), audience, version })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls() -> Urls {
        Urls {
            authority: "https://localhost:8443".into(),
            management: "https://localhost:8444".into(),
            vault: "https://localhost:8445".into(),
            app_configuration: "https://localhost:8446".into(),
        }
    }

    #[test]
    fn names_that_sdks_ask_for_are_known() {
        for (name, expected) in [
            ("https://vault.azure.net", WellKnown::KeyVault),
            ("https://management.core.windows.net/", WellKnown::ResourceManager),
            ("https://Management.Azure.com", WellKnown::ResourceManager),
            ("https://localhost:8444", WellKnown::ResourceManager),
            ("https://localhost:8445", WellKnown::KeyVault),
            ("https://mystore.azconfig.io", WellKnown::AppConfiguration),
            ("00000003-0000-0000-c000-000000000000", WellKnown::Graph),
            ("api://AzureADTokenExchange", WellKnown::TokenExchange),
        ] {
            assert_eq!(WellKnown::find(name, &urls()), Some(expected), "{name}");
        }
    }

    #[test]
    fn names_that_only_look_alike_are_unknown() {
        for name in [
            "",
            "vault.azure.net",
            "https://vault.azure.net.evil.example",
            "https://.azconfig.io",
            "https://a.b.azconfig.io",
            "https://x/.azconfig.io",
            "https://azconfig.io.default",
            "https://localhost:9999",
        ] {
            assert_eq!(WellKnown::find(name, &urls()), None, "{name}");
        }
    }
}
