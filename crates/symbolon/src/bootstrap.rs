//! What the first start makes and every later one finds: tenant, subscription, keys, local CA and
//! administrator.
//!
//! Each step looks first and makes only what is missing, so a start that was cut off in the middle
//! is completed by the next one.

use std::{net::IpAddr, path::Path};

use anyhow::{Context, Result, bail};
use symbolon_authority::{SigningKeys, signing_keys};
use symbolon_ca::{CertificateAuthority, ConstrainedNames, SubjectName};
use symbolon_core::{
    ClientId, SubscriptionId, Tenant, TenantId,
    ports::{
        Clock, Directory, Random,
        keys::{SigningKeyState, SigningKeyStore},
        management::{ManagementStore, ResourceGroup, Subscription},
    },
    role::{self, RoleAssignment},
    tenant::TenantSettings,
};
use symbolon_jose::{KeyKind, SigningKey};
use symbolon_store::Store;
use zeroize::Zeroizing;

use crate::{
    administrator::Administrator,
    data_dir::{DataDir, write_atomically},
    system::{SystemClock, SystemEntropy},
};

/// The resource group of the first start.
const RESOURCE_GROUP: &str = "symbolon";
/// The region of the first start's resource group.
const LOCATION: &str = "local";
/// Names under which secrets of the installation are sealed in the store.
const SEALED_CA: &str = "certificate-authority";
const SEALED_ISSUER_KEY: &str = "cluster-issuer-key";
const SEALED_ADMINISTRATOR: &str = "administrator";
const SEALED_REGISTERED: &str = "administrator-registered";

/// What an installation consists of beside its directory.
pub(crate) struct Installation {
    pub(crate) tenant: Tenant,
    pub(crate) subscription: SubscriptionId,
    pub(crate) resource_group: String,
    pub(crate) signing_keys: SigningKeys,
    pub(crate) issuer_key: SigningKey,
}

/// Completes the installation in `store`.
pub(crate) async fn complete(store: &Store, directory: &DataDir, wanted: Option<TenantId>) -> Result<Installation> {
    let tenant = tenant(store, wanted).await?;
    let (subscription, resource_group) = subscription(store, tenant.id).await?;
    let (signing_keys, issuer_key, administrator) =
        tokio::try_join!(ready_signing_keys(store), issuer_key(store), administrator(store, directory, tenant.id),)?;
    let () = administrator;
    Ok(Installation { tenant, subscription, resource_group, signing_keys, issuer_key })
}

async fn tenant(store: &Store, wanted: Option<TenantId>) -> Result<Tenant> {
    let mut tenants = store.tenants().await?;
    if let Some(wanted) = wanted {
        // Only the first one: another tenant would take over the embedded issuer, and with it the
        // right to speak for every pod.
        if let Some(found) = tenants.first() {
            if found.id == wanted {
                return Ok(found.clone());
            }
            bail!(
                "the data directory belongs to tenant `{}`, not to `{wanted}`: leave --tenant out, or choose another directory with --data-dir",
                found.id
            );
        }
    }
    if !tenants.is_empty() {
        return Ok(tenants.swap_remove(0));
    }
    let tenant = Tenant {
        id: wanted.unwrap_or_else(|| TenantId::new(SystemEntropy::new().guid())),
        display_name: "Symbolon".into(),
        domains: vec!["symbolon.local".into()],
        settings: TenantSettings::default(),
    };
    store.put_tenant(&tenant).await.context("the tenant cannot be made")?;
    Ok(tenant)
}

async fn subscription(store: &Store, tenant: TenantId) -> Result<(SubscriptionId, String)> {
    let id = if let Some(subscription) = store.subscriptions(tenant).await?.first() {
        subscription.id
    } else {
        let id = SubscriptionId::new(SystemEntropy::new().guid());
        let subscription = Subscription { id, tenant, display_name: "Symbolon".into() };
        store.put_subscription(&subscription).await.context("the subscription cannot be made")?;
        id
    };
    if store.resource_group(id, RESOURCE_GROUP).await.is_err() {
        let group = ResourceGroup {
            subscription: id,
            name: RESOURCE_GROUP.into(),
            location: LOCATION.into(),
            tags: std::collections::BTreeMap::new(),
            version: 0,
        };
        store
            .put_resource_group(&group, symbolon_core::ports::management::Condition::Always)
            .await
            .context("the resource group cannot be made")?;
    }
    Ok((id, RESOURCE_GROUP.into()))
}

/// One key signs; the next one is published from the start, so that relying parties know it long
/// before it signs.
async fn ready_signing_keys(store: &Store) -> Result<SigningKeys> {
    let stored = store.signing_keys().await?;
    let missing: Vec<_> = [SigningKeyState::Active, SigningKeyState::Next]
        .into_iter()
        .filter(|state| stored.iter().all(|key| key.state != *state))
        .collect();
    let mut making = Vec::new();
    for state in missing {
        making.push(tokio::task::spawn_blocking(move || {
            signing_keys::generate(state, SystemClock.now(), &SystemEntropy::new())
        }));
    }
    for made in making {
        store.add_signing_key(&made.await??).await.context("a signing key cannot be stored")?;
    }
    let stored = store.signing_keys().await?;
    tokio::task::spawn_blocking(move || SigningKeys::new(&stored)).await?.context("the signing keys cannot be used")
}

async fn issuer_key(store: &Store) -> Result<SigningKey> {
    if let Some(sealed) = store.sealed(SEALED_ISSUER_KEY).await? {
        return SigningKey::from_pkcs8_der(&sealed).context("the cluster issuer's key cannot be used");
    }
    let key = tokio::task::spawn_blocking(|| SigningKey::generate(KeyKind::Rsa2048)).await??;
    store
        .put_sealed(SEALED_ISSUER_KEY, &key.to_pkcs8_der())
        .await
        .context("the cluster issuer's key cannot be stored")?;
    Ok(key)
}

