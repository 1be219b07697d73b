//! Cuts one access unit into RTP payloads (RFC 6184, `packetization-mode=1`), once for all viewers.
//!
//! Owns the cutting and nothing else: sequence numbers, SSRC, header extensions and encryption
//! differ from viewer to viewer and are added there.

use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};

use crate::media::annex_b::{self, DELIMITER, END_OF_SEQUENCE, END_OF_STREAM, FILLER, PPS, SPS};

/// The most bytes in one payload. With the RTP header (12), our header extensions (20), the two
/// bytes RTX puts in front and the SRTP tag (16) a packet stays within 1200 bytes, which every
/// path in use carries whole.
pub const MOST_PAYLOAD: usize = 1140;

const STAP_A: u8 = 24;
const FU_A: u8 = 28;
const START: u8 = 0x80;
const END: u8 = 0x40;

/// The payloads of one access unit in order. They share one allocation.
///
/// Parameter sets that stand together travel together (STAP-A); a NAL unit that fits travels
/// alone; any other is cut in pieces of equal length with the rest last (FU-A), so that a run of
/// packets can leave in one segmented send.
pub fn packetize(unit: &[u8]) -> Vec<Bytes> {
    let mut cut = Cut { bytes: BytesMut::with_capacity(unit.len() + unit.len() / 64 + 64), payloads: vec![] };
    let mut together: Vec<&[u8]> = vec![];
    for unit in annex_b::units(unit) {
        match annex_b::kind(unit) {
            // Delimiters and filling say nothing that RTP does not.
            DELIMITER | FILLER | END_OF_SEQUENCE | END_OF_STREAM => {}
            SPS | PPS => together.push(unit),
            _ => {
                cut.parameter_sets(&std::mem::take(&mut together));
                cut.unit(unit);
            }
        }
    }
    cut.parameter_sets(&together);
    cut.finish()
}

struct Cut {
    bytes: BytesMut,
    payloads: Vec<Range<usize>>,
}

impl Cut {
    fn parameter_sets(&mut self, sets: &[&[u8]]) {
        let length: usize = 1 + sets.iter().map(|set| 2 + set.len()).sum::<usize>();
        if sets.len() < 2 || length > MOST_PAYLOAD {
            return sets.iter().for_each(|set| self.unit(set));
        }
        let importance = sets.iter().map(|set| set[0] & 0x60).max().unwrap_or(0);
        self.payload(|bytes| {
            bytes.put_u8(importance | STAP_A);
            for set in sets {
                bytes.put_u16(set.len() as u16);
                bytes.put_slice(set);
            }
        });
    }

    fn unit(&mut self, unit: &[u8]) {
        if unit.len() <= MOST_PAYLOAD {
            return self.payload(|bytes| bytes.put_slice(unit));
        }
        let (header, body) = (unit[0], &unit[1..]);
        let pieces = body.chunks(MOST_PAYLOAD - 2);
        let last = pieces.len() - 1;
        for (index, piece) in pieces.enumerate() {
            let edge = match index {
                0 => START,
                index if index == last => END,
                _ => 0,
            };
            self.payload(|bytes| {
                bytes.put_u8(header & 0x60 | FU_A);
                bytes.put_u8(edge | header & 0x1f);
                bytes.put_slice(piece);
            });
        }
    }

    fn payload(&mut self, write: impl FnOnce(&mut BytesMut)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        self.payloads.push(start..self.bytes.len());
    }

    fn finish(self) -> Vec<Bytes> {
        let all = self.bytes.freeze();
        self.payloads.into_iter().map(|range| all.slice(range)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::annex_b::tests::annex_b;
    use crate::relay::tests::depacketizer::depacketize;

    #[test]
    fn what_is_cut_comes_together_again() {
        for length in [2, MOST_PAYLOAD, MOST_PAYLOAD + 1, 2 * (MOST_PAYLOAD - 2) + 1, 100_000] {
            let slice: Vec<u8> =
                std::iter::once(0x65).chain((1..length).map(|n| (n % 251) as u8 | 1)).collect();
            let units = vec![vec![0x67, 0x42, 0xc0, 0x1f], vec![0x68, 1, 2], slice];
            let payloads = packetize(&annex_b(&units));
            assert!(payloads.iter().all(|payload| payload.len() <= MOST_PAYLOAD));
            assert_eq!(depacketize(&payloads), units, "length {length}");
        }
    }

    #[test]
    fn parameter_sets_share_one_packet_and_delimiters_are_left_out() {
        let units = vec![vec![9, 0xf0], vec![0x67, 1, 2], vec![0x68, 3], vec![0x65, 4]];
        let payloads = packetize(&annex_b(&units));
        assert_eq!(payloads.len(), 2);
        assert_eq!(payloads[0][..], [0x78, 0, 3, 0x67, 1, 2, 0, 2, 0x68, 3]);
    }

    #[test]
    fn pieces_are_equal_but_for_the_last() {
        let unit: Vec<u8> = std::iter::once(0x41).chain((0..5000).map(|_| 7)).collect();
        let payloads = packetize(&annex_b(&[unit]));
        let lengths: Vec<usize> = payloads.iter().map(Bytes::len).collect();
        assert!(lengths[..lengths.len() - 1].iter().all(|&length| length == MOST_PAYLOAD), "{lengths:?}");
    }

    #[test]
    fn nothing_in_gives_nothing_out() {
        assert!(packetize(&[]).is_empty());
        assert!(packetize(&[0, 0, 1]).is_empty());
    }
}
