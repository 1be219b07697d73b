//! NAL units: where they begin and end in Annex B bytes, and what each is.
//!
//! Owns the two forms that units come in (start codes, lengths) and the way from one to the other.

/// `nal_unit_type` (ITU-T H.264 table 7-1).
pub(super) const SLICE: u8 = 1;
pub(super) const IDR: u8 = 5;
pub(super) const SEI: u8 = 6;
pub(super) const SPS: u8 = 7;
pub(super) const PPS: u8 = 8;
pub(super) const DELIMITER: u8 = 9;

pub(super) const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// The units of Annex B bytes in order, start codes and padding left out; none is empty.
pub fn units(annex_b: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = start_code(annex_b, 0).map(|at| &annex_b[at + 3..]);
    std::iter::from_fn(move || {
        let from = rest.take()?;
        let next = start_code(from, 0);
        rest = next.map(|at| &from[at + 3..]);
        Some(&from[..next.unwrap_or(from.len())])
    })
    .map(without_trailing_zeros)
    .filter(|unit| !unit.is_empty())
}

/// What a unit, which is not empty, holds.
pub fn kind(unit: &[u8]) -> u8 {
    unit[0] & 0x1f
}

/// Whether Annex B bytes hold an IDR picture.
pub fn is_keyframe(annex_b: &[u8]) -> bool {
    units(annex_b).any(|unit| kind(unit) == IDR)
}

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

/// Where the next `00 00 01` begins, from `at` on.
pub(super) fn start_code(bytes: &[u8], mut at: usize) -> Option<usize> {
    // Every start code holds a 1 as its third byte: looking at that place first skips most others.
    while at + 2 < bytes.len() {
        match bytes[at + 2] {
            1 if bytes[at] == 0 && bytes[at + 1] == 0 => return Some(at),
            0 => at += 1,
            _ => at += 3,
        }
    }
    None
}

/// The zero before a four-byte start code, and padding, belong to no unit (clause B.1).
fn without_trailing_zeros(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    &bytes[..end]
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
