//! Who goes first: the set of nodes that could take a turn now.
//!
//! Owns the order. The whole policy: drain before you feed (the node nearest the outputs first),
//! sources last and in turn among themselves. Device nodes are not handed out here, because a
//! thread of their own comes asking; they are only called. Every step is O(1) but for one scan of a
//! bit per node.

use std::collections::VecDeque;

use crate::graph::plan::NodeId;
use crate::node::Work;

/// How a node's turns are handed out.
#[derive(Clone, Copy)]
enum Class {
    /// By urgency; the bit at this position stands for the node.
    Drain(usize),
    Source,
    Device,
}

pub(super) struct Ready {
    class: Vec<Class>,
    is_ready: Vec<bool>,
    order: Vec<NodeId>,
    bits: Vec<u64>,
    sources: VecDeque<NodeId>,
    /// Devices to wake that have not been told yet.
    called: Vec<NodeId>,
    count: usize,
    compute: usize,
}

impl Ready {
    /// `works` tells where each node's work belongs; `order` names those that are not sources, the
    /// one that goes first in front.
    pub fn new(works: &[Work], order: Vec<NodeId>) -> Ready {
        let mut class = vec![Class::Source; works.len()];
        for (position, node) in order.iter().enumerate() {
            class[node.0] = Class::Drain(position);
        }
        let devices = works.iter().enumerate().filter(|(_, work)| **work == Work::Device);
        devices.for_each(|(index, _)| class[index] = Class::Device);
        Ready {
            class,
            is_ready: vec![false; works.len()],
            bits: vec![0; order.len().div_ceil(64)],
            order,
            sources: VecDeque::new(),
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
        if std::mem::replace(&mut self.is_ready[node.0], true) {
            return;
        }
        self.count += 1;
        match self.class[node.0] {
            Class::Drain(position) => self.bits[position / 64] |= 1 << (position % 64),
            Class::Source => self.sources.push_back(node),
            Class::Device => return self.called.push(node),
        }
        self.compute += 1;
    }

    pub fn remove(&mut self, node: NodeId) {
        if !std::mem::replace(&mut self.is_ready[node.0], false) {
            return;
        }
        self.count -= 1;
        match self.class[node.0] {
            Class::Drain(position) => self.bits[position / 64] &= !(1 << (position % 64)),
            Class::Source => self.sources.retain(|waiting| *waiting != node),
            Class::Device => return,
        }
        self.compute -= 1;
    }

    /// The node that a worker should take next. It stays in the set until it is removed.
    pub fn first(&self) -> Option<NodeId> {
        let word = self.bits.iter().position(|word| *word != 0);
        let drain = word.map(|word| self.order[word * 64 + self.bits[word].trailing_zeros() as usize]);
        drain.or_else(|| self.sources.front().copied())
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
