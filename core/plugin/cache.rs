//! Compiled plugins, kept on disk so that a graph starts at once the second time.
//!
//! Owns the folder, its bounds, and the rule that only what this program wrote there itself is
//! ever loaded: compiled code is trusted blindly by the engine. So the folder belongs to the user
//! alone, files appear whole or not at all, and a component that a user brings compiled is refused
//! long before this. Without a usable folder everything works, only slower.

use std::hash::{Hash, Hasher};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{env, fs};

use sha2::{Digest as _, Sha256};
use wasmtime::component::Component;

use super::engine::engine;
use crate::node::Digest;

/// All files together; past this the ones used longest ago go.
const MOST_BYTES: u64 = 512 << 20;

/// What identifies a component.
pub fn key(wasm: &[u8]) -> Digest {
    Digest(Sha256::digest(wasm).into())
}

/// The user's own folder for what can be made or fetched again: `$XDG_CACHE_HOME/framegate`.
pub fn users() -> Option<PathBuf> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || absolute("HOME").map(|home| home.join(".cache"));
    absolute("XDG_CACHE_HOME").or_else(home).map(|folder| folder.join("framegate"))
}

/// The folder of compiled plugins.
#[derive(Clone)]
pub struct Cache(Option<PathBuf>);

impl Cache {
    /// The user's own: `$XDG_CACHE_HOME/framegate/plugins`.
    pub fn of_user() -> Cache {
        Cache(users().map(|folder| folder.join("plugins")))
    }

    pub fn in_folder(folder: PathBuf) -> Cache {
        Cache(Some(folder))
    }

    /// The component with this key, if it was compiled before by this very engine.
    pub fn load(&self, key: &Digest) -> Option<Component> {
        let folder = self.private_folder()?;
        let path = folder.join(file_name(key));
        let compiled = fs::read(&path).ok()?;
        // SAFETY: the file lies in a folder that only this user can write to, and only `store`
        // writes there, whole files, from what this engine compiled. It is read rather than mapped,
        // so nobody can change it while it runs. Another engine's output has another name.
        let component = unsafe { Component::deserialize(engine(), compiled) }.ok()?;
        // The time of last use, by which the oldest are found.
        if let Ok(file) = fs::File::open(&path) {
            let _ = file.set_modified(SystemTime::now());
        }
        Some(component)
    }

    /// Keeps a compiled component. A disk that is full or read-only is no failure: the next start
    /// compiles again.
    pub fn store(&self, key: &Digest, component: &Component) {
        let Some(folder) = self.private_folder() else { return };
        let Ok(compiled) = component.serialize() else { return };
        let kept = write_whole(&folder, &file_name(key), &compiled);
        match kept {
            Ok(()) => make_room(&folder),
            Err(error) => tracing::debug!("{}: {error}; compiled plugins are not kept", folder.display()),
        }
    }

    /// The folder, made if need be; `None` unless it is this user's alone.
    fn private_folder(&self) -> Option<PathBuf> {
        let folder = self.0.clone()?;
        let _ = fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        let found = fs::symlink_metadata(&folder).ok()?;
        // SAFETY: no arguments, no failure.
        let us = unsafe { libc::geteuid() };
        let private = found.is_dir() && found.uid() == us && found.permissions().mode() & 0o077 == 0;
        private.then_some(folder)
    }
}

/// The key, and what makes compiled code of one engine useless to another.
fn file_name(key: &Digest) -> String {
    struct Sha(Sha256);
    impl Hasher for Sha {
        fn finish(&self) -> u64 {
            u64::from_le_bytes(self.0.clone().finalize()[..8].try_into().expect("a hash has 32 bytes"))
        }
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
    }
    let mut sha = Sha(Sha256::new());
    engine().precompile_compatibility_hash().hash(&mut sha);
    format!("{key}-{:016x}.cwasm", sha.finish())
}

fn write_whole(folder: &Path, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.persist(folder.join(name)).map(|_| ()).map_err(|error| error.error)
}

fn make_room(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut files: Vec<(SystemTime, u64, PathBuf)> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let found = entry.metadata().ok()?;
            Some((found.modified().ok()?, found.len(), entry.path()))
        })
        .collect();
    files.sort();
    let mut total: u64 = files.iter().map(|(_, length, _)| length).sum();
    for (_, length, path) in files {
        if total <= MOST_BYTES {
            return;
        }
        if fs::remove_file(path).is_ok() {
            total -= length;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "(component)";

    #[test]
    fn what_was_stored_is_loaded_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::in_folder(folder.path().join("plugins"));
        let wasm = wat::parse_str(EMPTY).unwrap();
        assert!(cache.load(&key(&wasm)).is_none());
        cache.store(&key(&wasm), &Component::new(engine(), &wasm).unwrap());
        assert!(cache.load(&key(&wasm)).is_some());
        assert!(cache.load(&key(b"another")).is_none());
    }

    #[test]
    fn a_folder_open_to_others_is_never_read() {
        let folder = tempfile::tempdir().unwrap();
        let plugins = folder.path().join("plugins");
        let cache = Cache::in_folder(plugins.clone());
        let wasm = wat::parse_str(EMPTY).unwrap();
        cache.store(&key(&wasm), &Component::new(engine(), &wasm).unwrap());
        fs::set_permissions(&plugins, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(cache.load(&key(&wasm)).is_none());
    }

    #[test]
    fn a_damaged_file_is_as_good_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::in_folder(folder.path().join("plugins"));
        let wasm = wat::parse_str(EMPTY).unwrap();
        cache.store(&key(&wasm), &Component::new(engine(), &wasm).unwrap());
        fs::write(folder.path().join("plugins").join(file_name(&key(&wasm))), b"half").unwrap();
        assert!(cache.load(&key(&wasm)).is_none());
    }
}
