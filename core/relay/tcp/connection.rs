//! One TCP connection: frames in, frames out, neither of them waited for.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Instant;

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::relay::early::Inbound;
use crate::relay::fanout::Room;
use crate::relay::far::{Far, Transport};
use crate::relay::frames::{self, Frames};
use crate::relay::peer::Datagram;
use crate::relay::stun::Stun;
use crate::relay::waiting::Interest;

/// Read from one connection in a turn; the others' turn comes before the rest.
pub const MOST_READ: usize = 16 * 1024;
/// Written in one call.
const MOST_RUN: usize = 60_000;
/// What the system takes of us before it has been received; it takes twice that, by its own count. More
/// would only be late: whoever cannot take it is dropped to the next keyframe instead.
const SEND_BUFFER: usize = 256 * 1024;
/// Of that, what may not have been sent at all yet: a third of a second of 3 Mb/s.
const NOT_SENT: u32 = 128 * 1024;

/// The connection is of no use any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Over;

pub struct Connection {
    stream: TcpStream,
    ours: SocketAddr,
    theirs: SocketAddr,
    frames: Frames,
    /// Whether it began as a connection of ours does.
    began: bool,
    /// What is left of a frame that was half sent.
    rest: Vec<u8>,
    /// It took no more when last tried, and has not been ready since.
    full: bool,
    /// We have begun it, and it has not come about.
    connecting: bool,
    pub since: Instant,
    /// Whether a session was seen to have proved that it is at the other end.
    pub proved: bool,
}

impl Connection {
    /// # Errors
    /// When the connection is gone already.
    pub fn new(now: Instant, stream: TcpStream, theirs: SocketAddr) -> io::Result<Connection> {
        let ours = stream.local_addr()?;
        Connection::between(now, stream, ours, theirs)
    }

    /// Begins one from `ours`, whose port is whatever the system gives, and goes by `ours` all the same.
    ///
    /// # Errors
    /// When there is no way from there.
    pub fn to(now: Instant, ours: SocketAddr, theirs: SocketAddr) -> io::Result<Connection> {
        let socket = Socket::new(Domain::for_address(theirs), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        socket.bind(&SocketAddr::new(ours.ip(), 0).into())?;
        match socket.connect(&theirs.into()) {
            Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => return Err(error),
            _ => {}
        }
        let connection = Connection::between(now, socket.into(), ours, theirs)?;
        Ok(Connection { connecting: true, ..connection })
    }

    fn between(
        now: Instant,
        stream: TcpStream,
        ours: SocketAddr,
        theirs: SocketAddr,
    ) -> io::Result<Connection> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let socket = SockRef::from(&stream);
        socket.set_send_buffer_size(SEND_BUFFER)?;
        socket.set_tcp_notsent_lowat(NOT_SENT)?;
        Ok(Connection {
            stream,
            ours,
            theirs,
            frames: Frames::default(),
            began: false,
            rest: vec![],
            full: false,
            connecting: false,
            since: now,
            proved: false,
        })
    }

    pub fn descriptor(&self) -> RawFd {
        self.stream.as_raw_fd()
    }

    pub fn far(&self) -> Far {
        Far::tcp(self.theirs)
    }

    /// Our address and the other's.
    pub fn ends(&self) -> (SocketAddr, SocketAddr) {
        (self.ours, self.theirs)
    }

    #[cfg(test)]
    pub fn is_full(&self) -> bool {
        self.full
    }

    pub fn interest(&self) -> Interest {
        match self.full || self.connecting {
            true => Interest::ReadAndWrite,
            false => Interest::Read,
        }
    }

    /// Sends what was half sent and takes in what came, at most what `buffer` holds.
    ///
    /// # Errors
    /// When the other end is gone, or sends what nobody may.
    pub fn ready(&mut self, buffer: &mut [u8], take: &mut impl FnMut(Inbound)) -> Result<(), Over> {
        self.full = false;
        self.send_rest()?;
        match (&self.stream).read(buffer) {
            Ok(0) => Err(Over),
            Ok(length) => self.take_in(&buffer[..length], take),
            Err(error) if passes(&error) => Ok(()),
            Err(_) => Err(Over),
        }
    }

