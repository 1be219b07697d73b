//! The whole relay over real sockets on loopback: the node, the hub, its thread, and a viewer.

use std::net::{IpAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use serde_json::json;

use super::network::Network;
use super::watcher::{Boxes, Watcher};
use crate::media::annex_b::tests::annex_b;
use crate::media::{AccessUnit, Item, Pool, Pts};
use crate::node::{Epoch, Inputs, Node, NodeKind, Settings, Sink, Site};
use crate::relay::far::Transport;
use crate::relay::peer::Datagram;
use crate::relay::stun::Stun;
use crate::relay::{self, Closed, Hub, Kind, Refusal, Trickled};

/// No step below takes a hundredth of this on a machine that runs at all.
pub const PATIENCE: Duration = Duration::from_secs(30);
pub const FRAME: Duration = Duration::from_millis(33);

pub struct Stage {
    pub hub: Hub,
    pub node: Box<dyn Sink>,
    started: Instant,
    sequence: u64,
}

impl Stage {
    pub fn new(listen: IpAddr, most_viewers: usize) -> Stage {
        let hub = Hub::new();
        let with = json!({ "max_viewers": most_viewers, "latency": "lowest" });
        Stage::of(&Kind::new(hub.clone()), hub, listen, &with)
    }

    /// A node of any kind that sends through `hub`.
    pub fn of(kind: &dyn NodeKind, hub: Hub, listen: IpAddr, with: &serde_json::Value) -> Stage {
        let settings = Settings::from_json(kind.about().with, with).unwrap();
        let started = Instant::now();
        let epoch = Epoch { instant: started, wall: SystemTime::now(), live: true };
        let Node::Sink(node) = kind.build(&settings, &[], &Site::alone("live", Pool::new(0), epoch)).unwrap()
        else {
            panic!("a relay is a sink");
        };
        hub.open(&relay::Network {
            listen,
            udp_port: 0,
            additional_hosts: vec!["203.0.113.7".into()],
            tcp: true,
            interfaces: vec![],
        })
        .unwrap();
        Stage { hub, node, started, sequence: 0 }
    }

    /// Gives the node its next access unit; every tenth is a keyframe.
    pub fn picture(&mut self) {
        let keyframe = self.sequence.is_multiple_of(10);
        let slice =
            std::iter::once(if keyframe { 0x65 } else { 0x41 }).chain((0..5000).map(|n| (n % 255) as u8 + 1));
        let mut units: Vec<Vec<u8>> = vec![slice.collect()];
        if keyframe {
            units.splice(0..0, [vec![0x67, 66, 0xc0, 31, 1], vec![0x68, 2, 3]]);
        }
        let unit = AccessUnit {
            data: annex_b(&units).into(),
            keyframe,
            layer: 0,
            pts: Pts::from_nanos(self.started.elapsed().as_nanos() as i64),
            sequence: self.sequence,
            annotations: Arc::default(),
        };
        self.sequence += 1;
        self.node.consume(Inputs::one(Item::AccessUnit(unit))).unwrap();
    }

    /// Plays pictures and carries the watcher's datagrams until `seen`.
    pub fn play(&mut self, socket: &UdpSocket, watcher: &mut Watcher, seen: impl Fn(&Watcher) -> bool) {
        self.play_over(&mut Network::new(0, Duration::ZERO), socket, watcher, seen);
    }

    /// The same, with `network` between the watcher and its socket.
    pub fn play_over(
        &mut self,
        network: &mut Network,
        socket: &UdpSocket,
        watcher: &mut Watcher,
        seen: impl Fn(&Watcher) -> bool,
    ) {
        let (begun, mut due) = (Instant::now(), Instant::now());
        let mut buffer = [0; 2048];
        while !seen(watcher) {
            assert!(begun.elapsed() < PATIENCE, "{:?}", self.hub.stats());
            if due <= Instant::now() {
                self.picture();
                due += FRAME;
            }
            for datagram in watcher.turn(Instant::now()) {
                network.carry(Instant::now(), datagram);
            }
            while let Some(datagram) = network.arrived(Instant::now()) {
                if datagram.to == watcher.end.address {
                    watcher.receive(Instant::now(), &datagram);
                    continue;
                }
                // Of the addresses it is told, those beyond loopback cannot be tried from here.
                let _ = socket.send_to(&datagram.bytes, datagram.to);
            }
            if let Ok((length, from)) = socket.recv_from(&mut buffer) {
                let bytes = bytes::BytesMut::from(&buffer[..length]);
                let (to, protocol) = (watcher.end.address, Transport::Udp);
                network.carry(Instant::now(), Datagram { from, to, protocol, bytes });
            }
        }
    }
}

pub fn viewer(ip: &str) -> (UdpSocket, Watcher) {
    let socket = UdpSocket::bind((ip, 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    let watcher = Watcher::new(Instant::now(), socket.local_addr().unwrap(), Boxes::Wanted);
    (socket, watcher)
}

#[test]
fn a_viewer_sees_whole_pictures_and_boxes_until_its_session_is_closed() {
    let mut stage = Stage::new([127, 0, 0, 1].into(), 1);
    stage.picture();
    let (socket, mut watcher) = viewer("127.0.0.1");
    let answer = stage.hub.offer("live", &watcher.end.offer(Instant::now())).unwrap();
    watcher.end.accept(Instant::now(), &answer.sdp);
    stage.play(&socket, &mut watcher, |seen| seen.pictures().len() >= 20 && seen.messages.len() >= 10);

    let stats = &stage.hub.stats()[0];
    assert_eq!((stats.id.as_str(), stats.viewers), ("live", 1));
    let session = &stats.sessions[0];
    assert_eq!((session.address, session.protocol), (Some(watcher.end.address), Some(Transport::Udp)));
    assert!(session.counts.packets >= 20 && session.detections_sent >= 10, "{session:?}");

    assert_eq!(stage.hub.close("another", &answer.session), Closed::NoSuchSession);
    assert_eq!(stage.hub.close("live", &answer.session), Closed::Ended);
    assert_eq!(stage.hub.close("live", &answer.session), Closed::NoSuchSession);
    stage.play(&socket, &mut watcher, Watcher::was_told_goodbye);
    assert!(stage.hub.stats()[0].sessions.is_empty());
    let (_, mut next) = viewer("127.0.0.1");
    assert!(stage.hub.offer("live", &next.end.offer(Instant::now())).is_ok(), "its place is free again");
    stage.hub.shutdown();
    assert!(stage.hub.stats().is_empty());
}

#[test]
fn ipv6_serves_as_well() {
    if UdpSocket::bind("[::1]:0").is_err() {
        return;
    }
    let mut stage = Stage::new("::1".parse().unwrap(), 1);
    stage.picture();
    let (socket, mut watcher) = viewer("::1");
    let answer = stage.hub.offer("live", &watcher.end.offer(Instant::now())).unwrap();
    watcher.end.accept(Instant::now(), &answer.sdp);
    stage.play(&socket, &mut watcher, |seen| seen.pictures().len() >= 3);
}

#[test]
fn a_socket_bound_to_all_addresses_answers_from_the_one_that_was_asked() {
    let mut stage = Stage::new([0, 0, 0, 0].into(), 1);
    stage.picture();
    let (socket, mut watcher) = viewer("127.0.0.1");
    let answer = stage.hub.offer("live", &watcher.end.offer(Instant::now())).unwrap();
    watcher.end.accept(Instant::now(), &answer.sdp);
    stage.play(&socket, &mut watcher, |seen| seen.pictures().len() >= 3);
}

#[test]
fn offers_are_refused_for_the_reason_that_holds() {
    let mut stage = Stage::new([127, 0, 0, 1].into(), 1);
    let offer = viewer("127.0.0.1").1.end.offer(Instant::now());
    let refused = |stage: &Stage, stream, offer: &str| stage.hub.offer(stream, offer).unwrap_err();
    assert_eq!(refused(&stage, "lve", &offer), Refusal::NoSuchStream("lve".into()));
    assert!(matches!(refused(&stage, "live", &offer), Refusal::NotLive { .. }));
    stage.picture();
    assert!(matches!(refused(&stage, "live", "v=0"), Refusal::NoH264(_)));
    assert!(matches!(refused(&stage, "live", "hello"), Refusal::BadSdp(_)));
    // What was refused has taken no place.
    stage.hub.offer("live", &offer).unwrap();
    assert!(matches!(refused(&stage, "live", &offer), Refusal::Full { most: 1, .. }));
    stage.node.finish().unwrap();
    assert!(matches!(refused(&stage, "live", &offer), Refusal::NoSuchStream(_)));
    stage.hub.shutdown();
}

/// Who is asked, in the next connectivity check that comes: the fragment of the other end.
fn asked(socket: &UdpSocket) -> String {
    let mut buffer = [0; 2048];
    loop {
        let (length, _) = socket.recv_from(&mut buffer).expect("a check comes in time");
        let stun = Stun::read(&buffer[..length]).expect("nothing else comes before media");
        if let Some(fragment) = stun.receiver() {
            return fragment.to_owned();
        }
    }
}

#[test]
fn candidates_are_tried_under_the_right_tag_and_so_are_those_of_a_restart_once_it_is_connected() {
    let mut stage = Stage::new([127, 0, 0, 1].into(), 1);
    stage.picture();
    let (socket, mut watcher) = viewer("127.0.0.1");
    let offer = watcher.end.offer(Instant::now());
    let user = offer.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:")).unwrap();
    let answer = stage.hub.offer("live", &offer).unwrap();
    let there = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
    there.iter().for_each(|socket| socket.set_read_timeout(Some(PATIENCE)).unwrap());
    let fragment = |user: &str, password: &str, socket: &UdpSocket| {
        let port = socket.local_addr().unwrap().port();
        format!(
            "a=ice-ufrag:{user}\r\na=ice-pwd:{password}\r\na=candidate:1 1 udp 1 127.0.0.1 {port} typ host\r\n"
        )
    };
    let hub = stage.hub.clone();
    let trickle = |tag: &str, text: &str| hub.trickle("live", &answer.session, tag, text, || true);
    let first = fragment(user, "x", &there[0]);
    assert_eq!(trickle("\"other\"", &first), Err(Refusal::StaleTag));
    assert_eq!(trickle(&answer.etag, &first), Ok(Trickled::Candidates));
    assert_eq!(asked(&there[0]), user);
    let lacking = fragment("another", "x", &there[1]);
    assert!(matches!(trickle("*", &lacking), Err(Refusal::BadFragment(_))), "a password has 22 characters");
    let restart = fragment("another", "of-twenty-two-characters", &there[1]);
    assert!(matches!(trickle("*", &restart), Err(Refusal::CannotRestart(_))), "it is not connected");
    watcher.end.accept(Instant::now(), &answer.sdp);
    stage.play(&socket, &mut watcher, |seen| !seen.pictures().is_empty());
    assert_eq!(hub.trickle("live", &answer.session, "*", &restart, || false), Err(Refusal::TooOften));
    assert!(matches!(trickle("*", &restart), Ok(Trickled::Restarted { .. })));
    assert_eq!(asked(&there[1]), "another");
    assert!(matches!(trickle("*", "hello"), Err(Refusal::BadFragment(_))));
    assert_eq!(hub.trickle("live", "none", "*", "", || true), Err(Refusal::NoSuchSession));
}
