//! The audit trail. Records that wait at the same time share one commit.

use std::{error::Error, fmt, sync::Arc};

use async_trait::async_trait;
use sqlx::QueryBuilder;
use symbolon_core::{
    TenantId,
    audit::{AuditEntry, AuditQuery, AuditRecord, Operation, Outcome},
    ports::{AuditLog, PortError, management::StoreError},
};
use tokio::{
    sync::{Mutex, mpsc, oneshot},
    task::JoinHandle,
};

use crate::{
    Store,
    database::{Backend, Connection, Database},
    error::Failure,
    load::{from_json, to_json},
};

/// Records that wait to be written; whoever comes then waits for a place.
const WAITING: usize = 1024;
/// The most records in one transaction.
const BATCH: usize = 256;
/// Rows of one statement, largest first. Few sizes, so that every statement is prepared once.
const STATEMENT_ROWS: [usize; 4] = [64, 16, 4, 1];
/// Entries that are listed where no limit is named, and the most that are.
const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 1000;

mod sql {
    pub(super) const RESERVE: &str = "UPDATE audit_sequence SET last = last + $1 WHERE id = 1 RETURNING last";
    pub(super) const INSERT: &str =
        "INSERT INTO audit (sequence, tenant_id, time_ms, operation, outcome, code, client_id, record) ";
    pub(super) const NEWEST: &str =
        "SELECT sequence, record FROM audit WHERE tenant_id = $1 ORDER BY sequence DESC LIMIT $2";
    pub(super) const AFTER: &str = "SELECT sequence, record FROM audit WHERE tenant_id = $1 AND sequence > $3 \
         ORDER BY sequence LIMIT $2";
    // Each half is one walk along an index; an OR would make the database sort the whole trail.
    pub(super) const NEWEST_ALSO_UNKNOWN: &str = "SELECT sequence, record FROM ( \
         SELECT * FROM (SELECT sequence, record FROM audit WHERE tenant_id = $1 ORDER BY sequence DESC LIMIT $2) AS own \
         UNION ALL SELECT * FROM \
         (SELECT sequence, record FROM audit WHERE tenant_id IS NULL ORDER BY sequence DESC LIMIT $2) AS unknown \
         ) AS both_kinds ORDER BY sequence DESC LIMIT $2";
    pub(super) const AFTER_ALSO_UNKNOWN: &str = "SELECT sequence, record FROM ( \
         SELECT * FROM (SELECT sequence, record FROM audit WHERE tenant_id = $1 AND sequence > $3 \
         ORDER BY sequence LIMIT $2) AS own \
         UNION ALL SELECT * FROM (SELECT sequence, record FROM audit WHERE tenant_id IS NULL AND sequence > $3 \
         ORDER BY sequence LIMIT $2) AS unknown \
         ) AS both_kinds ORDER BY sequence LIMIT $2";
}

/// A record as its row.
struct Row {
    tenant: Option<String>,
    time_ms: i64,
    operation: &'static str,
    outcome: &'static str,
    code: Option<i64>,
    client_id: Option<String>,
    record: String,
}

impl Row {
    fn new(record: &AuditRecord) -> Result<Self, Failure> {
        Ok(Self {
            tenant: record.tenant.map(|tenant| tenant.to_string()),
            time_ms: record.time,
            operation: operation_name(record.operation),
            outcome: outcome_name(record.outcome),
            code: record.code.map(i64::from),
            client_id: record.facts.client_id.clone(),
            record: to_json("an audit record", record)?,
        })
    }
}

/// The word of `record`'s JSON.
const fn operation_name(operation: Operation) -> &'static str {
    match operation {
        Operation::TokenExchange => "token-exchange",
        Operation::Write => "write",
        Operation::Delete => "delete",
        Operation::ServiceAccountToken => "service-account-token",
    }
}

/// The word of `record`'s JSON.
const fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Granted => "granted",
        Outcome::Refused => "refused",
    }
}

