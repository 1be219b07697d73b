//! Whole graphs on the real runner, in this process: what their plugin nodes count, and every frame
//! that comes out.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use framegate::catalog;
use framegate::graph::{self, Plan, Text};
use framegate::media::{Frame, Item};
use framegate::node::{Kinds, NodeKind};
use framegate::nodes::collect::Basket;
use framegate::run::{self, Ended, Report, Running, Watch};

/// For a machine with much else to do; nothing is judged by how long it takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// This build's kinds, with compiled plugins kept where tests keep theirs.
fn kinds() -> Kinds {
    let mut kinds = catalog::kinds();
    let plugin: Arc<dyn NodeKind> = Arc::new(crate::bench::kind());
    for kind in &mut kinds.present {
        if kind.about().name == "plugin" {
            *kind = plugin.clone();
        }
    }
    kinds
}

pub fn plan(nodes: &str, clock: &str) -> Plan {
    let text = format!("version: 1\nclock: {clock}\nnodes:\n{nodes}");
    let text = Text { name: "test.yaml".to_owned(), folder: PathBuf::new(), text };
    let checked = graph::load(&text, &[], &kinds(), &|_| None);
    checked.plan.unwrap_or_else(|| panic!("{:#?}", checked.findings))
}

/// A running graph whose frames end in a basket.
pub struct Graph {
    running: Running,
    basket: Basket,
}

impl Graph {
    /// `nodes` as YAML list items; the node `end` collects into the basket `name`.
    pub fn live(name: &str, nodes: &str) -> Graph {
        let basket = Basket::open(name);
        Graph { running: run::start(plan(nodes, "live")).expect("the graph starts"), basket }
    }

    pub fn count(&self, node: &str, counter: &str) -> u64 {
        count(&self.running.watch().report(), node, counter)
    }

    /// Waits for so many frames more than there are now.
    pub fn pass(&self, frames: usize) {
        let wanted = self.basket.items().len() + frames;
        let there = self.basket.wait_for(wanted, PATIENCE).len();
        assert!(there >= wanted, "{there} of {wanted} frames came");
    }

    /// Waits until the node has counted so far.
    pub fn until(&self, node: &str, counter: &str, wanted: u64) {
        let since = Instant::now();
        while self.count(node, counter) < wanted {
            assert!(since.elapsed() < PATIENCE, "{node} never counted {wanted} {counter}");
            self.pass(1);
        }
    }

    /// Stops the graph: its last report, and every frame. Once they are gone, all memory must be back.
    pub fn end(self) -> (Report, Vec<Seen>) {
        let Graph { running, basket } = self;
        running.stop();
        let watch = running.watch();
        well(&running.wait());
        let seen = basket.items().iter().map(Seen::of).collect();
        drop(basket);
        (settled(&watch), seen)
    }
}

/// The last report of an ended graph, in which no frame memory may be missing.
pub fn settled(watch: &Watch) -> Report {
    let report = watch.report();
    assert_eq!(report.pool.out, 0, "frame memory is missing");
    report
}

pub fn well(ended: &Ended) {
    assert!(ended.failures.is_empty(), "{ended:?}");
}

pub fn count(report: &Report, node: &str, counter: &str) -> u64 {
    let node = report.nodes.iter().find(|found| found.id == node).expect("the node is there");
    node.counters.iter().find(|(name, _)| name == counter).map_or(0, |(_, count)| *count)
}

/// What is left of a frame once its memory is back.
pub struct Seen {
    pub sequence: u64,
    pub nanos: i64,
    pub tags: Vec<(String, String)>,
    /// The nodes whose detectors have looked at it.
    pub looked: Vec<String>,
    /// Whether the whole picture is black.
    pub black: bool,
}

impl Seen {
    fn of(item: &Item) -> Seen {
        let Item::Frame(frame) = item else { panic!("these graphs end in frames") };
        Seen {
            sequence: frame.sequence,
            nanos: frame.pts.nanos(),
            tags: frame.annotations().tags.clone().into_iter().collect(),
            looked: frame.annotations().looked.iter().map(|node| node.to_string()).collect(),
            black: is_black(frame),
        }
    }

    pub fn tag(&self, name: &str) -> Option<&str> {
        self.tags.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

fn is_black(frame: &Frame) -> bool {
    frame.plane(0).rows().all(|row| row.iter().all(|luma| *luma <= 16))
}
