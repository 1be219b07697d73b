//! A viewer that is there while a test asks this and that of its session: a thread carries its datagrams.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::exchange::{Answer, offer, session_of};
use super::support::watcher::{Watcher, is_media, wait};

/// No step takes a hundredth of this.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the thread may not notice that it is to end.
const LOOK: Duration = Duration::from_millis(50);

/// A viewer whose offer was answered, and which has not sent a datagram.
pub struct Joined {
    pub answer: Answer,
    pub session: String,
    watcher: Watcher,
}

/// What it makes of what comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    Everything,
    /// It grants every check of ICE and never shakes hands.
    ChecksAlone,
}

/// The viewer from then on, until it is dropped: it goes without a word.
pub struct Watching {
    over: Arc<AtomicBool>,
    media: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

impl Joined {
    pub fn at(endpoint: &str) -> Joined {
        let mut watcher = Watcher::new().expect("there are sockets");
        let answer = offer(endpoint, &watcher.offer());
        assert_eq!(answer.status, 201, "{answer:?}");
        watcher.accept(&answer.body);
        Joined { session: session_of(endpoint, &answer), answer, watcher }
    }

    /// Begins to carry its datagrams.
    pub fn watch(self, takes: Takes) -> Watching {
        let over = Arc::new(AtomicBool::new(false));
        let (seen, media) = sync_channel(1);
        let (mut watcher, is_over) = (self.watcher, over.clone());
        let carry = move || {
            while !is_over.load(Ordering::Relaxed) {
                turn(&mut watcher, takes, &seen);
            }
        };
        Watching { over, media, thread: Some(std::thread::spawn(carry)) }
    }
}

impl Watching {
    /// Waits for media that comes from now on.
    pub fn sees_media(&self) {
        // What came before now, and was not waited for.
        let _ = self.media.try_recv();
        self.media.recv_timeout(PATIENCE).expect("media comes");
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(std::thread::panicking() || ended.is_none_or(|ended| ended.is_ok()), "the viewer goes on");
    }
}

fn turn(watcher: &mut Watcher, takes: Takes, seen: &SyncSender<()>) {
    let due = watcher.deadline.map_or(LOOK, |due| due.saturating_duration_since(Instant::now()).min(LOOK));
    wait(&[&watcher.socket], due);
    let mut buffer = [0; 2048];
    while let Ok((length, from)) = watcher.socket.recv_from(&mut buffer) {
        let bytes = &buffer[..length];
        if is_media(bytes) {
            // One that waits to be heard of is as good as many.
            let _ = seen.try_send(());
        }
        if takes == Takes::Everything || bytes[0] < 4 {
            watcher.feed(Instant::now(), from, bytes);
        }
    }
    watcher.settle(Instant::now());
}
