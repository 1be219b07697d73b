//! The demo graph in GStreamer's `webrtcbin`: a third WebRTC stack, a third decoder.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::seen;
use super::support::binary::Framegate;
use super::support::python::must;

#[test]
fn gstreamer_plays_it_as_well() {
    // Its ICE library sends from every address but loopback, so the server must be at another, too.
    let server = Framegate::run_at(Path::new("graphs/demo.yaml"), "0.0.0.0:0", &[]);
    let endpoint = server.at("live/whep").replace("0.0.0.0", "127.0.0.1");
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/browser/gst_play.py");
    // The system's own Python: the bindings are Debian packages.
    let output = must(
        Command::new("/usr/bin/python3").arg(&script).args([&endpoint, "90"]),
        "GStreamer could not play the demo; on Debian or Ubuntu: sudo apt-get install python3-gi \
         gir1.2-gst-plugins-bad-1.0 gstreamer1.0-plugins-bad gstreamer1.0-plugins-good gstreamer1.0-nice \
         gstreamer1.0-libav",
    );
    let played: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    seen::assert_played(&played, 90);
}
