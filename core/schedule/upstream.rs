//! The way that wishes take against the stream, from node to node.
//!
//! Owns who is told next. What a node makes of several wishes is in `wishes`.

use std::time::Duration;

use crate::graph::plan::{LinkId, NodeId};
use crate::node::Wish;

use super::scheduler::Scheduler;
use super::wishes::{Arrived, Serial};

impl Scheduler {
    pub(super) fn new_serial(&mut self) -> Serial {
        self.serial += 1;
        self.serial
    }

    /// A node wishes something of those that feed it.
    pub(super) fn wished(&mut self, id: NodeId, wish: Wish, now: Duration) {
        if wish == Wish::Stop {
            return self.leave(id, now);
        }
        let serial = self.new_serial();
        self.send_up(id, wish, serial, now);
    }

    /// A wish leaves node `id` for all that feed it, or are about to.
    pub(super) fn send_up(&mut self, id: NodeId, wish: Wish, serial: Serial, now: Duration) {
        let node = &self.nodes[id.0];
        let feeds = node.inputs.iter().chain(node.successors.iter().map(|(_, link)| link)).flatten();
        for link in feeds.copied().collect::<Vec<_>>() {
            if !self.links[link.0].is_closed() && !self.links[link.0].is_cut() {
                self.send(self.links[link.0].from, link, wish, serial, now);
            }
        }
    }

    pub(super) fn send(&mut self, to: NodeId, via: LinkId, wish: Wish, serial: Serial, now: Duration) {
        let node = &mut self.nodes[to.0];
        match node.wishes.arrive(wish, serial, via, node.consumers) {
            Arrived::Pending => self.mark(to, now),
            Arrived::Merged => {}
        }
    }
}
