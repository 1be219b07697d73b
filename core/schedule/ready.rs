//! Who goes first: the set of nodes that could take a turn now.
//!
//! Owns the order. The whole policy: what matters more goes first (the graph's `priority`); then
//! drain before you feed (the node nearest the outputs first); then those that let new work in, whoever
//! had the fewest turns, so that each entrance gets as many as the next; sources last, in turn. What there is no
//! core for is therefore left out where it would come in, before anything was spent on it, and what
//! has come in goes through at once. Device nodes are not handed out here, because a thread of their
//! own comes asking; they are only called.

use std::collections::VecDeque;

use crate::graph::plan::NodeId;
use crate::node::Work;

use super::topology::Rank;

/// So many turns less than the others an entrance may make up for. More it has not been kept from,
/// it had nothing to do.
const CREDIT: u64 = 32;

/// How a node's turns are handed out.
#[derive(Clone, Copy)]
enum Class {
    /// By urgency; the bit at this position of this level stands for the node.
    Drain {
        level: usize,
        position: usize,
    },
    /// By the turns it had, among the other entrances of its level.
    Entrance {
        level: usize,
    },
    Source {
        level: usize,
    },
    Device,
    /// Ended, and not in the order any more.
    Gone,
}

/// The ready nodes of one priority.
#[derive(Default)]
struct Level {
    /// The drains of this level, the one that goes first in front.
    order: Vec<NodeId>,
    bits: Vec<u64>,
    entrances: VecDeque<NodeId>,
    /// The turns that the entrance had which went last.
    pace: u64,
    sources: VecDeque<NodeId>,
}

pub(super) struct Ready {
    class: Vec<Class>,
    is_ready: Vec<bool>,
    /// Of entrances, the turns they had; those they were not there for count as had.
    turns: Vec<u64>,
    /// The one that goes first in front.
    levels: Vec<Level>,
    /// Devices to wake that have not been told yet.
    called: Vec<NodeId>,
    count: usize,
    compute: usize,
}

impl Ready {
    /// `works` tells where each node's work belongs; `ranks` the order of those that there are.
    pub fn new(works: &[Work], ranks: &[Rank]) -> Ready {
        let mut class = vec![Class::Gone; works.len()];
        let mut levels = Vec::new();
        for (index, rank) in ranks.iter().enumerate() {
            let level = index;
            rank.entrances.iter().for_each(|node| class[node.0] = Class::Entrance { level });
            rank.sources.iter().for_each(|node| class[node.0] = Class::Source { level });
            for (position, node) in rank.drains.iter().enumerate() {
                class[node.0] = Class::Drain { level, position };
            }
            let bits = vec![0; rank.drains.len().div_ceil(64)];
            levels.push(Level { order: rank.drains.clone(), bits, ..Level::default() });
        }
        let devices = works.iter().enumerate().filter(|(_, work)| **work == Work::Device);
        devices.for_each(|(index, _)| class[index] = Class::Device);
        Ready {
            class,
            is_ready: vec![false; works.len()],
            turns: vec![0; works.len()],
            levels,
            called: Vec::new(),
            count: 0,
            compute: 0,
        }
    }

    /// Nodes that are ready, devices included.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Ready nodes that a worker could take.
    pub fn compute(&self) -> usize {
        self.compute
    }

    pub fn insert(&mut self, node: NodeId) {
        let class = self.class[node.0];
        if matches!(class, Class::Gone) || std::mem::replace(&mut self.is_ready[node.0], true) {
            return;
        }
        self.count += 1;
        match class {
            Class::Drain { level, position } => {
                self.levels[level].bits[position / 64] |= 1 << (position % 64)
            }
            Class::Entrance { level } => {
                let turns = &mut self.turns[node.0];
                *turns = (*turns).max(self.levels[level].pace.saturating_sub(CREDIT));
                self.levels[level].entrances.push_back(node);
            }
            Class::Source { level } => self.levels[level].sources.push_back(node),
            Class::Device => return self.called.push(node),
            Class::Gone => return,
        }
        self.compute += 1;
    }

    pub fn remove(&mut self, node: NodeId) {
        if !std::mem::replace(&mut self.is_ready[node.0], false) {
            return;
        }
        self.count -= 1;
        match self.class[node.0] {
            Class::Drain { level, position } => {
                self.levels[level].bits[position / 64] &= !(1 << (position % 64))
            }
            Class::Entrance { level } => leave(&mut self.levels[level].entrances, node),
            Class::Source { level } => leave(&mut self.levels[level].sources, node),
            Class::Device | Class::Gone => return,
        }
        self.compute -= 1;
    }

    /// Removes a node that begins a turn.
    pub fn begin(&mut self, node: NodeId) {
        self.remove(node);
        if let Class::Entrance { level } = self.class[node.0] {
            let (turns, pace) = (&mut self.turns[node.0], &mut self.levels[level].pace);
            *pace = (*pace).max(*turns);
            *turns += 1;
        }
    }

    /// The node that a worker should take next. It stays in the set until it is removed.
    pub fn first(&self) -> Option<NodeId> {
        self.levels.iter().find_map(|level| level.first(&self.turns))
    }

    /// Whether a node waits for nothing but a worker.
    pub fn waits_for_worker(&self, node: NodeId) -> bool {
        self.is_ready[node.0] && !matches!(self.class[node.0], Class::Device)
    }

    /// The devices that have become ready, or have ended, since this was last asked.
    pub fn take_called(&mut self) -> impl Iterator<Item = NodeId> + '_ {
        self.called.drain(..)
    }

    /// Wakes a device though it has no turn to take: it has ended.
    pub fn call(&mut self, node: NodeId) {
        if matches!(self.class[node.0], Class::Device) {
            self.called.push(node);
        }
    }
}

impl Level {
    fn first(&self, turns: &[u64]) -> Option<NodeId> {
        let word = self.bits.iter().position(|word| *word != 0);
        let drain = word.map(|word| self.order[word * 64 + self.bits[word].trailing_zeros() as usize]);
        let entrance = || self.entrances.iter().copied().min_by_key(|node| turns[node.0]);
        drain.or_else(entrance).or_else(|| self.sources.front().copied())
    }
}

/// Mostly it is the first that goes.
fn leave(queue: &mut VecDeque<NodeId>, node: NodeId) {
    match queue.front() == Some(&node) {
        true => drop(queue.pop_front()),
        false => queue.retain(|waiting| *waiting != node),
    }
}
