//! The other end of a connection, as tests set it up: the WebRTC stack with what a browser offers.
//!
//! Owns offers, answers and restarts of ICE. It is sans-IO: whoever holds it carries its datagrams, on
//! whatever clock, says what it watches or sends, and makes what it will of what comes. It knows nothing of
//! the relay: the larger tests set up their viewers with it too.

use std::net::SocketAddr;
use std::time::Instant;

use bytes::BytesMut;
use rtc::ice::mdns::MulticastDnsMode;
use rtc::interceptor::{NackResponderBuilder, Registry, Slot};
use rtc::peer_connection::configuration::interceptor_registry::{configure_nack, configure_rtcp_reports};
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_H264, MIME_TYPE_RTX, MediaEngine};
use rtc::peer_connection::configuration::setting_engine::SettingEngineBuilder;
use rtc::peer_connection::event::RTCPeerConnectionEvent;
use rtc::peer_connection::message::{RTCMessage, TaggedRTCMessage};
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::peer_connection::transport::RTCIceCandidateInit;
use rtc::peer_connection::{RTCPeerConnection, RTCPeerConnectionBuilder};
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpHeaderExtensionCapability, RtpCodecKind,
};
use rtc::sansio::Protocol;
use rtc::shared::{TaggedBytesMut, TransportContext, TransportProtocol};

/// The payload type of its H.264; the next repairs it.
pub const PAYLOAD_TYPE: u8 = 102;
pub const FORMAT: &str = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f";
const CAPTURE_TIME: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time";

pub struct End {
    pub address: SocketAddr,
    /// What it is reached by, and reaches others by.
    pub protocol: TransportProtocol,
    pub stack: RTCPeerConnection,
    /// What it accepted last.
    answer: String,
}

impl End {
    pub fn new(now: Instant, address: SocketAddr) -> End {
        let mut media = media();
        // Only for what it puts into the offer: the stack's own asks again for what RTX has brought.
        drop(configure_nack(Registry::new(), &mut media));
        let again = NackResponderBuilder::new().build();
        let registry = configure_rtcp_reports(Registry::new().with(Slot::NackResponder, again));
        let settings = SettingEngineBuilder::new()
            .with_multicast_dns_mode(MulticastDnsMode::Disabled)
            .with_discard_local_candidates_during_ice_restart(true)
            .build();
        let stack = RTCPeerConnectionBuilder::new()
            .with_media_engine(media)
            .with_interceptor_registry(registry)
            .with_setting_engine(settings)
            .build(now)
            .expect("these settings agree with each other");
        End { address, protocol: TransportProtocol::UDP, stack, answer: String::new() }
    }

    /// Posted before gathering, as browsers that hide their addresses may do: the other has to find it by
    /// its checks.
    pub fn offer(&mut self, now: Instant) -> String {
        let offer = self.stack.create_offer(None).expect("it has something to offer");
        self.stack.set_local_description(now, offer).expect("its own offer suits it");
        self.gather();
        let sdp = self.stack.local_description().expect("one was just set").sdp;
        sdp.lines()
            .filter(|line| !line.starts_with("a=candidate"))
            .map(|line| format!("{line}\r\n"))
            .collect()
    }

    /// As a server that is published to: answers `offer`.
    pub fn answer(&mut self, now: Instant, offer: &str) -> String {
        let offer = RTCSessionDescription::offer(offer.to_owned()).expect("an offer is SDP");
        self.stack.set_remote_description(now, offer).expect("the offer suits it");
        self.gather();
        let answer = self.stack.create_answer(None).expect("there is an offer");
        self.stack.set_local_description(now, answer).expect("its own answer suits it");
        self.stack.local_description().expect("one was just set").sdp
    }

    pub fn accept(&mut self, now: Instant, answer: &str) {
        answer.clone_into(&mut self.answer);
        let answer = RTCSessionDescription::answer(answer.to_owned()).expect("an answer is SDP");
        self.stack.set_remote_description(now, answer).expect("the answer fits the offer");
    }

    /// Changes to another network: gives the fragment that restarts ICE from `address`.
    pub fn roam(&mut self, now: Instant, address: SocketAddr) -> String {
        self.address = address;
        self.stack.restart_ice();
        let offer = self.offer(now);
        let is_told =
            |line: &&str| ["a=ice-ufrag:", "a=ice-pwd:", "a=mid:"].iter().any(|key| line.starts_with(key));
        let mut lines: Vec<&str> = offer.lines().filter(is_told).collect();
        lines.truncate(3);
        lines.iter().map(|line| format!("{line}\r\n")).collect()
    }

