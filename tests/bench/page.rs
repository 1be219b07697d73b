//! From a picture being due at its source to it being seen in a real browser on this machine.
//!
//! On the wall clock, unlike the other tables, and so only worth reading from a quiet machine. Each row is of
//! several starts of server and browser: a screen takes pictures sixty times a second, and at which moment of
//! those a camera's come is chance.

use serde_json::Value;

use crate::measure::{heading, line};
use crate::support::binary::Framegate;
use crate::support::chromium::Chromium;

const STARTS: usize = 4;

const PLAIN: &str = "version: 1\nnodes:\n\
    \x20 - { id: camera, kind: test_pattern, with: { size: 1280x720, rate: 30 } }\n\
    \x20 - { id: h264, kind: h264, with: { bitrate: 2.5M }, inputs: camera }\n\
    \x20 - { id: live, kind: relay, inputs: h264 }\n";

/// For five seconds: milliseconds since each picture was due, when its packets were there, when it was handed
/// to the screen, and when a script saw it. The server's clock is asked for until one answer came quickly.
const WATCH: &str = r#"
    const done = arguments[arguments.length - 1];
    (async () => {
        let best = { trip: Infinity };
        for (let count = 0; count < 20; count++) {
            const sent = performance.now();
            const { elapsed_ms } = await (await fetch("/api/graph")).json();
            const trip = performance.now() - sent;
            if (trip < best.trip) best = { trip, zero: sent + trip / 2 - elapsed_ms };
        }
        const video = document.querySelector("video"), due = new Map(), seen = new Map();
        video.addEventListener("framegate-picture", ({ detail: { rtp, message } }) => {
            if (message) due.set(rtp, best.zero + message.pts_ns / 1e6);
        });
        const next = () => video.requestVideoFrameCallback((_, picture) => {
            seen.set(picture.rtpTimestamp, [picture.receiveTime, picture.presentationTime, performance.now()]);
            next();
        });
        next();
        await new Promise((later) => setTimeout(later, 5000));
        done([...seen].filter(([rtp]) => due.has(rtp)).map(([rtp, times]) => times.map((time) => time - due.get(rtp))));
    })();
"#;

/// Joins eight times: milliseconds to the first picture, from the press of a button and from being connected.
const JOIN: &str = r#"
    const done = arguments[arguments.length - 1];
    const join = async () => {
        const begun = performance.now(), peer = new RTCPeerConnection(), video = document.createElement("video");
        video.muted = true;
        document.body.append(video);
        const seen = new Promise((later) => video.requestVideoFrameCallback(later));
        const connected = new Promise((later) => peer.addEventListener("connectionstatechange", () => {
            if (peer.connectionState === "connected") later(performance.now());
        }));
        peer.addTransceiver("video", { direction: "recvonly" });
        peer.ontrack = ({ track }) => { video.srcObject = new MediaStream([track]); video.play(); };
        await peer.setLocalDescription();
        const headers = { "Content-Type": "application/sdp" };
        const answer = await fetch("/live/whep", { method: "POST", headers, body: peer.localDescription.sdp });
        await peer.setRemoteDescription({ type: "answer", sdp: await answer.text() });
        const there = await connected;
        await seen;
        const times = [performance.now() - begun, performance.now() - there];
        await fetch(new URL(answer.headers.get("Location"), answer.url), { method: "DELETE" });
        peer.close();
        video.remove();
        return times;
    };
    (async () => {
        const all = [];
        for (let count = 0; count < 8; count++) {
            // Joins that follow each other share their keyframes; this is of one that comes by itself.
            await new Promise((later) => setTimeout(later, 1000));
            all.push(await join());
        }
        done(all);
    })();
"#;

pub fn page() {
    let demo = std::fs::read_to_string("graphs/demo.yaml").expect("the demo is there");
    for (name, graph) in [("source, encoder, relay", PLAIN), ("the demo: and motion and boxes", &demo)] {
        for latency in ["lowest", "balanced"] {
            heading(&format!(
                "seen in Chromium, {name}, latency: {latency}; ms since it was due, median and p95"
            ));
            let pictures = (0..STARTS).flat_map(|_| measured::<3>(graph, latency, WATCH)).collect();
            table(["its packets are there", "handed to the screen", "seen by a script"], pictures);
        }
    }
    heading("the first picture in Chromium, latency: lowest; ms, median and p95");
    let joins = (0..STARTS).flat_map(|_| measured::<2>(PLAIN, "lowest", JOIN)).collect();
    table(["since it was asked for", "since the viewer is connected"], joins);
}

/// What `script` gives on the page of `graph` once it plays: a list of times, `N` each.
fn measured<const N: usize>(graph: &str, latency: &str, script: &str) -> Vec<[f64; N]> {
    let server = Framegate::run_text(graph, &["--set", &format!("live.latency={latency}")]);
    let browser = Chromium::start();
    browser.open(&server.url);
    browser.until(
        "a latency on the page",
        "return /[0-9]/.test(document.querySelector('[data-value=latency]')?.textContent)",
    );
    let Value::Array(all) = browser.ask_later(script) else { panic!("a list of times") };
    let times = |one: &Value| std::array::from_fn(|index| one[index].as_f64().expect("a time"));
    all.iter().map(times).collect()
}

fn table<const N: usize>(names: [&str; N], all: Vec<[f64; N]>) {
    for (index, name) in names.iter().enumerate() {
        let mut times: Vec<f64> = all.iter().map(|times| times[index]).collect();
        times.sort_by(f64::total_cmp);
        let at = |share: usize| format!("{:.1}", times[times.len() * share / 100]);
        line(name, &at(50), &at(95));
    }
}
