//! One relay core, one encoder, some watchers and the network between them, on a clock of its own.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, UNIX_EPOCH};

use super::guest::Guest;
use super::network::{Network, Way};
use super::taker::{self, Taker};
use super::watcher::{Boxes, Watcher};
use crate::media::annex_b::{self, tests::annex_b};
use crate::media::{AccessUnit, Annotations, Detection, Pool, Pts, Region};
use crate::node::{Epoch, Site, Upstream, Wish};
use crate::relay::answer::{Identity, Latency, Reach, answer, random_text};
use crate::relay::demand::Demand;
use crate::relay::demux::PeerId;
use crate::relay::early::Inbound;
use crate::relay::fanout::{Ended, Fanout, Room, Wire};
use crate::relay::far::Transport;
use crate::relay::fragment::{Credentials, Fragment};
use crate::relay::offer::Offer;
use crate::relay::peer::{Datagram, Path};
use crate::relay::profile::Profile;
use crate::relay::push;
use crate::relay::stream::{Cut, Stream, StreamId};
use crate::relay::viewer::Viewer;

pub const STREAM: StreamId = StreamId(1);
const STEP: Duration = Duration::from_millis(1);
const DELAY: Duration = Duration::from_millis(5);
const FRAME: i64 = 33_333_333;
/// How the header of a B-picture's slice begins (H.264 §7.3.3): the first macroblock, then the type, 0 and 1.
const B_SLICE: u8 = 0b1010_0000;
const HOME: ([u8; 4], u16) = ([198, 51, 100, 1], 8189);
const TAKER: ([u8; 4], u16) = ([203, 0, 113, 1], 8189);
const GUEST: ([u8; 4], u16) = ([192, 0, 2, 2], 10_000);

pub struct World {
    pub now: Instant,
    pub fanout: Fanout,
    pub watchers: Vec<Watcher>,
    taker: Option<Taker>,
    guest: Option<Guest>,
    /// Where somebody was to be reached before they changed their network.
    former: Vec<SocketAddr>,
    /// When something was sent there since.
    pub missed: Vec<Instant>,
    pub network: Network,
    /// Whether the relay's socket is full: it takes nothing.
    pub socket: Room,
    /// Keyframes asked of the encoder so far.
    pub wishes: Arc<AtomicUsize>,
    /// Bitrates asked of the encoder so far.
    pub aims: Arc<Mutex<Vec<u64>>>,
    /// Whether source and encoder were told to sleep.
    pub asleep: Arc<AtomicBool>,
    pub ended: Vec<Ended>,
    identity: Identity,
    epoch: Epoch,
    sequence: u64,
    answered_wishes: usize,
    /// The temporal layer of each picture, over and over.
    pub layers: &'static [u8],
    /// Whether the encoder makes B-pictures of all that are no keyframes.
    pub b_pictures: bool,
}

impl World {
    pub fn new(seed: u64) -> World {
        World::on_demand(seed, Demand::always())
    }

