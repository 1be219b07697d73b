//! Another relay, which a world's stream is published to: what it gives to its node.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::mpsc::Receiver;
use std::time::Instant;

use crate::node::Counters;
use crate::relay::answer::{Identity, Reach};
use crate::relay::demux::PeerId;
use crate::relay::early::Inbound;
use crate::relay::fanout::{Ended, Fanout, Room, Wire};
use crate::relay::ingest::{self, Inlet, News, Proposal, Publisher};
use crate::relay::peer::Datagram;
use crate::relay::stream::StreamId;

const ENTRANCE: StreamId = StreamId(7);
/// The name of its only session.
pub const SESSION: &str = "guest";

pub struct Taker {
    pub address: SocketAddr,
    pub fanout: Fanout,
    pub news: Receiver<News>,
    pub counters: Counters,
    pub ended: Vec<Ended>,
}

impl Taker {
    /// One that has answered `offer`, and its answer.
    pub fn new(now: Instant, address: SocketAddr, offer: &str) -> (Taker, String) {
        let proposal = Proposal::read(offer).unwrap();
        let reach = Reach { own: vec![address], ..Reach::default() };
        let identity = Identity::generate().unwrap();
        let (peer, answer) = ingest::answer(now, &proposal, &identity, &reach).unwrap();
        let (counters, (inlet, news)) = (Counters::default(), Inlet::new());
        let mut fanout = Fanout::new();
        let way_in = (inlet, &counters);
        fanout.admit(now, Publisher::new(now, PeerId(1), SESSION.into(), peer, ENTRANCE, way_in));
        (Taker { address, fanout, news, counters, ended: vec![] }, answer)
    }

    pub fn receive(&mut self, now: Instant, Datagram { from, to, protocol, bytes }: Datagram) {
        self.fanout.receive(now, Inbound { to, from, protocol, bytes });
    }

    /// Does what is due and gives what it has to send.
    pub fn turn(&mut self, now: Instant) -> VecDeque<Datagram> {
        let mut out = Out(VecDeque::new());
        self.fanout.tick(now);
        self.fanout.send(&mut out);
        self.ended.extend(self.fanout.ended());
        out.0
    }

    pub fn need_keyframe(&mut self, now: Instant) {
        self.fanout.need_keyframe(now, ENTRANCE);
    }

    pub fn count(&self, name: &str) -> u64 {
        self.counters.named(name).get()
    }
}

struct Out(VecDeque<Datagram>);

impl Wire for Out {
    fn send(&mut self, waiting: &mut VecDeque<Datagram>) -> Room {
        self.0.append(waiting);
        Room::Left
    }
}
