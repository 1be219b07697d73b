//! The whole relay over TCP on loopback: a viewer that reads, one that does not, and strangers.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::loopback::{PATIENCE, Stage, viewer};
use super::watcher::{Boxes, Watcher};
use crate::relay::far::Transport;
use crate::relay::frames::{Frames, put};
use crate::relay::peer::Datagram;
use crate::relay::{Closed, SessionStats};

/// One viewer and its connection.
struct Line {
    stream: TcpStream,
    frames: Frames,
    watcher: Watcher,
    relay: SocketAddr,
    over: bool,
}

impl Line {
    /// A viewer that has joined, and its session.
    fn join(stage: &Stage) -> (Line, String) {
        // The connection comes before the offer: its own address does not matter to the relay.
        let mut watcher = Watcher::new(Instant::now(), ([127, 0, 0, 1], 9).into(), Boxes::Unwanted);
        watcher.end.protocol = Transport::Tcp.into();
        let answer = stage.hub.offer("live", &watcher.end.offer(Instant::now())).unwrap();
        watcher.end.accept(Instant::now(), &answer.sdp);
        let relay = passive(&answer.sdp);
        let stream = connect(relay);
        // So that it is soon full, when it is not read.
        socket2::SockRef::from(&stream).set_recv_buffer_size(16 * 1024).unwrap();
        let frames = Frames::default();
        (Line { stream, frames, watcher, relay, over: false }, answer.session)
    }

    /// Sends what the viewer has to say and gives it what came.
    fn turn(&mut self) {
        for datagram in self.watcher.turn(Instant::now()) {
            // It is told of addresses that cannot be tried from here.
            if datagram.to == self.relay && !self.over {
                let mut bytes = vec![];
                put(&datagram.bytes, &mut bytes);
                self.over |= self.stream.write_all(&bytes).is_err();
            }
        }
        let mut buffer = [0; 16 * 1024];
        let read = match self.stream.read(&mut buffer) {
            Ok(0) => return self.over = true,
            Ok(length) => &buffer[..length],
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return,
            Err(_) => return self.over = true,
        };
        let (from, to, protocol) = (self.relay, self.watcher.end.address, Transport::Tcp);
        let watcher = &mut self.watcher;
        let take = |bytes| watcher.receive(Instant::now(), &Datagram { from, to, protocol, bytes });
        self.frames.push(read, take).unwrap();
    }

    fn turn_until(&mut self, stage: &mut Stage, seen: impl Fn(&Line) -> bool) {
        let (begun, mut due) = (Instant::now(), Instant::now());
        while !seen(self) {
            assert!(begun.elapsed() < PATIENCE, "{:?}", stage.hub.stats());
            if due <= Instant::now() {
                stage.picture();
                due += Duration::from_millis(33);
            }
            self.turn();
        }
    }
}

/// Where `sdp` says that TCP is waited for, on loopback.
fn passive(sdp: &str) -> SocketAddr {
    let told = |line: &&str| line.contains(" tcp ") && line.contains(" 127.0.0.1 ");
    let line = sdp.lines().find(told).expect("there is a candidate for it");
    let words: Vec<&str> = line.split(' ').collect();
    assert_eq!(words[6..], ["typ", "host", "tcptype", "passive"]);
    format!("{}:{}", words[4], words[5]).parse().unwrap()
}

fn connect(relay: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(relay).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    stream
}

fn session(stage: &Stage, transport: Transport) -> SessionStats {
    let sessions = stage.hub.stats().remove(0).sessions;
    sessions.into_iter().find(|session| session.protocol == Some(transport)).expect("it is there")
}

fn held(stage: &Stage, table: &str) -> usize {
    stage.hub.tables().iter().find(|(name, _)| *name == table).expect("it is counted").1
}

