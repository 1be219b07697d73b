//! Connections over loopback: those of viewers, slow ones, and those of strangers.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;

use bytes::BytesMut;

use super::*;
use crate::relay::far::Transport;
use crate::relay::frames::put;
use crate::relay::stun::{Stun, tests::request};
use crate::relay::waiting::{Waker, wait};

/// No step below takes a hundredth of this on a machine that runs at all.
const PATIENCE: Duration = Duration::from_secs(30);

/// A listener, turned as the relay thread turns it, and who is known to it.
struct Place {
    tcp: Tcp,
    waker: Waker,
    now: Instant,
    known: Vec<SocketAddr>,
    came: Vec<Inbound>,
    run: Vec<u8>,
}

impl Place {
    fn new() -> Place {
        let tcp = Tcp::listen(&[SocketAddr::from(([127, 0, 0, 1], 0))]).unwrap();
        let (waker, now) = (Waker::new().unwrap(), Instant::now());
        Place { tcp, waker, now, known: vec![], came: vec![], run: vec![] }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.tcp.listeners[0].local_addr().unwrap()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Waits until something is ready and does what is to be done.
    fn turn(&mut self) {
        let interests: Vec<_> = self.tcp.interests().collect();
        let ready = wait(&interests, &self.waker, Some(PATIENCE));
        assert!(!ready.is_empty(), "something happens in time");
        self.work(&ready);
    }

    fn work(&mut self, ready: &[RawFd]) {
        let Place { tcp, now, known, came, .. } = self;
        tcp.admit(*now, ready, |far| known.contains(&far.address));
        tcp.receive(ready, |inbound| came.push(inbound));
    }

    fn turn_until(&mut self, what: impl Fn(&Place) -> bool) {
        while !what(self) {
            self.turn();
        }
    }

    /// Lets time pass without anything happening.
    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.work(&[]);
    }

    fn send(&mut self, waiting: &mut VecDeque<Datagram>) -> Room {
        self.tcp.send(waiting, &mut self.run)
    }

    /// A connection that has said hello.
    fn viewer(&mut self) -> TcpStream {
        let (mut stream, before) = (self.connect(), self.came.len());
        stream.write_all(&hello()).unwrap();
        self.turn_until(|place| place.came.len() > before);
        stream
    }
}

fn hello() -> Vec<u8> {
    let mut bytes = vec![];
    put(&request("ours:theirs"), &mut bytes);
    bytes
}

/// Datagrams for the other end of `stream`.
fn datagrams(stream: &TcpStream, lengths: &[usize]) -> VecDeque<Datagram> {
    let (from, to) = (stream.peer_addr().unwrap(), stream.local_addr().unwrap());
    let of = |length: &usize| Datagram {
        from,
        to,
        protocol: Transport::Tcp,
        bytes: BytesMut::from(&vec![*length as u8; *length][..]),
    };
    lengths.iter().map(of).collect()
}

fn is_closed(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 16]) {
        Ok(length) => length == 0,
        Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
    }
}

fn read_frame(stream: &mut TcpStream) -> Vec<u8> {
    let mut header = [0; 2];
    stream.read_exact(&mut header).unwrap();
    let mut body = vec![0; usize::from(u16::from_be_bytes(header))];
    stream.read_exact(&mut body).unwrap();
    body
}

#[test]
fn datagrams_go_both_ways_each_from_the_address_it_is_of() {
    let mut place = Place::new();
    let mut stream = place.viewer();
    let came = &place.came[0];
    assert_eq!((came.from, came.to), (stream.local_addr().unwrap(), stream.peer_addr().unwrap()));
    assert_eq!((came.protocol, &came.bytes[..]), (Transport::Tcp, &request("ours:theirs")[..]));
    let mut waiting = datagrams(&stream, &[1200, 1, 900]);
    assert_eq!(place.send(&mut waiting), Room::Left);
    assert!(waiting.is_empty());
    for length in [1200, 1, 900] {
        assert_eq!(read_frame(&mut stream), vec![length as u8; length]);
    }
    drop(stream);
    place.turn_until(|place| place.tcp.connections() == 0);
    assert_eq!(place.tcp.lost(), [place.came[0].far()]);
    assert_eq!((place.tcp.ends.len(), place.tcp.interests().count()), (0, 1));
}

