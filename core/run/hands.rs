//! The loop of every thread: ask, do, report.
//!
//! Owns the threads' names and stacks. A pool worker takes whatever is most urgent; a device's thread
//! takes the turns of its own node.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::cell::Cell;
use super::desk::{Desk, Order};
use crate::node::Halt;
use crate::schedule::{Event, Hand};

/// A guest has 512 KiB of stack of its own, and the host functions it calls come on top.
const STACK: usize = 8 << 20;

/// What all threads of a graph share.
pub(super) struct Floor {
    pub desk: Arc<Desk>,
    /// The nodes, in the order of the plan.
    pub cells: Vec<Cell>,
    /// What long turns ask once the graph is stopped.
    pub halt: Halt,
}

/// Starts a thread that works for `floor` until the graph is over.
pub(super) fn spawn(floor: &Arc<Floor>, hand: Hand, name: String) -> io::Result<JoinHandle<()>> {
    let floor = floor.clone();
    thread::Builder::new().name(name).stack_size(STACK).spawn(move || work(&floor, hand))
}

fn work(floor: &Floor, hand: Hand) {
    let _guard = AbortOnPanic(&floor.desk);
    let mut report = None;
    while let Order::Run { node, turn } = floor.desk.next(hand, report.take()) {
        report = Some(floor.cells[node.0].run(turn, || floor.desk.now()));
    }
}

/// A thread that panics outside a node leaves a scheduler nobody should trust: the graph ends, so
/// that whoever waits for it does not wait for ever.
struct AbortOnPanic<'a>(&'a Desk);

impl Drop for AbortOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.tell(Event::Abort);
        }
    }
}
