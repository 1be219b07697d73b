//! What other threads ask of the relay thread. Bounded; nobody waits to leave something.

use std::collections::VecDeque;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::figures::Tables;
use super::ingest::Publisher;
use super::peer::Path;
use super::stream::{Cut, Stream, StreamId, StreamStats};
use super::viewer::Viewer;
use super::waiting::Waker;

/// For what HTTP asks; access units are bounded by each feed. What ends or begins something is
/// always taken: there is no more of it than nodes and sessions, and a session whose end was lost
/// would be sent to for ever.
const MOST_WAITING: usize = 4096;

/// One thing to do.
pub enum Command {
    Open(StreamId, Box<Stream>),
    End(StreamId),
    Push(StreamId, Box<Cut>, Ticket),
    /// Somebody asks for a stream that may be asleep.
    Asked(StreamId),
    Add(Box<Viewer>),
    Admit(Box<Publisher>),
    /// The node behind an entrance needs a keyframe.
    NeedKeyframe(StreamId),
    Close {
        session: String,
    },
    Candidates {
        session: String,
        candidates: Vec<String>,
    },
    /// The session's ICE is restarted: another way is to be found.
    Restart {
        session: String,
        path: Box<Path>,
    },
    Stats(SyncSender<Vec<StreamStats>>),
    Tables(SyncSender<Tables>),
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
    /// The relay thread has ended; nothing is taken any more.
    Closed,
}

#[derive(Default)]
struct Waiting {
    commands: VecDeque<Command>,
    closed: bool,
}

impl Command {
    fn may_be_refused(&self) -> bool {
        match self {
            Command::Push(..)
            | Command::Asked(_)
            | Command::Add(_)
            | Command::Admit(_)
            | Command::NeedKeyframe(_)
            | Command::Candidates { .. }
            | Command::Restart { .. }
            | Command::Stats(_)
            | Command::Tables(_) => true,
            Command::Open(..) | Command::End(_) | Command::Close { .. } | Command::Stop => false,
        }
    }
}

/// The box. Clones are the same one.
#[derive(Clone)]
pub struct Mailbox {
    waiting: Arc<Mutex<Waiting>>,
    waker: Waker,
}

impl Mailbox {
    pub fn new(waker: Waker) -> Mailbox {
        Mailbox { waiting: Arc::default(), waker }
    }

    pub fn leave(&self, command: Command) -> Left {
        let mut waiting = self.lock();
        if waiting.closed {
            return Left::Closed;
        }
        if waiting.commands.len() >= MOST_WAITING && command.may_be_refused() {
            return Left::Full;
        }
        waiting.commands.push_back(command);
        let was_empty = waiting.commands.len() == 1;
        drop(waiting);
        if was_empty {
            self.waker.wake();
        }
        Left::Taken
    }

    /// Everything that waits, in order.
    pub fn empty(&self) -> VecDeque<Command> {
        std::mem::take(&mut self.lock().commands)
    }

    /// Takes no more, and lets go of what waits: whoever waits for an answer hears that there is none.
    pub fn close(&self) {
        let left = {
            let mut waiting = self.lock();
            waiting.closed = true;
            std::mem::take(&mut waiting.commands)
        };
        drop(left);
    }

    pub fn waker(&self) -> &Waker {
        &self.waker
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{RecvError, sync_channel};

    fn mailbox() -> Mailbox {
        Mailbox::new(Waker::new().unwrap())
    }

    #[test]
    fn a_full_box_still_takes_what_ends_a_session() {
        let mailbox = mailbox();
        let ask = || Command::Candidates { session: String::new(), candidates: vec![] };
        while mailbox.leave(ask()) == Left::Taken {}
        assert_eq!(mailbox.leave(ask()), Left::Full);
        assert_eq!(mailbox.leave(Command::Close { session: String::new() }), Left::Taken);
        assert_eq!(mailbox.leave(Command::Stop), Left::Taken);
    }

    #[test]
    fn a_closed_box_takes_nothing_and_leaves_nobody_waiting() {
        let mailbox = mailbox();
        let (reply, figures) = sync_channel(1);
        assert_eq!(mailbox.leave(Command::Stats(reply)), Left::Taken);
        mailbox.close();
        assert_eq!(figures.recv().err(), Some(RecvError));
        assert_eq!(mailbox.leave(Command::Stop), Left::Closed);
    }
}
