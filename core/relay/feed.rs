//! The way an encoded stream takes from its node to the relay thread. It never waits.
//!
//! Owns the bound on what is under way and the rule when it is reached: the rest of the group of
//! pictures goes, and a keyframe is asked for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::mailbox::{Command, Left, Mailbox};
use super::profile::Profile;
use super::stream::{Cut, StreamId};
use crate::media::AccessUnit;
use crate::node::{Counter, Epoch, NodeError, Site, Upstream, Wish};

/// Access units under way to the relay thread: a quarter of a second. One waits for a millisecond
/// in good times.
const MOST_UNDER_WAY: usize = 8;
/// A stream that has given nothing for this long is not live.
const SILENCE: Duration = Duration::from_secs(10);

/// What offers are checked against. Shared between the node's side and HTTP's.
#[derive(Clone, Default)]
pub struct Pulse(Arc<Heart>);

#[derive(Default)]
struct Heart {
    beat: Mutex<Beat>,
    /// Told of every keyframe.
    keyframe: Notify,
}

#[derive(Clone, Copy, Default)]
struct Beat {
    last: Option<Instant>,
    profile: Option<Profile>,
}

impl Pulse {
    /// The profile of the stream, if it is live.
    pub fn live(&self, now: Instant) -> Option<Profile> {
        let beat = *self.lock();
        let is_live = beat.last.is_some_and(|last| now.saturating_duration_since(last) < SILENCE);
        beat.profile.filter(|_| is_live)
    }

    /// Comes back once the stream is live.
    pub async fn until_live(&self) {
        loop {
            // Listened for before it is looked at, so that none is missed in between.
            let keyframe = self.0.keyframe.notified();
            if self.live(Instant::now()).is_some() {
                return;
            }
            keyframe.await;
        }
    }

    fn beat(&self, now: Instant, unit: &AccessUnit) {
        let mut beat = self.lock();
        beat.last = Some(now);
        if unit.keyframe {
            beat.profile = Profile::of_stream(&unit.data).or(beat.profile);
            drop(beat);
            self.0.keyframe.notify_waiters();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Beat> {
        self.0.beat.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a feed's access units go.
pub trait Destination: Send {
    /// The box of the relay thread; `None` while the network is not open, when nobody can watch.
    fn mailbox(&self) -> Option<Mailbox>;
}

pub struct Feed {
    id: StreamId,
    pulse: Pulse,
    destination: Box<dyn Destination>,
    epoch: Epoch,
    upstream: Upstream,
    dropped: Counter,
    /// Its clones are the access units under way.
    under_way: Arc<()>,
    resync: bool,
}

impl Feed {
    pub fn new(id: StreamId, pulse: Pulse, destination: Box<dyn Destination>, site: &Site) -> Feed {
        Feed {
            id,
            pulse,
            destination,
            epoch: site.epoch,
            upstream: site.upstream.clone(),
            dropped: site.counters.named("dropped"),
            under_way: Arc::new(()),
            resync: false,
        }
    }

    pub fn stream(&self) -> StreamId {
        self.id
    }

    /// The profile of the stream, once a keyframe has told it.
    pub fn profile(&self, now: Instant) -> Option<Profile> {
        self.pulse.live(now)
    }

    /// # Errors
    /// When the relay thread has ended: nobody can watch any more, and that is not for this node alone.
    pub fn push(&mut self, now: Instant, unit: &AccessUnit) -> Result<(), NodeError> {
        self.pulse.beat(now, unit);
        let Some(mailbox) = self.destination.mailbox() else { return Ok(()) };
        if self.resync && !unit.keyframe {
            self.dropped.add(1);
            return Ok(());
        }
        let room = Arc::strong_count(&self.under_way) <= MOST_UNDER_WAY;
        let left = match room {
            true => {
                let cut = Box::new(Cut::new(unit, &self.epoch));
                mailbox.leave(Command::Push(self.id, cut, self.under_way.clone()))
            }
            false => Left::Full,
        };
        match left {
            Left::Taken => self.resync = false,
            Left::Full => self.lose(),
            Left::Closed => {
                return Err(NodeError::stop_graph(
                    "the relay has ended by a fault of ours; start the graph again",
                ));
            }
        }
        Ok(())
    }

    fn lose(&mut self) {
        self.dropped.add(1);
        if !std::mem::replace(&mut self.resync, true) {
            self.upstream.wish(Wish::Keyframe);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{Pool, Pts};
    use crate::relay::waiting::Waker;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::SystemTime;

    struct To(Mailbox);

    impl Destination for To {
        fn mailbox(&self) -> Option<Mailbox> {
            Some(self.0.clone())
        }
    }

    fn unit(sequence: u64, keyframe: bool) -> AccessUnit {
        AccessUnit {
            data: [0, 0, 1, 0x67, 66, 0xc0, 31, 0, 0, 1, 0x65, 1].into(),
            keyframe,
            layer: 0,
            pts: Pts::from_nanos(sequence as i64 * 33_000_000),
            sequence,
            annotations: Arc::default(),
        }
    }

    #[test]
    fn a_thread_that_is_behind_loses_up_to_the_next_keyframe_and_asks_for_one_once() {
        let now = Instant::now();
        let wishes = Arc::new(AtomicUsize::new(0));
        let counted = wishes.clone();
        let epoch = Epoch { instant: now, wall: SystemTime::UNIX_EPOCH, live: true };
        let mut site = Site::alone("live", Pool::new(0), epoch);
        site.upstream = Upstream::new(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        let mailbox = Mailbox::new(Waker::new().unwrap());
        let mut feed = Feed::new(StreamId(1), Pulse::default(), Box::new(To(mailbox.clone())), &site);
        for n in 0..20 {
            feed.push(now, &unit(n, n == 0)).unwrap();
        }
        assert_eq!(mailbox.empty().len(), MOST_UNDER_WAY);
        assert_eq!(wishes.load(Ordering::Relaxed), 1);
        feed.push(now, &unit(20, false)).unwrap();
        assert_eq!(mailbox.empty().len(), 0);
        feed.push(now, &unit(21, true)).unwrap();
        feed.push(now, &unit(22, false)).unwrap();
        assert_eq!(mailbox.empty().len(), 2);
        assert_eq!(site.counters.named("dropped").get(), 13);
    }

    #[test]
    fn a_stream_is_live_from_its_first_keyframe_until_it_falls_silent() {
        let now = Instant::now();
        let pulse = Pulse::default();
        pulse.beat(now, &unit(0, false));
        assert_eq!(pulse.live(now), None);
        pulse.beat(now, &unit(1, true));
        assert_eq!(pulse.live(now + SILENCE / 2), Some(Profile::ConstrainedBaseline));
        assert_eq!(pulse.live(now + SILENCE), None);
    }
}
