//! One publisher: its packets become access units for one node, and it hears what is missing.
//!
//! Owns when it is asked for a keyframe, and what ends it. Knows nothing of sockets and reads no clock.

use std::time::{Duration, Instant};

use super::assembler::{Assembler, Whole};
use super::entrance::{Inlet, Passed};
use super::reorder::{Next, Reorder};
use crate::h264;
use crate::node::{Counter, Counters};
use crate::relay::connection::{Connection, PAUSE};
use crate::relay::demux::{Demux, PeerId};
use crate::relay::fanout::How;
use crate::relay::peer::{Happening, Packet, Peer};
use crate::relay::stream::StreamId;

/// From one request for a keyframe to the next: the way there and back, and the time it takes to encode.
const KEYFRAME_PAUSE: Duration = Duration::from_millis(300);
/// Units of media time in a second.
const CLOCK: u64 = 90_000;

pub struct Publisher {
    pub connection: Connection,
    /// The node it publishes to.
    pub entrance: StreamId,
    inlet: Inlet,
    began: bool,
    ssrc: Option<u32>,
    reorder: Reorder,
    assembler: Assembler,
    clock: Clock,
    /// A keyframe is needed, and when one was asked for last.
    wanted: bool,
    asked: Option<Instant>,
    /// When it has something to ask for again.
    due: Option<Instant>,
    tally: Tally,
}

/// What the node counts about its publishers.
struct Tally {
    lost: Counter,
    asked_again: Counter,
    keyframes_asked: Counter,
    skipped: Counter,
    dropped: Counter,
}

impl Publisher {
    pub fn new(
        now: Instant,
        id: PeerId,
        session: String,
        peer: Peer,
        entrance: StreamId,
        (inlet, counters): (Inlet, &Counters),
    ) -> Publisher {
        Publisher {
            connection: Connection::new(now, id, session, peer),
            entrance,
            inlet,
            began: false,
            ssrc: None,
            reorder: Reorder::default(),
            assembler: Assembler::new(),
            clock: Clock::default(),
            wanted: false,
            asked: None,
            due: None,
            tally: Tally {
                lost: counters.named("lost_packets"),
                asked_again: counters.named("packets_asked_again"),
                keyframes_asked: counters.named("keyframes_asked"),
                skipped: counters.named("skipped_to_keyframe"),
                dropped: counters.named("dropped"),
            },
        }
    }

    pub fn deadline(&self) -> Option<Instant> {
        [self.connection.deadline(), self.due].into_iter().flatten().min()
    }

    /// The node needs a keyframe.
    pub fn need_keyframe(&mut self, now: Instant) {
        self.wanted = true;
        self.flush(now);
    }

    /// Takes out what the connection has to say and acts on it. Gives how it ended, if it has.
    pub fn settle(&mut self, now: Instant, demux: &mut Demux) -> Option<How> {
        let mut over = None;
        for happening in self.connection.settle(now, demux) {
            match happening {
                Happening::Connected => {
                    self.began = true;
                    self.inlet.began();
                }
                Happening::Packet(packet) => self.packet(now, packet),
                Happening::Gone(why) => over = Some(How::By(why)),
                Happening::Reached(_) | Happening::Renamed | Happening::Feedback(_) => {}
            }
        }
        over = over.or(self.advance(now));
        self.flush(now);
        over
    }

    /// Tells the node that nothing more comes, if anything did.
    pub fn ended(&self, how: How) {
        if self.began {
            self.inlet.ended(how);
        }
    }

    fn packet(&mut self, now: Instant, packet: Packet) {
        if self.ssrc.replace(packet.ssrc) != Some(packet.ssrc) {
            // It has begun, or begun anew with numbers and times of another beginning: with a keyframe
            // anyway, and one that was asked for as well would be one too many.
            (self.reorder, self.clock) = (Reorder::default(), Clock::default());
            self.asked = Some(now);
        }
        self.reorder.push(now, packet);
    }

    /// Gives the node all that is whole.
    fn advance(&mut self, now: Instant) -> Option<How> {
        let mut over = None;
        while let Some(next) = self.reorder.pop(now) {
            match next {
                Next::Gap(count) => {
                    self.tally.lost.add(count);
                    self.assembler.gap();
                }
                Next::Packet(packet) => {
                    let mut whole = [None, None];
                    let mut places = whole.iter_mut();
                    self.assembler.take(&packet, |unit| {
                        if let Some(place) = places.next() {
                            *place = Some(unit);
                        }
                    });
                    for unit in whole.into_iter().flatten() {
                        over = over.or(self.give(now, unit));
                    }
                }
            }
        }
        self.tally.skipped.add(std::mem::take(&mut self.assembler.skipped));
        self.wanted |= self.assembler.needs_keyframe();
        over
    }

    fn give(&mut self, now: Instant, whole: Whole) -> Option<How> {
        if h264::is_b_picture(&whole.bytes) {
            tracing::warn!(
                "a publisher sends B-pictures, which come in another order than they are shown in, and was sent \
                 off; switch them off where it encodes (OBS: profile baseline, x264: bframes=0)"
            );
            return Some(How::Closed);
        }
        if whole.keyframe {
            self.wanted = false;
        }
        let elapsed = self.clock.elapsed(whole.time);
        match self.inlet.pass(whole.bytes, whole.keyframe, elapsed, now) {
            Passed::Taken => None,
            Passed::Full => {
                self.tally.dropped.add(1);
                self.assembler.need_keyframe();
                None
            }
            Passed::Closed => Some(How::Closed),
        }
    }

    /// Says what is to be said now, and sees when there is something to say again.
    fn flush(&mut self, now: Instant) {
        self.ask(now);
        self.connection.flush(now);
        let keyframe = self.asked.filter(|_| self.wanted && self.ssrc.is_some());
        let keyframe = keyframe.map(|asked| asked + KEYFRAME_PAUSE);
        let due = [self.reorder.deadline(), keyframe].into_iter().flatten().min();
        self.due = due.map(|at| at.max(now + PAUSE));
    }

    /// Asks for what is missing, and for a keyframe if it is time.
    fn ask(&mut self, now: Instant) {
        let Some(ssrc) = self.ssrc else { return };
        let missing = self.reorder.ask(now);
        if !missing.is_empty() {
            self.tally.asked_again.add(missing.len() as u64);
            self.connection.peer.ask_again(now, ssrc, &missing);
        }
        if self.wanted && self.asked.is_none_or(|asked| now >= asked + KEYFRAME_PAUSE) {
            self.asked = Some(now);
            self.tally.keyframes_asked.add(1);
            self.connection.peer.ask_for_keyframe(now, ssrc);
        }
    }
}

/// A publisher's clock, past the wrap of its 32 bits.
#[derive(Default)]
struct Clock {
    last: Option<u32>,
    total: i64,
}

impl Clock {
    /// How long after the first picture the one of `time` is.
    fn elapsed(&mut self, time: u32) -> Duration {
        let last = self.last.replace(time).unwrap_or(time);
        self.total += i64::from(time.wrapping_sub(last) as i32);
        let total = u64::try_from(self.total).unwrap_or(0);
        Duration::from_nanos((u128::from(total) * 1_000_000_000 / u128::from(CLOCK)) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_goes_on_past_its_wrap() {
        let mut clock = Clock::default();
        let begun = u32::MAX - 45_000;
        assert_eq!(clock.elapsed(begun), Duration::ZERO);
        assert_eq!(clock.elapsed(begun.wrapping_add(90_000)), Duration::from_secs(1));
        assert_eq!(clock.elapsed(begun.wrapping_add(180_000)), Duration::from_secs(2));
    }
}
