//! The directory in memory: what the exchange reads instead of the database.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use symbolon_core::{
    ClientId, ObjectId, Tenant, TenantId,
    application::Application,
    client::Client,
    ports::Directory,
    role::{RoleAssignment, RoleDefinition},
};
use uuid::Uuid;

/// A client as it was loaded, with its registration where it is an application.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) client: Arc<Client>,
    pub(crate) application: Option<Arc<Application>>,
}

/// One object of the directory as the database holds it; none where it is gone.
#[derive(Debug)]
pub(crate) enum Update {
    Everything(Box<Contents>),
    Tenant(TenantId, Option<Tenant>),
    Client(TenantId, ClientId, Option<Loaded>),
    Roles(TenantId, ObjectId, Vec<RoleAssignment>),
    RoleDefinition(TenantId, Uuid, Option<RoleDefinition>),
}

/// All tenants at one version.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    version: i64,
    tenants: HashMap<TenantId, TenantContents>,
    domains: HashMap<String, TenantId>,
}

#[derive(Debug)]
struct TenantContents {
    tenant: Arc<Tenant>,
    clients: HashMap<ClientId, Loaded>,
    /// Lower-case identifier URIs.
    resources: HashMap<String, ClientId>,
    roles: HashMap<ObjectId, Vec<RoleAssignment>>,
    /// Those that the tenant made.
    role_definitions: HashMap<Uuid, Arc<RoleDefinition>>,
}

impl Contents {
    pub(crate) fn apply(&mut self, update: Update) {
        match update {
            Update::Everything(contents) => *self = *contents,
            Update::Tenant(id, tenant) => self.apply_tenant(id, tenant),
            Update::Client(tenant, id, loaded) => {
                if let Some(contents) = self.tenants.get_mut(&tenant) {
                    contents.apply_client(id, loaded);
                }
            }
            Update::Roles(tenant, principal, roles) => {
                if let Some(contents) = self.tenants.get_mut(&tenant) {
                    if roles.is_empty() {
                        contents.roles.remove(&principal);
                    } else {
                        contents.roles.insert(principal, roles);
                    }
                }
            }
            Update::RoleDefinition(tenant, id, definition) => {
                if let Some(contents) = self.tenants.get_mut(&tenant) {
                    contents.role_definitions.remove(&id);
                    contents.role_definitions.extend(definition.map(|found| (id, Arc::new(found))));
                }
            }
        }
    }

    pub(crate) const fn set_version(&mut self, version: i64) {
        self.version = version;
    }

    fn apply_tenant(&mut self, id: TenantId, tenant: Option<Tenant>) {
        let old = self.tenants.get(&id).map(|contents| Arc::clone(&contents.tenant));
        for domain in old.iter().flat_map(|old| &old.domains) {
            // Another tenant may have taken the domain in the same batch of changes.
            if self.domains.get(domain) == Some(&id) {
                self.domains.remove(domain);
            }
        }
        let Some(tenant) = tenant.map(Arc::new) else {
            self.tenants.remove(&id);
            return;
        };
        self.domains.extend(tenant.domains.iter().map(|domain| (domain.clone(), id)));
        if let Some(contents) = self.tenants.get_mut(&id) {
            contents.tenant = tenant;
            return;
        }
        let contents = TenantContents {
            tenant,
            clients: HashMap::new(),
            resources: HashMap::new(),
            roles: HashMap::new(),
            role_definitions: HashMap::new(),
        };
        self.tenants.insert(id, contents);
    }
}

impl TenantContents {
    fn apply_client(&mut self, id: ClientId, loaded: Option<Loaded>) {
        if let Some(Loaded { application: Some(old), .. }) = self.clients.remove(&id) {
            for uri in &old.identifier_uris {
                // Another application may have taken the URI in the same batch of changes.
                let key = uri_key(uri);
                if self.resources.get(&key) == Some(&id) {
                    self.resources.remove(&key);
                }
            }
        }
        if let Some(loaded) = loaded {
            let uris = loaded.application.iter().flat_map(|application| &application.identifier_uris);
            self.resources.extend(uris.map(|uri| (uri_key(uri), id)));
            self.clients.insert(id, loaded);
        }
    }
}

/// The key under which two spellings of an identifier URI meet. Entra compares them without regard
/// to letter case.
pub(crate) fn uri_key(uri: &str) -> String {
    uri.to_lowercase()
}

/// The directory that this process reads.
#[derive(Debug, Default)]
pub(crate) struct Memory(RwLock<Contents>);

impl Memory {
    pub(crate) fn new(contents: Contents) -> Self {
        Self(RwLock::new(contents))
    }

    pub(crate) fn version(&self) -> i64 {
        self.read().version
    }

    /// Moves on to `version`. Readers see all updates or none.
    pub(crate) fn apply(&self, version: i64, updates: Vec<Update>) {
        let mut contents = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for update in updates {
            contents.apply(update);
        }
        contents.version = version;
    }

    fn read(&self) -> RwLockReadGuard<'_, Contents> {
        // A panic in between would be a bug, but a directory that answers is better than none.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Directory for Memory {
    fn tenant(&self, id: TenantId) -> Option<Arc<Tenant>> {
        self.read().tenants.get(&id).map(|contents| Arc::clone(&contents.tenant))
    }

    fn tenant_by_domain(&self, domain: &str) -> Option<Arc<Tenant>> {
        let contents = self.read();
        let id = contents.domains.get(domain)?;
        contents.tenants.get(id).map(|contents| Arc::clone(&contents.tenant))
    }

    fn client(&self, tenant: TenantId, id: ClientId) -> Option<Arc<Client>> {
        self.read().tenants.get(&tenant)?.clients.get(&id).map(|loaded| Arc::clone(&loaded.client))
    }

    fn resource_application(&self, tenant: TenantId, identifier: &str) -> Option<Arc<Application>> {
        let contents = self.read();
        let contents = contents.tenants.get(&tenant)?;
        // What looks like an id is only ever an id, so that no identifier URI can shadow one.
        let id = match identifier.parse() {
            Ok(id) => id,
            Err(_) => *contents.resources.get(&uri_key(identifier))?,
        };
        contents.clients.get(&id)?.application.clone()
    }

    fn role_assignments(&self, tenant: TenantId, principal: ObjectId) -> Vec<RoleAssignment> {
        let contents = self.read();
        contents.tenants.get(&tenant).and_then(|contents| contents.roles.get(&principal)).cloned().unwrap_or_default()
    }

    fn role_definition(&self, tenant: TenantId, id: Uuid) -> Option<Arc<RoleDefinition>> {
        self.read().tenants.get(&tenant)?.role_definitions.get(&id).map(Arc::clone)
    }
}
