//! The sidecar that stands in for the instance metadata service.

use serde_json::{Value, json};

use crate::{
    Refusal,
    mutate::{
        Draft, Warning,
        draft::{Additions, Injected, Position},
        go::parse_int,
    },
    pod::List,
    settings::Proxy,
};

pub(super) const REDIRECT: &str = "azwi-proxy-init";
pub(super) const SIDECAR: &str = "azwi-proxy";

const INJECT: &str = "azure.workload.identity/inject-proxy-sidecar";
const PORT: &str = "azure.workload.identity/proxy-sidecar-port";
const DEFAULT_PORT: i32 = 8000;
const NO_IMAGE: &str = "the pod asks for the proxy sidecar, but no image of it is configured: ours comes with a later \
    release; set PROXY_IMAGE and PROXY_INIT_IMAGE of the webhook (upstream's images work), or remove the annotation \
    azure.workload.identity/inject-proxy-sidecar";

/// The port that the proxy is to listen on, if the pod asks for a proxy.
pub(super) fn wanted(draft: &mut Draft<'_>) -> Result<Option<i32>, Refusal> {
    let pod = draft.pod;
    let Some(value) = pod.annotation(INJECT).map(str::trim).filter(|value| !value.eq_ignore_ascii_case("false")) else {
        return Ok(None);
    };
    if pod.on_host_network() {
        // The redirect would change the network of the node and of everybody on it.
        return Err(Refusal::new("hostNetwork is set to true, cannot inject proxy sidecar"));
    }
    let port = match pod.annotation(PORT) {
        None => DEFAULT_PORT,
        Some(text) => parse_int::<i32>(text)
            .map_err(|problem| Refusal::new(format!("failed to parse proxy sidecar port: {problem}")))?,
    };
    if !(1..=65535).contains(&port) {
        return Err(Refusal::new(format!(
            "proxy sidecar port {port} not valid. Expected value to be between 1 and 65535"
        )));
    }
    if !value.eq_ignore_ascii_case("true") {
        draft.warn(Warning::proxy_value_unclear(value));
    }
    if pod.says_windows() || pod.selects_windows() {
        draft.warn(Warning::proxy_on_windows());
    }
    Ok(Some(port))
}

/// Adds the proxy and its redirect, unless containers of their names are there.
///
/// A native sidecar has started before the next init container begins. So the proxy comes first,
/// then the redirect to it, then the user's containers: no request is ever redirected to a port on
/// which nobody listens. A classic sidecar starts after all init containers; its redirect is the
/// last of them, so that theirs are not sent to a proxy that does not run yet.
///
/// # Errors
///
/// A [`Refusal`] if the operator named no image: a pod whose image is empty would be refused too,
/// in words that help nobody.
pub(super) fn inject(draft: &mut Draft<'_>, proxy: &Proxy, port: i32) -> Result<(), Refusal> {
    let pod = draft.pod;
    // Names are unique over both lists.
    let exists = |name: &str| pod.containers().any(|container| &*container.name == name);
    let lacks = |name: &str, image: &str| image.is_empty() && !exists(name);
    if lacks(SIDECAR, &proxy.image) || lacks(REDIRECT, &proxy.init_image) {
        return Err(Refusal::new(NO_IMAGE));
    }
    let (list, at) =
        if proxy.native_sidecar { (List::Init, Position::Before(0)) } else { (List::Main, Position::Before(0)) };
    if !exists(SIDECAR) {
        draft.injected.push(injected(list, at, SIDECAR, sidecar(proxy, port)));
    }
    if !exists(REDIRECT) {
        let existing = pod.list(List::Init).unwrap_or_default();
        let sidecar = existing.iter().position(|container| &*container.name == SIDECAR);
        let at = match (proxy.native_sidecar, sidecar) {
            // A sidecar of the pod's own among the ordinary containers starts after all of these.
            (false, _) => Position::Last,
            (true, None) if exists(SIDECAR) => Position::Last,
            (true, None) => Position::Before(0),
            (true, Some(index)) => Position::Before(index + 1),
        };
        draft.injected.push(injected(List::Init, at, REDIRECT, redirect(proxy, port)));
    }
    Ok(())
}

fn injected(list: List, position: Position, name: &'static str, value: Value) -> Injected<'static> {
    Injected { list, position, name, value, additions: Additions::default() }
}

fn sidecar(proxy: &Proxy, port: i32) -> Value {
    let (port_flag, level_flag) = (format!("--proxy-port={port}"), format!("--log-level={}", proxy.log_level));
    let mut container = json!({
        "name": SIDECAR,
        "image": proxy.image,
        "imagePullPolicy": "IfNotPresent",
        "args": [port_flag, level_flag],
        "ports": [{ "containerPort": port }],
        "lifecycle": { "postStart": { "exec": { "command": ["/proxy", port_flag, "--probe", level_flag] } } },
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "capabilities": { "drop": ["ALL"] },
            "privileged": false,
            "readOnlyRootFilesystem": true,
            "runAsNonRoot": true,
        },
    });
    if proxy.native_sidecar {
        container["restartPolicy"] = "Always".into();
    }
    decorate(&mut container, proxy.resources.as_ref(), proxy.seccomp_profile.as_ref());
    container
}

fn redirect(proxy: &Proxy, port: i32) -> Value {
    let mut container = json!({
        "name": REDIRECT,
        "image": proxy.init_image,
        "imagePullPolicy": "IfNotPresent",
        "securityContext": {
            "capabilities": { "add": ["NET_ADMIN"], "drop": ["ALL"] },
            "privileged": true,
            "runAsNonRoot": false,
            "runAsUser": 0,
        },
        "env": [{ "name": "PROXY_PORT", "value": port.to_string() }],
    });
    decorate(&mut container, proxy.init_resources.as_ref(), proxy.seccomp_profile.as_ref());
    container
}

fn decorate(container: &mut Value, resources: Option<&Value>, seccomp_profile: Option<&Value>) {
    if let Some(resources) = resources {
        container["resources"] = resources.clone();
    }
    if let Some(profile) = seccomp_profile {
        container["securityContext"]["seccompProfile"] = profile.clone();
    }
}
