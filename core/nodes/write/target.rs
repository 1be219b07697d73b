//! The file, pipe or device that is written.
//!
//! Owns that a file appears under its name only when it is whole: until then it is called `NAME.part`,
//! and stays so when the disk is full or the graph dies. One into which nothing came is not kept.
//! What is in it is others' business.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Display, Path as FilePath, PathBuf};
use std::time::Instant;

use jiff::Zoned;

use super::claim::Claim;
use super::leftover::{set_aside, set_aside_all};
use super::name;
use crate::node::{Halt, NodeError, Site};

/// What a pipe that has room at all takes without waiting (PIPE_BUF, pipe(7)).
const PIPE_PIECE: usize = 4096;
const READER_WAIT_MILLIS: libc::c_int = 100;

pub struct Target {
    file: File,
    /// What it is called when it is whole.
    path: PathBuf,
    /// What it is called until then, held for it alone; `None` for what cannot be renamed.
    partial: Option<Partial>,
    overwrite: bool,
    halt: Halt,
    node: String,
    /// Whole items only.
    written: u64,
}

struct Partial {
    name: PathBuf,
    claim: Claim,
}

/// What a file is called until it is whole.
pub fn partial_of(path: &FilePath) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

impl Target {
    /// What the setting names, at the time that it is now.
    pub fn open(wanted: &FilePath, overwrite: bool, site: &Site) -> Result<Target, NodeError> {
        if name::is_stream(wanted) {
            return Target::stream(wanted, site).map_err(|error| refused(wanted, error));
        }
        set_aside_all(wanted, &site.node);
        let path = name::at(wanted, &Zoned::now());
        match name::is_dated(wanted) {
            // Twice within what the name can tell: on a machine that starts again, a picture counts for
            // more than a name.
            true => Target::first_free(&path, overwrite, site),
            false => Target::create(path, overwrite, site).map_err(NotFree::into_error),
        }
    }

    /// A file of its own for what goes on in another way than this one began. It never replaces any.
    pub fn another(wanted: &FilePath, site: &Site) -> Result<Target, NodeError> {
        Target::first_free(&name::at(wanted, &Zoned::now()), false, site)
    }

    fn first_free(path: &FilePath, overwrite: bool, site: &Site) -> Result<Target, NodeError> {
        let mut last = None;
        for path in name::numbered(path) {
            match Target::create(path, overwrite, site) {
                Ok(target) => return Ok(target),
                Err(NotFree::Taken(error)) => last = Some(error),
                Err(NotFree::Refused(error)) => return Err(error),
            }
        }
        Err(last.expect("there is one name at least"))
    }

    fn stream(path: &FilePath, site: &Site) -> io::Result<Target> {
        let file = match path.to_str() {
            Some("-") => File::from(io::stdout().as_fd().try_clone_to_owned()?),
            _ => OpenOptions::new().write(true).open(path)?,
        };
        Ok(Target::of(file, path.to_owned(), None, false, site))
    }

    fn of(file: File, path: PathBuf, partial: Option<Partial>, overwrite: bool, site: &Site) -> Target {
        Target {
            file,
            path,
            partial,
            overwrite,
            halt: site.halt.clone(),
            node: site.node.clone(),
            written: 0,
        }
    }

