//! Proves that injection works, at this moment and for this pod.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, PostParams},
};
use serde_json::{Value, json};

use super::pod::Pod;
use crate::controller::events::About;

/// Whether a new pod like this one would be injected.
///
/// The pod is created as a dry run, so everything that would meet the real one is asked: policies,
/// webhooks, quotas. Whatever refuses it proves nothing, and a pod that has changed or gone since
/// is not proved either.
pub(super) async fn is_injected_now(client: &Client, about: &About) -> Result<bool, kube::Error> {
    let resource = ApiResource::erase::<Pod>(&());
    let api = Api::<DynamicObject>::namespaced_with(client.clone(), &about.namespace, &resource);
    let Some(pod) = api.get_opt(&about.name).await? else { return Ok(false) };
    let is_same = pod.metadata.uid.as_deref() == Some(about.uid.as_str()) && pod.metadata.deletion_timestamp.is_none();
    if !is_same || has_token(&pod.data) {
        return Ok(false);
    }
    let probe = probe(&pod);
    let parameters = PostParams { dry_run: true, ..PostParams::default() };
    match api.create(&parameters, &probe).await {
        Ok(made) => Ok(has_token(&made.data)),
        Err(kube::Error::Api(status)) => {
            tracing::debug!(message = status.message, pod = about.name, "a pod like this would be refused now");
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// The pod as its owner would make it, as far as that can be told from it.
fn probe(pod: &DynamicObject) -> DynamicObject {
    let mut spec = pod.data["spec"].clone();
    if let Some(spec) = spec.as_object_mut() {
        for made_later in ["nodeName", "ephemeralContainers"] {
            spec.remove(made_later);
        }
    }
    let mut probe =
        DynamicObject { types: pod.types.clone(), metadata: ObjectMeta::default(), data: json!({"spec": spec}) };
    probe.metadata.generate_name = Some("symbolon-proof-".to_owned());
    probe.metadata.labels.clone_from(&pod.metadata.labels);
    probe.metadata.annotations.clone_from(&pod.metadata.annotations);
    probe
}

fn has_token(data: &Value) -> bool {
    let spec = serde_json::from_value(data["spec"].clone());
    spec.is_ok_and(|spec| super::pod::is_injected(&spec))
}