/// One failure, told to every record of its batch.
#[derive(Clone, Debug)]
struct Shared(Arc<StoreError>);

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Shared {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

type Answer = oneshot::Sender<Result<(), Shared>>;

enum Message {
    Write(Box<Row>, Answer),
    /// Write what waits, and end.
    Close,
}

/// The task that writes.
pub(crate) struct AuditWriter {
    messages: mpsc::Sender<Message>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl AuditWriter {
    pub(crate) fn start(database: Arc<Database>) -> Self {
        let (messages, receiver) = mpsc::channel(WAITING);
        let task = Mutex::new(Some(tokio::spawn(write_all(database, receiver))));
        Self { messages, task }
    }

    /// Ends when everything that waits is written. Records that come later are refused.
    pub(crate) async fn close(&self) {
        // A task that is gone already has nothing left to write.
        let _ = self.messages.send(Message::Close).await;
        if let Some(task) = self.task.lock().await.take()
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the audit writer ended badly");
        }
    }

    async fn write(&self, record: &AuditRecord) -> Result<(), Box<dyn Error + Send + Sync>> {
        let (answer, written) = oneshot::channel();
        self.messages
            .send(Message::Write(Box::new(Row::new(record)?), answer))
            .await
            .map_err(|_| "the store was closed")?;
        Ok(written.await??)
    }
}

async fn write_all(database: Arc<Database>, mut receiver: mpsc::Receiver<Message>) {
    let mut messages = Vec::with_capacity(BATCH);
    while receiver.recv_many(&mut messages, BATCH).await > 0 {
        let mut rows = Vec::with_capacity(messages.len());
        let mut answers = Vec::with_capacity(messages.len());
        for message in messages.drain(..) {
            match message {
                Message::Write(row, answer) => {
                    rows.push(*row);
                    answers.push(answer);
                }
                Message::Close => receiver.close(),
            }
        }
        let result = write_batch(&database, &rows).await.map_err(|failure| Shared(Arc::new(failure.into())));
        for answer in answers {
            // Whoever went away does not want to know.
            let _ = answer.send(result.clone());
        }
    }
}

async fn write_batch(database: &Database, rows: &[Row]) -> Result<(), Failure> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut transaction = database.begin().await?;
    match insert(transaction.connection(), rows).await {
        Ok(()) => drop(transaction.commit().await?),
        Err(failure) => {
            transaction.rollback().await;
            return Err(failure);
        }
    }
    Ok(())
}

async fn insert(connection: &mut Connection, rows: &[Row]) -> Result<(), Failure> {
    let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let last: i64 = sqlx::query_scalar(sql::RESERVE).bind(count).fetch_one(&mut *connection).await?;
    let mut next = last - count + 1;
    let mut rest = rows;
    while !rest.is_empty() {
        let size = STATEMENT_ROWS.into_iter().find(|size| *size <= rest.len()).unwrap_or(1);
        let (now, later) = rest.split_at(size);
        let mut query = QueryBuilder::<Backend>::new(sql::INSERT);
        query.push_values((next..).zip(now), |mut values, (sequence, row)| {
            values
                .push_bind(sequence)
                .push_bind(row.tenant.as_deref())
                .push_bind(row.time_ms)
                .push_bind(row.operation)
                .push_bind(row.outcome)
                .push_bind(row.code)
                .push_bind(row.client_id.as_deref())
                .push_bind(row.record.as_str());
        });
        query.build().execute(&mut *connection).await?;
        next += i64::try_from(size).unwrap_or(i64::MAX);
        rest = later;
    }
    Ok(())
}

/// Entries of one tenant, ascending.
pub(crate) async fn list(
    connection: &mut Connection,
    tenant: TenantId,
    query: &AuditQuery,
) -> Result<Vec<AuditEntry>, Failure> {
    let statement = match (query.after, query.include_unknown_tenants) {
        (None, false) => sql::NEWEST,
        (None, true) => sql::NEWEST_ALSO_UNKNOWN,
        (Some(_), false) => sql::AFTER,
        (Some(_), true) => sql::AFTER_ALSO_UNKNOWN,
    };
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT);
    let bound = sqlx::query_as(statement).bind(tenant.to_string()).bind(i64::from(limit));
    let bound = match query.after {
        Some(after) => bound.bind(after),
        None => bound,
    };
    let mut rows: Vec<(i64, String)> = bound.fetch_all(connection).await?;
    rows.sort_unstable_by_key(|(sequence, _)| *sequence);
    rows.into_iter()
        .map(|(sequence, record)| Ok(AuditEntry { sequence, record: from_json("an audit record", &record)? }))
        .collect()
}

#[async_trait]
impl AuditLog for Store {
    async fn record(&self, record: AuditRecord) -> Result<(), PortError> {
        let written = self.audit_writer().write(&record).await;
        written.map_err(|source| PortError { what: "writing the audit trail", source })
    }
}
