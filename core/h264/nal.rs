//! NAL units as containers keep them, with a length before each, and what their headers tell.

use crate::media::annex_b::{SLICE, kind, units};

/// Before each unit in Annex B form.
pub(super) const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// Whether Annex B bytes hold a picture that may be shown before one that came earlier.
pub fn is_b_picture(annex_b: &[u8]) -> bool {
    units(annex_b).filter(|unit| kind(unit) == SLICE).any(|unit| matches!(slice_type(unit), Some(1 | 6)))
}

/// `slice_type` (table 7-6): the second value of a slice's header.
fn slice_type(unit: &[u8]) -> Option<u32> {
    let mut bits = Bits { bytes: unit.get(1..)?, at: 0 };
    bits.exp_golomb()?;
    bits.exp_golomb()
}

/// The first bits of a slice header. They cannot hold an emulation prevention byte: the first value
/// that would need one is larger than any picture has blocks.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn bit(&mut self) -> Option<u32> {
        let byte = self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(u32::from(bit))
    }

    /// `ue(v)` (clause 9.1).
    fn exp_golomb(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.bit()? == 0 {
            zeros += 1;
            if zeros > 24 {
                return None;
            }
        }
        let mut value = 1;
        for _ in 0..zeros {
            value = value << 1 | self.bit()?;
        }
        Some(value - 1)
    }
}

/// Units with a length before each, as MP4 keeps them, in Annex B form after `before`.
///
/// # Errors
/// The offset in `bytes` of a unit that goes on past their end.
pub fn annex_b(bytes: &[u8], length_bytes: usize, before: &[u8]) -> Result<Vec<u8>, usize> {
    let mut out = Vec::with_capacity(before.len() + bytes.len() + 16);
    out.extend_from_slice(before);
    let mut at = 0;
    while at < bytes.len() {
        let unit = bytes[at..].split_at_checked(length_bytes).and_then(|(length, rest)| {
            let length = length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            rest.get(..length)
        });
        let unit = unit.ok_or(at)?;
        if !unit.is_empty() {
            out.extend_from_slice(&START_CODE);
            out.extend_from_slice(unit);
        }
        at += length_bytes + unit.len();
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_become_start_codes_and_a_length_past_the_end_is_told_with_its_place() {
        let bytes = [0, 2, 0x65, 9, 0, 1, 0x41];
        let made = annex_b(&bytes, 2, &[]).unwrap();
        assert_eq!(units(&made).collect::<Vec<_>>(), [&[0x65, 9][..], &[0x41][..]]);
        assert_eq!(annex_b(&bytes[..6], 2, &[]), Err(4));
        assert_eq!(annex_b(&[0xff; 4], 4, &[]), Err(0));
    }

    #[test]
    fn b_pictures_are_known_by_their_slice_header() {
        // first_mb_in_slice 0 is `1`; slice types 0, 1 and 6 are `1`, `010` and `00111`.
        let slice = |bits: u8| [0, 0, 1, 0x41, bits, 0x80];
        assert!(!is_b_picture(&slice(0b1100_0000)));
        assert!(is_b_picture(&slice(0b1010_0000)));
        assert!(is_b_picture(&slice(0b1001_1100)));
    }
}
