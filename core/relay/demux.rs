//! Whose datagram is this? All viewers share one port.
//!
//! Owns the three ways a datagram names its viewer: a STUN request by the fragment we gave that
//! viewer, a STUN answer by the transaction we began, anything else by its address. An address
//! belongs to a viewer only once ICE has authenticated it. Strangers are counted before anything
//! of theirs is read.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use super::far::Far;
use super::strangers::Strangers;
use super::stun::{Class, Stun, Transaction};

/// One session's connection, viewer or publisher, for the life of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId(pub u64);

/// Addresses one viewer may be reached at; a browser has two or three. The oldest goes first.
const MOST_ADDRESSES: usize = 8;
/// Questions of ours to one viewer that still wait for an answer: all its candidates from all our
/// addresses in one go.
const MOST_QUESTIONS: usize = 256;
/// Where a datagram goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    To(PeerId),
    /// Nobody's; not even read when too many come.
    Nobody,
}

pub struct Demux {
    fragments: HashMap<String, PeerId>,
    addresses: HashMap<Far, PeerId>,
    asked: HashMap<Transaction, PeerId>,
    /// What the tables above hold of each, so that nothing of it is left when it goes.
    peers: HashMap<PeerId, Held>,
    strangers: Strangers,
    /// Sessions that have not proved an address yet.
    joining: u32,
}

#[derive(Default)]
struct Held {
    fragments: Vec<String>,
    /// Oldest first, as are those it was asked from.
    addresses: VecDeque<Far>,
    questions: VecDeque<Transaction>,
}

impl Demux {
    pub fn new() -> Demux {
        Demux {
            fragments: HashMap::new(),
            addresses: HashMap::new(),
            asked: HashMap::new(),
            peers: HashMap::new(),
            strangers: Strangers::new(),
            joining: 0,
        }
    }

    /// `fragments` are the ICE user name fragments we made for this viewer.
    pub fn add(&mut self, fragments: Vec<String>, viewer: PeerId) {
        if self.peers.insert(viewer, Held::default()).is_none() {
            self.joining += 1;
        }
        self.name(viewer, fragments);
    }

    /// The viewer is named by these fragments from now on, and no others.
    pub fn name(&mut self, viewer: PeerId, fragments: Vec<String>) {
        let Some(peer) = self.peers.get_mut(&viewer) else { return };
        for fragment in std::mem::replace(&mut peer.fragments, fragments) {
            self.fragments.remove(&fragment);
        }
        self.fragments.extend(peer.fragments.iter().map(|fragment| (fragment.clone(), viewer)));
    }

    /// Forgets all there is of a viewer.
    pub fn remove(&mut self, viewer: PeerId) {
        let Some(peer) = self.peers.remove(&viewer) else { return };
        self.joining -= u32::from(peer.addresses.is_empty());
        for fragment in peer.fragments {
            self.fragments.remove(&fragment);
        }
        for question in peer.questions {
            self.asked.remove(&question);
        }
        for address in peer.addresses {
            // Another viewer may have taken the address over since.
            if self.addresses.get(&address) == Some(&viewer) {
                self.addresses.remove(&address);
            }
        }
    }

    pub fn route(&mut self, now: Instant, from: Far, datagram: &[u8]) -> Route {
        let known = self.addresses.get(&from).copied();
        if known.is_none() && self.strangers.is_too_much(now, from.address.ip(), self.joining) {
            return Route::Nobody;
        }
        let named = Stun::read(datagram).and_then(|stun| match stun.class {
            Class::Request => self.fragments.get(stun.receiver()?).copied(),
            Class::Success | Class::Other => self.answered(&stun.transaction),
        });
        named.or(known).map_or(Route::Nobody, Route::To)
    }

    /// Looks at what a viewer's ICE agent sends: a question is remembered for its answer, and an
    /// agent that grants a request has authenticated the address it grants it to.
    pub fn sent(&mut self, viewer: PeerId, to: Far, datagram: &[u8]) {
        let Some(stun) = Stun::read(datagram) else { return };
        match stun.class {
            Class::Request => self.remember(stun.transaction, viewer),
            Class::Success => self.bind(to, viewer),
            Class::Other => {}
        }
    }

    /// The address `viewer` proved last, if any.
    pub fn address(&self, viewer: PeerId) -> Option<Far> {
        self.peers.get(&viewer)?.addresses.back().copied()
    }

    /// How many fragments, addresses and questions it holds, all viewers together.
    pub fn sizes(&self) -> [usize; 3] {
        [self.fragments.len(), self.addresses.len(), self.asked.len()]
    }

    fn remember(&mut self, transaction: Transaction, viewer: PeerId) {
        let Some(peer) = self.peers.get_mut(&viewer) else { return };
        if self.asked.insert(transaction, viewer).is_some() {
            return;
        }
        peer.questions.push_back(transaction);
        if peer.questions.len() > MOST_QUESTIONS
            && let Some(oldest) = peer.questions.pop_front()
        {
            self.asked.remove(&oldest);
        }
    }

