//! Keeps a stream published: offers it, waits for the end, and comes back after a while.
//!
//! Owns the thread that speaks HTTP, which may wait there, the back-off, and by which of UDP and TCP media is
//! tried. It goes the way of every viewer's.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::invite::takes_tcp;
use super::resource::{Published, Server, Turned};
use crate::node::{Counter, NodeError, Site};
use crate::relay::fanout::How;
use crate::relay::far::Transport;
use crate::relay::feed::Feed;
use crate::relay::hub::Hub;
use crate::relay::peer::Why;
use crate::relay::profile::Profile;
use crate::relay::stream::StreamId;

/// From one try to the next, at first and at most.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const MOST_WAIT: Duration = Duration::from_secs(30);
/// A session that lasted this long was a good one: the waiting begins anew.
const GOOD: Duration = Duration::from_secs(30);
/// What a stop leaves for saying goodbye over HTTP.
const GOODBYE_WITHIN: Duration = Duration::from_secs(1);

/// What the thread is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// The session has ended.
    Ended(How),
    /// The node has finished.
    Stop,
}

/// What it takes to publish one stream.
pub struct Publisher {
    hub: Hub,
    stream: StreamId,
    server: Server,
    node: String,
    tries: Counter,
}

/// The thread. Dropping it says goodbye to the server.
pub struct Running {
    news: Sender<News>,
    over: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

impl Publisher {
    pub fn new(hub: Hub, feed: &Feed, server: Server, site: &Site) -> Publisher {
        let tries = site.counters.named("tries");
        Publisher { hub, stream: feed.stream(), server, node: site.node.clone(), tries }
    }

    /// # Errors
    /// When the system gives no more threads.
    pub fn start(self, profile: Profile) -> Result<Running, NodeError> {
        let (news, told) = channel();
        let (done, over) = channel::<()>();
        let sender = news.clone();
        let work = move || {
            self.keep_published(profile, &sender, &told);
            drop(done);
        };
        let thread = std::thread::Builder::new().name("whip-push".to_owned()).spawn(work);
        let thread = thread
            .map_err(|error| NodeError::stop_node("the system gives no more threads").caused_by(error))?;
        Ok(Running { news, over, thread: Some(thread) })
    }

