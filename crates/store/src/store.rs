//! The store as others see it.

use std::{
    fs::OpenOptions,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use sqlx::{
    migrate::{MigrateError, Migrator},
    pool::PoolConnection,
};
use symbolon_core::{
    ClientId, ObjectId, Tenant, TenantId,
    application::Application,
    client::Client,
    ports::{
        Directory, Random,
        keys::{SigningKeyStore, StoredSigningKey},
        management::StoreError,
    },
    role::{RoleAssignment, RoleDefinition},
};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    audit::AuditWriter,
    change::{self, Change},
    database::{Backend, Database},
    error::{Failure, OpenError, is_full},
    load,
    memory::Memory,
    sealing::{Sealer, SealerError},
    secrets, wrapping_key,
};

/// The migrations of this version.
pub(crate) static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

mod sql {
    pub(super) const NEWEST_MIGRATION: &str = "SELECT MAX(version) FROM _sqlx_migrations";
}

/// Where a store lies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The database file; made with mode 0600 where it is missing. Its directory must exist.
    pub database: PathBuf,
    /// The file with the key that the secrets in the database are encrypted under; made with mode
    /// 0600 where neither it nor the database is there.
    pub wrapping_key: PathBuf,
}

/// What only tests choose.
pub(crate) struct Internals {
    pub(crate) migrations: &'static Migrator,
    pub(crate) max_pages: Option<u32>,
}

impl Default for Internals {
    fn default() -> Self {
        Self { migrations: &MIGRATIONS, max_pages: None }
    }
}

/// All that is stored, on one SQLite database; cheap to clone.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    database: Arc<Database>,
    memory: Arc<Memory>,
    sealer: Sealer,
    audit: AuditWriter,
}

impl Store {
    /// Opens the database, or makes it; brings its schema up to date, reads the directory into
    /// memory and starts the audit writer.
    ///
    /// # Errors
    /// [`OpenError`]. A database of a newer version is left as it is.
    pub async fn open(options: &Options, random: Arc<dyn Random>) -> Result<Self, OpenError> {
        Self::open_with(options, random, Internals::default()).await
    }

    pub(crate) async fn open_with(
        options: &Options,
        random: Arc<dyn Random>,
        internals: Internals,
    ) -> Result<Self, OpenError> {
        let path = options.database.as_path();
        let exists = std::fs::metadata(path).is_ok_and(|metadata| metadata.len() > 0);
        let wrapping = wrapping_key::read_or_create(&options.wrapping_key, exists, &*random)?;
        create_private(path)?;
        let database = Database::open(path, internals.max_pages).await.map_err(|error| failed(path, error))?;
        migrate(&database, internals.migrations, path).await?;
        let sealer = Sealer::open(&database, &wrapping, &options.wrapping_key, &*random).await;
        let sealer = sealer.map_err(|error| match error {
            SealerError::Open(error) => error,
            SealerError::Failure(failure) => failed(path, failure),
        })?;
        let contents = load_all(&database).await.map_err(|failure| failed(path, failure))?;
        let database = Arc::new(database);
        let audit = AuditWriter::start(Arc::clone(&database));
        Ok(Self(Arc::new(Inner { database, memory: Arc::new(Memory::new(contents)), sealer, audit })))
    }

    /// Writes the audit records that wait, moves the write-ahead log into the database file and
    /// closes it. Everything that is asked for later fails.
    ///
    /// A store that is dropped without it loses nothing that it acknowledged.
    pub async fn close(&self) {
        self.0.audit.close().await;
        self.0.database.close().await;
    }

    /// Takes over what other processes wrote to the same database; whether there was anything.
    /// Costs one small query where there was not.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails; the directory then stays as it was.
    pub async fn refresh(&self) -> Result<bool, StoreError> {
        Ok(change::refresh(&self.0.database, &self.0.memory).await?)
    }

    /// A secret of the installation by its name, decrypted; none where there is none.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails, or the secret was changed outside of this program.
    pub async fn sealed(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        Ok(secrets::secret(&mut *self.reader().await?, &self.0.sealer, name).await?)
    }

