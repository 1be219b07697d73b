//! Publishing to a WHIP server, over real sockets on loopback: a small server that says what it was
//! asked, and watches what it is sent.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant, SystemTime};

use serde_json::json;

use super::loopback::{FRAME, PATIENCE, Stage, viewer};
use super::watcher::Watcher;
use crate::media::{Item, Pool};
use crate::node::{Epoch, Node, NodeKind, Output, Settings, Site, Source};
use crate::relay::{self, Closed, Hub, PushKind, WhipKind};

/// A request that waits for its answer.
struct Asked {
    head: String,
    body: String,
    stream: TcpStream,
}

impl Asked {
    fn answer(mut self, status: &str, headers: &str, body: &str) {
        let length = body.len();
        write!(
            self.stream,
            "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}"
        )
        .unwrap();
    }
}

/// The server: every request is handed to the test.
fn server() -> (String, Receiver<Asked>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/whip?key=hush", listener.local_addr().unwrap());
    let (asks, asked) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            if asks.send(read(stream.unwrap())).is_err() {
                return;
            }
        }
    });
    (url, asked)
}

fn read(stream: TcpStream) -> Asked {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        reader.read_line(&mut head).unwrap();
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).unwrap();
    Asked { head, body: String::from_utf8(body).unwrap(), stream }
}

fn stage(url: &str) -> Stage {
    let hub = Hub::new();
    let with = json!({ "url": url, "token": "hush" });
    let mut stage = Stage::of(&PushKind::new(hub.clone()), hub, [127, 0, 0, 1].into(), &with);
    stage.picture();
    stage
}

/// Answers an offer and watches twenty pictures come.
fn serve(stage: &mut Stage, asked: Asked) -> (std::net::UdpSocket, Watcher) {
    let (socket, mut watcher) = viewer("127.0.0.1");
    let answer = watcher.end.answer(Instant::now(), &asked.body);
    let headers = "Content-Type: application/sdp\r\nLocation: whip/1\r\n";
    asked.answer("201 Created", headers, &answer);
    stage.play(&socket, &mut watcher, |seen| seen.pictures().len() >= 20);
    (socket, watcher)
}

#[test]
fn a_stream_is_published_and_taken_back_when_its_node_ends() {
    let (url, asked) = server();
    let mut stage = stage(&url);
    let post = asked.recv_timeout(PATIENCE).unwrap();
    let head = post.head.to_ascii_lowercase();
    assert!(head.starts_with("post /whip?key=hush http/1.1"), "{head}");
    assert!(head.contains("content-type: application/sdp"), "{head}");
    assert!(head.contains("authorization: bearer hush"), "{head}");
    for line in ["a=sendonly", "a=setup:actpass", "H264/90000", "a=candidate:", "a=rtcp-mux"] {
        assert!(post.body.contains(line), "{line} in\n{}", post.body);
    }
    let (socket, mut watcher) = serve(&mut stage, post);
    assert!(stage.hub.streams().is_empty() && stage.hub.stats().is_empty(), "nobody can ask for it here");
    stage.play(&socket, &mut watcher, |seen| seen.pictures().len() >= 40);
    let ending = std::thread::spawn(move || stage.node.finish().unwrap());
    let delete = asked.recv_timeout(PATIENCE).unwrap();
    assert!(delete.head.starts_with("DELETE /whip/1 HTTP/1.1"), "{}", delete.head);
    assert!(delete.head.to_ascii_lowercase().contains("authorization: bearer hush"));
    delete.answer("200 OK", "", "");
    ending.join().unwrap();
}

