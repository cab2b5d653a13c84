//! Keeps the Secret and the webhook configuration in order; only where the lease is held.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use serde_json::{Value, json};
use tokio::time::sleep;
use tracing::{debug, error, info, warn};

use super::plan::{self, Situation, Step};
use super::reader::{Published, published_in};
use super::stored::Stored;
use super::x509::Bundle;
use super::{CertificateError, Lifetimes, Objects};
use crate::api::{self, ApiError, JSON, JSON_PATCH, MERGE_PATCH};
use crate::backoff::Backoff;
use crate::clock::Clock;
use crate::lease::Leadership;
use crate::metrics::Metrics;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Clocks that differ by less are not worth a word.
const TOLERATED_DIFFERENCE: i64 = 60;
/// More steps in one go than any situation needs.
const MOST_STEPS: usize = 12;

/// Writes certificates.
pub struct Writer {
    /// The client.
    pub client: Client,
    /// What is written.
    pub objects: Objects,
    /// How long certificates live.
    pub lifetimes: Lifetimes,
    /// Whether this replica may write.
    pub leadership: Leadership,
    /// What this replica sees; it wakes the writer.
    pub published: Published,
    /// The time.
    pub clock: Clock,
    /// Where writes are counted.
    pub metrics: Arc<Metrics>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("objects", &self.objects).finish_non_exhaustive()
    }
}

impl Writer {
    /// Looks at everything when something changes, when something is due, and now and then.
    pub async fn run(mut self) {
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        loop {
            self.metrics.leader(self.leadership.is_held());
            if !self.leadership.is_held() {
                self.leadership.changed().await;
                continue;
            }
            self.published.mark_seen();
            let pause = match self.tend().await {
                Ok(pause) => {
                    backoff.reset();
                    pause
                }
                Err(CertificateError::NotLeader) => continue,
                Err(error) => {
                    complain(&error);
                    // Slept out, whatever changes: what fails again and again must not become a loop.
                    sleep(backoff.next()).await;
                    continue;
                }
            };
            self.sleep(pause).await;
        }
    }

    async fn sleep(&mut self, pause: Duration) {
        let lost = async {
            let mut leadership = self.leadership.clone();
            while leadership.is_held() {
                leadership.changed().await;
            }
        };
        tokio::select! {
            () = sleep(pause) => {}
            () = self.published.changed() => {}
            () = lost => {}
        }
    }

    /// Does what is due, and says how long nothing will be.
    async fn tend(&mut self) -> Result<Duration, CertificateError> {
        let now = self.now().await?;
        let (mut stored, mut version) = self.read_secret().await?;
        for _ in 0..MOST_STEPS {
            let configuration = self.read_configuration().await?;
            let published = configuration.as_ref().map(published_in).unwrap_or_default();
            let situation = Situation {
                stored: &stored,
                published: &published,
                names: &self.objects.names,
                lifetimes: &self.lifetimes,
                now,
            };
            match plan::next(&situation)? {
                Step::Store { stored: next, why } => {
                    version = self.write_secret(&next, version.as_deref()).await?;
                    info!(secret = self.objects.secret, "certificates written: {why}");
                    stored = *next;
                }
                Step::Wait { until } => {
                    let bundle = stored.bundle();
                    let changed = if let Some(configuration) = configuration {
                        self.publish(&configuration, &bundle).await?
                    } else {
                        let name = &self.objects.webhook_configuration;
                        warn!("the webhook configuration `{name}` does not exist: no API server calls this webhook");
                        false
                    };
                    if !changed {
                        let seconds = u64::try_from(until.saturating_sub(now)).unwrap_or_default();
                        return Ok(Duration::from_secs(seconds).clamp(Duration::from_secs(1), self.lifetimes.check));
                    }
                }
            }
        }
        Ok(LONGEST_PAUSE)
    }

    /// The time by the API server's clock, since that is who checks the certificates.
    async fn now(&self) -> Result<i64, CertificateError> {
        let now = (self.clock)();
        let difference = api::clock_difference(&self.client, now).await;
        let difference = difference.map_err(|error| CertificateError::api("the API server's clock", error))?;
        if difference.abs() <= TOLERATED_DIFFERENCE {
            return Ok(now.as_second());
        }
        warn!(seconds = difference, "this machine's clock differs from the API server's, whose time counts");
        Ok(now.as_second().saturating_add(difference))
    }

