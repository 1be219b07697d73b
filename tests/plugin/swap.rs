//! A plugin's file is changed under a running graph: the successor takes over between two frames,
//! no frame is lost, and one that fails is put back.

use std::fs;
use std::path::Path;

use framegate::node::Adjusted;
use serde_json::json;
use tempfile::TempDir;

use crate::bench::{Bench, guest};
use crate::by_hand::{SPIN, component};
use crate::graphs::{Graph, Seen, count};

/// A graph around a plugin file of its own.
struct Changing {
    graph: Graph,
    folder: TempDir,
}

impl Changing {
    /// `beside` are more keys of the plugin node, each with a comma behind it.
    fn new(name: &str, first: &[u8], beside: &str) -> Changing {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("plugin.wasm");
        fs::write(&file, first).unwrap();
        let nodes = format!(
            "  - {{ id: camera, kind: test_pattern, with: {{ size: 64x48, rate: 60 }} }}\n  \
             - {{ id: plugin, kind: plugin, plugin: \"{}\", watch: true, {beside} inputs: {{ frames: {{ from: camera, when_full: block }} }} }}\n  \
             - {{ id: end, kind: collect, with: {{ into: {name} }}, inputs: {{ items: {{ from: plugin, when_full: block }} }} }}\n",
            file.display()
        );
        let graph = Graph::live(name, &nodes);
        graph.pass(5);
        Changing { graph, folder }
    }

    fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("plugin.wasm")
    }

    /// Puts another file in its place, whole, as a build does.
    fn replace(&self, bytes: &[u8]) {
        let next = self.folder.path().join("next");
        fs::write(&next, bytes).unwrap();
        fs::rename(next, self.file()).unwrap();
    }

    fn swapped(&self, times: u64) {
        self.graph.until("plugin", "swaps", times);
    }

    /// Every frame there was, in order; and what the plugin node counted.
    fn end(self) -> (Vec<Seen>, impl Fn(&str) -> u64) {
        let (report, seen) = self.graph.end();
        let sequences: Vec<u64> = seen.iter().map(|frame| frame.sequence).collect();
        assert_eq!(sequences, (0..seen.len() as u64).collect::<Vec<_>>(), "a frame is missing");
        assert!(seen.windows(2).all(|pair| pair[0].nanos < pair[1].nanos), "PTS do not rise");
        (seen, move |counter: &str| count(&report, "plugin", counter))
    }
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap()
}

/// The same plugin in other bytes: with a custom section behind it.
pub fn rebuilt(mut wasm: Vec<u8>, note: u8) -> Vec<u8> {
    const CUSTOM: u8 = 0;
    wasm.extend([CUSTOM, 6, 4, b'n', b'o', b't', b'e', note]);
    wasm
}

fn keeper() -> Vec<u8> {
    read(&guest("keeper"))
}

/// An analyzer that does this with its frames.
fn analyzer(process: &str, more: &str) -> Vec<u8> {
    component(&[("process", process), ("more", more)])
}

/// That the same instance, or its heir, has counted every frame.
fn counted_through(seen: &[Seen]) -> bool {
    seen.iter().all(|frame| frame.tag("seen") == Some(&(frame.sequence + 1).to_string()))
}

#[test]
fn a_changed_file_takes_over_with_what_the_one_before_knew() {
    let changing = Changing::new("swap-state", &keeper(), "");
    changing.replace(&rebuilt(keeper(), 1));
    changing.swapped(1);
    changing.graph.pass(35);
    // Again, and in place this time, as a copy does.
    fs::write(changing.file(), rebuilt(keeper(), 2)).unwrap();
    changing.swapped(2);
    changing.graph.pass(35);
    let (seen, count) = changing.end();
    assert!(counted_through(&seen));
    assert_eq!((count("swaps"), count("rollbacks"), count("traps"), count("unhandled")), (2, 0, 0, 0));
}

#[test]
fn the_same_bytes_written_again_change_nothing() {
    let changing = Changing::new("swap-same", &keeper(), "");
    changing.replace(&keeper());
    // What comes after it has been looked at after it.
    changing.replace(b"no plugin");
    changing.graph.until("plugin", "swaps_refused", 1);
    let (seen, count) = changing.end();
    assert!(counted_through(&seen));
    assert_eq!(count("swaps"), 0);
}

