//! `framegate run` as a process: what it prints, how it stops, how it exits.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

const COUNTED: &str = "
version: 1
nodes:
  - { id: camera, kind: test_pattern, with: { size: 64x48, rate: 100, count: 5 } }
  - { id: end, kind: collect, inputs: camera }
";

const ENDLESS: &str = "
version: 1
nodes:
  - { id: camera, kind: test_pattern, with: { size: 64x48 } }
  - { id: h264, kind: h264, inputs: camera }
  - { id: live, kind: relay, inputs: h264 }
server: { listen: '127.0.0.1:0', udp_port: 0 }
";

struct Graph {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn graph(text: &str) -> Graph {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("graph.yaml");
    std::fs::write(&path, text).unwrap();
    Graph { _folder: folder, path }
}

fn framegate(args: &[&str], graph: &Graph) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_framegate"));
    command.arg("run").arg(&graph.path).args(args).env_remove("RUST_LOG");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(args: &[&str], text: &str) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = framegate(args, &graph(text)).output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

fn interrupt(child: &Child) {
    let sent = Command::new("kill").arg("-INT").arg(child.id().to_string()).status().unwrap();
    assert!(sent.success());
}

#[test]
fn a_graph_that_ends_by_itself_exits_with_0() {
    assert_eq!(run(&["-q"], COUNTED), (Some(0), String::new()));
}

#[test]
fn a_graph_with_errors_says_where_and_exits_with_1() {
    let (code, stderr) = run(&["--set", "camera.rate=0"], COUNTED);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("error["), "{stderr}");
}

#[test]
fn a_file_that_is_not_there_is_misuse_and_exits_with_2() {
    let nowhere = Graph { path: PathBuf::from("nowhere.yaml"), ..graph("") };
    let Output { status, stderr, .. } = framegate(&[], &nowhere).output().unwrap();
    assert_eq!(status.code(), Some(2));
    assert!(String::from_utf8(stderr).unwrap().contains("\"nowhere.yaml\""));
}

#[test]
fn a_port_that_is_taken_is_told_before_anything_runs() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("server.listen={}", taken.local_addr().unwrap());
    let (code, stderr) = run(&["-q", "--set", &listen], ENDLESS);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("it is in use"), "{stderr}");
}

#[test]
fn the_log_can_be_read_by_programs() {
    let (code, stderr) = run(&["--log-format", "json"], COUNTED);
    assert_eq!(code, Some(0));
    for line in stderr.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|_| panic!("not JSON: {line}"));
    }
    assert!(stderr.contains("runs"), "{stderr}");
}

#[test]
fn where_to_watch_is_told_and_a_signal_stops_in_order() {
    let graph = graph(ENDLESS);
    let mut child = framegate(&["-q"], &graph).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let told = lines.next().unwrap().unwrap();
    assert!(told.starts_with("watch at http://127.0.0.1:"), "{told}");
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
