//! One node and its turns: where the scheduler's wish becomes a call, and a panic becomes a failure.
//!
//! Owns the node and what is said about its failures. A node is called by one thread at a time
//! because the scheduler gives it one turn at a time; the mutex is waited for only where other
//! settings meet a turn.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::complaints::{Complaints, Tell};
use super::ledger::Ledger;
use super::report::NodeState;
use crate::graph::plan::NodeId;
use crate::media::Pts;
use crate::node::{
    Adjusted, Counters, Flow, Format, Handled, Node, NodeError, Output, Settings, Site, Then, Waiting,
};
use crate::schedule::{Event, Outcome, Turn};

pub(super) struct Cell {
    id: NodeId,
    /// As written in the graph.
    name: String,
    /// Whether the times of what it takes tell a latency: a sink of a live graph.
    times_latency: bool,
    pub ledger: Ledger,
    pub counters: Counters,
    pub waiting: Waiting,
    inner: Mutex<Inner>,
}

struct Inner {
    /// `None` once it has failed: what panicked is not called again.
    node: Option<Node>,
    complaints: Complaints,
}

/// What a call gave.
enum Gave {
    Turn(Outcome),
    Heard(Handled),
}

impl Cell {
    /// `node`, which was built at `site`.
    pub fn new(id: NodeId, node: Node, site: &Site) -> Cell {
        Cell {
            id,
            name: site.node.clone(),
            times_latency: site.epoch.live && matches!(node, Node::Sink(_)),
            ledger: Ledger::default(),
            counters: site.counters.clone(),
            waiting: site.waiting.clone(),
            inner: Mutex::new(Inner { node: Some(node), complaints: Complaints::default() }),
        }
    }

    /// As written in the graph.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn state(&self, has_ended: bool) -> NodeState {
        match (self.ledger.failure(), self.waiting.why()) {
            (Some(reason), _) => NodeState::Failed(reason),
            (None, _) if has_ended => NodeState::Ended,
            (None, Some(why)) => NodeState::Waiting(why),
            (None, None) => NodeState::Running,
        }
    }

    /// Gives the node a turn; what comes back is for the scheduler. `clock` tells the time since the
    /// start of the run.
    pub fn run(&self, turn: Turn, clock: impl Fn() -> Duration) -> Event {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let is_turn = matches!(turn, Turn::Next | Turn::Take(_));
        let taken = self.times_latency.then(|| newest(&turn)).flatten();
        let mut given = Output::default();
        let begun = Instant::now();
        let gave = call_caught(&mut inner.node, turn, &mut given);
        let took = begun.elapsed();
        if is_turn {
            self.ledger.turn(took)
        } else {
            self.ledger.busy(took)
        }
        match gave {
            Ok(Gave::Heard(handled)) => Event::Heard { node: self.id, handled },
            Ok(Gave::Turn(outcome)) => {
                taken.into_iter().for_each(|pts| self.ledger.left(pts, Pts::ZERO.after(clock())));
                Event::Returned { node: self.id, given, outcome }
            }
            Err(error) => {
                self.complain(&mut inner, &error, clock());
                let outcome = Outcome::Failed(error.then);
                Event::Returned { node: self.id, given: Output::default(), outcome }
            }
        }
    }

    /// Hands the node other settings between two turns; waits for the one it is in.
    pub fn adjust(&self, settings: &Settings, inputs: &[Option<Format>]) -> Adjusted {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(node) = &mut inner.node else { return Adjusted::NeedsRebuild };
        let adjust = || match node {
            Node::Source(source) => source.adjust(settings),
            Node::Filter(filter) => filter.adjust(settings, inputs),
            Node::Sink(sink) => sink.adjust(settings, inputs),
        };
        catch_unwind(AssertUnwindSafe(adjust)).unwrap_or_else(|panic| {
            let node = self.name.as_str();
            tracing::error!(node, "it panicked over its settings, a bug in framegate: {}", words(&*panic));
            Adjusted::NeedsRebuild
        })
    }

    /// Lets go of the node, and of whatever it holds open.
    pub fn clear(&self) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let untold = inner.complaints.untold();
        if untold > 0 {
            tracing::warn!(node = self.name, "failed {untold} more times before it ended");
        }
        drop_caught(&mut inner.node);
    }

    fn complain(&self, inner: &mut Inner, error: &NodeError, now: Duration) {
        let node = self.name.as_str();
        match error.then {
            Then::SkipItem => match inner.complaints.failed(now) {
                Tell::Now => tracing::warn!(node, "an item was skipped: {error}"),
                Tell::NowWithCount(count) => {
                    tracing::warn!(node, "{count} items were skipped, the last: {error}")
                }
                Tell::Later => {}
            },
            Then::StopNode => tracing::error!(node, "the node stopped: {error}"),
            Then::StopGraph => tracing::error!(node, "the graph stops: {error}"),
        }
        if error.then != Then::SkipItem {
            self.ledger.gave_up(&error.to_string());
            drop_caught(&mut inner.node);
        }
    }
}

fn newest(turn: &Turn) -> Option<Pts> {
    match turn {
        Turn::Take(inputs) => inputs.iter().flatten().map(|item| item.pts()).max(),
        Turn::Next | Turn::Finish | Turn::Hear(_) => None,
    }
}

/// Calls the node; a panic in it is our bug, and becomes its failure.
fn call_caught(node: &mut Option<Node>, turn: Turn, out: &mut Output) -> Result<Gave, NodeError> {
    let Some(node) = node else {
        return Err(NodeError::stop_node("it was given a turn after it had ended"));
    };
    catch_unwind(AssertUnwindSafe(|| call(node, turn, out))).unwrap_or_else(|panic| {
        Err(NodeError::stop_node(format!("it panicked, which is a bug in framegate: {}", words(&*panic))))
    })
}

fn call(node: &mut Node, turn: Turn, out: &mut Output) -> Result<Gave, NodeError> {
    let outcome = match (node, turn) {
        (Node::Source(source), Turn::Hear(wish)) => return Ok(Gave::Heard(source.request(wish))),
        (Node::Filter(filter), Turn::Hear(wish)) => return Ok(Gave::Heard(filter.request(wish))),
        // A sink is where wishes start.
        (Node::Sink(_), Turn::Hear(_)) => return Ok(Gave::Heard(Handled::PassOn)),
        (Node::Source(source), Turn::Next) => match source.next(out)? {
            Flow::More => Outcome::Done,
            Flow::Waiting => Outcome::Waiting,
            Flow::End => Outcome::End,
        },
        (Node::Filter(filter), Turn::Take(inputs)) => done(filter.process(inputs, out))?,
        (Node::Filter(filter), Turn::Finish) => done(filter.finish(out))?,
        (Node::Sink(sink), Turn::Take(inputs)) => done(sink.consume(inputs))?,
        (Node::Sink(sink), Turn::Finish) => done(sink.finish())?,
        (Node::Source(_), Turn::Take(_) | Turn::Finish) | (Node::Filter(_) | Node::Sink(_), Turn::Next) => {
            panic!("the scheduler gave a node a turn that its role does not have")
        }
    };
    Ok(Gave::Turn(outcome))
}

fn done(result: Result<(), NodeError>) -> Result<Outcome, NodeError> {
    result.map(|()| Outcome::Done)
}

/// A node that panics as it is dropped has failed already, and its process lives.
fn drop_caught(node: &mut Option<Node>) {
    let node = node.take();
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(node))) {
        tracing::error!("a node panicked as it was let go, which is a bug in framegate: {}", words(&*panic));
    }
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a word")
}
