//! Another shape for a running graph, without a pause.
//!
//! Owns how the old shape meets the new one. What is in both goes on, with its queues and counts;
//! what is only in the new one begins; what is only in the old one retires: nothing new comes to it,
//! it gives what it holds to whom it always fed, finishes and ends. Where an input is fed by another
//! node than before, the old link is emptied before the new one is looked at, so that no item is lost
//! and PTS go on rising. Ids are never used twice: a late word of a retired node reaches nobody else.

use std::time::Duration;

use crate::graph::plan::{LinkId, NodeId};
use crate::node::{Format, Role, Wish};

use super::link::Link;
use super::node::{Node, Phase};
use super::ready::Ready;
use super::scheduler::Scheduler;
use super::topology::{NodeShape, Rank, Topology};
use super::wishes::Arrived;

/// What of a running graph goes on in its new shape.
#[derive(Clone, Debug)]
pub struct Keep {
    /// For each node of the new topology, which node it has been so far. It has the same role, work,
    /// pace and number of ports there.
    pub nodes: Vec<Option<NodeId>>,
    /// For each link, which link it has been so far, between two nodes that are kept.
    pub links: Vec<Option<LinkId>>,
}

impl Keep {
    /// Everything is new.
    pub fn nothing(topology: &Topology) -> Keep {
        Keep { nodes: vec![None; topology.nodes.len()], links: vec![None; topology.links.len()] }
    }
}

/// By which ids the scheduler knows the nodes and links of a topology, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    pub nodes: Vec<NodeId>,
    pub links: Vec<LinkId>,
}

impl Scheduler {
    /// Changes the shape of the graph to `topology`, which is a live one unless this is its start.
    /// The nodes that are not kept may be in a turn; they end by themselves.
    pub fn change(&mut self, topology: Topology, keep: &Keep, now: Duration) -> Places {
        let topology = topology.driven();
        let places = self.places(keep);
        let retiring = self.not_in(&places);
        let asleep = self.still_asleep(&topology, keep, &places);
        self.add(&topology, keep, &places);
        self.learn_order(&topology, &places, &retiring);
        for (index, shape) in topology.nodes.iter().enumerate() {
            if keep.nodes[index].is_some() {
                self.rewire(places.nodes[index], &mapped(shape, &places), now);
            }
        }
        self.meet_the_ended(keep, &places);
        for link in asleep {
            let serial = self.new_serial();
            self.send(self.links[link.0].from, link, Wish::Sleep, serial, now);
        }
        retiring.iter().for_each(|id| self.retire(*id));
        self.hear_early_wishes(now);
        if self.stopped {
            self.stop(now);
        }
        for index in 0..self.nodes.len() {
            if self.nodes[index].phase != Phase::Ended {
                self.refresh(NodeId(index), now);
            }
        }
        places
    }

    /// The id that the next new node will have: new nodes are numbered on in the order of their plan.
    pub fn next_node(&self) -> NodeId {
        NodeId(self.nodes.len())
    }

    /// Forgets what nodes wished that were to come and will not.
    pub fn forget_early_wishes(&mut self) {
        self.early.clear();
    }

    fn places(&self, keep: &Keep) -> Places {
        let (mut node, mut link) = (self.nodes.len(), self.links.len());
        let next = |count: &mut usize| std::mem::replace(count, *count + 1);
        Places {
            nodes: keep.nodes.iter().map(|kept| kept.unwrap_or_else(|| NodeId(next(&mut node)))).collect(),
            links: keep.links.iter().map(|kept| kept.unwrap_or_else(|| LinkId(next(&mut link)))).collect(),
        }
    }

    fn not_in(&self, places: &Places) -> Vec<NodeId> {
        let mut retiring: Vec<_> = (0..self.nodes.len()).map(NodeId).collect();
        retiring.retain(|id| self.nodes[id.0].phase != Phase::Ended && !places.nodes.contains(id));
        retiring
    }

