//! A viewer without a browser: the WebRTC stack over a UDP socket of its own, driven by whoever holds it.
//!
//! Owns carrying datagrams between socket and stack. What is made of what comes is the holder's business.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;

use super::end::End;

pub struct Watcher {
    /// Does not block.
    pub socket: UdpSocket,
    /// When [`Watcher::settle`] should be called, whether something came or not.
    pub deadline: Option<Instant>,
    end: End,
}

impl Watcher {
    /// # Errors
    /// When the process may open no more sockets.
    pub fn new() -> std::io::Result<Watcher> {
        let now = Instant::now();
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_nonblocking(true)?;
        let mut end = End::new(now, socket.local_addr()?);
        end.stack.add_transceiver_from_kind(RtpCodecKind::Video, None).expect("a viewer may ask for video");
        Ok(Watcher { socket, deadline: Some(now), end })
    }

    pub fn offer(&mut self) -> String {
        self.end.offer(Instant::now())
    }

    pub fn accept(&mut self, answer: &str) {
        self.end.accept(Instant::now(), answer);
    }

    pub fn is_due(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }

    /// Gives the stack a datagram that came.
    pub fn feed(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) {
        self.end.receive(now, from, bytes);
    }

    /// Does what is due and sends what is ready.
    pub fn settle(&mut self, now: Instant) {
        let Watcher { end, socket, .. } = self;
        // Addresses beyond loopback cannot be tried from here.
        let send = |to, bytes: bytes::BytesMut| drop(socket.send_to(&bytes, to));
        end.turn(now, send, |_| (), |_| ());
        self.deadline = self.end.deadline();
    }

    /// Says goodbye.
    pub fn leave(&mut self) {
        self.end.leave();
        self.settle(Instant::now());
    }
}

/// Waits until something comes at one of `sockets`, at most `most`; says at which.
pub fn wait(sockets: &[&UdpSocket], most: Duration) -> Vec<bool> {
    use std::os::fd::AsRawFd;
    let mut polled: Vec<libc::pollfd> = sockets
        .iter()
        .map(|socket| libc::pollfd { fd: socket.as_raw_fd(), events: libc::POLLIN, revents: 0 })
        .collect();
    let milliseconds = libc::c_int::try_from(most.as_millis()).unwrap_or(libc::c_int::MAX);
    // SAFETY: `polled` holds as many entries as we say and outlives the call.
    unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, milliseconds) };
    polled.iter().map(|one| one.revents != 0).collect()
}

/// Whether a datagram is of the media itself, rather than about it (RFC 7983, RFC 5761 §4).
pub fn is_media(bytes: &[u8]) -> bool {
    matches!(bytes, [128..=191, second, ..] if !(192..=223).contains(second))
}
