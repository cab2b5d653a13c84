//! One write to the directory: a transaction, a new version, and memory brought up to it.

use std::sync::Arc;

use symbolon_core::{ClientId, ObjectId, TenantId, ports::management::StoreError};
use uuid::Uuid;

use crate::{
    database::{Connection, Database, Transaction},
    error::Failure,
    load::{self, Scope, parse},
    memory::{Memory, Update},
    roles, tenants,
};

/// Versions whose changes are kept. A process that is further behind loads everything.
const KEPT_VERSIONS: i64 = 10_000;

mod sql {
    pub(super) const NEXT_VERSION: &str =
        "UPDATE directory_version SET version = version + 1 WHERE id = 1 RETURNING version";
    pub(super) const RECORD: &str = "INSERT INTO directory_change (version, tenant_id, kind, object) VALUES ($1, $2, $3, $4) \
         ON CONFLICT DO NOTHING";
    pub(super) const FORGET: &str = "DELETE FROM directory_change WHERE version <= $1";
    pub(super) const SINCE: &str = "SELECT DISTINCT tenant_id, kind, object FROM directory_change WHERE version > $1";
}

/// What a write changed. All but the last are held in memory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Touched {
    /// A tenant itself. Sorts first, since the others need their tenant in memory.
    Tenant(TenantId),
    /// A managed identity or application with all that hangs on it.
    Client(TenantId, ClientId),
    /// The roles of a principal.
    Roles(TenantId, ObjectId),
    /// A role that the tenant made.
    RoleDefinition(TenantId, Uuid),
    /// Something that is only ever read from the database; for other processes' caches.
    Elsewhere {
        /// None for what belongs to the whole installation.
        tenant: Option<TenantId>,
        kind: &'static str,
        object: String,
    },
}

impl Touched {
    fn columns(&self) -> (String, &'static str, String) {
        match self {
            Self::Tenant(tenant) => (tenant.to_string(), "tenant", String::new()),
            Self::Client(tenant, id) => (tenant.to_string(), "client", id.to_string()),
            Self::Roles(tenant, principal) => (tenant.to_string(), "roles", principal.to_string()),
            Self::RoleDefinition(tenant, id) => (tenant.to_string(), "role-definition", id.to_string()),
            Self::Elsewhere { tenant, kind, object } => {
                (tenant.map(|tenant| tenant.to_string()).unwrap_or_default(), kind, object.clone())
            }
        }
    }

    /// None for what is not held in memory.
    fn read(tenant: &str, kind: &str, object: &str) -> Result<Option<Self>, Failure> {
        let tenant_id = || parse("tenant id", tenant);
        Ok(Some(match kind {
            "tenant" => Self::Tenant(tenant_id()?),
            "client" => Self::Client(tenant_id()?, parse("client id", object)?),
            "roles" => Self::Roles(tenant_id()?, parse("principal id", object)?),
            "role-definition" => Self::RoleDefinition(tenant_id()?, parse("role id", object)?),
            _ => return Ok(None),
        }))
    }

    async fn load(&self, connection: &mut Connection) -> Result<Option<Update>, Failure> {
        Ok(Some(match self {
            Self::Tenant(id) => Update::Tenant(*id, tenants::one(connection, *id).await?),
            Self::Client(tenant, id) => {
                let loaded = load::clients(connection, Scope::One(*tenant, *id)).await?.pop();
                Update::Client(*tenant, *id, loaded)
            }
            Self::Roles(tenant, principal) => {
                Update::Roles(*tenant, *principal, load::roles_of(connection, *tenant, *principal).await?)
            }
            Self::RoleDefinition(tenant, id) => {
                let found = roles::find_definition(connection, *tenant, *id).await?;
                Update::RoleDefinition(*tenant, *id, found.map(|found| found.definition))
            }
            Self::Elsewhere { .. } => return Ok(None),
        }))
    }
}

/// A write in the making. Writers queue up; nobody sees anything of it before [`Change::end`].
pub(crate) struct Change {
    transaction: Transaction,
    memory: Arc<Memory>,
    version: i64,
    touched: Vec<Touched>,
}

impl Change {
    pub(crate) async fn begin(database: &Database, memory: Arc<Memory>) -> Result<Self, Failure> {
        let mut transaction = database.begin().await?;
        // First of all: it takes the lock under which all checks that follow stay true.
        let version = sqlx::query_scalar(sql::NEXT_VERSION).fetch_one(transaction.connection()).await;
        match version {
            Ok(version) => Ok(Self { transaction, memory, version, touched: Vec::new() }),
            Err(error) => {
                transaction.rollback().await;
                Err(error.into())
            }
        }
    }

