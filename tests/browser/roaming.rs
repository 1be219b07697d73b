//! A viewer whose network changes while it watches: a door between browser and server closes, and
//! another opens.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::live::{GRAPH, LIVE};
use super::support::asking::until;
use super::support::binary::Framegate;
use super::support::chromium::Chromium;

/// An offer to watch.
pub const OFFER: &str = include_str!("../whep/offer.sdp");

/// Keeps each connection of the page in `window.peers`, and gives it the server's candidate at the port
/// that `window.door` says.
const BEHIND_A_DOOR: &str = "
window.peers = [];
const Peer = window.RTCPeerConnection;
window.RTCPeerConnection = class extends Peer {
    constructor(...given) { super(...given); window.peers.push(this); }
    setRemoteDescription({ type, sdp }) {
        return super.setRemoteDescription({ type, sdp: sdp.replace(/^(a=candidate:\\S+ \\d+ udp \\d+ \\S+) \\d+/gm, `$1 ${DOOR}`) });
    }
};
";

/// How many pictures were decoded.
const DECODED: &str = "
return (async () => {
    const stats = [...(await window.peers.at(-1).getStats()).values()];
    return stats.find((entry) => entry.type === 'inbound-rtp' && entry.kind === 'video').framesDecoded;
})()";

/// How long a closed door may not notice that it is.
const LOOK: Duration = Duration::from_millis(100);

/// Carries datagrams between the browser and the server until it is closed, as a router does: by a way of its
/// own for each address of the browser's, which with a camera tries all it has.
pub struct Door {
    pub port: u16,
    open: Arc<AtomicBool>,
}

impl Door {
    pub fn to(server: u16) -> Door {
        let front = UdpSocket::bind("127.0.0.1:0").expect("there are free ports");
        front.set_read_timeout(Some(LOOK)).expect("a socket may wait");
        let port = front.local_addr().expect("it is bound").port();
        let open = Arc::new(AtomicBool::new(true));
        let is_open = open.clone();
        thread::spawn(move || {
            let mut ways = HashMap::new();
            let mut buffer = [0; 2048];
            while is_open.load(Ordering::Relaxed) {
                let Ok((length, from)) = front.recv_from(&mut buffer) else { continue };
                let way = ways.entry(from).or_insert_with(|| way_for(from, &front, server, &is_open));
                let _ = way.send(&buffer[..length]);
            }
        });
        Door { port, open }
    }

    pub fn close(self) {
        self.open.store(false, Ordering::Relaxed);
    }

    /// What leads every connection of a page through this door, until `window.door` says another.
    pub fn before_the_page(&self) -> String {
        BEHIND_A_DOOR.replace("DOOR", &format!("window.door ?? {}", self.port))
    }
}

/// The way to `server` of what comes from `browser` by `front`, and back.
fn way_for(browser: SocketAddr, front: &UdpSocket, server: u16, open: &Arc<AtomicBool>) -> UdpSocket {
    let back = UdpSocket::bind("127.0.0.1:0").expect("there are free ports");
    back.connect(("127.0.0.1", server)).expect("loopback is there");
    back.set_read_timeout(Some(LOOK)).expect("a socket may wait");
    let (front, way) =
        (front.try_clone().expect("a socket can be shared"), back.try_clone().expect("as above"));
    let is_open = open.clone();
    thread::spawn(move || {
        let mut buffer = [0; 2048];
        while is_open.load(Ordering::Relaxed) {
            let Ok(length) = back.recv(&mut buffer) else { continue };
            let _ = front.send_to(&buffer[..length], browser);
        }
    });
    way
}

/// What the server counts of each session, by name.
fn sessions(server: &Framegate, name: &str) -> Vec<u64> {
    let relays = server.json("api/relays");
    let sessions = relays["relays"][0]["sessions"].as_array().expect("a list of sessions").clone();
    sessions.iter().map(|session| session[name].as_u64().expect("a number")).collect()
}

/// The port of the server's that media goes by, as whoever posts `offer` to `endpoint` is told without a door.
pub fn media_port(endpoint: &str, offer: &str) -> u16 {
    let post = ureq::post(endpoint).header("Content-Type", "application/sdp");
    let mut answer = post.send(offer).expect("it is live");
    let session = answer.headers()["location"].to_str().expect("text").to_owned();
    let sdp = answer.body_mut().read_to_string().expect("text");
    let (folder, _) = endpoint.rsplit_once('/').expect("an endpoint has a path");
    assert_eq!(ureq::delete(format!("{folder}/{session}")).call().expect("it ends").status(), 200);
    let candidate =
        sdp.lines().find(|line| line.starts_with("a=candidate:")).expect("the server has an address");
    candidate.split(' ').nth(5).and_then(|port| port.parse().ok()).expect("a port")
}

pub fn decoded(browser: &Chromium) -> u64 {
    browser.ask(DECODED).as_u64().expect("a number")
}

pub fn until_decoded(browser: &Chromium, count: u64) {
    until(&format!("{count} pictures"), || decoded(browser) >= count);
}

#[test]
fn a_viewer_that_changes_its_network_goes_on_with_the_session_it_has() {
    // By TCP it would be reached without the door.
    let server = Framegate::run_text(GRAPH, &["--set", "server.tcp=false"]);
    server.until_live();
    let port = media_port(&server.at("live/whep"), OFFER);
    let mut door = Door::to(port);
    let browser = Chromium::start();
    browser.before_every_page(&door.before_the_page());
    browser.open(&server.at("live"));
    browser.until("the picture", LIVE);
    until_decoded(&browser, 30);
    let there = sessions(&server, "number");
    assert_eq!(there.len(), 1);
    let losses = sessions(&server, "picture_losses");
    // A phone says when it has left its Wi-Fi; of any other outage ICE finds out by itself, seconds later.
    for is_told in [true, true, false] {
        let next = Door::to(port);
        browser.ask(&format!("window.door = {}", next.port));
        std::mem::replace(&mut door, next).close();
        if is_told {
            browser.ask("window.dispatchEvent(new Event('online'))");
        }
        let so_far = decoded(&browser);
        // Longer than the server's patience with a way on which nothing is heard.
        until_decoded(&browser, so_far + 300);
        assert_eq!(sessions(&server, "number"), there, "it is the session it was");
        let now = sessions(&server, "picture_losses");
        assert!(!is_told || now == losses, "what the closed door kept was sent again: {losses:?}, {now:?}");
    }
    assert_eq!(browser.ask("return window.peers.length"), 1);
    assert_eq!(browser.ask(LIVE), true);
    browser.screenshot("roamed");
}
