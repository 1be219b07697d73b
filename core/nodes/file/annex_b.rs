//! H.264 byte streams: what a file says of itself in its first part, and its access units in turn.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Instant;

use super::input::{Got, Input};
use crate::h264::{Splitter, Stream, is_b_picture};
use crate::media::{Rate, Size};

/// How much of a file is looked at for its parameter sets, and for the order of its pictures.
const LOOK: u64 = 4 << 20;
const PIECE: usize = 64 << 10;

/// What is known of a stream before it is read.
#[derive(Clone, Copy)]
pub(super) struct Clip {
    stream: Option<Stream>,
    /// Whether it has pictures that are shown before others that came earlier.
    pub needs_decoding: bool,
}

impl Clip {
    /// A stream from a pipe, of which nothing is known.
    pub fn piped() -> Clip {
        Clip { stream: None, needs_decoding: false }
    }

    pub fn rate(&self) -> Option<Rate> {
        self.stream?.rate
    }

    pub fn size(&self) -> Option<Size> {
        self.stream.map(|stream| stream.size)
    }

    pub fn stream(&self) -> Option<Stream> {
        self.stream
    }
}

/// # Errors
/// A sentence with the path and the byte.
pub(super) fn read(path: &Path) -> Result<Clip, String> {
    let told = |message: String| format!("{}: {message}", path.display());
    let mut first = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LOOK).read_to_end(&mut first));
    read.map_err(|error| told(error.to_string()))?;
    let found = Stream::find(&first).ok_or_else(|| {
        told(format!("byte 0: there is no parameter set (SPS) in the first {} bytes", first.len()))
    })?;
    let stream = found.map_err(|what| format!("{} {what}", path.display()))?;
    let needs_decoding = !stream.in_order && is_b_picture(&first);
    Ok(Clip { stream: Some(stream), needs_decoding })
}

/// The access units of a stream, one after another.
pub(super) struct Units {
    pub input: Input,
    splitter: Splitter,
    ended: bool,
}

/// What came of asking for one.
pub(super) enum Came {
    Unit(Vec<u8>),
    Nothing,
    End,
}

impl Units {
    pub fn new(input: Input) -> Units {
        Units { input, splitter: Splitter::default(), ended: false }
    }

    /// # Errors
    /// What is wrong at the byte that has been reached.
    pub fn next(&mut self, deadline: Instant) -> Result<Came, String> {
        let mut piece = [0; PIECE];
        loop {
            let whole = self.splitter.next_unit();
            if let Some(unit) = whole.map_err(|_| "a picture goes on for over 16 MiB: this is no H.264")? {
                return Ok(Came::Unit(unit));
            }
            if self.ended {
                return Ok(self.splitter.finish().map_or(Came::End, Came::Unit));
            }
            match self.input.read(&mut piece, deadline).map_err(|error| error.to_string())? {
                Got::Bytes(count) => self.splitter.push(&piece[..count]),
                Got::Nothing => return Ok(Came::Nothing),
                Got::End => self.ended = true,
            }
        }
    }

    /// Begins again.
    pub fn rewind(&mut self) -> std::io::Result<()> {
        (self.splitter, self.ended) = (Splitter::default(), false);
        self.input.rewind_to(0)
    }
}
