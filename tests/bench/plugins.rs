//! Sandboxed plugins beside the same work done natively, the hand-over of pixels included.

use framegate::media::{Frame, FrameFormat, Item, PixelFormat, Pool, Rate, Size};
use framegate::node::{Epoch, Filter, Inputs, Node, Output, Site};
use framegate::nodes::test_pattern;
use framegate::pixels;
use std::time::{Instant, SystemTime};

use crate::graphs::plan;
use crate::measure::{Row, compare};

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

/// Half of the colour taken out, as `grayscale` does it.
fn fade(frame: &mut Frame) {
    for index in 1..frame.planes().len() {
        let mut plane = frame.plane_mut(index).expect("room for a copy");
        let fade = |byte: &mut u8| *byte = (128 + (((i32::from(*byte) - 128) * 128) >> 8)) as u8;
        plane.rows().flatten().for_each(fade);
    }
}

pub fn plugins() {
    let scene = Scene::new();
    let mut bytes = Vec::new();
    let small = Size::new(SMALL.0, SMALL.1).expect("a size");
    let rows = vec![
        scene.row("fade the colour, natively", |mut frame| fade(&mut frame)),
        scene.plugin(
            "fade the colour, as a plugin (grayscale)",
            &Plugin::new("grayscale", "{ strength: 0.5 }"),
        ),
        scene.plugin("pass a frame on (passthrough)", &Plugin::new("passthrough", "{}")),
        scene.row("a small luma picture, natively", |frame| {
            pixels::sample(&frame, None, small, PixelFormat::Gray8, &scene.pool, &mut bytes).expect("room");
        }),
        scene.plugin("find what moves in one, as a plugin (motion)", &Plugin::new("motion", "{}")),
    ];
    compare("plugins, i420 1280x720, per frame", 100, rows);

    let loaded = Plugin::new("motion", "{}");
    let rows = vec![Row::new("a new instance of a loaded plugin", || drop(loaded.build(&scene.pool)))];
    compare("restart, what follows a trap", 30, rows);
}
