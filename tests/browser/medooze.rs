//! A client that nobody here wrote, in a page of another origin: npm's `whip-whep`, used as its own page says.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::live::GRAPH;
use super::roaming::{Door, OFFER, decoded, media_port, until_decoded};
use super::support::asking::until;
use super::support::binary::Framegate;
use super::support::chromium::Chromium;
use super::support::node::package;
use super::whip::{CAMERA, MOVES, TAKES, pictures};

const PAGE: &str = "<!doctype html><title>elsewhere</title><video autoplay muted playsinline></video>";

/// Begins a script: what it awaits, or the error, is its answer.
const VIEW: &str = "
const { WHEPClient } = await import('/whep.js');
const peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
peer.addTransceiver('audio');
peer.addTransceiver('video');
peer.ontrack = (event) => {
    if (event.track.kind === 'video') document.querySelector('video').srcObject = event.streams[0];
};
window.client = new WHEPClient();
await client.view(peer, 'URL');
return 'asked';
";

const PUBLISH: &str = "
const { WHIPClient } = await import('/whip.js');
const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
const peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
for (const track of media.getTracks()) peer.addTransceiver(track, { direction: 'sendonly' });
window.client = new WHIPClient();
await client.publish(peer, 'URL');
return 'asked';
";

/// What a page does that has heard of another network.
const RESTART: &str = "await window.client.restart(); return 'restarted';";

const STOP: &str = "await window.client.stop(); return 'stopped';";

fn awaited(browser: &Chromium, script: &str) -> String {
    let script = format!(
        "const done = arguments[0]; (async () => {{ {script} }})().then(done, (error) => done(String(error)))"
    );
    browser.ask_later(&script).as_str().expect("text").to_owned()
}

/// A web server of somebody else's, with the client on it.
struct Elsewhere {
    server: Child,
    origin: String,
    _folder: TempDir,
}

impl Elsewhere {
    fn open() -> Elsewhere {
        let folder = tempfile::tempdir().expect("a folder for the page");
        let client = package("whip-whep", "1.2.0");
        std::fs::write(folder.path().join("index.html"), PAGE).expect("the page can be written");
        for script in ["whep.js", "whip.js"] {
            std::fs::copy(client.join(script), folder.path().join(script)).expect("the client has it");
        }
        let (server, origin) = serve(folder.path());
        Elsewhere { server, origin, _folder: folder }
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn serve(folder: &Path) -> (Child, String) {
    let mut server = Command::new("python3")
        .args(["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory"])
        .arg(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("python3 is there");
    let mut line = String::new();
    BufReader::new(server.stdout.take().expect("its output is piped")).read_line(&mut line).expect("text");
    let port = line.split("port ").nth(1).and_then(|rest| rest.split(' ').next()).expect("it says its port");
    let origin = format!("http://127.0.0.1:{port}");
    (server, origin)
}

fn beside(graph: &str, page: &Elsewhere) -> Framegate {
    Framegate::run_text(graph, &["--set", &format!("server.allow_origins=[\"{}\"]", page.origin)])
}

#[test]
fn a_client_of_another_make_watches_from_another_site_and_says_goodbye() {
    let page = Elsewhere::open();
    let server = beside(GRAPH, &page);
    server.until_live();
    let browser = Chromium::start();
    browser.open(&page.origin);
    assert_eq!(awaited(&browser, &VIEW.replace("URL", &server.at("live/whep"))), "asked");
    browser.until("a picture that moves", MOVES);
    assert_eq!(server.viewers(), 1);
    assert_eq!(awaited(&browser, STOP), "stopped");
    until("it has left", || server.viewers() == 0);
}

#[test]
fn a_client_of_another_make_publishes_from_another_site() {
    let page = Elsewhere::open();
    let server = beside(TAKES, &page);
    let browser = Chromium::with(&CAMERA);
    browser.open(&page.origin);
    assert_eq!(awaited(&browser, &PUBLISH.replace("URL", &server.at("guest/whip"))), "asked");
    until("its pictures", || pictures(&server, "live") >= 60);
    assert_eq!(awaited(&browser, STOP), "stopped");
    server.wait_for("waiting for the next");
}

#[test]
fn a_client_of_another_make_changes_its_network_and_goes_on_with_the_session_it_has() {
    let page = Elsewhere::open();
    let origins = format!("server.allow_origins=[\"{}\"]", page.origin);
    // By TCP it would be reached without the door; and of several candidates this client makes a list with commas
    // between, which no browser reads: so there is one.
    let one_way = ["--set", "server.tcp=false", "--set", "server.interfaces=[\"127.0.0.1\"]"];
    let server = Framegate::run_text(GRAPH, &[["--set", &origins].as_slice(), &one_way].concat());
    server.until_live();
    let port = media_port(&server.at("live/whep"), OFFER);
    let door = Door::to(port);
    let browser = Chromium::start();
    browser.before_every_page(&door.before_the_page());
    browser.open(&page.origin);
    // With sound before the picture, and bundled as browsers do unasked: this client takes the first ICE
    // credentials of its offers, which have to be those that the picture goes by.
    let view = VIEW.replace("URL", &server.at("live/whep")).replace("max-bundle", "balanced");
    assert_eq!(awaited(&browser, &view), "asked");
    browser.until("a picture that moves", MOVES);
    let next = Door::to(port);
    browser.ask(&format!("window.door = {}", next.port));
    door.close();
    assert_eq!(awaited(&browser, RESTART), "restarted");
    let so_far = decoded(&browser);
    // Longer than the server's patience with a way on which nothing is heard.
    until_decoded(&browser, so_far + 300);
    assert_eq!(server.viewers(), 1);
    assert_eq!(awaited(&browser, STOP), "stopped");
    until("it has left", || server.viewers() == 0);
}
