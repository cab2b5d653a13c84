//! The watches that keep what is known in step.

use std::{fmt::Debug, sync::Arc};

use futures_util::StreamExt as _;
use k8s_openapi::{
    api::core::v1::{ConfigMap, ServiceAccount},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{
    Api, Client, Resource,
    core::PartialObjectMeta,
    runtime::{WatchStreamExt as _, watcher, watcher::Event},
};
use serde::de::DeserializeOwned;
use symbolon_admission::ServiceAccount as Reduced;
use tracing::{info, warn};

use super::{
    config_map::{self, ConfigMaps},
    events::{About, Events},
    shared::Shared,
    state::State,
};

/// Calls `handle` for whatever happens to the objects, for ever.
pub(crate) async fn follow<K>(api: Api<K>, config: watcher::Config, failed: impl Fn(), mut handle: impl FnMut(Event<K>))
where
    K: Resource<DynamicType: Default> + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let kind = K::kind(&K::DynamicType::default()).into_owned();
    let mut stream = Box::pin(watcher(api, config).default_backoff());
    while let Some(event) = stream.next().await {
        match event {
            Ok(event) => handle(event),
            Err(error) => {
                failed();
                let error = &error as &dyn std::error::Error;
                warn!(error, kind, "a watch broke off: what is known stays until it is back");
            }
        }
    }
}

/// Follows the service accounts; of each only its metadata is asked for.
pub(super) async fn accounts(client: Client, shared: Arc<Shared>, events: Arc<Events>) {
    let api = Api::<PartialObjectMeta<ServiceAccount>>::all(client);
    let failed = || shared.metrics.watch_failure("ServiceAccount");
    let put = |account: &PartialObjectMeta<ServiceAccount>| {
        let Some((namespace, name)) = names(&account.metadata) else { return };
        let reduced = reduce(account);
        let unfit = shared.state(|state| state.put_account(namespace, name, &reduced));
        events.account(&About::account(&account.metadata), &reduced, unfit);
    };
    follow(api, watcher::Config::default(), failed, |event| match event {
        Event::Init => shared.state(State::begin_accounts),
        Event::InitApply(account) => put(&account),
        Event::Apply(account) => {
            put(&account);
            shared.look_at(account.metadata.namespace.as_deref());
        }
        Event::Delete(account) => {
            if let Some((namespace, name)) = names(&account.metadata) {
                shared.state(|state| state.remove_account(namespace, name));
                shared.look_at([namespace]);
            }
        }
        Event::InitDone => {
            let namespaces = shared.state(State::end_accounts);
            let accounts = shared.state(|state| state.count());
            info!(accounts, "the list of service accounts is complete");
            shared.look_at(namespaces.iter().map(|name| &**name));
        }
    })
    .await;
}

/// Follows the ConfigMaps of the one name, so that whatever happens to one is repaired.
pub(super) async fn config_maps(config_maps: ConfigMaps, shared: Arc<Shared>) {
    let config = watcher::Config::default().fields(&format!("metadata.name={}", config_maps.name()));
    let failed = || shared.metrics.watch_failure("ConfigMap");
    let put = |found: &ConfigMap| {
        if let Some(namespace) = &found.metadata.namespace {
            shared.state(|state| state.put_config_map(namespace, config_map::digest(found)));
        }
    };
    follow(config_maps.all(), config, failed, |event| match event {
        Event::Init => shared.state(State::begin_config_maps),
        Event::InitApply(found) => put(&found),
        Event::Apply(found) => {
            put(&found);
            shared.look_at(found.metadata.namespace.as_deref());
        }
        Event::Delete(found) => {
            if let Some(namespace) = &found.metadata.namespace {
                shared.state(|state| state.remove_config_map(namespace));
                shared.look_at([namespace.as_str()]);
            }
        }
        Event::InitDone => {
            let namespaces = shared.state(State::end_config_maps);
            info!(namespaces = namespaces.len(), "the list of ConfigMaps is complete");
            shared.look_at(namespaces.iter().map(|name| &**name));
        }
    })
    .await;
}

fn names(metadata: &ObjectMeta) -> Option<(&str, &str)> {
    Some((metadata.namespace.as_deref()?, metadata.name.as_deref()?))
}

fn reduce(account: &PartialObjectMeta<ServiceAccount>) -> Reduced {
    let labels = account.metadata.labels.iter().flatten();
    let annotations = account.metadata.annotations.iter().flatten();
    Reduced::new(
        labels.map(|(name, value)| (name.as_str(), value.as_str())),
        annotations.map(|(name, value)| (name.as_str(), value.as_str())),
    )
}
