//! A world in virtual time: it does what the scheduler says, with pretended durations, and watches
//! that every promise is kept on the way.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use framegate::graph::plan::{Clock, LinkId, NodeId};
use framegate::media::{AccessUnit, Item, Pts};
use framegate::node::{Handled, Inputs, Join, Output, Role, Then, Wish, Work};
use framegate::schedule::{
    Action, Event, Hand, Keep, NodeShape, Outcome, Places, Reason, Scheduler, Topology, Turn,
};

use crate::graphs::Sketch;

/// The most an offline link may grow past its capacity.
const MOST_STRETCH: u64 = 32;
/// More steps than any graph of these tests takes: one that needs more never ends.
const MOST_STEPS: usize = 200_000;

/// What a pretended node does in its turns.
#[derive(Clone, Debug)]
pub struct Act {
    pub takes: Duration,
    pub gives: Gives,
    pub fails: Fails,
    /// Sources: how many items, and the PTS from one to the next.
    pub count: u64,
    pub interval: Duration,
    pub answers: Handled,
}

impl Default for Act {
    fn default() -> Act {
        Act {
            takes: Duration::from_millis(1),
            gives: Gives::Same,
            fails: Fails::Never,
            count: 20,
            interval: Duration::from_millis(10),
            answers: Handled::PassOn,
        }
    }
}

/// What comes out of a filter for what goes in. Always on every output port.
#[derive(Clone, Copy, Debug)]
pub enum Gives {
    /// One for one.
    Same,
    /// One for every so many.
    Every(u64),
    /// One for one, this many later; the rest when it finishes.
    Behind(usize),
    /// Two for one.
    Twice,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fails {
    Never,
    /// Every so many turns, one item is skipped.
    Skips(u64),
    /// At this turn.
    At(u64, Then),
}

struct Actor {
    act: Act,
    turns: u64,
    behind: VecDeque<Item>,
    busy: Option<(Output, Outcome)>,
    hearing: bool,
    last_taken: Vec<Option<Pts>>,
}

/// What happened to one node, for the tests to look at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// For each turn, the PTS in nanoseconds on each input port.
    pub taken: Vec<Vec<Option<i64>>>,
    pub finished: u64,
    pub heard: Vec<Wish>,
    /// For each turn, how long after its PTS the first item came to it.
    pub late: Vec<Duration>,
    /// When it finished.
    pub finished_at: Option<Duration>,
}

pub struct World {
    pub topology: Topology,
    pub scheduler: Scheduler,
    pub now: Duration,
    pub traces: Vec<Trace>,
    actors: Vec<Actor>,
    workers: usize,
    /// Turns that come back, soonest first.
    underway: BinaryHeap<Reverse<(Duration, u64, NodeId)>>,
    begun: u64,
}

impl World {
    pub fn new(topology: Topology, acts: Vec<Act>, workers: usize) -> World {
        let actor = |(act, shape): (Act, &NodeShape)| Actor::new(act, shape);
        World {
            scheduler: Scheduler::new(topology.clone(), workers),
            now: Duration::ZERO,
            traces: vec![Trace::default(); acts.len()],
            actors: acts.into_iter().zip(&topology.nodes).map(actor).collect(),
            topology,
            workers,
            underway: BinaryHeap::new(),
            begun: 0,
        }
    }

