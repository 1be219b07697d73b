//! The commands as a user meets them: what they print, where, and how they end.

use std::fs;
use std::process::{Command, Output};

use serde_json::Value as Json;

fn framegate(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_framegate")).args(args).output().expect("the program starts")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A folder with one graph of this text.
fn graph(text: &[u8]) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("door.yaml");
    fs::write(&path, text).expect("the graph can be written");
    let path = path.to_string_lossy().into_owned();
    (folder, path)
}

#[test]
fn errors_end_with_1_and_come_with_their_place() {
    let (_folder, path) = graph(b"version: 1\nnodes:\n  - id: a\n    kind: nonsense\n");
    let output = framegate(&["check", &path]);
    assert_eq!(output.status.code(), Some(1));
    let seen = out(&output);
    assert!(seen.starts_with("error[unknown-kind]: no kind is called \"nonsense\"\n"), "{seen}");
    assert!(seen.contains(&format!("--> {path}:4:11\n")), "{seen}");
    assert!(seen.ends_with(&format!("{path}: 1 error\n")), "{seen}");
    assert!(!seen.contains('\x1b'), "no colours where no terminal is: {seen}");
}

#[test]
fn json_is_one_array_over_all_graphs() {
    let (_one, first) = graph(b"version: 1\nnodes:\n  - id: a\n    kind: nonsense\n");
    let (_two, second) = graph(b"");
    let output = framegate(&["check", "--format", "json", &first, &second]);
    assert_eq!(output.status.code(), Some(1));
    let array: Json = serde_json::from_slice(&output.stdout).expect("JSON");
    let found = &array[0];
    let expected =
        ["code", "severity", "message", "file", "line", "column", "end_line", "end_column", "path", "help"];
    assert_eq!(found.as_object().unwrap().keys().collect::<Vec<_>>(), expected);
    assert_eq!((&found["code"], &found["severity"]), (&"unknown-kind".into(), &"error".into()));
    assert_eq!(found["file"], Json::from(first));
    assert_eq!((&found["line"], &found["column"]), (&4.into(), &11.into()));
    assert_eq!((&found["end_line"], &found["end_column"]), (&4.into(), &19.into()));
    assert_eq!(found["path"], "nodes[0].kind");
    assert_eq!((&array[1]["code"], &array[1]["file"]), (&"empty-file".into(), &Json::from(second)));
}

#[test]
fn what_cannot_be_read_ends_with_2_and_says_why() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let (_latin, latin) = graph(b"name: caf\xe9\n");
    let (_long, long) = graph("x".repeat(2 << 20).as_bytes());
    let of_folder = folder.path().to_string_lossy().into_owned();
    let missing = folder.path().join("none.yaml").to_string_lossy().into_owned();
    for (path, why) in [
        (of_folder.as_str(), "it is a folder"),
        (missing.as_str(), "there is no such file"),
        (latin.as_str(), "is not UTF-8 text: byte 9"),
        (long.as_str(), "is longer than 1048576 bytes"),
        ("/dev/zero", "is longer than 1048576 bytes"),
    ] {
        for command in ["check", "show"] {
            let output = framegate(&[command, path]);
            assert_eq!(output.status.code(), Some(2), "{command} {path}");
            assert!(err(&output).contains(why), "{command} {path}: {}", err(&output));
        }
    }
}

