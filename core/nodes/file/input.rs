//! Bytes from a file, a pipe or standard input, waited for no longer than asked.
//!
//! Owns opening, waiting and the count of bytes read. Leaves what they mean to `file`.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Instant;

/// What came of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Got {
    /// So many bytes, at least one.
    Bytes(usize),
    /// Nothing by the deadline.
    Nothing,
    /// There is no more.
    End,
}

/// What came of reading a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// The line is whole, its end left out.
    Whole,
    /// Not by the deadline: go on with the same buffer.
    Part,
    /// The input ended, or the line grew past its limit, before its end was found.
    None,
}

pub(super) struct Input {
    file: File,
    regular: bool,
    ahead: Vec<u8>,
    /// How much of `ahead` has been used.
    used: usize,
    offset: u64,
}

impl Input {
    /// Opens `path`; `-` is standard input. A pipe that nobody writes to yet opens at once.
    pub fn open(path: &Path) -> io::Result<Input> {
        let file = match path.to_str() {
            Some("-") => File::from(io::stdin().as_fd().try_clone_to_owned()?),
            _ => OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?,
        };
        let regular = file.metadata()?.is_file();
        Ok(Input { file, regular, ahead: Vec::new(), used: 0, offset: 0 })
    }

    /// How many bytes have been given out since the start of the file.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    pub fn can_rewind(&self) -> bool {
        self.regular
    }

    /// Goes back to byte `offset`.
    pub fn rewind_to(&mut self, offset: u64) -> io::Result<()> {
        (self.used, self.offset) = (0, offset);
        self.ahead.clear();
        self.file.seek(SeekFrom::Start(offset)).map(drop)
    }

    /// Reads into `into`, which is not empty.
    pub fn read(&mut self, into: &mut [u8], deadline: Instant) -> io::Result<Got> {
        let ready = &self.ahead[self.used..];
        let got = if ready.is_empty() {
            read_some(&mut self.file, self.regular, into, deadline)?
        } else {
            let count = ready.len().min(into.len());
            into[..count].copy_from_slice(&ready[..count]);
            self.used += count;
            Got::Bytes(count)
        };
        if let Got::Bytes(count) = got {
            self.offset += count as u64;
        }
        Ok(got)
    }

    /// Adds to `line` up to the next line end, at most `limit` bytes in all.
    pub fn line(&mut self, line: &mut Vec<u8>, limit: usize, deadline: Instant) -> io::Result<Line> {
        loop {
            let ready = &self.ahead[self.used..];
            let end = ready.iter().position(|&byte| byte == b'\n');
            let taken = end.map_or(ready.len(), |end| end + 1);
            line.extend_from_slice(&ready[..end.unwrap_or(ready.len())]);
            self.used += taken;
            self.offset += taken as u64;
            if end.is_some() {
                return Ok(Line::Whole);
            }
            if line.len() > limit {
                return Ok(Line::None);
            }
            self.ahead.resize(limit, 0);
            self.used = limit;
            match read_some(&mut self.file, self.regular, &mut self.ahead, deadline)? {
                Got::Bytes(count) => {
                    self.ahead.truncate(count);
                    self.used = 0;
                }
                Got::Nothing => return Ok(Line::Part),
                Got::End => return Ok(Line::None),
            }
        }
    }
}

fn read_some(file: &mut File, regular: bool, into: &mut [u8], deadline: Instant) -> io::Result<Got> {
    loop {
        if !regular && !wait_readable(file, deadline)? {
            return Ok(Got::Nothing);
        }
        match file.read(into) {
            Ok(0) => return Ok(Got::End),
            Ok(count) => return Ok(Got::Bytes(count)),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whether there is something to read, an end of stream included, before the deadline. A pipe that
/// nobody has opened for writing yet has neither.
fn wait_readable(file: &File, deadline: Instant) -> io::Result<bool> {
    let left = deadline.saturating_duration_since(Instant::now());
    let millis = i32::try_from(left.as_millis()).unwrap_or(i32::MAX);
    let mut waiting = libc::pollfd { fd: file.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one descriptor, open for as long as `file` is borrowed.
    match unsafe { libc::poll(&raw mut waiting, 1, millis) } {
        0 => Ok(false),
        1.. => Ok(true),
        _ => match io::Error::last_os_error() {
            error if error.kind() == ErrorKind::Interrupted => Ok(false),
            error => Err(error),
        },
    }
}
