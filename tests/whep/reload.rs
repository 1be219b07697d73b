//! A graph that is changed by its file, by a signal and over HTTP: who may, and what comes back.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::GRAPH;
use super::exchange::{Answer, get, json as told, send};
use super::support::asking::until;
use super::support::binary::Framegate;

const VIEW: &str = "view-0123456789abcdef";
const ADMIN: &str = "boss-0123456789abcdef";
const TOKENS: &str = "
server:
  tokens:
    - { token: \"${VIEW}\" }
    - { token: \"${ADMIN}\", rights: [admin] }
";

/// A server whose graph file can be written.
struct Served {
    server: Framegate,
    file: PathBuf,
    folder: tempfile::TempDir,
}

fn served(graph: &str, variables: &[(&str, &str)]) -> Served {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("graph.yaml");
    std::fs::write(&file, graph).expect("a file");
    Served { server: Framegate::run_with(&file, &[], variables), file, folder }
}

fn post(server: &Framegate, token: &str, body: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    send("POST", &server.at("api/graph"), &[("Authorization", &bearer)], body)
}

fn body(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
}

fn with_bitrate(bitrate: &str) -> String {
    GRAPH.replace("300k", bitrate)
}

#[test]
fn a_file_that_has_changed_is_taken_and_one_with_errors_changes_nothing() {
    let Served { server, file, folder: _folder } = served(GRAPH, &[]);
    std::fs::write(&file, with_bitrate("400k")).expect("a file");
    server.wait_for("graph.yaml is taken: adjusted h264");
    std::fs::write(&file, with_bitrate("fast")).expect("a file");
    server.wait_for("graph.yaml is not taken, with 1 error; the graph goes on as it was");
    std::fs::write(
        &file,
        GRAPH.replace("id: h264", "id: encoder").replace("inputs: h264", "inputs: encoder"),
    )
    .expect("a file");
    server.wait_for("graph.yaml is taken: added encoder; removed h264");
    let ids: Vec<Value> = told(&server.at("api/graph"))["nodes"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|node| node["id"].clone())
        .collect();
    assert_eq!(ids, ["camera", "encoder", "live"]);
    let pictures = || told(&server.at("api/relays"))["relays"][0]["pictures"].as_u64();
    let before = pictures();
    until("pictures from the new encoder", || pictures() > before);
    assert!(server.stop().success());
}

#[test]
fn a_file_that_the_graph_includes_is_watched_too() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (group, file) = (folder.path().join("encoded.yaml"), folder.path().join("graph.yaml"));
    let encoded = |bitrate: &str| GRAPH.replace("300k", bitrate).replace("name: whep-test\n", "");
    std::fs::write(&group, encoded("300k")).expect("a file");
    let including = "version: 1\ninclude:\n  - { group: encoded.yaml, as: one }\n";
    std::fs::write(&file, including).expect("a file");
    let server = Framegate::run(&file, &[]);
    std::fs::write(&group, encoded("fast")).expect("a file");
    server.wait_for("is not taken, with 1 error");
    std::fs::write(&group, encoded("400k")).expect("a file");
    server.wait_for("graph.yaml is taken: adjusted one-h264");
    assert!(server.stop().success());
}

#[test]
fn a_hangup_and_a_post_without_a_body_read_the_file_again() {
    let Served { server, file, folder: _folder } = served(GRAPH, &[]);
    let answer = send("POST", &server.at("api/graph"), &[], "");
    assert_eq!(answer.status, 200, "{answer:?}");
    let nothing = json!({ "adjusted": [], "replaced": [], "added": [], "removed": [], "findings": [] });
    assert_eq!(body(&answer), nothing);
    let id = libc::pid_t::try_from(server.id()).expect("process ids fit");
    // SAFETY: plain FFI call without memory; the child runs, so the id is its own.
    assert_eq!(unsafe { libc::kill(id, libc::SIGHUP) }, 0);
    until("the second reading", || server.log().matches("graph.yaml is taken: no node changed").count() == 2);
    std::fs::write(&file, with_bitrate("fast")).expect("a file");
    let answer = send("POST", &server.at("api/graph"), &[], "");
    assert_eq!(answer.status, 422, "{answer:?}");
    answer.problem();
    let finding = &body(&answer)["findings"][0];
    assert_eq!((&finding["severity"], &finding["line"]), (&json!("error"), &json!(6)), "{finding:#}");
    assert!(server.stop().success());
}

#[test]
fn a_file_that_is_being_written_is_no_hindrance_and_is_whole_in_the_end() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let record = folder.path().join("record.h264");
    let writer =
        format!("  - {{ id: record, kind: write, with: {{ path: {} }}, inputs: h264 }}\n", record.display());
    let Served { server, file, folder: _beside } = served(&format!("{GRAPH}{writer}"), &[]);
    let changed = format!("{}{writer}", with_bitrate("400k"));
    std::fs::write(&file, &changed).expect("a file");
    server.wait_for("graph.yaml is taken: adjusted h264");
    // Another writer of the same file would have to begin while the first still writes.
    std::fs::write(&file, changed.replace("id: record", "id: second")).expect("a file");
    server.wait_for("which keeps it to its end");
    assert!(server.stop().success());
    let size = std::fs::metadata(&record).expect("the record is there").len();
    assert!(size > 0);
}

