//! NAL units in Annex B: where each begins and ends, what it is, and which profile an SPS declares.
//!
//! Reads only what the relay needs of H.264; pictures are the encoder's business.

pub const SPS: u8 = 7;
pub const PPS: u8 = 8;
pub const DELIMITER: u8 = 9;
pub const END_OF_SEQUENCE: u8 = 10;
pub const END_OF_STREAM: u8 = 11;
pub const FILLER: u8 = 12;

/// One NAL unit without its start code; never empty.
#[derive(Clone, Copy, Debug)]
pub struct Nal<'a> {
    pub bytes: &'a [u8],
}

impl Nal<'_> {
    /// `nal_unit_type` (ITU-T H.264 table 7-1).
    pub fn kind(&self) -> u8 {
        self.bytes[0] & 0x1f
    }
}

/// The NAL units of an Annex B byte stream in order; what stands before the first start code is
/// passed over.
pub fn units(annex_b: &[u8]) -> impl Iterator<Item = Nal<'_>> {
    let mut rest = start_code(annex_b, 0).map(|at| &annex_b[at + 3..]);
    std::iter::from_fn(move || {
        let from = rest.take()?;
        let next = start_code(from, 0);
        rest = next.map(|at| &from[at + 3..]);
        Some(&from[..next.unwrap_or(from.len())])
    })
    .map(|bytes| Nal { bytes: without_trailing_zeros(bytes) })
    .filter(|unit| !unit.bytes.is_empty())
}

/// Where the next `00 00 01` begins, from `at` on.
fn start_code(bytes: &[u8], mut at: usize) -> Option<usize> {
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

/// The zero before a four-byte start code, and padding, belong to no unit (H.264 Annex B.1).
fn without_trailing_zeros(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    &bytes[..end]
}

/// What a decoder must be able to do, as far as a viewer's offer speaks of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    ConstrainedBaseline,
    Baseline,
    Main,
    High,
    Other,
}

impl Profile {
    /// From `profile_idc` and the constraint flags that follow it (RFC 6184 table 5).
    pub fn of(idc: u8, constraints: u8) -> Profile {
        let constrained = constraints & 0x40 != 0;
        match idc {
            66 if constrained => Profile::ConstrainedBaseline,
            66 => Profile::Baseline,
            // A main stream that also keeps to baseline is constrained baseline.
            77 if constraints & 0x80 != 0 => Profile::ConstrainedBaseline,
            77 => Profile::Main,
            100 => Profile::High,
            _ => Profile::Other,
        }
    }

    /// The profile of a stream by the first SPS in an access unit of it.
    pub fn of_stream(annex_b: &[u8]) -> Option<Profile> {
        let sps = units(annex_b).find(|unit| unit.kind() == SPS)?;
        let [_, idc, constraints, ..] = sps.bytes else { return None };
        Some(Profile::of(*idc, *constraints))
    }

    /// How well a decoder for `decoder` suits a stream of this profile: 0 is exact, more is a
    /// decoder that can do more than it needs to, `None` one that cannot.
    pub fn fit(self, decoder: Profile) -> Option<u8> {
        const WIDER: [Profile; 4] =
            [Profile::ConstrainedBaseline, Profile::Baseline, Profile::Main, Profile::High];
        let place = |profile| WIDER.iter().position(|&p| p == profile);
        match (self, decoder) {
            (stream, decoder) if stream == decoder => Some(0),
            // Baseline's extra tools (FMO, ASO) are not in main and high.
            (Profile::Baseline, _) => None,
            (Profile::Main, Profile::High) => Some(1),
            (Profile::ConstrainedBaseline, decoder) => place(decoder).map(|place| place as u8),
            _ => None,
        }
    }
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
        let found: Vec<Vec<u8>> = units(&bytes).map(|unit| unit.bytes.to_vec()).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn noise_is_read_without_fault() {
        for length in 0..64 {
            let noise: Vec<u8> = (0..length).map(|n| [0, 0, 1, 0, 3][(n * n) % 5]).collect();
            assert!(units(&noise).all(|unit| !unit.bytes.is_empty()));
        }
    }

    #[test]
    fn a_constrained_baseline_stream_plays_on_every_decoder_and_prefers_its_own() {
        let stream = Profile::of_stream(&annex_b(&[vec![0x67, 66, 0xc0, 31, 1]])).unwrap();
        assert_eq!(stream, Profile::ConstrainedBaseline);
        assert_eq!(stream.fit(Profile::of(0x42, 0xe0)), Some(0));
        assert_eq!(stream.fit(Profile::of(0x42, 0x00)), Some(1));
        assert_eq!(stream.fit(Profile::of(0x64, 0x0c)), Some(3));
        assert_eq!(Profile::High.fit(Profile::ConstrainedBaseline), None);
    }
}
