use std::{borrow::Cow, sync::LazyLock};

use sqlx::{
    SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};
use symbolon_core::ports::{Directory, management::ManagementStore};

use super::support::{Opened, Place, open};
use crate::{
    OpenError,
    conformance::{a_tenant, new_holder, new_tenant},
    store::{Internals, MIGRATIONS},
};

/// The migrations of a version after this one.
static NEWER: LazyLock<Migrator> = LazyLock::new(|| {
    let mut migrations = MIGRATIONS.migrations.to_vec();
    migrations.push(Migration::new(
        9_001,
        Cow::Borrowed("of a later version"),
        MigrationType::Simple,
        "ALTER TABLE tenant ADD COLUMN colour TEXT NOT NULL DEFAULT 'blue'".into_sql_str(),
        false,
    ));
    Migrator::with_migrations(migrations)
});

fn newer() -> Internals {
    Internals { migrations: &NEWER, ..Internals::default() }
}

#[tokio::test]
async fn an_older_data_directory_is_upgraded_and_keeps_what_it_holds() {
    let Opened { store, place } = open().await;
    let holder = new_holder(&store).await;
    store.close().await;
    let store = place.open_with(newer()).await.unwrap();
    assert!(store.client(holder.tenant, holder.client_id).is_some());
    let mut reader = store.reader().await.unwrap();
    let colour: String = sqlx::query_scalar("SELECT colour FROM tenant").fetch_one(&mut *reader).await.unwrap();
    assert_eq!(colour, "blue");
    drop(reader);
    store.close().await;
    place.open_with(newer()).await.unwrap();
}

#[tokio::test]
async fn a_newer_data_directory_is_refused_and_left_as_it_is() {
    let place = Place::new();
    let store = place.open_with(newer()).await.unwrap();
    let tenant = new_tenant(&store).await;
    store.close().await;
    let before = std::fs::read(place.path("symbolon.db")).unwrap();

    let refused = place.try_open().await.err().unwrap();
    let text = refused.to_string();
    assert!(matches!(refused, OpenError::NewerSchema { found: 9_001, supported } if supported < 9_001), "{refused:?}");
    assert!(text.starts_with("the data directory was written by a newer version of symbolon"), "{text}");
    assert_eq!(std::fs::read(place.path("symbolon.db")).unwrap(), before);
    assert!(place.open_with(newer()).await.unwrap().tenant(tenant).is_some());
}

#[tokio::test]
async fn a_migration_that_fails_leaves_the_data_directory_usable() {
    static BROKEN: LazyLock<Migrator> = LazyLock::new(|| {
        let mut migrations = MIGRATIONS.migrations.to_vec();
        let sql = "ALTER TABLE tenant ADD COLUMN colour TEXT; DROP TABLE no_such_table".into_sql_str();
        migrations.push(Migration::new(9_001, Cow::Borrowed("broken"), MigrationType::Simple, sql, false));
        Migrator::with_migrations(migrations)
    });
    let Opened { store, place } = open().await;
    let tenant = new_tenant(&store).await;
    store.close().await;
    let refused = place.open_with(Internals { migrations: &BROKEN, ..Internals::default() }).await.err().unwrap();
    assert!(matches!(refused, OpenError::Database { .. }), "{refused:?}");
    let store = place.open().await;
    assert!(store.tenant(tenant).is_some());
    store.put_tenant(&a_tenant()).await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let place = Place::new();
    place.open().await.close().await;
    std::fs::write(place.path("symbolon.db"), "not a database, but long enough to be taken for one".repeat(100))
        .unwrap();
    let refused = place.try_open().await.err().unwrap();
    assert!(refused.to_string().ends_with("symbolon.db` cannot be opened"), "{refused}");
}

#[tokio::test]
async fn a_directory_that_is_missing_is_named() {
    let place = Place::new();
    let mut options = place.options();
    options.database = place.path("missing/symbolon.db");
    let refused = crate::Store::open(&options, super::support::random()).await.err().unwrap();
    assert!(refused.to_string().contains("missing/symbolon.db` cannot be read or written"), "{refused}");
}