    /// Stores a secret of the installation under a name, encrypted; replaces what was there.
    ///
    /// # Errors
    /// [`StoreError`] when it could not be written.
    pub async fn put_sealed(&self, name: &str, secret: &[u8]) -> Result<(), StoreError> {
        let mut change = self.change().await?;
        let result = secrets::put_secret(&mut change, &self.0.sealer, name, secret).await;
        change.end(result).await
    }

    /// Begins a write; waits for the writes before it.
    pub(crate) async fn change(&self) -> Result<Change, Failure> {
        Change::begin(&self.0.database, Arc::clone(&self.0.memory)).await
    }

    /// A connection that sees everything that was committed.
    pub(crate) async fn reader(&self) -> Result<PoolConnection<Backend>, Failure> {
        Ok(self.0.database.readers().acquire().await?)
    }

    pub(crate) fn audit_writer(&self) -> &AuditWriter {
        &self.0.audit
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("version", &self.0.memory.version()).finish_non_exhaustive()
    }
}

/// Makes the file with mode 0600 before SQLite would make it readable for everybody. The files
/// beside it get the same mode from SQLite.
fn create_private(path: &Path) -> Result<(), OpenError> {
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
    file.map(drop).map_err(|source| OpenError::Io { path: path.to_owned(), source })
}

fn failed(path: &Path, failure: impl Into<Failure>) -> OpenError {
    let failure = failure.into();
    if failure.is_full() {
        return OpenError::Full;
    }
    OpenError::Database { path: path.to_owned(), source: failure.into() }
}

async fn migrate(database: &Database, migrations: &Migrator, path: &Path) -> Result<(), OpenError> {
    match database.migrate(migrations).await {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(unknown)) => {
            let newest = newest_migration(database).await.unwrap_or(unknown);
            let supported = migrations.iter().map(|migration| migration.version).max().unwrap_or(0);
            Err(OpenError::NewerSchema { found: newest, supported })
        }
        Err(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) if is_full(&error) => {
            Err(OpenError::Full)
        }
        Err(error) => Err(OpenError::Database { path: path.to_owned(), source: error.into() }),
    }
}

async fn newest_migration(database: &Database) -> Result<i64, Failure> {
    let mut reader = database.readers().acquire().await?;
    Ok(sqlx::query_scalar(sql::NEWEST_MIGRATION).fetch_one(&mut *reader).await?)
}

async fn load_all(database: &Database) -> Result<crate::memory::Contents, Failure> {
    let mut transaction = database.begin().await?;
    let contents = load::everything(transaction.connection()).await;
    transaction.rollback().await;
    contents
}

impl Directory for Store {
    fn tenant(&self, id: TenantId) -> Option<Arc<Tenant>> {
        self.0.memory.tenant(id)
    }

    fn tenant_by_domain(&self, domain: &str) -> Option<Arc<Tenant>> {
        self.0.memory.tenant_by_domain(domain)
    }

    fn client(&self, tenant: TenantId, id: ClientId) -> Option<Arc<Client>> {
        self.0.memory.client(tenant, id)
    }

    fn resource_application(&self, tenant: TenantId, identifier: &str) -> Option<Arc<Application>> {
        self.0.memory.resource_application(tenant, identifier)
    }

    fn role_assignments(&self, tenant: TenantId, principal: ObjectId) -> Vec<RoleAssignment> {
        self.0.memory.role_assignments(tenant, principal)
    }

    fn role_definition(&self, tenant: TenantId, id: Uuid) -> Option<Arc<RoleDefinition>> {
        self.0.memory.role_definition(tenant, id)
    }
}

#[async_trait]
impl SigningKeyStore for Store {
    async fn signing_keys(&self) -> Result<Vec<StoredSigningKey>, StoreError> {
        Ok(secrets::signing_keys(&mut *self.reader().await?, &self.0.sealer).await?)
    }

    async fn add_signing_key(&self, key: &StoredSigningKey) -> Result<(), StoreError> {
        let mut change = self.change().await?;
        let result = secrets::add_signing_key(&mut change, &self.0.sealer, key).await;
        change.end(result).await
    }
}
