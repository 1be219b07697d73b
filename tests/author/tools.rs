//! The tools an author tries a plugin with: what they tell, and the exit status a script goes by.

use std::path::Path;

use tempfile::TempDir;

use crate::support::{asking::until, binary::Framegate};
use crate::{framegate, program, told};

/// The arguments, with `{}` standing for a file in `folder`.
fn run(folder: &TempDir, arguments: &str) -> (i32, String) {
    let path = |word: &str| word.replace("{}", folder.path().to_str().expect("a readable path"));
    let words: Vec<String> = arguments.split(' ').map(path).collect();
    let output = framegate(&words.iter().map(String::as_str).collect::<Vec<_>>());
    (output.status.code().expect("it ends by itself"), told(&output))
}

fn passes(folder: &TempDir, arguments: &str, words: &str) {
    let (status, told) = run(folder, arguments);
    assert!(status == 0 && told.contains(words), "{arguments}: {status}\n{told}");
}

fn fails(folder: &TempDir, arguments: &str, words: &str) {
    let (status, told) = run(folder, arguments);
    assert!(status == 1 && told.contains(words), "{arguments}: {status}\n{told}");
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn is_misuse(folder: &TempDir, arguments: &str, words: &str) {
    let (status, told) = run(folder, arguments);
    assert!(status == 2 && told.contains(words), "{arguments}: {status}\n{told}");
}

#[test]
fn a_kept_output_is_the_golden_clip_of_the_next_test() {
    let folder = folder();
    let grayscale = "plugin test grayscale --size 64x48 --frames 5";
    passes(&folder, &format!("{grayscale} --output {{}}/kept.y4m"), "5 frames out");
    passes(&folder, &format!("{grayscale} --expect {{}}/kept.y4m"), "the same, wanted exactly the same");
    let other = format!("{grayscale} --with strength=0.9 --expect {{}}/kept.y4m");
    fails(&folder, &other, "5 of 5 frames are not what was expected");
    passes(&folder, &format!("{other} --psnr 20"), "dB, wanted at least 20 dB");
    let longer = "plugin test grayscale --size 64x48 --frames 7 --expect {}/kept.y4m";
    fails(&folder, longer, "differ by 2 frames in length");
    // A clip is an input too.
    passes(&folder, "plugin test passthrough --input {}/kept.y4m --expect {}/kept.y4m", "the same");
}

#[test]
fn what_is_found_is_written_a_line_a_frame() {
    let folder = folder();
    passes(
        &folder,
        "plugin test motion --size 320x240 --frames 40 --detections {}/found.jsonl",
        "detections",
    );
    let text = std::fs::read_to_string(folder.path().join("found.jsonl")).expect("the file is written");
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
    assert_eq!(lines.len(), 40);
    let found = lines.iter().flat_map(|line| line["detections"].as_array().expect("a list"));
    let boxes: Vec<_> =
        found.map(|found| (found["label"].clone(), found["box"].as_array().map(Vec::len))).collect();
    assert!(boxes.contains(&("motion".into(), Some(4))), "{text}");
}

#[test]
fn what_was_found_and_kept_is_what_the_next_test_must_find() {
    let folder = folder();
    let motion = "plugin test motion --size 320x240 --frames 40";
    passes(&folder, &format!("{motion} --detections {{}}/kept.jsonl"), "detections");
    let expect = "--expect-detections {}/kept.jsonl";
    passes(&folder, &format!("{motion} {expect} --within 0"), "at most 0.0000 apart, wanted within 0");
    let other = format!("{motion} --with threshold=128 {expect}");
    fails(&folder, &other, "frames have not the detections that were expected");
    fails(&folder, &other, "is the first: expected \"motion\" ");
    let longer = format!("plugin test motion --size 320x240 --frames 43 {expect}");
    fails(&folder, &longer, "the output and the golden detections differ by 3 frames in length");
    // A little off is as good, where that is allowed.
    let path = folder.path().join("kept.jsonl");
    let off = |text: String| text.replace("\"score\":", "\"score\":0.004,\"was\":");
    let kept = std::fs::read_to_string(&path).expect("the file is written");
    assert!(kept.contains("\"score\":"), "{kept}");
    std::fs::write(&path, off(kept)).expect("the file can be changed");
    passes(&folder, &format!("{motion} {expect} --within 1"), "wanted within 1");
    fails(&folder, &format!("{motion} {expect}"), "frames have not the detections");
    fails(&folder, &format!("{motion} --expect-detections {{}}/none.jsonl"), "make one with `--detections`");
    is_misuse(&folder, &format!("{motion} --within 0.1"), "--expect-detections");
}

#[test]
fn a_plugin_that_fails_fails_its_test() {
    let folder = folder();
    let guest = Path::new(env!("FRAMEGATE_GUESTS")).join("misbehave.wasm");
    let test = format!("plugin test {} --size 64x48 --frames 3", guest.display());
    passes(&folder, &format!("{test} --with mode=panic --with at=9"), "3 frames out");
    fails(&folder, &format!("{test} --with mode=panic --with at=1"), "panicked");
    fails(&folder, &format!("{test} --with mode=panic --with att=1"), "`--with att=1`");
    let hungry = format!("{test} --with mode=panic --with at=1 --limit memory=1MiB");
    fails(&folder, &hungry, "raise it with `--limit memory=…`");
}

#[test]
fn what_stops_a_plugin_is_told_with_what_its_author_can_type() {
    let folder = folder();
    let guest = Path::new(env!("FRAMEGATE_GUESTS")).join("misbehave.wasm");
    let guest = guest.to_str().expect("a readable path");
    fails(
        &folder,
        &format!("plugin run {guest} --with mode=panic --with at=1 --limit memory=1MiB"),
        "`--limit memory=…`",
    );
    let mut command = program();
    command.args([
        "plugin",
        "run",
        guest,
        "--with",
        "mode=endless_loop",
        "--with",
        "at=3",
        "--limit",
        "stop_after=50ms",
    ]);
    let shown = Framegate::serving(command.args(["--size", "64x48", "--listen", "127.0.0.1:0"]));
    shown.wait_for("it ran longer than 50ms and was stopped; raise it with `--limit stop_after=…`");
    assert!(!shown.log().contains("limits: {"), "{}", shown.log());
}

#[test]
fn a_plugin_works_on_what_the_one_before_it_finds() {
    let folder = folder();
    let found = "plugin test passthrough --size 320x240 --frames 40 --detections {}/found.jsonl";
    passes(&folder, &format!("{found} --after motion"), "40 frames out");
    let text = std::fs::read_to_string(folder.path().join("found.jsonl")).expect("the file is written");
    assert!(text.contains("\"motion\""), "{text}");
    fails(&folder, &format!("{found} --after none.wasm"), "--after");
}

#[test]
fn the_same_work_takes_the_same_fuel_and_more_of_it_is_a_failure() {
    let folder = folder();
    let bench = "plugin bench grayscale --with strength=0.5 --size 64x48 --frames 10 --baseline {}/kept.json";
    passes(&folder, bench, "no baseline yet");
    passes(&folder, &format!("{bench} --save"), "saved as");
    passes(&folder, bench, "fuel +0.0 %");
    let path = folder.path().join("kept.json");
    let kept = std::fs::read_to_string(&path).expect("the file is written");
    let mut figures: serde_json::Value = serde_json::from_str(&kept).expect("it is JSON");
    // Both chroma planes, there and back.
    assert_eq!(figures["bytes_read_per_frame"], 2 * 32 * 24, "{kept}");
    assert_eq!(figures["bytes_written_per_frame"], 2 * 32 * 24, "{kept}");
    let fuel = figures["fuel_per_frame"].as_u64().expect("a number");
    assert!(fuel > 2 * 32 * 24 / 16, "{kept}");
    figures["fuel_per_frame"] = (fuel * 9 / 10).into();
    std::fs::write(&path, figures.to_string()).expect("the file can be changed");
    fails(&folder, bench, "if that is meant, `--save` it");
}

#[test]
fn a_check_shows_the_world_the_permissions_and_the_settings() {
    let folder = folder();
    passes(&folder, "plugin check motion", "detector: looks and reports; cannot alter a pixel");
    passes(&folder, "plugin check motion", "threshold: ");
    passes(&folder, "plugin check motion", "sound: a graph can use it");
    std::fs::write(folder.path().join("text.wasm"), "not a plugin").expect("the file is written");
    fails(&folder, "plugin check {}/text.wasm", "it is no valid component");
    assert_eq!(run(&folder, "plugin check montion").0, 2);
}

#[test]
fn a_panic_before_a_plugin_has_said_what_it_is_is_told_with_its_words_and_place() {
    let folder = folder();
    run(&folder, "plugin new hasty --into {}");
    let source = folder.path().join("hasty/lib.rs");
    let written = std::fs::read_to_string(&source).expect("the template is there");
    let panics = written.replace("Settings { gamma: 0.6 }", "panic!(\"no gamma\")");
    assert_ne!(panics, written);
    std::fs::write(&source, panics).expect("it can be written");
    let words = "does not say what it is: panicked at lib.rs:";
    for tool in ["check {}/hasty", "run {}/hasty", "test {}/hasty"] {
        fails(&folder, &format!("plugin {tool}"), words);
        fails(&folder, &format!("plugin {tool}"), ": no gamma");
    }
    passes(&folder, "plugin inspect {}/hasty --describe", ": no gamma");
}

#[test]
fn a_setting_without_a_description_is_advice_and_no_fault() {
    let folder = folder();
    let guest = Path::new(env!("FRAMEGATE_GUESTS")).join("misbehave.wasm");
    // Its modes have no defaults, so there is advice but no fault.
    passes(&folder, &format!("plugin check {}", guest.display()), "has no description");
}

#[test]
fn a_plugin_is_shown_beside_the_picture_it_was_given() {
    let mut command = program();
    command.args(["plugin", "run", "grayscale", "--size", "320x180", "--listen", "127.0.0.1:0"]);
    let graph = Framegate::serving(&mut command).json("api/graph").to_string();
    assert!(graph.contains("640x180") && graph.contains("side_by_side"), "{graph}");
}

#[test]
fn what_a_plugin_tags_frames_with_is_told_at_the_terminal() {
    let guest = Path::new(env!("FRAMEGATE_GUESTS")).join("keeper.wasm");
    let mut command = program();
    command.args(["plugin", "run", guest.to_str().expect("a readable path"), "--size", "64x48"]);
    let shown = Framegate::serving(command.args(["--listen", "127.0.0.1:0"]));
    // It numbers the frames; not each of them has a line.
    until("it is told, and told again", || shown.log().matches("tags: \"seen\": \"").count() > 1);
}

#[test]
fn what_cannot_be_shown_is_named_as_it_was_typed() {
    let folder = folder();
    fails(&folder, "plugin run grayscale --with sise=4", "`--with sise=4`");
    is_misuse(&folder, "plugin run nope", "no plugin or file is called \"nope\"; there are edges, ");
    is_misuse(&folder, "plugin test motion --after nope", "`--after nope`: no plugin or file");
    for tool in ["run", "check", "inspect"] {
        is_misuse(&folder, &format!("plugin {tool} {{}}"), "has no Cargo.toml and no framegate.json");
    }
}

#[test]
fn a_project_that_is_saved_is_built_again_and_takes_over_and_one_that_does_not_build_changes_nothing() {
    let folder = folder();
    run(&folder, "plugin new night --into {}");
    // A project may be named wherever a component may.
    passes(&folder, "plugin check {}/night", "sound: a graph can use it");
    passes(&folder, "plugin inspect {}/night", "world        filter");
    passes(&folder, "plugin test {}/night --size 64x48 --frames 2", "2 frames out");
    let (project, source) = (folder.path().join("night"), folder.path().join("night/lib.rs"));
    let mut command = program();
    command.args(["plugin", "run", project.to_str().expect("a readable path"), "--size", "64x48"]);
    let shown = Framegate::serving(command.args(["--listen", "127.0.0.1:0"]));
    let swaps = || {
        let graph = shown.json("api/graph");
        let nodes = graph["nodes"].as_array().expect("a list of nodes");
        let plugin = nodes.iter().find(|node| node["id"] == "plugin").expect("the plugin's node");
        plugin["counters"]["swaps"].as_u64().expect("it is counted from the start")
    };
    let written = std::fs::read_to_string(&source).expect("the template is there");

    std::fs::write(&source, written.clone() + "this is no Rust").expect("it can be written");
    shown.wait_for("the plugin does not build");
    assert_eq!(swaps(), 0);

    std::fs::write(&source, written.replace("gamma: 0.6", "gamma: 0.4")).expect("it can be written");
    shown.wait_for("has changed; compiling it");
    until("the new component takes over", || swaps() == 1);
    // The old picture never stopped: it is the same run.
    assert!(!shown.log().contains("failed"), "{}", shown.log());
}
