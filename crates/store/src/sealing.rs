//! Encryption of what is secret in the database: AES-256-GCM under a data key, which itself is
//! stored encrypted under the wrapping key.
//!
//! A sealed value is `nonce || ciphertext || tag`. The table and the row that it belongs to are
//! authenticated with it, so that somebody who can write the file cannot put one row's secret in
//! another row's place.

use std::{collections::HashMap, path::Path};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    digest::{SHA256, digest},
    error::Unspecified,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use symbolon_core::ports::Random;
use zeroize::Zeroizing;

use crate::{
    database::{Connection, Database},
    error::{Failure, OpenError, is_full},
    wrapping_key::{self, KEY_BYTES, Key},
};

mod sql {
    pub(super) const ALL: &str = "SELECT id, wrapping_key_id, wrapped FROM data_key ORDER BY version, id";
    pub(super) const INSERT: &str =
        "INSERT INTO data_key (id, wrapping_key_id, wrapped, version) VALUES ($1, $2, $3, $4)";
}

/// Where a sealed value belongs.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) table: &'static str,
    pub(crate) row: &'a str,
}

impl Place<'_> {
    /// No table's name holds a zero byte, so two places never read the same.
    fn aad(self) -> Aad<Vec<u8>> {
        Aad::from(format!("symbolon-sealed-v1\0{}\0{}", self.table, self.row).into_bytes())
    }
}

struct AeadKey(RandomizedNonceKey);

impl AeadKey {
    fn new(bytes: &[u8]) -> Result<Self, Unspecified> {
        RandomizedNonceKey::new(&AES_256_GCM, bytes).map(Self)
    }

    fn seal(&self, place: Place<'_>, secret: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let mut buffer = Zeroizing::new(secret.to_vec());
        // The buffer grows by the tag; the room is made first, so that no copy of the secret is
        // left behind by a move.
        buffer.reserve_exact(AES_256_GCM.tag_len());
        let nonce = self.0.seal_in_place_append_tag(place.aad(), &mut *buffer)?;
        Ok([nonce.as_ref(), buffer.as_slice()].concat())
    }

    fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
        let (nonce, rest) = sealed.split_at_checked(NONCE_LEN).ok_or(Unspecified)?;
        let mut buffer = Zeroizing::new(rest.to_vec());
        let nonce = Nonce::try_assume_unique_for_key(nonce)?;
        let length = self.0.open_in_place(nonce, place.aad(), &mut buffer)?.len();
        buffer.truncate(length);
        Ok(buffer)
    }
}

/// A secret as it is stored.
pub(crate) struct Sealed {
    /// The data key that it is encrypted under.
    pub(crate) key_id: String,
    /// `nonce || ciphertext || tag`
    pub(crate) bytes: Vec<u8>,
}

/// The data keys of one database. New secrets are sealed under the newest.
pub(crate) struct Sealer {
    keys: HashMap<String, AeadKey>,
    newest: String,
}

impl Sealer {
    /// Unwraps the data keys, and makes the first one where there is none.
    pub(crate) async fn open(
        database: &Database,
        wrapping: &Key,
        wrapping_path: &Path,
        random: &dyn Random,
    ) -> Result<Self, SealerError> {
        let mut transaction = database.begin().await?;
        let result = load_or_create(transaction.connection(), wrapping, wrapping_path, random).await;
        match &result {
            Ok((_, Made::Yes)) => drop(transaction.commit().await?),
            _ => transaction.rollback().await,
        }
        result.map(|(sealer, _)| sealer)
    }

    pub(crate) fn seal(&self, place: Place<'_>, secret: &[u8]) -> Result<Sealed, Failure> {
        let key = self.keys.get(&self.newest).ok_or_else(|| damaged("it has no key"))?;
        let bytes = key.seal(place, secret).map_err(|_| damaged("it cannot be encrypted"))?;
        Ok(Sealed { key_id: self.newest.clone(), bytes })
    }

    pub(crate) fn open_sealed(&self, place: Place<'_>, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let key = self.keys.get(&sealed.key_id).ok_or_else(|| damaged("its key is not there"))?;
        key.open(place, &sealed.bytes).map_err(|_| damaged("it was changed outside of this program"))
    }
}

fn damaged(reason: &str) -> Failure {
    Failure::Damaged { what: "a sealed secret", reason: reason.to_owned() }
}

/// Why the data keys cannot be had.
pub(crate) enum SealerError {
    Open(OpenError),
    Failure(Failure),
}

impl From<sqlx::Error> for SealerError {
    fn from(error: sqlx::Error) -> Self {
        if is_full(&error) { Self::Open(OpenError::Full) } else { Self::Failure(error.into()) }
    }
}

enum Made {
    Yes,
    No,
}

async fn load_or_create(
    connection: &mut Connection,
    wrapping: &Key,
    wrapping_path: &Path,
    random: &dyn Random,
) -> Result<(Sealer, Made), SealerError> {
    let wrong = || SealerError::Open(OpenError::WrappingKeyWrong { path: wrapping_path.to_owned() });
    let unusable = |_| SealerError::Failure(damaged("its key cannot be used"));
    let outer = AeadKey::new(&**wrapping).map_err(unusable)?;
    let rows: Vec<(String, String, Vec<u8>)> = sqlx::query_as(sql::ALL).fetch_all(&mut *connection).await?;
    let mut keys = HashMap::new();
    let mut newest = None;
    for (id, wrapping_id, wrapped) in rows {
        let place = Place { table: "data_key", row: &id };
        let bytes = match outer.open(place, &wrapped) {
            Ok(bytes) if wrapping_id == wrapping_key_id(wrapping) => bytes,
            _ => return Err(wrong()),
        };
        keys.insert(id.clone(), AeadKey::new(&bytes).map_err(unusable)?);
        newest = Some(id);
    }
    if let Some(newest) = newest {
        return Ok((Sealer { keys, newest }, Made::No));
    }
    let (id, key) = (random.guid().to_string(), wrapping_key::generate(random));
    let wrapped = outer.seal(Place { table: "data_key", row: &id }, &*key).map_err(unusable)?;
    sqlx::query(sql::INSERT)
        .bind(&id)
        .bind(wrapping_key_id(wrapping))
        .bind(wrapped)
        .bind(0_i64)
        .execute(connection)
        .await?;
    let keys = HashMap::from([(id.clone(), AeadKey::new(&*key).map_err(unusable)?)]);
    Ok((Sealer { keys, newest: id }, Made::Yes))
}

/// Names a wrapping key without telling it: its hash, which nobody can invert for 256 random bits.
fn wrapping_key_id(key: &[u8; KEY_BYTES]) -> String {
    let mut named = Zeroizing::new(b"symbolon-wrapping-key-id".to_vec());
    named.extend_from_slice(key);
    URL_SAFE_NO_PAD.encode(digest(&SHA256, &named))
}
