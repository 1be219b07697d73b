//! What travels against the stream: which wishes a node has still to hear, and which it need not.
//!
//! Owns the merging. A wish that forks on its way up (two branches of one camera) meets itself
//! again; the serial number it was given at its start tells that it has been heard. A node may rest
//! only when all that it feeds want it to.

use crate::graph::plan::LinkId;
use crate::node::Wish;

/// Tells wishes apart. Later wishes have higher numbers.
pub(super) type Serial = u64;

/// What happened to a wish on its way into a node.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrived {
    /// The node will be told.
    Pending,
    /// It has been told already, or others need the opposite.
    Merged,
}

/// The wishes of one node.
#[derive(Default)]
pub(super) struct Wishes {
    keyframe: Slot<()>,
    bitrate: Slot<u64>,
    /// Whether to rest, as it was decided last. The serial number goes on with it and decides
    /// nothing: two sinks' wishes may overtake each other on ways of different length.
    rest: Option<(Serial, bool)>,
    stop: Slot<()>,
    asleep: Vec<LinkId>,
    resting: bool,
}

/// The newest wish of one sort.
struct Slot<T> {
    pending: Option<(Serial, T)>,
    newest: Option<Serial>,
}

impl<T> Default for Slot<T> {
    fn default() -> Slot<T> {
        Slot { pending: None, newest: None }
    }
}

impl<T> Slot<T> {
    fn arrive(&mut self, serial: Serial, value: T) -> Arrived {
        if self.newest.is_some_and(|newest| newest >= serial) {
            return Arrived::Merged;
        }
        self.newest = Some(serial);
        self.pending = Some((serial, value));
        Arrived::Pending
    }
}

impl Wishes {
    /// A wish that came up `via` one of the node's output links, `consumers` of which are open.
    pub fn arrive(&mut self, wish: Wish, serial: Serial, via: LinkId, consumers: usize) -> Arrived {
        match wish {
            Wish::Keyframe => self.keyframe.arrive(serial, ()),
            Wish::Bitrate(bits) => self.bitrate.arrive(serial, bits),
            // Ends travel as links that close: the scheduler tells `stop` when the last one has.
            Wish::Stop => Arrived::Merged,
            Wish::Sleep => {
                if !self.asleep.contains(&via) {
                    self.asleep.push(via);
                }
                self.rest_if_all_do(serial, consumers)
            }
            Wish::Wake => {
                self.asleep.retain(|link| *link != via);
                if !std::mem::replace(&mut self.resting, false) {
                    return Arrived::Merged;
                }
                self.rest = Some((serial, false));
                Arrived::Pending
            }
        }
    }

    /// A consumer has ended: what is left may all be asleep.
    pub fn consumer_gone(&mut self, serial: Serial, via: LinkId, consumers: usize) -> Arrived {
        self.asleep.retain(|link| *link != via);
        self.rest_if_all_do(serial, consumers)
    }

    /// Its consumers are now those at the end of `links`, `consumers` of which are open. Whoever is
    /// new among them is awake.
    pub fn rewired(&mut self, serial: Serial, links: &[LinkId], consumers: usize) {
        self.asleep.retain(|link| links.contains(link));
        if self.resting && self.asleep.len() < consumers {
            self.resting = false;
            self.rest = Some((serial, false));
        }
        self.rest_if_all_do(serial, consumers);
    }

    /// Whether nobody at the end of `link` needs what the node gives, for now.
    pub fn sleeps_at(&self, link: LinkId) -> bool {
        self.asleep.contains(&link)
    }

    /// Whether nobody needs what the node gives, for now.
    pub fn is_resting(&self) -> bool {
        self.resting
    }

    /// No more is needed, ever.
    pub fn stop(&mut self, serial: Serial) {
        self.stop.arrive(serial, ());
    }

    pub fn is_empty(&self) -> bool {
        self.keyframe.pending.is_none()
            && self.bitrate.pending.is_none()
            && self.rest.is_none()
            && self.stop.pending.is_none()
    }

    /// The next wish to tell the node, the weightiest first.
    pub fn next(&mut self) -> Option<(Wish, Serial)> {
        let stop = self.stop.pending.take().map(|(serial, ())| (Wish::Stop, serial));
        let rest = || {
            let (serial, rest) = self.rest.take()?;
            Some((if rest { Wish::Sleep } else { Wish::Wake }, serial))
        };
        let bitrate = || self.bitrate.pending.take().map(|(serial, bits)| (Wish::Bitrate(bits), serial));
        let keyframe = || self.keyframe.pending.take().map(|(serial, ())| (Wish::Keyframe, serial));
        stop.or_else(rest).or_else(bitrate).or_else(keyframe)
    }

    fn rest_if_all_do(&mut self, serial: Serial, consumers: usize) -> Arrived {
        if self.resting || consumers == 0 || self.asleep.len() < consumers {
            return Arrived::Merged;
        }
        self.resting = true;
        self.rest = Some((serial, true));
        Arrived::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEFT: LinkId = LinkId(0);
    const RIGHT: LinkId = LinkId(1);

    #[test]
    fn a_wish_that_forked_is_heard_once() {
        let mut wishes = Wishes::default();
        assert_eq!(wishes.arrive(Wish::Keyframe, 7, LEFT, 2), Arrived::Pending);
        assert_eq!(wishes.next(), Some((Wish::Keyframe, 7)));
        assert_eq!(wishes.arrive(Wish::Keyframe, 7, RIGHT, 2), Arrived::Merged);
        assert_eq!(wishes.next(), None);
    }

    #[test]
    fn the_newest_bitrate_wins() {
        let mut wishes = Wishes::default();
        wishes.arrive(Wish::Bitrate(1), 1, LEFT, 2);
        wishes.arrive(Wish::Bitrate(2), 2, LEFT, 2);
        assert_eq!(wishes.next(), Some((Wish::Bitrate(2), 2)));
        assert!(wishes.is_empty());
    }

    #[test]
    fn a_node_rests_only_when_all_it_feeds_want_it_to() {
        let mut wishes = Wishes::default();
        assert_eq!(wishes.arrive(Wish::Sleep, 1, LEFT, 2), Arrived::Merged);
        assert_eq!(wishes.arrive(Wish::Sleep, 2, RIGHT, 2), Arrived::Pending);
        assert_eq!(wishes.next(), Some((Wish::Sleep, 2)));
        assert_eq!(wishes.arrive(Wish::Wake, 3, LEFT, 2), Arrived::Pending);
        assert_eq!(wishes.next(), Some((Wish::Wake, 3)));
    }

    #[test]
    fn a_wish_to_sleep_that_took_a_longer_way_still_counts() {
        let mut wishes = Wishes::default();
        wishes.arrive(Wish::Sleep, 1, LEFT, 2);
        wishes.arrive(Wish::Sleep, 2, RIGHT, 2);
        wishes.arrive(Wish::Wake, 4, RIGHT, 2);
        wishes.next();
        wishes.arrive(Wish::Sleep, 3, RIGHT, 2);
        assert_eq!(wishes.next(), Some((Wish::Sleep, 3)));
        assert!(wishes.is_resting());
    }
}
