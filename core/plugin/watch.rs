//! A plugin's file under watch.
//!
//! Owns the thread that waits for changes, lets the writer finish, and has a successor made ready
//! there, so that no worker ever compiles. The node takes the newest when it is between two frames.
//! What cannot take over is refused here with a line in the log, and counted.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};

use super::cache;
use super::program::{self, Unloadable};
use super::successor::{Successor, Terms};
use crate::node::Digest;

/// A file is read when nobody has touched it for so long: writers write in pieces.
const QUIET: Duration = Duration::from_millis(100);
/// But after so long at the latest.
const LONGEST: Duration = Duration::from_secs(2);

/// Where the newest successor waits; one that nobody has taken gives way to the next.
type Doorstep = Arc<Mutex<Option<Box<Successor>>>>;

/// A watch over one file. It ends when this is dropped.
pub struct Watch {
    _eyes: RecommendedWatcher,
    doorstep: Doorstep,
}

impl Watch {
    /// Watches `file`, from which the program of `terms` was read.
    ///
    /// # Errors
    /// When the system cannot watch its folder.
    pub fn begin(file: &Path, terms: Terms) -> notify::Result<Watch> {
        let (tell, changes) = sync_channel(1);
        let eyes = open_eyes(file, tell)?;
        let doorstep = Doorstep::default();
        let mut attendant = Attendant {
            last: terms.recipe.program.key,
            file: file.to_owned(),
            terms,
            doorstep: doorstep.clone(),
        };
        thread::Builder::new()
            .name("plugin-watch".to_owned())
            .spawn(move || attendant.attend(&changes))
            .map_err(notify::Error::io)?;
        Ok(Watch { _eyes: eyes, doorstep })
    }

    /// The newest successor that nobody has taken yet.
    pub fn take(&self) -> Option<Box<Successor>> {
        self.doorstep.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Watches the folder rather than the file: editors and builds put a new file in the old one's place.
fn open_eyes(file: &Path, tell: SyncSender<()>) -> notify::Result<RecommendedWatcher> {
    let real = file.canonicalize().map_err(notify::Error::io)?;
    let names = [file.file_name().map(ToOwned::to_owned), real.file_name().map(ToOwned::to_owned)];
    let mut eyes = notify::recommended_watcher(move |seen: notify::Result<Event>| {
        // Events that were lost may have been about this file.
        let about_it = seen.map_or(true, |event| {
            let named = |path: &PathBuf| names.iter().any(|name| path.file_name() == name.as_deref());
            changes_bytes(&event) && event.paths.iter().any(named)
        });
        if about_it {
            // Full: it will be looked at anyway.
            let _ = tell.try_send(());
        }
    })?;
    let mut folders = vec![folder_of(file), folder_of(&real)];
    folders.dedup();
    folders.iter().try_for_each(|folder| eyes.watch(folder, RecursiveMode::NonRecursive))?;
    Ok(eyes)
}

/// Reading the file, as is done here, is an event too.
fn changes_bytes(event: &Event) -> bool {
    match event.kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}

fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
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
    fn attend(&mut self, changes: &Receiver<()>) {
        // It may have changed since it was checked.
        self.look();
        while changes.recv().is_ok() {
            let since = Instant::now();
            while since.elapsed() < LONGEST {
                match changes.recv_timeout(QUIET) {
                    Ok(()) => {}
                    Err(RecvTimeoutError::Timeout) => break,
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
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
        match self.terms.ready(&wasm, &key) {
            Ok(successor) => {
                // The one that waited, if any, is dropped outside the lock.
                let _older = self.doorstep.lock().unwrap_or_else(PoisonError::into_inner).replace(successor);
            }
            Err(why) => self.refuse(&why),
        }
    }

    fn refuse(&self, why: &str) {
        let site = &self.terms.site;
        site.counters.named("swaps_refused").add(1);
        let (node, file) = (&site.node, self.file.display());
        tracing::warn!(node, "{file} has changed and cannot take over: {why}; the one before goes on");
    }
}
