//! Whole graphs: what the scheduler adds, what memory they take, how soon they are there.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use framegate::catalog;
use framegate::graph::{self, Plan, Text};
use framegate::media::{Pool, Pts};
use framegate::node::{Epoch, Flow, Inputs, Node, Output, Settings, Site};
use framegate::nodes::collect::Basket;
use framegate::run::{self, Ledger, Report};
use framegate::schedule::times::Times;
use serde_json::json;

use crate::measure::{heading, line, median, process_time, thread_time};

/// A chain of `filters` nodes that do next to nothing, between a source of `frames` and a sink.
fn chain(filters: usize, frames: usize) -> String {
    let mut text = format!(
        "version: 1\nclock: offline\nnodes:\n  - id: source\n    kind: test_pattern\n    \
         with: {{ size: 64x48, format: gray8, count: {frames} }}\n"
    );
    let mut from = "source".to_owned();
    for index in 0..filters {
        let id = format!("pass-{index}");
        let _ = write!(
            text,
            "  - id: {id}\n    kind: crop\n    with: {{ box: [0, 0, 1, 1] }}\n    inputs: {from}\n"
        );
        from = id;
    }
    let _ = write!(text, "  - id: end\n    kind: collect\n    inputs: {from}\n");
    text
}

pub fn plan(text: &str) -> Plan {
    let text = Text { name: "bench.yaml".to_owned(), folder: PathBuf::new(), text: text.to_owned() };
    let checked = graph::load(&text, &[], &catalog::kinds(), &|_| None);
    checked.plan.unwrap_or_else(|| panic!("a graph of the benchmarks: {:?}", checked.findings))
}

/// Runs a graph to its end.
pub fn run(text: &str) -> Report {
    let running = run::start(plan(text)).expect("the graph starts");
    let watch = running.watch();
    let ended = running.wait();
    assert!(ended.failures.is_empty(), "{:?}", ended.failures);
    watch.report()
}

/// The same nodes as [`chain`]'s, called one after another by hand.
fn by_hand(filters: usize, frames: usize) {
    let kinds = catalog::kinds();
    let pool = Pool::new(1 << 20);
    let epoch = Epoch { instant: Instant::now(), wall: SystemTime::now(), live: false };
    let build = |kind: &str, with| {
        let kind = kinds.find(kind).expect("a kind of this build");
        let settings = Settings::from_json(kind.about().with, &with).expect("these settings fit");
        kind.build(&settings, &[None], &Site::alone("node", pool.clone(), epoch)).expect("it builds")
    };
    let pattern = json!({ "size": "64x48", "format": "gray8", "count": frames });
    let Node::Source(mut source) = build("test_pattern", pattern) else { panic!("a source") };
    let Node::Sink(mut sink) = build("collect", json!({})) else { panic!("a sink") };
    let mut chain: Vec<_> = (0..filters).map(|_| build("crop", json!({ "box": [0, 0, 1, 1] }))).collect();
    let (mut items, mut next) = (Output::default(), Output::default());
    while source.next(&mut items).expect("a frame") == Flow::More {
        for node in &mut chain {
            let Node::Filter(filter) = node else { panic!("a filter") };
            for (_, item) in items.drain() {
                filter.process(Inputs::one(item), &mut next).expect("a frame");
            }
            std::mem::swap(&mut items, &mut next);
        }
        items.drain().for_each(|(_, item)| sink.consume(Inputs::one(item)).expect("a frame"));
    }
}

/// The CPU time that all threads spend on `work`.
pub fn used(work: &dyn Fn()) -> Duration {
    let before = process_time();
    work();
    process_time() - before
}

/// What a graph costs beyond its nodes called by hand, for each node and frame.
pub fn scheduler() {
    const SIZES: [usize; 5] = [2, 10, 50, 100, 200];
    let mut overheads = vec![Vec::new(); SIZES.len()];
    for _ in 0..7 {
        for (filters, overheads) in SIZES.iter().zip(&mut overheads) {
            let frames = 40_000 / filters;
            let text = chain(*filters, frames);
            let graph = used(&|| drop(run(&text)));
            let hand = used(&|| by_hand(*filters, frames));
            overheads.push(graph.saturating_sub(hand) / (frames * (filters + 2)) as u32);
        }
    }
    heading("scheduler, CPU time beyond the same nodes called by hand, per node and frame");
    let medians: Vec<Duration> = overheads.into_iter().map(median).collect();
    for (filters, took) in SIZES.iter().zip(&medians) {
        let ratio = took.as_secs_f64() / medians[0].as_secs_f64();
        let value = format!("{:>9.2} us", took.as_secs_f64() * 1e6);
        line(&format!("a chain of {filters} filters"), &value, &format!("{ratio:>7.2}x"));
    }
}

