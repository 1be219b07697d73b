//! An Annex B byte stream, cut into access units as it comes.
//!
//! Owns the bytes of the unit that is still coming, and how many they may be.

use crate::media::annex_b::{DELIMITER, IDR, PPS, SEI, SLICE, SPS, start_code};

/// No level of H.264 lets one picture be larger by far.
const MOST: usize = 16 << 20;

/// A picture that never ends: the bytes are no Annex B stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

/// Cuts a byte stream into access units. A unit is whole once the next one has begun, or at the end.
#[derive(Default)]
pub struct Splitter {
    bytes: Vec<u8>,
    /// Up to where `bytes` has been searched.
    searched: usize,
    /// Whether a slice has been seen since the unit began.
    has_picture: bool,
}

impl Splitter {
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// How many bytes are waiting for the rest of their unit.
    pub fn waiting(&self) -> usize {
        self.bytes.len()
    }

    /// The next access unit that is whole.
    ///
    /// # Errors
    /// [`TooLong`] when more bytes are waiting than a picture can have.
    pub fn next_unit(&mut self) -> Result<Option<Vec<u8>>, TooLong> {
        while let Some(at) = start_code(&self.bytes, self.searched) {
            let [header, first, ..] = self.bytes[at + 3..] else {
                self.searched = at;
                return Ok(None);
            };
            let slice = matches!(header & 0x1f, SLICE | IDR);
            // A slice whose first block is block 0 (a single bit 1) begins a picture (clause 7.4.1.2.3).
            let begins = match header & 0x1f {
                SEI | SPS | PPS | DELIMITER | 14..=18 => true,
                _ => slice && first & 0x80 != 0,
            };
            if begins && self.has_picture {
                return Ok(Some(self.take(at)));
            }
            self.has_picture |= slice;
            self.searched = at + 3;
        }
        self.searched = self.searched.max(self.bytes.len().saturating_sub(3));
        if self.bytes.len() > MOST { Err(TooLong) } else { Ok(None) }
    }

    /// What is left at the end of the stream.
    pub fn finish(&mut self) -> Option<Vec<u8>> {
        let had_picture = self.has_picture;
        let rest = std::mem::take(self).bytes;
        had_picture.then_some(rest)
    }

    fn take(&mut self, at: usize) -> Vec<u8> {
        let rest = self.bytes.split_off(at);
        let unit = std::mem::replace(&mut self.bytes, rest);
        (self.searched, self.has_picture) = (0, false);
        unit
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::annex_b;

    /// Two pictures, the first of two slices.
    const STREAM: [&[u8]; 6] =
        [&[0x67, 1, 2], &[0x68, 3], &[0x65, 0x88, 4], &[0x65, 0x44, 5], &[0x41, 0x9a, 6], &[0x41, 0x44, 7]];

    fn cut(pieces: usize) -> Vec<usize> {
        let bytes: Vec<u8> = STREAM.iter().flat_map(|unit| [&[0, 0, 0, 1][..], unit].concat()).collect();
        let mut splitter = Splitter::default();
        let mut lengths = Vec::new();
        for piece in bytes.chunks(pieces) {
            splitter.push(piece);
            while let Some(unit) = splitter.next_unit().unwrap() {
                lengths.push(annex_b::units(&unit).count());
            }
        }
        lengths.extend(splitter.finish().map(|unit| annex_b::units(&unit).count()));
        lengths
    }

    #[test]
    fn pictures_are_found_whatever_pieces_the_stream_comes_in() {
        for pieces in 1..40 {
            assert_eq!(cut(pieces), [4, 2], "in pieces of {pieces}");
        }
    }

    #[test]
    fn what_never_ends_is_refused_before_memory_is() {
        let mut splitter = Splitter::default();
        let bytes = vec![7; 1 << 20];
        let refused = (0..100).any(|_| {
            splitter.push(&bytes);
            splitter.next_unit() == Err(TooLong)
        });
        assert!(refused && splitter.waiting() <= MOST + bytes.len());
    }
}
