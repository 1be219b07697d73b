//! Which streams, entrances and sessions there are, as HTTP and the nodes see it. Held under a lock for
//! moments at a time; the relay thread has its own, fuller view.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::answer::Latency;
use super::feed::Pulse;
use super::ingest::Inlet;
use super::profile::Profile;
use super::refusal::Refusal;
use super::stream::StreamId;
use crate::node::Counters;

const RETRY_LIVE: Duration = Duration::from_secs(1);
const RETRY_FULL: Duration = Duration::from_secs(5);
/// A publisher that vanished is noticed within ten seconds.
const RETRY_TAKEN: Duration = Duration::from_secs(5);

/// What is known of a relay node.
pub struct Outlet {
    pub pulse: Pulse,
    pub latency: Latency,
    /// Whether it sleeps while nobody watches.
    pub on_demand: bool,
}

/// What is known of a `whip` node.
#[derive(Clone)]
pub struct Door {
    pub inlet: Inlet,
    pub counters: Counters,
}

/// Nodes of one kind, by name.
pub struct Entries<T>(BTreeMap<String, Entry<T>>);

/// One node.
pub struct Entry<T> {
    id: StreamId,
    /// Sessions at the same time.
    most: usize,
    /// Sessions, and offers that are just being answered.
    taken: usize,
    of: T,
    /// The node of this name that this one is to follow, while that goes on.
    before: Option<Box<Entry<T>>>,
}

impl<T> Entry<T> {
    pub fn new(id: StreamId, most: usize, of: T) -> Entry<T> {
        Entry { id, most, taken: 0, of, before: None }
    }

    /// What is left of the nodes of one name.
    fn without(mut self, id: StreamId) -> Option<Box<Entry<T>>> {
        let before = self.before.take();
        if self.id == id {
            return before;
        }
        self.before = before.and_then(|before| before.without(id));
        Some(Box::new(self))
    }
}

impl<T> Default for Entries<T> {
    fn default() -> Entries<T> {
        Entries(BTreeMap::new())
    }
}

impl<T> Entries<T> {
    /// Enters a node. One of the same name that there is goes on until it is removed, and is what is
    /// meant again if this one is removed first: a changed graph may still be refused.
    pub fn add(&mut self, name: String, mut entry: Entry<T>) {
        entry.before = self.0.remove(&name).map(Box::new);
        self.0.insert(name, entry);
    }

    /// Ends the node `id` of that name.
    pub fn remove(&mut self, name: &str, id: StreamId) {
        let Some(newest) = self.0.remove(name) else { return };
        let left = newest.without(id).map(|entry| *entry);
        left.into_iter().for_each(|entry| drop(self.0.insert(name.to_owned(), entry)));
    }

    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn find(&mut self, name: &str) -> Result<&mut Entry<T>, Refusal> {
        self.0.get_mut(name).ok_or_else(|| Refusal::NoSuchStream(name.to_owned()))
    }

    fn leave(&mut self, name: &str, id: StreamId) {
        // A graph that was started again may have made a new node of the same name.
        if let Some(entry) = self.0.get_mut(name).filter(|entry| entry.id == id) {
            entry.taken = entry.taken.saturating_sub(1);
        }
    }
}

/// One session.
#[derive(Clone, Debug)]
pub struct Session {
    /// The node it is with.
    pub stream: String,
    pub id: StreamId,
    /// The entity tag of its ICE session, in quotes.
    pub tag: String,
    /// The other's ICE user name fragment.
    pub user: Option<String>,
    /// Whether it has come about, which is the relay thread's to say.
    pub connected: Arc<AtomicBool>,
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
    pub streams: Entries<Outlet>,
    pub entrances: Entries<Door>,
    sessions: HashMap<String, Session>,
}

impl Directory {
    /// `stream`, if it is made on demand and gives no pictures now.
    pub fn sleeper(&self, now: Instant, stream: &str) -> Option<(StreamId, Pulse)> {
        let entry = self.streams.0.get(stream).filter(|entry| entry.of.on_demand)?;
        entry.of.pulse.live(now).is_none().then(|| (entry.id, entry.of.pulse.clone()))
    }

