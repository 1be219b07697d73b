//! One encoded stream: its last packets, its need for keyframes, its figures.
//!
//! Owns what all its viewers share. Cutting an access unit into packets happens before, on the
//! thread of the node that gives it.

use std::ops::Range;
use std::time::Instant;

use bytes::Bytes;

use super::demand::{Change, Demand};
use super::detections;
use super::figures::{SessionStats, Totals};
use super::follow::{Aim, Capacity, Follow};
use super::gate::{Ask, KeyframeGate};
use super::history::{History, Shared};
use super::meter::Meter;
use super::ntp;
use super::packetizer::packetize;
use crate::media::{AccessUnit, MediaTime};
use crate::node::{Counter, Epoch, Site, Upstream, Wish};

/// One relay node, for the life of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(pub u64);

/// An access unit ready to be sent to any viewer.
pub struct Cut {
    pub payloads: Vec<Bytes>,
    pub keyframe: bool,
    /// Its temporal layer; pictures of a higher one may be left out.
    pub layer: u8,
    pub time: MediaTime,
    /// When the picture was taken, as NTP time.
    pub captured: u64,
    /// What was found in it, as JSON.
    pub message: String,
}

impl Cut {
    pub fn new(unit: &AccessUnit, epoch: &Epoch) -> Cut {
        Cut {
            payloads: packetize(&unit.data),
            keyframe: unit.keyframe,
            layer: unit.layer,
            time: unit.pts.media_time(),
            captured: ntp::captured(epoch, unit.pts),
            message: detections::message(unit),
        }
    }
}

/// Temporal layers that are told apart; an encoder makes no more.
pub const MOST_LAYERS: usize = 4;

/// A picture whose packets are in the history.
pub struct Picture {
    pub packets: Range<u64>,
    pub keyframe: bool,
    pub layer: u8,
    pub time: MediaTime,
    pub captured: u64,
    pub message: String,
    /// For each temporal layer, the bits per second that it and those below it have taken of late.
    pub rates: [u64; MOST_LAYERS],
}

/// One relay node and its sessions at one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamStats {
    /// The node's id.
    pub id: String,
    /// Sessions whose media flows.
    pub viewers: usize,
    pub most_viewers: usize,
    /// Of the stream itself, over the last second, in bits per second.
    pub bitrate: u64,
    /// Pictures per second over the last second.
    pub fps: f64,
    pub pictures: u64,
    pub keyframes: u64,
    /// Keyframes asked of the encoder.
    pub wishes: u64,
    /// Pictures lost before they were sent to anybody, because the relay was behind.
    pub dropped: u64,
    /// Of all sessions since the stream began.
    pub totals: Totals,
    pub sessions: Vec<SessionStats>,
}

pub struct Stream {
    pub history: History,
    name: String,
    most_viewers: usize,
    upstream: Upstream,
    gate: KeyframeGate,
    follow: Follow,
    demand: Demand,
    /// Its viewers, connecting ones included.
    here: usize,
    meter: Meter,
    layers: [Meter; MOST_LAYERS],
    pictures: u64,
    keyframes: u64,
    wishes: Counter,
    dropped: Counter,
    viewers: Counter,
    asleep: Counter,
    /// Of the sessions that have ended.
    past: Totals,
}

impl Stream {
    pub fn new(site: &Site, most_viewers: usize, demand: Demand) -> Stream {
        let stream = Stream {
            history: History::default(),
            name: site.node.clone(),
            most_viewers,
            upstream: site.upstream.clone(),
            gate: KeyframeGate::default(),
            follow: Follow::default(),
            demand,
            here: 0,
            meter: Meter::default(),
            layers: Default::default(),
            pictures: 0,
            keyframes: 0,
            wishes: site.counters.named("keyframe_wishes"),
            dropped: site.counters.named("dropped"),
            viewers: site.counters.named("viewers"),
            asleep: site.counters.named("asleep"),
            past: Totals::default(),
        };
        if !stream.demand.is_awake() {
            stream.change(Change::Sleep);
        }
        stream
    }

