//! The relay's pure core: streams come in, datagrams go out to every viewer that is in step. What is
//! published to us goes the other way: datagrams come in, access units go out to the node they are for.
//!
//! Owns all streams, viewers and publishers. No sockets, no clock: `now`, access units and datagrams are
//! handed in; datagrams wait to be taken out, and a deadline says when to come back. Its tests
//! join it to viewers by a network in memory.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use super::agenda::Agenda;
use super::connection::Connection;
use super::demux::{Demux, PeerId, Route};
use super::early::Inbound;
use super::far::Far;
use super::figures::Tables;
use super::ingest::Publisher;
use super::peer::{Datagram, Path, Why};
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
    viewers: BTreeMap<PeerId, Viewer>,
    publishers: BTreeMap<PeerId, Publisher>,
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
            publishers: BTreeMap::new(),
            demux: Demux::new(),
            goodbyes: VecDeque::new(),
            ended: vec![],
            agenda: Agenda::default(),
        }
    }

    pub fn open(&mut self, id: StreamId, stream: Stream) {
        self.streams.insert(id, stream);
    }

    /// Ends a stream, or an entrance, and says goodbye to all who watch it or publish to it.
    pub fn end(&mut self, id: StreamId) {
        self.streams.remove(&id);
        let watching = self.viewers.values().filter(|viewer| viewer.stream == id);
        let publishing = self.publishers.values().filter(|publisher| publisher.entrance == id);
        let watching = watching.map(|viewer| viewer.connection.id);
        let there: Vec<PeerId> =
            watching.chain(publishing.map(|publisher| publisher.connection.id)).collect();
        there.into_iter().for_each(|peer| self.take_leave(peer, How::Closed));
    }

    pub fn end_all(&mut self) {
        let entrances = self.publishers.values().map(|publisher| publisher.entrance);
        let all: Vec<StreamId> = self.streams.keys().copied().chain(entrances).collect();
        all.into_iter().for_each(|id| self.end(id));
    }

    /// A publisher whose offer has been answered.
    pub fn admit(&mut self, now: Instant, publisher: Publisher) {
        let id = publisher.connection.id;
        self.demux.add(publisher.connection.fragments(), id);
        self.publishers.insert(id, publisher);
        self.with(now, id, |connection| connection.timeout(now));
    }

    /// The node behind `entrance` needs a keyframe.
    pub fn need_keyframe(&mut self, now: Instant, entrance: StreamId) {
        for publisher in self.publishers.values_mut().filter(|publisher| publisher.entrance == entrance) {
            publisher.need_keyframe(now);
            note(&mut self.agenda, &publisher.connection, publisher.deadline());
        }
    }

    pub fn add(&mut self, now: Instant, viewer: Viewer) {
        let (id, stream) = (viewer.connection.id, viewer.stream);
        self.demux.add(viewer.connection.fragments(), id);
        self.viewers.insert(id, viewer);
        match self.streams.get_mut(&stream) {
            Some(stream) => {
                stream.came();
                self.with(now, id, |connection| connection.timeout(now));
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

    /// Candidates of a session that came after its offer.
    pub fn candidates(&mut self, now: Instant, session: &str, candidates: &[String]) {
        if let Some(id) = self.find(session) {
            self.with(now, id, |connection| candidates.iter().for_each(|one| connection.candidate(one)));
        }
    }

    /// Looks for another way to the other end of a session: its ICE is restarted.
    pub fn restart(&mut self, now: Instant, session: &str, path: Path) {
        if let Some(id) = self.find(session) {
            self.with(now, id, |connection| connection.restart(path));
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
                Err(Fault) => faulty.push(viewer.connection.id),
            }
            note(&mut self.agenda, &viewer.connection, viewer.connection.deadline());
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
        if let Route::To(id) = self.demux.route(now, inbound.far(), &inbound.bytes) {
            self.with(now, id, |connection| connection.receive(now, inbound));
        }
    }

    /// Whether a session has proved that it is at `far`.
    pub fn knows(&self, far: Far) -> bool {
        self.demux.knows(far)
    }

    /// Nobody is to be reached at `far` any more.
    pub fn unreachable(&mut self, far: Far) {
        self.demux.unbind(far);
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Instant) {
        let due = self.agenda.due(now);
        due.into_iter().for_each(|id| self.with(now, id, |connection| connection.timeout(now)));
        self.streams.values_mut().for_each(|stream| stream.tick(now));
    }

    /// When [`tick`](Fanout::tick) should be called next.
    pub fn deadline(&self) -> Option<Instant> {
        let streams = self.streams.values().filter_map(Stream::deadline);
        streams.chain(self.agenda.next()).min()
    }

    /// Hands what waits to the wire, one connection after another. Whoever finds no room is the first next time;
    /// the others may be on another socket, and have their turn.
    pub fn send(&mut self, wire: &mut impl Wire) {
        let _ = wire.send(&mut self.goodbyes);
        let mut without_room = None;
        for id in self.agenda.senders() {
            let Some(Connection { outbox, .. }) = self.connection(id) else { continue };
            if wire.send(outbox) == Room::Full {
                without_room.get_or_insert(id);
            } else if outbox.is_empty() {
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

    /// How many sessions there are.
    pub fn connections(&self) -> usize {
        self.viewers.len() + self.publishers.len()
    }

    /// What is held for sessions, by name of the table: nothing, when there are none.
    pub fn tables(&self) -> Tables {
        let [fragments, addresses, questions] = self.demux.sizes();
        vec![
            ("connections", self.connections()),
            ("fragments", fragments),
            ("addresses", addresses),
            ("questions", questions),
            ("deadlines", self.agenda.deadlines()),
            ("senders", self.agenda.senders().len()),
            ("goodbyes", self.goodbyes.len()),
        ]
    }

    fn find(&self, session: &str) -> Option<PeerId> {
        let viewers = self.viewers.values().map(|viewer| &viewer.connection);
        let publishers = self.publishers.values().map(|publisher| &publisher.connection);
        viewers.chain(publishers).find(|connection| connection.session == session).map(|found| found.id)
    }

    fn connection(&mut self, id: PeerId) -> Option<&mut Connection> {
        let publisher = self.publishers.get_mut(&id).map(|publisher| &mut publisher.connection);
        publisher.or_else(|| self.viewers.get_mut(&id).map(|viewer| &mut viewer.connection))
    }

    /// Does something to a connection and acts on what comes of it.
    fn with(&mut self, now: Instant, id: PeerId, act: impl FnOnce(&mut Connection)) {
        match self.publishers.contains_key(&id) {
            true => self.with_publisher(now, id, act),
            false => self.with_viewer(now, id, act),
        }
    }

    fn with_publisher(&mut self, now: Instant, id: PeerId, act: impl FnOnce(&mut Connection)) {
        let Some(publisher) = self.publishers.get_mut(&id) else { return };
        let demux = &mut self.demux;
        let over = contained(|| {
            act(&mut publisher.connection);
            publisher.settle(now, demux)
        });
        note(&mut self.agenda, &publisher.connection, publisher.deadline());
        match over {
            Ok(None) => {}
            Ok(Some(how)) => self.take_leave(id, how),
            Err(Fault) => self.forget(id, How::Fault),
        }
    }

    fn with_viewer(&mut self, now: Instant, id: PeerId, act: impl FnOnce(&mut Connection)) {
        let Some(viewer) = self.viewers.get_mut(&id) else { return };
        let Some(stream) = self.streams.get_mut(&viewer.stream) else { return };
        let demux = &mut self.demux;
        let wants = contained(|| {
            act(&mut viewer.connection);
            viewer.settle(now, demux, &stream.history)
        });
        note(&mut self.agenda, &viewer.connection, viewer.connection.deadline());
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

    /// Says goodbye to a viewer or a publisher and forgets it.
    fn take_leave(&mut self, id: PeerId, how: How) {
        let room = MOST_GOODBYES.saturating_sub(self.goodbyes.len());
        let Some(connection) = self.connection(id) else { return };
        let how = match contained(|| connection.close()) {
            Ok(()) => how,
            Err(Fault) => How::Fault,
        };
        let goodbye: Vec<Datagram> = connection.outbox.drain(..).take(room).collect();
        self.goodbyes.extend(goodbye);
        self.forget(id, how);
    }

    fn forget(&mut self, id: PeerId, how: How) {
        let connection = if let Some(publisher) = self.publishers.remove(&id) {
            publisher.ended(how);
            publisher.connection
        } else if let Some(viewer) = self.viewers.remove(&id) {
            if let Some(stream) = self.streams.get_mut(&viewer.stream) {
                stream.ended(viewer.figures.totals());
                stream.went();
            }
            self.watched(viewer.stream);
            viewer.connection
        } else {
            return;
        };
        self.demux.remove(id);
        self.agenda.forget(id);
        self.ended.push(Ended { session: connection.session, how });
    }

    fn count(&self, id: PeerId) {
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

/// When whoever has `connection` wants to be looked at next, and whether something is to be sent.
fn note(agenda: &mut Agenda, connection: &Connection, deadline: Option<Instant>) {
    agenda.at(connection.id, deadline);
    if !connection.outbox.is_empty() {
        agenda.sends(connection.id);
    }
}

/// Something of ours broke while it worked for one session.
struct Fault;

/// What comes from the network must not take the other sessions with it, whatever it finds.
fn contained<T>(work: impl FnOnce() -> T) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| Fault)
}
