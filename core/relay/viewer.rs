//! One viewer: in step with its stream or waiting for a keyframe, and what it has reported.
//!
//! Owns the policy for one viewer. A slow one is dropped to the next keyframe here, so that it
//! slows nobody. Knows nothing of sockets and reads no clock.

use std::time::{Duration, Instant};

use super::connection::Connection;
use super::demux::{Demux, PeerId};
use super::feedback::Feedback;
use super::figures::Figures;
use super::follow::Capacity;
use super::history::History;
use super::peer::{Happening, Peer, Told, Why};
use super::repairs::{Line, Repair, Repairs};
use super::sequencer::Sequencer;
use super::stream::{MOST_LAYERS, Picture, StreamId};

/// Datagrams that may wait for a full socket before the viewer is dropped to the next keyframe.
const MOST_WAITING: usize = 256;
/// From here on its upper temporal layers are left out, which needs no keyframe afterwards.
const MANY_WAITING: usize = MOST_WAITING / 4;
/// A picture-loss report this soon after a keyframe crossed it on the way (round trip added).
const CROSSING: Duration = Duration::from_millis(100);
const REPORT_EVERY: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Connecting,
    /// Connected, and shown nothing until the next keyframe.
    Waiting,
    Following,
}

/// What became of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    Sent,
    /// The viewer is not connected yet, or waits for a keyframe.
    NotYet,
    /// Left out with the rest of its temporal layer, because much waits already.
    Thinned,
    /// The viewer had fallen behind and has caught up: a keyframe would bring it back in step.
    NeedsKeyframe,
}

/// What a viewer wants after its datagrams were looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    Keyframe,
    /// It is over.
    ToGo(Why),
}

pub struct Viewer {
    pub connection: Connection,
    pub stream: StreamId,
    pub figures: Figures,
    pub capacity: Capacity,
    step: Step,
    sequencer: Sequencer,
    keyframe_sent: Option<Instant>,
    reported: Option<Instant>,
    /// It fell behind, and no keyframe has been asked for on its account since.
    owed: bool,
    /// The lowest temporal layer that is left out until the next picture of the base layer.
    without: Option<u8>,
    /// The highest temporal layer that its connection can take.
    ceiling: u8,
    /// What the stream's layers take, as of its last picture.
    rates: [u64; MOST_LAYERS],
    repairs: Repairs,
}

impl Viewer {
    pub fn new(now: Instant, id: PeerId, session: String, stream: StreamId, peer: Peer) -> Viewer {
        Viewer {
            connection: Connection::new(now, id, session, peer),
            stream,
            figures: Figures::new(id),
            capacity: Capacity::default(),
            step: Step::Connecting,
            sequencer: Sequencer::new(rand::random()),
            keyframe_sent: None,
            reported: None,
            owed: false,
            without: None,
            ceiling: u8::MAX,
            rates: [0; MOST_LAYERS],
            repairs: Repairs::default(),
        }
    }

    /// Takes out what the connection has to say, acts on it, and gives what the viewer wants.
    pub fn settle(&mut self, now: Instant, demux: &mut Demux, history: &History) -> Vec<Wants> {
        let happenings = self.connection.settle(now, demux);
        let wants =
            happenings.into_iter().filter_map(|happening| self.happened(now, happening, history)).collect();
        self.figures.address = demux.address(self.connection.id).map(|far| far.address);
        self.flush(now);
        wants
    }

    /// Sends `picture`, whose packets are in `history`, if the viewer is in step.
    pub fn show(&mut self, now: Instant, picture: &Picture, history: &History) -> Shown {
        self.rates = picture.rates;
        let is_left_out = self.leaves_out(picture.layer);
        match self.step {
            Step::Connecting => return Shown::NotYet,
            Step::Following | Step::Waiting if self.connection.outbox.len() > MOST_WAITING => {
                return self.fall_out();
            }
            Step::Waiting if !picture.keyframe => return self.catch_up(),
            Step::Following if is_left_out => {
                self.figures.counts.thinned += 1;
                return Shown::Thinned;
            }
            Step::Waiting | Step::Following => self.step = Step::Following,
        }
        for count in picture.packets.clone() {
            let Some(packet) = history.get(count) else { continue };
            let number = self.sequencer.number(count);
            let is_first = count == picture.packets.start;
            self.connection.send(now, packet, number, is_first.then_some(picture.captured));
            self.figures.sent(now, packet.payload.len());
        }
        if picture.keyframe {
            self.keyframe_sent = Some(now);
        }
        self.report_if_due(now, picture);
        match self.connection.peer.tell(now, &picture.message) {
            Told::Sent => self.figures.told += 1,
            Told::Skipped => self.figures.untold += 1,
            Told::NoChannel => {}
        }
        self.flush(now);
        Shown::Sent
    }

