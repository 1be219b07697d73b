//! What runs that were interrupted have left: files that never got their name.
//!
//! Owns moving them out of the way of the next run, to a name that says what they are, and that they play.
//! One that somebody is writing is none: whoever does holds a lock on it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path as FilePath;

use super::name::Ending;
use super::target::{partial_of, place};
use super::{claim, mp4, name};

/// Whatever interrupted runs have left under any name that `wanted` may give.
pub fn set_aside_all(wanted: &FilePath, node: &str) {
    let folder = wanted.parent().filter(|folder| !folder.as_os_str().is_empty());
    let Ok(entries) = fs::read_dir(folder.unwrap_or(FilePath::new("."))) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(whole) = name.to_str().and_then(|name| name.strip_suffix(".part")) else { continue };
        let path = wanted.with_file_name(whole);
        let partial = partial_of(&path);
        if name::could_be(wanted, whole) && !claim::is_claimed(&partial) {
            // One that another program is writing stays, and so does one that cannot be moved: if its
            // name is needed, that is told then.
            let _ = set_aside(&partial, &path, node);
        }
    }
}

/// Moves what an interrupted run has left out of the way, to a name that says so and still plays.
///
/// # Errors
/// [`io::ErrorKind::WouldBlock`] while another program is writing it.
pub fn set_aside(partial: &FilePath, path: &FilePath, node: &str) -> io::Result<()> {
    let mut left = match OpenOptions::new().read(true).write(true).open(partial) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        left => left?,
    };
    if let Err(fs::TryLockError::WouldBlock) = left.try_lock() {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    trim(&mut left, path)?;
    if left.metadata()?.len() == 0 {
        return fs::remove_file(partial);
    }
    for number in 1.. {
        let aside = name::marked(path, &format!(".interrupted-{number}"));
        match place(partial, &aside) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists || aside.exists() => {}
            Err(error) => return Err(error),
            Ok(()) => {
                let (partial, aside) = (partial.display(), aside.display());
                tracing::warn!(node, "{partial} was left by a run that was interrupted, and is now {aside}");
                return Ok(());
            }
        }
    }
    unreachable!("there is always another number")
}

/// Leaves out the fragment that was being written: some players refuse a file that ends within one.
fn trim(left: &mut File, path: &FilePath) -> io::Result<()> {
    let length = left.metadata()?.len();
    match Ending::of(path) {
        Some(Ending::Mp4) => match mp4::whole(left)? {
            // Nothing of it is as we write it: then it is not for us to cut.
            0 => Ok(()),
            whole if whole < length => left.set_len(whole),
            _ => Ok(()),
        },
        Some(Ending::AnnexB | Ending::Y4m) | None => Ok(()),
    }
}
