//! The relay's pure core: streams come in, datagrams go out to every viewer that is in step.
//!
//! Owns all streams and viewers. No sockets, no clock: `now`, access units and datagrams are
//! handed in; datagrams wait to be taken out, and a deadline says when to come back. Its tests
//! join it to viewers by a network in memory.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use super::agenda::Agenda;
use super::demux::{Demux, Route, ViewerId};
use super::early::Inbound;
use super::peer::{Datagram, Why};
use super::stream::{Cut, Stream, StreamId, StreamStats};
use super::viewer::{Shown, Viewer, Wants};

/// Goodbyes that may wait for a full socket.
const MOST_GOODBYES: usize = 4096;

/// What takes datagrams out of the core.
pub trait Wire {
    /// Sends from the front of `waiting`, removing what it took.
    fn send(&mut self, waiting: &mut VecDeque<Datagram>) -> Room;
}

/// Whether a wire would take more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    Left,
    Full,
}

/// A session that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    pub session: String,
    pub how: How,
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    By(Why),
    /// It was closed from this side.
    Closed,
    /// A fault of ours; it ends this session alone.
    Fault,
}

pub struct Fanout {
    streams: BTreeMap<StreamId, Stream>,
    viewers: BTreeMap<ViewerId, Viewer>,
    demux: Demux,
    goodbyes: VecDeque<Datagram>,
    ended: Vec<Ended>,
    agenda: Agenda,
}

impl Fanout {
    pub fn new() -> Fanout {
        Fanout {
            streams: BTreeMap::new(),
            viewers: BTreeMap::new(),
            demux: Demux::new(),
            goodbyes: VecDeque::new(),
            ended: vec![],
            agenda: Agenda::default(),
        }
    }

    pub fn open(&mut self, id: StreamId, stream: Stream) {
        self.streams.insert(id, stream);
    }

    /// Ends a stream and says goodbye to all who watch it.
    pub fn end(&mut self, id: StreamId) {
        self.streams.remove(&id);
        let watching: Vec<ViewerId> =
            self.viewers.values().filter(|viewer| viewer.stream == id).map(|viewer| viewer.id).collect();
        watching.into_iter().for_each(|viewer| self.take_leave(viewer, How::Closed));
    }

    pub fn end_all(&mut self) {
        let streams: Vec<StreamId> = self.streams.keys().copied().collect();
        streams.into_iter().for_each(|stream| self.end(stream));
    }

    pub fn add(&mut self, now: Instant, viewer: Viewer) {
        let (id, stream) = (viewer.id, viewer.stream);
        self.demux.add(viewer.fragment().to_owned(), id);
        self.viewers.insert(id, viewer);
        match self.streams.get_mut(&stream) {
            Some(stream) => {
                stream.came();
                self.with(now, id, |viewer| viewer.timeout(now));
            }
            // The stream ended while the offer was being answered.
            None => self.take_leave(id, How::Closed),
        }
    }

    /// Somebody asks for `stream` and comes once it gives pictures.
    pub fn asked(&mut self, now: Instant, stream: StreamId) {
        if let Some(stream) = self.streams.get_mut(&stream) {
            stream.asked(now);
        }
    }

    /// Ends a session; nothing happens if it has ended already.
    pub fn close(&mut self, session: &str) {
        if let Some(id) = self.find(session) {
            self.take_leave(id, How::Closed);
        }
    }

    /// Candidates of a viewer that came after its offer.
    pub fn candidates(&mut self, now: Instant, session: &str, candidates: &[String]) {
        if let Some(id) = self.find(session) {
            self.with(now, id, |viewer| candidates.iter().for_each(|one| viewer.candidate(one)));
        }
    }

    /// An access unit for all who watch `stream`.
    pub fn push(&mut self, now: Instant, stream: StreamId, cut: Cut) {
        let Some(shared) = self.streams.get_mut(&stream) else { return };
        let picture = shared.keep(now, cut);
        let (mut needed, mut faulty) = (false, vec![]);
        for viewer in self.viewers.values_mut().filter(|viewer| viewer.stream == stream) {
            match contained(|| viewer.show(now, &picture, &shared.history)) {
                Ok(shown) => needed |= shown == Shown::NeedsKeyframe,
                Err(Fault) => faulty.push(viewer.id),
            }
            note(&mut self.agenda, viewer);
        }
        if needed {
            shared.need_keyframe(now);
        }
        let watching =
            self.viewers.values().filter(|viewer| viewer.stream == stream && viewer.figures.is_connected());
        shared.follow(now, watching.map(|viewer| viewer.capacity));
        faulty.into_iter().for_each(|id| self.forget(id, How::Fault));
    }

    /// A datagram from the network; it may be anything.
    pub fn receive(&mut self, now: Instant, inbound: Inbound) {
        if let Route::To(id) = self.demux.route(now, inbound.from, &inbound.bytes) {
            self.with(now, id, |viewer| viewer.receive(now, inbound));
        }
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Instant) {
        let due = self.agenda.due(now);
        due.into_iter().for_each(|id| self.with(now, id, |viewer| viewer.timeout(now)));
        self.streams.values_mut().for_each(|stream| stream.tick(now));
    }

