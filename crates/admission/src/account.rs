//! What is kept of a service account.

/// A label or an annotation of a service account that somebody here reads.
///
/// A closed list, so that a cache of a hundred thousand accounts keeps nothing else of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// The label `azure.workload.identity/use`.
    UseLabel,
    /// The annotation `azure.workload.identity/use`; read before v0.15 of the upstream webhook.
    UseAnnotation,
    /// The annotation `azure.workload.identity/client-id`.
    ClientId,
    /// The annotation `azure.workload.identity/tenant-id`.
    TenantId,
    /// The annotation `azure.workload.identity/service-account-token-expiration`.
    TokenExpiration,
    /// The label `azure.workload.identity/client-id`: a mistake that is pointed out.
    ClientIdLabel,
    /// The label `azure.workload.identity/tenant-id`: a mistake that is pointed out.
    TenantIdLabel,
    /// The annotation `azure.workload.identity/skip-containers`, which belongs on pods.
    SkipContainers,
    /// The annotation `azure.workload.identity/inject-proxy-sidecar`, which belongs on pods.
    InjectProxySidecar,
    /// The annotation `eks.amazonaws.com/role-arn`.
    AwsRoleArn,
    /// The annotation `eks.amazonaws.com/audience`.
    AwsAudience,
    /// The annotation `eks.amazonaws.com/sts-regional-endpoints`.
    AwsRegionalSts,
    /// The annotation `eks.amazonaws.com/token-expiration`.
    AwsTokenExpiration,
    /// The annotation `cloud.google.com/workload-identity-provider`.
    GcpProvider,
    /// The annotation `cloud.google.com/service-account-email`.
    GcpServiceAccountEmail,
    /// The annotation `cloud.google.com/audience`.
    GcpAudience,
    /// The annotation `cloud.google.com/token-expiration`.
    GcpTokenExpiration,
}

/// A Kubernetes service account, reduced to the labels and annotations that are read here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceAccount {
    entries: Box<[(Key, Box<str>)]>,
}

impl ServiceAccount {
    /// Keeps what is read of an account's labels and annotations, and drops everything else.
    pub fn new<'a>(
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        annotations: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let labels = labels.into_iter().filter_map(|(name, value)| Some((Key::of_label(name)?, value.into())));
        let annotations =
            annotations.into_iter().filter_map(|(name, value)| Some((Key::of_annotation(name)?, value.into())));
        let mut entries: Vec<_> = labels.chain(annotations).collect();
        entries.sort_by_key(|(key, _)| *key);
        Self { entries: entries.into() }
    }

    /// The value of a label or an annotation, empty or not, if the account has it.
    #[must_use]
    pub fn get(&self, key: Key) -> Option<&str> {
        self.entries.iter().find(|(name, _)| *name == key).map(|(_, value)| &**value)
    }

    /// Whether the account has nothing that is read here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl Key {
    fn of_label(name: &str) -> Option<Self> {
        Some(match name.strip_prefix("azure.workload.identity/")? {
            "use" => Self::UseLabel,
            "client-id" => Self::ClientIdLabel,
            "tenant-id" => Self::TenantIdLabel,
            _ => return None,
        })
    }

    fn of_annotation(name: &str) -> Option<Self> {
        Some(match name.split_once('/')? {
            ("azure.workload.identity", "use") => Self::UseAnnotation,
            ("azure.workload.identity", "client-id") => Self::ClientId,
            ("azure.workload.identity", "tenant-id") => Self::TenantId,
            ("azure.workload.identity", "service-account-token-expiration") => Self::TokenExpiration,
            ("azure.workload.identity", "skip-containers") => Self::SkipContainers,
            ("azure.workload.identity", "inject-proxy-sidecar") => Self::InjectProxySidecar,
            ("eks.amazonaws.com", "role-arn") => Self::AwsRoleArn,
            ("eks.amazonaws.com", "audience") => Self::AwsAudience,
            ("eks.amazonaws.com", "sts-regional-endpoints") => Self::AwsRegionalSts,
            ("eks.amazonaws.com", "token-expiration") => Self::AwsTokenExpiration,
            ("cloud.google.com", "workload-identity-provider") => Self::GcpProvider,
            ("cloud.google.com", "service-account-email") => Self::GcpServiceAccountEmail,
            ("cloud.google.com", "audience") => Self::GcpAudience,
            ("cloud.google.com", "token-expiration") => Self::GcpTokenExpiration,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, ServiceAccount};

    #[test]
    fn nothing_is_kept_but_what_is_read() {
        let account = ServiceAccount::new(
            [("azure.workload.identity/use", "true"), ("app", "shop"), ("eks.amazonaws.com/role-arn", "a label")],
            [
                ("azure.workload.identity/client-id", "id"),
                ("azure.workload.identity/unknown", "x"),
                ("eks.amazonaws.com/role-arn", "arn"),
                ("kubectl.kubernetes.io/last-applied-configuration", "{}"),
            ],
        );
        assert_eq!(account.get(Key::UseLabel), Some("true"));
        assert_eq!(account.get(Key::ClientId), Some("id"));
        assert_eq!(account.get(Key::AwsRoleArn), Some("arn"));
        assert_eq!(account.get(Key::TenantId), None);
        assert_eq!(account.entries.len(), 3);
        assert!(ServiceAccount::new([("app", "shop")], []).is_empty());
    }
}
