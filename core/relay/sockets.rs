//! The sockets that carry all viewers' media: one port of UDP, IPv4 and IPv6, and TCP beside it.
//!
//! Owns binding, reading in batches and sending runs of datagrams in one segmented call, with a
//! fall-back to single ones where the network card cannot. TCP is `tcp`'s. Nothing here waits.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Instant;

use bytes::BytesMut;
use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Type};

use super::early::Inbound;
use super::fanout::{Room, Wire};
use super::far::{Far, Transport};
use super::here::Here;
use super::peer::Datagram;
use super::tcp::Tcp;
use super::waiting::Interest;

/// Reads in one call. Each buffer may hold many datagrams that the kernel has joined.
const BATCH: usize = 8;
const BUFFER: usize = 65_536;
/// One segmented send may not be longer than a UDP datagram could be.
const MOST_RUN_BYTES: usize = 60_000;
/// Asked of the kernel, which may give less: a keyframe for many viewers at once.
const SEND_BUFFER: usize = 4 << 20;
const RECEIVE_BUFFER: usize = 1 << 20;
/// Tries for a free port that is free for both families.
const MOST_TRIES: usize = 16;

/// The network could not be opened.
#[derive(Debug)]
pub struct OpenError {
    pub message: String,
    source: io::Error,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.message, self.source)
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl OpenError {
    pub fn new(message: impl Into<String>, source: io::Error) -> OpenError {
        OpenError { message: message.into(), source }
    }
}

struct Socket {
    udp: UdpSocket,
    state: UdpSocketState,
    /// The address it was to be bound to, with the port that it is.
    asked: SocketAddr,
    bound: SocketAddr,
    /// Where only this machine is heard.
    here: Option<Here>,
    /// It took no more when last tried; waited for, and tried again in the next turn.
    full: bool,
}

pub struct Sockets {
    sockets: Vec<Socket>,
    tcp: Tcp,
    buffers: Vec<Vec<u8>>,
    run: Vec<u8>,
}

impl Sockets {
    /// Binds `port` (0: any free one) on `listen`. An address that stands for all of this machine
    /// is bound for both families, as far as the machine has them; for TCP too, if `tcp` says so. With a
    /// loopback address, UDP is taken in at all addresses of its family, from this machine alone ([`here`]).
    ///
    /// [`here`]: super::here
    ///
    /// # Errors
    /// When the port is taken or may not be used.
    pub fn open(listen: IpAddr, port: u16, tcp: bool) -> Result<Sockets, OpenError> {
        let all = listen.is_unspecified();
        let families: Vec<IpAddr> = match all {
            true => vec![Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()],
            false => vec![listen],
        };
        let mut tries = 0;
        let (sockets, tcp) = loop {
            tries += 1;
            match bind_both(&families, SocketAddr::new(listen, port), tcp) {
                // A free port of one family may be taken in the other, or of TCP.
                Err(error)
                    if port == 0 && error.source.kind() == io::ErrorKind::AddrInUse && tries < MOST_TRIES => {
                }
                bound => break bound?,
            }
        };
        Ok(Sockets { sockets, tcp, buffers: vec![vec![0; BUFFER]; BATCH], run: Vec::with_capacity(BUFFER) })
    }

    /// Where the sockets are bound; an address may stand for all of the machine's.
    pub fn bound(&self) -> Vec<SocketAddr> {
        self.sockets.iter().map(|socket| socket.bound).collect()
    }

    /// What to wait for: a socket that is full is waited for by itself, whatever the others have room for.
    pub fn interests(&self) -> Vec<(RawFd, Interest)> {
        let interest = |socket: &Socket| match socket.full {
            true => Interest::ReadAndWrite,
            false => Interest::Read,
        };
        let udp = self.sockets.iter().map(|socket| (socket.udp.as_raw_fd(), interest(socket)));
        udp.chain(self.tcp.interests()).collect()
    }