#[test]
fn a_viewer_that_does_not_read_is_waited_for_and_nothing_is_lost_or_cut() {
    let mut place = Place::new();
    let mut stream = place.viewer();
    let (lengths, mut sent) = ([1100, 3, 700], 0);
    let mut waiting = VecDeque::new();
    loop {
        waiting.extend(datagrams(&stream, &lengths));
        sent += lengths.len();
        if place.send(&mut waiting) == Room::Full {
            break;
        }
    }
    let left = waiting.len();
    assert!(left > 0 && sent * 600 < 8 << 20, "the system holds a bounded part: {sent} sent, {left} left");
    assert_eq!(place.send(&mut waiting), Room::Full, "it is not tried again before it is ready");
    assert_eq!(waiting.len(), left);
    for count in 0..sent {
        let length = lengths[count % lengths.len()];
        // Some have been read: the rest goes on, in the middle of a frame perhaps.
        if count == sent / 2 {
            place.turn_until(|place| place.tcp.connections.values().all(|one| !one.is_full()));
            while place.send(&mut waiting) == Room::Full {
                place.turn();
            }
        }
        assert_eq!(read_frame(&mut stream), vec![length as u8; length], "{count} of {sent}");
    }
    assert!(waiting.is_empty());
}

#[test]
fn a_full_connection_that_is_not_used_any_more_does_not_hold_up_the_one_that_is() {
    let mut place = Place::new();
    let (full, mut other) = (place.viewer(), place.viewer());
    let mut waiting = VecDeque::new();
    loop {
        waiting.extend(datagrams(&full, &[1000; 16]));
        if place.send(&mut waiting) == Room::Full {
            break;
        }
    }
    waiting.extend(datagrams(&other, &[77]));
    while !waiting.is_empty() {
        assert_eq!(place.send(&mut waiting), Room::Left);
    }
    assert_eq!(read_frame(&mut other), vec![77; 77]);
    waiting.extend(datagrams(&full, &[5]));
    assert_eq!(place.send(&mut waiting), Room::Full);
}

#[test]
fn whoever_says_nothing_or_half_a_frame_is_closed_after_a_while_and_a_viewer_is_not() {
    let mut place = Place::new();
    let (mut silent, mut half) = (place.connect(), place.connect());
    half.write_all(&hello()[..20]).unwrap();
    let mut viewer = place.viewer();
    place.turn_until(|place| place.tcp.connections() == 3);
    place.known.push(viewer.local_addr().unwrap());
    place.pass(PROVE_WITHIN - LOOK_EVERY);
    assert_eq!(place.tcp.connections(), 3);
    assert!(place.tcp.deadline().is_some());
    place.pass(LOOK_EVERY);
    assert_eq!(place.tcp.connections(), 1);
    assert!(is_closed(&mut silent) && is_closed(&mut half));
    assert_eq!(place.tcp.lost().len(), 2);
    // Its session ends.
    place.known.clear();
    place.pass(LOOK_EVERY);
    assert_eq!((place.tcp.connections(), place.tcp.deadline()), (0, None));
    assert!(is_closed(&mut viewer));
}

#[test]
fn what_does_not_begin_with_a_check_or_is_no_frame_is_closed_at_once() {
    let (mut media, mut long) = (vec![], hello());
    put(&[0x80; 100], &mut media);
    long.extend(u16::MAX.to_be_bytes());
    for garbage in [b"GET / HTTP/1.1\r\n\r\n".to_vec(), vec![0xff; 5000], media, long] {
        let mut place = Place::new();
        let mut stream = place.connect();
        stream.write_all(&garbage).unwrap();
        place.turn();
        place.turn_until(|place| place.tcp.connections() == 0);
        assert!(is_closed(&mut stream));
        assert!(place.came.iter().all(|inbound| Stun::read(&inbound.bytes).is_some()));
    }
}

