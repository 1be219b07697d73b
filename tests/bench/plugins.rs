//! Sandboxed plugins beside the same work done natively, the hand-over of pixels included.

use framegate::media::{Detection, Frame, FrameFormat, Item, PixelFormat, Pool, Rate, Region, Size};
use framegate::node::{Epoch, Filter, Inputs, Node, Output, Site};
use framegate::nodes::test_pattern;
use framegate::pixels;
use framegate_sdk::{self as sdk, testing};
use motion::Motion;
use std::time::{Instant, SystemTime};

use crate::graphs::{plan, run};
use crate::heap::asked;
use crate::measure::{Row, compare, heading, line};

const RING: usize = 8;
/// What `motion` asks its host for by default, at 1280x720.
const SMALL: (u32, u32) = (320, 180);

struct Scene {
    pool: Pool,
    ring: Vec<Frame>,
}

impl Scene {
    fn new() -> Scene {
        let pool = Pool::new(1 << 30);
        let format = FrameFormat::new(PixelFormat::I420, Size::new(1280, 720).expect("a size"));
        let rate = Rate::new(30, 1).expect("a rate");
        let pattern = test_pattern::frames(format, rate, 0, pool.clone()).expect("room for a background");
        let ring = pattern.take(RING).collect();
        Scene { pool, ring }
    }

    /// Work on one frame after another, whose numbers and times go on rising.
    fn row<'a>(&'a self, name: &str, mut work: impl FnMut(Frame) + 'a) -> Row<'a> {
        let (rate, mut number) = (Rate::new(30, 1).expect("a rate"), 0);
        Row::new(name, move || {
            let mut frame = self.ring[number as usize % RING].clone();
            (frame.pts, frame.sequence) = (rate.pts_of(number), number);
            number += 1;
            work(frame);
        })
    }

    fn plugin<'a>(&'a self, name: &str, plugin: &Plugin) -> Row<'a> {
        let mut node = plugin.build(&self.pool);
        self.row(name, move |frame| {
            let mut out = Output::default();
            node.process(Inputs::one(Item::Frame(frame)), &mut out).expect("the plugin does its work");
            assert!(!out.is_empty(), "a plugin that passes every frame");
        })
    }
}

/// A plugin as a graph would name it, loaded and checked.
struct Plugin(framegate::graph::PlanNode);

impl Plugin {
    fn new(plugin: &str, with: &str) -> Plugin {
        let text = format!(
            "version: 1\nnodes:\n  - {{ id: source, kind: test_pattern }}\n  - {{ id: plugin, kind: plugin, \
             plugin: {plugin}, with: {with}, inputs: {{ frames: source }} }}\n  \
             - {{ id: end, kind: collect, inputs: plugin.frames }}\n"
        );
        let node = plan(&text).nodes.into_iter().find(|node| node.id == "plugin");
        Plugin(node.expect("the graph has a plugin"))
    }

    fn build(&self, pool: &Pool) -> Box<dyn Filter> {
        let epoch = Epoch { instant: Instant::now(), wall: SystemTime::now(), live: true };
        let inputs = vec![None; self.0.contract.inputs.len()];
        match self.0.kind.build(&self.0.settings, &inputs, &Site::alone("plugin", pool.clone(), epoch)) {
            Ok(Node::Filter(filter)) => filter,
            Ok(_) => panic!("a plugin is a filter"),
            Err(error) => panic!("{error}"),
        }
    }
}

/// What `negative` does, on the host's own memory.
fn turn(frame: &mut Frame) {
    frame.plane_mut(0).expect("room for a copy").rows().for_each(negative::turn);
}

/// What `edges` does, from one plane into another.
fn draw_edges(frame: &mut Frame) {
    let source = frame.clone();
    let rows: Vec<&[u8]> = source.plane(0).rows().collect();
    let row = |index: usize| rows[index.min(rows.len() - 1)];
    let mut plane = frame.plane_mut(0).expect("room for a copy");
    for (index, edges) in plane.rows().enumerate() {
        edges::draw(row(index.saturating_sub(1)), row(index), row(index + 1), edges, edges::fixed(1.0));
    }
    for index in 1..frame.planes().len() {
        let mut plane = frame.plane_mut(index).expect("room for a copy");
        plane.rows().for_each(|row| row.fill(128));
    }
}

