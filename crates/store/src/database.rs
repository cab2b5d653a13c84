//! The connections: one that writes, a few that only read.

use std::{path::Path, sync::Arc, time::Duration};

use sqlx::{
    ConnectOptions, Connection as _, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// A connection to the database that this crate is built on.
pub(crate) type Connection = SqliteConnection;
/// The database that this crate is built on.
pub(crate) type Backend = sqlx::Sqlite;

/// The most connections that read at one time. Only the management plane reads, the exchange does not.
const READERS: u32 = 2;
/// How long a write waits for another process's write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// KiB of page cache per connection.
const CACHE_KIB: u32 = 1024;
/// Rows that the writing connection, which also loads the directory, reads ahead: at 50, the default,
/// a long load spends its time handing over.
const ROWS_AHEAD: usize = 1024;
/// Prepared statements that a connection keeps.
const STATEMENTS: usize = 64;

mod sql {
    pub(super) const BEGIN: &str = "BEGIN";
    pub(super) const COMMIT: &str = "COMMIT";
    pub(super) const ROLLBACK: &str = "ROLLBACK";
    pub(super) const CHECKPOINT: &str = "PRAGMA wal_checkpoint(TRUNCATE)";
}

/// The one writing connection, where it is.
enum Slot {
    /// Ready for the next transaction.
    Ready(Connection),
    /// To be opened anew: a transaction did not end well on the last one.
    Broken,
    /// The store was closed.
    Closed,
}

/// All connections to one database.
pub(crate) struct Database {
    writer: Arc<Mutex<Slot>>,
    options: SqliteConnectOptions,
    readers: SqlitePool,
}

impl Database {
    /// Connects to the file, which must exist. `max_pages` bounds its size, for tests of a full disk.
    pub(crate) async fn open(path: &Path, max_pages: Option<u32>) -> Result<Self, sqlx::Error> {
        let common = SqliteConnectOptions::new()
            .filename(path)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .statement_cache_capacity(STATEMENTS)
            .pragma("cache_size", format!("-{CACHE_KIB}"))
            .disable_statement_logging();
        let mut options = common
            .clone()
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .row_buffer_size(ROWS_AHEAD)
            .thread_name(|_| "store-writer".to_owned());
        if let Some(pages) = max_pages {
            options = options.pragma("max_page_count", pages.to_string());
        }
        let writer = options.connect().await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .test_before_acquire(false)
            .connect_lazy_with(common.read_only(true).thread_name(|_| "store-reader".to_owned()));
        Ok(Self { writer: Arc::new(Mutex::new(Slot::Ready(writer))), options, readers })
    }

    /// The pool of connections that read what is committed.
    pub(crate) const fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    /// Begins a transaction on the writing connection, after all that were asked for before.
    pub(crate) async fn begin(&self) -> Result<Transaction, sqlx::Error> {
        let mut slot = Arc::clone(&self.writer).lock_owned().await;
        let connection = match std::mem::replace(&mut *slot, Slot::Broken) {
            Slot::Ready(connection) => connection,
            Slot::Broken => self.options.connect().await?,
            Slot::Closed => {
                *slot = Slot::Closed;
                return Err(sqlx::Error::PoolClosed);
            }
        };
        let mut transaction = Transaction { connection, turn: Turn(slot) };
        sqlx::query(sql::BEGIN).execute(&mut transaction.connection).await?;
        Ok(transaction)
    }

    /// Runs `migrator` on the writing connection.
    pub(crate) async fn migrate(&self, migrator: &sqlx::migrate::Migrator) -> Result<(), sqlx::migrate::MigrateError> {
        match &mut *self.writer.lock().await {
            Slot::Ready(connection) => migrator.run_direct(None, connection, false).await,
            Slot::Broken | Slot::Closed => Err(sqlx::Error::PoolClosed.into()),
        }
    }

    /// Waits for the running transaction, moves the write-ahead log into the database file and
    /// closes all connections. Everything later is refused.
    pub(crate) async fn close(&self) {
        let mut slot = self.writer.lock().await;
        self.readers.close().await;
        if let Slot::Ready(mut connection) = std::mem::replace(&mut *slot, Slot::Closed) {
            // Only tidiness: what is in the write-ahead log is as durable as the file.
            if let Err(error) = sqlx::query(sql::CHECKPOINT).execute(&mut connection).await {
                tracing::warn!(%error, "the write-ahead log could not be moved into the database file");
            }
            let _ = connection.close().await;
        }
    }
}

/// A transaction on the writing connection.
///
/// One that is dropped takes the connection with it, which rolls it back: so a caller that goes
/// away in the middle leaves nothing behind for the next one.
pub(crate) struct Transaction {
    connection: Connection,
    turn: Turn,
}

/// The turn to write; the next writer waits until it is dropped.
pub(crate) struct Turn(OwnedMutexGuard<Slot>);

impl Transaction {
    pub(crate) const fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Makes everything durable. The turn lasts until the caller drops it.
    pub(crate) async fn commit(self) -> Result<Turn, sqlx::Error> {
        self.end(sql::COMMIT).await
    }

    /// Undoes everything.
    pub(crate) async fn rollback(self) {
        // SQLite has undone some failed transactions by itself already, and refuses to do it twice;
        // the connection is then given up.
        let _ = self.end(sql::ROLLBACK).await;
    }

    async fn end(self, statement: &'static str) -> Result<Turn, sqlx::Error> {
        let Self { mut connection, mut turn } = self;
        match sqlx::query(statement).execute(&mut connection).await {
            Ok(_) => {
                *turn.0 = Slot::Ready(connection);
                Ok(turn)
            }
            Err(error) => {
                let _ = connection.close_hard().await;
                Err(error)
            }
        }
    }
}