    /// Who was asked this; a question is answered once.
    fn answered(&mut self, transaction: &Transaction) -> Option<PeerId> {
        let viewer = self.asked.remove(transaction)?;
        if let Some(peer) = self.peers.get_mut(&viewer) {
            peer.questions.retain(|question| question != transaction);
        }
        Some(viewer)
    }

    /// Whether `address` has been proved to be somebody's.
    pub fn knows(&self, address: Far) -> bool {
        self.addresses.contains_key(&address)
    }

    /// Nobody is to be reached at `address` any more.
    pub fn unbind(&mut self, address: Far) {
        let Some(viewer) = self.addresses.remove(&address) else { return };
        let Some(peer) = self.peers.get_mut(&viewer) else { return };
        peer.addresses.retain(|one| *one != address);
        self.joining += u32::from(peer.addresses.is_empty());
    }

    /// `address` has been proved to be `viewer`'s.
    pub fn bind(&mut self, address: Far, viewer: PeerId) {
        let Some(peer) = self.peers.get_mut(&viewer) else { return };
        if self.addresses.insert(address, viewer) == Some(viewer) {
            return;
        }
        self.joining -= u32::from(peer.addresses.is_empty());
        peer.addresses.push_back(address);
        if peer.addresses.len() > MOST_ADDRESSES
            && let Some(oldest) = peer.addresses.pop_front()
            && self.addresses.get(&oldest) == Some(&viewer)
        {
            self.addresses.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::strangers::MOST_FROM_STRANGER;
    use crate::relay::stun::tests::request;
    use rand::{RngCore, SeedableRng};
    use std::time::Duration;

    fn address(last: u8, port: u16) -> Far {
        Far::udp(([192, 0, 2, last], port).into())
    }

    fn granted() -> Vec<u8> {
        let mut bytes = request("a:b");
        bytes[0] = 1;
        bytes
    }

    #[test]
    fn an_address_belongs_to_a_viewer_only_after_ice_granted_a_request() {
        let (now, from, viewer) = (Instant::now(), address(1, 5000), PeerId(1));
        let mut demux = Demux::new();
        demux.add(vec!["ours".into()], viewer);
        let media = [0x80, 0, 0, 0];
        assert_eq!(demux.route(now, from, &request("ours:theirs")), Route::To(viewer));
        assert_eq!(demux.route(now, from, &media), Route::Nobody);
        demux.sent(viewer, from, &granted());
        assert_eq!(demux.route(now, from, &media), Route::To(viewer));
        demux.remove(viewer);
        assert_eq!(demux.route(now, from, &media), Route::Nobody);
        assert_eq!(demux.route(now, from, &request("ours:theirs")), Route::Nobody);
    }

    #[test]
    fn a_viewer_that_is_named_anew_is_not_called_by_its_old_name() {
        let (now, from, viewer) = (Instant::now(), address(1, 5000), PeerId(1));
        let mut demux = Demux::new();
        demux.add(vec!["ours".into()], viewer);
        for (names, old, new) in [
            (vec!["ours", "next"], Route::To(viewer), Route::To(viewer)),
            (vec!["next"], Route::Nobody, Route::To(viewer)),
        ] {
            demux.name(viewer, names.into_iter().map(str::to_owned).collect());
            assert_eq!(demux.route(now, from, &request("ours:theirs")), old);
            assert_eq!(demux.route(now, from, &request("next:theirs")), new);
        }
        demux.name(PeerId(2), vec!["of nobody".into()]);
        demux.remove(viewer);
        assert_eq!(demux.sizes(), [0; 3]);
    }

    #[test]
    fn an_answer_goes_to_whoever_asked() {
        let (now, viewer) = (Instant::now(), PeerId(3));
        let mut demux = Demux::new();
        demux.add(vec!["ours".into()], viewer);
        assert_eq!(demux.route(now, address(2, 1), &granted()), Route::Nobody);
        demux.sent(viewer, address(2, 1), &request("theirs:ours"));
        assert_eq!(demux.route(now, address(2, 1), &granted()), Route::To(viewer));
    }

    #[test]
    fn a_viewer_holds_a_bounded_number_of_addresses_and_questions_and_leaves_none() {
        let mut demux = Demux::new();
        demux.add(vec!["ours".into()], PeerId(1));
        for port in 1..1000u16 {
            demux.sent(PeerId(1), address(1, port), &granted());
            let mut question = request("theirs:ours");
            question[8..10].copy_from_slice(&port.to_be_bytes());
            demux.sent(PeerId(1), address(1, port), &question);
        }
        assert_eq!(demux.sizes(), [1, MOST_ADDRESSES, MOST_QUESTIONS]);
        assert_eq!(demux.address(PeerId(1)), Some(address(1, 999)));
        demux.remove(PeerId(1));
        assert_eq!((demux.sizes(), demux.joining), ([0; 3], 0));
    }

    #[test]
    fn strangers_are_cut_off_for_the_rest_of_the_second_and_viewers_are_not() {
        let (start, viewer) = (Instant::now(), PeerId(1));
        let mut demux = Demux::new();
        demux.add(vec!["ours".into()], viewer);
        demux.sent(viewer, address(9, 9), &granted());
        let hello = request("ours:theirs");
        let heard = (0..1000).filter(|_| demux.route(start, address(1, 1), &hello) != Route::Nobody).count();
        assert_eq!(heard, MOST_FROM_STRANGER as usize);
        assert_eq!(demux.route(start, address(9, 9), &[0x80]), Route::To(viewer));
        let later = start + Duration::from_secs(2);
        assert_eq!(demux.route(later, address(1, 1), &hello), Route::To(viewer));
    }

    #[test]
    fn a_crowd_that_joins_from_behind_one_address_is_heard() {
        let (start, crowd) = (Instant::now(), 300);
        let mut demux = Demux::new();
        (0..crowd).for_each(|n| demux.add(vec![format!("ours{n}")], PeerId(n)));
        for n in 0..crowd {
            let from = address(1, 1000 + n as u16);
            // Each asks a few times before it is answered.
            for _ in 0..5 {
                assert_eq!(
                    demux.route(start, from, &request(&format!("ours{n}:theirs"))),
                    Route::To(PeerId(n))
                );
            }
            demux.sent(PeerId(n), from, &granted());
        }
        // From then on nobody joins, and strangers are as strange as ever.
        assert_eq!(demux.joining, 0);
        (0..crowd).for_each(|n| demux.remove(PeerId(n)));
        assert_eq!(demux.joining, 0);
        assert_eq!(demux.route(start, address(1, 1), &request("ours:theirs")), Route::Nobody);
    }

    #[test]
    fn one_address_by_two_protocols_is_two_viewers() {
        let (now, by_udp) = (Instant::now(), address(1, 5000));
        let by_tcp = Far::tcp(by_udp.address);
        let mut demux = Demux::new();
        for (number, fragment) in [(1, "one"), (2, "two")] {
            demux.add(vec![fragment.into()], PeerId(number));
        }
        demux.sent(PeerId(1), by_udp, &granted());
        assert_eq!(demux.route(now, by_tcp, &[0x80]), Route::Nobody);
        demux.sent(PeerId(2), by_tcp, &granted());
        assert_eq!(demux.route(now, by_udp, &[0x80]), Route::To(PeerId(1)));
        assert_eq!(demux.route(now, by_tcp, &[0x80]), Route::To(PeerId(2)));
        demux.unbind(by_tcp);
        assert!(!demux.knows(by_tcp) && demux.knows(by_udp));
        assert_eq!((demux.route(now, by_tcp, &[0x80]), demux.joining), (Route::Nobody, 1));
        demux.remove(PeerId(2));
        assert_eq!(demux.joining, 0);
    }

    #[test]
    fn a_stranger_is_counted_by_its_address_whatever_protocol_it_comes_by() {
        let (now, mut demux) = (Instant::now(), Demux::new());
        demux.add(vec!["ours".into()], PeerId(1));
        demux.sent(PeerId(1), address(9, 9), &granted());
        let hello = request("ours:theirs");
        let by = |n: u32| match n % 2 {
            0 => address(1, n as u16 + 1),
            _ => Far::tcp(address(1, n as u16 + 1).address),
        };
        let heard = (0..1000).filter(|n| demux.route(now, by(*n), &hello) != Route::Nobody).count();
        assert_eq!(heard, MOST_FROM_STRANGER as usize);
    }

    #[test]
    fn garbage_goes_nowhere_and_hurts_nobody() {
        let mut random = rand::rngs::StdRng::seed_from_u64(1);
        let mut demux = Demux::new();
        demux.add(vec!["ours".into()], PeerId(1));
        for n in 0..10_000u32 {
            let mut bytes = vec![0; (random.next_u32() % 200) as usize];
            random.fill_bytes(&mut bytes);
            if n % 2 == 0 && bytes.len() >= 8 {
                bytes[0] &= 1;
                bytes[4..8].copy_from_slice(&0x2112_a442_u32.to_be_bytes());
            }
            let from = address((n % 250) as u8, (n % 7) as u16 + 1);
            assert_eq!(demux.route(Instant::now(), from, &bytes), Route::Nobody);
            demux.sent(PeerId(2), from, &bytes);
        }
        assert!(demux.addresses.is_empty());
        assert!(demux.asked.is_empty());
    }
}
