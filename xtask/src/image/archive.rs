//! An OCI image in one archive: `oci-layout`, `index.json`, and blobs under their digests.
//!
//! The same program gives the same bytes: no time is recorded, and members come in one order.

use std::fmt::Write as _;

use anyhow::Result;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};

/// Who the program runs as; `runAsNonRoot` needs a number.
pub(crate) const USER: &str = "65532:65532";

/// What the image holds and is called.
pub(crate) struct Image {
    pub(crate) name: String,
    pub(crate) architecture: &'static str,
    pub(crate) version: &'static str,
    /// The program's name, at the root of the image.
    pub(crate) file: &'static str,
    pub(crate) description: &'static str,
    pub(crate) program: Vec<u8>,
}

/// A piece of the image, under the digest of its bytes.
struct Blob {
    media_type: &'static str,
    digest: String,
    bytes: Vec<u8>,
}

impl Image {
    /// The archive, for `ctr images import`, `podman load`, `docker load` and `skopeo copy oci-archive:`.
    ///
    /// # Errors
    /// When the program is too large for an archive.
    pub(crate) fn archive(&self) -> Result<Vec<u8>> {
        let mut layer = Builder::new(Vec::new());
        append(&mut layer, self.file, 0o755, &self.program)?;
        let layer = Blob::new("application/vnd.oci.image.layer.v1.tar", layer.into_inner()?);
        let config = Blob::json("application/vnd.oci.image.config.v1+json", &self.config(&layer.digest));
        let manifest = Blob::json(
            "application/vnd.oci.image.manifest.v1+json",
            &json!({
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": config.descriptor(),
                "layers": [layer.descriptor()],
            }),
        );
        let mut archive = Builder::new(Vec::new());
        append(&mut archive, "oci-layout", 0o644, json!({ "imageLayoutVersion": "1.0.0" }).to_string().as_bytes())?;
        append(&mut archive, "index.json", 0o644, self.index(&manifest).to_string().as_bytes())?;
        let docker = self.docker_manifest(&config, &layer);
        append(&mut archive, "manifest.json", 0o644, docker.to_string().as_bytes())?;
        for blob in [&manifest, &config, &layer] {
            append(&mut archive, &blob.path(), 0o644, &blob.bytes)?;
        }
        Ok(archive.into_inner()?)
    }

    fn config(&self, layer: &str) -> Value {
        json!({
            "architecture": self.architecture,
            "os": "linux",
            "config": {
                "User": USER,
                "Entrypoint": [format!("/{}", self.file)],
                "WorkingDir": "/",
                "Labels": {
                    "org.opencontainers.image.title": self.file,
                    "org.opencontainers.image.description": self.description,
                    "org.opencontainers.image.version": self.version,
                    "org.opencontainers.image.licenses": env!("CARGO_PKG_LICENSE"),
                },
            },
            // An uncompressed layer's digest is that of its content.
            "rootfs": { "type": "layers", "diff_ids": [layer] },
            "history": [{ "created_by": "cargo xtask image" }],
        })
    }

    fn index(&self, manifest: &Blob) -> Value {
        let mut descriptor = manifest.descriptor();
        descriptor["platform"] = json!({ "architecture": self.architecture, "os": "linux" });
        descriptor["annotations"] = json!({
            "io.containerd.image.name": self.name,
            "org.opencontainers.image.ref.name": self.name,
        });
        json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [descriptor],
        })
    }

    /// What `docker load` reads where docker's own image store is in use.
    fn docker_manifest(&self, config: &Blob, layer: &Blob) -> Value {
        json!([{ "Config": config.path(), "RepoTags": [self.name], "Layers": [layer.path()] }])
    }
}

impl Blob {
    fn new(media_type: &'static str, bytes: Vec<u8>) -> Self {
        Self { media_type, digest: format!("sha256:{}", sha256(&bytes)), bytes }
    }

    fn json(media_type: &'static str, value: &Value) -> Self {
        Self::new(media_type, value.to_string().into_bytes())
    }

    fn path(&self) -> String {
        format!("blobs/{}", self.digest.replace(':', "/"))
    }

    fn descriptor(&self) -> Value {
        json!({ "mediaType": self.media_type, "digest": self.digest, "size": self.bytes.len() })
    }
}

fn append(archive: &mut Builder<Vec<u8>>, path: &str, mode: u32, bytes: &[u8]) -> Result<()> {
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(bytes.len() as u64);
    archive.append_data(&mut header, path, bytes)?;
    Ok(())
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, io::Read as _};

    use super::*;

    fn image() -> Image {
        Image {
            name: "localhost/symbolon:test".to_owned(),
            architecture: "amd64",
            version: "1.2.3",
            file: "symbolon",
            description: "A test",
            program: b"\x7fELF, say".repeat(1000),
        }
    }

    /// The files of an archive, each with its mode.
    fn unpack(bytes: &[u8]) -> BTreeMap<String, (u32, Vec<u8>)> {
        let mut files = BTreeMap::new();
        for entry in tar::Archive::new(bytes).entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().to_string_lossy().into_owned();
            let mode = entry.header().mode().unwrap();
            assert_eq!((entry.header().mtime().unwrap(), entry.header().uid().unwrap()), (0, 0), "{path}");
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            files.insert(path, (mode, content));
        }
        files
    }

    fn json_of(files: &BTreeMap<String, (u32, Vec<u8>)>, path: &str) -> Value {
        serde_json::from_slice(&files[path].1).unwrap()
    }

    /// The bytes that a descriptor stands for, checked against it.
    fn follow<'a>(files: &'a BTreeMap<String, (u32, Vec<u8>)>, descriptor: &Value) -> &'a [u8] {
        let digest = descriptor["digest"].as_str().unwrap();
        let bytes = &files[&format!("blobs/{}", digest.replace(':', "/"))].1;
        assert_eq!(format!("sha256:{}", sha256(bytes)), digest);
        assert_eq!(descriptor["size"], bytes.len());
        bytes
    }

    #[test]
    fn every_descriptor_of_the_archive_leads_to_its_bytes() {
        let files = unpack(&image().archive().unwrap());
        assert_eq!(json_of(&files, "oci-layout"), json!({ "imageLayoutVersion": "1.0.0" }));
        let index = json_of(&files, "index.json");
        let entry = &index["manifests"][0];
        assert_eq!(entry["annotations"]["io.containerd.image.name"], "localhost/symbolon:test");
        let manifest: Value = serde_json::from_slice(follow(&files, entry)).unwrap();
        let config: Value = serde_json::from_slice(follow(&files, &manifest["config"])).unwrap();
        let layer = follow(&files, &manifest["layers"][0]);
        assert_eq!(config["rootfs"]["diff_ids"], json!([format!("sha256:{}", sha256(layer))]));
        assert_eq!(config["config"]["Entrypoint"], json!(["/symbolon"]));
        assert_eq!(config["config"]["User"], "65532:65532");
        assert_eq!(files.len(), 6, "nothing else is in the archive");
    }

    #[test]
    fn the_layer_holds_the_program_and_nothing_else() {
        let files = unpack(&image().archive().unwrap());
        let docker = json_of(&files, "manifest.json");
        let layer = unpack(&files[docker[0]["Layers"][0].as_str().unwrap()].1);
        assert_eq!(layer, BTreeMap::from([("symbolon".to_owned(), (0o755, image().program))]));
    }

    #[test]
    fn the_same_program_gives_the_same_bytes() {
        assert_eq!(image().archive().unwrap(), image().archive().unwrap());
    }
}
