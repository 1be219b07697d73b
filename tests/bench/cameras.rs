//! Many cameras in one graph: what each costs as there come to be more of them.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::graphs::{plan, run, used};
use crate::measure::{heading, line, median};

const COUNTS: [usize; 5] = [1, 2, 4, 8, 16];
const FRAMES: usize = 100;

/// So many files of 640x360, each with a motion detector of its own.
fn graph(cameras: usize, clip: &Path) -> String {
    let mut text = "version: 1\nclock: offline\nnodes:\n".to_owned();
    for camera in 0..cameras {
        let _ = write!(
            text,
            "  - {{ id: camera-{camera}, kind: file, with: {{ path: {}, pace: fast }} }}\n\
             \x20 - {{ id: motion-{camera}, kind: plugin, plugin: motion, inputs: camera-{camera} }}\n\
             \x20 - {{ id: end-{camera}, kind: collect, inputs: motion-{camera}.detections }}\n",
            clip.display()
        );
    }
    text
}

/// CPU time for each frame of each camera, threads, and frame memory.
pub fn cameras() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let clip = folder.path().join("clip.y4m");
    run(&format!(
        "version: 1\nclock: offline\nnodes:\n\
         \x20 - {{ id: pattern, kind: test_pattern, with: {{ size: 640x360, count: {FRAMES} }} }}\n\
         \x20 - {{ id: clip, kind: write, with: {{ path: {} }}, inputs: pattern }}\n",
        clip.display()
    ));
    let mut times = vec![Vec::new(); COUNTS.len()];
    for _ in 0..5 {
        for (cameras, times) in COUNTS.iter().zip(&mut times) {
            let text = graph(*cameras, &clip);
            times.push(used(&|| drop(run(&text))) / (cameras * FRAMES) as u32);
        }
    }
    heading("cameras in one graph: files of 640x360 with motion detection, per camera and frame");
    let medians: Vec<_> = times.into_iter().map(median).collect();
    for (cameras, took) in COUNTS.iter().zip(&medians) {
        let ratio = took.as_secs_f64() / medians[0].as_secs_f64();
        let (threads, held) = size(&graph(*cameras, &clip));
        let value = format!("{:>9.1} us", took.as_secs_f64() * 1e6);
        line(
            &format!("{cameras}"),
            &value,
            &format!("{ratio:>7.2}x {threads:>4} threads {held:>6.1} MB of frames"),
        );
    }
}

/// The threads of a graph that runs, and the most frame memory it came to hold, in megabytes.
fn size(text: &str) -> (usize, f64) {
    let threads = || fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
    let before = threads();
    let running = framegate::run::start(plan(text)).expect("the graph starts");
    let (all, watch) = (threads() - before, running.watch());
    running.wait();
    let pool = watch.report().pool;
    (all, (pool.out_bytes + pool.idle_bytes) as f64 / 1e6)
}
