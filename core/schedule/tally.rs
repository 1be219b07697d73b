//! Where every item went: exact counts, never sampled.
//!
//! Owns the numbers and the rule that they add up. Leaves times to whoever has a clock.

use std::ops::AddAssign;

/// Why an item was lost on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The link was full, because the node at its end is too slow, or waits for somebody who is.
    Full,
    /// The link was full, because no core was free for the node at its end.
    Overload,
    /// More came than the input's `rate` lets in.
    Rate,
    /// Encoded video that cannot be decoded any more, up to the next keyframe.
    Resync,
    /// Overtaken: a newer item took its place in a `latest` join, its partner in a `same_pts` join
    /// went by, or its PTS did not rise.
    Stale,
    /// The graph, or the node at the end of the link, had stopped.
    Stopped,
    /// The turn that took it failed.
    Failed,
    /// Nobody needs what the node at the end of the link makes of it, for now.
    Asleep,
}

impl Reason {
    pub const ALL: [Reason; 8] = [
        Reason::Full,
        Reason::Overload,
        Reason::Rate,
        Reason::Resync,
        Reason::Stale,
        Reason::Stopped,
        Reason::Failed,
        Reason::Asleep,
    ];

    /// As it is shown and exported.
    pub const fn name(self) -> &'static str {
        match self {
            Reason::Full => "full",
            Reason::Overload => "overload",
            Reason::Rate => "rate",
            Reason::Resync => "resync",
            Reason::Stale => "stale",
            Reason::Stopped => "stopped",
            Reason::Failed => "failed",
            Reason::Asleep => "asleep",
        }
    }
}

/// The count of one link. At every instant `offered` is the sum of all the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkTally {
    /// Items the node at its start gave.
    pub offered: u64,
    /// Items the node at its end took, in a turn that went well.
    pub passed: u64,
    /// Items in the queue now.
    pub waiting: u64,
    /// Items in a turn of the node at its end now.
    pub in_turn: u64,
    pub(super) dropped: [u64; Reason::ALL.len()],
}

impl LinkTally {
    /// Items lost for `reason`.
    pub fn dropped(&self, reason: Reason) -> u64 {
        self.dropped[reason as usize]
    }

    /// Items lost for any reason.
    pub fn lost(&self) -> u64 {
        self.dropped.iter().sum()
    }

    /// Whether every item is accounted for.
    pub fn adds_up(&self) -> bool {
        self.offered == self.passed + self.waiting + self.in_turn + self.lost()
    }

    pub(super) fn drop_one(&mut self, reason: Reason) {
        self.dropped[reason as usize].add_assign(1);
    }
}

/// The count of one node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeTally {
    /// Turns that came back, failed ones included; finishing and hearing wishes are not turns.
    pub turns: u64,
    /// Items given, for whatever port.
    pub given: u64,
    /// Turns that failed, finishing included.
    pub failed: u64,
}