    /// A picture of an upper layer goes when much waits, or when the connection cannot take its
    /// layer. What refers to it (the same and higher layers, up to the next picture of the base
    /// layer) goes with it.
    fn leaves_out(&mut self, layer: u8) -> bool {
        let too_much = self.connection.outbox.len() > MANY_WAITING || layer > self.ceiling;
        if layer == 0 {
            self.without = None;
        } else if self.without.is_none_or(|least| layer < least) && too_much {
            self.without = Some(layer);
        }
        self.without.is_some_and(|least| layer >= least)
    }

    fn fall_out(&mut self) -> Shown {
        if std::mem::replace(&mut self.step, Step::Waiting) == Step::Following {
            self.figures.counts.dropped_to_key += 1;
        }
        self.owed = true;
        Shown::NotYet
    }

    /// A viewer that fell behind needs a keyframe once it has room for one: asked for sooner, it
    /// would cost all the others and help nobody.
    fn catch_up(&mut self) -> Shown {
        if self.connection.outbox.len() > MANY_WAITING || !std::mem::take(&mut self.owed) {
            return Shown::NotYet;
        }
        Shown::NeedsKeyframe
    }

    fn happened(&mut self, now: Instant, happening: Happening, history: &History) -> Option<Wants> {
        match happening {
            Happening::Connected => {
                self.step = Step::Waiting;
                self.figures.connected(now);
                Some(Wants::Keyframe)
            }
            Happening::Reached(_) | Happening::Renamed | Happening::Packet(_) => None,
            Happening::Gone(why) => Some(Wants::ToGo(why)),
            Happening::Feedback(Feedback::PictureLost) => self.picture_lost(now),
            Happening::Feedback(Feedback::Missing(numbers)) => {
                self.figures.counts.nacks += 1;
                numbers.into_iter().for_each(|number| self.repair(now, number, history));
                None
            }
            Happening::Feedback(Feedback::Report { loss, jitter, echo }) => {
                self.figures.heard(now, loss, jitter, echo);
                self.capacity.report(loss, self.figures.bitrate(now), self.rates[MOST_LAYERS - 1]);
                self.ceiling = self.capacity.layer(&self.rates);
                None
            }
            Happening::Feedback(Feedback::Estimate(bits)) => {
                self.figures.estimate = Some(bits);
                None
            }
        }
    }

    fn picture_lost(&mut self, now: Instant) -> Option<Wants> {
        self.figures.counts.plis += 1;
        let crossing = CROSSING + self.figures.rtt.unwrap_or_default();
        let crossed = self.keyframe_sent.is_some_and(|sent| now.saturating_duration_since(sent) < crossing);
        (!crossed).then_some(Wants::Keyframe)
    }

    fn repair(&mut self, now: Instant, number: u16, history: &History) {
        let count = self.sequencer.count(number);
        let known = count.and_then(|count| Some((count, history.get(count)?)));
        // What it is not sent at all now, it can do without; what is too old is mended by a keyframe.
        let Some((count, packet)) = known.filter(|(_, packet)| packet.layer <= self.ceiling) else {
            self.figures.counts.unrepaired += 1;
            return;
        };
        let line = Line { rtt: self.figures.rtt, limit: self.capacity.limit() };
        match self.repairs.ask(now, count, packet.payload.len(), line) {
            Repair::Send => {
                self.figures.counts.resent += 1;
                self.connection.resend(now, packet, number);
            }
            Repair::OnItsWay => {}
            Repair::Refuse => self.figures.counts.unrepaired += 1,
        }
    }

    fn report_if_due(&mut self, now: Instant, picture: &Picture) {
        let is_due = self.reported.is_none_or(|last| now.saturating_duration_since(last) >= REPORT_EVERY);
        if !is_due {
            return;
        }
        self.reported = Some(now);
        self.figures.reported(now, picture.captured);
        let (packets, bytes) = (self.figures.counts.packets, self.figures.bytes);
        self.connection.peer.report(now, picture.captured, picture.time.0, packets, bytes);
    }

    fn flush(&mut self, now: Instant) {
        self.connection.flush(now);
        self.figures.unsent = self.connection.unsent;
        self.figures.protocol = self.connection.way;
    }
}
