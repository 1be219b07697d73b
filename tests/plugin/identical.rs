//! An offline graph gives the same bytes each time, however many workers share it.
//!
//! Real nodes, files in and files out: two plugins, a detector on a branch of its own that joins
//! again, the encoder with all its state, and links of one place, so that turns come in every order.

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;

use framegate::run;

use crate::graphs::{plan, well};

/// Plain Y4M, written by a graph too.
fn clip(path: &Path) {
    finish(
        1,
        &format!(
            "  - {{ id: source, kind: test_pattern, with: {{ size: 192x144, count: 60, seed: 7 }} }}\n\
             \x20 - {{ id: clip, kind: write, with: {{ path: {} }}, inputs: source }}\n",
            path.display()
        ),
    );
}

fn finish(workers: usize, nodes: &str) {
    let workers = NonZeroUsize::new(workers).expect("at least one");
    let running = run::build(plan(nodes, "offline"), workers).and_then(run::Built::start);
    well(&running.expect("the graph starts").wait());
}

/// The encoded picture with boxes, and the small raw one with what the branch found.
fn files(clip: &Path, workers: usize) -> [Vec<u8>; 2] {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [h264, y4m] = ["boxes.h264", "small.y4m"].map(|name| folder.path().join(name));
    let (clip, encoded, raw) = (clip.display(), h264.display(), y4m.display());
    let nodes = format!(
        "  - {{ id: camera, kind: file, with: {{ path: {clip}, pace: fast }} }}\n\
         \x20 - {{ id: motion, kind: plugin, plugin: motion, inputs: {{ frames: {{ from: camera, queue: 1 }} }} }}\n\
         \x20 - {{ id: boxes, kind: plugin, plugin: overlay, inputs: motion }}\n\
         \x20 - {{ id: h264, kind: h264, with: {{ bitrate: 300k, keyframe_every: 400ms }}, inputs: boxes }}\n\
         \x20 - {{ id: encoded, kind: write, with: {{ path: {encoded} }}, inputs: h264 }}\n\
         \x20 - {{ id: small, kind: scale, with: {{ size: 96x72 }}, inputs: camera }}\n\
         \x20 - {{ id: few, kind: rate, with: {{ to: 10 }}, inputs: small }}\n\
         \x20 - {{ id: look, kind: plugin, plugin: motion, inputs: few }}\n\
         \x20 - id: marked\n\
         \x20   kind: plugin\n\
         \x20   plugin: overlay\n\
         \x20   inputs:\n\
         \x20     frames: {{ from: small, queue: 1 }}\n\
         \x20     detections: {{ from: look.detections, join: latest }}\n\
         \x20 - {{ id: raw, kind: write, with: {{ path: {raw} }}, inputs: marked }}\n"
    );
    finish(workers, &nodes);
    [h264, y4m].map(|path| fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

#[test]
fn ten_offline_runs_on_any_number_of_workers_write_the_same_bytes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let source = folder.path().join("clip.y4m");
    clip(&source);
    let first = files(&source, 1);
    let frames = first[1].windows(6).filter(|word| word == b"FRAME\n").count();
    assert_eq!(frames, 60, "both branches meet at every frame");
    for workers in [1, 2, 2, 3, 3, 4, 4, 8, 8] {
        let again = files(&source, workers);
        for (name, (again, first)) in ["encoded", "raw"].iter().zip(again.iter().zip(&first)) {
            let differs = again.iter().zip(first).position(|(one, other)| one != other);
            assert!(again == first, "{name}, {workers} workers: other bytes from {differs:?} on");
        }
    }
}
