//! The relay as the rest of the process sees it: streams come from nodes, offers from HTTP.
//!
//! One hub serves a process: one thread, one UDP port, all its nodes. No type of the WebRTC
//! stack crosses this face, and nothing here waits for the network. What is published to us is in
//! `incoming`, what we publish elsewhere in `outgoing`, what comes of a session after its offer in `trickle`.

mod incoming;
mod outgoing;
mod trickle;

use std::collections::HashMap;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::addresses;
use super::answer::{Identity, Latency, Reach, answer};
use super::demand::{Demand, START_WITHIN};
use super::demux::PeerId;
use super::directory::{Admitted, Directory, Entry, Outlet, Session};
use super::feed::{Destination, Feed, Pulse};
use super::figures::Tables;
use super::fragment::user_of;
use super::mailbox::{Command, Left, Mailbox};
use super::offer::Offer;
use super::peer::Peer;
use super::push::News;
use super::refusal::Refusal;
use super::sockets::{OpenError, Sockets};
use super::stream::{Stream, StreamId, StreamStats};
use super::thread;
use super::viewer::Viewer;
use super::waiting::Waker;
use crate::node::Site;

pub use trickle::Trickled;

/// The relay thread answers within a turn; one that does not is gone.
const STATS_WITHIN: Duration = Duration::from_secs(1);
const RETRY_OPEN: Duration = Duration::from_secs(1);

/// Where media is sent from.
#[derive(Clone, Debug)]
pub struct Network {
    /// The address to receive on; `0.0.0.0` and `::` stand for all of this machine, both families.
    pub listen: IpAddr,
    /// One port for all viewers; 0 takes any free one.
    pub udp_port: u16,
    /// Addresses or names, besides the machine's own, that viewers may reach this machine by.
    pub additional_hosts: Vec<String>,
    /// Whether TCP is received as well, on the same port number.
    pub tcp: bool,
    /// Names or addresses of the interfaces viewers are told of; none named: all.
    pub interfaces: Vec<String>,
}

/// An accepted offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The session's name: unguessable, and with the node's all it takes to end the session.
    pub session: String,
    pub sdp: String,
    /// The entity tag of the ICE session, in quotes as HTTP has it.
    pub etag: String,
}

/// What closing a session did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    Ended,
    /// It never was, or has ended already.
    NoSuchSession,
}

/// A handle to the relay. Clones share it.
#[derive(Clone, Default)]
pub struct Hub(Arc<Shared>);

#[derive(Default)]
struct Shared {
    directory: Mutex<Directory>,
    running: Mutex<Option<Running>>,
    /// Sessions with servers that we publish to, and who is told of their end.
    attended: Mutex<HashMap<String, mpsc::Sender<News>>>,
    /// Streams that nodes made before the network was open.
    pending: Mutex<Vec<Command>>,
    last: AtomicU64,
}

struct Running {
    mailbox: Mailbox,
    identity: Identity,
    sockets: Vec<std::net::SocketAddr>,
    also: Vec<IpAddr>,
    interfaces: Vec<String>,
    tcp: bool,
    here: bool,
    thread: JoinHandle<()>,
}

impl Hub {
    /// A hub that has opened nothing yet.
    pub fn new() -> Hub {
        Hub::default()
    }

    /// Binds the port and starts the relay thread.
    ///
    /// # Errors
    /// When the port is taken, a name in `additional_hosts` has no address, one of `interfaces` is
    /// not there, or the network is open already.
    pub fn open(&self, network: &Network) -> Result<(), OpenError> {
        let mut running = lock(&self.0.running);
        if running.is_some() {
            let twice = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
            return Err(OpenError::new("the relay's network is open already", twice));
        }
        let also = addresses::resolve(&network.additional_hosts)?;
        addresses::check(&network.interfaces)?;
        let other = |what: &str, error: String| OpenError::new(what, std::io::Error::other(error));
        let identity =
            Identity::generate().map_err(|error| other("cannot make a DTLS certificate", error))?;
        let sockets = Sockets::open(network.listen, network.udp_port, network.tcp)?;
        let waker = Waker::new().map_err(|error| OpenError::new("cannot make a waker", error))?;
        let (mailbox, bound) = (Mailbox::new(waker), sockets.bound());
        let thread = self.start(sockets, mailbox.clone())?;
        for command in lock(&self.0.pending).drain(..) {
            // Taken always; a thread that has ended already is found out by whoever asks next.
            let _ = mailbox.leave(command);
        }
        *running = Some(Running {
            mailbox,
            identity,
            sockets: bound,
            also,
            interfaces: network.interfaces.clone(),
            tcp: network.tcp,
            here: network.listen.is_loopback(),
            thread,
        });
        Ok(())
    }

