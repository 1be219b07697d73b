//! What other threads ask of the relay thread. Bounded; nobody waits to leave something.

use std::collections::VecDeque;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::stream::{Cut, Stream, StreamId, StreamStats};
use super::viewer::Viewer;
use super::waiting::Waker;

/// Access units are bounded by each feed, so this is for what HTTP asks.
const MOST_WAITING: usize = 4096;

/// One thing to do.
pub enum Command {
    Open(StreamId, Box<Stream>),
    End(StreamId),
    Push(StreamId, Box<Cut>, Ticket),
    Add(Box<Viewer>),
    Close { session: String },
    Candidates { session: String, candidates: Vec<String> },
    Stats(SyncSender<Vec<StreamStats>>),
    Stop,
}

/// One access unit's place in its feed's queue: a clone of what the feed counts by, free again when
/// dropped.
pub type Ticket = Arc<()>;

/// Whether a command was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    Taken,
    Full,
}

/// The box. Clones are the same one.
#[derive(Clone)]
pub struct Mailbox {
    waiting: Arc<Mutex<VecDeque<Command>>>,
    waker: Waker,
}

impl Mailbox {
    pub fn new(waker: Waker) -> Mailbox {
        Mailbox { waiting: Arc::default(), waker }
    }

    pub fn leave(&self, command: Command) -> Left {
        let mut waiting = self.lock();
        if waiting.len() >= MOST_WAITING {
            return Left::Full;
        }
        waiting.push_back(command);
        let was_empty = waiting.len() == 1;
        drop(waiting);
        if was_empty {
            self.waker.wake();
        }
        Left::Taken
    }

    /// Everything that waits, in order.
    pub fn empty(&self) -> VecDeque<Command> {
        std::mem::take(&mut self.lock())
    }

    pub fn waker(&self) -> &Waker {
        &self.waker
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Command>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
