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

pub fn page() {
    let demo = std::fs::read_to_string("graphs/demo.yaml").expect("the demo is there");
    for (name, graph) in [("source, encoder, relay", PLAIN), ("the demo: and motion and boxes", &demo)] {
        for latency in ["lowest", "balanced"] {
            heading(&format!(
                "seen in Chromium, {name}, latency: {latency}; ms since it was due, median and p95"
            ));
            let pictures: Vec<[f64; 3]> = (0..STARTS).flat_map(|_| watch(graph, latency)).collect();
            for (index, what) in
                ["its packets are there", "handed to the screen", "seen by a script"].iter().enumerate()
            {
                let mut times: Vec<f64> = pictures.iter().map(|times| times[index]).collect();
                times.sort_by(f64::total_cmp);
                let at = |share: usize| format!("{:.1}", times[times.len() * share / 100]);
                line(what, &at(50), &at(95));
            }
        }
    }
}

fn watch(graph: &str, latency: &str) -> Vec<[f64; 3]> {
    let server = Framegate::run_text(graph, &["--set", &format!("live.latency={latency}")]);
    let browser = Chromium::start();
    browser.open(&server.url);
    browser.until(
        "a latency on the page",
        "return /[0-9]/.test(document.querySelector('[data-value=latency]').textContent)",
    );
    let Value::Array(pictures) = browser.ask_later(WATCH) else { panic!("a list of pictures") };
    let times = |picture: &Value| [0, 1, 2].map(|index| picture[index].as_f64().expect("a time"));
    pictures.iter().map(times).collect()
}
