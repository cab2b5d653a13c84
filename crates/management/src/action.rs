//! What can be done here, under the names that roles know.

use symbolon_core::{access::Action, audit::Operation};

/// An action of the management plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ManagementAction {
    SubscriptionRead,
    LocationRead,
    ProviderRead,
    ProviderRegister,
    ResourceGroupRead,
    ResourceGroupWrite,
    ResourceGroupDelete,
    ResourceRead,
    IdentityRead,
    IdentityWrite,
    IdentityDelete,
    CredentialRead,
    CredentialWrite,
    CredentialDelete,
    RoleAssignmentRead,
    RoleAssignmentWrite,
    RoleAssignmentDelete,
    RoleDefinitionRead,
    RoleDefinitionWrite,
    RoleDefinitionDelete,
    PermissionRead,
    ApplicationRead,
    ApplicationWrite,
    ApplicationDelete,
    ApplicationCredentialWrite,
    ApplicationCredentialDelete,
    ServicePrincipalRead,
    ServicePrincipalWrite,
    ServicePrincipalDelete,
    InstallationShow,
    TenantShow,
    TenantWrite,
    SubscriptionWrite,
    ServiceAccountShow,
    ServiceAccountWrite,
    ServiceAccountDelete,
    ServiceAccountToken,
    TrustedIssuerShow,
    TrustedIssuerWrite,
    TrustedIssuerDelete,
    KeyShow,
    AuditShow,
}

impl ManagementAction {
    /// What the audit trail calls it; reading is not recorded.
    pub(crate) const fn operation(self) -> Option<Operation> {
        match self {
            Self::ResourceGroupWrite
            | Self::IdentityWrite
            | Self::CredentialWrite
            | Self::RoleAssignmentWrite
            | Self::RoleDefinitionWrite
            | Self::ApplicationWrite
            | Self::ApplicationCredentialWrite
            | Self::ServicePrincipalWrite
            | Self::TenantWrite
            | Self::SubscriptionWrite
            | Self::ServiceAccountWrite
            | Self::TrustedIssuerWrite => Some(Operation::Write),
            Self::ResourceGroupDelete
            | Self::IdentityDelete
            | Self::CredentialDelete
            | Self::RoleAssignmentDelete
            | Self::RoleDefinitionDelete
            | Self::ApplicationDelete
            | Self::ApplicationCredentialDelete
            | Self::ServicePrincipalDelete
            | Self::ServiceAccountDelete
            | Self::TrustedIssuerDelete => Some(Operation::Delete),
            Self::ServiceAccountToken => Some(Operation::ServiceAccountToken),
            Self::SubscriptionRead
            | Self::LocationRead
            | Self::ProviderRead
            | Self::ProviderRegister
            | Self::ResourceGroupRead
            | Self::ResourceRead
            | Self::IdentityRead
            | Self::CredentialRead
            | Self::RoleAssignmentRead
            | Self::RoleDefinitionRead
            | Self::PermissionRead
            | Self::ApplicationRead
            | Self::ServicePrincipalRead
            | Self::InstallationShow
            | Self::TenantShow
            | Self::ServiceAccountShow
            | Self::TrustedIssuerShow
            | Self::KeyShow
            | Self::AuditShow => None,
        }
    }
}

/// ARM's names are Azure's. Those of the directory and of Symbolon's own API are ours: Entra has no
/// ARM actions for its directory. None of ours ends with `/read`, so that the role Reader, which is
/// given for resources, does not open the directory, the service accounts or the audit trail.
impl Action for ManagementAction {
    fn name(self) -> &'static str {
        match self {
            Self::SubscriptionRead => "Microsoft.Resources/subscriptions/read",
            Self::LocationRead => "Microsoft.Resources/subscriptions/locations/read",
            Self::ProviderRead => "Microsoft.Resources/subscriptions/providers/read",
            Self::ProviderRegister => "Microsoft.Resources/subscriptions/providers/register/action",
            Self::ResourceGroupRead => "Microsoft.Resources/subscriptions/resourceGroups/read",
            Self::ResourceGroupWrite => "Microsoft.Resources/subscriptions/resourceGroups/write",
            Self::ResourceGroupDelete => "Microsoft.Resources/subscriptions/resourceGroups/delete",
            Self::ResourceRead => "Microsoft.Resources/subscriptions/resources/read",
            Self::IdentityRead => "Microsoft.ManagedIdentity/userAssignedIdentities/read",
            Self::IdentityWrite => "Microsoft.ManagedIdentity/userAssignedIdentities/write",
            Self::IdentityDelete => "Microsoft.ManagedIdentity/userAssignedIdentities/delete",
            Self::CredentialRead => {
                "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/read"
            }
            Self::CredentialWrite => {
                "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write"
            }
            Self::CredentialDelete => {
                "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/delete"
            }
            Self::RoleAssignmentRead => "Microsoft.Authorization/roleAssignments/read",
            Self::RoleAssignmentWrite => "Microsoft.Authorization/roleAssignments/write",
            Self::RoleAssignmentDelete => "Microsoft.Authorization/roleAssignments/delete",
            Self::RoleDefinitionRead => "Microsoft.Authorization/roleDefinitions/read",
            Self::RoleDefinitionWrite => "Microsoft.Authorization/roleDefinitions/write",
            Self::RoleDefinitionDelete => "Microsoft.Authorization/roleDefinitions/delete",
            Self::PermissionRead => "Microsoft.Authorization/permissions/read",
            Self::ApplicationRead => "Microsoft.Directory/applications/show/action",
            Self::ApplicationWrite => "Microsoft.Directory/applications/write",
            Self::ApplicationDelete => "Microsoft.Directory/applications/delete",
            Self::ApplicationCredentialWrite => "Microsoft.Directory/applications/federatedIdentityCredentials/write",
            Self::ApplicationCredentialDelete => "Microsoft.Directory/applications/federatedIdentityCredentials/delete",
            Self::ServicePrincipalRead => "Microsoft.Directory/servicePrincipals/show/action",
            Self::ServicePrincipalWrite => "Microsoft.Directory/servicePrincipals/write",
            Self::ServicePrincipalDelete => "Microsoft.Directory/servicePrincipals/delete",
            Self::InstallationShow => "Symbolon/installation/show/action",
            Self::TenantShow => "Symbolon/tenants/show/action",
            Self::TenantWrite => "Symbolon/tenants/write",
            Self::SubscriptionWrite => "Symbolon/subscriptions/write",
            Self::ServiceAccountShow => "Symbolon/serviceAccounts/show/action",
            Self::ServiceAccountWrite => "Symbolon/serviceAccounts/write",
            Self::ServiceAccountDelete => "Symbolon/serviceAccounts/delete",
            Self::ServiceAccountToken => "Symbolon/serviceAccounts/token/action",
            Self::TrustedIssuerShow => "Symbolon/trustedIssuers/show/action",
            Self::TrustedIssuerWrite => "Symbolon/trustedIssuers/write",
            Self::TrustedIssuerDelete => "Symbolon/trustedIssuers/delete",
            Self::KeyShow => "Symbolon/keys/show/action",
            Self::AuditShow => "Symbolon/audit/show/action",
        }
    }
}
