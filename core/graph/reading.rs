//! The bytes of a graph file, whatever the path turns out to be: bounded, and never waiting for ever.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// A longer file is not a graph.
pub const MOST_BYTES: usize = 1 << 20;

/// The text of a file that may be a graph or a part of one, never more of it than one may be long.
///
/// # Errors
/// What it is instead, as a sentence about it.
pub fn read_text(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let opened = open(path).map_err(|error| told(&error))?;
    opened.take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(|error| told(&error))?;
    if bytes.len() > MOST_BYTES {
        return Err(format!("it is longer than {MOST_BYTES} bytes, which no graph is"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        format!("it is not UTF-8 text: byte {at} belongs to no character; save it as UTF-8")
    })
}

/// An error of the system in our own voice: without its number.
fn told(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder; name a file in it".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    Ok(Box::new(File::open(path)?))
}

#[cfg(unix)]
fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    use std::os::unix::fs::FileTypeExt;
    match fs::metadata(path)?.file_type().is_fifo() {
        true => Ok(Box::new(pipe::Patient::open(path)?)),
        false => Ok(Box::new(File::open(path)?)),
    }
}

#[cfg(unix)]
mod pipe {
    //! A pipe that may have nobody at its other end, or somebody who says nothing.

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
}
