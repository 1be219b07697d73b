//! Parameter sets, kept so that every keyframe can begin with them.

use super::nal::START_CODE;
use crate::media::annex_b::{self, PPS, SPS};

/// The parameter sets a stream last gave, in Annex B form.
#[derive(Clone, Debug, Default)]
pub struct Sets(Vec<u8>);

impl Sets {
    /// Sets that came beside the stream, as those of an MP4 file and of a session description do.
    pub fn of<'a>(units: impl IntoIterator<Item = &'a [u8]>) -> Sets {
        let mut bytes = Vec::new();
        units.into_iter().for_each(|unit| push(&mut bytes, unit));
        Sets(bytes)
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// `unit` with the sets before it when it is a keyframe that came without, and whether it is a
    /// keyframe. Sets that it holds are kept for later ones.
    pub fn complete(&mut self, unit: Vec<u8>) -> (Vec<u8>, bool) {
        let own: Vec<&[u8]> =
            annex_b::units(&unit).filter(|unit| matches!(annex_b::kind(unit), SPS | PPS)).collect();
        let keyframe = annex_b::is_keyframe(&unit);
        if own.iter().any(|unit| annex_b::kind(unit) == SPS) {
            *self = Sets::of(own);
            return (unit, keyframe);
        }
        match keyframe && !self.0.is_empty() {
            true => ([self.bytes(), &unit].concat(), true),
            false => (unit, keyframe),
        }
    }
}

fn push(bytes: &mut Vec<u8>, unit: &[u8]) {
    bytes.extend_from_slice(&START_CODE);
    bytes.extend_from_slice(unit);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyframe_without_parameter_sets_is_given_the_last_ones() {
        let mut sets = Sets::default();
        let first = Sets::of([&[0x67, 1][..], &[0x68, 2], &[0x65, 3]]).0;
        assert_eq!(sets.complete(first.clone()), (first.clone(), true));
        assert_eq!(sets.complete(Sets::of([&[0x65, 3][..]]).0), (first, true));
        let between = Sets::of([&[0x41, 3][..]]).0;
        assert_eq!(sets.complete(between.clone()), (between, false));
    }
}
