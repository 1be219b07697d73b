//! An IP camera's stream, from GStreamer's RTSP server: what it sends, untouched, whatever happens to it.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use framegate::media::annex_b;
use framegate::media::{AccessUnit, Item};
use framegate::node::{Epoch, Node, NodeError, Output, Settings, Site, Source, Then};
use framegate::nodes::test_pattern::read_frame_number;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::rig::{Rig, frame, unit};

/// Long enough for a machine that is busy with other things.
const LIMIT: Duration = Duration::from_secs(60);

/// A server, and the access units it sends: numbered pictures, a keyframe every 200 ms.
struct Server {
    process: Child,
    folder: TempDir,
    port: u16,
}

impl Server {
    fn start(account: &[&str]) -> Server {
        let folder = tempfile::tempdir().unwrap();
        let rig = Rig::new();
        let pictures = rig.pattern(50, json!({ "size": "320x240", "rate": "25" }));
        let units = rig.through("h264", json!({ "keyframe_every": "200ms" }), pictures);
        for (number, item) in units.iter().enumerate() {
            std::fs::write(folder.path().join(format!("{number}.h264")), &unit(item).data).unwrap();
        }
        let (process, port) = serve(&folder, 0, account);
        Server { process, folder, port }
    }

    /// As a camera that was switched off and on again.
    fn start_again(&mut self) {
        (self.process, self.port) = serve(&self.folder, self.port, &[]);
    }

    fn stop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    fn order(&mut self, order: &str) {
        writeln!(self.process.stdin.as_mut().unwrap(), "{order}").unwrap();
    }

    fn url(&self, path: &str) -> String {
        format!("rtsp://127.0.0.1:{}/{path}", self.port)
    }

    /// All NAL units that are pictures.
    fn pictures(&self) -> HashSet<Vec<u8>> {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        files.flat_map(|file| slices(&std::fs::read(file.unwrap().path()).unwrap())).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop((self.process.kill(), self.process.wait()));
    }
}

fn serve(folder: &TempDir, port: u16, account: &[&str]) -> (Child, u16) {
    // The system's own Python: the bindings are Debian packages.
    let mut process = Command::new("/usr/bin/python3")
        .arg("tests/nodes/rtsp_server.py")
        .arg(folder.path())
        .arg(port.to_string())
        .args(account)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("there is a Python 3");
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let port = line.trim().parse().expect(
        "the RTSP server starts; on Debian or Ubuntu: sudo apt-get install python3-gi gir1.2-gst-rtsp-server-1.0 \
         gstreamer1.0-plugins-good gstreamer1.0-plugins-bad",
    );
    (process, port)
}

fn slices(unit: &[u8]) -> Vec<Vec<u8>> {
    annex_b::units(unit).filter(|unit| matches!(annex_b::kind(unit), 1 | 5)).map(<[u8]>::to_vec).collect()
}

/// A camera node and what has come of it.
struct Camera {
    source: Box<dyn Source>,
    site: Site,
    units: Vec<AccessUnit>,
    failed: Option<NodeError>,
}

impl Camera {
    fn open(with: Value) -> Camera {
        let kinds = framegate::catalog::kinds();
        let kind = kinds.find("rtsp").unwrap();
        let settings = Settings::from_json(kind.about().with, &with).unwrap();
        let epoch = Epoch { instant: Instant::now(), wall: std::time::SystemTime::now(), live: true };
        let site = Site::alone("camera", framegate::media::Pool::new(1 << 20), epoch);
        let Ok(Node::Source(source)) = kind.build(&settings, &[], &site) else { panic!("rtsp is a source") };
        Camera { source, site, units: Vec::new(), failed: None }
    }

    /// Turns the node over until `enough`.
    fn until(&mut self, what: &str, enough: impl Fn(&Camera) -> bool) {
        let begin = Instant::now();
        while !enough(self) {
            assert!(begin.elapsed() < LIMIT, "{what}: {} units, {:?}", self.units.len(), self.failed);
            let mut out = Output::default();
            match self.source.next(&mut out) {
                Ok(_) => {}
                Err(error) => self.failed = Some(error),
            }
            for (_, item) in out.drain() {
                let unit = unit(&item).clone();
                assert!(self.units.last().is_none_or(|last| last.pts < unit.pts), "times rise");
                self.units.push(unit);
            }
        }
    }

    fn numbers(&self) -> Vec<u32> {
        let items = self.units.iter().cloned().map(Item::AccessUnit).collect();
        let frames = Rig::new().through("h264_decode", json!({}), items);
        frames.iter().map(|item| read_frame_number(&frame(item).plane(0)).expect("a number")).collect()
    }

    fn count(&self, name: &str) -> u64 {
        self.site.counters.named(name).get()
    }
}