#[test]
fn a_server_that_turned_us_away_or_went_is_tried_again() {
    let (url, asked) = server();
    let mut stage = stage(&url);
    let first = asked.recv_timeout(PATIENCE).unwrap();
    let turned_away = Instant::now();
    first.answer("503 Service Unavailable", "Retry-After: 2\r\n", "");
    let again = asked.recv_timeout(PATIENCE).unwrap();
    assert!(turned_away.elapsed() >= Duration::from_secs(2), "it is left alone for as long as it wants");
    let (socket, mut watcher) = serve(&mut stage, again);
    watcher.end.leave();
    for datagram in watcher.turn(Instant::now()) {
        socket.send_to(&datagram.bytes, datagram.to).unwrap();
    }
    let after = asked.recv_timeout(PATIENCE).unwrap();
    assert!(after.head.starts_with("POST"), "{}", after.head);
    serve(&mut stage, after);
}

/// A `whip` node and its hub, behind a server that tells nobody of UDP.
struct Entrance {
    hub: Hub,
    node: Box<dyn Source>,
    asked: Receiver<Asked>,
    /// The session there is.
    session: Option<String>,
}

impl Entrance {
    fn new() -> (Entrance, String) {
        let hub = Hub::new();
        let kind = WhipKind::new(hub.clone());
        let settings = Settings::from_json(kind.about().with, &json!({})).unwrap();
        let epoch = Epoch { instant: Instant::now(), wall: SystemTime::now(), live: true };
        let built = kind.build(&settings, &[], &Site::alone("guest", Pool::new(0), epoch)).unwrap();
        let Node::Source(node) = built else { panic!("an entrance is a source") };
        hub.open(&relay::Network {
            listen: [127, 0, 0, 1].into(),
            udp_port: 0,
            additional_hosts: vec![],
            tcp: true,
            interfaces: vec![],
        })
        .unwrap();
        let (url, asked) = server();
        (Entrance { hub, node, asked, session: None }, url)
    }

    /// Answers what was asked meanwhile.
    fn serve(&mut self) {
        for asked in self.asked.try_iter() {
            if asked.head.starts_with("DELETE") {
                let session = self.session.take().expect("it was begun");
                // It may have been given up already.
                let _: Closed = self.hub.close("guest", &session);
                asked.answer("200 OK", "", "");
                continue;
            }
            let answer = self.hub.publish("guest", &without_udp(&asked.body)).unwrap();
            let headers = "Content-Type: application/sdp\r\nLocation: whip/1\r\n";
            self.session = Some(answer.session);
            asked.answer("201 Created", headers, &without_udp(&answer.sdp));
        }
    }

    /// Access units that came meanwhile.
    fn came(&mut self) -> usize {
        let mut out = Output::default();
        self.node.next(&mut out).unwrap();
        out.drain().filter(|(_, item)| matches!(item, Item::AccessUnit(_))).count()
    }
}

fn without_udp(sdp: &str) -> String {
    let lines = sdp.lines().filter(|line| !(line.starts_with("a=candidate:") && line.contains(" udp ")));
    lines.map(|line| format!("{line}\r\n")).collect()
}

#[test]
fn where_no_udp_comes_through_a_stream_is_published_over_tcp() {
    let (mut entrance, url) = Entrance::new();
    let mut stage = stage(&url);
    let (begun, mut came) = (Instant::now(), 0);
    // Once ICE has given up UDP, which takes it eight seconds.
    while came < 30 {
        assert!(begun.elapsed() < PATIENCE, "{came} pictures came");
        stage.picture();
        entrance.serve();
        let next = Instant::now() + FRAME;
        while Instant::now() < next {
            came += entrance.came();
        }
    }
    let held = |hub: &Hub, table: &str| hub.tables().iter().find(|(name, _)| *name == table).unwrap().1;
    for hub in [&entrance.hub, &stage.hub] {
        assert_eq!((held(hub, "tcp_connections"), held(hub, "connections")), (1, 1));
    }
    let ending = std::thread::spawn(move || {
        stage.node.finish().unwrap();
        stage.hub
    });
    while entrance.session.is_some() {
        assert!(begun.elapsed() < 2 * PATIENCE, "it never said goodbye");
        entrance.serve();
        entrance.came();
    }
    ending.join().unwrap();
}
