//! Programs by what graphs call them: a bundled name, a file, or an address in a registry.
//!
//! Owns what each of these means and that each is read once: what was checked is what runs, whatever
//! becomes of the file. Leaves loading the bytes to `program`, and fetching them to `registry`.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::bundled;
use super::cache::{self, Cache};
use super::nearest::nearest;
use super::program::{self, Program};
use super::registry::{self, Kept, Reference};
use crate::diagnostic::{Diagnostic, Path};
use crate::node::{Digest, Value};

/// What has been loaded.
pub struct Library {
    cache: Cache,
    kept: Kept,
    /// By the hash of their bytes: compiled and described once, shared by every node.
    programs: Mutex<HashMap<Digest, Arc<Program>>>,
    /// Files as they were when first read.
    files: Mutex<HashMap<PathBuf, Arc<Program>>>,
    /// Addresses as they were first answered, or not: a registry that is away is asked once a check.
    addresses: Mutex<HashMap<String, Result<Arc<Program>, Diagnostic>>>,
    /// Bundled plugins by name, so that only the first node hashes the component.
    named: Mutex<HashMap<&'static str, Arc<Program>>>,
    /// Whether what plugins do is counted.
    metered: bool,
}

impl Library {
    pub fn new(cache: Cache, kept: Kept) -> Library {
        Library {
            cache,
            kept,
            programs: Mutex::default(),
            files: Mutex::default(),
            addresses: Mutex::default(),
            named: Mutex::default(),
            metered: false,
        }
    }

    /// Its programs are counted.
    pub fn metered(kept: Kept) -> Library {
        Library { metered: true, ..Library::new(Cache::of_user(), kept) }
    }

    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// The plugin of this bundled name, file or address.
    ///
    /// # Errors
    /// One finding about `plugin`.
    pub fn program(&self, named: &Value) -> Result<Arc<Program>, Diagnostic> {
        let path = Path::root().key("plugin");
        match named {
            Value::Path(file) => self.program_in(file, &path),
            Value::Text(address) if registry::is_address(address) => self.program_at(address, &path),
            Value::Text(name) => match bundled::ALL.iter().find(|(known, _)| known == name) {
                Some((name, wasm)) => self.program_called(name, wasm, &path),
                None => Err(unknown(name, &path)),
            },
            _ => unreachable!("the setting takes a name or a path"),
        }
    }

    fn program_called(
        &self,
        name: &'static str,
        wasm: &[u8],
        path: &Path,
    ) -> Result<Arc<Program>, Diagnostic> {
        if let Some(program) = open(&self.named).get(name) {
            return Ok(program.clone());
        }
        let program = self.program_of(wasm, name, path)?;
        Ok(open(&self.named).entry(name).or_insert(program).clone())
    }

    fn program_in(&self, file: &FilePath, path: &Path) -> Result<Arc<Program>, Diagnostic> {
        if let Some(program) = open(&self.files).get(file) {
            return Ok(program.clone());
        }
        let wasm = program::read(file).map_err(|reason| {
            let code = match &reason {
                program::Unloadable::Unreadable(error) if error.kind() == ErrorKind::NotFound => {
                    "file-not-found"
                }
                _ => "bad-plugin",
            };
            Diagnostic::error(code, path.clone(), format!("{}: {reason}", file.display()))
        })?;
        let program = self.program_of(&wasm, &file.display().to_string(), path)?;
        Ok(open(&self.files).entry(file.to_owned()).or_insert(program).clone())
    }

    fn program_at(&self, address: &str, path: &Path) -> Result<Arc<Program>, Diagnostic> {
        if let Some(answer) = open(&self.addresses).get(address) {
            return answer.clone();
        }
        // Not under the lock: a registry may take its time.
        let answer = self.fetch(address, path);
        open(&self.addresses).entry(address.to_owned()).or_insert(answer).clone()
    }

    fn fetch(&self, address: &str, path: &Path) -> Result<Arc<Program>, Diagnostic> {
        let fetched = Reference::parse(address).and_then(|reference| {
            reference.pinned()?;
            registry::fetch(&reference, &self.kept)
        });
        let fetched = fetched.map_err(|fault| fault.finding(path))?;
        self.program_of(&fetched.wasm, address, path)
    }

    fn program_of(&self, wasm: &[u8], name: &str, path: &Path) -> Result<Arc<Program>, Diagnostic> {
        let key = cache::key(wasm);
        if let Some(program) = open(&self.programs).get(&key) {
            return Ok(program.clone());
        }
        // Not under the lock: compiling takes a while, and another node's plugin need not wait for it.
        let loaded = match self.metered {
            true => Program::load_metered(wasm),
            false => Program::load(wasm, &key, &self.cache),
        };
        let program = loaded.map_err(|reason| {
            Diagnostic::error("bad-plugin", path.clone(), format!("\"{name}\": {reason}"))
        })?;
        Ok(open(&self.programs).entry(key).or_insert_with(|| Arc::new(program)).clone())
    }
}

fn open<T>(shelf: &Mutex<T>) -> MutexGuard<'_, T> {
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where the plugin of a sound node comes from, in words.
pub fn whence(named: &Value) -> Option<String> {
    match named {
        Value::Path(file) => Some(format!("the file {}", file.display())),
        Value::Text(address) if registry::is_address(address) => {
            let reference = Reference::parse(address).ok()?;
            let kept = match registry::kept_at(&reference, &Kept::of_user()) {
                Some(file) => format!("kept in {}", file.display()),
                None => "not kept".to_owned(),
            };
            Some(format!("the registry {}, {kept}", reference.registry))
        }
        Value::Text(_) => Some(format!("framegate {} itself", env!("CARGO_PKG_VERSION"))),
        _ => None,
    }
}

fn unknown(name: &str, path: &Path) -> Diagnostic {
    let finding =
        Diagnostic::error("unknown-plugin", path.clone(), format!("no bundled plugin is called \"{name}\""));
    let names = || bundled::ALL.iter().map(|(name, _)| *name);
    match nearest(name, names()) {
        Some(near) => {
            finding.help(format!("did you mean \"{near}\"? A file is written with its folder: ./{name}"))
        }
        None => finding.help(format!(
            "there are {}; a file is written with its folder: ./{name}",
            names().collect::<Vec<_>>().join(", ")
        )),
    }
}
