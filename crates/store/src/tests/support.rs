use std::{path::PathBuf, sync::Arc};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use symbolon_core::ports::Random;
use tempfile::TempDir;

use crate::{OpenError, Options, Store, store::Internals};

pub(crate) struct Entropy(SystemRandom);

impl Random for Entropy {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.fill(bytes).unwrap();
    }
}

pub(crate) fn random() -> Arc<dyn Random> {
    Arc::new(Entropy(SystemRandom::new()))
}

/// A directory for one store, gone when it is dropped.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn options(&self) -> Options {
        Options { database: self.path("symbolon.db"), wrapping_key: self.path("wrapping.key") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) async fn open(&self) -> Store {
        self.try_open().await.unwrap()
    }

    pub(crate) async fn try_open(&self) -> Result<Store, OpenError> {
        Store::open(&self.options(), random()).await
    }

    pub(crate) async fn open_with(&self, internals: Internals) -> Result<Store, OpenError> {
        Store::open_with(&self.options(), random(), internals).await
    }

    /// The bytes of the database and of the files beside it.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.0.path()).unwrap().map(|entry| entry.unwrap().path());
        let database = files.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("symbolon.db"));
        database.flat_map(|path| std::fs::read(path).unwrap()).collect()
    }
}

/// A store in a directory of its own.
pub(crate) struct Opened {
    pub(crate) store: Store,
    pub(crate) place: Place,
}

pub(crate) async fn open() -> Opened {
    let place = Place::new();
    Opened { store: place.open().await, place }
}

pub(crate) fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
