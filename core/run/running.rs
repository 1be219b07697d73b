//! The handle of a running graph.
//!
//! Owns its threads: when the handle is gone, so are they. Hands out [`Watch`] to whoever only
//! looks and [`Control`] to whoever may end it.

use std::sync::{Arc, PoisonError};
use std::time::Instant;

use super::reload::{self, Changes, ReloadError};
use super::report::{LinkReport, NodeReport, Report};
use super::stage::{Floor, Stage};
use crate::graph::plan::{Clock, LinkId, Plan};
use crate::node::Role;
use crate::schedule::times::Times;
use crate::schedule::{Event, LinkTally, MOST_DRAINING, NodeTally, Reason, Scheduler};

/// A running graph. Dropping it aborts the graph and waits for its threads.
pub struct Running {
    control: Control,
    watch: Watch,
    has_ended: bool,
}

/// Ends a graph, or changes it, from any thread.
#[derive(Clone)]
pub struct Control(Arc<Floor>);

/// Looks at a graph, from any thread, running or ended.
#[derive(Clone)]
pub struct Watch(Arc<Floor>);

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
    pub(super) fn new(floor: &Arc<Floor>) -> Running {
        let (control, watch) = (Control::new(floor.clone()), Watch::new(floor.clone()));
        Running { control, watch, has_ended: false }
    }

    /// Stops in order: sources first, links drain, sinks last. Does not wait.
    pub fn stop(&self) {
        self.control.stop();
    }

    /// Leaves everything where it stands; nothing is finished. Does not wait.
    pub fn abort(&self) {
        self.control.abort();
    }

    pub fn control(&self) -> Control {
        self.control.clone()
    }

    pub fn watch(&self) -> Watch {
        self.watch.clone()
    }

    /// Waits until the graph has ended, by itself or because it was told to, and its nodes are gone.
    pub fn wait(mut self) -> Ended {
        self.watch.0.desk.wait_until_over();
        self.leave();
        self.watch.ended()
    }

    fn leave(&mut self) {
        self.has_ended = true;
        let floor = &self.watch.0;
        // A change under way still starts threads.
        let _no_more_changes = floor.changing.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in floor.take_threads() {
            // A thread that panicked outside a node had the scheduler in its hands.
            if thread.join().is_err() {
                tracing::error!("a thread of the runner panicked, which is a bug in framegate");
            }
        }
        drop(floor.trace.lock().unwrap_or_else(PoisonError::into_inner).take());
        floor.desk.take_all().iter().for_each(|cell| cell.clear());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.has_ended {
            self.abort();
            self.leave();
        }
    }
}

impl Control {
    pub(super) fn new(floor: Arc<Floor>) -> Control {
        Control(floor)
    }

    /// As [`Running::stop`].
    pub fn stop(&self) {
        // A turn that is still under way when the draining ends is broken off by the node itself.
        self.0.halt.tell(Instant::now() + MOST_DRAINING);
        self.0.desk.tell(Event::Stop);
    }

    /// Changes the graph to `plan`: what both have in common goes on without a gap, and the rest is
    /// built, swapped in and let go of. Waits until that is done, two seconds at the most after the
    /// last node is built. The `server` section is not looked at: it holds for the whole run.
    ///
    /// # Errors
    /// When the graph cannot be changed, or a node cannot be built; it then goes on as it was.
    pub fn reload(&self, plan: Plan) -> Result<Changes, ReloadError> {
        reload::reload(&self.0, plan)
    }

    /// As [`Running::abort`].
    pub fn abort(&self) {
        self.0.halt.tell(Instant::now());
        self.0.desk.tell(Event::Abort);
    }
}

impl Watch {
    pub(super) fn new(floor: Arc<Floor>) -> Watch {
        Watch(floor)
    }

    /// The plan that runs now; a reload sets another.
    pub fn plan(&self) -> Arc<Plan> {
        self.0.stage().plan.clone()
    }

    /// The ledger as it is now.
    pub fn report(&self) -> Report {
        self.look().1
    }

    /// The ledger as it is now, and the plan whose order it is in.
    pub fn look(&self) -> (Arc<Plan>, Report) {
        let stage = self.0.stage();
        let report = self.report_on(&stage);
        (stage.plan.clone(), report)
    }

    fn report_on(&self, stage: &Stage) -> Report {
        // Only the counts are taken under the lock; what is made of them takes its time outside.
        let (elapsed, nodes, links) = self.0.desk.look(|scheduler| {
            (self.0.desk.now(), node_counts(stage, scheduler), link_counts(stage, scheduler))
        });
        Report {
            elapsed,
            nodes: nodes.into_iter().enumerate().map(|(index, count)| node(stage, index, count)).collect(),
            links: links.iter().enumerate().map(|(index, count)| link(stage, index, count)).collect(),
            pool: self.0.pool.usage(),
        }
    }

    fn ended(&self) -> Ended {
        let stage = self.0.stage();
        let open =
            self.0.desk.look(|scheduler| stage.places.nodes.iter().any(|id| !scheduler.has_ended(*id)));
        let failures = stage.plan.nodes.iter().zip(&stage.cells).filter_map(|(node, cell)| {
            Some(Failure { node: node.id.clone(), message: cell.ledger.failure()? })
        });
        Ended { how: if open { How::Aborted } else { How::InOrder }, failures: failures.collect() }
    }
}

fn node_counts(stage: &Stage, scheduler: &Scheduler) -> Vec<(NodeTally, bool)> {
    let ids = stage.places.nodes.iter();
    ids.map(|id| (scheduler.node_tally(*id), scheduler.has_ended(*id))).collect()
}

fn link_counts(stage: &Stage, scheduler: &Scheduler) -> Vec<(LinkTally, Times)> {
    let ids = stage.places.links.iter();
    ids.map(|id| (scheduler.link_tally(*id), scheduler.link_waits(*id).clone())).collect()
}

fn node(stage: &Stage, index: usize, (tally, has_ended): (NodeTally, bool)) -> NodeReport {
    let (node, cell) = (&stage.plan.nodes[index], &stage.cells[index]);
    let times_latency = stage.plan.clock == Clock::Live && node.role() == Role::Sink;
    NodeReport {
        id: node.id.clone(),
        kind: node.kind.about().name,
        state: cell.state(has_ended),
        turns: tally.turns,
        given: tally.given,
        failed: tally.failed,
        busy: cell.ledger.busy_time(),
        turn: cell.ledger.turn.spread(),
        latency: times_latency.then(|| cell.ledger.latency.spread()),
        counters: cell.counters.snapshot(),
    }
}

fn link(stage: &Stage, index: usize, (tally, waits): &(LinkTally, Times)) -> LinkReport {
    let (from, to) = stage.plan.link_ends(LinkId(index));
    let dropped = Reason::ALL.map(|reason| (reason.name(), tally.dropped(reason)));
    LinkReport {
        from,
        to,
        waiting: usize::try_from(tally.waiting).unwrap_or(usize::MAX),
        capacity: stage.plan.links[index].capacity,
        passed: tally.passed,
        wait: waits.spread(),
        dropped: dropped.to_vec(),
    }
}
