//! Labels where nobody reads them.
//!
//! A label on a service account, a Deployment or a Job looks right and does nothing: it belongs on
//! the pods. Nothing of the kind ever reaches a webhook, so it is searched for now and then.

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, GroupVersionKind, ListParams},
    core::PartialObjectMeta,
};
use serde_json::Value;
use tokio::time::sleep;
use tracing::debug;

use super::{
    events::{About, Events},
    shared::Shared,
};
use crate::lease::Leadership;

const REASON: &str = "LabelMisplaced";
const LABELLED: &str = "azure.workload.identity/use=true";
const NOT_LABELLED: &str = "azure.workload.identity/use!=true";

/// Before the first search, so that a start is not slowed down.
const FIRST: Duration = Duration::from_secs(20);
/// Between two requests: nothing of this is urgent.
const PACE: Duration = Duration::from_millis(50);
/// Objects of one list.
const PAGE: u32 = 500;

/// What makes pods, and where its pods' labels stand in it.
const TEMPLATES: [(&str, &str, &str); 5] = [
    ("apps", "Deployment", "/spec/template/metadata/labels"),
    ("apps", "StatefulSet", "/spec/template/metadata/labels"),
    ("apps", "DaemonSet", "/spec/template/metadata/labels"),
    ("batch", "Job", "/spec/template/metadata/labels"),
    ("batch", "CronJob", "/spec/jobTemplate/spec/template/metadata/labels"),
];

/// Searches for misplaced labels, where the pods' own label decides.
pub(super) struct Advice {
    pub(super) client: Client,
    pub(super) shared: Arc<Shared>,
    pub(super) events: Arc<Events>,
    pub(super) leadership: Leadership,
}

impl Advice {
    pub(super) async fn run(self, interval: Duration) {
        sleep(FIRST.min(interval)).await;
        loop {
            if self.leadership.is_held() {
                self.templates().await;
                self.accounts().await;
            }
            sleep(interval).await;
        }
    }

    async fn templates(&self) {
        for (group, kind, path) in TEMPLATES {
            let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
            let api = Api::<DynamicObject>::all_with(self.client.clone(), &resource);
            let mut parameters = ListParams::default().labels(LABELLED).limit(PAGE);
            while self.leadership.is_held() {
                let list = match api.list(&parameters).await {
                    Ok(list) => list,
                    Err(error) => {
                        debug!(error = &error as &dyn std::error::Error, kind, "cannot be listed");
                        break;
                    }
                };
                list.items.iter().for_each(|object| self.template(&resource, object, path));
                let Some(next) = list.metadata.continue_.filter(|next| !next.is_empty()) else { break };
                parameters.continue_token = Some(next);
                sleep(PACE).await;
            }
        }
    }

    fn template(&self, resource: &ApiResource, object: &DynamicObject, path: &str) {
        let namespace = object.metadata.namespace.as_deref().unwrap_or_default();
        if is_labelled(&object.data, path) || self.shared.is_excluded(namespace) {
            return;
        }
        let about = About::new(&resource.api_version, &resource.kind, &object.metadata);
        let text = format!(
            "the label azure.workload.identity/use on this {} has no effect: put it on its pods, under {}",
            resource.kind,
            path.trim_start_matches('/').replace('/', "."),
        );
        self.events.warn(&about, REASON, text);
    }

    async fn accounts(&self) {
        for (namespace, name) in self.shared.state(|state| state.labelled()) {
            sleep(PACE).await;
            if !self.leadership.is_held() {
                break;
            }
            let api = Api::<PartialObjectMeta<Pod>>::namespaced(self.client.clone(), &namespace);
            let of_account = format!("spec.serviceAccountName={name}");
            let parameters = ListParams::default().fields(&of_account).labels(NOT_LABELLED).limit(1);
            let Ok(list) = api.list(&parameters).await else { continue };
            let Some(pod) = list.items.first() else { continue };
            let about = About::new("v1", "Pod", &pod.metadata);
            let text = format!(
                "service account {name} has the label azure.workload.identity/use, which has no effect there: \
                 this pod is not injected, put the label on the pod"
            );
            self.events.warn(&about, REASON, text);
        }
    }
}

fn is_labelled(data: &Value, path: &str) -> bool {
    data.pointer(path).is_some_and(|labels| labels["azure.workload.identity/use"] == "true")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_label_of_the_pods_counts() {
        let labelled = json!({"azure.workload.identity/use": "true"});
        let cron_job = json!({"spec": {"jobTemplate": {"spec": {"template": {"metadata": {"labels": labelled}}}}}});
        assert!(is_labelled(&cron_job, TEMPLATES[4].2));
        assert!(!is_labelled(&cron_job, TEMPLATES[0].2));
    }
}