#[test]
fn a_successor_that_traps_is_put_back_and_no_frame_is_lost() {
    let changing = Changing::new("swap-trap", &keeper(), "");
    changing.replace(&analyzer("(unreachable)", ""));
    changing.graph.until("plugin", "rollbacks", 1);
    changing.graph.pass(5);
    // It can still be mended.
    changing.replace(&rebuilt(keeper(), 1));
    changing.swapped(2);
    changing.graph.pass(5);
    let (seen, count) = changing.end();
    // Even the frame it failed at has been handled: by the one before.
    assert!(counted_through(&seen));
    assert_eq!((count("swaps"), count("rollbacks"), count("traps"), count("unhandled")), (2, 1, 1, 0));
}

#[test]
fn a_successor_that_runs_too_long_is_put_back() {
    let changing = Changing::new("swap-spin", &keeper(), "limits: { stop_after: 200ms },");
    changing.replace(&analyzer(SPIN, ""));
    changing.graph.until("plugin", "rollbacks", 1);
    changing.graph.pass(5);
    let (seen, count) = changing.end();
    assert!(counted_through(&seen));
    assert_eq!((count("swaps"), count("rollbacks"), count("unhandled")), (1, 1, 0));
}

/// Passes this many frames, and traps at the next.
fn analyzer_that_fails_after(frames: u32) -> Vec<u8> {
    let process = format!(
        "(call $drop-frame (local.get $frame)) (if (i32.ge_u (global.get $calls) (i32.const {frames})) (then \
         (unreachable))) (global.set $calls (i32.add (global.get $calls) (i32.const 1))) (i32.const 3072)"
    );
    analyzer(&process, "(global $calls (mut i32) (i32.const 0))")
}

#[test]
fn the_trial_ends_after_thirty_frames() {
    let changing = Changing::new("swap-29", &keeper(), "");
    changing.replace(&analyzer_that_fails_after(29));
    changing.graph.until("plugin", "traps", 1);
    changing.graph.pass(5);
    let (seen, count) = changing.end();
    assert_eq!((count("rollbacks"), count("unhandled")), (1, 0));
    assert_eq!(seen.iter().filter(|frame| frame.tag("seen").is_none()).count(), 29);

    let changing = Changing::new("swap-30", &keeper(), "");
    changing.replace(&analyzer_that_fails_after(30));
    changing.graph.until("plugin", "restarts", 1);
    let (_, count) = changing.end();
    assert_eq!(count("rollbacks"), 0, "it had proved itself");
}

#[test]
fn a_file_that_may_not_take_over_is_refused_and_the_one_before_goes_on() {
    let changing = Changing::new("swap-refused", &keeper(), "");
    let half = &keeper()[..keeper().len() / 2];
    let other_world = read(&guest("grayscale"));
    let undescribed = component(&[("describe", "(unreachable)")]);
    let hidden = component(&[("more", "(func $start (unreachable)) (start $start)")]);
    for (times, bytes) in [half, b"no plugin", &other_world, &undescribed, &hidden].into_iter().enumerate() {
        changing.replace(bytes);
        changing.graph.until("plugin", "swaps_refused", times as u64 + 1);
    }
    let (seen, count) = changing.end();
    assert!(counted_through(&seen));
    assert_eq!((count("swaps"), count("traps")), (0, 0));
}

#[test]
fn a_successor_may_do_no_more_than_the_one_before() {
    // The same world, but it reads and writes annotations, and the one before did not.
    let changing = Changing::new("swap-wider", &component(&[]), "");
    changing.replace(&keeper());
    changing.graph.until("plugin", "swaps_refused", 1);
    let (seen, count) = changing.end();
    assert!(seen.iter().all(|frame| frame.tag("seen").is_none()));
    assert_eq!(count("swaps"), 0);

    let changing = Changing::new("swap-allowed", &component(&[]), "allow: [annotations],");
    changing.replace(&keeper());
    changing.swapped(1);
    changing.graph.pass(5);
    let (seen, _) = changing.end();
    assert!(seen.last().is_some_and(|frame| frame.tag("seen").is_some()));
}