#[test]
fn the_cameras_own_stream_comes_untouched_and_in_time() {
    let server = Server::start(&[]);
    let sent = server.pictures();
    for transport in ["tcp", "udp"] {
        let mut camera = Camera::open(json!({ "url": server.url("live"), "transport": transport }));
        camera.until("40 pictures", |camera| camera.units.len() >= 40 || camera.failed.is_some());
        assert!(camera.failed.is_none(), "{:?}", camera.failed);
        assert!(camera.units[0].keyframe, "what comes first can be decoded");
        assert!(camera.units.iter().flat_map(|unit| slices(&unit.data)).all(|slice| sent.contains(&slice)));
        let numbers = camera.numbers();
        assert_eq!(numbers.len(), camera.units.len(), "each can be decoded");
        let follows = |pair: &[u32]| pair[1] == (pair[0] + 1) % 50;
        assert!(numbers.windows(2).all(follows), "{transport}: {numbers:?}");
        // The camera's own pace, whatever the network did: 40 ms from each picture to the next.
        let whole = camera.units.windows(2).filter(|pair| {
            let apart = pair[1].pts.since(pair[0].pts);
            apart.abs_diff(Duration::from_millis(40)) < Duration::from_millis(2)
        });
        assert!(whole.count() >= 30, "{transport}");
    }
}

#[test]
fn a_password_is_used_and_never_shown() {
    let server = Server::start(&["viewer", "open sesame"]);
    let right = json!({ "url": server.url("live"), "user": "viewer", "password": "open sesame" });
    let mut camera = Camera::open(right);
    camera.until("a picture", |camera| !camera.units.is_empty() || camera.failed.is_some());
    assert!(camera.failed.is_none(), "{:?}", camera.failed);

    let within = server.url("live").replace("//", "//viewer:not%20sesame@");
    let mut camera = Camera::open(json!({ "url": within }));
    camera.until("an answer", |camera| camera.failed.is_some());
    let failed = camera.failed.unwrap();
    assert_eq!(failed.then, Then::StopGraph);
    assert_eq!(failed.to_string(), format!("{} refuses this user and password", server.url("live")));
}

#[test]
fn what_is_no_h264_or_not_there_is_refused_with_what_there_is() {
    let server = Server::start(&[]);
    for (path, says) in
        [("jpeg", "gives jpeg, and only h264 is taken"), ("nothing", "has no such stream (404)")]
    {
        let mut camera = Camera::open(json!({ "url": server.url(path) }));
        camera.until("an answer", |camera| camera.failed.is_some());
        let failed = camera.failed.unwrap();
        assert_eq!(failed.then, Then::StopGraph);
        assert!(failed.to_string().starts_with(&format!("{} {says}", server.url(path))), "{failed}");
    }
}

#[test]
fn a_camera_that_was_switched_off_is_asked_again_until_it_is_back() {
    let mut server = Server::start(&[]);
    let mut camera = Camera::open(json!({ "url": server.url("live") }));
    camera.until("five pictures", |camera| camera.units.len() >= 5);
    server.stop();
    camera.until("its loss", |camera| camera.count("lost") >= 1);
    let waits = camera.site.waiting.why().expect("it is told to all who ask");
    assert!(waits.starts_with(&server.url("live")) && waits.contains("asked again in"), "{waits}");
    server.start_again();
    let before = camera.units.len();
    camera.until("pictures again", |camera| camera.units.len() >= before + 10);
    assert_eq!(camera.site.waiting.why(), None);
    assert!(camera.failed.is_none() && camera.units[before].keyframe);

    server.stop();
    let mut camera = Camera::open(json!({ "url": server.url("live"), "on_lost": "stop" }));
    camera.until("an end", |camera| camera.failed.is_some());
    let failed = camera.failed.unwrap();
    assert_eq!(failed.then, Then::StopGraph);
    let says = failed.to_string();
    assert!(says.contains("Connection refused") && says.ends_with("and \"on_lost\" is \"stop\""), "{says}");
}

#[test]
fn a_camera_that_falls_silent_is_noticed() {
    let mut server = Server::start(&[]);
    let mut camera = Camera::open(json!({ "url": server.url("live") }));
    camera.until("five pictures", |camera| camera.units.len() >= 5);
    server.order("silence");
    camera.until("its loss", |camera| camera.count("lost") >= 1);
    server.order("go");
    let before = camera.units.len();
    camera.until("pictures again", |camera| camera.units.len() >= before + 5);
    assert!(camera.units[before].keyframe);
}

#[test]
fn while_nobody_watches_nothing_is_given_and_then_a_keyframe_first() {
    use framegate::node::Wish;
    let server = Server::start(&[]);
    let mut camera = Camera::open(json!({ "url": server.url("live") }));
    camera.until("five pictures", |camera| camera.units.len() >= 5);
    camera.source.request(Wish::Sleep);
    let before = camera.units.len();
    for _ in 0..20 {
        let mut out = Output::default();
        assert!(camera.source.next(&mut out).is_ok() && out.is_empty());
    }
    camera.source.request(Wish::Wake);
    camera.until("pictures again", |camera| camera.units.len() >= before + 5);
    assert!(camera.units[before].keyframe);
}
