//! What is said between the scheduler and whoever holds it: events in, actions out.
//!
//! Owns the words alone.

use std::time::Duration;

use crate::graph::plan::NodeId;
use crate::node::{Handled, Inputs, Output, Then, Wish};

/// Something that happened.
pub enum Event {
    /// A turn, or finishing, came back.
    Returned { node: NodeId, given: Output, outcome: Outcome },
    /// A node heard a wish.
    Heard { node: NodeId, handled: Handled },
    /// A node wishes something of those that feed it.
    Wished { node: NodeId, wish: Wish },
    /// The graph should stop in order: sources first, links drain, sinks last.
    Stop,
    /// The graph should stop where it stands: no more turns, nothing finishes.
    Abort,
}

/// How a turn came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// A source: nothing has come yet.
    Waiting,
    /// A source: no more will come.
    End,
    Failed(Then),
}

/// Who asks for something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hand {
    /// One of the pool.
    Worker,
    /// The thread that belongs to this device node.
    Device(NodeId),
}

/// What the hand that asked should do.
pub enum Action {
    /// Give the node this turn and report how it came back.
    Run { node: NodeId, turn: Turn },
    /// Nothing now. Ask again at this time, or when something has happened.
    Wait { until: Option<Duration> },
    /// Nothing, ever again.
    Leave,
}

/// What a node is asked for.
pub enum Turn {
    /// A source: the next item.
    Next,
    /// A filter or sink: take these.
    Take(Inputs),
    /// A filter or sink: give what is still held.
    Finish,
    /// Hear a wish.
    Hear(Wish),
}
