//! Which streams and sessions there are, as HTTP and the nodes see it. Held under a lock for
//! moments at a time; the relay thread has its own, fuller view.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use super::answer::Latency;
use super::feed::Pulse;
use super::profile::Profile;
use super::refusal::Refusal;
use super::stream::StreamId;

const RETRY_LIVE: Duration = Duration::from_secs(1);
const RETRY_FULL: Duration = Duration::from_secs(5);

/// One relay node.
pub struct Entry {
    pub id: StreamId,
    pub pulse: Pulse,
    pub most_viewers: usize,
    pub latency: Latency,
    /// Whether it sleeps while nobody watches.
    pub on_demand: bool,
    /// Sessions, and offers that are just being answered.
    taken: usize,
    /// The stream of this name that this one is to follow, while that goes on.
    before: Option<Box<Entry>>,
}

impl Entry {
    pub fn new(id: StreamId, most_viewers: usize, latency: Latency, on_demand: bool) -> Entry {
        Entry { id, pulse: Pulse::default(), most_viewers, latency, on_demand, taken: 0, before: None }
    }
}

impl Entry {
    /// What is left of the streams of one name.
    fn without(mut self, id: StreamId) -> Option<Box<Entry>> {
        let before = self.before.take();
        if self.id == id {
            return before;
        }
        self.before = before.and_then(|before| before.without(id));
        Some(Box::new(self))
    }
}

/// One session.
#[derive(Clone, Debug)]
pub struct Session {
    pub stream: String,
    pub id: StreamId,
    /// The entity tag of its ICE session, in quotes.
    pub tag: String,
    /// The viewer's ICE user name fragment.
    pub user: Option<String>,
}

/// A place among a stream's viewers.
#[derive(Clone, Copy, Debug)]
pub struct Admitted {
    pub stream: StreamId,
    pub profile: Profile,
    pub latency: Latency,
}

#[derive(Default)]
pub struct Directory {
    pub streams: BTreeMap<String, Entry>,
    sessions: HashMap<String, Session>,
}

impl Directory {
    /// Makes a stream. One of the same name that there is goes on until it is removed, and is the
    /// stream again if this one is removed first: a changed graph may still be refused.
    pub fn add(&mut self, name: String, mut entry: Entry) {
        entry.before = self.streams.remove(&name).map(Box::new);
        self.streams.insert(name, entry);
    }

    /// Ends the stream `id` of that name.
    pub fn remove(&mut self, name: &str, id: StreamId) {
        let Some(newest) = self.streams.remove(name) else { return };
        let left = newest.without(id).map(|entry| *entry);
        left.into_iter().for_each(|entry| drop(self.streams.insert(name.to_owned(), entry)));
    }

    /// `stream`, if it is made on demand and gives no pictures now.
    pub fn sleeper(&self, now: Instant, stream: &str) -> Option<(StreamId, Pulse)> {
        let entry = self.streams.get(stream).filter(|entry| entry.on_demand)?;
        entry.pulse.live(now).is_none().then(|| (entry.id, entry.pulse.clone()))
    }

    /// Takes a place for one more viewer of `stream`; [`Directory::leave`] gives it back.
    ///
    /// # Errors
    /// When there is no such stream, nothing comes to it, or it is full.
    pub fn admit(&mut self, now: Instant, stream: &str) -> Result<Admitted, Refusal> {
        let name = || stream.to_owned();
        let entry = self.streams.get_mut(stream).ok_or_else(|| Refusal::NoSuchStream(name()))?;
        let live = entry.pulse.live(now);
        let profile = live.ok_or_else(|| Refusal::NotLive { stream: name(), retry_after: RETRY_LIVE })?;
        if entry.taken >= entry.most_viewers {
            let most = entry.most_viewers;
            return Err(Refusal::Full { stream: name(), most, retry_after: RETRY_FULL });
        }
        entry.taken += 1;
        Ok(Admitted { stream: entry.id, profile, latency: entry.latency })
    }

    /// Gives back a place that did not become a session.
    pub fn leave(&mut self, stream: &str, id: StreamId) {
        // A graph that was started again may have made a new stream of the same name.
        if let Some(entry) = self.streams.get_mut(stream).filter(|entry| entry.id == id) {
            entry.taken = entry.taken.saturating_sub(1);
        }
    }

    /// Makes a place a session.
    pub fn enter(&mut self, name: String, session: Session) {
        self.sessions.insert(name, session);
    }

    pub fn session(&self, name: &str) -> Option<&Session> {
        self.sessions.get(name)
    }

    /// Undoes [`Directory::enter`]; the place stays taken.
    pub fn withdraw(&mut self, name: &str) {
        self.sessions.remove(name);
    }

    /// Ends a session, giving its place back. `None` if it has ended already.
    pub fn forget(&mut self, name: &str) -> Option<Session> {
        let session = self.sessions.remove(name)?;
        self.leave(&session.stream, session.id);
        Some(session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newest(directory: &Directory) -> Option<u64> {
        directory.streams.get("live").map(|entry| entry.id.0)
    }

    fn with_two() -> Directory {
        let mut directory = Directory::default();
        for id in [1, 2] {
            directory.add("live".to_owned(), Entry::new(StreamId(id), 1, Latency::Balanced, false));
        }
        directory
    }

    #[test]
    fn a_stream_whose_successor_is_given_up_is_the_stream_again() {
        let mut directory = with_two();
        assert_eq!(newest(&directory), Some(2));
        directory.remove("live", StreamId(2));
        assert_eq!(newest(&directory), Some(1));
        directory.remove("live", StreamId(1));
        assert_eq!(newest(&directory), None);
    }

    #[test]
    fn a_stream_that_has_been_followed_ends_without_its_successor() {
        let mut directory = with_two();
        directory.remove("live", StreamId(1));
        assert_eq!(newest(&directory), Some(2));
        directory.remove("live", StreamId(2));
        assert_eq!(newest(&directory), None);
    }
}
