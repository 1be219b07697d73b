//! One session's connection, viewer's or publisher's: what waits to be sent on it, when it wants to be
//! looked at, and whether it has come about.
//!
//! Owns the outbox and the patience with an offer that never becomes a connection. What is sent and
//! received is the business of whoever holds it. Knows nothing of sockets and reads no clock.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::demux::{Demux, PeerId};
use super::early::Inbound;
use super::far::Transport;
use super::history::Shared;
use super::peer::{Datagram, Happening, Path, Peer, Why};

/// Datagrams that ever wait; a single keyframe is below this.
const MOST_EVER_WAITING: usize = 4096;
/// An offer that has not become a connection by then is forgotten.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Packets given to the stack before they are taken out again. It has a dozen queues, and each keeps for
/// good the room it needed once: a whole keyframe's would be most of what a viewer takes of memory.
const MOST_IN_STACK: usize = 8;
/// The least time between two turns: a connection that is always due must not keep the thread.
pub const PAUSE: Duration = Duration::from_millis(1);

pub struct Connection {
    pub id: PeerId,
    /// The unguessable name its session goes by over HTTP.
    pub session: String,
    /// What waits to be sent, oldest first.
    pub outbox: VecDeque<Datagram>,
    /// Datagrams that found no room to wait.
    pub unsent: u64,
    /// What carries what is sent to the other end, checks left aside; `None` before there is a way.
    pub way: Option<Transport>,
    pub peer: Peer,
    /// Packets the stack was given and nobody has taken out.
    in_stack: usize,
    offered: Instant,
    deadline: Option<Instant>,
}

impl Connection {
    pub fn new(now: Instant, id: PeerId, session: String, peer: Peer) -> Connection {
        Connection {
            id,
            session,
            outbox: VecDeque::new(),
            unsent: 0,
            way: None,
            peer,
            in_stack: 0,
            offered: now,
            // The stack has something to do at once: its first checks.
            deadline: Some(now),
        }
    }

    pub fn fragments(&self) -> Vec<String> {
        self.peer.fragments()
    }

    pub fn restart(&mut self, path: Path) {
        self.peer.restart(path);
    }

    pub fn deadline(&self) -> Option<Instant> {
        let give_up = (!self.peer.has_connected()).then(|| self.offered + CONNECT_WITHIN);
        [self.deadline, give_up].into_iter().flatten().min()
    }

    pub fn receive(&mut self, now: Instant, inbound: Inbound) {
        self.peer.receive(now, inbound);
    }

    pub fn candidate(&mut self, candidate: &str) {
        self.peer.candidate(candidate);
    }

    pub fn timeout(&mut self, now: Instant) {
        self.peer.timeout(now);
    }

    /// Sends one packet of the stream, as [`Peer::send`] does.
    pub fn send(&mut self, now: Instant, packet: &Shared, number: u16, captured: Option<u64>) {
        self.peer.send(now, packet, number, captured);
        self.given();
    }

    /// Sends a packet again, as [`Peer::resend`] does.
    pub fn resend(&mut self, now: Instant, packet: &Shared, number: u16) {
        self.peer.resend(now, packet, number);
        self.given();
    }

    /// Takes out what has happened on it, addresses that are proved being entered in `demux`.
    pub fn settle(&mut self, now: Instant, demux: &mut Demux) -> Vec<Happening> {
        let mut happenings = self.drain(now, demux);
        // A check that has become possible just now is made just now.
        if self.peer.deadline().is_some_and(|at| at <= now) {
            self.peer.timeout(now);
            happenings.extend(self.drain(now, demux));
        }
        for happening in &happenings {
            match happening {
                Happening::Reached(far) => demux.bind(*far, self.id),
                Happening::Renamed => demux.name(self.id, self.peer.fragments()),
                _ => {}
            }
        }
        if !self.peer.has_connected() && now >= self.offered + CONNECT_WITHIN {
            happenings.push(Happening::Gone(Why::Lost));
        }
        happenings
    }

    /// Moves what is ready into the outbox and sees when the connection wants time again.
    pub fn flush(&mut self, now: Instant) {
        self.take_datagrams();
        self.deadline = self.peer.deadline().map(|at| at.max(now + PAUSE));
    }

    /// Says goodbye; what says it is all that is left in the outbox.
    pub fn close(&mut self) {
        // What has not been sent by now is of no use any more, and must not go before the others' pictures.
        self.outbox.clear();
        self.peer.close();
        self.take_datagrams();
    }

    fn drain(&mut self, now: Instant, demux: &mut Demux) -> Vec<Happening> {
        let mut happenings = vec![];
        let Connection { outbox, unsent, id, way, .. } = self;
        self.peer.drain(
            now,
            |datagram| {
                demux.sent(*id, datagram.far(), &datagram.bytes);
                *way = media(&datagram).or(*way);
                wait(outbox, unsent, datagram);
            },
            |happening| happenings.push(happening),
        );
        happenings
    }

    fn given(&mut self) {
        self.in_stack += 1;
        if self.in_stack >= MOST_IN_STACK {
            self.take_datagrams();
        }
    }

    fn take_datagrams(&mut self) {
        self.in_stack = 0;
        let Connection { outbox, unsent, way, .. } = self;
        self.peer.datagrams(|datagram| {
            *way = media(&datagram).or(*way);
            wait(outbox, unsent, datagram);
        });
    }
}

/// By what `datagram` goes, unless it is a check of ICE (RFC 7983).
fn media(datagram: &Datagram) -> Option<Transport> {
    datagram.bytes.first().filter(|first| **first > 3).map(|_| datagram.protocol)
}

fn wait(outbox: &mut VecDeque<Datagram>, unsent: &mut u64, datagram: Datagram) {
    match outbox.len() < MOST_EVER_WAITING {
        true => outbox.push_back(datagram),
        false => *unsent += 1,
    }
}