#[test]
fn of_too_many_the_oldest_that_has_proved_nothing_goes_and_no_viewer_does() {
    let mut place = Place::new();
    let mut viewer = place.viewer();
    place.known.push(viewer.local_addr().unwrap());
    let (most, more) = (64, 300);
    place.tcp.most = most;
    let mut strangers = vec![];
    for _ in 0..most + more {
        place.now += Duration::from_micros(1);
        strangers.push(place.connect());
        place.turn();
        assert!(place.tcp.connections() <= most);
    }
    assert_eq!(place.tcp.connections(), most);
    assert!(strangers[..=more].iter_mut().all(is_closed));
    place.send(&mut datagrams(&viewer, &[9]));
    assert_eq!(read_frame(&mut viewer), [9; 9]);
    // With nobody left to go, whoever comes is turned away.
    place.known.extend(strangers[more + 1..].iter().map(|one| one.local_addr().unwrap()));
    let mut late = place.connect();
    place.turn();
    assert_eq!(place.tcp.connections(), most);
    assert!(is_closed(&mut late));
}

#[test]
fn a_listener_that_fails_is_left_alone_for_a_while() {
    let mut place = Place::new();
    // A socket that does not listen fails each time, as all do when descriptors have run out.
    let connected = place.connect();
    place.tcp.listeners[0] = TcpListener::from(OwnedFd::from(connected));
    let fd = place.tcp.listeners[0].as_raw_fd();
    place.work(&[fd]);
    assert_eq!(place.tcp.interests().count(), 0);
    assert_eq!(place.tcp.deadline(), Some(place.now + REST));
    place.work(&[fd]);
    place.pass(REST);
    assert_eq!((place.tcp.interests().count(), place.tcp.deadline()), (1, None));
}

/// A datagram that we are to connect for.
fn outgoing(to: SocketAddr, length: usize) -> Datagram {
    let (from, bytes) = (ours(), BytesMut::from(&vec![length as u8; length][..]));
    Datagram { from, to, protocol: Transport::Tcp, bytes }
}

fn ours() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], candidate::ANY_PORT))
}

#[test]
fn where_it_is_ours_to_connect_datagrams_go_both_ways_from_the_address_we_are_known_by() {
    let mut place = Place::new();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let theirs = server.local_addr().unwrap();
    assert_eq!(place.send(&mut [outgoing(theirs, 7), outgoing(theirs, 8)].into()), Room::Left);
    let (mut stream, _) = server.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    place.turn();
    assert_eq!(read_frame(&mut stream), [7; 7]);
    // The one after it came too soon; from now on none does.
    assert_eq!(place.send(&mut [outgoing(theirs, 9), outgoing(theirs, 10)].into()), Room::Left);
    assert_eq!((read_frame(&mut stream), read_frame(&mut stream)), (vec![9; 9], vec![10; 10]));
    stream.write_all(&hello()).unwrap();
    place.turn_until(|place| !place.came.is_empty());
    assert_eq!((place.came[0].from, place.came[0].to), (theirs, ours()));
    assert_eq!(place.tcp.connections(), 1);
    drop(stream);
    place.turn_until(|place| place.tcp.connections() == 0);
    assert_eq!(place.tcp.lost(), [Far::tcp(theirs)]);
}

#[test]
fn one_that_does_not_come_about_holds_up_nothing_and_is_given_up() {
    let mut place = Place::new();
    let mut viewer = place.viewer();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut waiting = VecDeque::from([outgoing(nobody, 7)]);
    waiting.extend(datagrams(&viewer, &[5]));
    waiting.push_back(outgoing(nobody, 8));
    while !waiting.is_empty() {
        assert_eq!(place.send(&mut waiting), Room::Left);
    }
    assert_eq!(read_frame(&mut viewer), [5; 5]);
    place.turn_until(|place| place.tcp.connections() == 1);
    assert_eq!(place.tcp.lost(), [Far::tcp(nobody)]);
}

#[test]
fn whoever_has_connected_to_us_and_is_gone_is_not_connected_to() {
    let mut place = Place::new();
    let stream = place.viewer();
    let mut waiting = datagrams(&stream, &[5]);
    drop(stream);
    place.turn_until(|place| place.tcp.connections() == 0);
    assert_eq!(place.send(&mut waiting), Room::Left);
    assert_eq!((waiting.len(), place.tcp.connections()), (0, 0));
}
