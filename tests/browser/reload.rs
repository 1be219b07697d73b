//! A graph is changed while somebody watches: the viewer's session and stream carry on.

use std::path::{Path, PathBuf};
use std::thread;

use serde_json::Value;

use super::seen;
use super::support::asking::until;
use super::support::binary::Framegate;
use super::support::python::{Python, must};

/// Eight seconds at the source's rate.
const PICTURES: usize = 120;

fn graph(thickness: u32, encoder: &str) -> String {
    format!(
        "version: 1\nname: reload\nnodes:\n  \
         - {{ id: camera, kind: test_pattern, with: {{ size: 320x240, rate: 15 }} }}\n  \
         - {{ id: motion, kind: plugin, plugin: motion, inputs: camera }}\n  \
         - {{ id: boxes, kind: plugin, plugin: overlay, with: {{ thickness: {thickness} }}, inputs: motion }}\n  \
         - {{ id: h264, kind: {encoder}, inputs: boxes }}\n  \
         - {{ id: live, kind: relay, inputs: h264 }}\n"
    )
}

fn put(file: &Path, text: &str) {
    let next = file.with_extension("next");
    std::fs::write(&next, text).expect("a file");
    std::fs::rename(next, file).expect("the file is put in place");
}

/// The numbers of the pictures that a viewer decodes.
fn watched(endpoint: &str) -> Vec<u32> {
    let python = Python::with("aiortc", &["aiortc==1.16.0", "numpy==2.3.5"]);
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/browser/play.py");
    let output = must(
        python.script(&script).args([endpoint, &PICTURES.to_string()]),
        "aiortc could not play the graph",
    );
    let played: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    seen::played_numbers(&played).into_iter().flatten().collect()
}

fn api(server: &Framegate, path: &str) -> Value {
    let mut answer = ureq::get(server.at(path)).call().expect("the server answers");
    answer.body_mut().read_json().expect("with JSON")
}

fn viewers(server: &Framegate) -> u64 {
    api(server, "api/relays")["relays"][0]["viewers"].as_u64().unwrap_or(0)
}

#[test]
fn a_viewer_of_a_graph_that_is_changed_keeps_its_session_and_misses_no_picture() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("graph.yaml");
    put(&file, &graph(2, "h264"));
    let server = Framegate::run(&file, &[]);
    let endpoint = server.at("live/whep");
    let viewer = thread::spawn(move || watched(&endpoint));
    until("a viewer", || viewers(&server) > 0 || viewer.is_finished());

    put(&file, &graph(4, "h264"));
    server.wait_for("is taken: adjusted boxes");
    put(&file, &graph(6, "h265"));
    server.wait_for("is not taken, with 1 error; the graph goes on as it was");
    assert!(server.log().contains("error[unknown-kind]: no kind is called \"h265\""), "{}", server.log());
    let encoder = &api(&server, "api/graph")["nodes"][3];
    assert_eq!((&encoder["kind"], &encoder["state"]), (&"h264".into(), &"running".into()));
    assert!(!viewer.is_finished(), "both changes came while somebody watched");

    let numbers = viewer.join().expect("the viewer watches to the end");
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "a picture is missing: {numbers:?}");
    assert!(server.stop().success());
}
