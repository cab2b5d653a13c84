//! The key outside the database, under which the key inside it is encrypted.

use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use symbolon_core::ports::Random;
use zeroize::Zeroizing;

use crate::error::OpenError;

/// Bytes of a key.
pub(crate) const KEY_BYTES: usize = 32;
/// The first line of the file; another number would mean another way to read the rest.
const HEADER: &str = "symbolon-wrapping-key-v1";
/// The most bytes of the file that are read.
const MAX_FILE_BYTES: u64 = 1024;
/// Permission bits of group and others.
const OTHERS: u32 = 0o077;

/// 256 random bits.
pub(crate) type Key = Zeroizing<[u8; KEY_BYTES]>;

/// Draws a key.
pub(crate) fn generate(random: &dyn Random) -> Key {
    let mut key = Key::default();
    random.fill(&mut *key);
    key
}

/// Reads the key, or makes it where neither it nor a database is there yet.
pub(crate) fn read_or_create(path: &Path, database_exists: bool, random: &dyn Random) -> Result<Key, OpenError> {
    let failed = |source| OpenError::Io { path: path.to_owned(), source };
    match File::open(path) {
        Ok(file) => {
            let empty = file.metadata().map_err(failed)?.len() == 0;
            if !empty || database_exists {
                return read(path, file);
            }
            // A start that was cut off while it made the key; nothing is encrypted under it yet.
            std::fs::remove_file(path).map_err(failed)?;
        }
        Err(error) if error.kind() == ErrorKind::NotFound && database_exists => {
            return Err(OpenError::WrappingKeyMissing { path: path.to_owned() });
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let key = generate(random);
    create(path, &key).map_err(failed)?;
    Ok(key)
}

fn create(path: &Path, key: &Key) -> io::Result<()> {
    let text = Zeroizing::new(format!("{HEADER}\n{}\n", Zeroizing::new(STANDARD.encode(**key)).as_str()));
    // Never over a file that is there: it could be the only copy of another database's key.
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}

fn read(path: &Path, file: File) -> Result<Key, OpenError> {
    let failed = |source| OpenError::Io { path: path.to_owned(), source };
    // Of the open file, not of the path, which could lead elsewhere by now.
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o7777;
    if mode & OTHERS != 0 {
        return Err(OpenError::Permissions { path: path.to_owned(), mode });
    }
    let mut text = Zeroizing::new(Vec::new());
    file.take(MAX_FILE_BYTES).read_to_end(&mut text).map_err(failed)?;
    parse(&text).ok_or_else(|| OpenError::WrappingKeyMalformed { path: path.to_owned() })
}

fn parse(text: &[u8]) -> Option<Key> {
    let (header, rest) = std::str::from_utf8(text).ok()?.split_once('\n')?;
    let bytes = Zeroizing::new(STANDARD.decode(rest.trim_end()).ok()?);
    let mut key = Key::default();
    (header == HEADER && bytes.len() == KEY_BYTES).then(|| key.copy_from_slice(&bytes))?;
    Some(key)
}
