//! TCP connections of viewers whose network lets no UDP through, and ours to servers that we publish to where
//! none comes through (ICE-TCP, RFC 6544: passive, and active).
//!
//! Owns listening, the connections and their number, and what became of each frame. A connection that
//! belongs to no session is closed: soon, if its session has ended, and after a while if none ever was.
//! What does not fit into a connection stays with whoever sends it, as with a full UDP socket. Nothing
//! here waits.

mod connection;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, RawFd};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Type};

use super::candidate;
use super::early::Inbound;
use super::fanout::Room;
use super::far::Far;
use super::peer::Datagram;
use super::waiting::Interest;
use connection::{Connection, Over};

/// Connections at a time: half of the descriptors that a process commonly may have. Each may hold one frame
/// that is not whole yet, and one half sent.
const MOST_CONNECTIONS: usize = 512;
/// Those that wait for us to take them in, by the system's count.
const BACKLOG: i32 = 128;
/// Taken in at a time, so that a flood of them does not keep the thread.
const MOST_AT_ONCE: usize = 32;
/// A connection whose first check was not granted by then is closed.
const PROVE_WITHIN: Duration = Duration::from_secs(10);
/// How often it is looked for those that belong to nobody.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long nobody is taken in after it failed: for want of descriptors, most likely, and the listener
/// would stay ready all the while.
const REST: Duration = Duration::from_millis(500);

#[derive(Default)]
pub struct Tcp {
    listeners: Vec<TcpListener>,
    /// Connections at a time.
    most: usize,
    connections: BTreeMap<RawFd, Connection>,
    /// By our address and the other's.
    ends: HashMap<(SocketAddr, SocketAddr), RawFd>,
    /// Other ends that cannot be reached any more, not told yet.
    lost: Vec<Far>,
    buffer: Vec<u8>,
    /// When to look for those that belong to nobody.
    look: Option<Instant>,
    /// Nobody is taken in until then.
    resting: Option<Instant>,
}

impl Tcp {
    /// # Errors
    /// When an address is taken or may not be used.
    pub fn listen(addresses: &[SocketAddr]) -> io::Result<Tcp> {
        let listeners = addresses.iter().map(|address| listener(*address)).collect::<io::Result<_>>()?;
        Ok(Tcp {
            listeners,
            most: MOST_CONNECTIONS,
            buffer: vec![0; connection::MOST_READ],
            ..Tcp::default()
        })
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// What to wait for.
    pub fn interests(&self) -> impl Iterator<Item = (RawFd, Interest)> {
        let listeners = self.listeners.iter().filter(|_| self.resting.is_none());
        let listeners = listeners.map(|listener| (listener.as_raw_fd(), Interest::Read));
        listeners.chain(self.connections.iter().map(|(fd, connection)| (*fd, connection.interest())))
    }

    /// When [`admit`](Tcp::admit) should be called, whether anything is ready or not.
    pub fn deadline(&self) -> Option<Instant> {
        [self.look, self.resting].into_iter().flatten().min()
    }

    /// Takes in who waits at a listener that is `ready`, and closes what belongs to nobody by `knows`.
    pub fn admit(&mut self, now: Instant, ready: &[RawFd], knows: impl Fn(Far) -> bool) {
        self.resting = self.resting.filter(|until| now < *until);
        if self.look.is_some_and(|at| at <= now) {
            self.look_after(now, &knows);
        }
        for index in 0..self.listeners.len() {
            if self.resting.is_none() && ready.contains(&self.listeners[index].as_raw_fd()) {
                self.accept(now, index, &knows);
            }
        }
        self.look = self.look.filter(|_| !self.connections.is_empty());
        if !self.connections.is_empty() {
            self.look.get_or_insert(now + LOOK_EVERY);
        }
    }

    /// Takes in what came on connections that are `ready`, a buffer of each, and sends what was half sent.
    pub fn receive(&mut self, ready: &[RawFd], mut take: impl FnMut(Inbound)) {
        for fd in ready {
            let Some(connection) = self.connections.get_mut(fd) else { continue };
            if connection.ready(&mut self.buffer, &mut take) == Err(Over) {
                self.close(*fd);
            }
        }
    }

    /// Sends from the front of `waiting`, whose first is for one of the connections, what is for the same.
    pub fn send(&mut self, waiting: &mut VecDeque<Datagram>, run: &mut Vec<u8>) -> Room {
        let Some(ends) = waiting.front().map(|first| (first.from, first.to)) else { return Room::Left };
        let Some(fd) = self.ends.get(&ends).copied().or_else(|| self.reach(ends)) else {
            // As good as lost on the way.
            waiting.pop_front();
            return Room::Left;
        };
        let Some(connection) = self.connections.get_mut(&fd) else { return Room::Left };
        match connection.send(waiting, run) {
            Ok(room) => room,
            Err(Over) => {
                self.close(fd);
                Room::Left
            }
        }
    }

    /// Other ends that cannot be reached any more since the last call.
    pub fn lost(&mut self) -> Vec<Far> {
        std::mem::take(&mut self.lost)
    }

    fn accept(&mut self, now: Instant, index: usize, knows: &impl Fn(Far) -> bool) {
        for _ in 0..MOST_AT_ONCE {
            match self.listeners[index].accept() {
                Ok((stream, far)) => {
                    // One that is gone already needs nothing.
                    if let Ok(connection) = Connection::new(now, stream, far) {
                        self.enter(connection, knows);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // The other end has thought better of it.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted
                    ) => {}
                Err(error) => {
                    tracing::warn!("cannot take in a viewer's TCP connection: {error}");
                    self.resting = Some(now + REST);
                    return;
                }
            }
        }
    }

    /// Connects to where it is ours to connect, which is not waited for.
    fn reach(&mut self, (ours, theirs): (SocketAddr, SocketAddr)) -> Option<RawFd> {
        if ours.port() != candidate::ANY_PORT {
            return None;
        }
        let connection = Connection::to(Instant::now(), ours, theirs).ok()?;
        let fd = connection.descriptor();
        self.enter(connection, &|_| false);
        self.connections.contains_key(&fd).then_some(fd)
    }

    /// Where there is no room for one more, the oldest that has proved nothing goes; else the new one.
    fn enter(&mut self, connection: Connection, knows: &impl Fn(Far) -> bool) {
        if self.connections.len() >= self.most {
            let strangers = self.connections.iter().filter(|(_, one)| !one.proved && !knows(one.far()));
            let oldest = strangers.min_by_key(|(_, one)| one.since).map(|(fd, _)| *fd);
            match oldest {
                Some(fd) => self.close(fd),
                None => return,
            }
        }
        let fd = connection.descriptor();
        self.ends.insert(connection.ends(), fd);
        self.connections.insert(fd, connection);
    }

    fn look_after(&mut self, now: Instant, knows: &impl Fn(Far) -> bool) {
        let mut over = vec![];
        for (fd, connection) in &mut self.connections {
            let is_known = knows(connection.far());
            if !is_known && (connection.proved || now >= connection.since + PROVE_WITHIN) {
                over.push(*fd);
            }
            connection.proved |= is_known;
        }
        over.into_iter().for_each(|fd| self.close(fd));
        self.look = Some(now + LOOK_EVERY);
    }

    fn close(&mut self, fd: RawFd) {
        let Some(connection) = self.connections.remove(&fd) else { return };
        self.ends.remove(&connection.ends());
        self.lost.push(connection.far());
    }
}

fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Connections of a server that has just ended do not keep the port from the next.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests;