    /// When [`tick`](Fanout::tick) should be called next.
    pub fn deadline(&self) -> Option<Instant> {
        let streams = self.streams.values().filter_map(Stream::deadline);
        streams.chain(self.agenda.next()).min()
    }

    /// Hands what waits to the wire, viewer by viewer. Whoever finds no room is the first next time;
    /// the others may be on another socket, and have their turn.
    pub fn send(&mut self, wire: &mut impl Wire) {
        let _ = wire.send(&mut self.goodbyes);
        let mut without_room = None;
        for id in self.agenda.senders() {
            let Some(viewer) = self.viewers.get_mut(&id) else { continue };
            if wire.send(&mut viewer.outbox) == Room::Full {
                without_room.get_or_insert(id);
            } else if viewer.outbox.is_empty() {
                self.agenda.has_sent(id);
            }
        }
        without_room.into_iter().for_each(|id| self.agenda.found_no_room(id));
    }

    /// Sessions that ended since the last call.
    pub fn ended(&mut self) -> Vec<Ended> {
        std::mem::take(&mut self.ended)
    }

    pub fn snapshot(&mut self, now: Instant) -> Vec<StreamStats> {
        let viewers = &mut self.viewers;
        let streams = self.streams.iter_mut();
        streams
            .map(|(id, stream)| {
                let watching = viewers.values_mut().filter(|viewer| viewer.stream == *id);
                let sessions = watching.map(|viewer| viewer.figures.snapshot(now)).collect();
                let watching = viewers.values().filter(|viewer| viewer.stream == *id);
                stream.snapshot(now, watching.map(|viewer| viewer.figures.totals()), sessions)
            })
            .collect()
    }

    fn find(&self, session: &str) -> Option<ViewerId> {
        self.viewers.values().find(|viewer| viewer.session == session).map(|viewer| viewer.id)
    }

    /// Does something to a viewer and acts on what comes of it.
    fn with(&mut self, now: Instant, id: ViewerId, act: impl FnOnce(&mut Viewer)) {
        let Some(viewer) = self.viewers.get_mut(&id) else { return };
        let Some(stream) = self.streams.get_mut(&viewer.stream) else { return };
        let demux = &mut self.demux;
        let wants = contained(|| {
            act(viewer);
            viewer.settle(now, demux, &stream.history)
        });
        note(&mut self.agenda, viewer);
        let Ok(wants) = wants else { return self.forget(id, How::Fault) };
        let needs_keyframe = wants.contains(&Wants::Keyframe);
        if needs_keyframe {
            stream.need_keyframe(now);
        }
        match wants.iter().find_map(|wants| match wants {
            Wants::ToGo(why) => Some(*why),
            Wants::Keyframe => None,
        }) {
            Some(why) => self.take_leave(id, How::By(why)),
            // One of the needs is a new viewer's.
            None if needs_keyframe => self.count(id),
            None => {}
        }
    }

    /// Says goodbye to a viewer and forgets it.
    fn take_leave(&mut self, id: ViewerId, how: How) {
        let Some(viewer) = self.viewers.get_mut(&id) else { return };
        // What it has not got by now is of no use to it, and must not go before the others' pictures.
        viewer.outbox.clear();
        let how = match contained(|| viewer.close()) {
            Ok(()) => how,
            Err(Fault) => How::Fault,
        };
        let room = MOST_GOODBYES.saturating_sub(self.goodbyes.len());
        self.goodbyes.extend(viewer.outbox.drain(..).take(room));
        self.forget(id, how);
    }

    fn forget(&mut self, id: ViewerId, how: How) {
        let Some(viewer) = self.viewers.remove(&id) else { return };
        if let Some(stream) = self.streams.get_mut(&viewer.stream) {
            stream.ended(viewer.figures.totals());
        }
        self.demux.remove(viewer.fragment(), id);
        self.agenda.forget(id);
        if let Some(stream) = self.streams.get_mut(&viewer.stream) {
            stream.went();
        }
        self.watched(viewer.stream);
        self.ended.push(Ended { session: viewer.session.clone(), how });
    }

    fn count(&self, id: ViewerId) {
        if let Some(viewer) = self.viewers.get(&id) {
            self.watched(viewer.stream);
        }
    }

    fn watched(&self, id: StreamId) {
        let Some(stream) = self.streams.get(&id) else { return };
        let watching = |viewer: &&Viewer| viewer.stream == id && viewer.figures.is_connected();
        stream.watched_by(self.viewers.values().filter(watching).count());
    }
}

/// When `viewer` wants to be looked at next, and whether it has something to send.
fn note(agenda: &mut Agenda, viewer: &Viewer) {
    agenda.at(viewer.id, viewer.deadline());
    if !viewer.outbox.is_empty() {
        agenda.sends(viewer.id);
    }
}

/// Something of ours broke while it worked for one viewer.
struct Fault;

/// What comes from the network must not take the other viewers with it, whatever it finds.
fn contained<T>(work: impl FnOnce() -> T) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| Fault)
}
