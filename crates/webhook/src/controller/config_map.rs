//! Reading and writing the ConfigMaps.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, Client,
    api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions},
};
use serde_json::{Map, Value, json};

use super::{
    contents::{Contents, Digest},
    state::Task,
};

const LABEL: (&str, &str) = ("app.kubernetes.io/managed-by", "symbolon");

/// The ConfigMaps of one name in all namespaces.
#[derive(Clone)]
pub(super) struct ConfigMaps {
    client: Client,
    name: String,
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    /// Nothing was to be done.
    Unchanged,
    /// It held this already.
    Same(Digest),
    /// It holds this now.
    Written(Digest),
    /// It is gone.
    Deleted,
    /// The namespace is being deleted.
    NamespaceEnds,
}

impl ConfigMaps {
    pub(super) fn new(client: Client, name: String) -> Self {
        Self { client, name }
    }

    pub(super) fn all(&self) -> Api<ConfigMap> {
        Api::all(self.client.clone())
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) async fn run(&self, namespace: &str, task: Task) -> Result<Done, kube::Error> {
        let api = Api::<ConfigMap>::namespaced(self.client.clone(), namespace);
        let outcome = match task {
            Task::Nothing => Ok(Done::Unchanged),
            Task::Delete => self.delete(&api).await,
            Task::Create(contents) => match self.create(&api, &contents).await {
                // Made by somebody before the guard was there, or by the leader before.
                Err(error) if is(&error, 409) && reason(&error) == "AlreadyExists" => {
                    self.change(&api, &contents).await
                }
                other => other,
            },
            Task::Change(contents) => self.change(&api, &contents).await,
        };
        match outcome {
            Err(error) if namespace_ends(&error) => Ok(Done::NamespaceEnds),
            other => other,
        }
    }

    async fn create(&self, api: &Api<ConfigMap>, contents: &Contents) -> Result<Done, kube::Error> {
        let mut config_map = ConfigMap { data: Some(contents.data.clone()), ..ConfigMap::default() };
        config_map.metadata.name = Some(self.name.clone());
        config_map.metadata.labels = Some(BTreeMap::from([(LABEL.0.to_owned(), LABEL.1.to_owned())]));
        api.create(&PostParams::default(), &config_map).await?;
        Ok(Done::Written(contents.digest()))
    }

    /// Reads what is there and writes the difference, on condition that nothing came between.
    async fn change(&self, api: &Api<ConfigMap>, contents: &Contents) -> Result<Done, kube::Error> {
        let Some(current) = api.get_opt(&self.name).await? else { return self.create(api, contents).await };
        if current.immutable == Some(true) {
            self.delete(api).await?;
            return self.create(api, contents).await;
        }
        let Some(patch) = difference(&current, contents) else {
            return Ok(Done::Same(contents.digest()));
        };
        api.patch(&self.name, &PatchParams::default(), &Patch::Merge(patch)).await?;
        Ok(Done::Written(contents.digest()))
    }

    async fn delete(&self, api: &Api<ConfigMap>) -> Result<Done, kube::Error> {
        let current = api.get_metadata_opt(&self.name).await?;
        let Some(current) = current else { return Ok(Done::Deleted) };
        let preconditions = Preconditions { uid: current.metadata.uid, resource_version: None };
        let parameters = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
        match api.delete(&self.name, &parameters).await {
            Err(error) if !is(&error, 404) => Err(error),
            _ => Ok(Done::Deleted),
        }
    }
}

/// What a ConfigMap holds that is as it should be; [`Digest::FOREIGN`] for any other.
pub(super) fn digest(config_map: &ConfigMap) -> Digest {
    let is_plain = config_map.binary_data.is_none() && config_map.immutable != Some(true);
    match &config_map.data {
        Some(data) if is_plain && has_label(config_map) => Digest::of(data),
        None if is_plain && has_label(config_map) => Digest::of(&BTreeMap::new()),
        _ => Digest::FOREIGN,
    }
}

fn has_label(config_map: &ConfigMap) -> bool {
    config_map.metadata.labels.as_ref().and_then(|labels| labels.get(LABEL.0)).is_some_and(|value| value == LABEL.1)
}

/// A merge patch that leads from what is there to what should be, or nothing if it is there.
fn difference(current: &ConfigMap, contents: &Contents) -> Option<Value> {
    let empty = BTreeMap::new();
    let before = current.data.as_ref().unwrap_or(&empty);
    let mut data = Map::new();
    for (name, entry) in &contents.data {
        if before.get(name) != Some(entry) {
            data.insert(name.clone(), json!(entry));
        }
    }
    for name in before.keys().filter(|name| !contents.data.contains_key(*name)) {
        data.insert(name.clone(), Value::Null);
    }
    if data.is_empty() && digest(current) != Digest::FOREIGN {
        return None;
    }
    Some(json!({
        "metadata": {"resourceVersion": current.metadata.resource_version, "labels": {LABEL.0: LABEL.1}},
        "data": data,
        "binaryData": null,
    }))
}

pub(crate) fn is(error: &kube::Error, code: u16) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == code)
}

fn reason(error: &kube::Error) -> &str {
    match error {
        kube::Error::Api(status) => &status.reason,
        _ => "",
    }
}

/// Nothing can be made in a namespace that is being deleted, or is gone.
fn namespace_ends(error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else { return false };
    let causes = status.details.iter().flat_map(|details| &details.causes);
    (status.code == 403 && causes.into_iter().any(|cause| cause.reason == "NamespaceTerminating"))
        || (status.code == 404 && status.details.as_ref().is_some_and(|details| details.kind == "namespaces"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config_map(labels: &[(&str, &str)], data: &[(&str, &str)]) -> ConfigMap {
        let own = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        let mut config_map = ConfigMap { data: Some(own(data)), ..ConfigMap::default() };
        config_map.metadata.labels = Some(own(labels));
        config_map.metadata.resource_version = Some("7".to_owned());
        config_map
    }

    #[test]
    fn only_the_difference_is_written() {
        let current = config_map(&[LABEL], &[("stays", "1"), ("changes", "2"), ("goes", "3")]);
        let wanted = Contents::of([("stays", "1"), ("changes", "4"), ("comes", "5")].into_iter());
        let patch = difference(&current, &wanted).unwrap();
        assert_eq!(patch["data"], json!({"changes": "4", "comes": "5", "goes": null}));
        assert_eq!(patch["metadata"]["resourceVersion"], "7");
    }

    #[test]
    fn a_config_map_without_the_label_is_taken_over() {
        let current = config_map(&[], &[("a", "1")]);
        let wanted = Contents::of([("a", "1")].into_iter());
        assert_eq!(digest(&current), Digest::FOREIGN);
        assert!(difference(&current, &wanted).is_some());
        assert!(difference(&config_map(&[LABEL], &[("a", "1")]), &wanted).is_none());
    }
}
