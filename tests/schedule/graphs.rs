//! Graphs for the tests: written by hand, or drawn at random.

use std::time::Duration;

use framegate::graph::plan::{Clock, LinkId, NodeId, PlanLink};
use framegate::media::{PixelFormat, Rate};
use framegate::node::{Format, Handled, Join, Pace, Role, Then, VideoFormat, WhenFull, Work};
use framegate::schedule::{NodeShape, Topology};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::world::{Act, Fails, Gives};

/// A graph being written: nodes in order, each after all that feed it. Every node has one output port.
#[derive(Clone)]
pub struct Sketch {
    pub topology: Topology,
    pub acts: Vec<Act>,
}

impl Sketch {
    /// What a link of encoded video carries.
    pub const ENCODED: Format =
        Format::AccessUnits(VideoFormat { pixel: PixelFormat::I420, size: None, rate: None });

    /// Takes out a node that feeds nobody, and the links into it.
    pub fn remove(&mut self, node: usize) {
        let topology = &mut self.topology;
        assert!(topology.nodes[node].outputs.iter().all(Vec::is_empty), "somebody needs node {node}");
        let gone: Vec<LinkId> = topology.nodes[node].inputs.iter().flatten().copied().collect();
        let after = |link: LinkId| LinkId(link.0 - gone.iter().filter(|gone| **gone < link).count());
        topology.nodes.remove(node);
        self.acts.remove(node);
        for shape in &mut topology.nodes {
            for links in &mut shape.outputs {
                links.retain(|link| !gone.contains(link));
                links.iter_mut().for_each(|link| *link = after(*link));
            }
            shape.inputs.iter_mut().flatten().for_each(|link| *link = after(*link));
        }
        let mut index = 0;
        topology.links.retain(|_| {
            index += 1;
            !gone.contains(&LinkId(index - 1))
        });
        for link in &mut topology.links {
            link.from.0 -= usize::from(link.from.0 > node);
            link.to.0 -= usize::from(link.to.0 > node);
        }
    }

    pub fn new(clock: Clock) -> Sketch {
        Sketch { topology: Topology { clock, nodes: vec![], links: vec![] }, acts: vec![] }
    }

    pub fn node(&mut self, role: Role, act: Act) -> usize {
        let outputs = if role == Role::Sink { vec![] } else { vec![vec![]] };
        let shape =
            NodeShape { role, work: Work::Compute, pace: Pace::Free, priority: 5, inputs: vec![], outputs };
        self.topology.nodes.push(shape);
        self.acts.push(act);
        self.acts.len() - 1
    }

    /// Links `from` to a new input port of `to`, with a capacity of 2.
    pub fn link(&mut self, from: usize, to: usize, when_full: WhenFull, join: Join) -> &mut PlanLink {
        let id = LinkId(self.topology.links.len());
        let to_port = self.topology.nodes[to].inputs.len();
        self.topology.nodes[to].inputs.push(Some(id));
        self.topology.nodes[from].outputs[0].push(id);
        self.topology.links.push(PlanLink {
            from: NodeId(from),
            from_port: 0,
            to: NodeId(to),
            to_port,
            format: Format::Detections,
            capacity: 2,
            when_full,
            join,
            max_age: None,
            rate: None,
        });
        self.topology.links.last_mut().expect("one was just pushed")
    }
}

/// A graph drawn at random, in a form that shrinks well.
#[derive(Clone, Debug)]
pub struct Drawn {
    sources: Vec<(Act, Work, Pace)>,
    takers: Vec<Taker>,
}

#[derive(Clone, Debug)]
struct Taker {
    act: Act,
    work: Work,
    inputs: Vec<Fed>,
}

#[derive(Clone, Debug)]
struct Fed {
    by: Index,
    capacity: usize,
    when_full: WhenFull,
    join: Join,
    max_age: Option<Duration>,
    rate: Option<Rate>,
}

