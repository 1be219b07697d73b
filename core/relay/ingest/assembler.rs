//! Access units from RTP payloads that come in order (RFC 6184): whole, or not at all.
//!
//! Owns where a unit begins and ends, and the rule after a loss: nothing is given until a keyframe
//! with its parameter sets. Order, and asking again, are `reorder`'s business.

use crate::h264::{self, Sets};
use crate::media::annex_b::{self, DELIMITER, IDR, SLICE, SPS};
use crate::relay::peer::Packet;

/// More than any level of H.264 lets a picture of a live stream have.
const MOST_BYTES: usize = 8 << 20;
const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// Payload types of RFC 6184 §5.4 beside single units.
const STAP_A: u8 = 24;
const FU_A: u8 = 28;
const FU_START: u8 = 0x80;
const FU_END: u8 = 0x40;

/// A whole access unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Whole {
    /// In Annex B form; a keyframe's begin with its parameter sets.
    pub bytes: Vec<u8>,
    pub keyframe: bool,
    /// In units of media time, as the packets had it.
    pub time: u32,
}

pub struct Assembler {
    /// Of the unit that is being put together.
    time: Option<u32>,
    bytes: Vec<u8>,
    /// Whether a fragmented unit has begun and not ended.
    in_pieces: bool,
    /// Whether something of this unit is missing.
    broken: bool,
    /// Whether it is unknown what came before the next packet.
    torn: bool,
    needs_keyframe: bool,
    sets: Sets,
    /// Units left out since the last keyframe was missed.
    pub skipped: u64,
}

impl Assembler {
    pub fn new() -> Assembler {
        Assembler {
            time: None,
            bytes: vec![],
            in_pieces: false,
            broken: false,
            torn: true,
            needs_keyframe: true,
            sets: Sets::default(),
            skipped: 0,
        }
    }

    /// Whether nothing is given before the next keyframe.
    pub fn needs_keyframe(&self) -> bool {
        self.needs_keyframe
    }

    /// Gives nothing more before the next keyframe.
    pub fn need_keyframe(&mut self) {
        self.needs_keyframe = true;
    }

    /// Packets are missing for good before the next one.
    pub fn gap(&mut self) {
        (self.broken, self.torn, self.needs_keyframe) = (true, true, true);
    }

    pub fn take(&mut self, packet: &Packet, mut give: impl FnMut(Whole)) {
        // Padding, sent to find out how much the path carries.
        if packet.payload.is_empty() {
            return;
        }
        if self.time != Some(packet.time) {
            // The mark at the end of the one before is not to be relied on.
            self.finish().into_iter().for_each(&mut give);
            self.broken = self.torn && !begins_unit(&packet.payload);
            self.time = Some(packet.time);
        }
        self.torn = false;
        self.broken |= self.add(&packet.payload).is_none() || self.bytes.len() > MOST_BYTES;
        if self.broken {
            self.bytes.clear();
        }
        if packet.marker {
            self.finish().into_iter().for_each(&mut give);
        }
    }

    /// `None` when the payload cannot follow what came before it.
    fn add(&mut self, payload: &[u8]) -> Option<()> {
        let kind = payload[0] & 0x1f;
        match (kind, self.in_pieces) {
            (FU_A, in_pieces) => self.add_piece(payload, in_pieces),
            (1..=23, false) => {
                self.bytes.extend_from_slice(&START_CODE);
                self.bytes.extend_from_slice(payload);
                Some(())
            }
            (STAP_A, false) => {
                let units = h264::annex_b(&payload[1..], 2, &[]).ok()?;
                self.bytes.extend_from_slice(&units);
                Some(())
            }
            _ => None,
        }
    }

    fn add_piece(&mut self, payload: &[u8], in_pieces: bool) -> Option<()> {
        let [indicator, header, piece @ ..] = payload else { return None };
        let starts = header & FU_START != 0;
        if starts == in_pieces {
            return None;
        }
        if starts {
            self.bytes.extend_from_slice(&START_CODE);
            self.bytes.push(indicator & 0xe0 | header & 0x1f);
        }
        self.bytes.extend_from_slice(piece);
        self.in_pieces = header & FU_END == 0;
        Some(())
    }

    /// The unit that has come to its end, if it is one to be given.
    fn finish(&mut self) -> Option<Whole> {
        let time = self.time.take()?;
        let bytes = std::mem::take(&mut self.bytes);
        let is_broken = std::mem::take(&mut self.in_pieces) | std::mem::take(&mut self.broken);
        if is_broken {
            (self.needs_keyframe, self.skipped) = (true, self.skipped + 1);
            return None;
        }
        let has = |bytes: &[u8], kinds: &[u8]| {
            annex_b::units(bytes).any(|unit| kinds.contains(&annex_b::kind(unit)))
        };
        let has_picture = has(&bytes, &[SLICE, IDR]);
        let (bytes, keyframe) = self.sets.complete(bytes);
        // Parameter sets may come alone, for a keyframe that follows.
        if !has_picture {
            return None;
        }
        if self.needs_keyframe && !(keyframe && has(&bytes, &[SPS])) {
            self.skipped += 1;
            return None;
        }
        self.needs_keyframe = false;
        Some(Whole { bytes, keyframe, time })
    }
}