/// The same code in and out of the sandbox.
pub fn plugins() {
    let scene = Scene::new();
    pair(
        "luma turned around (negative), i420 1280x720, per frame",
        scene.row("natively", |mut frame| turn(&mut frame)),
        scene.plugin("as a plugin", &Plugin::new("negative", "{}")),
    );
    pair(
        "Sobel's operator (edges), i420 1280x720, per frame",
        scene.row("natively", |mut frame| draw_edges(&mut frame)),
        scene.plugin("as a plugin", &Plugin::new("edges", "{}")),
    );
    let (mut motion, mut luma) = (testing::configure::<Motion>("{}").expect("defaults"), Vec::new());
    let small = Size::new(SMALL.0, SMALL.1).expect("a size");
    let (of, to) = (sdk::Size::new(1280, 720), sdk::Size::new(SMALL.0, SMALL.1));
    pair(
        "finding what moves (motion), i420 1280x720, per frame",
        scene.row("natively", |frame| {
            pixels::sample(&frame, None, small, PixelFormat::Gray8, &scene.pool, &mut luma).expect("room");
            motion.look(of, to, luma.clone(), frame.pts.nanos());
        }),
        scene.plugin("as a plugin", &Plugin::new("motion", "{}")),
    );
    let rows = vec![scene.plugin("pass a frame on (passthrough)", &Plugin::new("passthrough", "{}"))];
    compare("what the sandbox itself costs, per frame", 100, rows);

    let loaded = Plugin::new("motion", "{}");
    let rows = vec![Row::new("a new instance of a loaded plugin", || drop(loaded.build(&scene.pool)))];
    compare("restart, what follows a trap", 30, rows);
}

fn pair(title: &str, native: Row<'_>, plugin: Row<'_>) {
    compare(title, 100, vec![native, plugin]);
}

/// Bytes of pixels that cross into each plugin and back, beside those of the frame.
pub fn copies() {
    const FRAMES: u64 = 50;
    let whole = (1280 * 720 * 3 / 2) as f64;
    heading("bytes that cross into a plugin and back, of a frame of i420 1280x720");
    for plugin in ["passthrough", "overlay", "motion", "negative", "edges"] {
        let text = format!(
            "version: 1\nclock: offline\nnodes:\n\
             \x20 - {{ id: source, kind: test_pattern, with: {{ size: 1280x720, count: {FRAMES} }} }}\n\
             \x20 - {{ id: plugin, kind: plugin, plugin: {plugin}, inputs: {{ frames: source }} }}\n\
             \x20 - {{ id: end, kind: collect, inputs: plugin.frames }}\n"
        );
        let report = run(&text);
        let node = report.nodes.iter().find(|node| node.id == "plugin").expect("the graph has a plugin");
        let of = |name: &str| {
            let counter = node.counters.iter().find(|(known, _)| known == name);
            counter.map_or(0, |(_, count)| *count) / FRAMES
        };
        let (read, written) = (of("bytes_read"), of("bytes_written"));
        let share = (read + written) as f64 / whole;
        line(plugin, &format!("{read} in"), &format!("{written:>9} out {share:>7.2}x"));
    }
}

/// The frame with three things found in it.
fn marked(frame: &Frame) -> Frame {
    let mut frame = frame.clone();
    let region = Region { x: 0.25, y: 0.25, width: 0.5, height: 0.5 };
    let found = Detection { label: "motion".into(), score: 0.5, region, track: Some(7) };
    frame.annotations_mut().detections = vec![found; 3];
    frame
}

/// How often a node of each world asks the host's heap for memory, per frame, once it has settled.
pub fn heap() {
    const FRAMES: u64 = 100;
    let scene = Scene::new();
    heading("asked of the host's heap, per frame of i420 1280x720");
    let worlds = [
        ("filter (negative)", "negative"),
        ("analyzer (passthrough)", "passthrough"),
        ("detector (motion)", "motion"),
        ("overlay (overlay)", "overlay"),
    ];
    let measure = |name: &str, mut row: Row<'_>| {
        (0..FRAMES).for_each(|_| row.once());
        let before = asked();
        (0..FRAMES).for_each(|_| row.once());
        let each = (asked() - before) as f64 / FRAMES as f64;
        line(name, &format!("{each:>9.2}"), "allocations");
    };
    measure("a frame handed on and no plugin", scene.row("", drop));
    let (small, mut luma) = (Size::new(SMALL.0, SMALL.1).expect("a size"), Vec::new());
    let scale = |frame: Frame| {
        pixels::sample(&frame, None, small, PixelFormat::Gray8, &scene.pool, &mut luma).expect("room");
    };
    measure("scaled to 320x180 (what motion asks for)", scene.row("", scale));
    for (name, plugin) in worlds {
        measure(name, scene.plugin("", &Plugin::new(plugin, "{}")));
    }
    let boxes = Scene { ring: scene.ring.iter().map(marked).collect(), ..scene };
    measure("overlay, three boxes to draw", boxes.plugin("", &Plugin::new("overlay", "{}")));
    measure("overlay (privacy), three boxes to hide", boxes.plugin("", &Plugin::new("privacy", "{}")));
}