    /// Changes the graph to `sketch`, whose kept nodes and links are those that `keep` names.
    pub fn change(&mut self, sketch: Sketch, keep: &Keep) -> Places {
        let places = self.scheduler.change(sketch.topology.clone(), keep, self.now);
        for (index, act) in sketch.acts.into_iter().enumerate() {
            let mut shape = sketch.topology.nodes[index].clone();
            let to_place = |link: &mut LinkId| *link = places.links[link.0];
            shape.inputs.iter_mut().flatten().for_each(to_place);
            shape.outputs.iter_mut().flatten().for_each(to_place);
            if keep.nodes[index].is_some() {
                self.topology.nodes[places.nodes[index].0] = shape;
                continue;
            }
            self.actors.push(Actor::new(act, &shape));
            self.traces.push(Trace::default());
            self.topology.nodes.push(shape);
        }
        for (index, link) in sketch.topology.links.iter().enumerate() {
            let mut link = link.clone();
            (link.from, link.to) = (places.nodes[link.from.0], places.nodes[link.to.0]);
            match keep.links[index] {
                Some(id) => self.topology.links[id.0] = link,
                None => self.topology.links.push(link),
            }
        }
        places
    }

    /// Runs until the graph ends by itself or by what was asked of it.
    pub fn run_to_end(&mut self) {
        self.run_until(Duration::MAX);
        assert!(self.scheduler.is_over());
        self.everything_is_accounted_for();
    }

    /// Runs until `time`, or the end.
    pub fn run_until(&mut self, time: Duration) {
        for _ in 0..MOST_STEPS {
            self.hand_out();
            self.invariants_hold();
            let comes_back = self.underway.peek().map(|Reverse((at, ..))| *at);
            // An alarm that is due already rings when the next hand asks.
            let alarm = self.scheduler.next_alarm().filter(|alarm| *alarm > self.now);
            let Some(next) = comes_back.into_iter().chain(alarm).min() else {
                assert!(
                    self.scheduler.is_over() || self.sources().any(|source| self.is_asleep(source)),
                    "deadlock: nothing runs, nothing is due, and it is not over"
                );
                self.now = if self.scheduler.is_over() { self.now } else { time };
                return;
            };
            if self.scheduler.is_over() && self.underway.is_empty() {
                return;
            }
            if next > time {
                self.now = time;
                return;
            }
            self.now = self.now.max(next);
            if comes_back == Some(next) {
                self.bring_back();
            }
        }
        panic!("the graph goes on for ever");
    }

    pub fn tell(&mut self, event: Event) {
        self.scheduler.on(event, self.now);
    }

    /// Gives every hand that is free something to do.
    fn hand_out(&mut self) {
        let devices = self.topology.nodes.iter().enumerate().filter(|(_, node)| node.work == Work::Device);
        let devices: Vec<_> = devices.map(|(index, _)| NodeId(index)).collect();
        for device in devices {
            if self.actors[device.0].busy.is_none() {
                self.ask(Hand::Device(device));
            }
        }
        while self.computing() < self.workers && self.ask(Hand::Worker) == Asked::Began {}
        assert!(self.computing() <= self.workers);
    }

    fn ask(&mut self, hand: Hand) -> Asked {
        match self.scheduler.next_action(hand, self.now) {
            Action::Run { node, turn } => {
                self.begin(node, turn);
                Asked::Began
            }
            Action::Wait { .. } | Action::Leave => Asked::Nothing,
        }
    }

    fn computing(&self) -> usize {
        let computes = |index: &usize| self.topology.nodes[*index].work != Work::Device;
        (0..self.actors.len()).filter(computes).filter(|index| self.actors[*index].busy.is_some()).count()
    }

    fn begin(&mut self, id: NodeId, turn: Turn) {
        assert!(self.actors[id.0].busy.is_none(), "node {} was given a turn while in one", id.0);
        let mut out = Output::default();
        let hearing = matches!(turn, Turn::Hear(_));
        let outcome = match turn {
            Turn::Next => self.next(id, &mut out),
            Turn::Take(inputs) => self.take(id, inputs, &mut out),
            Turn::Finish => self.finish(id, &mut out),
            Turn::Hear(wish) => {
                self.traces[id.0].heard.push(wish);
                Outcome::Done
            }
        };
        let actor = &mut self.actors[id.0];
        actor.hearing = hearing;
        actor.busy = Some((out, outcome));
        self.begun += 1;
        self.underway.push(Reverse((self.now + actor.act.takes, self.begun, id)));
    }