    /// A stream that is needed by the rule of `demand`.
    pub fn on_demand(seed: u64, demand: Demand) -> World {
        let now = Instant::now();
        let wishes = Arc::new(AtomicUsize::new(0));
        let epoch = Epoch { instant: now, wall: UNIX_EPOCH + Duration::from_secs(1_700_000_000), live: true };
        let mut site = Site::alone("live", Pool::new(0), epoch);
        let counted = wishes.clone();
        let aims = Arc::new(Mutex::new(vec![]));
        let kept = aims.clone();
        let asleep = Arc::new(AtomicBool::new(false));
        let sleeps = asleep.clone();
        site.upstream = Upstream::new(move |wish| match wish {
            Wish::Bitrate(bits) => kept.lock().unwrap().push(bits),
            Wish::Sleep | Wish::Wake => sleeps.store(wish == Wish::Sleep, Ordering::Relaxed),
            _ => {
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
        let mut fanout = Fanout::new();
        fanout.open(STREAM, Stream::new(&site, 100, demand));
        World {
            now,
            fanout,
            watchers: vec![],
            taker: None,
            guest: None,
            former: vec![],
            missed: vec![],
            network: Network::new(seed, DELAY),
            socket: Room::Left,
            wishes,
            aims,
            asleep,
            ended: vec![],
            identity: Identity::generate().unwrap(),
            epoch,
            sequence: 0,
            answered_wishes: 0,
            layers: &[0],
            b_pictures: false,
        }
    }

    /// One more watcher, whose offer is answered at once. Its session is called by its index.
    pub fn join(&mut self, boxes: Boxes) -> usize {
        let index = self.watchers.len();
        let address = SocketAddr::from(([192, 0, 2, 1], 10_000 + index as u16));
        let mut watcher = Watcher::new(self.now, address, boxes);
        let offer = Offer::read(&watcher.end.offer(self.now), Profile::ConstrainedBaseline).unwrap();
        let reach = Reach { own: vec![SocketAddr::from(HOME)], ..Reach::default() };
        let (peer, sdp) = answer(self.now, &offer, &self.identity, &reach, Latency::Balanced).unwrap();
        watcher.end.accept(self.now, &sdp);
        let id = PeerId(index as u64 + 1);
        self.fanout.add(self.now, Viewer::new(self.now, id, index.to_string(), STREAM, peer));
        self.watchers.push(watcher);
        index
    }

    /// The watcher's network is another from now on, and it restarts ICE to say so.
    pub fn roam(&mut self, index: usize) {
        let watcher = &mut self.watchers[index];
        self.former.push(watcher.end.address);
        let fragment = watcher.end.roam(self.now, elsewhere(watcher.end.address));
        let answer = self.restart(index, &fragment);
        self.watchers[index].end.arrive(self.now, &answer);
    }

    /// Restarts ICE of a watcher's session by `fragment`; gives the answer.
    pub fn restart(&mut self, index: usize, fragment: &str) -> String {
        restart(&mut self.fanout, self.now, &index.to_string(), HOME, fragment)
    }

    /// Publishes the stream to another relay, which takes it.
    pub fn publish(&mut self) {
        let reach = Reach { own: vec![SocketAddr::from(HOME)], ..Reach::default() };
        let profile = Profile::ConstrainedBaseline;
        let invitation = push::invite(self.now, profile, &self.identity, &reach, Transport::Udp).unwrap();
        let (taker, answer) = Taker::new(self.now, SocketAddr::from(TAKER), &invitation.sdp);
        let peer = invitation.accept(self.now, &answer).unwrap();
        let viewer = Viewer::new(self.now, PeerId(1), "published".into(), STREAM, peer);
        self.fanout.add(self.now, viewer);
        self.taker = Some(taker);
    }

    /// Lets a guest publish what the encoder gives to another relay.
    pub fn publish_as_guest(&mut self) {
        let mut guest = Guest::new(self.now, SocketAddr::from(GUEST));
        let offer = guest.end.offer(self.now);
        let (taker, answer) = Taker::new(self.now, SocketAddr::from(TAKER), &offer);
        guest.end.accept(self.now, &answer);
        (self.guest, self.taker) = (Some(guest), Some(taker));
    }

    /// The guest's network is another from now on, and it restarts ICE to say so.
    pub fn roam_as_guest(&mut self) {
        let (Some(guest), Some(taker)) = (&mut self.guest, &mut self.taker) else {
            panic!("nobody is there")
        };
        self.former.push(guest.end.address);
        let fragment = guest.end.roam(self.now, elsewhere(guest.end.address));
        let answer = restart(&mut taker.fanout, self.now, taker::SESSION, TAKER, &fragment);
        guest.end.arrive(self.now, &answer);
    }

    /// The guest is gone, without a word.
    pub fn lose_guest(&mut self) {
        self.guest = None;
    }

    /// Who takes what is published.
    pub fn taker(&mut self) -> &mut Taker {
        self.taker.as_mut().expect("it is published")
    }

    /// What becomes of what goes to the taker and comes from it.
    pub fn hinder(&mut self, way: Way) {
        self.network.ways.insert(SocketAddr::from(TAKER), way);
    }

    /// Lets `time` pass without a picture.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += STEP;
            self.step();
        }
    }

    /// Lets the encoder give `count` pictures at 30 a second. It makes a keyframe when asked, and
    /// of its own accord only the first.
    pub fn play(&mut self, count: usize) {
        for _ in 0..count {
            self.picture(1_500);
            self.pass(Duration::from_nanos(FRAME as u64));
        }
    }

    /// One picture of `length` bytes. Gives its RTP time.
    pub fn picture(&mut self, length: usize) -> u32 {
        let asked = self.wishes.load(Ordering::Relaxed);
        let keyframe = self.sequence == 0 || asked > self.answered_wishes;
        self.answered_wishes = asked;
        let unit = self.unit(keyframe, length);
        self.sequence += 1;
        let cut = Cut::new(&unit, &self.epoch);
        self.guest.iter_mut().for_each(|guest| guest.show(self.now, &cut));
        self.fanout.push(self.now, STREAM, cut);
        unit.pts.media_time().0
    }

    fn unit(&self, keyframe: bool, length: usize) -> AccessUnit {
        let slice = std::iter::once(if keyframe { 0x65 } else { 0x41 });
        let slice = slice.chain(marked(self.sequence)).chain((0..length).map(|n| (n % 255) as u8 + 1));
        let mut units = match keyframe {
            true => vec![vec![0x67, 66, 0xc0, 31, 1], vec![0x68, 2, 3]],
            false => vec![],
        };
        let mut slice: Vec<u8> = slice.collect();
        if self.b_pictures && !keyframe {
            slice[1] = B_SLICE;
        }
        units.push(slice);
        let found = Detection {
            label: "motion".into(),
            score: 1.0,
            region: Region { x: 0.0, y: 0.0, width: 0.5, height: 0.5 },
            track: Some(self.sequence),
        };
        AccessUnit {
            data: annex_b(&units).into(),
            keyframe,
            layer: self.layers[self.sequence as usize % self.layers.len()],
            pts: Pts::from_nanos(self.sequence as i64 * FRAME),
            sequence: self.sequence,
            annotations: Arc::new(Annotations { detections: vec![found], ..Annotations::default() }),
        }
    }

    fn step(&mut self) {
        while let Some(datagram) = self.network.arrived(self.now) {
            self.deliver(datagram);
        }
        let World { network, watchers, taker, guest, fanout, now, socket, .. } = self;
        fanout.tick(*now);
        fanout.send(&mut Air { network, now: *now, socket: *socket });
        for watcher in watchers.iter_mut().filter(|watcher| watcher.alive) {
            watcher.turn(*now).into_iter().for_each(|datagram| network.carry(*now, datagram));
        }
        for datagram in taker.iter_mut().flat_map(|taker| taker.turn(*now)) {
            network.carry(*now, datagram);
        }
        for datagram in guest.iter_mut().flat_map(|guest| guest.turn(*now)) {
            network.carry(*now, datagram);
        }
        self.ended.extend(self.fanout.ended());
    }

    fn deliver(&mut self, datagram: Datagram) {
        let (now, to) = (self.now, datagram.to);
        if self.former.contains(&to) {
            self.missed.push(now);
        } else if let Some(taker) = self.taker.as_mut().filter(|taker| taker.address == to) {
            taker.receive(now, datagram);
        } else if let Some(guest) = self.guest.as_mut().filter(|guest| guest.end.address == to) {
            guest.end.receive(now, datagram.from, &datagram.bytes);
        } else if let Some(watcher) = self.watchers.iter_mut().find(|watcher| watcher.end.address == to) {
            if watcher.alive {
                watcher.receive(now, &datagram);
            }
        } else {
            let Datagram { from, to, protocol, bytes } = datagram;
            self.fanout.receive(now, Inbound { to, from, protocol, bytes });
        }
    }
}

/// Where one at `address` is to be found after a change of its network.
fn elsewhere(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip(), address.port() + 1_000)
}

