//! A viewer that can reach us by way of a TURN server only, and is told of one.

use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::live::LIVE;
use super::support::binary::Framegate;
use super::support::chromium::{Chromium, PATIENCE};

/// Debian's coturn on a free port of loopback, ended when dropped.
struct Turn {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Turn {
    fn start() -> Turn {
        let free = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let port = free.expect("loopback has free ports").port();
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let child = Command::new("turnserver")
            .args(["-n", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", "--no-tls", "--no-dtls"])
            .args(["--no-tcp", "--lt-cred-mech", "--user=viewer:turn-secret", "--realm=framegate.test"])
            .args(["--allow-loopback-peers", "--cli-password=unused", "--no-cli", "--log-file=stdout"])
            .arg(format!("--listening-port={port}"))
            .arg(format!("--pidfile={}/turn.pid", folder.path().display()))
            .arg(format!("--userdb={}/turn.db", folder.path().display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("coturn starts; on Debian or Ubuntu: sudo apt-get install coturn");
        let turn = Turn { child, port, _folder: folder };
        turn.until_it_answers();
        turn
    }

    /// A binding request that is answered says that it is there.
    fn until_it_answers(&self) {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has free ports");
        socket.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout can be set");
        let mut request = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
        request.extend([7; 12]);
        let since = Instant::now();
        let mut answer = [0; 200];
        loop {
            // Nobody there yet is an error of the send or of the receive.
            let asked = socket.send_to(&request, ("127.0.0.1", self.port));
            match asked.and_then(|_| socket.recv(&mut answer)) {
                Ok(_) => return,
                Err(_) => assert!(since.elapsed() < PATIENCE, "coturn does not answer"),
            }
            thread::yield_now();
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        drop((self.child.kill(), self.child.wait()));
    }
}

#[test]
fn a_viewer_that_needs_turn_is_told_of_it_and_watches_through_it() {
    let turn = Turn::start();
    let ice_servers = format!(
        "server.ice_servers=[{{\"urls\":[\"turn:127.0.0.1:{}?transport=udp\"],\"username\":\"viewer\",\"credential\":\"turn-secret\"}}]",
        turn.port
    );
    let server = Framegate::run(Path::new("graphs/demo.yaml"), &["--set", &ice_servers]);
    let browser = Chromium::start();
    browser.before_every_page(
        "const Real = RTCPeerConnection;
         window.peers = [];
         window.RTCPeerConnection = class extends Real {
             constructor(given) { super({ ...given, iceTransportPolicy: 'relay' }); window.peers.push(this); }
         };",
    );
    browser.open(&server.at("live"));
    browser.until("the picture", LIVE);
    let way = browser.ask(
        "return (async () => {
             const report = [...(await window.peers.at(-1).getStats()).values()];
             const transport = report.find((entry) => entry.type === 'transport');
             const pair = report.find((entry) => entry.id === transport.selectedCandidatePairId);
             return report.find((entry) => entry.id === pair.localCandidateId).candidateType;
         })()",
    );
    assert_eq!(way, "relay");
}
