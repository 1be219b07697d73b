//! Access units from what an encoder gives: complete, each of one picture.
//!
//! Owns what drivers differ in: some give the parameter sets once, some in a buffer of their own.

use crate::h264::{Sets, is_b_picture};
use crate::media::annex_b::{self, IDR, SLICE};

/// What pictures are encoded as.
#[derive(Clone, Copy, Debug)]
pub enum Coding {
    H264,
    /// Another codec, by which the machinery is tried where there is no encoder of H.264. What it gives goes on
    /// as it is.
    Other {
        /// As the kernel calls it.
        fourcc: [u8; 4],
        is_keyframe: fn(&[u8]) -> bool,
    },
}

impl Coding {
    pub(super) fn fourcc(self) -> [u8; 4] {
        match self {
            Coding::H264 => *b"H264",
            Coding::Other { fourcc, .. } => fourcc,
        }
    }
}

/// An access unit's bytes, and whether it is a keyframe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    pub bytes: Vec<u8>,
    pub keyframe: bool,
}

/// Pictures that may be shown before some that came earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OutOfOrder;

/// What an encoder gives, in turn.
pub(super) struct Units {
    coding: Coding,
    sets: Sets,
    /// What came without a picture, and belongs to the next.
    before: Vec<u8>,
}

impl Units {
    pub fn new(coding: Coding) -> Units {
        Units { coding, sets: Sets::default(), before: Vec::new() }
    }

    /// The access unit that is whole with `bytes`, if one is.
    pub fn take(&mut self, bytes: Vec<u8>) -> Result<Option<Unit>, OutOfOrder> {
        if let Coding::Other { is_keyframe, .. } = self.coding {
            return Ok(Some(Unit { keyframe: is_keyframe(&bytes), bytes }));
        }
        let bytes = match self.before.is_empty() {
            true => bytes,
            false => [std::mem::take(&mut self.before), bytes].concat(),
        };
        // Slices may come in partitions, of types between these two (table 7-1).
        if !annex_b::units(&bytes).any(|unit| (SLICE..=IDR).contains(&annex_b::kind(unit))) {
            self.before = bytes;
            return Ok(None);
        }
        if is_b_picture(&bytes) {
            return Err(OutOfOrder);
        }
        let (bytes, keyframe) = self.sets.complete(bytes);
        Ok(Some(Unit { bytes, keyframe }))
    }
}
