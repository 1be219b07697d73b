//! How an offline graph gets on when each waits for another.
//!
//! Offline every link blocks and joins wait for what may still come, so a graph whose branches meet
//! again can come to a stand: the join wants an item from one branch, and that branch is starved
//! because the other is full. Nothing runs then and nothing can. In that state, and only in it, one
//! rule is bent, the least harmful first:
//!
//! 1. a full link grows by one place (T. Parks, "Bounded Scheduling of Process Networks", 1995), up to a limit
//! 2. a join goes on without what it waits for
//! 3. a full link that only joins loses its oldest item, counted as `full`
//!
//! A graph with a source that was told to sleep does not stand still: it waits to be woken.
//!
//! Which state a graph stands still in does not depend on who was faster, so neither does what is
//! bent, and the output stays the same for any number of workers. Live graphs cannot stand still:
//! their joins wait by the clock and no joining link blocks.

use std::time::Duration;

use crate::graph::plan::{Clock, NodeId};
use crate::node::Join;

use super::join::{Look, look};
use super::scheduler::Scheduler;
use super::tally::Reason;

impl Scheduler {
    pub(super) fn get_on_if_stalled(&mut self, now: Duration) {
        while self.is_stalled() {
            let got_on = self.grow_a_link(now) || self.give_up_a_join(now) || self.drop_from_a_link(now);
            assert!(got_on, "a graph stands still though no link is full and no join waits");
        }
    }

    fn is_stalled(&self) -> bool {
        self.clock == Clock::Offline
            && self.running == 0
            && self.ready.count() == 0
            && self.alarms.is_empty()
            && !self.nodes.iter().any(|node| node.asleep)
            && !self.is_over()
    }

    fn grow_a_link(&mut self, now: Duration) -> bool {
        let full = (0..self.links.len()).filter(|index| self.links[*index].blocks());
        let mut by_size: Vec<_> = full.collect();
        by_size.sort_by_key(|index| self.links[*index].capacity());
        let grown = by_size.into_iter().find(|index| self.links[*index].grow());
        grown.into_iter().for_each(|index| self.refresh(self.links[index].from, now));
        grown.is_some()
    }

    fn give_up_a_join(&mut self, now: Duration) -> bool {
        let waits = |index: &usize| {
            let look = look(&self.nodes[*index], &self.links, self.clock);
            matches!(look, Look::WaitsForPartner(_) | Look::WaitsForOrder) && !self.is_blocked(NodeId(*index))
        };
        let waiting = (0..self.nodes.len()).find(waits);
        waiting.into_iter().for_each(|index| {
            self.nodes[index].gives_up = true;
            self.mark(NodeId(index), now);
        });
        waiting.is_some()
    }

    fn drop_from_a_link(&mut self, now: Duration) -> bool {
        let joins = |index: &usize| self.links[*index].blocks() && self.links[*index].join != Join::Each;
        let full = (0..self.links.len()).find(joins);
        full.into_iter().for_each(|index| {
            let mut lost = Vec::new();
            self.links[index].drop_first(Reason::Full, &mut lost);
            self.refresh(self.links[index].from, now);
        });
        full.is_some()
    }
}
