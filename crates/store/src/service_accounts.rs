//! Service accounts of the embedded cluster issuer.

use std::collections::BTreeMap;

use async_trait::async_trait;
use sqlx::FromRow;
use symbolon_core::ports::management::StoreError;
use symbolon_issuer::port::{ServiceAccount, ServiceAccountError, ServiceAccountStore};

use crate::{
    Store,
    change::Change,
    database::Connection,
    error::Failure,
    load::{from_json, parse, to_json},
};

mod sql {
    pub(super) const ALL: &str = "SELECT namespace, name, uid, annotations, created, version FROM service_account \
         ORDER BY namespace, name";
    pub(super) const IN_NAMESPACE: &str = "SELECT namespace, name, uid, annotations, created, version \
         FROM service_account WHERE namespace = $1 ORDER BY name";
    pub(super) const ONE: &str = "SELECT namespace, name, uid, annotations, created, version \
         FROM service_account WHERE namespace = $1 AND name = $2";
    pub(super) const INSERT: &str = "INSERT INTO service_account (namespace, name, uid, annotations, created, version) \
         VALUES ($1, $2, $3, $4, $5, $6)";
    pub(super) const UPDATE: &str =
        "UPDATE service_account SET annotations = $3, version = $4 WHERE namespace = $1 AND name = $2";
    pub(super) const DELETE: &str = "DELETE FROM service_account WHERE namespace = $1 AND name = $2";
}

/// The kind of change that is recorded.
const KIND: &str = "service-account";

#[derive(FromRow)]
struct Row {
    namespace: String,
    name: String,
    uid: String,
    annotations: String,
    created: i64,
    version: i64,
}

impl Row {
    fn read(self) -> Result<ServiceAccount, Failure> {
        Ok(ServiceAccount {
            namespace: self.namespace,
            name: self.name,
            uid: parse("service account uid", &self.uid)?,
            annotations: from_json("annotations", &self.annotations)?,
            created: self.created,
            version: self.version,
        })
    }
}

async fn find(connection: &mut Connection, namespace: &str, name: &str) -> Result<Option<ServiceAccount>, Failure> {
    let row: Option<Row> = sqlx::query_as(sql::ONE).bind(namespace).bind(name).fetch_optional(connection).await?;
    row.map(Row::read).transpose()
}

/// False where there is one already.
async fn insert(change: &mut Change, account: &ServiceAccount) -> Result<bool, Failure> {
    if find(change.connection(), &account.namespace, &account.name).await?.is_some() {
        return Ok(false);
    }
    let version = change.version();
    sqlx::query(sql::INSERT)
        .bind(&account.namespace)
        .bind(&account.name)
        .bind(account.uid.to_string())
        .bind(to_json("annotations", &account.annotations)?)
        .bind(account.created)
        .bind(version)
        .execute(change.connection())
        .await?;
    change.touch_elsewhere(None, KIND, format!("{}/{}", account.namespace, account.name));
    Ok(true)
}

/// None where there is no such account.
async fn annotate(
    change: &mut Change,
    namespace: &str,
    name: &str,
    annotations: &BTreeMap<String, String>,
) -> Result<Option<ServiceAccount>, Failure> {
    let version = change.version();
    sqlx::query(sql::UPDATE)
        .bind(namespace)
        .bind(name)
        .bind(to_json("annotations", annotations)?)
        .bind(version)
        .execute(change.connection())
        .await?;
    let found = find(change.connection(), namespace, name).await?;
    if found.is_some() {
        change.touch_elsewhere(None, KIND, format!("{namespace}/{name}"));
    }
    Ok(found)
}

async fn remove(change: &mut Change, namespace: &str, name: &str) -> Result<bool, Failure> {
    let deleted =
        sqlx::query(sql::DELETE).bind(namespace).bind(name).execute(change.connection()).await?.rows_affected();
    if deleted > 0 {
        change.touch_elsewhere(None, KIND, format!("{namespace}/{name}"));
    }
    Ok(deleted > 0)
}

async fn all(connection: &mut Connection, namespace: Option<&str>) -> Result<Vec<ServiceAccount>, Failure> {
    let query = match namespace {
        Some(namespace) => sqlx::query_as(sql::IN_NAMESPACE).bind(namespace.to_owned()),
        None => sqlx::query_as(sql::ALL),
    };
    let rows: Vec<Row> = query.fetch_all(connection).await?;
    rows.into_iter().map(Row::read).collect()
}

fn failed(error: impl Into<StoreError>) -> ServiceAccountError {
    ServiceAccountError::Store(error.into().into())
}

fn missing(namespace: &str, name: &str) -> ServiceAccountError {
    ServiceAccountError::NotFound { namespace: namespace.to_owned(), name: name.to_owned() }
}

#[async_trait]
impl ServiceAccountStore for Store {
    async fn create(&self, account: &ServiceAccount) -> Result<(), ServiceAccountError> {
        let mut change = self.change().await.map_err(failed)?;
        let result = insert(&mut change, account).await;
        if change.end(result).await.map_err(failed)? {
            return Ok(());
        }
        Err(ServiceAccountError::Exists { namespace: account.namespace.clone(), name: account.name.clone() })
    }

    async fn set_annotations(
        &self,
        namespace: &str,
        name: &str,
        annotations: &BTreeMap<String, String>,
    ) -> Result<ServiceAccount, ServiceAccountError> {
        let mut change = self.change().await.map_err(failed)?;
        let result = annotate(&mut change, namespace, name, annotations).await;
        change.end(result).await.map_err(failed)?.ok_or_else(|| missing(namespace, name))
    }

    async fn get(&self, namespace: &str, name: &str) -> Result<ServiceAccount, ServiceAccountError> {
        let mut reader = self.reader().await.map_err(failed)?;
        find(&mut reader, namespace, name).await.map_err(failed)?.ok_or_else(|| missing(namespace, name))
    }

    async fn list(&self, namespace: Option<&str>) -> Result<Vec<ServiceAccount>, ServiceAccountError> {
        let mut reader = self.reader().await.map_err(failed)?;
        all(&mut reader, namespace).await.map_err(failed)
    }

    async fn delete(&self, namespace: &str, name: &str) -> Result<bool, ServiceAccountError> {
        let mut change = self.change().await.map_err(failed)?;
        let result = remove(&mut change, namespace, name).await;
        change.end(result).await.map_err(failed)
    }
}
