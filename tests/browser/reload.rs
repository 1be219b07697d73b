//! A graph is changed while somebody watches: the viewer's session and stream carry on.

use std::path::Path;
use std::thread;

use super::aiortc::watched;
use super::support::asking::until;
use super::support::binary::Framegate;

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

#[test]
fn a_viewer_of_a_graph_that_is_changed_keeps_its_session_and_misses_no_picture() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("graph.yaml");
    put(&file, &graph(2, "h264"));
    let server = Framegate::run(&file, &[]);
    let endpoint = server.at("live/whep");
    let viewer = thread::spawn(move || watched(&endpoint, PICTURES));
    until("a viewer", || server.viewers() > 0 || viewer.is_finished());

    put(&file, &graph(4, "h264"));
    server.wait_for("is taken: adjusted boxes");
    put(&file, &graph(6, "h265"));
    server.wait_for("is not taken, with 1 error; the graph goes on as it was");
    assert!(server.log().contains("error[unknown-kind]: no kind is called \"h265\""), "{}", server.log());
    let encoder = &server.json("api/graph")["nodes"][3];
    assert_eq!((&encoder["kind"], &encoder["state"]), (&"h264".into(), &"running".into()));
    assert!(!viewer.is_finished(), "both changes came while somebody watched");

    let numbers = viewer.join().expect("the viewer watches to the end");
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "a picture is missing: {numbers:?}");
    assert!(server.stop().success());
}
