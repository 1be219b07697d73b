//! H.264 profiles: which one a stream is of, and which decoders can play it.

use crate::media::annex_b::{self, SPS};

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
    pub fn of_stream(bytes: &[u8]) -> Option<Profile> {
        let sps = annex_b::units(bytes).find(|unit| annex_b::kind(unit) == SPS)?;
        let [_, idc, constraints, ..] = sps else { return None };
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
mod tests {
    use super::*;
    use crate::media::annex_b::tests::annex_b;

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