    async fn read_secret(&self) -> Result<(Stored, Option<String>), CertificateError> {
        let secret: Option<Secret> = api::find(&self.client, &self.objects.secret_path())
            .await
            .map_err(|error| CertificateError::api(&self.objects.secret, error))?;
        let stored = secret.as_ref().map(Stored::read).unwrap_or_default();
        let version = secret.and_then(|secret| secret.metadata.resource_version);
        if stored != Stored::default() {
            return Ok((stored, version));
        }
        // Somebody emptied or removed the Secret. What is served everywhere is put back, because
        // a new CA would be a rotation without an overlap.
        let Some(remembered) = self.published.stored() else { return Ok((stored, version)) };
        warn!(secret = self.objects.secret, "the Secret is gone or empty: putting back what is served");
        let version = self.write_secret(&remembered, version.as_deref()).await?;
        Ok((remembered, version))
    }

    /// Writes the Secret if it still has this version, and gives the new version.
    async fn write_secret(&self, stored: &Stored, version: Option<&str>) -> Result<Option<String>, CertificateError> {
        if !self.leadership.is_held() {
            return Err(CertificateError::NotLeader);
        }
        let data = stored.to_data();
        let written: Result<Secret, ApiError> = if let Some(version) = version {
            let patch = json!({ "metadata": { "resourceVersion": version }, "data": data });
            api::send(&self.client, Method::PATCH, &self.objects.secret_path(), MERGE_PATCH, &patch).await
        } else {
            let data: BTreeMap<_, _> = data.into_iter().filter(|(_, value)| value.is_some()).collect();
            let secret = json!({
                "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
                "metadata": { "name": self.objects.secret }, "data": data,
            });
            let path = format!("/api/v1/namespaces/{}/secrets", self.objects.namespace);
            api::send(&self.client, Method::POST, &path, JSON, &secret).await
        };
        self.metrics.certificate_write("secret", written.is_ok());
        let written = written.map_err(|error| CertificateError::api(&self.objects.secret, error))?;
        Ok(written.metadata.resource_version)
    }

    async fn read_configuration(&self) -> Result<Option<MutatingWebhookConfiguration>, CertificateError> {
        api::find(&self.client, &self.objects.configuration_path())
            .await
            .map_err(|error| CertificateError::api(&self.objects.webhook_configuration, error))
    }

    /// Makes every `caBundle` equal to `bundle`, and says whether one was not.
    async fn publish(
        &self,
        configuration: &MutatingWebhookConfiguration,
        bundle: &Bundle,
    ) -> Result<bool, CertificateError> {
        let different = differing(configuration, bundle);
        if different.is_empty() {
            return Ok(false);
        }
        if !self.leadership.is_held() {
            return Err(CertificateError::NotLeader);
        }
        let version = configuration.metadata.resource_version.as_deref().unwrap_or_default();
        let pem = STANDARD.encode(bundle.pem());
        // Refused with 409 if it has another version by then. A `test` would be refused with 422, as is
        // what can never be written.
        let mut patch = vec![json!({ "op": "replace", "path": "/metadata/resourceVersion", "value": version })];
        patch.extend(different.iter().map(
            |index| json!({ "op": "add", "path": format!("/webhooks/{index}/clientConfig/caBundle"), "value": pem }),
        ));
        let target = self.objects.configuration_path();
        let written = api::send::<Value>(&self.client, Method::PATCH, &target, JSON_PATCH, &patch).await;
        self.metrics.certificate_write("webhook_configuration", written.is_ok());
        written.map_err(|error| CertificateError::api(&self.objects.webhook_configuration, error))?;
        info!(configuration = self.objects.webhook_configuration, "caBundle written");
        Ok(true)
    }
}

fn complain(error: &CertificateError) {
    if let CertificateError::Api { source, .. } = error
        && source.downcast_ref::<ApiError>().is_some_and(ApiError::is_conflict)
    {
        debug!("somebody else wrote first: looking again");
        return;
    }
    let error = error as &dyn std::error::Error;
    error!(error, "certificates are not in order");
}

/// The webhooks whose `caBundle` is another one.
fn differing(configuration: &MutatingWebhookConfiguration, bundle: &Bundle) -> Vec<usize> {
    let webhooks = configuration.webhooks.iter().flatten().enumerate();
    let different = webhooks.filter(|(_, webhook)| {
        let found = webhook.client_config.ca_bundle.as_ref().map(|bytes| Bundle::read(&bytes.0)).unwrap_or_default();
        !(found.contains(bundle) && bundle.contains(&found))
    });
    different.map(|(index, _)| index).collect()
}
