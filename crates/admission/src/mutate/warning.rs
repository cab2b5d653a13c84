//! What a pod's author is told.

/// What the author of a pod should know, though the pod is admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// A word for metrics and Events, from [`Warning::REASONS`], in CamelCase as Kubernetes' reasons are.
    pub reason: &'static str,
    /// One sentence of at most 120 characters where possible: what, and what to do.
    pub message: String,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $constant:ident = $reason:literal,)+) => {
        $($(#[$doc])* const $constant: &str = $reason;)+

        impl Warning {
            /// All reasons that there are.
            pub const REASONS: &'static [&'static str] = &[$($constant),+];
        }
    };
}

reasons! {
    NO_CLIENT_ID = "NoClientId",
    MALFORMED_CLIENT_ID = "MalformedClientId",
    MALFORMED_TENANT_ID = "MalformedTenantId",
    VARIABLE_ALREADY_SET = "VariableAlreadySet",
    ENV_FROM_OVERRIDDEN = "EnvFromOverridden",
    SECRET_PREFERRED = "SecretPreferred",
    MOUNT_PATH_TAKEN = "MountPathTaken",
    VOLUME_REPLACED = "VolumeReplaced",
    TOKEN_AUDIENCE_DIFFERS = "TokenAudienceDiffers",
    UNKNOWN_CONTAINER = "UnknownContainer",
    UNKNOWN_LAYOUT = "UnknownLayout",
    UNKNOWN_ANNOTATION = "UnknownAnnotation",
    CUSTOM_TOKEN_ENDPOINT_OFF = "CustomTokenEndpointOff",
    LABEL_NOT_TRUE = "LabelNotTrue",
    ACCOUNT_NOT_LABELLED = "AccountNotLabelled",
    MISPLACED = "Misplaced",
    PROXY_VALUE_UNCLEAR = "ProxyValueUnclear",
    PROXY_ON_WINDOWS = "ProxyOnWindows",
    WINDOWS_NOT_DECLARED = "WindowsNotDeclared",
    TRUST_VOLUME_TAKEN = "TrustVolumeTaken",
    MALFORMED_ROLE_ARN = "MalformedRoleArn",
    MALFORMED_TOKEN_EXPIRATION = "MalformedTokenExpiration",
}

impl Warning {
    /// Control characters would break the header that carries a warning; values that users wrote may hold some.
    fn new(reason: &'static str, message: String) -> Self {
        let message =
            if message.chars().any(char::is_control) { message.replace(char::is_control, " ") } else { message };
        Self { reason, message }
    }

    pub(super) fn no_client_id(account: &str) -> Self {
        Self::new(
            NO_CLIENT_ID,
            format!(
                "service account `{account}` has no annotation azure.workload.identity/client-id: AZURE_CLIENT_ID is not set"
            ),
        )
    }

    pub(super) fn malformed_client_id(value: &str, place: &str) -> Self {
        Self::new(
            MALFORMED_CLIENT_ID,
            format!("azure.workload.identity/client-id of the {place} is not a GUID: `{}`", short(value)),
        )
    }

    pub(super) fn malformed_tenant_id(value: &str, place: &str) -> Self {
        Self::new(
            MALFORMED_TENANT_ID,
            format!(
                "azure.workload.identity/tenant-id of the {place} is neither a GUID nor a domain: `{}`",
                short(value)
            ),
        )
    }

    pub(super) fn variable_already_set(container: &str, variable: &str) -> Self {
        Self::new(
            VARIABLE_ALREADY_SET,
            format!("container `{container}` sets {variable} itself; remove it there to have the injected value"),
        )
    }

    pub(super) fn env_from_overridden(container: &str, kind: &str, source: &str) -> Self {
        Self::new(
            ENV_FROM_OVERRIDDEN,
            format!("container `{container}`: injected variables win over those of the same name in {kind} `{source}`"),
        )
    }

    pub(super) fn secret_preferred(container: &str, variable: &str) -> Self {
        Self::new(
            SECRET_PREFERRED,
            format!("container `{container}` sets {variable}, which SDKs try before the token; remove it"),
        )
    }

    pub(super) fn mount_path_taken(container: &str, volume: &str, path: &str) -> Self {
        Self::new(
            MOUNT_PATH_TAKEN,
            format!("container `{container}`: volume `{volume}` is in the way of ours at {path}; move it"),
        )
    }

