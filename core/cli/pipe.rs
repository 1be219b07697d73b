//! A graph that comes through a pipe, which may have nobody at its other end, or somebody who says
//! nothing.
//!
//! Owns the patience. Leaves to `graph` what a graph's text may be.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// A shell that makes both ends needs a moment for the other one.
const FOR_A_WRITER: Duration = Duration::from_secs(1);
const FOR_A_WORD: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(5);

pub struct Patient {
    file: File,
    since: Instant,
    /// Whether a writer has shown itself.
    met: bool,
}

impl Patient {
    pub fn open(path: &Path) -> io::Result<Patient> {
        let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
        Ok(Patient { file, since: Instant::now(), met: false })
    }
}

impl Read for Patient {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let patience = match self.file.read(buffer) {
                // Without a writer a pipe reads as if it had ended.
                Ok(0) if !self.met => FOR_A_WRITER,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.met = true;
                    FOR_A_WORD
                }
                Ok(length) => {
                    (self.met, self.since) = (true, Instant::now());
                    return Ok(length);
                }
                Err(error) => return Err(error),
            };
            if self.since.elapsed() > patience {
                return Err(io::Error::other(match self.met {
                    true => "it is a pipe whose writer says nothing",
                    false => "it is a pipe that nobody writes to",
                }));
            }
            thread::sleep(PAUSE);
        }
    }
}
