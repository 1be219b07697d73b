//! A viewer without a browser: the WebRTC stack over a UDP socket of its own, driven by whoever holds it.
//!
//! Owns the offer, and carrying datagrams between socket and stack. What is made of what comes is the
//! holder's business.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc::ice::mdns::MulticastDnsMode;
use rtc::interceptor::Registry;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_H264, MIME_TYPE_RTX, MediaEngine};
use rtc::peer_connection::configuration::setting_engine::SettingEngineBuilder;
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::peer_connection::transport::RTCIceCandidateInit;
use rtc::peer_connection::{RTCPeerConnection, RTCPeerConnectionBuilder};
use rtc::rtp_transceiver::rtp_sender::{RTCRtpCodec, RTCRtpCodecParameters, RtpCodecKind};
use rtc::sansio::Protocol;
use rtc::shared::{TaggedBytesMut, TransportContext, TransportProtocol};

pub struct Watcher {
    /// Does not block.
    pub socket: UdpSocket,
    /// When [`Watcher::settle`] should be called, whether something came or not.
    pub deadline: Option<Instant>,
    address: SocketAddr,
    stack: RTCPeerConnection,
}

impl Watcher {
    /// # Errors
    /// When the process may open no more sockets.
    pub fn new() -> std::io::Result<Watcher> {
        let now = Instant::now();
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        Ok(Watcher { socket, address, stack: stack(now), deadline: Some(now) })
    }

    pub fn offer(&mut self) -> String {
        let offer = self.stack.create_offer(None).expect("a viewer can offer");
        self.stack.set_local_description(Instant::now(), offer).expect("its own offer suits it");
        let candidate =
            format!("candidate:1 1 udp 2130706431 {} {} typ host", self.address.ip(), self.address.port());
        let candidate = RTCIceCandidateInit { candidate, ..Default::default() };
        self.stack.add_local_candidate(candidate).expect("a candidate of its own suits it");
        self.stack.local_description().expect("one was just set").sdp
    }

    pub fn accept(&mut self, answer: String) {
        let answer = RTCSessionDescription::answer(answer).expect("the server writes SDP");
        self.stack.set_remote_description(Instant::now(), answer).expect("its answer fits our offer");
    }

    pub fn is_due(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= now)
    }

    /// Gives the stack a datagram that came.
    pub fn feed(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) {
        let transport = TransportContext {
            local_addr: self.address,
            peer_addr: from,
            transport_protocol: TransportProtocol::UDP,
            ecn: None,
        };
        let message = BytesMut::from(bytes);
        self.stack.handle_read(TaggedBytesMut { now, transport, message }).expect("the stack takes anything");
    }

    /// Does what is due and sends what is ready.
    pub fn settle(&mut self, now: Instant) {
        if self.stack.poll_timeout().is_some_and(|at| at <= now) {
            self.stack.handle_timeout(now).expect("time may pass");
        }
        loop {
            self.send();
            while self.stack.poll_read().is_some() {}
            if self.stack.poll_event().is_none() {
                break;
            }
        }
        self.send();
        self.deadline = self.stack.poll_timeout();
    }

    /// Says goodbye.
    pub fn leave(&mut self) {
        self.stack.close().expect("a connection can be closed");
        self.send();
    }

    fn send(&mut self) {
        while let Some(out) = self.stack.poll_write() {
            // Addresses beyond loopback cannot be tried from here.
            let _ = self.socket.send_to(&out.message, out.transport.peer_addr);
        }
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

fn stack(now: Instant) -> RTCPeerConnection {
    let mut media = MediaEngine::default();
    for (mime, payload_type, fmtp) in [
        (MIME_TYPE_H264, 102, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"),
        (MIME_TYPE_RTX, 103, "apt=102"),
    ] {
        let rtp_codec = RTCRtpCodec {
            mime_type: mime.to_owned(),
            clock_rate: 90_000,
            sdp_fmtp_line: fmtp.to_owned(),
            ..Default::default()
        };
        let codec = RTCRtpCodecParameters { rtp_codec, payload_type };
        media.register_codec(codec, RtpCodecKind::Video).expect("these codecs are well-formed");
    }
    let settings = SettingEngineBuilder::new().with_multicast_dns_mode(MulticastDnsMode::Disabled).build();
    let mut stack = RTCPeerConnectionBuilder::new()
        .with_media_engine(media)
        .with_interceptor_registry(Registry::new())
        .with_setting_engine(settings)
        .build(now)
        .expect("these settings agree with each other");
    stack.add_transceiver_from_kind(RtpCodecKind::Video, None).expect("a viewer may ask for video");
    stack
}