    /// Takes a place for one more viewer of `stream`; [`Directory::leave`] gives it back.
    ///
    /// # Errors
    /// When there is no such stream, nothing comes to it, or it is full.
    pub fn admit(&mut self, now: Instant, stream: &str) -> Result<Admitted, Refusal> {
        let name = || stream.to_owned();
        let entry = self.streams.find(stream)?;
        let live = entry.of.pulse.live(now);
        let profile = live.ok_or_else(|| Refusal::NotLive { stream: name(), retry_after: RETRY_LIVE })?;
        if entry.taken >= entry.most {
            return Err(Refusal::Full { stream: name(), most: entry.most, retry_after: RETRY_FULL });
        }
        entry.taken += 1;
        Ok(Admitted { stream: entry.id, profile, latency: entry.of.latency })
    }

    /// Takes the place of the one who publishes to `entrance`; [`Directory::leave`] gives it back.
    ///
    /// # Errors
    /// When there is no such entrance, or somebody publishes to it.
    pub fn let_in(&mut self, entrance: &str) -> Result<(StreamId, Door), Refusal> {
        let entry = self.entrances.find(entrance)?;
        if entry.taken >= entry.most {
            return Err(Refusal::Taken { entrance: entrance.to_owned(), retry_after: RETRY_TAKEN });
        }
        entry.taken += 1;
        Ok((entry.id, entry.of.clone()))
    }

    /// Gives back a place that did not become a session.
    pub fn leave(&mut self, name: &str, id: StreamId) {
        // No two nodes have one id.
        self.streams.leave(name, id);
        self.entrances.leave(name, id);
    }

    /// Makes a place a session.
    pub fn enter(&mut self, name: String, session: Session) {
        self.sessions.insert(name, session);
    }

    /// A session with `node`; under another's address it is not found.
    pub fn session(&self, node: &str, name: &str) -> Option<&Session> {
        self.sessions.get(name).filter(|session| session.stream == node)
    }

    /// The session has another ICE session, with another tag, in which the other end is called `user`.
    pub fn renew(&mut self, name: &str, tag: String, user: String) {
        if let Some(session) = self.sessions.get_mut(name) {
            (session.tag, session.user) = (tag, Some(user));
        }
    }

    /// How many sessions there are.
    pub fn sessions(&self) -> usize {
        self.sessions.len()
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

    fn newest(entries: &Entries<()>) -> Option<u64> {
        entries.0.get("live").map(|entry| entry.id.0)
    }

    fn with_two() -> Entries<()> {
        let mut entries = Entries::default();
        [1, 2].into_iter().for_each(|id| entries.add("live".to_owned(), Entry::new(StreamId(id), 1, ())));
        entries
    }

    #[test]
    fn a_node_whose_successor_is_given_up_is_meant_again() {
        let mut entries = with_two();
        assert_eq!(newest(&entries), Some(2));
        entries.remove("live", StreamId(2));
        assert_eq!(newest(&entries), Some(1));
        entries.remove("live", StreamId(1));
        assert_eq!(newest(&entries), None);
    }

    #[test]
    fn a_node_that_has_been_followed_ends_without_its_successor() {
        let mut entries = with_two();
        entries.remove("live", StreamId(1));
        assert_eq!(newest(&entries), Some(2));
        entries.remove("live", StreamId(2));
        assert_eq!(newest(&entries), None);
    }

    #[test]
    fn an_entrance_has_one_publisher_at_a_time() {
        let mut directory = Directory::default();
        let door = Door { inlet: Inlet::new().0, counters: Counters::default() };
        directory.entrances.add("guest".to_owned(), Entry::new(StreamId(1), 1, door));
        assert!(matches!(directory.let_in("gust"), Err(Refusal::NoSuchStream(_))));
        let (id, _) = directory.let_in("guest").unwrap();
        assert!(matches!(directory.let_in("guest"), Err(Refusal::Taken { .. })));
        directory.leave("guest", id);
        assert!(directory.let_in("guest").is_ok());
    }
}
