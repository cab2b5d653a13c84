//! Secrets of the installation: sealed ones by name, and the authority's signing keys.

use secrecy::{ExposeSecret, SecretSlice};
use symbolon_core::ports::keys::{SigningKeyState, StoredSigningKey};
use zeroize::Zeroizing;

use crate::{
    change::Change,
    database::Connection,
    error::{Failure, exists},
    sealing::{Place, Sealed, Sealer},
};

mod sql {
    pub(super) const SECRET: &str = "SELECT data_key_id, sealed FROM sealed_secret WHERE name = $1";
    pub(super) const PUT_SECRET: &str = "INSERT INTO sealed_secret (name, data_key_id, sealed, version) \
         VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO UPDATE SET data_key_id = excluded.data_key_id, \
         sealed = excluded.sealed, version = excluded.version";
    pub(super) const KEYS: &str = "SELECT key_id, state, data_key_id, sealed, certificate, created \
         FROM signing_key ORDER BY created, version";
    pub(super) const KEY_EXISTS: &str =
        "SELECT key_id FROM signing_key WHERE key_id = $1 OR (state = 'active' AND $2 = 'active')";
    pub(super) const INSERT_KEY: &str = "INSERT INTO signing_key (key_id, state, data_key_id, sealed, certificate, \
         created, version) VALUES ($1, $2, $3, $4, $5, $6, $7)";
}

fn secret_place(name: &str) -> Place<'_> {
    Place { table: "sealed_secret", row: name }
}

fn key_place(id: &str) -> Place<'_> {
    Place { table: "signing_key", row: id }
}

pub(crate) async fn secret(
    connection: &mut Connection,
    sealer: &Sealer,
    name: &str,
) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
    let row: Option<(String, Vec<u8>)> = sqlx::query_as(sql::SECRET).bind(name).fetch_optional(connection).await?;
    row.map(|(key_id, bytes)| sealer.open_sealed(secret_place(name), &Sealed { key_id, bytes })).transpose()
}

pub(crate) async fn put_secret(change: &mut Change, sealer: &Sealer, name: &str, secret: &[u8]) -> Result<(), Failure> {
    let (stored, version) = (sealer.seal(secret_place(name), secret)?, change.version());
    sqlx::query(sql::PUT_SECRET)
        .bind(name)
        .bind(stored.key_id)
        .bind(stored.bytes)
        .bind(version)
        .execute(change.connection())
        .await?;
    change.touch_elsewhere(None, "sealed-secret", name);
    Ok(())
}

type KeyRow = (String, String, String, Vec<u8>, Vec<u8>, i64);

pub(crate) async fn signing_keys(
    connection: &mut Connection,
    sealer: &Sealer,
) -> Result<Vec<StoredSigningKey>, Failure> {
    let rows: Vec<KeyRow> = sqlx::query_as(sql::KEYS).fetch_all(connection).await?;
    rows.into_iter().map(|row| read_key(sealer, row)).collect()
}

fn read_key(sealer: &Sealer, row: KeyRow) -> Result<StoredSigningKey, Failure> {
    let (key_id, state, data_key_id, bytes, certificate, created) = row;
    let known = [SigningKeyState::Next, SigningKeyState::Active, SigningKeyState::Retiring];
    let state = known
        .into_iter()
        .find(|known| known.as_str() == state)
        .ok_or_else(|| Failure::Damaged { what: "a signing key's state", reason: format!("`{state}` is unknown") })?;
    let pkcs8 = sealer.open_sealed(key_place(&key_id), &Sealed { key_id: data_key_id, bytes })?;
    Ok(StoredSigningKey { state, pkcs8: SecretSlice::from(pkcs8.to_vec()), key_id, certificate, created })
}

pub(crate) async fn add_signing_key(
    change: &mut Change,
    sealer: &Sealer,
    key: &StoredSigningKey,
) -> Result<(), Failure> {
    let (stored, version) = (sealer.seal(key_place(&key.key_id), key.pkcs8.expose_secret())?, change.version());
    let found: Option<String> = sqlx::query_scalar(sql::KEY_EXISTS)
        .bind(&key.key_id)
        .bind(key.state.as_str())
        .fetch_optional(change.connection())
        .await?;
    match found {
        Some(found) if found == key.key_id => return Err(exists("signing key", found).into()),
        Some(found) => return Err(exists("active signing key", found).into()),
        None => {}
    }
    sqlx::query(sql::INSERT_KEY)
        .bind(&key.key_id)
        .bind(key.state.as_str())
        .bind(stored.key_id)
        .bind(stored.bytes)
        .bind(&key.certificate)
        .bind(key.created)
        .bind(version)
        .execute(change.connection())
        .await?;
    change.touch_elsewhere(None, "signing-key", &key.key_id);
    Ok(())
}