impl Drawn {
    pub fn sketch(&self, clock: Clock) -> Sketch {
        let mut sketch = Sketch::new(clock);
        for (act, work, pace) in &self.sources {
            let node = sketch.node(Role::Source, act.clone());
            sketch.topology.nodes[node].work = *work;
            sketch.topology.nodes[node].pace = *pace;
        }
        for taker in &self.takers {
            let node = sketch.node(Role::Filter, taker.act.clone());
            sketch.topology.nodes[node].work = taker.work;
            for (port, fed) in taker.inputs.iter().enumerate() {
                let join = if port == 0 { Join::Each } else { fed.join };
                let link = sketch.link(fed.by.index(node), node, fed.when_full, join);
                link.capacity = fed.capacity;
                link.max_age = fed.max_age;
                link.rate = fed.rate;
            }
        }
        for node in &mut sketch.topology.nodes {
            if node.role == Role::Filter && node.outputs[0].is_empty() {
                (node.role, node.outputs) = (Role::Sink, vec![]);
            }
        }
        sketch
    }
}

/// Failures that may be drawn.
#[derive(Clone, Copy)]
pub enum Failures {
    OnlySkips,
    All,
}

pub fn drawn(failures: Failures) -> impl Strategy<Value = Drawn> {
    let pace = prop_oneof![Just(Pace::Free), Just(Pace::ByPts)];
    let sources = prop::collection::vec((act(failures), work(), pace), 1..3);
    let takers = prop::collection::vec(taker(failures), 1..9);
    (sources, takers).prop_map(|(sources, takers)| Drawn { sources, takers })
}

fn taker(failures: Failures) -> impl Strategy<Value = Taker> {
    (act(failures), work(), prop::collection::vec(fed(), 1..4)).prop_map(|(act, work, inputs)| Taker {
        act,
        work,
        inputs,
    })
}

fn fed() -> impl Strategy<Value = Fed> {
    let when_full = prop_oneof![
        Just(WhenFull::Block),
        Just(WhenFull::DropOldest),
        Just(WhenFull::DropNewest),
        Just(WhenFull::ToKeyframe)
    ];
    let join = prop_oneof![Just(Join::Each), Just(Join::SamePts), Just(Join::Latest)];
    let max_age = prop::option::of((5u64..200).prop_map(Duration::from_millis));
    let rate =
        prop::option::weighted(0.2, (1u32..200).prop_map(|rate| Rate::new(rate, 1).expect("in range")));
    (any::<Index>(), 1usize..4, when_full, join, max_age, rate).prop_map(
        |(by, capacity, when_full, join, max_age, rate)| Fed { by, capacity, when_full, join, max_age, rate },
    )
}

fn act(failures: Failures) -> impl Strategy<Value = Act> {
    let gives = prop_oneof![
        4 => Just(Gives::Same),
        1 => (2u64..5).prop_map(Gives::Every),
        1 => (1usize..6).prop_map(Gives::Behind),
        1 => Just(Gives::Twice),
    ];
    let answers = prop_oneof![Just(Handled::Here), Just(Handled::PassOn)];
    (0u64..40, gives, fails(failures), 0u64..40, 1u64..30, answers).prop_map(
        |(takes, gives, fails, count, interval, answers)| Act {
            takes: Duration::from_millis(takes),
            gives,
            fails,
            count,
            interval: Duration::from_millis(interval),
            answers,
        },
    )
}

fn fails(failures: Failures) -> BoxedStrategy<Fails> {
    let skips = (2u64..9).prop_map(Fails::Skips);
    let then = prop_oneof![Just(Then::SkipItem), Just(Then::StopNode), Just(Then::StopGraph)];
    let at = (1u64..20, then).prop_map(|(turn, then)| Fails::At(turn, then));
    match failures {
        Failures::OnlySkips => prop_oneof![4 => Just(Fails::Never), 1 => skips].boxed(),
        Failures::All => prop_oneof![6 => Just(Fails::Never), 1 => skips, 1 => at].boxed(),
    }
}

fn work() -> impl Strategy<Value = Work> {
    prop_oneof![3 => Just(Work::Compute), 1 => Just(Work::Device), 1 => Just(Work::Network)]
}
