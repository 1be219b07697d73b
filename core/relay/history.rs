//! The packets a stream sent last, kept once for all viewers so that lost ones can be sent again.
//!
//! Owns the ring of payloads. Which viewer knows a packet by which number is `sequencer`'s
//! business.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::media::MediaTime;

/// Packets kept: about four seconds of a 2.5 Mb/s stream.
pub const MOST_PACKETS: usize = 1024;

/// One packet as all viewers share it.
#[derive(Clone, Debug)]
pub struct Shared {
    pub payload: Bytes,
    pub time: MediaTime,
    /// The temporal layer of its picture.
    pub layer: u8,
    /// The last packet of its access unit.
    pub marker: bool,
}

/// The ring. Packets are counted from zero for the life of the stream.
#[derive(Default)]
pub struct History {
    packets: VecDeque<Shared>,
    /// The count of the oldest packet kept.
    first: u64,
}

impl History {
    /// Keeps `packet` and gives its count; the oldest one goes when the ring is full.
    pub fn keep(&mut self, packet: Shared) -> u64 {
        if self.packets.len() == MOST_PACKETS {
            self.packets.pop_front();
            self.first += 1;
        }
        self.packets.push_back(packet);
        self.first + self.packets.len() as u64 - 1
    }

    /// Packet number `count`, unless it is gone or was never there.
    pub fn get(&self, count: u64) -> Option<&Shared> {
        self.packets.get(usize::try_from(count.checked_sub(self.first)?).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept_and_the_oldest_forgotten() {
        let mut history = History::default();
        let packet = |n: u64| Shared {
            payload: Bytes::from(n.to_be_bytes().to_vec()),
            time: MediaTime(n as u32),
            layer: 0,
            marker: false,
        };
        for n in 0..MOST_PACKETS as u64 + 10 {
            assert_eq!(history.keep(packet(n)), n);
        }
        assert!(history.get(9).is_none());
        assert_eq!(history.get(10).unwrap().time, MediaTime(10));
        assert!(history.get(MOST_PACKETS as u64 + 10).is_none());
    }
}