    /// When [`admit`](Sockets::admit) should be called, whether anything is ready or not.
    pub fn deadline(&self) -> Option<Instant> {
        self.tcp.deadline()
    }

    /// Takes in TCP connections, and closes those that belong to nobody by `knows`.
    pub fn admit(&mut self, now: Instant, ready: &[RawFd], knows: impl Fn(Far) -> bool) {
        self.tcp.admit(now, ready, knows);
    }

    /// How many TCP connections there are.
    pub fn connections(&self) -> usize {
        self.tcp.connections()
    }

    /// Other ends of TCP connections that were lost since the last call.
    pub fn lost(&mut self) -> Vec<Far> {
        self.tcp.lost()
    }

    /// Takes in one batch from each socket; reading one of UDP that has nothing costs little.
    pub fn receive(&mut self, ready: &[RawFd], mut take: impl FnMut(Inbound)) {
        let Sockets { sockets, tcp, buffers, .. } = self;
        tcp.receive(ready, &mut take);
        for socket in sockets {
            socket.full = false;
            let mut metas = [RecvMeta::default(); BATCH];
            let mut slices: Vec<IoSliceMut<'_>> =
                buffers.iter_mut().map(|buffer| IoSliceMut::new(buffer)).collect();
            // Nothing to read, or an ICMP error about a viewer that has gone: both pass.
            let Ok(count) = socket.state.recv(UdpSockRef::from(&socket.udp), &mut slices, &mut metas) else {
                continue;
            };
            for (meta, buffer) in metas.iter().zip(buffers.iter()).take(count) {
                if socket.here.as_mut().is_some_and(|here| !here.is(meta.addr.ip())) {
                    continue;
                }
                let ip = meta.dst_ip.filter(|_| socket.bound.ip().is_unspecified());
                let to = SocketAddr::new(ip.unwrap_or(socket.bound.ip()), socket.bound.port());
                for bytes in buffer[..meta.len].chunks(meta.stride.max(1)) {
                    let (from, bytes) = (meta.addr, BytesMut::from(bytes));
                    take(Inbound { to, from, protocol: Transport::Udp, bytes });
                }
            }
        }
    }
}

impl Wire for Sockets {
    fn send(&mut self, waiting: &mut VecDeque<Datagram>) -> Room {
        let Sockets { sockets, tcp, run, .. } = self;
        while let Some(first) = waiting.front() {
            if first.protocol == Transport::Tcp {
                match tcp.send(waiting, run) {
                    Room::Left => continue,
                    Room::Full => return Room::Full,
                }
            }
            let Some(socket) = sockets.iter_mut().find(|socket| socket.sends_from(first.from)) else {
                waiting.pop_front();
                continue;
            };
            if socket.full {
                return Room::Full;
            }
            let most = socket.state.max_gso_segments();
            let count = run_length(waiting, most);
            match socket.send(waiting, count, run) {
                Ok(()) => drop(waiting.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    socket.full = true;
                    return Room::Full;
                }
                // The first failure of a segmented send turns segmenting off for the socket: once
                // more, one at a time.
                Err(_) if count > 1 && socket.state.max_gso_segments() == 1 => {}
                // Unreachable, filtered, too long: as good as lost on the way.
                Err(_) => drop(waiting.drain(..count)),
            }
        }
        Room::Left
    }
}

impl Socket {
    fn sends_from(&self, from: SocketAddr) -> bool {
        let bound = self.bound.ip();
        bound == from.ip() || bound.is_unspecified() && bound.is_ipv4() == from.is_ipv4()
    }

    fn send(&self, waiting: &VecDeque<Datagram>, count: usize, run: &mut Vec<u8>) -> io::Result<()> {
        let first = &waiting[0];
        run.clear();
        waiting.iter().take(count).for_each(|datagram| run.extend_from_slice(&datagram.bytes));
        let transmit = Transmit {
            destination: first.to,
            ecn: None,
            contents: run,
            segment_size: (count > 1).then_some(first.bytes.len()),
            src_ip: self.bound.ip().is_unspecified().then_some(first.from.ip()),
        };
        self.state.try_send(UdpSockRef::from(&self.udp), &transmit)
    }
}

