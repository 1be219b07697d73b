//! What others publish to us by WHIP: another Framegate, ffmpeg and a browser. Looked at from the far
//! end, where the pictures are watched again.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::aiortc::watched;
use super::live::LIVE;
use super::roaming::{Door, OFFER, media_port};
use super::seen;
use super::support::asking::until;
use super::support::binary::Framegate;
use super::support::cache;
use super::support::chromium::Chromium;
use super::support::python::{Python, must};

/// The guest's picture as it came, and decoded and encoded again.
pub const TAKES: &str = "
version: 1
nodes:
  - { id: guest, kind: whip }
  - { id: plain, kind: relay, inputs: guest }
  - { id: h264, kind: h264, inputs: guest }
  - { id: live, kind: relay, inputs: h264 }
";

const PUBLISHES: &str = "
version: 1
nodes:
  - { id: camera, kind: test_pattern, with: { size: 640x360, rate: 30 } }
  - { id: h264, kind: h264, inputs: camera }
  - { id: outside, kind: whip_push, inputs: h264, with: { url: \"${WHIP_URL}\" } }
";

fn guest(server: &Framegate) -> Value {
    let graph = server.json("api/graph");
    let nodes = graph["nodes"].as_array().expect("a list of nodes");
    nodes.iter().find(|node| node["id"] == "guest").expect("it is there").clone()
}

fn count(server: &Framegate, name: &str) -> u64 {
    guest(server)["counters"][name].as_u64().unwrap_or(0)
}

pub fn pictures(server: &Framegate, relay: &str) -> u64 {
    let relays = server.json("api/relays");
    let relays = relays["relays"].as_array().expect("a list of relays");
    let stream = relays.iter().find(|stream| stream["name"] == relay).expect("it is there");
    stream["pictures"].as_u64().expect("a number")
}

fn until_watchable(server: &Framegate, relay: &str) {
    until("a picture for the relay", || pictures(server, relay) > 0);
}

/// That a viewer of `relay` sees `count` pictures of the test pattern, one after the other.
fn assert_seen(server: &Framegate, relay: &str, count: usize) {
    until_watchable(server, relay);
    let numbers = watched(&server.at(&format!("{relay}/whep")), count);
    seen::assert_rising(&numbers.iter().map(|number| Some(*number)).collect::<Vec<_>>());
    assert!(numbers.len() * 10 >= count * 9, "{} of {count} numbers could be read", numbers.len());
}

#[test]
fn another_framegate_publishes_comes_back_and_is_followed_by_the_next() {
    let server = Framegate::run_text(TAKES, &[]);
    let url = server.at("guest/whip");
    let publisher = || Framegate::run_text_with(PUBLISHES, &[], &[("WHIP_URL", url.as_str())]);
    let first = publisher();
    first.wait_for("published to http://127.0.0.1");
    assert_seen(&server, "plain", 60);
    assert_seen(&server, "live", 60);
    assert!(count(&server, "lost_packets") == 0, "nothing is lost on loopback");

    let second = publisher();
    second.wait_for("it answered 409 Conflict");
    assert!(first.stop().success());
    // By its farewell over HTTP or by the end of its session, whichever is heard first.
    server.wait_for("waiting for the next");
    second.wait_for("published to http://127.0.0.1");
    until("the second publisher", || count(&server, "publishers") == 2);
    assert_seen(&server, "plain", 60);
    assert!(server.stop().success());
}

#[test]
fn a_publisher_that_is_killed_is_noticed_and_its_place_is_free() {
    let server = Framegate::run_text(TAKES, &[]);
    let url = server.at("guest/whip");
    let publisher = || Framegate::run_text_with(PUBLISHES, &[], &[("WHIP_URL", url.as_str())]);
    assert_eq!(guest(&server)["state"], "waiting");
    let first = publisher();
    until_watchable(&server, "plain");
    assert_eq!(guest(&server)["state"], "running");
    // Killed, without a word to the server.
    drop(first);
    server.wait_for("nothing is heard of the publisher any more");
    assert_eq!(guest(&server)["state"], "waiting");
    let _second = publisher();
    until("the second publisher", || count(&server, "publishers") == 2);
    assert_seen(&server, "plain", 30);
}

/// Three hundred pictures of the test pattern, as Y4M.
fn clip() -> PathBuf {
    let path = cache("clips").join("pattern.y4m");
    let graph = format!(
        "version: 1\nclock: offline\nnodes:\n  \
         - {{ id: camera, kind: test_pattern, with: {{ size: 320x240, rate: 30, count: 300 }} }}\n  \
         - {{ id: clip, kind: write, inputs: camera, with: {{ path: \"{}\", overwrite: true }} }}\n",
        path.display()
    );
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("clip.yaml");
    std::fs::write(&file, graph).expect("a temporary file can be written");
    must(Command::new(env!("CARGO_BIN_EXE_framegate")).arg("run").arg(file), "the clip could not be made");
    path
}

/// A build of ffmpeg that speaks WHIP: Debian's is older than that.
fn ffmpeg() -> PathBuf {
    let python = Python::with("ffmpeg", &["--no-deps", "imageio-ffmpeg==0.8.1"]);
    let folder = python.packages().join("imageio_ffmpeg/binaries");
    let mut found = std::fs::read_dir(&folder).expect("the package has a folder of programs");
    let program = found.find_map(|entry| {
        let path = entry.ok()?.path();
        path.file_name()?.to_str()?.starts_with("ffmpeg").then_some(path)
    });
    program.expect("and ffmpeg in it")
}

/// Killed when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop((self.0.kill(), self.0.wait()));
    }
}