    /// A viewer has come; it is not connected yet.
    pub fn came(&mut self) {
        self.here += 1;
    }

    pub fn went(&mut self) {
        self.here = self.here.saturating_sub(1);
    }

    /// Somebody asks for the stream and will come once it gives pictures.
    pub fn asked(&mut self, now: Instant) {
        let change = self.demand.asked(now, self.here);
        self.change(change);
    }

    /// Keeps the packets of an access unit.
    pub fn keep(&mut self, now: Instant, cut: Cut) -> Picture {
        self.pictures += 1;
        let bytes = cut.payloads.iter().map(Bytes::len).sum();
        self.meter.add(now, bytes);
        self.layers[usize::from(cut.layer).min(MOST_LAYERS - 1)].add(now, bytes);
        if cut.keyframe {
            self.keyframes += 1;
            self.gate.met();
        }
        let last = cut.payloads.len().saturating_sub(1);
        let mut packets = 0..0;
        for (index, payload) in cut.payloads.into_iter().enumerate() {
            let count = self.history.keep(Shared {
                payload,
                time: cut.time,
                layer: cut.layer,
                marker: index == last,
            });
            packets = if index == 0 { count } else { packets.start }..count + 1;
        }
        let Cut { keyframe, layer, time, captured, message, .. } = cut;
        Picture { packets, keyframe, layer, time, captured, message, rates: self.rates(now) }
    }

    fn rates(&mut self, now: Instant) -> [u64; MOST_LAYERS] {
        let mut all = 0;
        std::array::from_fn(|layer| {
            all += self.layers[layer].read(now).bits;
            all
        })
    }

    /// A viewer needs a keyframe.
    pub fn need_keyframe(&mut self, now: Instant) {
        if self.gate.need(now) == Ask::Now {
            self.wish();
        }
    }

    /// Lets the encoder's bitrate follow what the viewers can take.
    pub fn follow(&mut self, now: Instant, viewers: impl Iterator<Item = Capacity>) {
        if let Aim::Change(bits) = self.follow.aim(now, viewers) {
            self.upstream.wish(Wish::Bitrate(bits));
        }
    }

    pub fn tick(&mut self, now: Instant) {
        if self.gate.due(now) == Ask::Now {
            self.wish();
        }
        let change = self.demand.watched(now, self.here);
        self.change(change);
    }

    pub fn deadline(&self) -> Option<Instant> {
        [self.gate.deadline(), self.demand.deadline()].into_iter().flatten().min()
    }

    /// Tells the node's counters how many watch.
    pub fn watched_by(&self, viewers: usize) {
        self.viewers.set(viewers as u64);
    }

    /// A session has ended; what it counted is kept.
    pub fn ended(&mut self, session: Totals) {
        self.past.add(session);
    }

    /// `present`: what the sessions that go on have counted so far.
    pub fn snapshot(
        &mut self,
        now: Instant,
        present: impl Iterator<Item = Totals>,
        sessions: Vec<SessionStats>,
    ) -> StreamStats {
        let mut totals = self.past;
        present.for_each(|session| totals.add(session));
        let rate = self.meter.read(now);
        StreamStats {
            id: self.name.clone(),
            viewers: sessions.iter().filter(|session| session.connected.is_some()).count(),
            most_viewers: self.most_viewers,
            bitrate: rate.bits,
            fps: rate.items,
            pictures: self.pictures,
            keyframes: self.keyframes,
            wishes: self.wishes.get(),
            dropped: self.dropped.get(),
            totals,
            sessions,
        }
    }

    fn change(&self, change: Change) {
        let wish = match change {
            Change::Nothing => return,
            Change::Sleep => Wish::Sleep,
            Change::Wake => Wish::Wake,
        };
        self.asleep.set(u64::from(wish == Wish::Sleep));
        self.upstream.wish(wish);
    }

    fn wish(&mut self) {
        self.wishes.add(1);
        self.upstream.wish(Wish::Keyframe);
    }
}