/// What it costs to write down each turn's time and each item's latency, beside all that the demo's
/// chain does for a frame.
pub fn ledger() {
    const ENTRIES: u32 = 1_000_000;
    let (ledger, mut waits) = (Ledger::default(), Times::default());
    let mut entries = || {
        let before = thread_time();
        for _ in 0..ENTRIES {
            let begun = Instant::now();
            waits.add(begun.elapsed());
            ledger.turn(begun.elapsed());
            ledger.left(Pts::ZERO, Pts::ZERO.after(begun.elapsed()));
        }
        (thread_time() - before) / ENTRIES
    };
    let entry = median((0..7).map(|_| entries()).collect());
    let frames = 200;
    let text = format!(
        "version: 1\nclock: offline\nnodes:\n\
         \x20 - {{ id: camera, kind: test_pattern, with: {{ size: 1280x720, count: {frames} }} }}\n\
         \x20 - {{ id: motion, kind: plugin, plugin: motion, inputs: camera }}\n\
         \x20 - {{ id: boxes, kind: plugin, plugin: overlay, inputs: motion }}\n\
         \x20 - {{ id: h264, kind: h264, inputs: boxes }}\n\
         \x20 - {{ id: end, kind: collect, inputs: h264 }}\n"
    );
    let before = process_time();
    let report = run(&text);
    let all = process_time() - before;
    let turns: u64 = report.nodes.iter().map(|node| node.turns).sum();
    let share = entry.as_secs_f64() * turns as f64 / all.as_secs_f64();
    heading("the ledger");
    line("one turn, with its item's wait and latency", &format!("{:>9} ns", entry.as_nanos()), "");
    line("of all that the demo's chain does", &format!("{:>9.4} %", share * 100.0), "");
}

/// Frame memory of a graph that draws, scales, converts and encodes.
pub fn memory() {
    let text = |frames: usize| {
        format!(
            "version: 1\nclock: offline\nnodes:\n\
             \x20 - {{ id: source, kind: test_pattern, with: {{ size: 640x360, count: {frames} }} }}\n\
             \x20 - {{ id: small, kind: scale, with: {{ size: 320x180 }}, inputs: source }}\n\
             \x20 - {{ id: rgb, kind: convert, with: {{ to: rgb24 }}, inputs: small }}\n\
             \x20 - {{ id: back, kind: convert, with: {{ to: i420 }}, inputs: rgb }}\n\
             \x20 - {{ id: h264, kind: h264, inputs: back }}\n\
             \x20 - {{ id: end, kind: collect, inputs: h264 }}\n"
        )
    };
    heading("frame memory, a graph of 6 nodes");
    for frames in [100, 1000] {
        let pool = run(&text(frames)).pool;
        let held = (pool.out_bytes + pool.idle_bytes) as f64 / 1e6;
        line(
            &format!("allocations over {frames} frames"),
            &pool.allocations.to_string(),
            &format!("{held:.1} MB held"),
        );
    }
}

/// From text to plan.
pub fn check() {
    heading("check of a graph, on the wall");
    for nodes in [10, 200] {
        let text = chain(nodes - 2, 1);
        let times = (0..15).map(|_| {
            let before = Instant::now();
            plan(&text);
            before.elapsed()
        });
        let took = median(times.collect());
        line(&format!("{nodes} nodes"), &format!("{:>9.1} ms", took.as_secs_f64() * 1e3), "");
    }
}

/// From text to the first access unit.
pub fn start() {
    let text = "version: 1\nnodes:\n\
                \x20 - { id: camera, kind: test_pattern, with: { size: 1280x720, rate: 30 } }\n\
                \x20 - { id: h264, kind: h264, inputs: camera }\n\
                \x20 - { id: end, kind: collect, with: { into: bench-start }, inputs: h264 }\n";
    let times = (0..7).map(|_| {
        let basket = Basket::open("bench-start");
        let before = Instant::now();
        let running = run::start(plan(text)).expect("the graph starts");
        let came = basket.wait_for(1, Duration::from_secs(30));
        let took = before.elapsed();
        assert!(!came.is_empty(), "nothing was encoded in half a minute");
        drop(running);
        took
    });
    heading("start of a live graph, on the wall");
    let took = median(times.collect());
    line(
        "from text to the first access unit, 1280x720",
        &format!("{:>9.1} ms", took.as_secs_f64() * 1e3),
        "",
    );
}