    /// New links that nobody needs anything from for now: whoever feeds them has not heard it yet.
    fn still_asleep(&self, topology: &Topology, keep: &Keep, places: &Places) -> Vec<LinkId> {
        let mut asleep = Vec::new();
        for (shape, kept) in topology.nodes.iter().zip(&keep.nodes) {
            let Some(node) = kept.map(|id| &self.nodes[id.0]) else { continue };
            for (port, link) in shape.inputs.iter().enumerate() {
                let before = node.last_input(port);
                let slept =
                    before.is_some_and(|link| self.nodes[self.links[link.0].from.0].wishes.sleeps_at(link));
                let next = link.map(|link| places.links[link.0]).filter(|next| Some(*next) != before);
                asleep.extend(next.filter(|_| slept || node.wishes.is_resting()));
            }
        }
        asleep
    }

    fn add(&mut self, topology: &Topology, keep: &Keep, places: &Places) {
        let settles = topology.settles();
        let mapped_links =
            |links: &[LinkId]| links.iter().map(|link| places.links[link.0]).collect::<Vec<_>>();
        for (index, plan) in topology.links.iter().enumerate() {
            let id = places.links[index];
            let (from, to) = (places.nodes[plan.from.0], places.nodes[plan.to.0]);
            if keep.links[index].is_some() {
                self.links[id.0].join = plan.join;
                self.settles[id.0] = mapped_links(&settles[index]);
                continue;
            }
            let mut link = Link::new(plan, self.clock);
            (link.from, link.to) = (from, to);
            // Whoever joins a stream in its middle begins at a keyframe.
            let joins_late =
                keep.nodes[plan.from.0].is_some() && matches!(plan.format, Format::AccessUnits(_));
            link.resync = joins_late;
            self.links.push(link);
            self.settles.push(mapped_links(&settles[index]));
        }
        for (index, shape) in topology.nodes.iter().enumerate() {
            let settled = mapped_links(&topology.settled_by_node(NodeId(index), &settles));
            match keep.nodes[index] {
                Some(id) => self.nodes[id.0].settles = settled,
                None => {
                    self.nodes.push(Node::new(&mapped(shape, places), settled, self.clock));
                    self.open += 1;
                }
            }
        }
    }

    /// Joins a kept node to its new neighbours.
    fn rewire(&mut self, id: NodeId, shape: &NodeShape, now: Duration) {
        let node = &mut self.nodes[id.0];
        let before: Vec<LinkId> = node.outputs.iter().flatten().copied().collect();
        node.outputs.clone_from(&shape.outputs);
        let after: Vec<LinkId> = node.outputs.iter().flatten().copied().collect();
        for (port, link) in shape.inputs.iter().enumerate() {
            if node.last_input(port) != *link {
                node.successors.push((port, *link));
            }
        }
        for link in before.iter().filter(|link| !after.contains(link)) {
            self.links[link.0].cut();
        }
        let consumers = after.iter().filter(|link| !self.links[link.0].is_closed()).count();
        let serial = self.new_serial();
        let node = &mut self.nodes[id.0];
        node.consumers = consumers;
        node.wishes.rewired(serial, &after, consumers);
        for link in after.iter().filter(|link| !before.contains(link)) {
            if self.links[link.0].resync {
                self.send(id, *link, Wish::Keyframe, serial, now);
            }
        }
    }

    /// A kept node that ended just now takes and gives nothing on its new links either.
    fn meet_the_ended(&mut self, keep: &Keep, places: &Places) {
        let new = places.links.iter().zip(&keep.links).filter(|(_, kept)| kept.is_none());
        for (id, _) in new {
            let (from, to) = (self.links[id.0].from, self.links[id.0].to);
            if self.nodes[from.0].phase == Phase::Ended {
                self.links[id.0].end();
            }
            if self.nodes[to.0].phase == Phase::Ended {
                self.links[id.0].close(&mut self.lost);
                self.nodes[from.0].consumers -= 1;
            }
        }
    }

