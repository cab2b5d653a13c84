//! What every replica sees of the Secret and of the webhook configuration, and what it serves.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::core::v1::Secret;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client};
use symbolon_serve::Tls;
use tokio::sync::watch;
use tokio::time::sleep;
use tracing::{info, warn};

use super::Objects;
use super::stored::Stored;
use super::x509::{Bundle, not_after};
use crate::clock::Clock;
use crate::metrics::Metrics;

/// How often is looked again whether a certificate that was held back can be served.
const AGAIN: Duration = Duration::from_secs(10);

/// What this replica sees. Clones see the same.
#[derive(Clone, Debug)]
pub struct Published {
    stored: watch::Receiver<Option<Stored>>,
    bundle: watch::Receiver<Option<Bundle>>,
    asked: watch::Receiver<Vec<String>>,
}

impl Published {
    /// What the Secret said when it last said something.
    pub(super) fn stored(&self) -> Option<Stored> {
        self.stored.borrow().clone()
    }

    /// What the API server trusts for this webhook, as far as is known.
    pub(super) fn bundle(&self) -> Option<Bundle> {
        self.bundle.borrow().clone()
    }

    /// The names that the API server asks for, by the webhook configuration; none where it calls a URL.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.borrow().clone()
    }

    pub(super) fn mark_seen(&mut self) {
        self.stored.mark_unchanged();
        self.bundle.mark_unchanged();
    }

    /// Waits until one of them changes.
    pub(super) async fn changed(&mut self) {
        let ended = tokio::select! {
            outcome = self.stored.changed() => outcome.is_err(),
            outcome = self.bundle.changed() => outcome.is_err(),
        };
        if ended {
            std::future::pending::<()>().await;
        }
    }
}

/// Watches both objects and serves the certificate.
pub struct Reader {
    client: Client,
    objects: Objects,
    tls: Tls,
    clock: Clock,
    metrics: Arc<Metrics>,
    stored: watch::Sender<Option<Stored>>,
    bundle: watch::Sender<Option<Bundle>>,
    asked: watch::Sender<Vec<String>>,
    published: Published,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("objects", &self.objects).finish_non_exhaustive()
    }
}

impl Reader {
    /// A reader, which works while [`Self::run`] is polled, and the view on what it sees.
    #[must_use]
    pub fn new(client: Client, objects: Objects, tls: Tls, clock: Clock, metrics: Arc<Metrics>) -> (Self, Published) {
        let (stored, stored_view) = watch::channel(None);
        let (bundle, bundle_view) = watch::channel(None);
        let (asked, asked_view) = watch::channel(Vec::new());
        let published = Published { stored: stored_view, bundle: bundle_view, asked: asked_view };
        let reader = Self { client, objects, tls, clock, metrics, stored, bundle, asked, published: published.clone() };
        (reader, published)
    }

    /// Watches for ever. While the API server is away, what was seen last is served on.
    pub async fn run(self) {
        let mut seen = self.published.clone();
        let serve = async {
            loop {
                seen.mark_seen();
                self.serve();
                tokio::select! {
                    () = seen.changed() => {}
                    () = sleep(AGAIN) => {}
                }
            }
        };
        tokio::join!(self.watch_secret(), self.watch_configuration(), serve);
    }

    async fn watch_secret(&self) {
        let api = Api::<Secret>::namespaced(self.client.clone(), &self.objects.namespace);
        let mut events = std::pin::pin!(watcher::watch_object(api, &self.objects.secret).default_backoff());
        while let Some(event) = events.next().await {
            match event.map(|secret| secret.as_ref().map(Stored::read)) {
                // One that is gone or empty says nothing: what was served is served on.
                Ok(Some(stored)) if stored != Stored::default() => {
                    self.stored.send_replace(Some(stored));
                }
                Ok(_) => self.stored.send_modify(|_| ()),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    warn!(secret = self.objects.secret, error, "the Secret cannot be watched for now");
                }
            }
        }
    }

    async fn watch_configuration(&self) {
        let api = Api::<MutatingWebhookConfiguration>::all(self.client.clone());
        let name = &self.objects.webhook_configuration;
        let mut events = std::pin::pin!(watcher::watch_object(api, name).default_backoff());
        while let Some(event) = events.next().await {
            match event {
                Ok(configuration) => {
                    self.asked.send_replace(configuration.as_ref().map(asked_in).unwrap_or_default());
                    self.bundle.send_replace(Some(configuration.as_ref().map(published_in).unwrap_or_default()));
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    warn!(configuration = name, error, "the webhook configuration cannot be watched for now");
                }
            }
        }
    }

    /// Serves the stored certificate, unless that would be refused and the present one is not.
    fn serve(&self) {
        let Some(stored) = self.published.stored() else { return };
        let Some(leaf) = &stored.leaf else { return };
        let now = (self.clock)().as_second();
        let published = self.published.bundle().unwrap_or_default();
        if self.tls.has_certificate() && !published.contains(&stored.ca_bundle()) && self.metrics.expiry() > now {
            return;
        }
        match self.tls.reload_pem(&leaf.certificate, &leaf.key) {
            Ok(replaced) => {
                let end = not_after(&leaf.certificate).unwrap_or_default();
                self.metrics.certificate_expires(end);
                if replaced {
                    info!(until = end, "serving the certificate of the Secret");
                }
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                warn!(error, "the certificate of the Secret cannot be served");
            }
        }
    }
}

/// The names of the Services that a configuration's webhooks call.
fn asked_in(configuration: &MutatingWebhookConfiguration) -> Vec<String> {
    let webhooks = configuration.webhooks.iter().flatten();
    let services = webhooks.filter_map(|webhook| webhook.client_config.service.as_ref());
    services.map(|service| format!("{}.{}.svc", service.name, service.namespace)).collect()
}

/// The certificates that every webhook of a configuration trusts.
pub(super) fn published_in(configuration: &MutatingWebhookConfiguration) -> Bundle {
    let mut bundles = configuration.webhooks.iter().flatten().map(|webhook| {
        webhook.client_config.ca_bundle.as_ref().map(|bytes| Bundle::read(&bytes.0)).unwrap_or_default()
    });
    let first = bundles.next().unwrap_or_default();
    bundles.fold(first, |common, bundle| common.intersection(&bundle))
}