#[test]
fn a_recording_goes_on_in_another_file_when_the_graph_changes_its_size() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let record = folder.path().join("record.mp4");
    let writer =
        format!("  - {{ id: record, kind: write, with: {{ path: {} }}, inputs: h264 }}\n", record.display());
    let graph = format!("{GRAPH}{writer}");
    let Served { server, file, folder: _beside } = served(&graph, &[]);
    let pictures = || told(&server.at("api/relays"))["relays"][0]["pictures"].as_u64();
    until("a picture of the first size", || pictures() > Some(0));
    std::fs::write(&file, graph.replace("320x240", "160x128")).expect("a file");
    server.wait_for("it goes on in");
    // Checked again, it knows both files for its own.
    std::fs::write(&file, graph.replace("320x240", "160x128").replace("300k", "400k")).expect("a file");
    server.wait_for("graph.yaml is taken: adjusted h264");
    assert!(server.stop().success());
    for (name, size) in [("record.mp4", "320,240"), ("record-2.mp4", "160,128")] {
        let told = std::process::Command::new("ffprobe")
            .args(["-v", "error", "-show_entries", "stream=width,height", "-of", "csv=p=0"])
            .arg(folder.path().join(name))
            .output()
            .expect("ffprobe is installed (Debian: apt-get install ffmpeg)");
        assert_eq!(String::from_utf8_lossy(&told.stdout).trim(), size, "{name}");
    }
}

#[test]
fn a_graph_is_taken_over_http_from_whoever_has_the_right_to_change_it() {
    let graph = format!("{GRAPH}{TOKENS}");
    let Served { server, folder: _folder, .. } = served(&graph, &[("VIEW", VIEW), ("ADMIN", ADMIN)]);
    let sent = graph.replace("300k", "400k");
    for (token, status) in [("wrong", 401), (VIEW, 403), (ADMIN, 200)] {
        let answer = post(&server, token, &sent);
        assert_eq!(answer.status, status, "{answer:?}");
    }
    let answer = post(&server, ADMIN, "nodes: [");
    assert_eq!(answer.status, 422, "{answer:?}");
    let other = graph.replace("server:", "server:\n  offers_per_minute: 100");
    assert_eq!(post(&server, ADMIN, &other).status, 200);
    server.wait_for("what changed under `server:` holds from the next start on");
    assert!(server.stop().success());
}

#[test]
fn a_page_of_somebody_else_cannot_send_a_graph_to_a_server_without_tokens() {
    let answer = send("POST", &format!("{}api/graph", super::shared()), &[], GRAPH);
    assert_eq!(answer.status, 403, "{answer:?}");
    assert!(answer.problem().contains("server.tokens"), "{answer:?}");
    assert_eq!(get(&format!("{}api/graph", super::shared())).status, 200);
}