/// The administrator is an application with a certificate and the role Owner at `/`. Its key lies
/// sealed in the store and in clear in `administrator.json`, which only the owner can read.
async fn administrator(store: &Store, directory: &DataDir, tenant: TenantId) -> Result<()> {
    let sealed = store.sealed(SEALED_ADMINISTRATOR).await?;
    let registered = store.sealed(SEALED_REGISTERED).await?;
    let known = sealed.map(|json| Ok::<_, serde_json::Error>((serde_json::from_slice::<Administrator>(&json)?, json)));
    let known = known.transpose().context("the administrator is damaged")?;
    // One that was registered and is gone was deleted, perhaps because its key leaked: it does not
    // come back, another one is made.
    let was_registered =
        |id: ClientId| registered.as_ref().is_some_and(|registered| **registered == id.to_string().into_bytes());
    let is_there = |id: ClientId| store.client(tenant, id).is_some();
    let known = known.filter(|(known, _)| !was_registered(known.client_id) || is_there(known.client_id));
    let (administrator, json) = if let Some(known) = known {
        known
    } else {
        let made = tokio::task::spawn_blocking(move || Administrator::new(tenant)).await??;
        let json = Zeroizing::new(serde_json::to_vec_pretty(&made)?);
        store.put_sealed(SEALED_ADMINISTRATOR, &json).await.context("the administrator cannot be stored")?;
        (made, json)
    };
    let id = administrator.client_id;
    if !is_there(id) {
        register(store, &administrator).await.context("the administrator cannot be registered")?;
    }
    if !was_registered(id) {
        store
            .put_sealed(SEALED_REGISTERED, id.to_string().as_bytes())
            .await
            .context("the administrator cannot be stored")?;
    }
    let path = directory.administrator();
    write_atomically(&path, &json, 0o600).with_context(|| format!("`{}` cannot be written", path.display()))
}

async fn register(store: &Store, administrator: &Administrator) -> Result<()> {
    let assignment = RoleAssignment {
        id: SystemEntropy::new().guid(),
        tenant: administrator.tenant_id,
        principal: administrator.principal_id,
        role: role::OWNER,
        scope: "/".into(),
    };
    // The role comes first: an administrator that is found is always complete.
    match store.add_role_assignment(&assignment).await {
        Ok(()) | Err(symbolon_core::ports::management::StoreError::Exists { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    store.create_application(&administrator.application()?).await?;
    Ok(())
}

/// The local CA, made anew where a name is asked for that the old one may not vouch for.
pub(crate) async fn certificate_authority(store: &Store, names: &[SubjectName]) -> Result<CertificateAuthority> {
    if let Some(sealed) = store.sealed(SEALED_CA).await? {
        let text = std::str::from_utf8(&sealed).context("the local CA is damaged")?;
        let (certificate, key) = text.split_once('\0').context("the local CA is damaged")?;
        let ca = CertificateAuthority::from_pem(certificate, key).context("the local CA cannot be used")?;
        match names.iter().find(|name| !ca.permits(name)) {
            None => return Ok(ca),
            Some(name) => tracing::warn!(
                "the local CA may not vouch for `{name}`, so a new one is made: clients must trust the new `ca.pem`"
            ),
        }
    }
    let mut constraints = ConstrainedNames::local();
    for name in names {
        constraints.permit(name);
    }
    let ca = CertificateAuthority::create(&constraints, SystemClock.now().as_second())?;
    let sealed = Zeroizing::new(format!("{}\0{}", ca.certificate_pem(), ca.key_pem().as_str()));
    store.put_sealed(SEALED_CA, sealed.as_bytes()).await.context("the local CA cannot be stored")?;
    Ok(ca)
}

/// Writes the CA's certificate, and a bundle that holds the system's roots as well: the variables
/// of most SDKs replace the trust store, and a child must still reach public hosts.
pub(crate) fn write_trust(directory: &DataDir, ca: &CertificateAuthority) -> Result<()> {
    let write = |path: &Path, contents: &[u8]| {
        write_atomically(path, contents, 0o644).with_context(|| format!("`{}` cannot be written", path.display()))
    };
    write(&directory.ca(), ca.certificate_pem().as_bytes())?;
    let mut bundle = system_roots().unwrap_or_default();
    if !bundle.is_empty() && !bundle.ends_with('\n') {
        bundle.push('\n');
    }
    bundle.push_str(ca.certificate_pem());
    write(&directory.ca_bundle(), bundle.as_bytes())
}

/// The system's trusted roots in PEM form, where they usually lie.
fn system_roots() -> Option<String> {
    const USUAL: [&str; 5] = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    ];
    USUAL.iter().find_map(|path| std::fs::read_to_string(path).ok())
}

/// The names that the servers' certificate carries.
pub(crate) fn leaf_names(host: &str, listen: IpAddr, san: &[SubjectName]) -> Result<Vec<SubjectName>> {
    let mut names: Vec<SubjectName> = ["localhost", "127.0.0.1", "::1", host]
        .iter()
        .map(|name| name.parse().with_context(|| format!("host `{name}` cannot stand in a certificate")))
        .collect::<Result<_>>()?;
    if !listen.is_unspecified() {
        names.push(SubjectName::Ip(listen));
    }
    names.extend_from_slice(san);
    let mut unique: Vec<SubjectName> = Vec::new();
    for name in names {
        if !unique.contains(&name) {
            unique.push(name);
        }
    }
    Ok(unique)
}
