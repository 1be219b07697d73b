//! Which viewers have to be looked at: those whose time has come, and those with something to send.
//!
//! Owns both lists, so that a turn of the relay costs what it has to do and not what there is. Reads no
//! clock.

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

use super::demux::PeerId;

#[derive(Default)]
pub struct Agenda {
    times: BTreeSet<(Instant, PeerId)>,
    /// What `times` holds of each.
    of: HashMap<PeerId, Instant>,
    senders: BTreeSet<PeerId>,
    /// The one that found the wire full is the first next time.
    first: PeerId,
}

impl Agenda {
    /// `viewer` wants to be looked at then, and not before.
    pub fn at(&mut self, viewer: PeerId, time: Option<Instant>) {
        let before = match time {
            Some(time) => self.of.insert(viewer, time),
            None => self.of.remove(&viewer),
        };
        // Most pictures change nothing about a viewer's time.
        if before == time {
            return;
        }
        if let Some(before) = before {
            self.times.remove(&(before, viewer));
        }
        self.times.extend(time.map(|time| (time, viewer)));
    }

    /// `viewer` has something to send.
    pub fn sends(&mut self, viewer: PeerId) {
        self.senders.insert(viewer);
    }

    /// `viewer` has sent all it had.
    pub fn has_sent(&mut self, viewer: PeerId) {
        self.senders.remove(&viewer);
    }

    pub fn forget(&mut self, viewer: PeerId) {
        self.at(viewer, None);
        self.has_sent(viewer);
    }

    /// The earliest time anybody wants to be looked at.
    pub fn next(&self) -> Option<Instant> {
        self.times.first().map(|(time, _)| *time)
    }

    /// How many want to be looked at some time.
    pub fn deadlines(&self) -> usize {
        self.times.len()
    }

    /// Whose time has come by `now`.
    pub fn due(&self, now: Instant) -> Vec<PeerId> {
        self.times.iter().take_while(|(time, _)| *time <= now).map(|(_, viewer)| *viewer).collect()
    }

    /// Who has something to send, in turn.
    pub fn senders(&self) -> Vec<PeerId> {
        self.senders.range(self.first..).chain(self.senders.range(..self.first)).copied().collect()
    }

    /// `viewer` found no room: it is the first next time.
    pub fn found_no_room(&mut self, viewer: PeerId) {
        self.first = viewer;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn those_are_due_whose_latest_time_has_come() {
        let (now, mut agenda) = (Instant::now(), Agenda::default());
        let after = |seconds| Some(now + Duration::from_secs(seconds));
        for (viewer, seconds) in [(1, 5), (2, 1), (3, 2)] {
            agenda.at(PeerId(viewer), after(seconds));
        }
        agenda.at(PeerId(2), after(9));
        agenda.at(PeerId(1), after(2));
        assert_eq!(agenda.next(), after(2));
        assert_eq!(agenda.due(now + Duration::from_secs(2)), [PeerId(1), PeerId(3)]);
        agenda.at(PeerId(1), None);
        agenda.forget(PeerId(3));
        assert_eq!(agenda.next(), after(9));
        assert_eq!(agenda.due(now), []);
    }

    #[test]
    fn who_found_no_room_is_first_next_time() {
        let mut agenda = Agenda::default();
        (1..=4).for_each(|viewer| agenda.sends(PeerId(viewer)));
        agenda.found_no_room(PeerId(3));
        agenda.has_sent(PeerId(4));
        assert_eq!(agenda.senders(), [3, 1, 2].map(PeerId));
    }
}
