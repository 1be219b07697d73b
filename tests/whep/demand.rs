//! A stream on demand, by HTTP: nothing runs while nobody watches, and the first viewer waits for
//! the start rather than being turned away.

use super::OFFER;
use super::exchange::{json, offer, send, session_of};
use super::support::asking::until;
use super::support::binary::Framegate;

const GRAPH: &str = "
version: 1
nodes:
  - { id: camera, kind: test_pattern, with: { size: 320x240, rate: 30 } }
  - { id: h264, kind: h264, inputs: camera, with: { bitrate: 300k } }
  - { id: live, kind: relay, inputs: h264, with: { on_demand: true, linger: 100ms } }
";

fn node(server: &Framegate, index: usize) -> serde_json::Value {
    json(&server.at("api/graph"))["nodes"][index].clone()
}

fn turns(server: &Framegate, index: usize) -> u64 {
    node(server, index)["turns"].as_u64().expect("turns are counted")
}

fn is_asleep(server: &Framegate) -> bool {
    node(server, 2)["counters"]["asleep"] == 1
}

#[test]
fn nothing_runs_until_a_viewer_comes_and_again_after_the_last_has_gone() {
    let server = Framegate::run_text(GRAPH, &[]);
    assert!(is_asleep(&server));
    assert_eq!((turns(&server, 0), turns(&server, 1)), (0, 0));

    let endpoint = server.at("live/whep");
    let answer = offer(&endpoint, OFFER);
    assert_eq!(answer.status, 201, "it waited for the start: {answer:?}");
    assert!(!is_asleep(&server));
    let before = turns(&server, 1);
    until("a picture for the viewer", || turns(&server, 1) > before + 5);

    let session = session_of(&endpoint, &answer);
    assert_eq!(send("DELETE", &session, &[], "").status, 200);
    until("sleep", || is_asleep(&server));
    // A frame that was under way may still have been counted; then nothing more is.
    let mut last = (0, 0);
    until("rest", || {
        let seen = (turns(&server, 0), turns(&server, 1));
        std::mem::replace(&mut last, seen) == seen
    });
}

#[test]
fn a_source_that_cannot_come_is_waited_for_only_so_long() {
    // Nobody ever writes into this pipe.
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let pipe = folder.path().join("pipe.y4m");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo runs").success());
    let source = format!("kind: file, with: {{ path: {} }}", pipe.display());
    let graph = GRAPH.replace("kind: test_pattern, with: { size: 320x240, rate: 30 }", &source);
    let server = Framegate::run_text(&graph, &[]);
    let answer = offer(&server.at("live/whep"), OFFER);
    assert_eq!(answer.status, 409, "{answer:?}");
    assert_eq!(answer.header("retry-after"), "1");
    until("sleep after nobody came", || is_asleep(&server));
}