    pub(crate) const fn connection(&mut self) -> &mut Connection {
        self.transaction.connection()
    }

    /// The version that this write makes, and that the rows it writes get.
    pub(crate) const fn version(&self) -> i64 {
        self.version
    }

    pub(crate) fn touch(&mut self, touched: Touched) {
        self.touched.push(touched);
    }

    pub(crate) fn touch_elsewhere(&mut self, tenant: Option<TenantId>, kind: &'static str, object: impl Into<String>) {
        self.touch(Touched::Elsewhere { tenant, kind, object: object.into() });
    }

    /// Commits what succeeded and brings memory up to it, or undoes what did not, or what changed
    /// nothing.
    ///
    /// A task of its own does it, because the caller may go away at any await: committed on disk
    /// and missing in memory must not happen.
    pub(crate) async fn end<T: Send + 'static>(self, result: Result<T, Failure>) -> Result<T, StoreError> {
        let task = tokio::spawn(async move {
            match result {
                Ok(done) if !self.touched.is_empty() => self.commit().await.map(|()| done),
                other => {
                    self.transaction.rollback().await;
                    other
                }
            }
        });
        match task.await {
            Ok(result) => Ok(result?),
            Err(error) => Err(StoreError::Database(error.into())),
        }
    }

    async fn commit(mut self) -> Result<(), Failure> {
        let updates = match self.prepare().await {
            Ok(updates) => updates,
            Err(failure) => {
                self.transaction.rollback().await;
                return Err(failure);
            }
        };
        let turn = self.transaction.commit().await?;
        self.memory.apply(self.version, updates);
        drop(turn);
        Ok(())
    }

    /// Records what changed, and loads it while the transaction is open: so a failure to load is a
    /// failed write, not a memory that is behind the disk.
    async fn prepare(&mut self) -> Result<Vec<Update>, Failure> {
        self.touched.sort();
        self.touched.dedup();
        let connection = self.transaction.connection();
        for touched in &self.touched {
            let (tenant, kind, object) = touched.columns();
            sqlx::query(sql::RECORD)
                .bind(self.version)
                .bind(tenant)
                .bind(kind)
                .bind(object)
                .execute(&mut *connection)
                .await?;
        }
        sqlx::query(sql::FORGET).bind(self.version - KEPT_VERSIONS).execute(&mut *connection).await?;
        let seen = self.memory.version();
        if seen != self.version - 1 {
            return updates_since(connection, seen, self.version).await;
        }
        load_all(connection, &self.touched).await
    }
}

async fn load_all(connection: &mut Connection, touched: &[Touched]) -> Result<Vec<Update>, Failure> {
    let mut updates = Vec::with_capacity(touched.len());
    for touched in touched {
        updates.extend(touched.load(connection).await?);
    }
    Ok(updates)
}

/// What changed after version `seen`, up to `version`, which is what the connection sees.
async fn updates_since(connection: &mut Connection, seen: i64, version: i64) -> Result<Vec<Update>, Failure> {
    if seen < version - KEPT_VERSIONS || seen > version {
        return Ok(vec![Update::Everything(Box::new(load::everything(connection).await?))]);
    }
    let rows: Vec<(String, String, String)> = sqlx::query_as(sql::SINCE).bind(seen).fetch_all(&mut *connection).await?;
    let mut touched = Vec::with_capacity(rows.len());
    for (tenant, kind, object) in rows {
        touched.extend(Touched::read(&tenant, &kind, &object)?);
    }
    touched.sort();
    load_all(connection, &touched).await
}

/// Brings memory up to what other processes wrote; whether there was anything.
pub(crate) async fn refresh(database: &Database, memory: &Memory) -> Result<bool, Failure> {
    let version = load::version(&mut *database.readers().acquire().await?).await?;
    if version == memory.version() {
        return Ok(false);
    }
    // On the writing connection, so that no write of this process can come in between and be undone
    // in memory by what was read before it.
    let mut transaction = database.begin().await?;
    let result = load_changes(transaction.connection(), memory).await;
    let refreshed = match result {
        Ok(Some((version, updates))) => {
            memory.apply(version, updates);
            Ok(true)
        }
        Ok(None) => Ok(false),
        Err(failure) => Err(failure),
    };
    transaction.rollback().await;
    refreshed
}

async fn load_changes(connection: &mut Connection, memory: &Memory) -> Result<Option<(i64, Vec<Update>)>, Failure> {
    let version = load::version(connection).await?;
    let seen = memory.version();
    if version == seen {
        return Ok(None);
    }
    Ok(Some((version, updates_since(connection, seen, version).await?)))
}
