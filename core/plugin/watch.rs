//! A plugin's file under watch.
//!
//! Owns the thread that waits for changes and has a successor made ready there, so that no worker
//! ever compiles. The node takes the newest when it is between two frames.
//! What cannot take over is refused here with a line in the log, and counted.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::cache;
use super::program::{self, Unloadable};
use super::successor::{Successor, Terms};
use crate::node::Digest;
use crate::watch::{self, Changes, Eyes, Seen};

/// Bytes that only a component with an interpreter in it has: Python's has 18 MB, JavaScript's 12.
const INTERPRETER: usize = 8 << 20;

/// Where the newest successor waits; one that nobody has taken gives way to the next.
type Doorstep = Arc<Mutex<Option<Box<Successor>>>>;

/// A watch over one file. It ends when this is dropped.
pub struct Watch {
    _eyes: Eyes,
    doorstep: Doorstep,
}

impl Watch {
    /// Watches `file`, from which the program of `terms` was read.
    ///
    /// # Errors
    /// When the system cannot watch its folder.
    pub fn begin(file: &Path, terms: Terms) -> io::Result<Watch> {
        let (eyes, changes) = watch::over(&[file.to_owned()])?;
        let doorstep = Doorstep::default();
        let mut attendant = Attendant {
            last: terms.recipe.program.key,
            file: file.to_owned(),
            terms,
            doorstep: doorstep.clone(),
        };
        thread::Builder::new().name("plugin-watch".to_owned()).spawn(move || attendant.attend(&changes))?;
        Ok(Watch { _eyes: eyes, doorstep })
    }

    /// The newest successor that nobody has taken yet.
    pub fn take(&self) -> Option<Box<Successor>> {
        self.doorstep.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Sees to what has changed.
struct Attendant {
    file: PathBuf,
    /// Of what was looked at last, good or bad: the same bytes are not tried twice.
    last: Digest,
    terms: Terms,
    doorstep: Doorstep,
}

impl Attendant {
    /// Until the watch is dropped, and nobody is left to tell of changes.
    fn attend(&mut self, changes: &Changes) {
        // It may have changed since it was checked.
        self.look();
        while changes.wait() == Seen::Change {
            self.look();
        }
    }

    fn look(&mut self) {
        let wasm = match program::read(&self.file) {
            Ok(wasm) => wasm,
            // On its way to being another, or gone: what runs needs no file.
            Err(Unloadable::Unreadable(error)) if error.kind() == ErrorKind::NotFound => return,
            Err(reason) => return self.refuse(&reason.to_string()),
        };
        let key = cache::key(&wasm);
        if std::mem::replace(&mut self.last, key) == key {
            return;
        }
        self.announce(wasm.len());
        match self.terms.ready(&wasm, &key) {
            Ok(successor) => {
                // The one that waited, if any, is dropped outside the lock.
                let _older = self.doorstep.lock().unwrap_or_else(PoisonError::into_inner).replace(successor);
            }
            Err(why) => self.refuse(&why),
        }
    }

    /// There is a silence before one of some size takes over.
    fn announce(&self, size: usize) {
        let (node, file) = (&self.terms.site.node, self.file.display());
        let takes = match size > INTERPRETER {
            true => ": ten seconds to a minute for a language with an interpreter",
            false => "",
        };
        tracing::info!(node, "{file} has changed; compiling it{takes}");
    }

    fn refuse(&self, why: &str) {
        let site = &self.terms.site;
        site.counters.named("swaps_refused").add(1);
        let (node, file) = (&site.node, self.file.display());
        tracing::warn!(node, "{file} has changed and cannot take over: {why}; the one before goes on");
    }
}