    /// The UDP port media is sent from, once the network is open.
    pub fn udp_port(&self) -> Option<u16> {
        lock(&self.0.running).as_ref().and_then(|running| running.sockets.first()).map(|socket| socket.port())
    }

    /// The ids of the relay nodes.
    pub fn streams(&self) -> Vec<String> {
        lock(&self.0.directory).streams.names().cloned().collect()
    }

    /// Whether nodes made so far send or receive through it: if none does, there is no need to open the network.
    pub fn is_used(&self) -> bool {
        !lock(&self.0.pending).is_empty() || self.is_asked()
    }

    /// Whether anybody can ask for a stream or publish one: they have to know the port.
    pub fn is_asked(&self) -> bool {
        !self.streams().is_empty() || !self.entrances().is_empty()
    }

    /// Wakes `stream` if it sleeps because nobody watches, and waits for its first picture: at most
    /// five seconds, after which an offer will be told that the stream is not live.
    pub async fn wake(&self, stream: &str) {
        let sleeper = lock(&self.0.directory).sleeper(Instant::now(), stream);
        let Some((id, pulse)) = sleeper else { return };
        if self.leave(Command::Asked(id)).is_ok() {
            // Too late is for the offer to find out.
            let _ = tokio::time::timeout(START_WITHIN, pulse.until_live()).await;
        }
    }

    /// Answers a viewer's offer for `stream`. Takes 1 to 4 ms.
    ///
    /// # Errors
    /// Why there will be no session.
    pub fn offer(&self, stream: &str, sdp: &str) -> Result<Answer, Refusal> {
        let now = Instant::now();
        let admitted = lock(&self.0.directory).admit(now, stream)?;
        let answered = self.answer(now, stream, admitted, sdp);
        if answered.is_err() {
            lock(&self.0.directory).leave(stream, admitted.stream);
        }
        answered
    }

    /// Ends a session with `node`; all that belongs to it is gone with the relay thread's next turn.
    pub fn close(&self, node: &str, session: &str) -> Closed {
        let ended = {
            let mut directory = lock(&self.0.directory);
            directory.session(node, session).is_some() && directory.forget(session).is_some()
        };
        if !ended {
            return Closed::NoSuchSession;
        }
        // A thread that is gone has closed it already.
        let _ = self.leave(Command::Close { session: session.to_owned() });
        Closed::Ended
    }

    /// Figures of every stream that can be asked for, and its sessions; empty while the network is not open.
    pub fn stats(&self) -> Vec<StreamStats> {
        let mut all = self.ask(Command::Stats);
        // What is published elsewhere is nobody's to ask for here.
        let directory = lock(&self.0.directory);
        all.retain(|stream| directory.streams.has(&stream.id));
        all
    }

    /// What is held for sessions, by name of the table; nothing, when there are none.
    pub fn tables(&self) -> Tables {
        let mut tables = self.ask(Command::Tables);
        tables.push(("sessions", lock(&self.0.directory).sessions()));
        tables
    }

    /// Says goodbye to all viewers and ends the relay thread.
    pub fn shutdown(&self) {
        let Some(running) = lock(&self.0.running).take() else { return };
        // Taken always; a thread that is gone needs no telling.
        let _ = running.mailbox.leave(Command::Stop);
        if running.thread.join().is_err() {
            tracing::error!("the relay thread ended by a fault");
        }
    }

    /// Makes a stream of the node at `site`. It ends when the feed is dropped.
    pub(super) fn feed(&self, site: &Site, most_viewers: usize, latency: Latency, demand: Demand) -> Feed {
        let id = StreamId(self.next());
        let pulse = Pulse::default();
        let outlet = Outlet { pulse: pulse.clone(), latency, on_demand: demand.is_by_viewers() };
        let entry = Entry::new(id, most_viewers, outlet);
        lock(&self.0.directory).streams.add(site.node.clone(), entry);
        let open = Command::Open(id, Box::new(Stream::new(site, most_viewers, demand)));
        self.leave_or_keep(open);
        let line = Line { shared: Arc::downgrade(&self.0), id, stream: site.node.clone() };
        Feed::new(id, pulse, Box::new(line), site)
    }

    /// Who we are and where we can be reached.
    fn way_out(&self) -> Result<(Identity, Reach), Refusal> {
        let running = lock(&self.0.running);
        let running = running.as_ref().ok_or(Refusal::NotOpen { retry_after: RETRY_OPEN })?;
        let reach = addresses::reach(&running.sockets, &running.also, &running.interfaces);
        Ok((running.identity.clone(), Reach { tcp: running.tcp, here: running.here, ..reach }))
    }