/// Whether an access unit begins with this payload, as far as it says so itself (clause 7.4.1.2.3).
fn begins_unit(payload: &[u8]) -> bool {
    let first = match payload {
        [head, _, _, first, ..] if head & 0x1f == STAP_A => *first,
        [head, header, ..] if head & 0x1f == FU_A && header & FU_START != 0 => *header,
        [first, ..] => *first,
        [] => return false,
    };
    matches!(first & 0x1f, DELIMITER | SPS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::annex_b::tests::annex_b;
    use crate::relay::packetizer::packetize;

    fn picture(keyframe: bool, fill: u8) -> Vec<Vec<u8>> {
        let slice = [if keyframe { 0x65 } else { 0x41 }].into_iter().chain([fill; 4000]).collect();
        match keyframe {
            true => vec![vec![0x67, 66, 0xc0, 31, 1], vec![0x68, 2, 3], slice],
            false => vec![slice],
        }
    }

    fn packets(units: &[Vec<u8>], time: u32) -> Vec<Packet> {
        let payloads = packetize(&annex_b(units));
        let last = payloads.len() - 1;
        let payloads = payloads.into_iter().enumerate();
        payloads
            .map(|(index, payload)| Packet { ssrc: 1, number: 0, time, marker: index == last, payload })
            .collect()
    }

    fn given(assembler: &mut Assembler, packets: &[Packet]) -> Vec<Whole> {
        let mut given = vec![];
        packets.iter().for_each(|packet| assembler.take(packet, |whole| given.push(whole)));
        given
    }

    fn begun() -> Assembler {
        let mut assembler = Assembler::new();
        assert_eq!(given(&mut assembler, &packets(&picture(true, 9), 1)).len(), 1);
        assembler
    }

    #[test]
    fn a_picture_comes_together_from_single_joined_and_cut_units() {
        let mut assembler = Assembler::new();
        let units = picture(true, 7);
        let whole = given(&mut assembler, &packets(&units, 90));
        assert_eq!(whole.len(), 1);
        assert_eq!(annex_b::units(&whole[0].bytes).collect::<Vec<_>>(), units);
        assert!(whole[0].keyframe && whole[0].time == 90);
        let small = vec![vec![0x41, 1, 2], vec![0x41, 3, 4]];
        let whole = given(&mut assembler, &packets(&small, 91));
        assert_eq!(annex_b::units(&whole[0].bytes).collect::<Vec<_>>(), small);
    }

    #[test]
    fn a_picture_without_a_mark_ends_where_the_next_begins() {
        let mut assembler = begun();
        let mut cut = packets(&picture(false, 7), 2);
        cut.last_mut().unwrap().marker = false;
        assert!(given(&mut assembler, &cut).is_empty());
        assert_eq!(given(&mut assembler, &packets(&picture(false, 8), 3)).len(), 2);
    }

    /// Whatever packet of a picture is missing, and be it a keyframe.
    #[test]
    fn after_a_loss_nothing_is_given_until_a_keyframe() {
        for (keyframe, lost) in [false, true].into_iter().flat_map(|key| (0..5).map(move |lost| (key, lost)))
        {
            let whole = packets(&picture(keyframe, 7), 2);
            let Some(after) = whole.get(lost + 1..) else { continue };
            let mut assembler = begun();
            let mut all = given(&mut assembler, &whole[..lost]);
            assembler.gap();
            all.extend(given(&mut assembler, after));
            all.extend(given(&mut assembler, &packets(&picture(false, 8), 3)));
            assert!(all.is_empty(), "packet {lost} is missing, keyframe {keyframe}");
            assert!(assembler.needs_keyframe());
            assert_eq!(given(&mut assembler, &packets(&picture(true, 9), 4)).len(), 1);
            assert_eq!(given(&mut assembler, &packets(&picture(false, 9), 5)).len(), 1);
        }
    }

    #[test]
    fn a_keyframe_without_parameter_sets_is_given_those_that_came_before() {
        let mut assembler = Assembler::new();
        let units = picture(true, 7);
        assert!(given(&mut assembler, &packets(&units[2..], 1)).is_empty(), "none are known yet");
        given(&mut assembler, &packets(&units[..2], 2));
        let whole = given(&mut assembler, &packets(&units[2..], 3));
        assert_eq!(annex_b::units(&whole[0].bytes).collect::<Vec<_>>(), units);
    }

    #[test]
    fn what_is_not_of_this_format_breaks_its_picture_and_nothing_else() {
        for payload in
            [&[0u8][..], &[24], &[24, 0, 9, 1], &[28, 0x80], &[28], &[28, 0x05, 1], &[29, 1, 1, 1], &[31]]
        {
            let mut assembler = begun();
            let mut cut = packets(&picture(false, 7), 2);
            cut[0].payload = bytes::Bytes::copy_from_slice(payload);
            assert!(given(&mut assembler, &cut).is_empty(), "{payload:?}");
            assert_eq!(given(&mut assembler, &packets(&picture(true, 9), 3)).len(), 1, "{payload:?}");
        }
    }

    #[test]
    fn padding_and_a_picture_that_never_ends_are_borne() {
        let mut assembler = begun();
        let mut padding = packets(&picture(false, 7), 9)[0].clone();
        padding.payload = bytes::Bytes::new();
        assert!(given(&mut assembler, &[padding]).is_empty());
        assert_eq!(given(&mut assembler, &packets(&picture(false, 7), 2)).len(), 1);
        let mut endless = packets(&picture(false, 7), 3)[0].clone();
        endless.payload = vec![0x41; 1 << 16].into();
        (0..1000).for_each(|_| assembler.take(&endless, |_| panic!("it is not whole")));
        assert!(assembler.bytes.capacity() <= 2 * MOST_BYTES);
    }
}
