//! What was fetched, kept on disk so that a graph starts without its registry.
//!
//! Owns the folder: a file for each manifest and each layer, named by the digest of what is in it.
//! Whatever else can write there, nothing that does not have its digest is ever given out: each file is
//! read whole and hashed on every load, and one that was changed is told by its name rather than
//! fetched again behind the user's back.

use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::artifact::{Layer, MOST_OF_A_MANIFEST};
use super::digest_of;
use super::fault::{Fault, fault};
use crate::node::Digest;
use crate::plugin::cache;
use crate::plugin::program::MOST_BYTES;

/// The folder of fetched plugins; `None` where the user has none, and then nothing is kept.
#[derive(Clone)]
pub struct Kept(Option<PathBuf>);

impl Kept {
    /// The user's own: `$XDG_CACHE_HOME/framegate/registry`.
    pub fn of_user() -> Kept {
        Kept(cache::users().map(|folder| folder.join("registry")))
    }

    pub fn in_folder(folder: PathBuf) -> Kept {
        Kept(Some(folder))
    }

    /// The manifest of this digest, if it was fetched before.
    ///
    /// # Errors
    /// `tampered-cache`.
    pub fn manifest(&self, digest: &Digest) -> Result<Option<Vec<u8>>, Fault> {
        self.read(&format!("{digest}.json"), digest, MOST_OF_A_MANIFEST)
    }

    /// This layer, if it was fetched before.
    ///
    /// # Errors
    /// `tampered-cache`.
    pub fn layer(&self, layer: &Layer) -> Result<Option<Vec<u8>>, Fault> {
        self.read(&layer_name(layer), &layer.digest, MOST_BYTES as u64)
    }

    /// Where this layer is, once it is kept.
    pub fn layer_file(&self, layer: &Layer) -> Option<PathBuf> {
        self.0.as_ref().map(|folder| folder.join(layer_name(layer)))
    }

    /// Keeps what was fetched and verified. A disk that is full or read-only is no failure: the next
    /// start fetches again.
    pub fn keep(&self, manifest: &[u8], digest: &Digest, layer: &Layer, wasm: &[u8]) {
        let Some(folder) = &self.0 else { return };
        // The manifest last: where it is, the layer is there too.
        let kept = write_whole(folder, &layer_name(layer), wasm)
            .and_then(|()| write_whole(folder, &format!("{digest}.json"), manifest));
        if let Err(error) = kept {
            tracing::warn!("{}: {error}; the plugin will be fetched again", folder.display());
        }
    }

    fn read(&self, name: &str, digest: &Digest, most: u64) -> Result<Option<Vec<u8>>, Fault> {
        let Some(folder) = &self.0 else { return Ok(None) };
        let file = folder.join(name);
        match read(&file, most) {
            Ok(bytes) if digest_of(&bytes) == *digest => Ok(Some(bytes)),
            Ok(bytes) => Err(tampered(&file, &format!("has the SHA-256 {}", digest_of(&bytes)))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(tampered(&file, &format!("cannot be read: {error}"))),
        }
    }
}

fn layer_name(layer: &Layer) -> String {
    format!("{}.wasm", layer.digest)
}

fn tampered(file: &Path, what: &str) -> Fault {
    fault(
        "tampered-cache",
        format!(
            "{} {what}, and its name says what it must be: it was changed after it was fetched",
            file.display()
        ),
        "find out who writes there; then delete the file, and it is fetched again",
    )
}

/// The whole file, or as much of it as shows that it is none of ours.
fn read(file: &Path, most: u64) -> io::Result<Vec<u8>> {
    // Asked before it is opened: opening a pipe would wait for whoever writes to it.
    if !fs::metadata(file)?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut bytes = Vec::new();
    fs::File::open(file)?.take(most + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn write_whole(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.persist(folder.join(name)).map(|_| ()).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> (tempfile::TempDir, Kept, Digest, Layer) {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::in_folder(folder.path().join("registry"));
        let layer = Layer { digest: digest_of(b"wasm"), size: 4 };
        kept.keep(b"manifest", &digest_of(b"manifest"), &layer, b"wasm");
        (folder, kept, digest_of(b"manifest"), layer)
    }

    #[test]
    fn what_was_kept_is_found_and_nothing_else() {
        let (_folder, kept, digest, layer) = kept();
        assert_eq!(kept.manifest(&digest).unwrap().as_deref(), Some(&b"manifest"[..]));
        assert_eq!(kept.layer(&layer).unwrap().as_deref(), Some(&b"wasm"[..]));
        assert_eq!(kept.manifest(&digest_of(b"another")).unwrap(), None);
        assert_eq!(Kept(None).layer(&layer).unwrap(), None);
    }

    #[test]
    fn a_file_that_was_changed_is_named_at_every_load() {
        let (_folder, kept, digest, layer) = kept();
        let file = kept.layer_file(&layer).unwrap();
        for changed in [&b"wasn"[..], b"", b"wasm more"] {
            fs::write(&file, changed).unwrap();
            let fault = kept.layer(&layer).unwrap_err();
            assert_eq!(fault.code, "tampered-cache");
            assert!(fault.message.contains(&file.display().to_string()), "{fault}");
        }
        fs::write(file.with_file_name(format!("{digest}.json")), "another").unwrap();
        assert_eq!(kept.manifest(&digest).unwrap_err().code, "tampered-cache");
    }

    #[test]
    fn what_is_no_file_is_not_waited_for() {
        let (_folder, kept, _, layer) = kept();
        let file = kept.layer_file(&layer).unwrap();
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        assert_eq!(kept.layer(&layer).unwrap_err().code, "tampered-cache");
    }
}