    fn create(path: PathBuf, overwrite: bool, site: &Site) -> Result<Target, NotFree> {
        if path.exists() && !overwrite {
            return Err(NotFree::Taken(refused(&path, io::ErrorKind::AlreadyExists.into())));
        }
        let name = partial_of(&path);
        let claim = Claim::on(&name).ok_or_else(|| taken(&name, "is being written by another node"))?;
        match set_aside(&name, &path, &site.node) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(taken(&name, "is being written by another program"));
            }
            Err(error) => return Err(NotFree::Refused(refused(&name, error))),
        }
        let file = OpenOptions::new().write(true).create_new(true).open(&name);
        let file = file.map_err(|error| NotFree::Refused(refused(&name, error)))?;
        // Tells other programs that this is no leftover. Where there are no locks, nothing does.
        let _ = file.try_lock();
        Ok(Target::of(file, path, Some(Partial { name, claim }), overwrite, site))
    }

    pub fn written(&self) -> u64 {
        self.written
    }

    /// What it is called when it is whole.
    pub fn path(&self) -> Display<'_> {
        self.path.display()
    }

    /// Where the bytes are now.
    pub fn name(&self) -> Display<'_> {
        self.partial.as_ref().map_or(&self.path, |partial| &partial.name).display()
    }

    /// Gives up the file for another; its name stays held for this node, so that a check while the graph
    /// runs knows it for its own.
    pub fn into_claim(mut self) -> Option<Claim> {
        self.partial.take().map(|partial| partial.claim)
    }

    /// Writes one whole item, or none of it where that can be undone.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), NodeError> {
        if let Err(error) = self.put(bytes) {
            if self.partial.is_some() {
                // What was whole before stays whole; where even that fails, half an item more is no harm.
                let _ = self.file.set_len(self.written);
            }
            let kept = self.written;
            return Err(NodeError::stop_graph(format!(
                "{} is cut short after {kept} bytes, which are kept",
                self.name()
            ))
            .caused_by(error));
        }
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Has the system begin to store what it was given, and does not wait for it: a memory card may
    /// take seconds. A power cut then costs seconds, and not the half minute that systems like to wait.
    pub fn push_out(&self) {
        // SAFETY: a call about a descriptor, open for as long as `self.file`; 0 and 0 are all of it.
        #[cfg(target_os = "linux")]
        let _ = unsafe { libc::sync_file_range(self.file.as_raw_fd(), 0, 0, libc::SYNC_FILE_RANGE_WRITE) };
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.partial.is_some() {
            return self.file.write_all(bytes);
        }
        for piece in bytes.chunks(PIPE_PIECE) {
            self.wait_for_reader()?;
            self.file.write_all(piece)?;
        }
        Ok(())
    }

    /// Waits until a piece can be written without waiting. Nobody may ever read a pipe, and a stopped
    /// graph does not wait for that.
    fn wait_for_reader(&self) -> io::Result<()> {
        loop {
            let mut waiting = libc::pollfd { fd: self.file.as_raw_fd(), events: libc::POLLOUT, revents: 0 };
            // SAFETY: one descriptor, open for as long as `self.file`.
            match unsafe { libc::poll(&raw mut waiting, 1, READER_WAIT_MILLIS) } {
                // An error of the other end shows when we write.
                1.. => return Ok(()),
                0 => {}
                _ => match io::Error::last_os_error() {
                    error if error.kind() == io::ErrorKind::Interrupted => {}
                    error => return Err(error),
                },
            }
            if self.halt.is_past(Instant::now()) {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the graph was stopped, and nobody reads",
                ));
            }
        }
    }

    /// Gives the file its name; one into which nothing came is not kept.
    pub fn finish(&mut self) -> Result<(), NodeError> {
        let Some(Partial { name: partial, .. }) = &self.partial else {
            return Ok(());
        };
        if self.written == 0 {
            tracing::info!(node = self.node, "nothing came, and {} is not made", self.path());
            return Ok(());
        }
        let placed = self.file.sync_all().and_then(|()| match self.overwrite {
            true => fs::rename(partial, &self.path),
            false => place(partial, &self.path),
        });
        placed.map_err(|error| {
            let (path, partial) = (self.path.display(), partial.display());
            NodeError::stop_graph(format!("{path} cannot be put in place, and is kept as {partial}"))
                .caused_by(error)
        })
    }
}

/// Nothing is in it, whether the graph ended or never began.
impl Drop for Target {
    fn drop(&mut self) {
        if let Some(partial) = self.partial.as_ref().filter(|_| self.written == 0) {
            let _ = fs::remove_file(&partial.name);
        }
    }
}

/// Why a file cannot be begun under a name.
enum NotFree {
    Taken(NodeError),
    Refused(NodeError),
}

impl NotFree {
    fn into_error(self) -> NodeError {
        match self {
            NotFree::Taken(error) | NotFree::Refused(error) => error,
        }
    }
}

fn taken(partial: &FilePath, why: &str) -> NotFree {
    let next = "which keeps it to its end; give another path, or one with the date in its name";
    NotFree::Taken(NodeError::stop_graph(format!("{} {why}, {next}", partial.display())))
}

fn refused(path: &FilePath, error: io::Error) -> NodeError {
    NodeError::stop_graph(format!("{} cannot be written", path.display())).caused_by(error)
}

/// Gives `from` the name `to`, and replaces nothing.
pub fn place(from: &FilePath, to: &FilePath) -> io::Result<()> {
    // A link fails where a rename would replace a file that has come since the start.
    match fs::hard_link(from, to) {
        Ok(()) => fs::remove_file(from),
        // Memory cards know no links as a rule.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists && !to.exists() => fs::rename(from, to),
        Err(error) => Err(error),
    }
}