    fn keep_published(&self, profile: Profile, news: &Sender<News>, told: &Receiver<News>) {
        let (node, server) = (self.node.as_str(), self.server.shown());
        let (mut backoff, mut by) = (Backoff::default(), Transport::Udp);
        loop {
            let begun = Instant::now();
            self.tries.add(1);
            let (why, least) = match self.publish(profile, by, news) {
                Ok(session) => {
                    tracing::info!(node, "published to {server}");
                    let how = self.until_ended(&session.name, told);
                    if let (Some(resource), true) =
                        (&session.resource, how != News::Ended(How::By(Why::Left)))
                    {
                        self.server.end(resource);
                    }
                    let News::Ended(how) = how else { return };
                    by = session.next(by, how);
                    (said(how).to_owned(), None)
                }
                Err(Turned { why, retry_after }) => {
                    // It may be the way that it will not have.
                    by = Transport::Udp;
                    (why, retry_after)
                }
            };
            let pause = backoff.pause(begun.elapsed(), least);
            let seconds = pause.as_secs();
            let way = if by == Transport::Tcp { " by TCP" } else { "" };
            tracing::warn!(node, "not published to {server}: {why}; trying again{way} in {seconds} s");
            match told.recv_timeout(pause) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(_) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn publish(&self, profile: Profile, by: Transport, news: &Sender<News>) -> Result<Session, Turned> {
        let ours = |why: String| Turned { why, retry_after: None };
        let invitation = self.hub.invite(Instant::now(), profile, by).map_err(ours)?;
        let Published { answer, resource } = self.server.publish(&invitation.sdp)?;
        let begun = invitation.accept(Instant::now(), &answer).and_then(|peer| {
            let connected = peer.connected();
            Ok((self.hub.attend(self.stream, peer, news.clone())?, connected))
        });
        match begun {
            Ok((name, connected)) => Ok(Session { name, resource, connected, takes_tcp: takes_tcp(&answer) }),
            Err(why) => {
                resource.iter().for_each(|resource| self.server.end(resource));
                Err(ours(why))
            }
        }
    }

    fn until_ended(&self, session: &str, told: &Receiver<News>) -> News {
        let news = told.recv().unwrap_or(News::Stop);
        if news == News::Stop {
            self.hub.dismiss(session);
        }
        news
    }
}

/// What was begun with the server.
struct Session {
    name: String,
    /// Where it can be ended over HTTP.
    resource: Option<String>,
    /// Whether media ever went.
    connected: Arc<AtomicBool>,
    /// Whether the server waits for TCP.
    takes_tcp: bool,
}

impl Session {
    /// By what to try next, after this one was tried by `by`: where no media went one way, it may the other.
    fn next(&self, by: Transport, how: How) -> Transport {
        let went = self.connected.load(Ordering::Relaxed) || how != How::By(Why::Lost);
        match by {
            Transport::Udp if !went && self.takes_tcp => Transport::Tcp,
            Transport::Tcp if !went => Transport::Udp,
            worked => worked,
        }
    }
}

/// How long a server is left alone: twice as long each time, from the beginning after a good session.
struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Backoff {
        Backoff(FIRST_WAIT)
    }
}

impl Backoff {
    /// The wait after a try that lasted for `lasted`; the server may want `least`.
    fn pause(&mut self, lasted: Duration, least: Option<Duration>) -> Duration {
        if lasted > GOOD {
            self.0 = FIRST_WAIT;
        }
        let wait = self.0;
        self.0 = (2 * wait).min(MOST_WAIT);
        wait.max(least.unwrap_or_default()).min(MOST_WAIT)
    }
}

fn said(how: How) -> &'static str {
    match how {
        How::By(Why::Left) => "it ended the session",
        How::By(Why::Lost) => {
            "no media goes between us; it leaves from server.listen, which must be an address that reaches it"
        }
        How::Closed => "the session was closed",
        How::Fault => "the session ended by a fault of the relay",
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A thread that has ended needs no telling.
        let _ = self.news.send(News::Stop);
        let is_over = self.over.recv_timeout(GOODBYE_WITHIN) == Err(RecvTimeoutError::Disconnected);
        // One that still waits for the server is left to itself: it ends with its request.
        if let Some(thread) = self.thread.take().filter(|_| is_over)
            && thread.join().is_err()
        {
            tracing::error!("a thread that published a stream panicked, which is a bug in framegate");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn a_server_that_turns_us_away_is_left_alone_for_longer_and_longer() {
        let mut backoff = Backoff::default();
        let pauses: Vec<u64> = (0..7).map(|_| backoff.pause(seconds(1), None).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(backoff.pause(seconds(60), None), seconds(1), "the session was a good one");
        assert_eq!(backoff.pause(seconds(1), None), seconds(2));
    }

    #[test]
    fn a_server_that_says_when_is_not_asked_sooner_nor_much_later() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.pause(seconds(1), Some(seconds(9))), seconds(9));
        assert_eq!(backoff.pause(seconds(1), Some(seconds(1))), seconds(2));
        assert_eq!(backoff.pause(seconds(1), Some(seconds(3600))), MOST_WAIT);
    }

    #[test]
    fn tcp_is_tried_where_udp_came_to_nothing_and_the_server_takes_it() {
        use Transport::{Tcp, Udp};
        let (lost, left) = (How::By(Why::Lost), How::By(Why::Left));
        for (by, takes_tcp, connected, how, next) in [
            (Udp, true, false, lost, Tcp),
            (Udp, false, false, lost, Udp),
            (Udp, true, true, lost, Udp),
            (Udp, true, false, left, Udp),
            (Tcp, true, false, lost, Udp),
            (Tcp, true, true, lost, Tcp),
            (Tcp, true, true, left, Tcp),
        ] {
            let connected = Arc::new(AtomicBool::new(connected));
            let session = Session { name: String::new(), resource: None, connected, takes_tcp };
            assert_eq!(session.next(by, how), next, "by {by:?}, takes TCP: {takes_tcp}, {how:?}");
        }
    }
}
