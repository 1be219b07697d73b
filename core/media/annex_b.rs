//! H.264 as access units carry it: NAL units behind start codes (ITU-T H.264 annex B).
//!
//! Owns where each unit begins and ends, and what it says it is. What is in one is for whoever
//! encodes, decodes or sends it.

/// `nal_unit_type` (table 7-1).
pub const SLICE: u8 = 1;
pub const IDR: u8 = 5;
pub const SEI: u8 = 6;
pub const SPS: u8 = 7;
pub const PPS: u8 = 8;
pub const DELIMITER: u8 = 9;
pub const END_OF_SEQUENCE: u8 = 10;
pub const END_OF_STREAM: u8 = 11;
pub const FILLER: u8 = 12;

/// The units of `bytes` in order, start codes and padding left out; none is empty. What stands
/// before the first start code is passed over.
pub fn units(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = start_code(bytes, 0).map(|at| &bytes[at + 3..]);
    std::iter::from_fn(move || {
        let from = rest.take()?;
        let next = start_code(from, 0);
        rest = next.map(|at| &from[at + 3..]);
        Some(&from[..next.unwrap_or(from.len())])
    })
    .map(without_trailing_zeros)
    .filter(|unit| !unit.is_empty())
}

/// The type of a unit that is not empty.
pub fn kind(unit: &[u8]) -> u8 {
    unit[0] & 0x1f
}

/// Whether `bytes` hold an IDR picture.
pub fn is_keyframe(bytes: &[u8]) -> bool {
    units(bytes).any(|unit| kind(unit) == IDR)
}

/// Where the next `00 00 01` begins, from `at` on.
pub fn start_code(bytes: &[u8], mut at: usize) -> Option<usize> {
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
pub mod tests {
    use super::*;

    /// Units behind start codes of both lengths.
    pub fn annex_b(units: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = vec![];
        for (index, unit) in units.iter().enumerate() {
            bytes.extend_from_slice(if index % 2 == 0 { &[0, 0, 0, 1] } else { &[0, 0, 1] });
            bytes.extend_from_slice(unit);
        }
        bytes
    }

    #[test]
    fn units_are_found_behind_long_and_short_start_codes() {
        let expected = vec![vec![0x67, 1], vec![0x68, 0, 0, 3, 1], vec![0x65, 9, 9]];
        let bytes = annex_b(&expected);
        assert_eq!(units(&bytes).collect::<Vec<_>>(), expected);
        assert!(is_keyframe(&bytes) && !is_keyframe(&annex_b(&expected[..2])));
    }

    #[test]
    fn noise_is_read_without_fault() {
        for length in 0..64 {
            let noise: Vec<u8> = (0..length).map(|n| [0, 0, 1, 0, 3][(n * n) % 5]).collect();
            assert!(units(&noise).all(|unit| !unit.is_empty()));
        }
    }
}
