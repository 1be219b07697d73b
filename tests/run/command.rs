//! `framegate run` as a process: what it prints, how it stops, how it exits.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

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

/// A node that takes a minute over each frame.
const DAWDLING: &str = "
version: 1
nodes:
  - { id: camera, kind: test_pattern, with: { size: 64x48 } }
  - { id: end, kind: collect, with: { delay: 60s }, inputs: camera }
";

/// Far longer than any end takes, on the busiest machine.
const NEVER: Duration = Duration::from_secs(60);

pub struct Graph {
    _folder: tempfile::TempDir,
    pub path: PathBuf,
}

pub fn graph(text: &str) -> Graph {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("graph.yaml");
    std::fs::write(&path, text).unwrap();
    Graph { _folder: folder, path }
}

pub fn framegate(args: &[&str], graph: &Graph) -> Command {
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

/// How a process ended that was told to. One that does not is killed, and fails its test.
fn ended(mut child: Child) -> Option<i32> {
    let id = child.id().to_string();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || tell.send(child.wait()));
    let Ok(status) = told.recv_timeout(NEVER) else {
        Command::new("kill").args(["-KILL", &id]).status().unwrap();
        panic!("it did not end");
    };
    status.unwrap().code()
}

#[test]
fn a_graph_that_ends_by_itself_exits_with_0() {
    assert_eq!(run(&["-q"], COUNTED), (Some(0), String::new()));
}

/// Where no other program can be found, ffmpeg included.
#[test]
fn an_mp4_file_is_decoded_for_a_node_that_takes_frames() {
    let graph = graph(
        "
version: 1
clock: offline
nodes:
  - { id: camera, kind: file, with: { path: clip.mp4 } }
  - { id: small, kind: scale, with: { size: 64x48 }, inputs: camera }
  - { id: out, kind: write, with: { path: out.y4m }, inputs: small }
  - { id: same, kind: write, with: { path: same.h264 }, inputs: camera }
",
    );
    let folder = graph.path.parent().unwrap();
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=25", "-frames:v", "20"])
        .args(["-c:v", "libx264", "-bf", "0", "-pix_fmt", "yuv420p"])
        .arg(folder.join("clip.mp4"))
        .status();
    assert!(made.expect("ffmpeg is installed (Debian: apt-get install ffmpeg)").success());
    let Output { status, stderr, .. } = framegate(&[], &graph).env("PATH", "").output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    let written = std::fs::read(folder.join("out.y4m")).unwrap();
    let frames = written.windows(6).filter(|bytes| *bytes == b"FRAME\n").count();
    assert_eq!(frames, 20);
    assert!(std::fs::metadata(folder.join("same.h264")).unwrap().len() > 1000);
}

#[test]
fn a_trace_has_every_turn_of_every_node() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("turns.json");
    assert_eq!(run(&["-q", "--trace", file.to_str().unwrap()], COUNTED), (Some(0), String::new()));
    let events: Vec<serde_json::Value> =
        serde_json::from_slice(&std::fs::read(file).unwrap()).expect("one JSON array");
    let turns = |node: &str, what: &str| {
        events
            .iter()
            .filter(|event| event["ph"] == "X" && event["name"] == node && event["cat"] == what)
            .count()
    };
    // The source's last turn finds that there is no more.
    assert_eq!((turns("camera", "next"), turns("end", "take"), turns("end", "finish")), (6, 5, 1));
}

#[test]
fn a_trace_that_cannot_be_written_is_told_before_anything_runs() {
    let (code, stderr) = run(&["-q", "--trace", "/nowhere/turns.json"], COUNTED);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("/nowhere/turns.json"), "{stderr}");
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
    assert_eq!(ended(child), Some(0));
}

/// The promise of a stop is two seconds; the machine gets three more to be busy with others. A node
/// that is not broken off takes a minute.
const STOPPED_WITHIN: Duration = Duration::from_secs(5);

fn started(text: &str) -> (Graph, Child, impl Iterator<Item = String>) {
    let graph = graph(text);
    let mut child = framegate(&[], &graph).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let mut lines = lines.skip_while(|line| !line.contains(" runs"));
    assert!(lines.next().is_some(), "it said that it runs");
    (graph, child, lines)
}

#[test]
fn a_signal_breaks_off_what_takes_too_long() {
    let (_graph, child, _lines) = started(DAWDLING);
    let since = Instant::now();
    interrupt(&child);
    assert_eq!(ended(child), Some(0));
    assert!(since.elapsed() < STOPPED_WITHIN, "it took {:?}", since.elapsed());
}

#[test]
fn a_log_that_nobody_reads_any_more_does_not_hold_up_a_stop() {
    let (_graph, child, lines) = started(ENDLESS);
    drop(lines);
    interrupt(&child);
    assert_eq!(ended(child), Some(0));
}

#[test]
fn a_guest_that_never_answers_does_not_hold_up_a_stop() {
    let guest = Path::new(env!("FRAMEGATE_GUESTS")).join("misbehave.wasm");
    let text = format!(
        "
version: 1
nodes:
  - {{ id: camera, kind: test_pattern, with: {{ size: 64x48 }} }}
  - id: guest
    kind: plugin
    plugin: {}
    with: {{ mode: endless_loop, at: 0 }}
    limits: {{ stop_after: 60s }}
    inputs: camera
  - {{ id: end, kind: collect, inputs: guest }}
",
        guest.display()
    );
    let (_graph, child, _lines) = started(&text);
    let since = Instant::now();
    interrupt(&child);
    assert_eq!(ended(child), Some(0));
    assert!(since.elapsed() < STOPPED_WITHIN, "it took {:?}", since.elapsed());
}

#[test]
fn a_pipe_that_nobody_reads_does_not_hold_up_a_stop() {
    let graph = graph(
        "
version: 1
nodes:
  - { id: camera, kind: test_pattern, with: { size: 640x480 } }
  - { id: end, kind: write, with: { path: '-' }, inputs: camera }
",
    );
    let mut child = framegate(&["--workers", "1"], &graph).spawn().unwrap();
    // One byte: it writes, and from here on nobody reads.
    let mut output = child.stdout.take().unwrap();
    output.read_exact(&mut [0]).unwrap();
    let since = Instant::now();
    interrupt(&child);
    let mut log = child.stderr.take().unwrap();
    // What was cut short is a failure, and says so.
    assert_eq!(ended(child), Some(1));
    assert!(since.elapsed() < STOPPED_WITHIN, "it took {:?}", since.elapsed());
    let mut stderr = String::new();
    log.read_to_string(&mut stderr).unwrap();
    assert!(stderr.contains("nobody reads"), "{stderr}");
}

#[test]
fn a_second_signal_ends_the_process_at_once() {
    let (_graph, child, mut lines) = started(DAWDLING);
    interrupt(&child);
    // The first was heard, and the frame under way has a minute to go.
    assert!(lines.any(|line| line.contains("once more")));
    interrupt(&child);
    assert_eq!(ended(child), Some(128 + 2));
}