fn publish(program: &Path, clip: &Path, url: &str) -> Running {
    let ffmpeg = Command::new(program)
        .args(["-nostdin", "-loglevel", "error", "-re", "-stream_loop", "-1", "-i"])
        .arg(clip)
        .args(["-c:v", "libx264", "-profile:v", "baseline", "-preset", "veryfast", "-tune", "zerolatency"])
        .args(["-g", "30", "-b:v", "1M", "-f", "whip", url])
        .stderr(Stdio::inherit())
        .spawn();
    Running(ffmpeg.expect("ffmpeg starts"))
}

#[test]
fn ffmpeg_publishes_by_its_own_whip() {
    let (program, clip) = (ffmpeg(), clip());
    let server = Framegate::run_text(TAKES, &[]);
    let _ffmpeg = publish(&program, &clip, &server.at("guest/whip"));
    until_watchable(&server, "plain");
    let numbers = watched(&server.at("plain/whep"), 90);
    assert!(numbers.len() >= 81, "{} of 90 numbers could be read", numbers.len());
    // The clip begins again after three hundred.
    let follow = |pair: &&[u32]| pair[1] == pair[0] + 1 || pair[1] < pair[0];
    let following = numbers.windows(2).filter(follow).count();
    assert!(following * 10 >= numbers.len() * 9, "{numbers:?}");
    let decoded = watched(&server.at("live/whep"), 30);
    assert!(decoded.len() >= 27, "{} of 30 numbers could be read", decoded.len());
}

/// A camera that is a drawing, and nobody is asked whether it may be used.
pub const CAMERA: [&str; 2] = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];

/// Publishes the browser's camera, H.264 before all else, as a page of OBS's kind would; leaves the
/// connection in `window.peer`, and the answer's status and session.
const PUBLISH: &str = "
const done = arguments[0];
(async () => {
    const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 640, height: 480 } });
    const peer = window.peer = new RTCPeerConnection();
    peer.addTransceiver(media.getAudioTracks()[0], { direction: 'sendonly' });
    const video = peer.addTransceiver(media.getVideoTracks()[0], { direction: 'sendonly' });
    const codecs = RTCRtpSender.getCapabilities('video').codecs;
    const isH264 = (codec) => codec.mimeType === 'video/H264';
    video.setCodecPreferences([...codecs.filter(isH264), ...codecs.filter((codec) => !isH264(codec))]);
    await peer.setLocalDescription();
    const answer = await fetch('guest/whip', {
        method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: peer.localDescription.sdp,
    });
    const sdp = await answer.text();
    if (answer.status !== 201) return `${answer.status} ${sdp}`;
    window.session = new URL(answer.headers.get('location'), new URL('guest/whip', location.href)).href;
    await peer.setRemoteDescription({ type: 'answer', sdp });
    return sdp;
})().then(done, (error) => done(String(error)));
";