    fn start(&self, sockets: Sockets, mailbox: Mailbox) -> Result<JoinHandle<()>, OpenError> {
        let shared: Weak<Shared> = Arc::downgrade(&self.0);
        let ended = move |ended: &super::fanout::Ended| {
            if let Some(shared) = shared.upgrade() {
                lock(&shared.directory).forget(&ended.session);
                if let Some(attends) = lock(&shared.attended).remove(&ended.session) {
                    // Whoever published may have stopped meanwhile.
                    let _ = attends.send(News::Ended(ended.how));
                }
            }
        };
        std::thread::Builder::new()
            .name("relay".to_owned())
            .spawn(move || thread::run(sockets, mailbox, ended))
            .map_err(|error| OpenError::new("cannot start the relay thread", error))
    }

    fn answer(&self, now: Instant, stream: &str, admitted: Admitted, sdp: &str) -> Result<Answer, Refusal> {
        let offer = Offer::read(sdp, admitted.profile)?;
        let negotiated =
            self.negotiate(|identity, reach| answer(now, &offer, identity, reach, admitted.latency))?;
        let id = admitted.stream;
        self.begin((stream, id), &offer.sdp, negotiated, |peer_id, session, peer| {
            Command::Add(Box::new(Viewer::new(now, peer_id, session, id, peer)))
        })
    }

    /// Has an offer answered. Whatever it does to the stack, it does to nobody else.
    fn negotiate(
        &self,
        work: impl FnOnce(&Identity, &Reach) -> Result<(Peer, String), Refusal>,
    ) -> Result<(Peer, String), Refusal> {
        let (identity, reach) = self.way_out()?;
        let answered = catch_unwind(AssertUnwindSafe(|| work(&identity, &reach)));
        answered.map_err(|_| Refusal::BadSdp("it could not be processed".to_owned()))?
    }

    /// Makes a session with the node `name` of what was negotiated; `command` takes it to the relay thread.
    fn begin(
        &self,
        (name, id): (&str, StreamId),
        offer: &str,
        (peer, sdp): (Peer, String),
        command: impl FnOnce(PeerId, String, Peer) -> Command,
    ) -> Result<Answer, Refusal> {
        let (session, etag) = (secret(), tag());
        let (tag, user, connected) = (etag.clone(), user_of(offer), peer.connected());
        let entry = Session { stream: name.to_owned(), id, tag, user, connected };
        // Entered before the thread knows of it, so that an end cannot overtake the beginning.
        lock(&self.0.directory).enter(session.clone(), entry);
        if let Err(refusal) = self.leave(command(PeerId(self.next()), session.clone(), peer)) {
            // Its place is given back by whoever asked for it.
            lock(&self.0.directory).withdraw(&session);
            return Err(refusal);
        }
        Ok(Answer { session, sdp, etag })
    }

    fn ask<T: Default>(&self, question: impl FnOnce(mpsc::SyncSender<T>) -> Command) -> T {
        let (reply, answer) = mpsc::sync_channel(1);
        match self.leave(question(reply)) {
            Ok(()) => answer.recv_timeout(STATS_WITHIN).unwrap_or_default(),
            Err(_) => T::default(),
        }
    }

    fn leave(&self, command: Command) -> Result<(), Refusal> {
        let not_open = Refusal::NotOpen { retry_after: RETRY_OPEN };
        match lock(&self.0.running).as_ref().map(|running| running.mailbox.leave(command)) {
            Some(Left::Taken) => Ok(()),
            Some(Left::Full | Left::Closed) | None => Err(not_open),
        }
    }

    fn leave_or_keep(&self, command: Command) {
        match lock(&self.0.running).as_ref() {
            Some(running) => {
                let _ = running.mailbox.leave(command);
            }
            None => lock(&self.0.pending).push(command),
        }
    }

    fn next(&self) -> u64 {
        self.0.last.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// A feed's hold on the hub: it does not keep the hub alive, and ends the stream when dropped.
struct Line {
    shared: Weak<Shared>,
    id: StreamId,
    stream: String,
}

impl Destination for Line {
    fn mailbox(&self) -> Option<Mailbox> {
        let shared = self.shared.upgrade()?;
        let running = lock(&shared.running);
        running.as_ref().map(|running| running.mailbox.clone())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let Some(shared) = self.shared.upgrade() else { return };
        lock(&shared.directory).streams.remove(&self.stream, self.id);
        Hub(shared).leave_or_keep(Command::End(self.id));
    }
}

/// 128 bits that nobody can guess.
fn secret() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// A strong entity tag (RFC 9110 §8.8.3).
fn tag() -> String {
    format!("\"{}\"", secret())
}

// What the locks guard is changed in single steps: a panic elsewhere cannot leave it half-done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