/// How many datagrams from the front can leave in one segmented send: same ends, same length, and
/// at the end perhaps one that is shorter.
fn run_length(waiting: &VecDeque<Datagram>, most: usize) -> usize {
    let first = &waiting[0];
    let length = first.bytes.len();
    let most = most.min(MOST_RUN_BYTES / length.max(1)).max(1);
    let mut count = 1;
    while let Some(next) = waiting.get(count).filter(|_| count < most) {
        if next.far() != first.far()
            || next.from != first.from
            || next.bytes.len() > length
            || next.bytes.is_empty()
        {
            break;
        }
        count += 1;
        if next.bytes.len() < length {
            break;
        }
    }
    count
}

fn bind_both(families: &[IpAddr], place: SocketAddr, tcp: bool) -> Result<(Vec<Socket>, Tcp), OpenError> {
    let fault =
        |what: String| move |error| OpenError::new(format!("cannot receive viewers' media on {what}"), error);
    let sockets = bind_all(families, place.port())
        .map_err(fault(format!("UDP {place}; set server.udp_port to a free port")))?;
    let beside: Vec<SocketAddr> = sockets.iter().filter(|_| tcp).map(|socket| socket.asked).collect();
    let hint = "set server.udp_port to a port that is free for both, or server.tcp to false";
    let tcp = Tcp::listen(&beside).map_err(fault(format!("TCP {place}; {hint}")))?;
    Ok((sockets, tcp))
}

fn bind_all(families: &[IpAddr], port: u16) -> io::Result<Vec<Socket>> {
    let mut sockets: Vec<Socket> = vec![];
    for ip in families {
        let port = sockets.first().map_or(port, |first| first.bound.port());
        match bind(SocketAddr::new(*ip, port)) {
            Ok(socket) => sockets.push(socket),
            // A machine without IPv6 is served by IPv4 alone.
            Err(error) if !sockets.is_empty() && error.kind() != io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(error),
        }
    }
    Ok(sockets)
}

