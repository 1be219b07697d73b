//! The handle of a running graph.
//!
//! Owns its threads: when the handle is gone, so are they. Hands out [`Watch`] to whoever only
//! looks and [`Control`] to whoever may end it.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use super::hands::Floor;
use super::report::{LinkReport, NodeReport, Report};
use crate::graph::plan::{Clock, LinkId, NodeId, Plan};
use crate::media::Pool;
use crate::node::{Adjusted, Role, Settings};
use crate::schedule::{Event, LinkTally, MOST_DRAINING, NodeTally, Reason, Scheduler};

/// A running graph. Dropping it aborts the graph and waits for its threads.
pub struct Running {
    control: Control,
    watch: Watch,
    threads: Vec<JoinHandle<()>>,
}

/// Ends a graph, from any thread.
#[derive(Clone)]
pub struct Control(Arc<Floor>);

/// Looks at a graph, from any thread, running or ended.
#[derive(Clone)]
pub struct Watch {
    plan: Arc<Plan>,
    floor: Arc<Floor>,
    pool: Pool,
}

/// How a graph ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    pub how: How,
    /// Nodes that gave up on the way, in the order of the plan. A run without any went well.
    pub failures: Vec<Failure>,
}

/// What ended a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Every node came to its end: the streams were over, or it was stopped in order.
    InOrder,
    /// It was left where it stood.
    Aborted,
}

/// A node that gave up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its id in the graph.
    pub node: String,
    pub message: String,
}

impl Running {
    pub(super) fn new(floor: Arc<Floor>, watch: Watch, threads: Vec<JoinHandle<()>>) -> Running {
        Running { control: Control(floor), watch, threads }
    }

    /// Stops in order: sources first, links drain, sinks last. Does not wait.
    pub fn stop(&self) {
        self.control.stop();
    }

    /// Leaves everything where it stands; nothing is finished. Does not wait.
    pub fn abort(&self) {
        self.control.abort();
    }

    /// Hands node `id` other settings between two of its turns, checked against its kind before.
    pub fn adjust(&self, id: NodeId, settings: &Settings) -> Adjusted {
        let inputs = self.watch.plan.input_formats(id);
        self.watch.floor.cells[id.0].adjust(settings, &inputs)
    }

    pub fn control(&self) -> Control {
        self.control.clone()
    }

    pub fn watch(&self) -> Watch {
        self.watch.clone()
    }

    /// Waits until the graph has ended, by itself or because it was told to, and its nodes are gone.
    pub fn wait(mut self) -> Ended {
        self.watch.floor.desk.wait_until_over();
        self.leave();
        self.watch.ended()
    }

    fn leave(&mut self) {
        for thread in self.threads.drain(..) {
            // A thread that panicked outside a node had the scheduler in its hands.
            if thread.join().is_err() {
                tracing::error!("a thread of the runner panicked, which is a bug in framegate");
            }
        }
        self.watch.floor.cells.iter().for_each(|cell| cell.clear());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.threads.is_empty() {
            self.abort();
            self.leave();
        }
    }
}

impl Control {
    /// As [`Running::stop`].
    pub fn stop(&self) {
        // A turn that is still under way when the draining ends is broken off by the node itself.
        self.0.halt.tell(Instant::now() + MOST_DRAINING);
        self.0.desk.tell(Event::Stop);
    }

    /// As [`Running::abort`].
    pub fn abort(&self) {
        self.0.halt.tell(Instant::now());
        self.0.desk.tell(Event::Abort);
    }
}

impl Watch {
    pub(super) fn new(plan: Arc<Plan>, floor: Arc<Floor>, pool: Pool) -> Watch {
        Watch { plan, floor, pool }
    }

    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The ledger as it is now.
    pub fn report(&self) -> Report {
        // Only the counts are taken under the lock; what is made of them takes its time outside.
        let (elapsed, nodes, links) = self.floor.desk.look(|scheduler| {
            (self.floor.desk.now(), self.node_counts(scheduler), self.link_counts(scheduler))
        });
        Report {
            elapsed,
            nodes: nodes.into_iter().enumerate().map(|(index, count)| self.node(index, count)).collect(),
            links: links.into_iter().enumerate().map(|(index, tally)| self.link(index, &tally)).collect(),
            pool: self.pool.usage(),
        }
    }

    fn node_counts(&self, scheduler: &Scheduler) -> Vec<(NodeTally, bool)> {
        let ids = (0..self.plan.nodes.len()).map(NodeId);
        ids.map(|id| (scheduler.node_tally(id), scheduler.has_ended(id))).collect()
    }

    fn link_counts(&self, scheduler: &Scheduler) -> Vec<LinkTally> {
        (0..self.plan.links.len()).map(|index| scheduler.link_tally(LinkId(index))).collect()
    }

    fn node(&self, index: usize, (tally, has_ended): (NodeTally, bool)) -> NodeReport {
        let node = &self.plan.nodes[index];
        let cell = &self.floor.cells[index];
        let times_latency = self.plan.clock == Clock::Live && node.role() == Role::Sink;
        NodeReport {
            id: node.id.clone(),
            kind: node.kind.about().name,
            state: cell.ledger.state(has_ended),
            turns: tally.turns,
            given: tally.given,
            failed: tally.failed,
            busy: cell.ledger.busy_time(),
            turn: cell.ledger.turn.spread(),
            latency: times_latency.then(|| cell.ledger.latency.spread()),
            counters: cell.counters.snapshot(),
        }
    }

    fn link(&self, index: usize, tally: &LinkTally) -> LinkReport {
        let (from, to) = self.plan.link_ends(LinkId(index));
        let dropped = Reason::ALL.map(|reason| (reason.name(), tally.dropped(reason)));
        LinkReport {
            from,
            to,
            waiting: usize::try_from(tally.waiting).unwrap_or(usize::MAX),
            capacity: self.plan.links[index].capacity,
            passed: tally.passed,
            dropped: dropped.to_vec(),
        }
    }

    fn ended(&self) -> Ended {
        let open = self
            .floor
            .desk
            .look(|scheduler| (0..self.plan.nodes.len()).any(|index| !scheduler.has_ended(NodeId(index))));
        let failures = self.plan.nodes.iter().zip(&self.floor.cells).filter_map(|(node, cell)| {
            Some(Failure { node: node.id.clone(), message: cell.ledger.failure()? })
        });
        Ended { how: if open { How::Aborted } else { How::InOrder }, failures: failures.collect() }
    }
}