/// Restarts ICE of a session of `fanout`'s, which is reached at `home`, by `fragment`; gives the answer.
fn restart(fanout: &mut Fanout, now: Instant, session: &str, home: ([u8; 4], u16), fragment: &str) -> String {
    let fragment = Fragment::read(fragment).unwrap();
    let ours = Credentials { user: random_text(16), password: random_text(32) };
    let home = Reach { own: vec![SocketAddr::from(home)], ..Reach::default() };
    let path = Path::seek(now, &ours, &fragment.credentials().unwrap(), &home).unwrap();
    fanout.restart(now, session, path);
    fragment.answer(&ours, &home)
}

/// The number of a picture that has one of `lengths` bytes beside it, and is as it was sent.
pub fn number(bytes: &[u8], lengths: &[usize]) -> u64 {
    let slice = annex_b::units(bytes).last().expect("a picture has a slice");
    assert!(lengths.contains(&(slice.len() - 1 - 8)), "it is whole, and not of {} bytes", slice.len());
    assert!(
        slice[9..].iter().enumerate().all(|(n, byte)| *byte == (n % 255) as u8 + 1),
        "it is as it was sent"
    );
    unmarked(&slice[1..9])
}

/// A number as eight bytes none of which is zero, so that it never looks like a start code; and which
/// begin as the header of a slice does that is no B-picture's.
fn marked(number: u64) -> impl Iterator<Item = u8> {
    (0..8).map(move |place| 0xc0 | (number >> (6 * place)) as u8 & 0x3f)
}

/// What [`marked`] made.
pub fn unmarked(bytes: &[u8]) -> u64 {
    bytes.iter().enumerate().map(|(place, byte)| u64::from(byte & 0x3f) << (6 * place)).sum()
}

/// The relay's socket, which may be full.
struct Air<'a> {
    network: &'a mut Network,
    now: Instant,
    socket: Room,
}

impl Wire for Air<'_> {
    fn send(&mut self, waiting: &mut VecDeque<Datagram>) -> Room {
        if self.socket == Room::Left {
            waiting.drain(..).for_each(|datagram| self.network.carry(self.now, datagram));
        }
        self.socket
    }
}
