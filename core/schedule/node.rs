//! What the scheduler remembers about one node.
//!
//! Owns plain state. Leaves every decision to the files that read it.

use std::collections::VecDeque;
use std::time::Duration;

use crate::graph::plan::{Clock, LinkId};
use crate::media::{Item, Pts};
use crate::node::{Pace, Role, Wish, Work};

use super::pacer::Pacer;
use super::tally::NodeTally;
use super::topology::NodeShape;
use super::wishes::{Serial, Wishes};

/// How far a node has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It takes turns.
    Open,
    /// It takes no more turns and is next told to finish.
    Closing,
    /// It gave its last; some of that may still wait in its hands.
    Finished,
    /// What it feeds has been told.
    Ended,
}

/// What a node is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    Turn,
    Finish,
    Hear(Wish, Serial),
}

pub(super) struct Node {
    pub role: Role,
    pub work: Work,
    /// For each input port, the link that feeds it.
    pub inputs: Vec<Option<LinkId>>,
    /// For each output port, the links it feeds.
    pub outputs: Vec<Vec<LinkId>>,
    /// Links that are to feed an input port once the one before is over, in turn.
    pub successors: Vec<(usize, Option<LinkId>)>,
    /// Output links whose end still takes items.
    pub consumers: usize,
    /// The `same_pts` links settled when a turn of this node fails.
    pub settles: Vec<LinkId>,
    pub phase: Phase,
    pub doing: Option<Doing>,
    /// The PTS that drives the turn it is in.
    pub driving: Option<Pts>,
    /// The links whose items are in the turn it is in.
    pub taken: Vec<LinkId>,
    /// What it gave and no link has taken yet. It takes no turn before this is empty, so it never
    /// holds more than one turn gave.
    pub outbox: VecDeque<(usize, Item)>,
    pub wishes: Wishes,
    pub pacer: Option<Pacer>,
    /// A source that said it can sleep, and was told to: it takes no turns.
    pub asleep: bool,
    /// A source that had nothing is not asked again before this.
    pub rests_until: Duration,
    /// For which driving item a `same_pts` join waits, and until when; or waited in vain, when
    /// another stood behind it.
    pub patience: Option<(Pts, Duration)>,
    /// When it wants to be looked at again.
    pub alarm: Option<Duration>,
    /// Offline: it goes on with what it has (see `stall`).
    pub gives_up: bool,
    pub tally: NodeTally,
}

impl Node {
    pub fn new(shape: &NodeShape, settles: Vec<LinkId>, clock: Clock) -> Node {
        let paced = clock == Clock::Live && shape.role == Role::Source && shape.pace == Pace::ByPts;
        Node {
            role: shape.role,
            work: shape.work,
            inputs: shape.inputs.clone(),
            outputs: shape.outputs.clone(),
            successors: Vec::new(),
            consumers: shape.outputs.iter().map(Vec::len).sum(),
            settles,
            phase: Phase::Open,
            doing: None,
            driving: None,
            taken: Vec::with_capacity(shape.inputs.len()),
            outbox: VecDeque::new(),
            wishes: Wishes::default(),
            pacer: paced.then(Pacer::default),
            asleep: false,
            rests_until: Duration::ZERO,
            patience: None,
            alarm: None,
            gives_up: false,
            tally: NodeTally::default(),
        }
    }

    /// The link that will feed input `port` in the end.
    pub fn last_input(&self, port: usize) -> Option<LinkId> {
        let successor = self.successors.iter().rfind(|(of, _)| *of == port);
        successor.map_or(self.inputs[port], |(_, link)| *link)
    }

    /// Whether it counts against the number of workers while it runs.
    pub fn computes(&self) -> bool {
        self.work != Work::Device
    }
}