fn bind(address: SocketAddr) -> io::Result<Socket> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    let here = address.ip().is_loopback().then(Here::new);
    let ip = match address.ip() {
        IpAddr::V4(_) if here.is_some() => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) if here.is_some() => Ipv6Addr::UNSPECIFIED.into(),
        ip => ip,
    };
    socket.bind(&SocketAddr::new(ip, address.port()).into())?;
    let udp = UdpSocket::from(socket);
    let state = UdpSocketState::new(UdpSockRef::from(&udp))?;
    // A smaller buffer is not a fault: a full socket is met by dropping to the next keyframe.
    let _ = state.set_send_buffer_size(UdpSockRef::from(&udp), SEND_BUFFER);
    let _ = state.set_recv_buffer_size(UdpSockRef::from(&udp), RECEIVE_BUFFER);
    let bound = udp.local_addr()?;
    let asked = SocketAddr::new(address.ip(), bound.port());
    Ok(Socket { udp, state, asked, bound, here, full: false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::addresses::{interfaces, reach};
    use std::time::Duration;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn datagram(to: u16, length: usize) -> Datagram {
        let from = SocketAddr::from(([127, 0, 0, 1], 1));
        let to = SocketAddr::from(([127, 0, 0, 1], to));
        Datagram { from, to, protocol: Transport::Udp, bytes: BytesMut::from(&vec![7; length][..]) }
    }

    #[test]
    fn a_run_has_one_destination_one_length_and_may_end_shorter() {
        let run = |lengths: &[(u16, usize)], most| {
            run_length(&lengths.iter().map(|&(to, length)| datagram(to, length)).collect(), most)
        };
        assert_eq!(run(&[(5, 100), (5, 100), (5, 40), (5, 40)], 64), 3);
        assert_eq!(run(&[(5, 100), (6, 100)], 64), 1);
        assert_eq!(run(&[(5, 100), (5, 101)], 64), 1);
        assert_eq!(run(&[(5, 100); 9], 4), 4);
        assert_eq!(run(&[(5, 100); 9], 1), 1);
    }

    #[test]
    fn what_is_sent_in_runs_arrives_one_by_one() {
        let mut sockets = Sockets::open(Ipv4Addr::LOCALHOST.into(), 0, false).unwrap();
        let ours = sockets.bound()[0];
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = receiver.local_addr().unwrap();
        let lengths = [900, 900, 900, 300, 900, 20];
        let mut waiting: VecDeque<Datagram> =
            lengths.iter().map(|&length| Datagram { from: ours, to, ..datagram(1, length) }).collect();
        assert_eq!(sockets.send(&mut waiting), Room::Left);
        assert!(waiting.is_empty());
        let mut buffer = [0; 2000];
        for length in lengths {
            assert_eq!(receiver.recv(&mut buffer).unwrap(), length);
        }
    }

    #[test]
    fn both_families_share_the_port() {
        let sockets = Sockets::open(Ipv4Addr::UNSPECIFIED.into(), 0, true).unwrap();
        let bound = sockets.bound();
        assert!(bound.iter().all(|address| address.port() == bound[0].port()));
    }

    #[test]
    fn at_loopback_this_machine_is_heard_at_all_its_addresses() {
        let mut sockets = Sockets::open(Ipv4Addr::LOCALHOST.into(), 0, true).unwrap();
        let sender = UdpSocket::bind("0.0.0.0:0").unwrap();
        let port = sockets.bound()[0].port();
        for own in interfaces().map(|(_, ip)| SocketAddr::new(ip, port)).filter(SocketAddr::is_ipv4) {
            sender.send_to(own.to_string().as_bytes(), own).unwrap();
            let mut heard = vec![];
            let until = Instant::now() + PATIENCE;
            while heard.is_empty() {
                assert!(Instant::now() < until, "nothing is heard at {own}");
                sockets.receive(&[], |inbound| heard.push((inbound.to, inbound.bytes)));
            }
            assert_eq!(heard, [(own, own.to_string().as_bytes().into())]);
        }
    }

    #[test]
    fn at_loopback_nobody_else_is_heard() {
        let mut sockets = Sockets::open(Ipv4Addr::LOCALHOST.into(), 0, false).unwrap();
        sockets.sockets[0].here = Some(Here::alone());
        // From each of this machine's addresses, all but one of which count as another machine's now.
        let own = reach(&sockets.bound(), &[], &[]).own;
        for from in own.iter().rev() {
            let sender = UdpSocket::bind((from.ip(), 0)).unwrap();
            sender.send_to(from.to_string().as_bytes(), *from).unwrap();
        }
        let last = UdpSocket::bind("127.0.0.1:0").unwrap();
        last.send_to(b"last", sockets.bound()[0]).unwrap();
        let mut heard: Vec<BytesMut> = vec![];
        let until = Instant::now() + PATIENCE;
        while heard.last().is_none_or(|last| &last[..] != b"last") {
            assert!(Instant::now() < until, "{heard:?}");
            sockets.receive(&[], |inbound| heard.push(inbound.bytes));
        }
        let loopback = own.iter().find(|own| own.ip().is_loopback()).unwrap();
        assert_eq!(heard, [loopback.to_string().as_bytes().into(), BytesMut::from(&b"last"[..])]);
    }

    #[test]
    fn a_taken_port_is_told_by_name() {
        let first = Sockets::open(Ipv4Addr::LOCALHOST.into(), 0, false).unwrap();
        let port = first.bound()[0].port();
        let error = Sockets::open(Ipv4Addr::LOCALHOST.into(), port, false).err().unwrap().to_string();
        assert!(error.contains(&format!("127.0.0.1:{port}")) && error.contains("server.udp_port"), "{error}");
    }
}