#[test]
fn a_viewer_sees_whole_pictures_over_tcp_until_its_session_is_closed() {
    let mut stage = Stage::new([127, 0, 0, 1].into(), 1);
    stage.picture();
    let (mut line, name) = Line::join(&stage);
    line.turn_until(&mut stage, |line| line.watcher.pictures().len() >= 20);
    let stats = session(&stage, Transport::Tcp);
    assert_eq!(stats.address, Some(line.stream.local_addr().unwrap()));
    assert_eq!((held(&stage, "tcp_connections"), stats.counts.dropped_to_key), (1, 0));
    assert_eq!(stage.hub.close("live", &name), Closed::Ended);
    line.turn_until(&mut stage, |line| line.watcher.was_told_goodbye() && line.over);
    assert_eq!((held(&stage, "tcp_connections"), held(&stage, "addresses")), (0, 0));
}

#[test]
fn a_viewer_that_does_not_read_is_dropped_to_the_next_keyframe_and_slows_nobody() {
    let mut stage = Stage::new([127, 0, 0, 1].into(), 2);
    stage.picture();
    let (mut slow, _) = Line::join(&stage);
    slow.turn_until(&mut stage, |line| line.watcher.pictures().len() >= 3);
    let (socket, mut quick) = viewer("127.0.0.1");
    let answer = stage.hub.offer("live", &quick.end.offer(Instant::now())).unwrap();
    quick.end.accept(Instant::now(), &answer.sdp);
    stage.play(&socket, &mut quick, |seen| seen.pictures().len() >= 3);
    // Nobody reads at the slow one's; the quick one is read whenever a picture is given.
    while session(&stage, Transport::Tcp).counts.dropped_to_key == 0 {
        let so_far = quick.pictures().len();
        stage.play(&socket, &mut quick, |seen| seen.pictures().len() > so_far);
    }
    let behind = quick.pictures().len() + 15;
    stage.play(&socket, &mut quick, |seen| seen.pictures().len() >= behind);
    assert_eq!(session(&stage, Transport::Udp).counts.dropped_to_key, 0);
    // It reads again: first what had been sent already, then whole pictures from the next keyframe on.
    let newest = *quick.pictures().keys().last().unwrap();
    slow.turn_until(&mut stage, |line| line.watcher.pictures().keys().any(|time| *time > newest));
    let (seen, all) = (slow.watcher.pictures(), quick.pictures());
    let missed = all.keys().find(|time| !seen.contains_key(time)).expect("it was too slow for some");
    let (_, next) = seen.range(missed..).next().expect("it reads again");
    assert!(next.iter().any(|unit| unit[0] & 0x1f == 5), "it goes on with a keyframe");
}

#[test]
fn strangers_by_the_hundred_cost_a_viewer_nothing() {
    let mut stage = Stage::new([127, 0, 0, 1].into(), 1);
    stage.picture();
    let (mut line, _) = Line::join(&stage);
    line.turn_until(&mut stage, |line| line.watcher.pictures().len() >= 3);
    let mut strangers = vec![];
    for number in 0..600 {
        let mut stranger = TcpStream::connect(line.relay).unwrap();
        // They say nothing, half a frame, something else, or too much of it.
        let says = [&b""[..], &[0, 100, 0, 1], b"GET / HTTP/1.1\r\n\r\n", &[0, 1, 0x80, 0xff, 0xff]];
        let _ = stranger.write_all(says[number % says.len()]);
        if number % 5 == 0 {
            let _ = stranger.shutdown(Shutdown::Both);
        }
        strangers.push(stranger);
        if strangers.len() > 200 {
            strangers.drain(..100);
        }
        line.turn();
    }
    let seen = line.watcher.pictures().len();
    line.turn_until(&mut stage, |line| line.watcher.pictures().len() >= seen + 30);
    assert_eq!(session(&stage, Transport::Tcp).counts.dropped_to_key, 0);
    drop(strangers);
    line.turn_until(&mut stage, |line| !line.over && line.watcher.pictures().len() >= seen + 31);
}
