//! Files under watch: whoever holds them is told when one has changed and its writer is done.
//!
//! Owns how a change is noticed. Leaves reading the files, and whether they really differ, to
//! whoever is told. The only place that names notify.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};

/// A file is read when nobody has touched it for so long: writers write in pieces.
const QUIET: Duration = Duration::from_millis(100);
/// But after so long at the latest.
const LONGEST: Duration = Duration::from_secs(2);

/// A watch over files. It ends when this is dropped.
pub struct Eyes(#[expect(dead_code, reason = "kept for its end")] RecommendedWatcher);

/// What the eyes saw.
pub struct Changes(Receiver<()>);

/// What there was to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// One of the files may have changed.
    Change,
    /// The watch has ended.
    End,
}

/// Watches `files`. Their folders are what is watched: editors and builds put a new file in the old
/// one's place.
///
/// # Errors
/// When the system cannot watch a folder.
pub fn over(files: &[PathBuf]) -> io::Result<(Eyes, Changes)> {
    let reals: Vec<PathBuf> = files.iter().filter_map(|file| file.canonicalize().ok()).collect();
    let all = || files.iter().chain(&reals);
    let names: Vec<_> = all().filter_map(|file| file.file_name().map(ToOwned::to_owned)).collect();
    let named = move |path: &Path| path.file_name().is_some_and(|name| names.iter().any(|n| n == name));
    let mut folders: Vec<PathBuf> = all().map(|file| folder_of(file)).collect();
    folders.sort_unstable();
    folders.dedup();
    over_folders(&folders, named)
}

/// Watches what in `folders` is `of_interest`; not what in folders inside them is.
///
/// # Errors
/// When the system cannot watch a folder.
pub fn over_folders(
    folders: &[PathBuf],
    of_interest: impl Fn(&Path) -> bool + Send + 'static,
) -> io::Result<(Eyes, Changes)> {
    let (tell, changes) = sync_channel(1);
    let about_them =
        move |event: &Event| changes_bytes(event) && event.paths.iter().any(|path| of_interest(path));
    let mut eyes = notify::recommended_watcher(teller(tell, about_them)).map_err(io::Error::other)?;
    for folder in folders {
        eyes.watch(folder, RecursiveMode::NonRecursive).map_err(io::Error::other)?;
    }
    Ok((Eyes(eyes), Changes(changes)))
}

impl Changes {
    /// Waits for a change, and until its writer seems to be done.
    pub fn wait(&self) -> Seen {
        if self.0.recv().is_err() {
            return Seen::End;
        }
        let since = Instant::now();
        while since.elapsed() < LONGEST {
            match self.0.recv_timeout(QUIET) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return Seen::End,
            }
        }
        Seen::Change
    }
}

fn teller(
    tell: SyncSender<()>,
    about_them: impl Fn(&Event) -> bool + Send + 'static,
) -> impl FnMut(notify::Result<Event>) + Send + 'static {
    move |seen| {
        // Events that were lost may have been about these files.
        if seen.map_or(true, |event| about_them(&event)) {
            // Full: they will be looked at anyway.
            let _ = tell.try_send(());
        }
    }
}

/// Reading a file, as will be done, is an event too.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_put_in_the_old_ones_place_is_a_change_and_a_dropped_watch_ends() {
        let folder = tempfile::tempdir().unwrap();
        let (file, next) = (folder.path().join("graph.yaml"), folder.path().join("next"));
        std::fs::write(&file, "one").unwrap();
        let (eyes, changes) = over(std::slice::from_ref(&file)).unwrap();
        std::fs::write(&next, "two").unwrap();
        std::fs::rename(&next, &file).unwrap();
        assert_eq!(changes.wait(), Seen::Change);
        drop(eyes);
        assert_eq!(changes.wait(), Seen::End);
    }

    #[test]
    fn a_folder_that_is_not_there_cannot_be_watched() {
        assert!(over(&[PathBuf::from("/nowhere/at/all.yaml")]).is_err());
    }
}