    /// What retires goes first, so that it is gone soon.
    fn learn_order(&mut self, topology: &Topology, places: &Places, retiring: &[NodeId]) {
        let placed = |nodes: &[NodeId]| nodes.iter().map(|node| places.nodes[node.0]).collect::<Vec<_>>();
        let (sources, drains) =
            retiring.iter().copied().partition(|id| self.nodes[id.0].role == Role::Source);
        let last = Rank { drains, sources, ..Rank::default() };
        let stays = topology.ranks().into_iter().map(|rank| Rank {
            drains: placed(&rank.drains),
            entrances: placed(&rank.entrances),
            sources: placed(&rank.sources),
        });
        let ranks: Vec<Rank> = std::iter::once(last).chain(stays).collect();
        let works: Vec<_> = self.nodes.iter().map(|node| node.work).collect();
        let called: Vec<_> = self.ready.take_called().collect();
        self.ready = Ready::new(&works, &ranks);
        called.into_iter().for_each(|id| self.ready.call(id));
    }

    fn retire(&mut self, id: NodeId) {
        let node = &mut self.nodes[id.0];
        if node.role == Role::Source && node.phase == Phase::Open {
            node.phase = Phase::Closing;
            // What is not due yet would be early, and who comes after would be late.
            if node.pacer.take().is_some() {
                node.outbox.clear();
            }
        }
    }

    fn hear_early_wishes(&mut self, now: Duration) {
        for (id, wish) in std::mem::take(&mut self.early) {
            if id.0 < self.nodes.len() {
                self.wished(id, wish, now);
            }
        }
    }

    /// Goes on to the next link of each input whose last one is over.
    pub(super) fn change_over(&mut self, id: NodeId, now: Duration) {
        let mut index = 0;
        while let Some((port, next)) = self.nodes[id.0].successors.get(index).copied() {
            let current = self.nodes[id.0].inputs[port];
            let is_first = !self.nodes[id.0].successors[..index].iter().any(|(other, _)| *other == port);
            if !is_first || current.is_some_and(|link| !self.links[link.0].is_over()) {
                index += 1;
                continue;
            }
            self.nodes[id.0].successors.remove(index);
            self.nodes[id.0].inputs[port] = next;
            self.succeed(current, next, now);
        }
    }

    fn succeed(&mut self, current: Option<LinkId>, next: Option<LinkId>, now: Duration) {
        if let (Some(current), Some(next)) = (current, next) {
            let (last, newest) = self.links[current.0].leave_behind();
            self.links[next.0].succeed(last, newest, &mut self.lost);
            self.settle_lost(next, now);
            self.refresh(self.links[next.0].from, now);
        }
        // Nobody will look at it again.
        current.into_iter().for_each(|link| self.leave_link(link, now));
    }

    /// Takes nothing more from `link`; its producer is told when it was the last to take from it.
    pub(super) fn leave_link(&mut self, link: LinkId, now: Duration) {
        if self.links[link.0].is_closed() {
            return;
        }
        self.close(link, now);
        if self.links[link.0].is_cut() {
            return;
        }
        let (from, serial) = (self.links[link.0].from, self.new_serial());
        let producer = &mut self.nodes[from.0];
        producer.consumers -= 1;
        if producer.consumers > 0 {
            // Those that are left may all be asleep.
            match producer.wishes.consumer_gone(serial, link, producer.consumers) {
                Arrived::Pending | Arrived::Merged => self.refresh(from, now),
            }
        } else if producer.phase == Phase::Open {
            producer.wishes.stop(serial);
            self.leave(from, now);
        } else {
            self.refresh(from, now);
        }
    }
}

/// `shape` by the ids of the scheduler.
fn mapped(shape: &NodeShape, places: &Places) -> NodeShape {
    let to_place = |link: &LinkId| places.links[link.0];
    NodeShape {
        inputs: shape.inputs.iter().map(|link| link.as_ref().map(to_place)).collect(),
        outputs: shape.outputs.iter().map(|links| links.iter().map(to_place).collect()).collect(),
        ..shape.clone()
    }
}