#[test]
fn an_override_that_is_none_is_a_misuse() {
    let output = framegate(&["check", "x.yaml", "--set", "camera"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("node.key=value"), "{}", err(&output));
}

#[test]
fn a_graph_with_errors_has_no_plan_to_show() {
    let (_folder, path) = graph(b"version: 1\nnodes: []\n");
    let output = framegate(&["show", &path]);
    assert_eq!(output.status.code(), Some(1));
    assert!(out(&output).is_empty() && err(&output).contains("error[missing-key]"));
}

#[test]
fn a_graph_whose_files_are_there_is_shown_and_not_run() {
    let text = "version: 1
clock: offline
nodes:
  - { id: camera, kind: test_pattern, with: { size: 64x48, count: 3 } }
  - { id: record, kind: write, with: { path: seen.y4m }, inputs: camera }
";
    let (folder, path) = graph(text.as_bytes());
    assert!(framegate(&["run", &path]).status.success());
    let shown = framegate(&["show", &path]);
    assert!(shown.status.success() && out(&shown).contains("seen.y4m"), "{}{}", out(&shown), err(&shown));
    for command in ["check", "run"] {
        let refused = framegate(&[command, &path]);
        let seen = out(&refused) + &err(&refused);
        assert!(refused.status.code() == Some(1) && seen.contains("error[file-exists]"), "{command}: {seen}");
    }
    // Two nodes that would write the same file are a fault of the graph itself.
    let twice =
        text.to_owned() + "  - { id: again, kind: write, with: { path: seen.y4m }, inputs: camera }\n";
    fs::write(folder.path().join("twice.yaml"), twice).expect("the graph can be written");
    let twice = framegate(&["show", folder.path().join("twice.yaml").to_str().expect("a readable path")]);
    assert!(err(&twice).contains("error[same-target]"), "{}{}", out(&twice), err(&twice));
}

#[test]
fn an_unknown_kind_is_answered_with_the_nearest() {
    let output = framegate(&["kinds", "tset_pattern"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("did you mean \"test_pattern\"?"), "{}", err(&output));
}

const HIDDEN: &str = "version: 1
nodes:
  - { id: camera, kind: test_pattern }
  - { id: gray, kind: plugin, plugin: grayscale, inputs: camera }
  - { id: h264, kind: h264, inputs: gray }
  - { id: live, kind: relay, inputs: h264 }
rules:
  - every path into live must pass gray
";

#[test]
fn a_plugin_that_fails_open_proves_nothing_and_what_is_not_proved_does_not_run() {
    let (_open, open) = graph(HIDDEN.as_bytes());
    for command in ["check", "run"] {
        let output = framegate(&[command, &open]);
        let seen = out(&output) + &err(&output);
        assert_eq!(output.status.code(), Some(1), "{seen}");
        assert!(
            seen.contains("error[privacy]: \"gray\" lets the picture past as it came when it fails"),
            "{seen}"
        );
        assert!(seen.contains(":8:36\n"), "the carets stand under the node: {seen}");
    }
    let (_shut, shut) = graph(HIDDEN.replace("grayscale,", "grayscale, on_error: black,").as_bytes());
    let output = framegate(&["show", &shut]);
    assert!(out(&output).contains("\nproved: every path into live must pass gray\n"), "{}", err(&output));
}

#[test]
fn a_group_is_found_beside_the_file_that_includes_it_and_files_beside_those_that_name_them() {
    let (folder, path) =
        graph(b"version: 1\ninclude:\n  - { group: parts/cam.yaml, as: a, with: { clip: here.y4m } }\n");
    let parts = folder.path().join("parts");
    fs::create_dir(&parts).expect("the folder can be made");
    let group = "parameters: { clip: }\nnodes:\n  - { id: one, kind: file, with: { path: \"${clip}\" } }\n  - { id: two, kind: file, with: { path: there.y4m } }\n  - { id: end, kind: collect, inputs: one }\n  - { id: fin, kind: collect, inputs: two }\n";
    fs::write(parts.join("cam.yaml"), group).expect("the group can be written");
    let missing = out(&framegate(&["check", "--format", "json", &path]));
    let missing: Json = serde_json::from_str(&missing).expect("JSON");
    let told: Vec<String> =
        missing.as_array().expect("findings").iter().map(|one| one["message"].to_string()).collect();
    assert!(told[0].contains("here.y4m") && !told[0].contains("parts"), "{told:?}");
    assert!(told[1].contains("parts/there.y4m"), "{told:?}");
    assert!(missing[1]["file"].as_str().expect("a file").ends_with("parts/cam.yaml"));
    assert_eq!((&missing[1]["line"], &missing[1]["included_at"][0]["line"]), (&4.into(), &3.into()));
}

const GATED: &str = "version: 1
clock: offline
nodes:
  - { id: camera, kind: test_pattern, with: { size: 320x180, rate: 30, count: 90 } }
  - { id: motion, kind: plugin, plugin: motion, inputs: camera }
  - { id: raw, kind: gate, with: { open_when: motion for 1s }, inputs: motion.frames }
  - { id: shown, kind: write, with: { path: shown.y4m }, inputs: raw }
  - { id: never, kind: gate, with: { open_when: unicorn }, inputs: motion.frames }
  - { id: hidden, kind: write, with: { path: hidden.y4m }, inputs: never }
  - { id: h264, kind: h264, with: { keyframe_every: 500ms }, inputs: motion.frames }
  - { id: kept, kind: gate, with: { open_when: motion for 1s, pre_roll: 300ms }, inputs: h264 }
  - { id: film, kind: write, with: { path: film.mp4 }, inputs: kept }
";

#[test]
fn a_gate_passes_what_it_is_told_to_and_encoded_video_from_a_keyframe_on() {
    let (folder, path) = graph(GATED.as_bytes());
    let output = framegate(&["run", &path]);
    assert!(output.status.success(), "{}", err(&output));
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap_or_default();
    let frames = |name: &str| read(name).windows(6).filter(|bytes| bytes == b"FRAME\n").count();
    // The pattern moves throughout; a second passes before the gate opens.
    assert!((30..70).contains(&frames("shown.y4m")), "{}", frames("shown.y4m"));
    // A gate that never opened leaves nothing, and the log says so.
    assert!(!folder.path().join("hidden.y4m").exists() && !folder.path().join("hidden.y4m.part").exists());
    assert!(err(&output).contains("hidden.y4m is not made"), "{}", err(&output));
    let film = Command::new("ffprobe")
        .args(["-v", "error", "-show_entries", "packet=pts_time,flags", "-of", "csv=p=0"])
        .arg(folder.path().join("film.mp4"))
        .output()
        .expect("ffprobe is installed (Debian: apt-get install ffmpeg)");
    let (packets, said) = (out(&film), err(&film));
    assert!(
        packets.starts_with("0.000000,K") && packets.lines().count() > 30 && said.is_empty(),
        "{packets}{said}"
    );
}

#[test]
fn a_code_is_explained_as_it_was_copied() {
    for written in ["unfed-input", "error[unfed-input]", "error[unfed-input]:"] {
        let seen = out(&framegate(&["explain", written]));
        assert!(seen.starts_with("unfed-input\n\n") && seen.contains("Refused:"), "{seen}");
    }
    assert!(out(&framegate(&["explain"])).contains("\n  unfed-input "));
    let unknown = framegate(&["explain", "unfed"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(err(&unknown).contains("did you mean \"unfed-input\"?"), "{}", err(&unknown));
}

#[cfg(unix)]
#[test]
fn a_pipe_without_a_writer_is_told_and_one_with_a_writer_is_read() {
    use std::io::Write as _;
    let folder = tempfile::tempdir().expect("a folder for the test");
    let pipe = folder.path().join("graph.pipe").to_string_lossy().into_owned();
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo is there").success());
    let output = framegate(&["check", &pipe]);
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("it is a pipe that nobody writes to"), "{}", err(&output));
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::File::create(pipe).and_then(|mut pipe| pipe.write_all(b"version: 1\nnodes: []\n"))
    });
    let output = framegate(&["check", &pipe]);
    writer.join().expect("the writer lives").expect("the pipe takes it");
    assert!(out(&output).starts_with("error[missing-key]"), "{}{}", out(&output), err(&output));
}

#[test]
fn help_shows_by_example() {
    for command in ["explain", "check", "show", "kinds", "schema"] {
        assert!(out(&framegate(&[command, "--help"])).contains("Examples:"), "{command}");
    }
    assert!(out(&framegate(&["--help"])).contains("framegate check graphs/demo.yaml"));
}
