//! The demo graph in aiortc: another WebRTC stack, another decoder.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::seen;
use super::support::binary::Framegate;
use super::support::python::{Python, must};

#[test]
fn aiortc_plays_it_too() {
    let python = Python::with("aiortc", &["aiortc==1.16.0", "numpy==2.3.5"]);
    let server = Framegate::run(Path::new("graphs/demo.yaml"), &[]);
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/browser/play.py");
    let output =
        must(python.script(&script).args([&server.at("live/whep"), "90"]), "aiortc could not play the demo");
    let played: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    seen::assert_played(&played, 90);

    let messages = played["messages"].as_array().expect("a list of messages");
    assert!(messages.len() >= 45, "{} messages for 90 pictures", messages.len());
    assert!(messages.iter().filter_map(seen::Said::read).any(|said| !said.boxes.is_empty()));
}