/// The sum of all pixels of the picture that is shown, at three times that differ.
pub const MOVES: &str = "
window.sums ??= new Set();
const video = document.querySelector('video');
const canvas = new OffscreenCanvas(64, 48).getContext('2d');
canvas.drawImage(video, 0, 0, 64, 48);
window.sums.add(canvas.getImageData(0, 0, 64, 48).data.reduce((sum, value) => sum + value, 0));
return video.getVideoPlaybackQuality().totalVideoFrames >= 40 && window.sums.size >= 3;
";

#[test]
fn a_browser_publishes_its_camera_and_others_watch_it() {
    let server = Framegate::run_text(TAKES, &[]);
    let browser = Chromium::with(&CAMERA);
    browser.open(&server.url);
    let answer = browser.ask_later(PUBLISH);
    let answer = answer.as_str().expect("text");
    assert!(answer.starts_with("v=0"), "{answer}");
    assert!(answer.contains("a=inactive") && answer.contains("a=recvonly"), "{answer}");
    assert!(answer.contains("a=rtcp-fb:") && answer.contains("transport-cc"), "{answer}");
    for relay in ["plain", "live"] {
        until_watchable(&server, relay);
        let viewer = Chromium::start();
        viewer.open(&server.at(relay));
        viewer.until("the picture", LIVE);
        viewer.until("a picture that moves", MOVES);
        viewer.screenshot(&format!("published-{relay}"));
    }
    // What arrives when, is told to its congestion control: it begins with 300 kb/s and dares more.
    browser.until(
        "a bitrate that grows",
        "return (async () => [...(await window.peer.getStats()).values()].some(
            (entry) => entry.type === 'candidate-pair' && entry.availableOutgoingBitrate > 1_000_000))()",
    );
    let ended =
        browser.ask("return fetch(window.session, { method: 'DELETE' }).then((answer) => answer.status)");
    assert_eq!(ended, 200);
    server.wait_for("the publisher's session was closed; waiting for the next");
    assert!(server.stop().success());
}

/// What [`PUBLISH`] offers beside the picture. Turned down it is offered again at every restart, with ICE
/// credentials that nobody goes by; a page that watches, whose restart is used here, need not tell them apart.
const SOUND: &str = "peer.addTransceiver(media.getAudioTracks()[0], { direction: 'sendonly' });";

/// Restarts ICE of what [`PUBLISH`] has left, as our page restarts it of what it watches.
const RESTART: &str = "
const done = arguments[0];
import('/_page/restart.js')
    .then(({ restart }) => restart(window.peer, window.session, new AbortController().signal))
    .then(() => done('restarted'), (error) => done(String(error)));
";

#[test]
fn a_browser_whose_network_changes_goes_on_publishing_in_the_session_it_has() {
    // By TCP it would reach us without the door.
    let server = Framegate::run_text(TAKES, &["--set", "server.tcp=false"]);
    let port = media_port(&server.at("guest/whip"), &OFFER.replace("a=recvonly", "a=sendonly"));
    let mut door = Door::to(port);
    let browser = Chromium::with(&CAMERA);
    browser.before_every_page(&door.before_the_page());
    // A page that watches nothing: two connections do not fit through one door.
    browser.open(&server.at("healthz"));
    let answer = browser.ask_later(&PUBLISH.replace(SOUND, ""));
    assert!(answer.as_str().is_some_and(|answer| answer.starts_with("v=0")), "{answer}");
    until_watchable(&server, "live");
    for _ in 0..2 {
        let next = Door::to(port);
        browser.ask(&format!("window.door = {}", next.port));
        std::mem::replace(&mut door, next).close();
        assert_eq!(browser.ask_later(RESTART), "restarted");
        let so_far = pictures(&server, "live");
        // Longer than the server's patience with a way on which nothing is heard.
        until("300 pictures more", || pictures(&server, "live") >= so_far + 300);
        assert_eq!((count(&server, "publishers"), guest(&server)["state"].as_str()), (1, Some("running")));
    }
}
