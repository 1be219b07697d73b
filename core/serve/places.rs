//! How many connections there are at once, and whose goes when there are too many.
//!
//! Owns who holds a place. Whoever comes gets one: where none is left, the address with the most gives up the
//! one it has not used for longest. So one address may have all that nobody else asks for, keeps nobody out by
//! holding connections open, and is itself served as long as it asks for something. Knows no sockets: a place
//! that is taken away says so to whoever holds it.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::caller::Caller;

/// All places. Clones are the same ones.
#[derive(Clone)]
pub struct Places {
    most: usize,
    held: Arc<Mutex<Held>>,
}

#[derive(Default)]
struct Held {
    /// Counts what happens, for want of a clock.
    moment: u64,
    holders: HashMap<u64, Holder>,
}

struct Holder {
    caller: Caller,
    does: Does,
    /// Dropped with the holder: that is how a place is taken away.
    _held: oneshot::Sender<()>,
}

/// What a connection does, and since when; the least goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Does {
    /// It is open; a request may be on its way.
    Nothing(u64),
    /// A request has come, and its answer is being made.
    Answer(u64),
}

/// A place, given back when dropped.
pub struct Place {
    number: u64,
    places: Places,
}

/// Resolves when the place is taken away.
pub type Notice = oneshot::Receiver<()>;

/// Lasts as long as an answer is being made.
pub struct Answering {
    number: u64,
    places: Places,
}

impl Places {
    pub fn new(most: usize) -> Places {
        Places { most, held: Arc::default() }
    }

    /// A place for a connection of `caller`; where none is left, another's is taken away.
    pub fn take(&self, caller: Caller) -> (Place, Notice) {
        let mut held = self.lock();
        while held.holders.len() >= self.most
            && let Some(number) = held.least_needed()
        {
            held.holders.remove(&number);
        }
        let (until, notice) = oneshot::channel();
        let number = held.next();
        held.holders.insert(number, Holder { caller, does: Does::Nothing(number), _held: until });
        (Place { number, places: self.clone() }, notice)
    }

    fn note(&self, number: u64, does: impl FnOnce(u64) -> Does) {
        let mut held = self.lock();
        let moment = held.next();
        if let Some(holder) = held.holders.get_mut(&number) {
            holder.does = does(moment);
        }
    }

    // What it guards is changed in single steps: a panic elsewhere cannot leave it half-done.
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn next(&mut self) -> u64 {
        self.moment += 1;
        self.moment
    }

    fn least_needed(&self) -> Option<u64> {
        let mut counts: HashMap<Caller, usize> = HashMap::new();
        self.holders.values().for_each(|holder| *counts.entry(holder.caller).or_default() += 1);
        let rank = |holder: &Holder| (Reverse(counts[&holder.caller]), holder.does);
        self.holders.iter().min_by_key(|(_, holder)| rank(holder)).map(|(number, _)| *number)
    }
}

impl Place {
    /// A request has come; its answer is being made until what this gives is dropped.
    pub fn answers(&self) -> Answering {
        self.places.note(self.number, Does::Answer);
        Answering { number: self.number, places: self.places.clone() }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.lock().holders.remove(&self.number);
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.places.note(self.number, Does::Nothing);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(last: u8) -> Caller {
        Caller::at([192, 0, 2, last].into())
    }

    fn is_lost(notice: &mut Notice) -> bool {
        notice.try_recv() == Err(oneshot::error::TryRecvError::Closed)
    }

    /// Which of `held` are lost.
    fn lost(held: &mut [(Place, Notice)]) -> Vec<usize> {
        held.iter_mut()
            .enumerate()
            .filter_map(|(index, (_, notice))| is_lost(notice).then_some(index))
            .collect()
    }

    #[test]
    fn the_address_with_the_most_gives_up_what_it_has_not_used_for_longest() {
        let places = Places::new(5);
        let mut held: Vec<(Place, Notice)> =
            [2, 1, 1, 1, 3].map(|last| places.take(caller(last))).into_iter().collect();
        assert!(lost(&mut held).is_empty());
        // One connection of the greedy address has asked for something and is answered, another was.
        let answering = held[1].0.answers();
        drop(held[2].0.answers());
        for (comes, go) in [(2, vec![3]), (4, vec![0, 3]), (1, vec![0, 2, 3])] {
            held.push(places.take(caller(comes)));
            assert_eq!(lost(&mut held), go);
        }
        drop(answering);
    }

    #[test]
    fn whoever_has_all_places_gets_another_for_one_of_its_own() {
        let places = Places::new(3);
        let mut held: Vec<(Place, Notice)> = (0..5).map(|_| places.take(caller(1))).collect();
        assert_eq!(lost(&mut held), [0, 1]);
        held.truncate(3);
        let _others: Vec<(Place, Notice)> = (2..4).map(|last| places.take(caller(last))).collect();
        assert_eq!(lost(&mut held), [0, 1], "what was given back is there to take");
    }
}