    fn bring_back(&mut self) {
        let Reverse((_, _, id)) = self.underway.pop().expect("a turn is underway");
        let actor = &mut self.actors[id.0];
        let (given, outcome) = actor.busy.take().expect("a node underway is busy");
        let event = match actor.hearing {
            true => Event::Heard { node: id, handled: actor.act.answers },
            false => Event::Returned { node: id, given, outcome },
        };
        self.tell(event);
    }

    fn next(&mut self, id: NodeId, out: &mut Output) -> Outcome {
        let actor = &mut self.actors[id.0];
        if actor.turns == actor.act.count {
            return Outcome::End;
        }
        let pts = Pts::ZERO.after(actor.act.interval * actor.turns as u32);
        actor.turns += 1;
        if let Some(then) = actor.failure() {
            return Outcome::Failed(then);
        }
        let sequence = actor.turns - 1;
        self.give(id, unit(pts, sequence), out);
        Outcome::Done
    }

    fn take(&mut self, id: NodeId, inputs: Inputs, out: &mut Output) -> Outcome {
        assert_eq!(self.traces[id.0].finished, 0, "node {} was given items after it finished", id.0);
        let taken: Vec<_> = inputs.iter().map(|item| item.map(|item| item.pts())).collect();
        self.pts_rise(id, &taken);
        let first = taken.iter().flatten().next().copied();
        self.traces[id.0].late.extend(first.map(|pts| Pts::ZERO.after(self.now).since(pts)));
        self.traces[id.0].taken.push(taken.iter().map(|pts| pts.map(Pts::nanos)).collect());
        let actor = &mut self.actors[id.0];
        actor.turns += 1;
        if let Some(then) = actor.failure() {
            return Outcome::Failed(then);
        }
        let driving = inputs.iter().flatten().next().expect("a turn has an item");
        let item = driving.clone();
        match actor.act.gives {
            Gives::Same => self.give(id, item, out),
            Gives::Every(nth) if actor.turns.is_multiple_of(nth) => self.give(id, item, out),
            Gives::Every(_) => {}
            Gives::Behind(most) => {
                actor.behind.push_back(item);
                if actor.behind.len() > most {
                    let oldest = actor.behind.pop_front().expect("it holds more than none");
                    self.give(id, oldest, out);
                }
            }
            Gives::Twice => {
                // Halfway to a PTS that nobody else gives: a node further down goes less far.
                let ahead = Duration::from_nanos(1 << 20_usize.saturating_sub(id.0));
                let second = item.clone().with_pts(item.pts().after(ahead));
                self.give(id, item, out);
                self.give(id, second, out);
            }
        }
        Outcome::Done
    }

    fn finish(&mut self, id: NodeId, out: &mut Output) -> Outcome {
        self.traces[id.0].finished += 1;
        self.traces[id.0].finished_at = Some(self.now);
        for item in std::mem::take(&mut self.actors[id.0].behind) {
            self.give(id, item, out);
        }
        Outcome::Done
    }

    fn give(&self, id: NodeId, item: Item, out: &mut Output) {
        (0..self.topology.nodes[id.0].outputs.len()).for_each(|port| out.give(port, item.clone()));
    }

    fn pts_rise(&mut self, id: NodeId, taken: &[Option<Pts>]) {
        for (port, pts) in taken.iter().enumerate().filter_map(|(port, pts)| Some((port, (*pts)?))) {
            let link = self.topology.nodes[id.0].inputs[port].expect("only a fed port gets items");
            let again = self.topology.links[link.0].join == Join::Latest;
            let last = &mut self.actors[id.0].last_taken[port];
            let rises = last.is_none_or(|last| last < pts || (again && last == pts));
            assert!(rises, "PTS did not rise on input {port} of node {}", id.0);
            *last = Some(pts);
        }
    }

