//! The loop of every thread: ask, do, report.
//!
//! Owns the threads' names and stacks. A pool worker takes whatever is most urgent; a device's thread
//! takes the turns of its own node.

use std::io;
use std::sync::{Arc, PoisonError};
use std::thread;

use super::desk::{Desk, Order};
use super::stage::Floor;
use super::trace::{Doing, Trace};
use crate::schedule::{Event, Hand};

/// A guest has 512 KiB of stack of its own, and the host functions it calls come on top.
const STACK: usize = 8 << 20;

/// Starts a thread that works for `floor` until the graph, or the device it is for, is over.
pub(super) fn spawn(floor: &Arc<Floor>, hand: Hand, name: String) -> io::Result<()> {
    let desk = floor.desk.clone();
    let trace = floor.trace.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let work = move |name: &str| work(&desk, hand, name, trace.as_ref());
    let named = name.clone();
    let thread = thread::Builder::new().name(name).stack_size(STACK).spawn(move || work(&named))?;
    floor.keep_thread(thread);
    Ok(())
}

fn work(desk: &Desk, hand: Hand, name: &str, trace: Option<&Trace>) {
    let _guard = AbortOnPanic(desk);
    let mut report = None;
    while let Order::Run { cell, turn } = desk.next(hand, report.take()) {
        let traced = trace.map(|trace| (trace, Doing::of(&turn), desk.now()));
        report = Some(cell.run(turn, || desk.now()));
        if let Some((trace, doing, begun)) = traced {
            trace.turn(cell.name(), name, &doing, begun, desk.now());
        }
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