    pub(super) fn volume_replaced(volume: &str) -> Self {
        Self::new(VOLUME_REPLACED, format!("volume `{volume}` has a reserved name and was replaced; rename it"))
    }

    pub(super) fn token_audience_differs(volume: &str, audience: &str) -> Self {
        Self::new(
            TOKEN_AUDIENCE_DIFFERS,
            format!("volume `{volume}` holds no token for audience {}: the exchange will fail", short(audience)),
        )
    }

    pub(super) fn unknown_container(annotation: &str, name: &str) -> Self {
        Self::new(
            UNKNOWN_CONTAINER,
            format!("azure.workload.identity/{annotation} names `{}`, which is no container of the pod", short(name)),
        )
    }

    pub(super) fn unknown_layout(value: &str) -> Self {
        Self::new(
            UNKNOWN_LAYOUT,
            format!("azure.workload.identity/layout is `{}`; it can be `v1.6` or `v1.5`, and is ignored", short(value)),
        )
    }

    pub(super) fn unknown_annotation(name: &str) -> Self {
        Self::new(UNKNOWN_ANNOTATION, format!("annotation {} means nothing here; is it misspelt?", short(name)))
    }

    pub(super) fn custom_token_endpoint_off(name: &str) -> Self {
        Self::new(
            CUSTOM_TOKEN_ENDPOINT_OFF,
            format!("annotation {} has no effect: this webhook has no such token endpoint", short(name)),
        )
    }

    pub(super) fn label_not_true(value: &str) -> Self {
        Self::new(
            LABEL_NOT_TRUE,
            format!("label azure.workload.identity/use is `{}`; it has to be `true` in the pod template", short(value)),
        )
    }

    pub(super) fn account_not_labelled(account: &str) -> Self {
        Self::new(
            ACCOUNT_NOT_LABELLED,
            format!("nothing is injected: service account `{account}` has no label azure.workload.identity/use"),
        )
    }

    /// `name` is of a kind where nobody reads it, and should be of another.
    pub(super) fn misplaced(kind: &str, name: &str, other: &str) -> Self {
        Self::new(MISPLACED, format!("{kind} {} has no effect; make it a {other}", short(name)))
    }

    pub(super) fn proxy_value_unclear(value: &str) -> Self {
        Self::new(
            PROXY_VALUE_UNCLEAR,
            format!(
                "azure.workload.identity/inject-proxy-sidecar is `{}`, which counts as `true`; only `false` is no",
                short(value)
            ),
        )
    }

    pub(super) fn proxy_on_windows() -> Self {
        Self::new(PROXY_ON_WINDOWS, "the proxy sidecar runs on Linux only; remove inject-proxy-sidecar".to_owned())
    }

    pub(super) fn windows_not_declared() -> Self {
        Self::new(
            WINDOWS_NOT_DECLARED,
            "the pod selects Windows nodes: set spec.os.name to `windows`, or mounting the token may fail".to_owned(),
        )
    }

    pub(super) fn token_expiration(problem: &str) -> Self {
        Self::new(MALFORMED_TOKEN_EXPIRATION, format!("pods of this service account are refused: {problem}"))
    }

    pub(super) fn trust_volume_taken(volume: &str) -> Self {
        Self::new(
            TRUST_VOLUME_TAKEN,
            format!("volume `{volume}` has a reserved name: the authority's CA is not mounted; rename the volume"),
        )
    }

    pub(super) fn malformed_role_arn(value: &str) -> Self {
        Self::new(
            MALFORMED_ROLE_ARN,
            format!("eks.amazonaws.com/role-arn of the service account is no ARN of a role: `{}`", short(value)),
        )
    }

    pub(super) fn malformed_token_expiration(annotation: &str, value: &str) -> Self {
        Self::new(
            MALFORMED_TOKEN_EXPIRATION,
            format!("{annotation} is no number of seconds and is passed over: `{}`", short(value)),
        )
    }
}

/// The beginning of a value that its author may have made long.
fn short(value: &str) -> &str {
    let end = value.char_indices().nth(64).map_or(value.len(), |(end, _)| end);
    &value[..end]
}