    fn invariants_hold(&self) {
        for (index, link) in self.topology.links.iter().enumerate() {
            let tally = self.scheduler.link_tally(LinkId(index));
            assert!(tally.adds_up(), "link {index} lost count: {tally:?}");
            let most = match self.topology.clock {
                Clock::Live => link.capacity as u64,
                Clock::Offline => link.capacity as u64 + MOST_STRETCH,
            };
            assert!(tally.waiting <= most, "link {index} grew to {}", tally.waiting);
        }
    }

    fn everything_is_accounted_for(&self) {
        for index in 0..self.topology.links.len() {
            let tally = self.scheduler.link_tally(LinkId(index));
            assert_eq!((tally.waiting, tally.in_turn), (0, 0), "link {index} kept something");
            assert!(tally.adds_up());
        }
        for (index, trace) in self.traces.iter().enumerate() {
            assert!(trace.finished <= 1, "node {index} finished twice");
        }
    }

    /// Items lost on all links for `reason`.
    pub fn lost(&self, reason: Reason) -> u64 {
        let links = 0..self.topology.links.len();
        links.map(|index| self.scheduler.link_tally(LinkId(index)).dropped(reason)).sum()
    }

    pub fn sinks(&self) -> impl Iterator<Item = usize> + '_ {
        self.takers().filter(|index| self.topology.nodes[*index].role == Role::Sink)
    }

    /// Links whose items drive turns.
    pub fn driving_links(&self) -> impl Iterator<Item = LinkId> + '_ {
        let links = self.topology.links.iter().enumerate();
        links.filter(|(_, link)| link.join == Join::Each).map(|(index, _)| LinkId(index))
    }

    pub fn links_into_sinks(&self) -> impl Iterator<Item = LinkId> + '_ {
        self.sinks().flat_map(|sink| self.topology.nodes[sink].inputs.iter().flatten().copied())
    }

    pub fn sources(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.topology.nodes.len()).filter(|index| self.topology.nodes[*index].role == Role::Source)
    }

    /// Whether the last it heard of the matter was that it may rest.
    pub fn is_asleep(&self, node: usize) -> bool {
        let last = self.traces[node].heard.iter().rfind(|wish| matches!(wish, Wish::Sleep | Wish::Wake));
        last == Some(&Wish::Sleep)
    }

    /// The sinks that something given by `node` may reach.
    pub fn sinks_below(&self, node: usize) -> Vec<usize> {
        let mut below = vec![node];
        let mut sinks = vec![];
        while let Some(node) = below.pop() {
            let shape = &self.topology.nodes[node];
            if shape.role == Role::Sink {
                sinks.push(node);
            }
            below.extend(shape.outputs.iter().flatten().map(|link| self.topology.links[link.0].to.0));
        }
        sinks
    }

    /// Every node but sources, in order.
    pub fn takers(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.topology.nodes.len()).filter(|index| self.topology.nodes[*index].role != Role::Source)
    }
}

#[derive(PartialEq)]
enum Asked {
    Began,
    Nothing,
}

impl Actor {
    fn new(act: Act, shape: &NodeShape) -> Actor {
        Actor {
            act,
            turns: 0,
            behind: VecDeque::new(),
            busy: None,
            hearing: false,
            last_taken: vec![None; shape.inputs.len()],
        }
    }

    fn failure(&self) -> Option<Then> {
        match self.act.fails {
            Fails::Skips(nth) if self.turns.is_multiple_of(nth) => Some(Then::SkipItem),
            Fails::At(turn, then) if self.turns == turn => Some(then),
            Fails::Never | Fails::Skips(_) | Fails::At(..) => None,
        }
    }
}

/// Every fifth is a keyframe.
fn unit(pts: Pts, sequence: u64) -> Item {
    Item::AccessUnit(AccessUnit {
        data: Arc::from([]),
        keyframe: sequence.is_multiple_of(5),
        layer: 0,
        pts,
        sequence,
        annotations: Arc::default(),
    })
}