/// Swaps a keeper that goes wrong for a rebuilt one: what is counted, and how far the last has counted.
fn with_wrong_state(wrong: &str, wait_for: &str) -> (Vec<Seen>, [u64; 4]) {
    let more = format!("with: {{ wrong: {wrong} }}, limits: {{ stop_after: 300ms }},");
    let changing = Changing::new(&format!("swap-{wrong}"), &keeper(), &more);
    changing.replace(&rebuilt(keeper(), 1));
    changing.graph.until("plugin", wait_for, 1);
    changing.graph.pass(35);
    let (seen, count) = changing.end();
    let counts = ["swaps", "rollbacks", "traps", "unhandled"].map(&count);
    (seen, counts)
}

#[test]
fn state_that_is_too_large_or_not_understood_is_left_behind() {
    for wrong in ["too_much", "garbage"] {
        let (seen, counts) = with_wrong_state(wrong, "swaps");
        assert_eq!(counts, [1, 0, 0, 0], "{wrong}");
        assert!(!counted_through(&seen), "it starts afresh");
        assert!(seen.iter().all(|frame| frame.tag("seen").is_some()));
    }
}

#[test]
fn an_instance_that_fails_as_it_saves_is_followed_by_a_fresh_one() {
    for wrong in ["never_done_saving", "panics_saving"] {
        let (seen, counts) = with_wrong_state(wrong, "swaps");
        assert_eq!(counts, [1, 0, 1, 0], "{wrong}");
        assert!(seen.iter().all(|frame| frame.tag("seen").is_some()));
    }
}

#[test]
fn a_successor_that_fails_as_it_restores_never_takes_over() {
    for wrong in ["never_done_restoring", "panics_restoring"] {
        let (seen, counts) = with_wrong_state(wrong, "rollbacks");
        assert_eq!(counts, [0, 1, 1, 0], "{wrong}");
        assert!(counted_through(&seen));
    }
}

#[test]
fn while_a_privacy_plugin_is_swapped_nothing_is_bared() {
    let privacy = || read(&guest("privacy"));
    // No detector of this name has looked, so all of every frame is to be hidden.
    let changing = Changing::new("swap-privacy", &privacy(), "with: { mode: black, after: [nobody] },");
    changing.replace(&rebuilt(privacy(), 1));
    changing.swapped(1);
    // The same world and the same imports, but nothing is hidden by it.
    changing.replace(&read(&guest("overlay")));
    changing.graph.until("plugin", "swaps_refused", 1);
    changing.replace(b"no plugin");
    changing.graph.until("plugin", "swaps_refused", 2);
    changing.replace(&rebuilt(privacy(), 2));
    changing.swapped(2);
    changing.graph.pass(35);
    let (seen, _) = changing.end();
    assert!(seen.iter().all(|frame| frame.black));
}

#[test]
fn other_settings_reach_the_running_instance_between_two_frames() {
    let beside = json!({ "plugin": guest("misbehave") });
    let mut bench = Bench::new(beside.clone(), json!({ "mode": "partial_then_drop", "at": 99 }));
    assert!(bench.run().picture.is_some());
    let with = json!({ "mode": "partial_then_drop", "at": 1 });
    assert_eq!(bench.adjust(&beside, &with), Adjusted::Applied);
    assert_eq!(bench.run().picture, None);
    assert_eq!((bench.count("restarts"), bench.count("traps")), (0, 0));
}

#[test]
fn settings_that_nobody_takes_leave_the_plugin_as_it_was() {
    let beside = json!({ "plugin": guest("misbehave") });
    for mode in ["refuse_settings", "panic_in_configure"] {
        let mut bench = Bench::new(beside.clone(), json!({ "mode": "panic", "at": 99 }));
        let before = bench.run();
        let with = json!({ "mode": mode, "at": 99 });
        assert_eq!(bench.adjust(&beside, &with), Adjusted::NeedsRebuild, "{mode}");
        let after = bench.run();
        assert_eq!(after.picture, before.picture, "{mode}");
    }
}

#[test]
fn what_stands_beside_the_settings_makes_another_node() {
    let beside = json!({ "plugin": guest("misbehave") });
    let with = json!({ "mode": "panic", "at": 99 });
    let mut bench = Bench::new(beside.clone(), with.clone());
    let mut other = beside;
    other["limits"] = json!({ "memory": "32MiB" });
    assert_eq!(bench.adjust(&other, &with), Adjusted::NeedsRebuild);
}