    /// Sends from the front of `waiting` what is for this connection.
    ///
    /// # Errors
    /// When the other end is gone.
    pub fn send(&mut self, waiting: &mut VecDeque<Datagram>, run: &mut Vec<u8>) -> Result<Room, Over> {
        if self.connecting {
            self.wait_with(waiting.pop_front());
            return Ok(Room::Left);
        }
        if !self.full {
            self.send_rest()?;
        }
        if self.full {
            return Ok(self.no_room(waiting));
        }
        run.clear();
        let mut ends = vec![];
        for datagram in waiting.iter().take_while(|datagram| self.is_for(datagram)) {
            if run.len() >= MOST_RUN {
                break;
            }
            frames::put(&datagram.bytes, run);
            ends.push(run.len());
        }
        let written = self.write(run)?;
        // One that is half sent has to be sent on, whatever becomes of the others.
        let begun = ends.iter().take_while(|end| **end <= written).count();
        let sent_of = begun.checked_sub(1).map_or(0, |last| ends[last]);
        let half = usize::from(written > sent_of);
        if half > 0 {
            self.rest = run[written..ends[begun]].to_vec();
        }
        waiting.drain(..begun + half);
        match self.full {
            true => Ok(self.no_room(waiting)),
            false => Ok(Room::Left),
        }
    }

    fn is_for(&self, datagram: &Datagram) -> bool {
        datagram.protocol == Transport::Tcp && datagram.from == self.ours && datagram.to == self.theirs
    }

    /// What waits goes on waiting, unless what came last goes another way: then this one is not used any
    /// more, and does not hold up the other.
    fn no_room(&self, waiting: &mut VecDeque<Datagram>) -> Room {
        if waiting.back().is_none_or(|last| self.is_for(last)) {
            return Room::Full;
        }
        while waiting.front().is_some_and(|first| self.is_for(first)) {
            waiting.pop_front();
        }
        Room::Left
    }

    /// A check goes as soon as there is a connection. Those after it are as good as lost until then: they are
    /// made again, and must not hold up what goes another way.
    fn wait_with(&mut self, datagram: Option<Datagram>) {
        if let Some(datagram) = datagram.filter(|_| self.rest.is_empty()) {
            frames::put(&datagram.bytes, &mut self.rest);
        }
    }

    fn send_rest(&mut self) -> Result<(), Over> {
        if !self.rest.is_empty() {
            let rest = std::mem::take(&mut self.rest);
            let written = self.write(&rest)?;
            self.connecting &= written == 0;
            self.rest = rest[written..].to_vec();
        }
        Ok(())
    }

    /// Writes what there is room for, and sees whether that was all of it.
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Over> {
        let written = match (&self.stream).write(bytes) {
            Ok(written) => written,
            Err(error) if passes(&error) => 0,
            Err(_) => return Err(Over),
        };
        self.full = written < bytes.len();
        Ok(written)
    }

    fn take_in(&mut self, bytes: &[u8], take: &mut impl FnMut(Inbound)) -> Result<(), Over> {
        let (to, from, began) = (self.ours, self.theirs, &mut self.began);
        let mut is_ours = true;
        let read = self.frames.push(bytes, |bytes| {
            // A check of ICE comes before all else; whoever says something else means another service.
            *began |= Stun::read(&bytes).is_some();
            is_ours &= *began;
            if is_ours {
                take(Inbound { to, from, protocol: Transport::Tcp, bytes });
            }
        });
        read.map_err(|_| Over)?;
        is_ours.then_some(()).ok_or(Over)
    }
}

/// Whether it may go on after `error`.
fn passes(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
