//! The way access units take from the relay thread to their node. It never waits.
//!
//! Owns the bound on what is under way. What is refused then, and whose fault it is, is for `publisher`
//! to say.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use crate::relay::fanout::How;
use crate::relay::mailbox::Ticket;

/// Access units under way to the node: about two seconds. The node is a thread that waits for nothing else.
const MOST_UNDER_WAY: usize = 64;

/// What a node is told.
pub enum News {
    /// A publisher is connected.
    Began,
    Picture(Picture),
    /// It is gone.
    Ended(How),
}

/// A whole access unit that came in.
pub struct Picture {
    pub bytes: Vec<u8>,
    pub keyframe: bool,
    /// Since the publisher's first picture, by its own clock.
    pub elapsed: Duration,
    /// When its last packet came.
    pub came: Instant,
    _ticket: Ticket,
}

/// Whether a picture was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    Taken,
    /// The node has as many as it may have.
    Full,
    /// The node has ended.
    Closed,
}

/// The relay thread's end. Clones are the same one.
#[derive(Clone)]
pub struct Inlet {
    news: Sender<News>,
    /// Its clones are the pictures under way.
    under_way: Arc<()>,
}

/// What keeps an entrance open, and carries wishes back. Closes it when dropped.
pub trait Hold: Send {
    /// The node needs a keyframe.
    fn need_keyframe(&self);
}

/// The node's end.
pub struct Entrance {
    pub news: Receiver<News>,
    pub hold: Box<dyn Hold>,
}

impl Inlet {
    /// One with the receiver of its news.
    pub fn new() -> (Inlet, Receiver<News>) {
        let (news, told) = channel();
        (Inlet { news, under_way: Arc::new(()) }, told)
    }

    /// A publisher is connected. Told always: there are no more of these than sessions.
    pub fn began(&self) {
        // A node that has ended needs no telling.
        let _ = self.news.send(News::Began);
    }

    pub fn ended(&self, how: How) {
        let _ = self.news.send(News::Ended(how));
    }

    pub fn pass(&self, bytes: Vec<u8>, keyframe: bool, elapsed: Duration, came: Instant) -> Passed {
        let ticket = self.under_way.clone();
        // One clone in each inlet: here, in the directory, and in the publisher's.
        if Arc::strong_count(&ticket) > MOST_UNDER_WAY {
            return Passed::Full;
        }
        match self.news.send(News::Picture(Picture { bytes, keyframe, elapsed, came, _ticket: ticket })) {
            Ok(()) => Passed::Taken,
            Err(_) => Passed::Closed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_is_behind_has_a_bounded_number_of_pictures_waiting() {
        let (inlet, told) = Inlet::new();
        let pass = || inlet.pass(vec![1], false, Duration::ZERO, Instant::now());
        let taken = (0..1000).filter(|_| pass() == Passed::Taken).count();
        assert!((MOST_UNDER_WAY - 4..=MOST_UNDER_WAY).contains(&taken), "{taken}");
        assert_eq!(pass(), Passed::Full);
        drop(told.recv());
        assert_eq!(pass(), Passed::Taken);
        drop(told);
        assert_eq!(pass(), Passed::Closed);
    }
}
