//! The shape of a plan: all that the scheduler knows of it.
//!
//! Owns what can be said before anything runs: who goes first, and which joins are settled by a
//! lost item. Leaves every name, format and setting behind.

use std::cmp::Reverse;

use crate::graph::plan::{Clock, LinkId, NodeId, Plan, PlanLink};
use crate::node::{Join, Pace, Role, Work};

/// Nodes and links by index. Every node comes after all that feed it.
#[derive(Clone, Debug)]
pub struct Topology {
    pub clock: Clock,
    pub nodes: Vec<NodeShape>,
    pub links: Vec<PlanLink>,
}

/// One node's place among the others.
#[derive(Clone, Debug)]
pub struct NodeShape {
    pub role: Role,
    pub work: Work,
    /// Sources only.
    pub pace: Pace,
    /// Sinks only: the higher, the later it is what has to wait.
    pub priority: u8,
    /// For each input port, the link that feeds it.
    pub inputs: Vec<Option<LinkId>>,
    /// For each output port, the links it feeds.
    pub outputs: Vec<Vec<LinkId>>,
}

/// Nodes that matter the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Rank {
    /// On the way to an output, the one that goes first in front.
    pub drains: Vec<NodeId>,
    /// The first that take what sources give, in turn.
    pub entrances: Vec<NodeId>,
    /// In turn, after all others of the rank.
    pub sources: Vec<NodeId>,
}

impl From<&Plan> for Topology {
    fn from(plan: &Plan) -> Topology {
        let nodes = plan.nodes.iter().map(|node| NodeShape {
            role: node.role(),
            work: node.contract.work,
            pace: node.contract.pace,
            priority: node.priority.unwrap_or_default(),
            inputs: node.inputs.clone(),
            outputs: node.outputs.clone(),
        });
        Topology { clock: plan.clock, nodes: nodes.collect(), links: plan.links.clone() }
    }
}

impl Topology {
    /// The same, with something to drive every node: where no input is `each`, the first that is fed is.
    #[must_use]
    pub(super) fn driven(mut self) -> Topology {
        for node in &self.nodes {
            let fed = || node.inputs.iter().flatten().copied();
            let driven = fed().any(|link| self.links[link.0].join == Join::Each);
            if let (false, Some(first)) = (driven, fed().next()) {
                self.links[first.0].join = Join::Each;
            }
        }
        self
    }

    /// Who goes before whom, by the graph alone: the first rank before the second.
    ///
    /// A node matters as much as the most important sink it feeds. Among nodes that matter the same,
    /// the fewer steps an item still has to take, the sooner it takes them: drain before you feed.
    pub(super) fn ranks(&self) -> Vec<Rank> {
        let (priority, steps) = (self.priorities(), self.steps());
        let mut levels: Vec<u8> = priority.clone();
        levels.sort_unstable_by_key(|priority| Reverse(*priority));
        levels.dedup();
        let rank = |level: u8| {
            let mut rank = Rank::default();
            for node in (0..self.nodes.len()).map(NodeId).filter(|node| priority[node.0] == level) {
                match self.nodes[node.0].role {
                    Role::Source => rank.sources.push(node),
                    Role::Filter | Role::Sink if self.lets_new_work_in(node) => rank.entrances.push(node),
                    Role::Filter | Role::Sink => rank.drains.push(node),
                }
            }
            rank.drains.sort_by_key(|node| steps[node.0]);
            rank
        };
        levels.into_iter().map(rank).collect()
    }

    /// For each node, the highest priority among the sinks it feeds.
    fn priorities(&self) -> Vec<u8> {
        let mut priorities = vec![0; self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate().rev() {
            let below = node.outputs.iter().flatten().map(|link| priorities[self.links[link.0].to.0]);
            priorities[index] = below.max().unwrap_or(node.priority);
        }
        priorities
    }

    /// For each node, how many steps an item it gives has at least to take to an output.
    fn steps(&self) -> Vec<usize> {
        let mut steps = vec![0; self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate().rev() {
            let below = node.outputs.iter().flatten().map(|link| steps[self.links[link.0].to.0] + 1);
            steps[index] = below.min().unwrap_or(0);
        }
        steps
    }

    /// Whether sources alone drive the node: nothing has been spent yet on what it takes.
    fn lets_new_work_in(&self, node: NodeId) -> bool {
        let driving =
            self.nodes[node.0].inputs.iter().flatten().filter(|link| self.join(**link) == Join::Each);
        let mut feeds = driving.map(|link| self.links[link.0].from);
        feeds.all(|from| self.nodes[from.0].role == Role::Source)
    }

    /// For each link, the `same_pts` links on which an item with the same PTS can no longer come
    /// once it is lost here.
    ///
    /// That can be said as long as the way leads through nodes that one input drives: such a node
    /// gives nothing with a PTS it never got.
    pub(super) fn settles(&self) -> Vec<Vec<LinkId>> {
        let mut settles = vec![Vec::new(); self.links.len()];
        for (index, node) in self.nodes.iter().enumerate().rev() {
            let settled = self.settled_by_node(NodeId(index), &settles);
            for link in node.inputs.iter().flatten() {
                settles[link.0] = match self.join(*link) {
                    Join::Each => settled.clone(),
                    Join::SamePts => vec![*link],
                    Join::Latest => vec![],
                };
            }
        }
        settles
    }

    /// The `same_pts` links settled when `node` is known to give nothing for a PTS; none where
    /// another input may still bring that PTS.
    pub(super) fn settled_by_node(&self, node: NodeId, settles: &[Vec<LinkId>]) -> Vec<LinkId> {
        let node = &self.nodes[node.0];
        let driving = node.inputs.iter().flatten().filter(|link| self.join(**link) == Join::Each);
        if driving.count() != 1 {
            return vec![];
        }
        let mut all: Vec<LinkId> =
            node.outputs.iter().flatten().flat_map(|link| settles[link.0].clone()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    fn join(&self, link: LinkId) -> Join {
        self.links[link.0].join
    }
}
