//! What can be said about a service account without any pod.

use super::{
    Warning, expiration,
    identity::{is_domain, is_guid},
};
use crate::{Key, ServiceAccount};

/// What the author of a service account should know, for the Events of who watches accounts.
#[must_use]
pub fn advise(account: &ServiceAccount) -> Vec<Warning> {
    const PLACE: &str = "service account";
    let mut warnings = Vec::new();
    let said = |key| account.get(key).filter(|value| !value.is_empty());
    if let Some(id) = said(Key::ClientId).filter(|id| !is_guid(id)) {
        warnings.push(Warning::malformed_client_id(id, PLACE));
    }
    if let Some(id) = said(Key::TenantId).filter(|id| !is_guid(id) && !is_domain(id)) {
        warnings.push(Warning::malformed_tenant_id(id, PLACE));
    }
    if let Some(text) = said(Key::TokenExpiration)
        && let Err(refusal) = expiration::parse(text)
    {
        warnings.push(Warning::token_expiration(&refusal.message));
    }
    for (key, name) in [
        (Key::ClientIdLabel, "azure.workload.identity/client-id"),
        (Key::TenantIdLabel, "azure.workload.identity/tenant-id"),
    ] {
        if account.get(key).is_some() {
            warnings.push(Warning::misplaced("service account label", name, "service account annotation"));
        }
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_s_mistakes_are_named() {
        let account = ServiceAccount::new(
            [("azure.workload.identity/client-id", "1")],
            [
                ("azure.workload.identity/client-id", "sademo"),
                ("azure.workload.identity/tenant-id", "contoso.example"),
                ("azure.workload.identity/service-account-token-expiration", "60"),
            ],
        );
        let reasons: Vec<_> = advise(&account).iter().map(|warning| warning.reason).collect();
        assert_eq!(reasons, ["MalformedClientId", "MalformedTokenExpiration", "Misplaced"]);
        insta::assert_snapshot!(advise(&account)[2].message, @"service account label azure.workload.identity/client-id has no effect; make it a service account annotation");
        assert_eq!(advise(&ServiceAccount::default()), []);
    }
}
