//! How nodes end, and how a graph stops.
//!
//! Owns the two directions an end travels in. Downstream: what a node feeds drains, finishes and
//! ends. Upstream: a node that nobody takes anything from any more is told so, and ends. Stopping a
//! graph is ending its sources; the rest follows.

use std::time::Duration;

use crate::graph::plan::NodeId;
use crate::node::Role;

use super::node::Phase;
use super::scheduler::Scheduler;

/// How long a stopped graph may drain before what still waits is let go. With it a stop takes less
/// than two seconds, however much there is in the queues.
pub const MOST_DRAINING: Duration = Duration::from_millis(1500);

impl Scheduler {
    /// Stops in order: sources first, links drain, sinks last.
    pub(super) fn stop(&mut self, now: Duration) {
        self.stopped = true;
        self.hurry_at.get_or_insert(now + MOST_DRAINING);
        for index in 0..self.nodes.len() {
            let node = &mut self.nodes[index];
            if node.role == Role::Source {
                // What it holds for later goes now.
                node.pacer = None;
                if node.phase == Phase::Open {
                    node.phase = Phase::Closing;
                }
                self.refresh(NodeId(index), now);
            }
        }
    }

    /// Drains no longer: what waits is lost, and every node finishes next.
    pub(super) fn hurry(&mut self, now: Duration) {
        for node in &mut self.nodes {
            if node.phase == Phase::Open {
                node.phase = Phase::Closing;
            }
        }
        for index in 0..self.nodes.len() {
            self.close_inputs(NodeId(index), now);
            self.refresh(NodeId(index), now);
        }
    }

    /// Node `id` takes no more and comes to its end in order.
    pub(super) fn leave(&mut self, id: NodeId, now: Duration) {
        let node = &mut self.nodes[id.0];
        if node.phase == Phase::Open {
            node.phase = Phase::Closing;
            node.pacer = None;
            self.close_inputs(id, now);
        }
        self.refresh(id, now);
    }

    /// Node `id` has given its last, and it is on its way.
    pub(super) fn end(&mut self, id: NodeId, now: Duration) {
        self.nodes[id.0].phase = Phase::Ended;
        self.open -= 1;
        self.ready.call(id);
        for port in 0..self.nodes[id.0].outputs.len() {
            for index in 0..self.nodes[id.0].outputs[port].len() {
                let link = self.nodes[id.0].outputs[port][index];
                self.links[link.0].end();
                self.mark(self.links[link.0].to, now);
            }
        }
        self.close_inputs(id, now);
    }

    fn close_inputs(&mut self, id: NodeId, now: Duration) {
        for port in 0..self.nodes[id.0].inputs.len() {
            let link = self.nodes[id.0].inputs[port];
            link.into_iter().for_each(|link| self.leave_link(link, now));
        }
        for (_, link) in std::mem::take(&mut self.nodes[id.0].successors) {
            link.into_iter().for_each(|link| self.leave_link(link, now));
        }
    }
}
