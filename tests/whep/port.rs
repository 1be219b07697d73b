//! The UDP port that media goes by: who needs the one that is agreed on, and who takes any.

use std::net::UdpSocket;
use std::path::PathBuf;
use std::process::{Command, Output};

use super::OFFER;
use super::exchange::offer;
use super::support::binary::Framegate;

/// What a graph takes that does not say otherwise.
const USUAL: u16 = 8189;
const PUSHES: &str = "
version: 1
nodes:
  - { id: camera, kind: test_pattern, with: { size: 320x240, rate: 15 } }
  - { id: h264, kind: h264, inputs: camera, with: { bitrate: 300k } }
  - { id: out, kind: whip_push, inputs: h264, with: { url: \"http://127.0.0.1:9/elsewhere/whip\" } }
";
const SHOWS: &str = "  - { id: live, kind: relay, inputs: h264 }\n";

struct Graph {
    file: PathBuf,
    _folder: tempfile::TempDir,
}

fn graph(text: &str) -> Graph {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("graph.yaml");
    std::fs::write(&file, text).expect("a temporary file can be written");
    Graph { file, _folder: folder }
}

fn run(graph: &Graph) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_framegate"));
    command.arg("run").arg(&graph.file).args(["--set", "server.listen=127.0.0.1:0"]);
    command
}

fn refused(command: &mut Command) -> String {
    let Output { status, stderr, .. } = command.output().expect("the binary under test starts");
    let told = String::from_utf8_lossy(&stderr).into_owned();
    assert!(!status.success(), "{told}");
    told
}

#[test]
fn a_graph_that_only_publishes_elsewhere_runs_beside_one_that_has_the_usual_port() {
    // Whoever has it already does as well.
    let _first = UdpSocket::bind(("127.0.0.1", USUAL));
    let server = Framegate::serving(&mut run(&graph(PUSHES)));
    assert!(server.stop().success());
    let told = refused(&mut run(&graph(&format!("{PUSHES}{SHOWS}"))));
    assert!(told.contains("UDP 127.0.0.1:8189") && told.contains("server.udp_port"), "{told}");
}

#[test]
fn a_port_that_the_graph_names_is_taken_whatever_it_is_for() {
    let first = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    let port = first.local_addr().expect("it is bound").port();
    let told = refused(run(&graph(PUSHES)).args(["--set", &format!("server.udp_port={port}")]));
    assert!(told.contains(&format!("UDP 127.0.0.1:{port}")), "{told}");
}

#[test]
fn a_relay_that_comes_later_is_reached_by_the_port_there_is_and_the_log_says_so() {
    let graph = graph(PUSHES);
    let server = Framegate::serving(&mut run(&graph));
    std::fs::write(&graph.file, format!("{PUSHES}{SHOWS}")).expect("a temporary file can be written");
    server.wait_for(&format!("and by {USUAL} from the next start on: this run began without a relay"));
    server.until_live();
    assert_eq!(offer(&server.at("live/whep"), OFFER).status, 201);
}