    /// Takes the answer to a restart, as a browser would: the first answer with what is new.
    pub fn arrive(&mut self, now: Instant, fragment: &str) {
        let new = |key: &str| {
            let line = fragment.lines().find(|line| line.starts_with(key));
            line.unwrap_or_else(|| panic!("{key} in {fragment}")).to_owned()
        };
        let candidates = fragment.lines().filter(|line| line.starts_with("a=candidate"));
        let candidates: String = candidates.map(|line| format!("\r\n{line}")).collect();
        let renewed = |line: &str| match line {
            line if line.starts_with("a=ice-ufrag:") => new("a=ice-ufrag:"),
            line if line.starts_with("a=ice-pwd:") => new("a=ice-pwd:") + &candidates,
            line => line.to_owned(),
        };
        let old = self.answer.clone();
        let old = old.lines().filter(|line| !line.starts_with("a=candidate"));
        let answer: String = old.map(|line| renewed(line) + "\r\n").collect();
        self.accept(now, &answer);
    }

    /// Takes a datagram that came to it.
    pub fn receive(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) {
        let transport = TransportContext {
            local_addr: self.address,
            peer_addr: from,
            transport_protocol: self.protocol,
            ecn: None,
        };
        let message = BytesMut::from(bytes);
        self.stack.handle_read(TaggedBytesMut { now, transport, message }).expect("the stack takes anything");
    }

    /// When it wants its next [`turn`](End::turn), whether something came or not.
    pub fn deadline(&mut self) -> Option<Instant> {
        self.stack.poll_timeout()
    }

    /// Does what is due. What it has to send goes to `send`, with its destination, what was said or sent to it
    /// to `keep`, and what has become of the connection to `happened`.
    pub fn turn(
        &mut self,
        now: Instant,
        mut send: impl FnMut(SocketAddr, BytesMut),
        mut keep: impl FnMut(RTCMessage),
        mut happened: impl FnMut(RTCPeerConnectionEvent),
    ) {
        if self.deadline().is_some_and(|at| at <= now) {
            // A handshake that nobody answers ends with an error; checks of ICE are made all the same.
            let _ = self.stack.handle_timeout(now);
        }
        loop {
            self.datagrams(&mut send);
            while let Some(TaggedRTCMessage { message, .. }) = self.stack.poll_read() {
                keep(message);
            }
            let Some(event) = self.stack.poll_event() else { break };
            happened(event);
        }
        self.datagrams(&mut send);
    }

    /// Says goodbye; what says it goes to `send` with the next turn.
    pub fn leave(&mut self) {
        self.stack.close().expect("a connection can be closed");
    }

    fn gather(&mut self) {
        let (ip, port) = (self.address.ip(), self.address.port());
        let candidate = match self.protocol {
            TransportProtocol::TCP => format!("candidate:1 1 tcp 2128609279 {ip} 9 typ host tcptype active"),
            _ => format!("candidate:1 1 udp 2130706431 {ip} {port} typ host"),
        };
        let candidate = RTCIceCandidateInit { candidate, ..Default::default() };
        self.stack.add_local_candidate(candidate).expect("a candidate of its own suits it");
    }

    fn datagrams(&mut self, send: &mut impl FnMut(SocketAddr, BytesMut)) {
        while let Some(out) = self.stack.poll_write() {
            send(out.transport.peer_addr, out.message);
        }
    }
}

fn media() -> MediaEngine {
    let mut media = MediaEngine::default();
    let repair = format!("apt={PAYLOAD_TYPE}");
    for (mime, payload_type, format) in
        [(MIME_TYPE_H264, PAYLOAD_TYPE, FORMAT), (MIME_TYPE_RTX, PAYLOAD_TYPE + 1, &repair)]
    {
        let rtp_codec = RTCRtpCodec {
            mime_type: mime.to_owned(),
            clock_rate: 90_000,
            sdp_fmtp_line: format.to_owned(),
            ..Default::default()
        };
        let codec = RTCRtpCodecParameters { rtp_codec, payload_type };
        media.register_codec(codec, RtpCodecKind::Video).expect("these codecs are well-formed");
    }
    let capture_time = RTCRtpHeaderExtensionCapability { uri: CAPTURE_TIME.to_owned() };
    media
        .register_header_extension(capture_time, RtpCodecKind::Video, None)
        .expect("an extension is well-formed");
    media
}
